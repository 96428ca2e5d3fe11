"""Refusals in OpenAPI, generated from the classes that are raised and the code that answers."""

from collections.abc import Iterable
from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.plumbing import ResolvedComponent
from drf_spectacular.utils import OpenApiExample, OpenApiResponse
from rest_framework import exceptions as drf

from ... import exceptions
from ...conf import get_settings
from ...exceptions import AuthError, CSRFFailed, Throttled
from ...views import JWTView


def _family(base: type[Any]) -> tuple[type[AuthError], ...]:
    """Return the class, if it has a reason, and its subclasses, in the order of the module."""
    found = (value for value in vars(exceptions).values() if isinstance(value, type))
    return tuple(one for one in found if issubclass(one, base) and hasattr(one, "reason"))


#: What may be wrong with a token, in the order of the checks.
OF_TOKENS = _family(exceptions.TokenError)
_OF_REFRESHING = (exceptions.RefreshTokenReused, exceptions.GenerationUnknown)
OF_ACCESS = tuple(error for error in OF_TOKENS if error not in _OF_REFRESHING)
#: Refusals by the project's own policy.
OF_POLICY = _family(exceptions.SignInRefused)
#: All refusals of the endpoints.
_ALL: tuple[type[AuthError], ...] = (
    exceptions.BadAuthorizationHeader,
    exceptions.InvalidCredentials,
    *OF_POLICY,
    exceptions.InsufficientScope,
    exceptions.InsufficientUserAuthentication,
    exceptions.ActingRefused,
    exceptions.CSRFFailed,
    exceptions.TooManyTokens,
    exceptions.UnstorableText,
    exceptions.BodyTooLarge,
    exceptions.Throttled,
    exceptions.Unavailable,
    *OF_TOKENS,
)

_TEXT: dict[str, Any] = {"type": "string"}
_BY_STATUS = {
    400: _("The request body is invalid."),
    401: _("No token was sent, or the token or the sign-in is refused."),
    403: _("The user is authenticated, but not allowed to do this."),
    404: _("The caller has nothing with this id."),
    409: _("There are too many already."),
    415: _("The content type is not supported."),
    429: _("Too many attempts: wait before trying again."),
    503: _("The service is temporarily unavailable: repeat the request later."),
}


def component(name: str) -> dict[str, str]:
    """Return the reference to one of ``components()``."""
    return {"$ref": f"#/components/schemas/JWTAuth{name}"}


def _object(*required: str, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required)}


def components() -> dict[str, dict[str, Any]]:
    """Return the schemas of the bodies, by name.

    The possible words are in separate schemas: drf-spectacular would move them out of a property,
    and merge their name with the project's own enumerations of that property.
    """
    message = _object(
        "token_class", "token_type", "message", token_class=_TEXT, token_type=_TEXT, message=_TEXT
    )
    return {
        "Code": _words(error.code for error in _ALL),
        "Reason": _words(error.reason for error in _ALL),
        "Purpose": _words(get_settings().ONE_TIME.PURPOSES),
        "Refusal": _object(
            "detail",
            "code",
            "reason",
            detail={**_TEXT, "description": _("A translated sentence for people.")},
            code=component("Code"),
            reason=component("Reason"),
            messages={"type": "array", "items": message},
            methods={"type": "array", "items": _TEXT},
        ),
        # Closed, so that a body is either this or one of the others.
        "Detail": {**_object("detail", detail=_TEXT), "additionalProperties": False},
        "FieldErrors": {
            "type": "object",
            "additionalProperties": {"type": "array", "items": _TEXT},
        },
    }


def _words(words: Iterable[str]) -> dict[str, Any]:
    # An enumeration must not be empty.
    enum = list(dict.fromkeys(words))
    return {**_TEXT, "enum": enum} if enum else _TEXT


def register_components(registry: Any) -> None:
    for name, schema in components().items():
        key = f"JWTAuth{name}"
        registry.register_on_missing(
            ResolvedComponent(key, ResolvedComponent.SCHEMA, schema, object=key)
        )


def make(error: type[AuthError]) -> AuthError:
    """Return an error of the class, as it may be raised."""
    if issubclass(error, Throttled):
        return error(60)
    return error("CSRF cookie not set.") if issubclass(error, CSRFFailed) else error()


class Refusals:
    """The refusals of one operation: bodies by status, each with its own name."""

    def __init__(self) -> None:
        self._bodies: dict[int, dict[str, Any]] = {}

    def add(self, status: int, name: str, body: Any) -> None:
        # The first body of a name is kept, as a reason may have further sentences.
        self._bodies.setdefault(status, {}).setdefault(name, body)

    def add_raised(self, view: JWTView, errors: Iterable[type[AuthError]]) -> None:
        """Add the view's answers to these errors."""
        for error in errors:
            answer = view.reword(make(error))
            self.add(answer.status_code, answer.reason, answer.body())

    def add_drf(self, error: type[drf.APIException], name: str, **arguments: Any) -> None:
        """Add a refusal of Django REST framework's own."""
        self.add(error.status_code, name, {"detail": error(**arguments).detail})

    def responses(self) -> dict[int, OpenApiResponse]:
        return {status: _response(status, self._bodies[status]) for status in sorted(self._bodies)}


def _response(status: int, bodies: dict[str, Any]) -> OpenApiResponse:
    shapes = dict.fromkeys(_shape(status, body) for body in bodies.values())
    schemas = [component(name) for name in shapes]
    return OpenApiResponse(
        schemas[0] if len(schemas) == 1 else {"oneOf": schemas},
        description=_BY_STATUS[status],
        examples=[
            OpenApiExample(name, value=body, response_only=True) for name, body in bodies.items()
        ],
    )


def _shape(status: int, body: dict[str, Any]) -> str:
    if "reason" in body:
        return "Refusal"
    return "Detail" if "detail" in body else "FieldErrors"
