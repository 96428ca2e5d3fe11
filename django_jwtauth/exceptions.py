"""Why a request is refused: one family, each member with a stable ``reason``.

They are exceptions of Django REST framework, so a view of a project need not catch them: DRF,
or the project's own exception handler, finds the status, the headers and the body. ``code`` and
the sentences are those that clients of djangorestframework-simplejwt already understand;
``reason`` is more precise.
"""

from collections.abc import Iterable
from functools import cached_property
from typing import Any, ClassVar

from django.core.exceptions import ImproperlyConfigured
from django.utils.functional import Promise
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from rest_framework import status
from rest_framework.exceptions import APIException

from .conf import get_settings


def challenge(*, token_sent: bool = False, error: str = "", **attributes: Any) -> str:
    """Return a ``WWW-Authenticate`` header (RFC 6750, 3).

    ``attributes`` must be safe in a quoted string, and never something that a client sent.
    """
    given = {"realm": "api", "error": error or ("invalid_token" if token_sent else "")}
    pairs = [f'{name}="{value}"' for name, value in {**given, **attributes}.items() if value]
    return f"{get_settings().AUTH_HEADER_TYPES[0]} {', '.join(pairs)}"


class AuthError(APIException):
    """Base of everything this package raises about a request.

    ``reason``: stable and machine-readable. ``code``: simplejwt's word for it.
    ``sentence``: for people, translated; a subclass sets it as ``default_detail``.
    ``status_code``, ``auth_header`` and ``wait`` are the HTTP status, ``WWW-Authenticate`` and
    ``Retry-After`` (seconds), or None; DRF reads these names.
    """

    reason: ClassVar[str]
    code: str
    sentence: str | Promise

    default_detail: Any
    # By default, the client should sign in.
    status_code: int = status.HTTP_401_UNAUTHORIZED
    retry_after: int | None = None

    def __init__(self, sentence: str | Promise | None = None) -> None:
        # Not DRF's __init__, which would translate before the language is known.
        Exception.__init__(self)
        self.sentence = self.default_detail if sentence is None else sentence

    def __str__(self) -> str:
        return self.reason

    def __reduce__(self) -> tuple[Any, ...]:
        # Copied, not constructed, because subclasses take other arguments.
        return type(self).__new__, (type(self),), vars(self)

    def body(self) -> dict[str, Any]:
        """Return the JSON body: ``detail``, ``code`` and ``reason``."""
        return {"detail": str(self.sentence), "code": self.code, "reason": self.reason}

    @cached_property
    def detail(self) -> Any:  # type: ignore[override]
        """The body in DRF's form, in which each text has the ``code``."""
        return APIException(self.body(), self.code).detail

    @property
    def default_code(self) -> str:  # type: ignore[override]
        return self.code

    @property
    def auth_header(self) -> str | None:
        if self.status_code != status.HTTP_401_UNAUTHORIZED:
            return None
        return challenge(token_sent=isinstance(self, TokenError))

    @property
    def wait(self) -> int | None:
        return self.retry_after


class NotAuthenticated(AuthError):
    """The request needs a token, but has none."""

    reason = "not_authenticated"
    code = "not_authenticated"
    default_detail = _("Authentication credentials were not provided.")


class BadAuthorizationHeader(AuthError):
    """The ``Authorization`` header has our scheme but not exactly one token."""

    reason = "bad_header"
    code = "bad_authorization_header"
    default_detail = _("Authorization header must contain two space-delimited values")


class InvalidCredentials(AuthError):
    """Name or password is wrong, or the account is inactive; the answer does not say which."""

    reason = "invalid_credentials"
    code = "no_active_account"
    default_detail = _("No active account found with the given credentials")


class SignInRefused(AuthError):
    """Raised by a project's ``HOOKS["SIGN_IN"]``: the right password is not enough."""

    reason = "sign_in_refused"
    code = "sign_in_refused"
    default_detail = _("Signing in needs another step")


class MFARequired(SignInRefused):
    """The client must send the request again, with a second factor.

    ``methods``: the names of the fields in which the client may send one, such as ``("otp",)``.
    """

    reason = "mfa_required"
    code = "mfa_required"
    default_detail = _("Signing in needs a second factor")

    def __init__(
        self, sentence: str | Promise | None = None, *, methods: Iterable[str] = ()
    ) -> None:
        super().__init__(sentence)
        self.methods = tuple(methods)

    def body(self) -> dict[str, Any]:
        """Return the JSON body, with ``methods`` if there are any."""
        return {**super().body(), **({"methods": list(self.methods)} if self.methods else {})}


class UnusableKey(SignInRefused, ValueError):
    """The user's primary key cannot be the ``sub`` of a token, so none is issued.

    It has more than 255 characters or a control character, or it cannot be read back from its
    text, like a binary key.
    """

    reason = "unusable_key"
    code = "unusable_key"
    default_detail = _("This account cannot sign in here")


class InsufficientScope(AuthError):
    """The request needs, or asks for, more than the token was granted; ``scope``: what it needs."""

    status_code = status.HTTP_403_FORBIDDEN
    reason = "insufficient_scope"
    code = "insufficient_scope"
    default_detail = _("The token lacks a scope")

    def __init__(self, needed: Iterable[str] = ()) -> None:
        super().__init__()
        self.scope = " ".join(needed)

    @property
    def auth_header(self) -> str:
        # A client may have sent the scope, so nothing long may reach a header.
        return challenge(error=self.code, scope=self.scope if len(self.scope) <= 1024 else "")


class InsufficientUserAuthentication(AuthError):
    """The user must sign in again, or by another method (RFC 9470, 3).

    ``max_age``: how many seconds ago they may have signed in; None if that does not matter.
    """

    status_code = status.HTTP_403_FORBIDDEN
    reason = "insufficient_user_authentication"
    code = "insufficient_user_authentication"
    default_detail = _("Sign in again to do this.")

    def __init__(
        self, sentence: str | Promise | None = None, *, max_age: int | None = None
    ) -> None:
        super().__init__(sentence)
        self.max_age = max_age

    @property
    def auth_header(self) -> str:
        return challenge(error=self.code, max_age="" if self.max_age is None else str(self.max_age))


class ActingRefused(AuthError):
    """The caller may not act for this user; the sentence says why."""

    status_code = status.HTTP_403_FORBIDDEN
    reason = "acting_refused"
    code = "acting_refused"
    default_detail = _("You may not act for other users.")


class CSRFFailed(AuthError):
    """A browser may have been tricked into sending the request; ``why``: Django's reason."""

    status_code = status.HTTP_403_FORBIDDEN
    reason = "csrf_failed"
    code = "csrf_failed"
    default_detail = _("CSRF check failed: {reason}")

    def __init__(self, why: str) -> None:
        super().__init__(format_lazy(self.default_detail, reason=why))


class TooManyTokens(AuthError):
    """The user has as many API tokens as ``API_TOKENS["MAX_PER_USER"]`` allows."""

    status_code = status.HTTP_409_CONFLICT
    reason = "too_many_tokens"
    code = "too_many_tokens"
    default_detail = _("You have reached the limit of API tokens: revoke one first")


class BodyTooLarge(AuthError):
    """The request's body is longer than any endpoint needs."""

    status_code = status.HTTP_400_BAD_REQUEST
    reason = "body_too_large"
    code = "body_too_large"
    default_detail = _("The body of the request is larger than 64 KB")


class Throttled(AuthError):
    """Too many attempts to sign in, or rows written; ``retry_after``: seconds to wait."""

    status_code = status.HTTP_429_TOO_MANY_REQUESTS
    reason = "throttled"
    code = "throttled"
    default_detail = _("Too many attempts, try again later")

    retry_after: int

    def __init__(self, retry_after: int) -> None:
        super().__init__()
        self.retry_after = retry_after


class Unavailable(AuthError):
    """The database or the issuer's keys are unavailable, so the token cannot be checked.

    This never means that the token is bad.
    """

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    reason = "unavailable"
    code = "unavailable"
    default_detail = _("Temporarily unavailable, try again")

    #: Seconds after which to try again.
    retry_after: int = 5


class UnstorableText(AuthError):
    """The database cannot store a text or its characters: bad input, not a failed database."""

    status_code = status.HTTP_400_BAD_REQUEST
    reason = "unstorable_text"
    code = "invalid"
    default_detail = _("A text is too long or has characters that cannot be stored here")


class TokenError(AuthError):
    """Base of the reasons why a token is refused."""

    code = "token_not_valid"
    default_detail = _("Token is invalid")


class MalformedToken(TokenError):
    """Not in the form of our tokens: encoding, header or claims."""

    reason = "malformed"


class NoSubject(MalformedToken):
    """A token that names no user."""

    default_detail = _("Token contained no recognizable user identification")


class BadSignature(TokenError):
    """The signature was not made with a key of this deployment."""

    reason = "bad_signature"


class WrongTokenType(TokenError):
    """An authentic token, but of the wrong kind."""

    reason = "wrong_type"
    default_detail = _("Token has wrong type")


class ExpiredToken(TokenError):
    """``exp`` has passed, or the sign-in has reached its absolute lifetime."""

    reason = "expired"
    default_detail = _("Token is expired")


class TokenNotYetValid(TokenError):
    """``nbf`` is in the future."""

    reason = "not_yet_valid"


class TooLongLived(TokenError):
    """A token of ``ISSUERS`` that is valid for longer than its issuer's tokens may be."""

    reason = "too_long_lived"


class WrongIssuer(TokenError):
    """``iss`` is not the configured ``ISSUER``."""

    reason = "wrong_issuer"


class NoTenant(TokenError, ImproperlyConfigured):
    """``HOOKS["TENANT"]`` returned None: outside every tenant no token is issued or accepted.

    A client sees a refusal. Python code may catch it as an ``ImproperlyConfigured``, too.
    """

    reason = "no_tenant"
    default_detail = _("No token is accepted here")

    def __str__(self) -> str:
        return (
            "JWTAUTH['HOOKS']['TENANT'] returned None, and outside every tenant no token is "
            "issued or accepted. If users sign in there, return an ISSUER there, too."
        )


class WrongAudience(TokenError):
    """``aud`` does not name this API."""

    reason = "wrong_audience"


class UserNotFound(TokenError):
    """The user was deleted, or the user model's default manager hides them."""

    reason = "user_not_found"
    code = "user_not_found"
    default_detail = _("User not found")


class SessionEnded(TokenError):
    """The sign-in has ended, or is unknown."""

    reason = "session_ended"
    default_detail = _("Token is blacklisted")


class ActingEnded(TokenError):
    """Of a user who acts for another: their own sign-in is over, so the token is, too."""

    reason = "acting_ended"
    default_detail = _("Token is blacklisted")


class TokenBlacklisted(TokenError):
    """This token is blacklisted; its sign-in may still be live."""

    reason = "blacklisted"
    default_detail = _("Token is blacklisted")


class UserInactive(TokenError):
    """The user exists, but ``is_active`` is false."""

    reason = "user_inactive"
    code = "user_inactive"
    default_detail = _("User is inactive")


class CredentialsChanged(TokenError):
    """The password was changed after the sign-in started."""

    reason = "credentials_changed"
    code = "password_changed"
    default_detail = _("The user's password has been changed.")


class RefreshTokenReused(TokenError):
    """A superseded refresh token was used again: someone may hold a copy."""

    reason = "reused"
    default_detail = _("Token is blacklisted")


class GenerationUnknown(TokenError):
    """The refresh token is newer than the row: the database was restored from a backup."""

    reason = "generation_unknown"
