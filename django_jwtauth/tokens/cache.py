"""Access tokens verified before, in this process: a signature is checked once.

Holds claims, never whether a token was revoked. Bounded by two generations of entries:
when the newer is full it becomes the older, and what was the older is forgotten.
"""

from typing import Any, NamedTuple

from ..conf import Tenancy


class Verified(NamedTuple):
    """What is known of one token, good only in the same tenancy and with the same keys.

    ``url``: where the keys in ``ring`` were fetched from, None when they are the tenancy's.
    ``claims`` is None when they hold lists or dicts, which a caller could change: then
    the payload is read again.
    """

    tenancy: Tenancy
    url: str | None
    ring: Any
    payload: bytes
    claims: dict[str, Any] | None


class VerifiedTokens:
    """A bounded map from token to :class:`Verified`.

    Safe for threads: a lost race costs a verification, never a wrong answer.
    """

    def __init__(self) -> None:
        self._newer: dict[Any, Verified] = {}
        self._older: dict[Any, Verified] = {}

    def get(self, key: Any) -> Verified | None:
        return self._newer.get(key) or self._older.get(key)

    def put(self, key: Any, verified: Verified, size: int) -> None:
        """Store it; at most ``size`` entries stay, none below 2."""
        if size < 2:
            return
        if len(self._newer) >= size // 2:
            self._older, self._newer = self._newer, {}
        self._newer[key] = verified
