"""For django-allauth's headless app client: allauth authenticates users, and our tokens are issued.

``HEADLESS_TOKEN_STRATEGY = "django_jwtauth.contrib.allauth.TokenStrategy"``. A sign-in and the
session behind its ``X-Session-Token`` end together, whichever of the two is ended.
"""

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from allauth.account import signals
from allauth.account.authentication import get_authentication_records
from allauth.core import context
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.headless.base.response import UnauthorizedResponse
from allauth.headless.constants import Client
from allauth.headless.tokens.strategies.sessions import SessionTokenStrategy
from django.contrib.auth import logout, user_logged_out
from django.contrib.auth.models import AnonymousUser
from django.dispatch import receiver
from django.http import JsonResponse

from .. import credentials, sessions
from ..claims import Claims, sign_in_time
from ..exceptions import AuthError, SignInRefused, TokenError, Unavailable
from ..models import Via
from ..redacted import redact
from ..signins import rules
from ..store import identity

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser
    from django.contrib.sessions.backends.base import SessionBase
    from django.http import HttpRequest

# The key under which allauth's session keeps the claims to find its sign-in.
_SESSION_KEY = "jwtauth_sign_in"

# The words of RFC 8176, 2, where it has one; "pop" is in the same IANA registry.
_FIRST_FACTORS = {"password": "pwd", "socialaccount": "social"}
_SECOND_FACTORS = {"totp": "otp", "recovery_codes": "otp", "webauthn": "pop"}
_SENT_CODES = ("code", "password_reset")


class TokenStrategy(SessionTokenStrategy):
    """Puts ``access_token`` and ``refresh_token`` of our sign-in into allauth's answers."""

    def create_access_token_payload(self, request: "HttpRequest") -> dict[str, Any] | None:
        """Start the sign-in of the user whom allauth has just signed in.

        None if allauth requires another step. If ``HOOKS["SIGN_IN"]`` refuses, allauth's session
        ends as well.
        """
        user: Any = request.user
        if not user.is_authenticated:
            return None
        replaced = request.session.get(_SESSION_KEY)
        try:
            claims = {
                **prove(get_authentication_records(request, user)),
                **credentials.admit(user, request),
            }
            if replaced is not None:
                # A new row does not prove anything again.
                claims.setdefault("auth_time", int(sign_in_time(replaced)))
                _end_sign_in(request, user)
            # allauth has called Django's login(), now or when the session began.
            pair = sessions.start(user, request, claims, logged_in=True)
        except AuthError as error:
            logout(request)
            raise _refusal(error, request) from None
        sid = pair.session_id.hex
        request.session[_SESSION_KEY] = {
            "sub": identity.identify(user).subject,
            "sid": sid,
            "jti": sid,
            "auth_time": claims.get("auth_time"),
        }
        return {
            "access_token": pair.access,
            "refresh_token": pair.refresh,
            "expires_in": pair.expires_in,
            "refresh_expires_in": pair.refresh_expires_in,
        }

    def lookup_session(self, session_token: str) -> "SessionBase | None":
        """Return allauth's session, or None if the sign-in that it belongs to is over."""
        session: SessionBase | None = super().lookup_session(session_token)
        claims = session.get(_SESSION_KEY) if session is not None else None
        return session if claims is None or _is_live(claims) else None

    def refresh_token(self, refresh_token: str) -> tuple[str, str] | None:
        """Return the next access and refresh token, or None if it is refused.

        It returns None instead of raising, because under ``ATOMIC_REQUESTS`` an exception would
        roll back the end of a sign-in whose token was reused.
        """
        refresh_token = redact(refresh_token)
        try:
            pair = sessions.refresh(refresh_token, context.request)
        except TokenError:
            return None
        except Unavailable as error:
            raise _refusal(error) from None
        return pair.access, pair.refresh or refresh_token


def require_allauth(user: "AbstractBaseUser", request: "HttpRequest") -> None:
    """A ``HOOKS["SIGN_IN"]`` that allows only allauth, as other doors check no second factor.

    Raises ``SignInRefused``.
    """
    if _headless(request) is None or request.user.pk != user.pk:
        raise SignInRefused


def prove(records: Iterable[Mapping[str, Any]]) -> Claims:
    """Return ``amr`` (RFC 8176) and ``auth_time`` for allauth's authentication records.

    ``auth_time``, in seconds since the epoch, is when the second factor was last given, if there
    is one: a thief with a session and a password must not seem to have signed in recently.
    """
    known = [(name, record) for record in records if (name := _reference(record))]
    if not known:
        return {}
    second = [record for _name, record in known if record["method"] == "mfa"]
    amr = list(dict.fromkeys(name for name, _record in known))
    if 0 < len(second) < len(known):
        amr.append("mfa")
    proofs = second or [record for _name, record in known]
    return {"amr": amr, "auth_time": int(max(record["at"] for record in proofs))}


def _reference(record: Mapping[str, Any]) -> str | None:
    """Return the word for a method of authentication, or None for a project's own."""
    method = record["method"]
    if method == "mfa":
        return _SECOND_FACTORS.get(record["type"])
    if method in _SENT_CODES:
        # Not "otp", which means a second factor.
        return "sms" if "phone" in record else "email"
    return _FIRST_FACTORS.get(method)


def _is_live(claims: Claims) -> bool:
    try:
        return rules.load(claims).session.is_live()
    except TokenError:
        return False
    except Unavailable as error:
        raise _refusal(error) from None


def _end_sign_in(request: "HttpRequest", user: "AbstractBaseUser | None") -> None:
    claims = request.session.get(_SESSION_KEY)
    if claims is not None:
        sessions.end(claims["sid"], via=Via.API, by=user)


def _refusal(error: AuthError, request: "HttpRequest | None" = None) -> ImmediateHttpResponse:
    """Return the exception with which allauth answers our refusal in its own form."""
    status = error.status_code
    # allauth's class, or its flows would treat it as a page and answer themselves.
    response = JsonResponse({}) if request is None else UnauthorizedResponse(request)
    response.status_code = status
    body = error.body()
    errors = [{"message": body["detail"], "code": body["reason"]}]
    response.content = json.dumps(
        {**json.loads(response.content), "status": status, "errors": errors}
    )
    response["Cache-Control"] = "no-store"
    seconds = getattr(error, "retry_after", None)
    if seconds is not None:
        response["Retry-After"] = str(seconds)
    return ImmediateHttpResponse(response)


def _headless(request: Any) -> Any:
    """Return allauth's state of a request to its app endpoints, or None for other requests."""
    headless = getattr(getattr(request, "allauth", None), "headless", None)
    return headless if headless is not None and headless.client == Client.APP else None


@receiver(user_logged_out, dispatch_uid="django_jwtauth.contrib.allauth.end")
def _end_with_session(
    sender: Any, request: Any, user: "AbstractBaseUser | None", **kwargs: Any
) -> None:
    if hasattr(request, "session"):
        _end_sign_in(request, user)


@receiver(
    signals.authentication_step_completed, dispatch_uid="django_jwtauth.contrib.allauth.step_up"
)
def _renew_after_step_up(
    sender: Any, request: Any, reauthenticated: bool = False, **kwargs: Any
) -> None:
    if reauthenticated:
        _renew(request)


# The new password also ends the sign-in with which it was changed.
@receiver(
    [signals.password_changed, signals.password_set],
    dispatch_uid="django_jwtauth.contrib.allauth.password",
)
def _renew_after_password(sender: Any, request: Any, **kwargs: Any) -> None:
    _renew(request)


def _renew(request: Any) -> None:
    """Make the answer to this request contain the tokens of a new sign-in."""
    headless = _headless(request)
    if headless is not None:
        # allauth issues tokens only to users whom it did not know before the request. If it
        # renames this attribute, the tokens stay the same.
        headless._pre_user = AnonymousUser()
