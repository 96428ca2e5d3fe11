"""The endpoints that OAuth software expects, with form bodies, as plain Django views.

``token`` (RFC 6749), ``revoke`` (RFC 7009), ``introspect`` (RFC 7662), and ``check`` for
gateways that ask about each request. Clients are in ``JWTAUTH["CLIENTS"]``.
"""

import codecs
from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import parse_qs, quote

from django.core.exceptions import BadRequest, RequestDataTooBig, SuspiciousOperation
from django.http import HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.http.multipartparser import MultiPartParserError
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters

from .. import credentials, scopes, sessions
from ..claims import REFRESH, Claims, is_acting, is_api_token
from ..conf import get_settings, one_tenancy
from ..exceptions import (
    AuthError,
    BadAuthorizationHeader,
    BodyTooLarge,
    InsufficientScope,
    InvalidCredentials,
    SignInRefused,
    Throttled,
    TokenError,
    Unavailable,
    UnstorableText,
    challenge,
)
from ..http import bodies
from ..http.refusals import refusal_headers, vary
from ..http.transport import authenticating
from ..models import Via
from ..redacted import Redacted, redact_body
from ..store import database
from ..tokens import TokenPair
from . import oauth_clients
from .oauth_clients import InvalidClient, TwoMethods

View = Callable[[HttpRequest], HttpResponse]

# The parameters of the endpoints. None may be repeated; others are ignored (RFC 6749, 3.2).
_PARAMETERS = (
    "grant_type",
    "scope",
    "refresh_token",
    "username",
    "password",
    "token",
    "token_type_hint",
    "client_id",
    "client_secret",
)
# RFC 7662, 2.2, and our own claim for the sign-in.
_INTROSPECTED = (
    "sub",
    "exp",
    "iat",
    "nbf",
    "iss",
    "aud",
    "jti",
    "scope",
    "client_id",
    "sid",
    "act",
)
_INTROSPECTION_PERMISSION = "django_jwtauth.view_loginsession"


class OAuthError(Exception):
    """A refusal in OAuth's words (RFC 6749, 5.2)."""

    def __init__(
        self, error: str, description: str = "", status: int = 400, authenticate: str = ""
    ) -> None:
        self.error, self.description, self.status = error, description, status
        self.authenticate = authenticate
        super().__init__(error)


def endpoint(view: View) -> View:
    """Make ``view`` an endpoint: POST, no CSRF check, no caching, errors in OAuth's words."""

    @wraps(view)
    def wrapped(request: HttpRequest) -> HttpResponse:
        try:
            if request.method != "POST":
                raise OAuthError("invalid_request", "POST only", 405)
            bodies.bound(request)
            _read_form(request)
            # Hooks of the project use the database, too.
            with one_tenancy(), database.reporting_unavailable():
                response = view(request)
        except OAuthError as error:
            response = _refusal(error)
        except TwoMethods:
            response = _refusal(OAuthError("invalid_request", "two ways to authenticate"))
        except InvalidClient:
            response = _refusal(
                OAuthError("invalid_client", status=401, authenticate='Basic realm="api"')
            )
        except UnstorableText as error:
            response = _refusal(OAuthError("invalid_request", error.reason))
        except (Unavailable, Throttled) as error:
            refusal = OAuthError("temporarily_unavailable", error.reason, error.status_code)
            response = _refusal(refusal)
            for name, value in refusal_headers(error).items():
                response[name] = value
        response["Cache-Control"] = "no-store"
        response["Pragma"] = "no-cache"
        return vary(response)

    exempt: View = csrf_exempt(database.non_atomic(sensitive_post_parameters()(wrapped)))
    return authenticating(exempt)


def _refusal(error: OAuthError) -> HttpResponse:
    body = {"error": error.error, "error_description": error.description}
    response = JsonResponse({name: text for name, text in body.items() if text})
    response.status_code = error.status
    if error.status == 405:
        response["Allow"] = "POST"
    if error.authenticate:
        response["WWW-Authenticate"] = error.authenticate
    return response


def _read_form(request: HttpRequest) -> None:
    """Raise ``OAuthError`` for a form that cannot be read or repeats a parameter."""
    # Django decodes it with the charset that the client names, even if that is not for text.
    readable = codecs.lookup(request.encoding or "utf-8").name == "utf-8"
    try:
        form = redact_body(request.POST) if readable else QueryDict()
    except (BodyTooLarge, RequestDataTooBig):
        raise OAuthError("invalid_request", BodyTooLarge.reason) from None
    except (BadRequest, SuspiciousOperation, MultiPartParserError):
        readable = False
    if not readable:
        raise OAuthError("invalid_request", "The body is not a form in UTF-8")
    for name in _PARAMETERS:
        if len(form.getlist(name)) > 1:
            raise OAuthError("invalid_request", f"{name} is repeated")


def _parameter(request: HttpRequest, name: str) -> str | None:
    """Return a parameter of the form; an empty one counts as omitted (RFC 6749, 3.2)."""
    return Redacted(request.POST.get(name, "")) or None


def _required(request: HttpRequest, name: str) -> str:
    value = _parameter(request, name)
    if value is None:
        raise OAuthError("invalid_request", f"{name} is missing")
    return value


@endpoint
def token(request: HttpRequest) -> HttpResponse:
    """Refresh, or sign in with a password if ``OAUTH_PASSWORD_GRANT`` allows it."""
    oauth_clients.authenticate(request)
    grant = _required(request, "grant_type")
    scope = _parameter(request, "scope")
    try:
        if grant == "refresh_token":
            raw = _required(request, "refresh_token")
            pair = sessions.refresh(raw, request, scope=scope)
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
    username, password = _required(request, "username"), _required(request, "password")
    asked = scopes.parse(scope)
    if not credentials.fits(username, password):
        raise OAuthError("invalid_grant", InvalidCredentials.reason)
    user, claims = credentials.check(request, username, password, scope)
    # RFC 6749, 3.3: an answer without a scope would mean that all of them were granted.
    if asked and not scopes.of(claims):
        raise InsufficientScope(asked)
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
    """Revoke a token (RFC 7009). The answer is 200 for any token, so it reveals nothing.

    Whoever holds a token may revoke it. ``token_type_hint`` is not needed.
    """
    oauth_clients.authenticate(request)
    raw = _required(request, "token")
    try:
        sessions.blacklist(raw, via=Via.API, request=request)
    except TokenError:
        # RFC 7009, 2.2: an invalid token counts as revoked.
        return HttpResponse()
    return HttpResponse()


@endpoint
def introspect(request: HttpRequest) -> HttpResponse:
    """Describe a token (RFC 7662) to clients and to signed-in staff only.

    A refresh token is active only if the client asks for one by ``token_type_hint``: an API that
    asks about what it was sent must not mistake it for an access token (RFC 7662, 4).
    """
    if oauth_clients.authenticate(request) is None:
        _require_operator(request)
    raw = _required(request, "token")
    try:
        user, claims = sessions.verify(raw)
    except TokenError:
        # RFC 7662, 2.2: the answer does not say why.
        return JsonResponse({"active": False})
    if claims["token_type"] == REFRESH:
        if _parameter(request, "token_type_hint") != "refresh_token":
            return JsonResponse({"active": False})
        kind = {}
    else:
        kind = {"token_type": "Bearer"}
    # RFC 7662, 2.2: the scope is text, whatever a hook returned.
    said = {**claims, "scope": scopes.text_of(claims)}
    body = {name: said[name] for name in _INTROSPECTED if said.get(name) is not None}
    return JsonResponse({"active": True, **kind, "username": str(user.get_username()), **body})


def _require_operator(request: HttpRequest) -> None:
    """Raise a refusal unless the request has an operator's access token, not an API token."""
    user: Any = None
    claims: Claims = {}
    try:
        found = sessions.authenticate_by_header(request)
        if found is None:
            raise InvalidClient
        user, claims = found
    except (TokenError, BadAuthorizationHeader):
        pass
    may_ask = getattr(user, "is_staff", False) and user.has_perm(_INTROSPECTION_PERMISSION)
    is_person = not is_api_token(claims) and not is_acting(claims)
    if not may_ask or not is_person or not scopes.may_manage(claims):
        # RFC 7662, 2.3: as in RFC 6750; the same whatever the token lacks.
        authenticate = challenge(token_sent=True)
        raise OAuthError("invalid_token", status=401, authenticate=authenticate)


@authenticating
@csrf_exempt
@database.non_atomic
def check(request: HttpRequest) -> HttpResponse:
    """Answer a gateway that asks whether to let a request through: 204, 401 or 403 only.

    nginx turns any other status into a 500. The token must have the scopes in the query's
    ``scope``; the user is named in ``X-Auth-...`` headers.
    """
    with one_tenancy():
        return _check(request)


def _check(request: HttpRequest) -> HttpResponse:
    try:
        with database.reporting_unavailable():
            found = sessions.authenticate_by_header(request)
        if found is None:
            return _denied(401, challenge())
        user, claims = found
        scopes.require(claims, _needed(request))
    except InsufficientScope as error:
        return _denied(403, error.auth_header)
    except (TokenError, BadAuthorizationHeader) as error:
        return _denied(401, error.auth_header, error)
    except AuthError as error:
        # Nobody can tell whose the token is: Unavailable, UnstorableText.
        return _denied(403, None, error)
    response = HttpResponse(status=204)
    for name, value in _identity(str(user.get_username()), claims).items():
        response[name] = quote(value, safe=_HEADER_SAFE)
    response["X-Auth-Scope"] = " ".join(
        quote(name, safe=_HEADER_SAFE) for name in sorted(scopes.of(claims))
    )
    response["Cache-Control"] = "no-store"
    return vary(response)


def _needed(request: HttpRequest) -> list[str]:
    # Not request.GET: Django decodes the query with the charset of Content-Type, which a
    # gateway passes on, and with UTF-16 no scope would be required.
    query = parse_qs(request.META.get("QUERY_STRING", ""))
    return scopes.parse(" ".join(query.get("scope", [])))


# Visible ASCII without "%", which quotes the rest; spaces at either end would get lost.
_HEADER_SAFE = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) != "%")


def _identity(username: str, claims: Claims) -> dict[str, str]:
    return {
        "X-Auth-User": username,
        "X-Auth-Subject": claims["sub"],
        # A legacy access token belongs to no sign-in.
        "X-Auth-Session": claims["sid"] or "",
    }


def _denied(status: int, authenticate: str | None, error: AuthError | None = None) -> HttpResponse:
    response = HttpResponse(status=status)
    response["Cache-Control"] = "no-store"
    if authenticate:
        response["WWW-Authenticate"] = authenticate
    if error:
        response["X-Auth-Reason"] = error.reason
    return vary(response)
