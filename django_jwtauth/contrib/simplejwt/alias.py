"""``rest_framework_simplejwt``, led to the modules here: for packages that import it themselves.

Installed in settings.py, where there are no models yet: nothing is imported until it is asked for.
"""

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import spec_from_file_location
from types import ModuleType
from typing import Any

from django.apps import AppConfig, apps
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db.models.signals import class_prepared, pre_delete

from .move.names import GONE, HERE, THEIRS

_APP = f"{THEIRS}.token_blacklist"
_TABLES = f"{_APP}.tables"
_MIGRATIONS = f"{_APP}.migrations"
#: The modules of simplejwt that are here, too.
MODULES = (
    "authentication",
    "backends",
    "exceptions",
    "models",
    "serializers",
    "settings",
    "state",
    "token_blacklist.models",
    "tokens",
    "utils",
    "views",
)
_MODULES = frozenset(f"{THEIRS}.{name}" for name in MODULES)
#: What is told to code that asks: the version that the names are those of.
VERSION = "5.5.1"


def install() -> None:
    """Lead imports of ``rest_framework_simplejwt`` here; call it in settings.py.

    Its blacklist app may stay in ``INSTALLED_APPS``, and keeps its tables and its migrations.
    Raises ``ImproperlyConfigured`` if the real simplejwt has been imported before.
    """
    if is_installed():
        return
    if THEIRS in sys.modules:
        raise ImproperlyConfigured(
            f"{THEIRS} has been imported already: call alias.install() before anything in "
            "settings.py imports it."
        )
    sys.meta_path.insert(0, _Finder())
    class_prepared.connect(_watch, dispatch_uid=__name__)


def is_installed() -> bool:
    """Return whether imports are led here."""
    return any(isinstance(finder, _Finder) for finder in sys.meta_path)


class _Finder(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != THEIRS and not fullname.startswith(f"{THEIRS}."):
            return None
        if fullname in (THEIRS, _APP):
            return ModuleSpec(fullname, _Package(), is_package=True)
        if fullname == f"{_APP}.apps":
            return ModuleSpec(fullname, _Elsewhere(__name__))
        if fullname in _MODULES:
            return ModuleSpec(fullname, _Elsewhere(HERE + fullname.removeprefix(THEIRS)))
        found = _find_theirs(fullname, path)
        if found is None:
            short = fullname.removeprefix(f"{THEIRS}.")
            told = GONE.get(short, f"alias.install() in the settings leads {THEIRS} to {HERE}")
            raise ModuleNotFoundError(f"{fullname} is not here: {told}", name=fullname)
        return found


def _find_theirs(name: str, path: Sequence[str] | None) -> ModuleSpec | None:
    """Return what of the blacklist app stays simplejwt's, if that is there: tables, migrations."""
    if name.startswith(f"{_MIGRATIONS}."):
        return PathFinder.find_spec(name, path)
    if name not in (_TABLES, _MIGRATIONS):
        return None
    real = PathFinder.find_spec(THEIRS)
    folders = real.submodule_search_locations if real else None
    app = [f"{folder}/token_blacklist" for folder in folders or ()]
    if name == _MIGRATIONS:
        return PathFinder.find_spec(name, app)
    models = PathFinder.find_spec(f"{_APP}.models", app)
    return spec_from_file_location(name, models.origin) if models and models.origin else None


class _Package(Loader):
    """An empty package. Not the one here, in which submodules would be put a second time."""

    def exec_module(self, module: ModuleType) -> None:
        # Where Django looks for templates and commands of an app: there are none.
        module.__file__ = __file__
        module.__dict__["__version__"] = VERSION


class _Elsewhere(Loader):
    """The module of another name: the same object, so that its classes are the same."""

    def __init__(self, name: str) -> None:
        self.name = name

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = import_module(self.name)
        self.spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self.spec


class TokenBlacklistConfig(AppConfig):
    """simplejwt's blacklist app: its models are under a name that code does not import."""

    name = _APP
    default_auto_field = "django.db.models.BigAutoField"

    def import_models(self) -> None:
        self.models = apps.all_models[self.label]
        if _find_theirs(_TABLES, None):
            self.models_module = import_module(_TABLES)


def _watch(sender: Any, **kwargs: Any) -> None:
    """Called for each model; connects the user model, and proxies of it."""
    if sender._meta.concrete_model._meta.label_lower == settings.AUTH_USER_MODEL.lower():
        pre_delete.connect(_forget_user, sender=sender, dispatch_uid=__name__)


def _forget_user(sender: Any, instance: Any, using: str, **kwargs: Any) -> None:
    """Do what Django does for a foreign key of a model that it knows."""
    if "outstandingtoken" not in apps.all_models["token_blacklist"]:
        tables: Any = import_module(f"{HERE}.move.tables")
        tables.forget_user(using, instance)
