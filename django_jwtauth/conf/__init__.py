"""The ``JWTAUTH`` setting as one typed, frozen object, read lazily.

:func:`get_settings` returns the values; :func:`find_problems` returns what is wrong with them,
for the system checks.

With ``HOOKS["TENANT"]``, each tenant has its own :class:`Tenancy`. The hook is called once in
each operation, see :func:`one_tenancy`; between two the project may switch the tenant.
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

from . import tenants
from .reading import Problem, read
from .schema import Settings
from .values import Rate

__all__ = [
    "Problem",
    "Rate",
    "Settings",
    "Tenancy",
    "call_hook",
    "find_problems",
    "find_tenant_problem",
    "get_settings",
    "get_shared_settings",
    "get_tenancy",
    "one_tenancy",
    "project_code",
]

#: The number of tenants whose parsed settings and keys one process keeps.
MAX_TENANTS = 1000


def find_problems() -> list[Problem]:
    """Return everything that is wrong with ``JWTAUTH``, sorted by setting."""
    return sorted(read(getattr(settings, "JWTAUTH", {}))[1])


class Tenancy:
    """The current settings and the key rings made from them: of the project, or of one tenant.

    ``tenant`` is the tenant's issuer, "" in a project without tenants, None outside every tenant.
    """

    __slots__ = ("rings", "settings", "tenant")

    def __init__(self, settings: Settings, tenant: str | None) -> None:
        self.settings = settings
        self.tenant = tenant
        self.rings: dict[str, Any] = {}


# The project's tenancy, while there is no HOOKS["TENANT"]: all that most requests look at.
_only: Tenancy | None = None


class _Held(threading.local):
    """What the operation that runs in this thread already knows.

    Not a context variable: threads and tasks that the operation starts would inherit it, and
    keep it after the operation has ended.
    """

    running = False
    tenancy: Tenancy | None = None


_held = _Held()
_NOTHING = nullcontext()


def one_tenancy(*kinds: type) -> AbstractContextManager[None]:
    """Call ``HOOKS["TENANT"]`` once, when the block begins, and not in the blocks inside it.

    The block must not await. ``kinds``: the classes whose methods the block calls. A project's
    own may switch the tenant in one of them, so nothing is held for those.
    """
    if _only is not None or _held.running or not all(map(_is_own, kinds)):
        return _NOTHING
    return _hold(True)


def project_code() -> AbstractContextManager[None]:
    """Call ``HOOKS["TENANT"]`` anew in the block: the project may act for another tenant there."""
    return _hold(False) if _held.running else _NOTHING


def _is_own(kind: type) -> bool:
    return kind.__module__.startswith("django_jwtauth.")


@contextmanager
def _hold(running: bool) -> Iterator[None]:
    before = _held.running, _held.tenancy
    _held.running, _held.tenancy = False, None
    try:
        if running:
            # Not when a setting is first read: that may be where the project acts for another.
            _held.tenancy = get_tenancy()
            _held.running = True
        yield
    finally:
        _held.running, _held.tenancy = before


def get_settings() -> Settings:
    """Return the current settings, those of the current tenant if there is one.

    Follows ``override_settings``. Raises ``ImproperlyConfigured``, which names the first wrong
    setting: a misconfigured project must not look like a bad token.
    """
    return (_only or get_tenancy()).settings


def get_shared_settings() -> Settings:
    """Return the project's settings, for those that no tenant can change. Calls no hook.

    Raises ``ImproperlyConfigured``.
    """
    return (_only or _get_base_tenancy()).settings


def get_tenancy() -> Tenancy:
    """Return the tenancy of the current tenant or of the project.

    Raises ``ImproperlyConfigured``.
    """
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
    return found


def find_tenant_problem() -> str | None:
    """Return what is wrong with the current answer of ``HOOKS["TENANT"]``, or None."""
    tenancy = _get_base_tenancy()
    if tenancy.settings.HOOKS.TENANT is None:
        return None
    try:
        found = _find_tenant(tenancy)
    # This is the project's code, which may raise anything.
    except Exception as error:
        return f"JWTAUTH['HOOKS']['TENANT'] raised {type(error).__name__}: {error}"
    return found if isinstance(found, str) else None


@functools.cache
def _get_base_tenancy() -> Tenancy:
    problems = find_problems()
    # Error reports show local variables, so none in this frame may hold a key.
    if problems:
        raise ImproperlyConfigured(str(problems[0]))
    found = Settings(**read(getattr(settings, "JWTAUTH", {}))[0])
    return Tenancy(found, None if found.HOOKS.TENANT else "")


def _find_tenant(base: Tenancy) -> Tenancy | str:
    """Return the tenancy for the answer of ``HOOKS["TENANT"]``, or what is wrong with it."""
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
        return f"JWTAUTH['HOOKS']['TENANT'] returned a wrong setting: {min(problems)}"
    return Tenancy(Settings(**values), values["ISSUER"])


def call_hook(path: str | None, *args: Any) -> Any:
    """Call the function with this dotted path; return None without a path."""
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
