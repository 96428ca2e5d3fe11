"""``OutstandingToken`` and ``BlacklistedToken``, for code that finds sign-ins and ends them.

simplejwt writes a row for each refresh token, and one for each that is refused. Here the row is
the sign-in: outstanding tokens are sign-ins, blacklisted ones those that have ended. Neither
class is a model of Django's.
"""

from datetime import datetime
from functools import partial
from typing import Any, ClassVar, NoReturn

from django.utils.functional import SimpleLazyObject

from .... import sessions
from ....conf import moments
from ....models import LoginSession
from ..exceptions import Unsupported
from .finding import TokenOfSignIn, jti_of
from .rows import FINAL, INSTEAD, KEPT, STARTED, BlacklistedTokens, OutstandingTokens


class OutstandingToken:
    """A sign-in, as the refresh token that it holds now."""

    DoesNotExist = LoginSession.DoesNotExist
    MultipleObjectsReturned = LoginSession.MultipleObjectsReturned
    objects: ClassVar[OutstandingTokens]

    def __init__(self, session: Any = None, **kwargs: Any) -> None:
        if not isinstance(session, LoginSession):
            raise Unsupported("OutstandingToken(...)", STARTED)
        self.session = session

    @property
    def pk(self) -> Any:
        return self.session.pk

    @property
    def id(self) -> Any:
        return self.session.pk

    @property
    def jti(self) -> str:
        return jti_of(self.session)

    @property
    def token(self) -> TokenOfSignIn:
        """What ``RefreshToken()`` takes; not a token that a client could send."""
        return TokenOfSignIn.of(self.session)

    @property
    def user(self) -> Any:
        return self.session.user

    @property
    def user_id(self) -> Any:
        return self.session.user_id

    @property
    def created_at(self) -> datetime:
        return self.session.created_at

    @property
    def expires_at(self) -> datetime:
        return self.session.expires_at

    @property
    def blacklistedtoken(self) -> "BlacklistedToken":
        if self.session.ended_at is None:
            raise NotBlacklisted
        return BlacklistedToken(self)

    def delete(self) -> NoReturn:
        raise Unsupported("OutstandingToken.delete()", KEPT)

    def save(self, **kwargs: Any) -> NoReturn:
        raise Unsupported("OutstandingToken.save()", INSTEAD)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, OutstandingToken) and self.pk == other.pk

    def __hash__(self) -> int:
        return hash(self.pk)

    def __str__(self) -> str:
        return f"Token for {self.user} ({self.jti})"


class BlacklistedToken:
    """A sign-in that has ended, or, once saved, ends."""

    class DoesNotExist(LoginSession.DoesNotExist):
        """No such sign-in has ended."""

    MultipleObjectsReturned = LoginSession.MultipleObjectsReturned
    objects: ClassVar[BlacklistedTokens]

    def __init__(self, token: Any = None, blacklisted_at: datetime | None = None) -> None:
        self.token = OutstandingToken(token) if isinstance(token, LoginSession) else token
        self._blacklisted_at = blacklisted_at

    @classmethod
    def of(cls, sid: Any) -> "BlacklistedToken":
        """Return the one of a sign-in, which is looked up when something of it is read."""
        blacklisted = cls()
        blacklisted.token = SimpleLazyObject(partial(OutstandingToken.objects.get, pk=sid))
        return blacklisted

    @property
    def pk(self) -> Any:
        return self.token.pk

    @property
    def id(self) -> Any:
        return self.token.pk

    @property
    def token_id(self) -> Any:
        return self.token.pk

    @property
    def blacklisted_at(self) -> datetime | None:
        # Of a legacy token that never became a sign-in, only simplejwt's table knows when.
        return self._blacklisted_at or (self.token.session.ended_at if self.token else None)

    def save(self, **kwargs: Any) -> bool:
        """End the sign-in; return whether it had not ended before."""
        if not isinstance(self.token, OutstandingToken):
            raise Unsupported("BlacklistedToken(token=...)", INSTEAD)
        ended = sessions.end(self.token.pk)
        if ended:
            self.token.session.ended_at = moments.stored(moments.now())
        return ended

    def delete(self) -> NoReturn:
        raise Unsupported("BlacklistedToken.delete()", FINAL)


class NotBlacklisted(BlacklistedToken.DoesNotExist, AttributeError):
    """As of a one-to-one relation that is not there: ``hasattr()`` is False."""


OutstandingToken.objects = OutstandingTokens(OutstandingToken)
BlacklistedToken.objects = BlacklistedTokens(BlacklistedToken)
