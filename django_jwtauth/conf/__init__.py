"""The ``JWTAUTH`` setting as one typed, frozen object, read lazily.

:func:`get_settings` gives the values; :func:`find_problems` gives what is wrong with them, for
the system checks.

With ``HOOKS["TENANT"]``, each tenant has a :class:`Tenancy` of its own. The hook is asked
once in each operation, see :func:`one_tenancy`; between two the project may switch the tenant.
"""

import functools
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.utils.module_loading import import_string

from ..claims import RESERVED_CLAIMS, SIGN_IN_CLAIMS
from . import tenants
from .reading import Problem, read
from .schema import Settings
from .values import Rate

__all__ = [
    "RESERVED_CLAIMS",
    "SIGN_IN_CLAIMS",
    "Problem",
    "Rate",
    "Settings",
    "Tenancy",
    "call_hook",
    "find_problems",
    "find_tenant_problem",
    "get_settings",
    "get_tenancy",
    "one_tenancy",
    "project_code",
]

#: Tenants whose parsed settings and keys one process keeps.
MAX_TENANTS = 1000


def find_problems() -> list[Problem]:
    """Return everything wrong with ``JWTAUTH``, sorted by setting; empty when it is sound."""
    return sorted(read(getattr(settings, "JWTAUTH", {}))[1])


class Tenancy:
    """The settings in force, and the key rings made from them: of all, or of one tenant.

    ``tenant`` is the tenant's issuer, "" where there are no tenants, None outside them all.
    """

    __slots__ = ("rings", "settings", "tenant")

    def __init__(self, settings: Settings, tenant: str | None) -> None:
        self.settings = settings
        self.tenant = tenant
        self.rings: dict[str, Any] = {}


# The tenancy of all while there is no HOOKS["TENANT"]: what most requests have to look at.
_only: Tenancy | None = None


class _Held(threading.local):
    """What the operation that runs in this thread knows already.

    Not a context variable: threads and tasks that the operation starts would inherit it, and
    go on after its end.
    """

    running = False
    tenancy: Tenancy | None = None


_held = _Held()
_NOTHING = nullcontext()


def one_tenancy(kind: type | None = None) -> AbstractContextManager[None]:
    """Ask ``HOOKS["TENANT"]`` at most once while the block runs; one inside another is part of it.

    The block must not await. ``kind``: the class whose methods the block calls. A subclass in
    a project may switch the tenant in one of them, so for that nothing is held.
    """
    if _only is not None or _held.running or not _is_own(kind):
        return _NOTHING
    return _hold(True)


def project_code() -> AbstractContextManager[None]:
    """Ask ``HOOKS["TENANT"]`` anew while the block runs: the project may act for another tenant."""
    return _hold(False) if _held.running else _NOTHING


def _is_own(kind: type | None) -> bool:
    return kind is None or kind.__module__.startswith("django_jwtauth.")


@contextmanager
def _hold(running: bool) -> Iterator[None]:
    before = _held.running, _held.tenancy
    _held.running, _held.tenancy = running, None
    try:
        yield
    finally:
        _held.running, _held.tenancy = before


def get_settings() -> Settings:
    """Return the current settings, those of the current tenant if there is one.

    Follows ``override_settings``. Raises ``ImproperlyConfigured`` naming the first
    setting that is wrong: a misconfigured project must not look like a bad token.
    """
    return (_only or get_tenancy()).settings


def get_tenancy() -> Tenancy:
    """Return the tenancy of the current tenant, or of all; raises ``ImproperlyConfigured``."""
    global _only
    if _only is not None:
        return _only
    if _held.tenancy is not None:
        return _held.tenancy
    tenancy = _get_base_tenancy()
    if tenancy.settings.HOOKS.TENANT is None:
        _only = tenancy
        return tenancy
    found = _find_tenant(tenancy)
    if isinstance(found, str):
        raise ImproperlyConfigured(found)
    if _held.running:
        _held.tenancy = found
    return found


def find_tenant_problem() -> str | None:
    """Return what is wrong with what ``HOOKS["TENANT"]`` returns now; None when it is sound."""
    tenancy = _get_base_tenancy()
    if tenancy.settings.HOOKS.TENANT is None:
        return None
    try:
        found = _find_tenant(tenancy)
    # It is the project's code: it may raise anything.
    except Exception as error:
        return f"JWTAUTH['HOOKS']['TENANT'] raised {type(error).__name__}: {error}"
    return found if isinstance(found, str) else None


@functools.cache
def _get_base_tenancy() -> Tenancy:
    problems = find_problems()
    # Error reports show local variables, too: none of this frame holds a key.
    if problems:
        raise ImproperlyConfigured(str(problems[0]))
    found = Settings(**read(getattr(settings, "JWTAUTH", {}))[0])
    return Tenancy(found, None if found.HOOKS.TENANT else "")


def _find_tenant(base: Tenancy) -> Tenancy | str:
    """Return the tenancy that ``HOOKS["TENANT"]`` leads to, or what is wrong with its answer."""
    overrides = tenants.ask(str(base.settings.HOOKS.TENANT))
    if overrides is None:
        return base
    return overrides if isinstance(overrides, str) else _make_tenant(overrides)


@functools.lru_cache(MAX_TENANTS)
def _make_tenant(overrides: tenants.Overrides) -> Tenancy | str:
    merged = tenants.merge(getattr(settings, "JWTAUTH", {}), overrides)
    if isinstance(merged, str):
        return merged
    values, problems = read(merged)
    if problems:
        return f"What JWTAUTH['HOOKS']['TENANT'] returned is refused: {min(problems)}"
    return Tenancy(Settings(**values), values["ISSUER"])


def call_hook(path: str | None, *args: Any) -> Any:
    """Call what a setting names by its dotted path; None when it names nothing."""
    if path is None:
        return None
    hook = import_string(path)
    with project_code():
        return hook(*args)


def _forget(*, setting: str, **kwargs: Any) -> None:
    global _only
    # The key rings depend on the other two.
    if setting in ("JWTAUTH", "SECRET_KEY", "SECRET_KEY_FALLBACKS"):
        _only = None
        _get_base_tenancy.cache_clear()
        _make_tenant.cache_clear()


setting_changed.connect(_forget, dispatch_uid="django_jwtauth.conf")
