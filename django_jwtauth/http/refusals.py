"""How an answer refuses a request: its status, headers and body."""

import math
from typing import Any, TypeVar

from django.http import HttpResponseBase, JsonResponse
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _

from ..exceptions import AuthError, NoSubject, TokenError

Answer = TypeVar("Answer")


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


def refusal_headers(error: Exception) -> dict[str, str]:
    """Return what goes with the status: how to authenticate, or when to try again.

    Of our exceptions and DRF's, which have the same attributes.
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
    """Return the answer, marked as one that depends on ``Authorization``.

    Otherwise a cache answers one bearer, or nobody, with what was made for another (RFC
    9110, 12.5.5). What is no answer of Django's is left as it is.
    """
    if isinstance(response, HttpResponseBase):
        patch_vary_headers(response, ["Authorization"])
    return response
