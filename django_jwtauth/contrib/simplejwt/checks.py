"""Report settings in ``SIMPLE_JWT`` that have no effect, once a project has moved.

``django_jwtauth.checks`` calls this module.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from django.conf import settings
from django.urls import get_resolver
from rest_framework.settings import api_settings as rest_framework

from ... import authentication, views
from ...claims import ACCESS
from ...conf import get_settings
from .move import advice, configuration, project
from .move.configuration import DEFAULTS
from .move.names import HERE, THEIRS, relocate

#: Settings that only the classes in this package read, and the core's classes without them.
_READ_HERE: Mapping[str, tuple[type, ...]] = {
    "USER_AUTHENTICATION_RULE": (views.TokenObtainPairView, views.TokenRefreshView),
    "TOKEN_OBTAIN_SERIALIZER": (views.TokenObtainPairView,),
    "TOKEN_REFRESH_SERIALIZER": (views.TokenRefreshView,),
    "TOKEN_VERIFY_SERIALIZER": (views.TokenVerifyView,),
    "TOKEN_BLACKLIST_SERIALIZER": (views.TokenBlacklistView,),
    "AUTH_TOKEN_CLASSES": (authentication.JWTAuthentication,),
    "TOKEN_USER_CLASS": (authentication.JWTStatelessUserAuthentication,),
}
_IMPORTED = ("AUTH_TOKEN_CLASSES", "JSON_ENCODER", "TOKEN_USER_CLASS", "USER_AUTHENTICATION_RULE")


class Problem(NamedTuple):
    """One setting that has no effect; ``fatal`` if the project would be less safe, or not work."""

    message: str
    fatal: bool


def find_problems(*, in_use: bool) -> Iterator[Problem]:
    """Yield settings that have no effect; ``in_use``: whether the project uses these modules."""
    yield from _find_unsaid()
    yield from _find_unread()
    if in_use:
        yield from _find_unusable()
    for name, value in configuration.given().items():
        if name not in DEFAULTS:
            yield Problem(f"SIMPLE_JWT has no setting {name!r}, and never had.", fatal=False)
        elif name == "CHECK_USER_IS_ACTIVE" and not value:
            yield Problem(
                "SIMPLE_JWT['CHECK_USER_IS_ACTIVE']: inactive users are always refused.",
                fatal=True,
            )
        elif name in ("TOKEN_TYPE_CLAIM", "JTI_CLAIM") and value != DEFAULTS[name]:
            yield Problem(
                f"SIMPLE_JWT[{name!r}] is read only for simplejwt's own tokens; for those issued "
                f"here, {advice.NO_EQUIVALENT[name]}.",
                fatal=False,
            )


def _find_unsaid() -> Iterator[Problem]:
    """Yield settings that the doctor would write into ``JWTAUTH``, but that are not there."""
    said, lines = getattr(settings, "JWTAUTH", {}), advice.advise().lines
    symmetric = str(configuration.get("ALGORITHM")).startswith("HS")
    sources = {**{name: name for name in advice.SAME}, **advice.MOVED}
    for name in sources.keys() & configuration.given().keys():
        ours = sources[name]
        # The doctor cannot take over every key.
        own_key = not symmetric or configuration.get("SIGNING_KEY") != settings.SECRET_KEY
        # Nor a header of any name.
        other_header = name == "AUTH_HEADER_NAME" and _is_changed(name)
        if ours not in said and (ours in lines or other_header or (ours == "KEYS" and own_key)):
            yield Problem(
                f"SIMPLE_JWT[{name!r}] has no effect on the tokens issued here: write {ours} "
                "into JWTAUTH, as `jwtauth_doctor --from-simplejwt` prints it.",
                # Another service may verify with the secret; this is unknown here.
                fatal=ours != "KEYS" or not symmetric,
            )
    conf = get_settings()
    if not configuration.names_subject() and (conf.USER_ID_CLAIM or not conf.HOOKS.CLAIMS):
        yield Problem(
            "SIMPLE_JWT['USER_ID_FIELD'] is not the field that tokens issued here name: write it "
            "into JWTAUTH as SUBJECT_FIELD. If it is not unique, return it from HOOKS['CLAIMS'], "
            "and remove USER_ID_CLAIM from JWTAUTH.",
            fatal=conf.USER_ID_CLAIM is not None,
        )


def _find_unread() -> Iterator[Problem]:
    """Yield settings that the core's classes, which the project uses, do not read."""
    changed = {name: kinds for name, kinds in _READ_HERE.items() if _is_changed(name)}
    used = list(_find_used()) if changed else []
    for name, kinds in changed.items():
        for place, cls in used:
            if issubclass(cls, kinds) and not _is_here(cls):
                yield Problem(
                    f"SIMPLE_JWT[{name!r}] is not read by {cls.__module__}.{cls.__qualname__} "
                    f"({place}): use the class from {HERE}, or remove the setting.",
                    fatal=True,
                )


def _is_changed(name: str) -> bool:
    value = configuration.get(name)
    if name == "AUTH_TOKEN_CLASSES":
        # Its own sliding tokens are accepted wherever access tokens are.
        return not all(str(path).startswith(f"{THEIRS}.") for path in value)
    return bool(relocate(value) != relocate(DEFAULTS[name]))


def _find_used() -> Iterator[tuple[str, type]]:
    try:
        default: Iterable[Any] = rest_framework.DEFAULT_AUTHENTICATION_CLASSES
        found = [("DEFAULT_AUTHENTICATION_CLASSES", cls) for cls in default]
        found += [(path, getattr(view, "cls", None)) for path, view in project.walk(get_resolver())]
    # This runs the project's code; Django's own checks report errors in it.
    except Exception:
        return
    yield from ((place, cls) for place, cls in found if isinstance(cls, type))


def _is_here(cls: type) -> bool:
    return any(base.__module__.startswith(f"{HERE}.") for base in cls.__mro__)


def _find_unusable() -> Iterator[Problem]:
    """Yield dotted paths that cannot be imported, or are not a class of an access token."""
    # Imported here, so that a project that does not use it does not load it.
    from .settings import api_settings
    from .tokens import Token

    for name in _IMPORTED:
        try:
            found: Any = getattr(api_settings, name)
        except ImportError as error:
            yield Problem(f"SIMPLE_JWT[{name!r}] cannot be imported: {error}", fatal=True)
            continue
        for cls in found if name == "AUTH_TOKEN_CLASSES" else ():
            if not (issubclass(cls, Token) and cls.token_type == ACCESS):
                yield Problem(
                    f"SIMPLE_JWT['AUTH_TOKEN_CLASSES']: {cls.__qualname__} is not a subclass of "
                    f"{HERE}.tokens.AccessToken.",
                    fatal=True,
                )
