"""How a request carries a token, and how an answer says that it was refused."""

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from .conf import get_settings
from .exceptions import AuthError, BadAuthorizationHeader, NoSubject, TokenError

if TYPE_CHECKING:
    from django.http import HttpRequest


def get_header_token(request: "HttpRequest") -> str | None:
    """Return the token of the ``Authorization`` header (RFC 6750, 2.1), None without ours.

    The scheme is compared without case (RFC 9110, 11.1). Raises
    ``BadAuthorizationHeader`` when our scheme comes with anything but one token.
    """
    parts = [part for part in request.META.get("HTTP_AUTHORIZATION", "").split(" ") if part]
    schemes = {name.lower() for name in get_settings().AUTH_HEADER_TYPES}
    if not parts or parts[0].lower() not in schemes:
        return None
    if len(parts) != 2:
        raise BadAuthorizationHeader
    return str(parts[1])


def challenge(*, token_sent: bool) -> str:
    """Return the ``WWW-Authenticate`` header of a 401 (RFC 6750, 3)."""
    value = f'{get_settings().AUTH_HEADER_TYPES[0]} realm="api"'
    return f'{value}, error="invalid_token"' if token_sent else value


def request_refusal(error: AuthError) -> dict[str, Any]:
    """Return the JSON body for a request whose own access token was refused.

    simplejwt wraps most of them in one sentence, with the real one in ``messages``.
    """
    body = error.body()
    if error.code != TokenError.code or isinstance(error, NoSubject):
        return body
    message = {"token_class": "AccessToken", "token_type": "access", "message": body["detail"]}
    return {
        **body,
        "detail": _("Given token not valid for any token type"),
        "messages": [message],
    }
