"""The endpoints that other software already knows: OAuth bodies, form-encoded, plain Django.

``token`` (RFC 6749), ``revoke`` (RFC 7009), ``introspect`` (RFC 7662), and ``check`` for
gateways that ask before they let a request through. Clients are in ``JWTAUTH["CLIENTS"]``.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import quote

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from . import clients, credentials, lookup, scopes, sessions
from .clients import InvalidClient
from .conf import get_settings
from .exceptions import (
    AuthError,
    BadAuthorizationHeader,
    InsufficientScope,
    InvalidCredentials,
    SignInRefused,
    Throttled,
    TokenError,
    Unavailable,
)
from .models import Via
from .pairs import TokenPair
from .tokens import Claims
from .transport import challenge, get_header_token

View = Callable[[HttpRequest], HttpResponse]

# RFC 7662, 2.2, and the sign-in, which is ours.
_INTROSPECTED = ("sub", "exp", "iat", "nbf", "iss", "aud", "jti", "scope", "client_id", "sid")


class OAuthError(Exception):
    """A refusal in OAuth's words (RFC 6749, 5.2)."""

    def __init__(self, error: str, description: str = "", status: int = 400) -> None:
        self.error, self.description, self.status = error, description, status
        super().__init__(error)


def endpoint(view: View) -> View:
    """Make ``view`` an endpoint: POST, no CSRF, nothing cached, errors in OAuth's words."""

    @wraps(view)
    def wrapped(request: HttpRequest) -> HttpResponse:
        try:
            if request.method != "POST":
                raise OAuthError("invalid_request", "POST only", 405)
            response = view(request)
        except OAuthError as error:
            response = _refusal(error)
        except InvalidClient:
            response = _refusal(OAuthError("invalid_client", status=401))
            response["WWW-Authenticate"] = 'Basic realm="api"'
        except (Unavailable, Throttled) as error:
            status = 503 if isinstance(error, Unavailable) else 429
            response = _refusal(OAuthError("temporarily_unavailable", error.reason, status))
            response["Retry-After"] = str(error.retry_after)
        response["Cache-Control"] = "no-store"
        response["Pragma"] = "no-cache"
        return response

    exempt: View = csrf_exempt(lookup.non_atomic(wrapped))
    return exempt


def _refusal(error: OAuthError) -> HttpResponse:
    body = {"error": error.error, "error_description": error.description}
    response = JsonResponse({name: text for name, text in body.items() if text})
    response.status_code = error.status
    if error.status == 405:
        response["Allow"] = "POST"
    return response


def _parameter(request: HttpRequest, name: str, *, required: bool = False) -> str | None:
    """Return one parameter of the form; a repeated one is an error (RFC 6749, 3.2)."""
    values = request.POST.getlist(name)
    if len(values) > 1:
        raise OAuthError("invalid_request", f"{name} is repeated")
    value = str(values[0]) if values else ""
    if required and not value:
        raise OAuthError("invalid_request", f"{name} is missing")
    return value or None


@endpoint
def token(request: HttpRequest) -> HttpResponse:
    """Refresh, or sign in with a password where ``OAUTH_PASSWORD_GRANT`` allows it."""
    clients.authenticate(request)
    grant = _parameter(request, "grant_type", required=True)
    scope = _parameter(request, "scope")
    try:
        if grant == "refresh_token":
            raw = str(_parameter(request, "refresh_token", required=True))
            pair = sessions.refresh(raw, scope=scope)
        elif grant == "password" and get_settings().OAUTH_PASSWORD_GRANT:
            pair = _sign_in(request, scope)
        else:
            raise OAuthError("unsupported_grant_type")
    except InsufficientScope:
        raise OAuthError("invalid_scope") from None
    except (TokenError, InvalidCredentials, SignInRefused) as error:
        raise OAuthError("invalid_grant", error.reason) from None
    return JsonResponse(_pair_body(pair))


def _sign_in(request: HttpRequest, scope: str | None) -> TokenPair:
    username = str(_parameter(request, "username", required=True))
    password = str(_parameter(request, "password", required=True))
    if not credentials.fits(username, password):
        raise OAuthError("invalid_grant", InvalidCredentials.reason)
    user, claims = credentials.check(request, username, password, scope)
    return sessions.start(user, request, claims)


def _pair_body(pair: TokenPair) -> dict[str, Any]:
    body = {
        "access_token": pair.access,
        "token_type": "Bearer",
        "expires_in": pair.expires_in,
        "refresh_token": pair.refresh,
        "scope": pair.scope,
    }
    return {name: value for name, value in body.items() if value is not None}


@endpoint
def revoke(request: HttpRequest) -> HttpResponse:
    """Refuse a token from now on (RFC 7009): 200 for any token, as nothing is to be told.

    Who holds a token may revoke it. ``token_type_hint`` is a hint, and not needed.
    """
    clients.authenticate(request)
    raw = str(_parameter(request, "token", required=True))
    try:
        sessions.blacklist(raw, via=Via.API)
    except TokenError:
        # RFC 7009, 2.2: what is no token is as good as revoked.
        return HttpResponse()
    return HttpResponse()


@endpoint
def introspect(request: HttpRequest) -> HttpResponse:
    """Tell what a token is worth (RFC 7662), to clients and staff only."""
    if clients.authenticate(request) is None and not _is_staff(request):
        raise InvalidClient
    raw = str(_parameter(request, "token", required=True))
    try:
        user, claims = sessions.introspect(raw)
    except TokenError:
        # RFC 7662, 2.2: no word on why.
        return JsonResponse({"active": False})
    body = {name: claims[name] for name in _INTROSPECTED if name in claims}
    return JsonResponse(
        {"active": True, "token_type": "Bearer", "username": user.get_username(), **body}
    )


def _is_staff(request: HttpRequest) -> bool:
    try:
        raw = get_header_token(request)
        user: Any = sessions.authenticate(raw)[0] if raw else None
    except (TokenError, BadAuthorizationHeader):
        return False
    return bool(
        user
        and getattr(user, "is_staff", False)
        and user.has_perm("django_jwtauth.view_loginsession")
    )


@csrf_exempt
def check(request: HttpRequest) -> HttpResponse:
    """Tell a gateway whether to let a request through: 204, 401 or 403, nothing else.

    nginx turns any other status into a 500. ``scope`` in the query is required of the
    token; who it is goes into ``X-Auth-...`` headers.
    """
    try:
        raw = get_header_token(request)
        if raw is None:
            return _denied(401, challenge(token_sent=False))
        user, claims = sessions.authenticate(raw, request)
        scopes.require(claims, scopes.parse(" ".join(request.GET.getlist("scope"))))
    except InsufficientScope as error:
        return _denied(403, challenge(error="insufficient_scope", scope=error.scope))
    except Unavailable as error:
        return _denied(403, None, error)
    except (TokenError, BadAuthorizationHeader) as error:
        return _denied(401, challenge(token_sent=isinstance(error, TokenError)), error)
    response = HttpResponse(status=204)
    for name, value in _identity(user.get_username(), claims).items():
        response[name] = quote(value, safe=_HEADER_SAFE)
    response["Cache-Control"] = "no-store"
    return response


# Printable ASCII but "%", which quotes the rest.
_HEADER_SAFE = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) != "%")


def _identity(username: str, claims: Claims) -> dict[str, str]:
    return {
        "X-Auth-User": username,
        "X-Auth-Subject": claims["sub"],
        # An access token of a predecessor's belongs to no sign-in.
        "X-Auth-Session": claims["sid"] or "",
        "X-Auth-Scope": str(claims.get("scope", "")),
    }


def _denied(status: int, authenticate: str | None, error: AuthError | None = None) -> HttpResponse:
    response = HttpResponse(status=status)
    response["Cache-Control"] = "no-store"
    if authenticate:
        response["WWW-Authenticate"] = authenticate
    if error:
        response["X-Auth-Reason"] = error.reason
    return response
