"""Counters in Django's cache: several are read, or changed, at once.

In Redis, each takes one round trip. Other caches are asked for one counter after the other, as
Django has no call that changes several.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from django.core.cache import caches
from django.core.cache.backends.base import BaseCache
from django.core.cache.backends.redis import RedisCache

from ..conf import get_settings


class Counter(NamedTuple):
    """The key of a counter, and for how many seconds it is kept once it has begun."""

    key: str
    seconds: int


def read(counters: Sequence[Counter]) -> list[int]:
    """Return the counts; raises whatever the cache raises."""
    cache = _cache()
    keys = [counter.key for counter in counters]
    if isinstance(cache, RedisCache):
        found = _client(cache).mget([cache.make_and_validate_key(key) for key in keys])
        return [int(count or 0) for count in found]
    counts = cache.get_many(keys)
    return [int(counts.get(key, 0)) for key in keys]


def increase(counters: Sequence[Counter]) -> list[int]:
    """Add one to each counter, which is atomic, and return the counts with it."""
    cache = _cache()
    if isinstance(cache, RedisCache):
        return _change(cache, counters, 1)
    return [_increase(cache, counter) for counter in counters]


def decrease(counters: Sequence[Counter]) -> None:
    """Subtract one from each counter that there still is."""
    cache = _cache()
    if isinstance(cache, RedisCache):
        _change(cache, counters, -1)
        return
    for counter in counters:
        try:
            _add(cache, counter, -1)
        except ValueError:
            # Its interval has ended, or the cache has dropped it.
            continue


def _increase(cache: BaseCache, counter: Counter) -> int:
    try:
        return _add(cache, counter, 1)
    except ValueError:
        # There is no such key. Another process may add it at the same time.
        first = cache.add(counter.key, 1, timeout=counter.seconds)
        return 1 if first else _add(cache, counter, 1)


def _add(cache: BaseCache, counter: Counter, by: int) -> int:
    """Return the count with ``by``; raises ``ValueError`` if there is no such key."""
    count = int(cache.incr(counter.key, by))
    if type(cache).incr is BaseCache.incr:
        # It would be kept for the cache's own TIMEOUT, which may be shorter than the interval.
        cache.touch(counter.key, counter.seconds)
    return count


def _change(cache: RedisCache, counters: Sequence[Counter], by: int) -> list[int]:
    pipeline = _client(cache).pipeline(transaction=False)
    for counter in counters:
        key = cache.make_and_validate_key(counter.key)
        # A counter that there is not has nothing to be subtracted from: it becomes 0.
        pipeline.set(key, max(0, -by), ex=counter.seconds, nx=True)
        pipeline.incrby(key, by)
    return [int(count) for count in pipeline.execute()[1::2]]


def _client(cache: RedisCache) -> Any:
    """Return the client of redis-py behind the cache, connected to the server that is written."""
    return cache._cache.get_client(None, write=True)


def _cache() -> BaseCache:
    return caches[get_settings().THROTTLES.CACHE]
