"""Access tokens verified before, in this process: a signature is checked once.

Holds claims, never whether a token was revoked. Bounded by two generations of entries:
when the newer is full it becomes the older, and what was the older is forgotten.
"""

import copy
from typing import Any, NamedTuple


class Verified(NamedTuple):
    """The claims of one token, good only while ``source`` still gives the same ``context``."""

    source: Any
    context: Any
    claims: dict[str, Any]
    nested: bool

    def copy_claims(self) -> dict[str, Any]:
        """Return claims that the caller may change."""
        return copy.deepcopy(self.claims) if self.nested else self.claims.copy()


class VerifiedTokens:
    """A bounded map from token to :class:`Verified`.

    Safe for threads: a lost race costs a verification, never a wrong answer.
    """

    def __init__(self) -> None:
        self._newer: dict[Any, Verified] = {}
        self._older: dict[Any, Verified] = {}

    def get(self, key: Any) -> Verified | None:
        return self._newer.get(key) or self._older.get(key)

    def put(self, key: Any, source: Any, context: Any, claims: dict[str, Any], size: int) -> None:
        """Store a copy of ``claims``; at most ``size`` entries stay, none below 2."""
        if size < 2:
            return
        if len(self._newer) >= size // 2:
            self._older, self._newer = self._newer, {}
        nested = any(isinstance(value, (dict, list)) for value in claims.values())
        entry = Verified(source, context, claims, nested)
        self._newer[key] = entry._replace(claims=entry.copy_claims())
