"""A cache of verified access tokens in this process, so that a signature is checked once.

It contains claims, never whether a token was revoked. Two generations of entries limit its size:
when the newer is full, it becomes the older, and the previous older one is discarded.
"""

from typing import Any, NamedTuple

from ..conf import Tenancy


class Verified(NamedTuple):
    """The result for one token, which is valid only in the same tenancy and with the same keys.

    ``url``: where the keys in ``ring`` were fetched, or None for the tenancy's own.
    ``claims`` is None if they contain lists or dicts, which a caller could change; then the
    payload is read again.
    """

    tenancy: Tenancy
    url: str | None
    ring: Any
    payload: bytes
    claims: dict[str, Any] | None


class VerifiedTokens:
    """A bounded map from token to :class:`Verified`.

    Thread-safe: a lost race costs another verification, but never gives a wrong answer.
    """

    def __init__(self) -> None:
        self._newer: dict[Any, Verified] = {}
        self._older: dict[Any, Verified] = {}

    def get(self, key: Any) -> Verified | None:
        return self._newer.get(key) or self._older.get(key)

    def put(self, key: Any, verified: Verified, size: int) -> None:
        """Store a result. At most ``size`` entries are kept, and none if ``size`` is below 2."""
        if size < 2:
            return
        if len(self._newer) >= size // 2:
            self._older, self._newer = self._newer, {}
        self._newer[key] = verified
