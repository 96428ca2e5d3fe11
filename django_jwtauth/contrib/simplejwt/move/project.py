"""Where a project names simplejwt, and what to write there instead."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.conf import settings
from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework.settings import api_settings

from ....authentication import JWTAuthentication
from . import configuration, source
from .source import THEIRS, Finding, Place, is_theirs

_SHIM = "django_jwtauth.contrib.simplejwt"
_VERIFY = "call django_jwtauth.sessions.verify(raw), which returns the user and the claims"
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
#: What is done otherwise here, by the kind and the name of a ``Place``; "" is any name.
REMARKS: Mapping[tuple[str, str], str] = {
    ("async", ""): (
        "reads the database here, to see whether the sign-in has ended: in async code, call it "
        "by database_sync_to_async or sync_to_async"
    ),
    ("call", "OutstandingToken.objects"): (
        "a row stands for a sign-in here: what lists a user's tokens or ends them goes on, "
        "any other query raises an error that says what to write"
    ),
    ("call", "BlacklistedToken.objects"): (
        "get_or_create(token=...) ends the sign-in; any other query raises an error that says "
        "what to write"
    ),
    ("call", "get_validated_token"): (
        "asks the database whether the sign-in has ended, and loads the user by the same query"
    ),
    ("call", "get_serializer"): (
        "the token views of contrib.simplejwt have it, those of django_jwtauth.views do not"
    ),
    ("call", "check_blacklist"): "also refuses a token whose sign-in has ended",
    ("call", "outstand"): "remove it: a sign-in has its row from the start",
    ("call", "set_exp"): "no token outlives its sign-in: SESSION_LIFETIME is the most",
    ("call", "set_iat"): "has no effect on how long the sign-in lasts",
    ("call", "set_jti"): (
        "rotation by hand: serializers and views rotate by themselves, with a grace period and "
        "reuse detection. Call sessions.refresh(raw) instead"
    ),
    ("class", "authentication"): (
        "methods that it overrides are called where the class is used, not by the middleware, "
        "jwt_required and contrib: set is_active to refuse a user everywhere"
    ),
    ("class", "tokens"): (
        "a token_type of its own makes it a one-time token, which is refused once it was used"
    ),
    ("setting", ""): "keep SIMPLE_JWT as long as this reads it, or read JWTAUTH",
    ("socket", ""): (
        "contrib.channels authenticates WebSockets without a token in the URL, which ends up in "
        "logs, and closes those whose sign-in has ended"
    ),
}
#: A line of ``INSTALLED_APPS`` that stays until the tables are dropped.
_STAYS = {
    THEIRS: "-- remove it once nothing imports it",
    f"{THEIRS}.token_blacklist": (
        "-- remove it after jwtauth_import_simplejwt, once you will not go back"
    ),
}


def describe() -> Iterator[Finding]:
    """Yield each place to change."""
    yield from _find_settings()
    files = source.find_files()
    for place in source.find_places(files.paths):
        if place.kind in ("import", "text") and place.name not in _STAYS:
            yield Finding(f"{place.path}:{place.line}", place.name, instead_of(place.name))
    if not files.whole:
        yield Finding("The source", f"{len(files.paths)} files", "-- only these were read")
    yield from find_classes()


def describe_idioms() -> Iterator[Finding]:
    """Yield each place that goes on working but means something else here."""
    for place in source.find_places(source.find_files().paths):
        remark = _find_remark(place)
        if remark:
            yield Finding(f"{place.path}:{place.line}", _describe_place(place), f"-- {remark}")


def find_classes() -> Iterator[Finding]:
    """Yield simplejwt's classes that answer requests: default ones, views, and what those name.

    A class of the project's own counts by what it is derived from.
    """
    try:
        for cls in default_classes():
            name = find_base(cls)
            if name and _dotted(cls) != name:
                place = f"DEFAULT_AUTHENTICATION_CLASSES: {_dotted(cls)}"
                yield Finding(place, name, instead_of(name))
        for place, name in _find_views(get_resolver(), ""):
            yield Finding(place, name, instead_of(name))
    # It runs the project's code, which may import what was uninstalled.
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        yield Finding("The URLs", "cannot be looked at", f"-- {reason}")


def default_classes() -> list[Any]:
    """Return the classes in ``DEFAULT_AUTHENTICATION_CLASSES``; raises what importing one does."""
    classes: Iterable[Any] = api_settings.DEFAULT_AUTHENTICATION_CLASSES
    return list(classes)


def is_ours(cls: Any) -> bool:
    """Return whether an authentication class accepts tokens that are issued here."""
    return isinstance(cls, type) and issubclass(cls, JWTAuthentication)


def find_base(cls: Any) -> str | None:
    """Return the class of simplejwt's that a class is, or is derived from."""
    if is_ours(cls):
        return None
    bases = [base for base in getattr(cls, "__mro__", ()) if is_theirs(base.__module__)]
    return _dotted(bases[0]) if bases else None


def instead_of(name: str) -> str:
    """Return what takes the place of a dotted path of simplejwt's."""
    # A test names a method, too, when it replaces one.
    short = ".".join(name.removeprefix(f"{THEIRS}.").split(".")[: _depth(name)])
    setting = SERIALIZERS.get(short)
    if setting and configuration.get(setting) != configuration.DEFAULTS[setting]:
        shim = short == "views.TokenObtainPairView"
        return f"-> a subclass of {f'{_SHIM}.{short}' if shim else REPLACED[short]}, see {setting}"
    if short in REPLACED:
        with_view = f" (its view: {_SHIM}.views.TokenObtainPairView)"
        return f"-> {REPLACED[short]}{with_view if short.startswith('serializers') else ''}"
    return f"-- {GONE.get(short, _UNKNOWN)}"


def _depth(name: str) -> int:
    return 3 if name.startswith(f"{THEIRS}.token_blacklist.") else 2


def _find_remark(place: Place) -> str | None:
    name = place.name
    if place.kind == "class":
        name = name.removeprefix(f"{THEIRS}.").partition(".")[0]
    return REMARKS.get((place.kind, name)) or REMARKS.get((place.kind, ""))


def _describe_place(place: Place) -> str:
    words = {"class": "a subclass of ", "async": "in async code: "}
    ending = "(...)" if place.kind in ("async", "call") and "." not in place.name else ""
    return f"{words.get(place.kind, '')}{place.name}{ending}"


def _find_settings() -> Iterator[Finding]:
    places: dict[str, Iterable[Any]] = {"INSTALLED_APPS": settings.INSTALLED_APPS}
    for name, value in getattr(settings, "REST_FRAMEWORK", {}).items():
        places[f"REST_FRAMEWORK[{name!r}]"] = value if isinstance(value, (list, tuple)) else []
    for place, entries in places.items():
        for entry in entries:
            if isinstance(entry, str) and is_theirs(entry):
                yield Finding(place, entry, _STAYS.get(entry) or instead_of(entry))


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
    name = find_base(cls)
    if name:
        yield name
        return
    # What the view inherits from DRF are the default classes, told already.
    given = [
        vars(base)["authentication_classes"]
        for base in getattr(cls, "__mro__", ())
        if "authentication_classes" in vars(base)
    ]
    # Imported here: the class body of APIView imports the default classes.
    from rest_framework.views import APIView

    if given and given[0] is not APIView.authentication_classes:
        yield from filter(None, map(find_base, given[0]))


def _dotted(cls: Any) -> str:
    return f"{getattr(cls, '__module__', '')}.{getattr(cls, '__qualname__', '')}"
