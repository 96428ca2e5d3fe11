"""Counters in every cache of Django, and in Redis."""

from functools import partial

import pytest
import time_machine
from django.core.cache import cache
from django.core.management import call_command

from django_jwtauth.throttling import counters
from django_jwtauth.throttling.counters import Counter
from tests.racing import race

BACKENDS = {
    "local memory": "locmem.LocMemCache",
    "files": "filebased.FileBasedCache",
    "database": "db.DatabaseCache",
}
HOUR, DAY = Counter("hour", 3600), Counter("day", 86_400)


@pytest.fixture(params=[*BACKENDS, "redis"])
def any_cache(request, db, settings, tmp_path):
    if request.param == "redis":
        return request.getfixturevalue("redis_cache")
    location = "jwtauth_counters" if request.param == "database" else str(tmp_path)
    backend = f"django.core.cache.backends.{BACKENDS[request.param]}"
    settings.CACHES = {"default": {"BACKEND": backend, "LOCATION": location}}
    if request.param == "database":
        call_command("createcachetable")
    return None


def test_counters_are_read_and_changed_together(any_cache):
    """In the order in which they are given; each begins with the first increase."""
    assert counters.read([HOUR, DAY]) == [0, 0]
    assert counters.increase([HOUR, DAY]) == [1, 1]
    assert counters.increase([DAY]) == [2]
    counters.decrease([HOUR, DAY])

    assert counters.read([DAY, HOUR]) == [1, 0]


def test_what_the_cache_has_dropped_has_nothing_to_be_subtracted_from(any_cache, caplog):
    """It never goes below zero, which would be room for another guess; and it is no fault."""
    counters.increase([HOUR, DAY])
    cache.delete("hour")
    counters.decrease([HOUR, DAY])

    assert counters.read([HOUR, DAY]) == [0, 0]
    assert counters.increase([HOUR, DAY]) == [1, 1]
    assert not caplog.records


@pytest.mark.parametrize("change", [counters.increase, counters.decrease])
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_counter_is_kept_for_its_interval(request, db, settings, tmp_path, backend, change):
    """Not for the cache's own TIMEOUT: else a guesser would wait for five minutes, not an hour."""
    settings.CACHES = {
        "default": {
            "BACKEND": f"django.core.cache.backends.{BACKENDS[backend]}",
            "LOCATION": "jwtauth_counters" if backend == "database" else str(tmp_path),
        }
    }
    if backend == "database":
        call_command("createcachetable")
    with time_machine.travel(1_800_000_000, tick=False) as clock:
        for _ in range(3):
            counters.increase([HOUR])
        change([HOUR])
        expected = counters.read([HOUR])
        clock.shift(3500)
        assert counters.read([HOUR]) == expected
        clock.shift(200)
        assert counters.read([HOUR]) == [0]


def test_redis_keeps_a_counter_for_its_interval(redis_cache):
    """Also one that it had dropped: no counter stays for ever, and none begins anew too early."""
    counters.increase([HOUR])
    counters.increase([HOUR])
    counters.decrease([DAY])
    client = cache._cache.get_client(None)

    left = [client.ttl(cache.make_key(counter.key)) for counter in (HOUR, DAY)]
    assert 3590 <= left[0] <= 3600
    assert 86_390 <= left[1] <= 86_400


@pytest.mark.parametrize("where", ["local memory", "redis"])
def test_increases_that_meet_all_count(request, db, where):
    """Twelve threads, and each gets a number of its own."""
    if where == "redis":
        request.getfixturevalue("redis_cache")

    counts = race([partial(counters.increase, [HOUR, DAY])] * 12)

    assert sorted(counts) == [[number, number] for number in range(1, 13)]


def test_the_dummy_cache_keeps_nothing(settings, caplog):
    """Every count begins anew, and a decrease is no error."""
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}

    assert counters.increase([HOUR]) == [1]
    counters.decrease([HOUR])
    assert counters.read([HOUR]) == [0]
    assert not caplog.records
