"""The answers that refuse a request: status, headers and body."""

import math
from typing import Any, TypeVar

from django.http import HttpResponseBase, JsonResponse
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _

from ..conf import get_shared_settings
from ..exceptions import AuthError, NoSubject, TokenError

Answer = TypeVar("Answer")


def request_refusal(error: AuthError) -> dict[str, Any]:
    """Return the JSON body for a request whose own access token was refused.

    Like simplejwt, it has the same sentence for most of them, and the real one in ``messages``.
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


def refusal_headers(error: Exception) -> dict[str, str]:
    """Return the headers for a refusal: how to authenticate, or when to try again.

    Accepts our exceptions and DRF's, which have the same attributes.
    """
    authenticate, seconds = getattr(error, "auth_header", None), getattr(error, "wait", None)
    headers = {"WWW-Authenticate": authenticate} if authenticate else {}
    return {**headers, "Retry-After": str(math.ceil(seconds))} if seconds else headers


def refusal_response(error: AuthError) -> JsonResponse:
    """Return the answer of a plain Django view to a request that ``error`` refuses."""
    return vary(
        JsonResponse(
            request_refusal(error), status=error.status_code, headers=refusal_headers(error)
        )
    )


def vary(response: Answer) -> Answer:
    """Return the answer with the header for tokens in its ``Vary`` header.

    Otherwise a cache could serve one bearer's answer to another, or to a client without a token
    (RFC 9110, 12.5.5). Anything but an answer of Django is returned unchanged.
    """
    if isinstance(response, HttpResponseBase):
        patch_vary_headers(response, [get_shared_settings().AUTH_HEADER_NAME])
    return response
