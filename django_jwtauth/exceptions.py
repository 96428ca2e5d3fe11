"""Why a request is refused: one family, each member with a stable ``reason``.

Nothing here knows HTTP. ``code`` and ``detail`` are the ones that clients of
djangorestframework-simplejwt already understand; ``reason`` says more.
"""

from collections.abc import Iterable
from typing import Any, ClassVar

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class AuthError(Exception):
    """Base of everything this package raises about a request.

    ``reason``: stable, machine readable. ``code``: simplejwt's word for it.
    ``detail``: a sentence for people, translated.
    """

    reason: ClassVar[str]
    code: ClassVar[str]
    detail: str | Promise

    def __init__(self, detail: str | Promise | None = None) -> None:
        super().__init__()
        if detail is not None:
            self.detail = detail

    def __str__(self) -> str:
        return self.reason

    def __reduce__(self) -> tuple[Any, ...]:
        # As it is, not made anew: subclasses take other arguments.
        return type(self).__new__, (type(self),), vars(self)

    def body(self) -> dict[str, Any]:
        """Return the JSON body: ``detail``, ``code`` and ``reason``."""
        return {"detail": str(self.detail), "code": self.code, "reason": self.reason}


class NotAuthenticated(AuthError):
    """The request carries no token, and needs one."""

    reason = "not_authenticated"
    code = "not_authenticated"
    detail = _("Authentication credentials were not provided.")


class BadAuthorizationHeader(AuthError):
    """The ``Authorization`` header has our scheme but not exactly one token."""

    reason = "bad_header"
    code = "bad_authorization_header"
    detail = _("Authorization header must contain two space-delimited values")


class InvalidCredentials(AuthError):
    """Name and password do not belong to an active account, which one is not said."""

    reason = "invalid_credentials"
    code = "no_active_account"
    detail = _("No active account found with the given credentials")


class SignInRefused(AuthError):
    """Raised by a project's ``SIGN_IN_HOOK``: the password was right, that is not enough."""

    reason = "sign_in_refused"
    code = "sign_in_refused"
    detail = _("Signing in needs another step")


class MFARequired(SignInRefused):
    """The same is to be sent again, with a second factor.

    ``methods``: the names under which the client may send one, such as ``("otp",)``.
    """

    reason = "mfa_required"
    code = "mfa_required"
    detail = _("Signing in needs a second factor")

    def __init__(self, detail: str | Promise | None = None, *, methods: Iterable[str] = ()) -> None:
        super().__init__(detail)
        self.methods = tuple(methods)

    def body(self) -> dict[str, Any]:
        """Return the JSON body, with ``methods`` when there are any."""
        return {**super().body(), **({"methods": list(self.methods)} if self.methods else {})}


class UnusableKey(SignInRefused, ValueError):
    """The user's primary key cannot be the ``sub`` of a token, so none is issued.

    It has more than 255 characters, or a control character, or its text does not lead back
    to it, as that of a binary key.
    """

    reason = "unusable_key"
    code = "unusable_key"
    detail = _("This account cannot be signed in here")


class InsufficientScope(AuthError):
    """More is needed, or asked for, than the token was granted; ``scope``: what is needed."""

    reason = "insufficient_scope"
    code = "insufficient_scope"
    detail = _("The token lacks a scope")

    def __init__(self, needed: Iterable[str] = ()) -> None:
        super().__init__()
        self.scope = " ".join(needed)


class TooManyTokens(AuthError):
    """The user has as many API tokens as ``MAX_API_TOKENS_PER_USER`` allows."""

    reason = "too_many_tokens"
    code = "too_many_tokens"
    detail = _("You have as many API tokens as are allowed: revoke one first")


class BodyTooLarge(AuthError):
    """The request's body is longer than any that an endpoint has a use for."""

    reason = "body_too_large"
    code = "body_too_large"
    detail = _("The body of the request is larger than 64 KB")


class Throttled(AuthError):
    """Too many failed attempts to sign in; ``retry_after``: seconds to wait."""

    reason = "throttled"
    code = "throttled"
    detail = _("Too many attempts, try again later")

    def __init__(self, retry_after: int) -> None:
        super().__init__()
        self.retry_after = retry_after


class Unavailable(AuthError):
    """Neither the database nor the issuer's keys can tell whether the token is good.

    Never means that it is bad.
    """

    reason = "unavailable"
    code = "unavailable"
    detail = _("Temporarily unavailable, try again")

    #: Seconds after which to try again.
    retry_after: ClassVar[int] = 5


class TokenError(AuthError):
    """Base of the reasons why a token is refused."""

    code = "token_not_valid"
    detail = _("Token is invalid")


class MalformedToken(TokenError):
    """Not a token of ours in form: encoding, header or claims."""

    reason = "malformed"


class NoSubject(MalformedToken):
    """A token that names no user."""

    detail = _("Token contained no recognizable user identification")


class BadSignature(TokenError):
    """No key of this deployment made the signature."""

    reason = "bad_signature"


class WrongTokenType(TokenError):
    """An authentic token of another kind than the one asked for."""

    reason = "wrong_type"
    detail = _("Token has wrong type")


class ExpiredToken(TokenError):
    """``exp`` has passed, or the sign-in has reached its absolute lifetime."""

    reason = "expired"
    detail = _("Token is expired")


class TokenNotYetValid(TokenError):
    """``nbf`` lies in the future."""

    reason = "not_yet_valid"


class WrongIssuer(TokenError):
    """``iss`` is not the configured ``ISSUER``."""

    reason = "wrong_issuer"


class WrongAudience(TokenError):
    """``aud`` does not name this API."""

    reason = "wrong_audience"


class UserNotFound(TokenError):
    """The user is gone, or hidden by the user model's default manager."""

    reason = "user_not_found"
    code = "user_not_found"
    detail = _("User not found")


class SessionEnded(TokenError):
    """The sign-in was ended, or is not known."""

    reason = "session_ended"
    detail = _("Token is blacklisted")


class TokenBlacklisted(TokenError):
    """This one token was blacklisted."""

    reason = "blacklisted"
    detail = _("Token is blacklisted")


class UserInactive(TokenError):
    """The user exists and ``is_active`` is false."""

    reason = "user_inactive"
    code = "user_inactive"
    detail = _("User is inactive")


class CredentialsChanged(TokenError):
    """The password was changed after the sign-in."""

    reason = "credentials_changed"
    code = "password_changed"
    detail = _("The user's password has been changed.")


class RefreshTokenReused(TokenError):
    """A superseded refresh token came back: someone may hold a copy."""

    reason = "reused"
    detail = _("Token is blacklisted")


class GenerationUnknown(TokenError):
    """The refresh token is newer than the row: the database was restored from a backup."""

    reason = "generation_unknown"
