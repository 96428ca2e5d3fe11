"""Where a project names simplejwt, and what to write there instead."""

import ast
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.urls import URLPattern, URLResolver, get_resolver

from . import configuration

THEIRS = "rest_framework_simplejwt"
_SHIM = "django_jwtauth.contrib.simplejwt"
_VERIFY = "call django_jwtauth.sessions.verify(raw), which returns the claims"
_SLIDING = "use a pair of tokens: a refresh token does what a sliding token did"
_SHAPE = "override the view; the serializer only says what a body looks like"

#: What is found here under another path.
REPLACED = {
    "authentication": "django_jwtauth.authentication",
    "authentication.JWTAuthentication": "django_jwtauth.authentication.JWTAuthentication",
    "authentication.JWTStatelessUserAuthentication": (
        "django_jwtauth.authentication.JWTStatelessUserAuthentication"
    ),
    "authentication.JWTTokenUserAuthentication": (
        "django_jwtauth.authentication.JWTStatelessUserAuthentication"
    ),
    "exceptions": "django_jwtauth.exceptions",
    "exceptions.AuthenticationFailed": "rest_framework.exceptions.AuthenticationFailed",
    "exceptions.ExpiredTokenError": "django_jwtauth.exceptions.ExpiredToken",
    "exceptions.InvalidToken": "django_jwtauth.authentication.InvalidToken",
    "exceptions.TokenError": "django_jwtauth.exceptions.TokenError",
    "models.TokenUser": "django_jwtauth.users.TokenUser",
    "serializers": f"{_SHIM}.serializers",
    "serializers.TokenObtainPairSerializer": f"{_SHIM}.serializers.TokenObtainPairSerializer",
    "settings.api_settings": "django_jwtauth.conf.get_settings",
    "token_blacklist.models": "django_jwtauth.models",
    "token_blacklist.models.BlacklistedToken": "django_jwtauth.models.BlacklistedToken",
    "token_blacklist.models.OutstandingToken": "django_jwtauth.models.LoginSession",
    "tokens": f"{_SHIM}.tokens",
    "tokens.AccessToken": f"{_SHIM}.tokens.AccessToken",
    "tokens.RefreshToken": f"{_SHIM}.tokens.RefreshToken",
    "views": "django_jwtauth.views",
    "views.TokenBlacklistView": "django_jwtauth.views.TokenBlacklistView",
    "views.TokenObtainPairView": "django_jwtauth.views.TokenObtainPairView",
    "views.TokenRefreshView": "django_jwtauth.views.TokenRefreshView",
    "views.TokenVerifyView": "django_jwtauth.views.TokenVerifyView",
}
#: What is not, and what to do.
GONE = {
    "authentication.default_user_authentication_rule": "remove it: inactive users are refused",
    "backends.TokenBackend": _VERIFY,
    "exceptions.DetailDictMixin": "remove it",
    "exceptions.TokenBackendError": "catch django_jwtauth.exceptions.TokenError",
    "exceptions.TokenBackendExpiredToken": "catch django_jwtauth.exceptions.ExpiredToken",
    "serializers.PasswordField": "use DRF's CharField",
    "serializers.TokenBlacklistSerializer": _SHAPE,
    "serializers.TokenObtainSerializer": "subclass the TokenObtainPairSerializer",
    "serializers.TokenObtainSlidingSerializer": _SLIDING,
    "serializers.TokenRefreshSerializer": _SHAPE,
    "serializers.TokenRefreshSlidingSerializer": _SLIDING,
    "serializers.TokenVerifySerializer": _SHAPE,
    "state.token_backend": _VERIFY,
    "tokens.BlacklistMixin": "remove it: every token can be blacklisted",
    "tokens.SlidingToken": _SLIDING,
    "tokens.Token": 'use HOOKS["CLAIMS"] for claims of your own',
    "tokens.UntypedToken": _VERIFY,
    "views.TokenObtainSlidingView": _SLIDING,
    "views.TokenRefreshSlidingView": _SLIDING,
    "views.TokenViewBase": "subclass django_jwtauth.views.JWTView",
    **{
        f"views.{name}": f"use {view}.as_view()"
        for name, view in {
            "token_blacklist": "TokenBlacklistView",
            "token_obtain_pair": "TokenObtainPairView",
            "token_refresh": "TokenRefreshView",
            "token_verify": "TokenVerifyView",
        }.items()
    },
    "views.token_obtain_sliding": _SLIDING,
    "views.token_refresh_sliding": _SLIDING,
}
#: Settings that gave a view of simplejwt's its serializer. Here a subclass of the view has it.
SERIALIZERS = {
    "views.TokenBlacklistView": "TOKEN_BLACKLIST_SERIALIZER",
    "views.TokenObtainPairView": "TOKEN_OBTAIN_SERIALIZER",
    "views.TokenRefreshView": "TOKEN_REFRESH_SERIALIZER",
    "views.TokenVerifyView": "TOKEN_VERIFY_SERIALIZER",
}
_UNKNOWN = "there is nothing like it here"


def describe() -> Iterator[str]:
    """Yield a line for each place to change, each with what to write."""
    for name, entry in _find_settings():
        yield f"{name}: {entry}"
        yield f"    {_instead_of_setting(entry)}"
    for path, line, name in _find_imports():
        yield f"{path}:{line}: {name}"
        yield f"    {instead_of(name)}"
    try:
        for place, name in _find_views(get_resolver(), ""):
            yield f"{place}: {name}"
            yield f"    {instead_of(name)}"
    except ImportError as error:
        yield f"The URLs cannot be looked at: {error}."


def instead_of(name: str) -> str:
    """Return what takes the place of a dotted path of simplejwt's."""
    short = name.removeprefix(f"{THEIRS}.")
    setting = SERIALIZERS.get(short)
    if setting and configuration.get(setting) != configuration.DEFAULTS[setting]:
        shim = short == "views.TokenObtainPairView"
        return f"-> a subclass of {f'{_SHIM}.{short}' if shim else REPLACED[short]}, see {setting}"
    if short in REPLACED:
        with_view = f" (its view: {_SHIM}.views.TokenObtainPairView)"
        return f"-> {REPLACED[short]}{with_view if short.startswith('serializers') else ''}"
    return f"-- {GONE.get(short, _UNKNOWN)}"


def _instead_of_setting(entry: str) -> str:
    if entry == f"{THEIRS}.token_blacklist":
        return "-- remove it after jwtauth_import_simplejwt, once you will not go back"
    if entry == THEIRS:
        return "-- remove it once nothing imports it"
    return instead_of(entry)


def _find_settings() -> Iterator[tuple[str, str]]:
    places: dict[str, Iterable[Any]] = {"INSTALLED_APPS": settings.INSTALLED_APPS}
    for name, value in getattr(settings, "REST_FRAMEWORK", {}).items():
        places[f"REST_FRAMEWORK[{name!r}]"] = value if isinstance(value, (list, tuple)) else []
    for place, entries in places.items():
        for entry in entries:
            if isinstance(entry, str) and _is_theirs(entry):
                yield place, entry


def _find_views(resolver: URLResolver, prefix: str) -> Iterator[tuple[str, str]]:
    for pattern in resolver.url_patterns:
        path = f"{prefix}{pattern.pattern}"
        if isinstance(pattern, URLResolver):
            yield from _find_views(pattern, path)
        elif isinstance(pattern, URLPattern):
            yield from ((f"/{path}", name) for name in _names_in(pattern.callback))


def _names_in(view: Any) -> Iterator[str]:
    """Yield what of simplejwt's a view is, or was given as ``authentication_classes``."""
    cls = getattr(view, "cls", getattr(view, "view_class", None))
    ancestors = getattr(cls, "__mro__", ())
    theirs = [base for base in ancestors if _is_theirs(base.__module__)]
    if theirs:
        yield _dotted(theirs[0])
        return
    for base in ancestors:
        if base.__module__.startswith("rest_framework."):
            return
        classes = vars(base).get("authentication_classes", ())
        yield from (_dotted(each) for each in classes if _is_theirs(_dotted(each)))


def _dotted(cls: Any) -> str:
    return f"{getattr(cls, '__module__', '')}.{getattr(cls, '__qualname__', '')}"


def _find_imports() -> Iterator[tuple[Path, int, str]]:
    here = Path.cwd()
    for path in sorted(_find_files()):
        try:
            tree = ast.parse(path.read_bytes())
        except (SyntaxError, ValueError, OSError):
            continue
        shown = path.relative_to(here) if path.is_relative_to(here) else path
        for node in ast.walk(tree):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names = [f"{node.module}.{alias.name}".removesuffix(".*") for alias in node.names]
            yield from ((shown, getattr(node, "lineno", 0), n) for n in names if _is_theirs(n))


def _find_files() -> set[Path]:
    """Return the project's own source files: not what was installed."""
    names = [settings.ROOT_URLCONF, getattr(settings, "SETTINGS_MODULE", None)]
    # Not imported: simplejwt may have been uninstalled.
    specs = [find_spec(name) for name in names if isinstance(name, str)]
    folders = {Path(spec.origin).parent for spec in specs if spec and spec.origin}
    folders |= {Path(config.path) for config in apps.get_app_configs()}
    ours = Path(__file__).parents[3]
    return {
        path
        for folder in folders
        if not {"site-packages", "dist-packages"}.intersection(folder.parts)
        for path in folder.rglob("*.py")
        if not {"site-packages", "node_modules"}.intersection(path.parts)
        and not path.is_relative_to(ours)
    }


def _is_theirs(name: str) -> bool:
    return name == THEIRS or name.startswith(f"{THEIRS}.")
