"""Find where a project names simplejwt, and say what to write instead."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.conf import settings
from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework.settings import api_settings

from ....authentication import JWTAuthentication
from . import source
from .names import THEIRS, instead_of
from .source import Finding, Place, is_theirs

#: What differs here, by the kind and the name of a ``Place``; "" is any name.
REMARKS: Mapping[tuple[str, str], str] = {
    ("async", ""): (
        "asks the database here, where each sign-in has a row: call it by sync_to_async or "
        "database_sync_to_async"
    ),
    ("call", "OutstandingToken.objects"): (
        "a row stands for a sign-in here: what lists a user's tokens or ends them goes on, "
        "any other query raises an error that says what to write"
    ),
    ("call", "BlacklistedToken.objects"): (
        "get_or_create(token=...) ends the sign-in; any other query raises an error that says "
        "what to write"
    ),
    ("call", "check_blacklist"): "also refuses a token whose sign-in has ended",
    ("call", "outstand"): "remove it: a sign-in has its row from the start",
    ("call", "set_exp"): "no token outlives its sign-in: SESSION_LIFETIME is the most",
    ("call", "set_iat"): "has no effect on how long the sign-in lasts",
    ("call", "set_jti"): (
        "exchanges a refresh token, with a grace period and reuse detection. After blacklist(), "
        "which ends the sign-in, it raises an error: leave that out"
    ),
    ("class", "authentication"): (
        "methods that it overrides are called where the class is used, not by the middleware, "
        "jwt_required and contrib: set is_active to refuse a user everywhere"
    ),
    ("class", "tokens"): (
        "a token_type of its own makes it a one-time token: a day at most, for a user who is "
        "active, and refused after a change of the password"
    ),
    ("userless", ""): (
        "a token belongs to a user here: str() of one that was not made by for_user() raises an "
        "error. For other purposes, use django.core.signing"
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


#: What is told of a project with ``alias.install()`` in place of each path.
LED_HERE = Finding(
    "The settings", "alias.install()", f"-- leads imports of {THEIRS} here: no path must change"
)


def describe() -> Iterator[Finding]:
    """Yield each place to change."""
    if source.is_led_here():
        yield LED_HERE
        yield from (each for each in _find_places() if each.advice.startswith("--"))
    else:
        yield from _find_places()


def _find_places() -> Iterator[Finding]:
    files = source.find_files()
    places = [
        place
        for place in source.find_places(files.paths)
        if place.kind in ("import", "text") and place.name not in _STAYS
    ]
    # What stands in the settings' file is told with its line.
    told = {place.name for place in places if place.kind == "text"}
    yield from (each for each in _find_settings() if each.name not in told)
    for place in places:
        yield Finding(f"{place.path}:{place.line}", place.name, instead_of(place.name))
    if not files.whole:
        yield Finding("The source", f"{len(files.paths)} files", "-- only these were read")
    yield from find_classes()


def describe_idioms() -> Iterator[Finding]:
    """Yield each place that still works but means something else here."""
    for place in source.find_places(source.find_files().paths):
        remark = _find_remark(place)
        if remark:
            yield Finding(f"{place.path}:{place.line}", _describe_place(place), f"-- {remark}")


def find_classes() -> Iterator[Finding]:
    """Yield simplejwt's classes that answer requests: default ones, views, and those they name.

    The project's own class counts by its base.
    """
    try:
        for cls in default_classes():
            name = find_base(cls)
            if name and _dotted(cls) != name:
                place = f"DEFAULT_AUTHENTICATION_CLASSES: {_dotted(cls)}"
                yield Finding(place, name, instead_of(name))
        for place, view in walk(get_resolver()):
            for name in _names_in(view):
                yield Finding(place, name, instead_of(name))
    # This runs the project's code, which may import uninstalled packages.
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


def _find_remark(place: Place) -> str | None:
    name = place.name
    if place.kind == "class":
        name = name.removeprefix(f"{THEIRS}.").partition(".")[0]
    return REMARKS.get((place.kind, name)) or REMARKS.get((place.kind, ""))


def _describe_place(place: Place) -> str:
    words = {"class": "a subclass of ", "async": "in async code: "}
    ending = "(...)" if place.kind in ("async", "call") and ".objects" not in place.name else ""
    return f"{words.get(place.kind, '')}{place.name}{ending}"


def _find_settings() -> Iterator[Finding]:
    places: dict[str, Iterable[Any]] = {"INSTALLED_APPS": settings.INSTALLED_APPS}
    for name, value in getattr(settings, "REST_FRAMEWORK", {}).items():
        places[f"REST_FRAMEWORK[{name!r}]"] = value if isinstance(value, (list, tuple)) else []
    for place, entries in places.items():
        for entry in entries:
            if isinstance(entry, str) and is_theirs(entry):
                yield Finding(place, entry, _STAYS.get(entry) or instead_of(entry))


def walk(resolver: URLResolver, prefix: str = "/") -> Iterator[tuple[str, Any]]:
    """Yield the path and the view of each URL pattern."""
    for pattern in resolver.url_patterns:
        path = f"{prefix}{pattern.pattern}"
        if isinstance(pattern, URLResolver):
            yield from walk(pattern, path)
        elif isinstance(pattern, URLPattern):
            yield path, pattern.callback


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
