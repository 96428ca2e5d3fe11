"""Per-tenant overrides of ``JWTAUTH``, as ``HOOKS["TENANT"]`` returns them.

Every answer is read anew and compared by value, so no tenant ever gets another's settings.
Problems are returned, not raised, because error reports show local variables, including keys.
"""

import copy
from collections.abc import Mapping
from typing import Any

from django.utils.module_loading import import_string

from .schema import GROUPS

_HOOK = "JWTAUTH['HOOKS']['TENANT']"


class Overrides:
    """Settings of one tenant, compared by value; raises ``TypeError`` if they cannot be."""

    def __init__(self, given: Mapping[Any, Any]) -> None:
        self.given = given
        self._frozen = _freeze(given)
        self._hash = hash(self._frozen)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Overrides) and self._frozen == other._frozen

    def __hash__(self) -> int:
        return self._hash


def _freeze(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict, frozenset((name, _freeze(item)) for name, item in value.items())
    if isinstance(value, (list, tuple)):
        return list, *map(_freeze, value)
    # True equals 1, but is not a number of sign-ins.
    return type(value), value


def ask(hook: str) -> Overrides | str | None:
    """Return the hook's answer, or what is wrong with it; None outside every tenant.

    Raises what the hook raises.
    """
    given = import_string(hook)()
    if given is None:
        return None
    if not isinstance(given, Mapping):
        return f"{_HOOK} must return a dict of settings, or None."
    try:
        return Overrides(given)
    except TypeError:
        return f"{_HOOK} returned a value that no setting can have, like a set."


def merge(everybody: Mapping[Any, Any], overrides: Overrides) -> dict[Any, Any] | str:
    """Return the settings of the tenant, or what is wrong with the overrides.

    In a group, the names that the tenant leaves out keep their value.
    """
    # The hook may reuse its dict for the next tenant.
    given = copy.deepcopy(dict(overrides.given))
    if not given.get("ISSUER"):
        return (
            f"{_HOOK} must return an ISSUER of each tenant's own: it is what tells their "
            "tokens apart."
        )
    if name := _find_shared(given):
        return f"{_HOOK} must not return {name}, which applies to all tenants."
    merged = {**everybody, **given}
    for name in GROUPS.keys() & everybody.keys() & given.keys():
        if isinstance(given[name], Mapping):
            merged[name] = {**everybody[name], **given[name]}
    # A legacy token may not name its tenant, so every tenant would accept it.
    return {**merged, "LEGACY": given.get("LEGACY", {})}


def _find_shared(given: Mapping[Any, Any]) -> str | None:
    """Return the first setting that a tenant cannot override, or None."""
    hooks = given.get("HOOKS")
    if isinstance(hooks, Mapping) and "TENANT" in hooks:
        return "HOOKS['TENANT']"
    shared = ("AUTH_HEADER_NAME", "SUBJECT_FIELD", "TOKEN_CACHE_SIZE")
    return next((name for name in shared if name in given), None)
