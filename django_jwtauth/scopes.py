"""What a token may be used for: the ``scope`` claim (RFC 6749, 3.3; RFC 9068, 2.2.3).

A token without the claim may be used for everything. A token with an empty claim is refused
wherever a scope is required.
"""

import re
from collections.abc import Collection, Iterable

from .claims import Claims
from .conf import call_hook, get_settings
from .exceptions import InsufficientScope

#: The scope that a token with scopes needs to end or rename sign-ins, or to create tokens.
MANAGE = "jwtauth:manage"

_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,100}")


def is_name(text: str) -> bool:
    """Return whether ``text`` may be the name of one scope."""
    return _SCOPE.fullmatch(text) is not None


def parse(text: str | None) -> list[str]:
    """Return the scopes in ``text``, sorted; raises ``InsufficientScope`` for an invalid name."""
    names = sorted(set((text or "").split()))
    if not all(is_name(name) for name in names):
        raise InsufficientScope
    return names


def check_names(names: Iterable[str]) -> tuple[str, ...]:
    """Return the scopes that a view names; raises ``ValueError`` for an invalid name.

    A string instead of a list would be one scope per letter.
    """
    given = tuple(names)
    if isinstance(names, str) or not all(map(is_name, given)):
        raise ValueError(f"List the scopes one by one, like ['reports:read']; not {names!r}.")
    return given


def of(claims: Claims) -> frozenset[str]:
    """Return the scopes of a token; none if it has no claim ``scope``, and so no limit."""
    return frozenset((text_of(claims) or "").split())


def text_of(claims: Claims) -> str | None:
    """Return the scopes of a token as the claim has them, separated by spaces; None: no limit.

    RFC 9068, 2.2.3: the claim is text. Anything else that an issuer or a hook puts there grants
    nothing.
    """
    scope = claims.get("scope")
    return scope if scope is None or isinstance(scope, str) else ""


def is_limited(claims: Claims) -> bool:
    """Return whether a token has the claim, even an empty one; without it there is no limit."""
    return claims.get("scope") is not None


def may_manage(claims: Claims) -> bool:
    """Return whether a token may end and rename sign-ins, and create tokens."""
    return not is_limited(claims) or MANAGE in of(claims)


def grant(
    user: object,
    request: object,
    requested: str | None,
    within: Collection[str] | None = None,
) -> str | None:
    """Return the scopes a sign-in gets: those requested that ``HOOKS["SCOPES"]`` allows.

    ``requested``: None for all that are allowed; "" for none. ``within``: only these. Returns
    None, for no limit, if there is no hook and nothing was requested. Raises ``ValueError`` if
    the hook returns an invalid name.
    """
    allowed = _allowed(user, request)
    if within is not None:
        allowed = set(within) if allowed is None else allowed.intersection(within)
    if requested is None:
        return None if allowed is None else " ".join(sorted(allowed))
    # Without a hook, the user is not allowed any of them.
    return " ".join(sorted((allowed or set()).intersection(requested.split())))


def _allowed(user: object, request: object) -> set[str] | None:
    """Return the scopes that ``HOOKS["SCOPES"]`` allows the user, or None without a hook."""
    hook = get_settings().HOOKS.SCOPES
    if not hook:
        return None
    given = call_hook(hook, user, request) or ()
    allowed = set(given.split() if isinstance(given, str) else given)
    # A space in a name would grant two others.
    if wrong := sorted(name for name in allowed if not is_name(name)):
        raise ValueError(
            f'HOOKS["SCOPES"] returned {wrong[0]!r}, which is not a scope (RFC 6749, 3.3).'
        )
    return allowed


def narrow(claims: Claims, requested: str | None) -> str | None:
    """Return which scopes of a refresh token the access token gets.

    ``requested``: None for all of them, "" for none. Returns None if there is no limit. Raises
    ``InsufficientScope`` if more are requested (RFC 6749, 6).
    """
    if requested is None:
        return text_of(claims)
    asked = parse(requested)
    if not of(claims).issuperset(asked):
        raise InsufficientScope(asked)
    return " ".join(asked)


def require(claims: Claims, needed: Iterable[str]) -> None:
    """Raise ``InsufficientScope`` (RFC 6750, 3.1) unless the token has all scopes in ``needed``.

    A token without the claim ``scope`` has none.
    """
    names = list(needed)
    if not of(claims).issuperset(names):
        raise InsufficientScope(names)
