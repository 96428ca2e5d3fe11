"""What a token may be used for: the ``scope`` claim (RFC 6749, 3.3; RFC 9068, 2.2.3)."""

import re
from collections.abc import Iterable

from .conf import call_hook, get_settings
from .exceptions import InsufficientScope
from .tokens import Claims

_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,100}")


def is_name(text: str) -> bool:
    """Return whether ``text`` may be the name of one scope."""
    return _SCOPE.fullmatch(text) is not None


def parse(text: str | None) -> list[str]:
    """Return the scopes in ``text``, sorted; raises ``InsufficientScope`` for one that is none."""
    names = sorted(set((text or "").split()))
    if not all(is_name(name) for name in names):
        raise InsufficientScope
    return names


def check_names(names: Iterable[str]) -> tuple[str, ...]:
    """Return the scopes that a view names; raises ``ValueError`` unless each is one.

    A text in place of a list would be one scope per letter.
    """
    given = tuple(names)
    if isinstance(names, str) or not all(map(is_name, given)):
        raise ValueError(f"List the scopes one by one, like ['reports:read']; not {names!r}.")
    return given


def of(claims: Claims) -> frozenset[str]:
    """Return the scopes of a token."""
    return frozenset(_split(claims.get("scope")))


def _split(value: object) -> list[str]:
    # RFC 9068, 2.2.3: text. What else an issuer may put there grants nothing.
    return value.split() if isinstance(value, str) else []


def grant(user: object, request: object, requested: str | None) -> str | None:
    """Return the scopes a sign-in gets: what ``SCOPES_HOOK`` allows, of what was asked for.

    All that is allowed when nothing was asked for; None without a hook. Raises
    ``ValueError`` when the hook returns what cannot be the name of a scope.
    """
    if not get_settings().SCOPES_HOOK:
        return None
    given = call_hook("SCOPES_HOOK", user, request) or ()
    allowed = set(given.split() if isinstance(given, str) else given)
    # A space in a name would grant two others.
    if wrong := sorted(name for name in allowed if not is_name(name)):
        raise ValueError(f"SCOPES_HOOK returned {wrong[0]!r}, which is no scope (RFC 6749, 3.3).")
    asked = (requested or "").split()
    return " ".join(sorted(allowed.intersection(asked) if asked else allowed))


def narrow(carried: object, requested: str | None) -> str | None:
    """Return what an access token gets of the carried scopes; never more than those.

    Raises ``InsufficientScope`` when more is asked for (RFC 6749, 6).
    """
    held = _split(carried)
    asked = parse(requested)
    if not asked:
        return " ".join(held) or None
    if not set(asked) <= set(held):
        raise InsufficientScope(asked)
    return " ".join(asked)


def require(claims: Claims, needed: Iterable[str]) -> None:
    """Raise ``InsufficientScope`` unless the token has all that is needed."""
    names = list(needed)
    if not of(claims).issuperset(names):
        raise InsufficientScope(names)
