"""``OutstandingToken`` and ``BlacklistedToken``, for code that finds sign-ins and ends them.

simplejwt writes a row for each refresh token, and one for each that is refused. Here the row is
the sign-in: outstanding tokens are sign-ins, blacklisted ones those that have ended. Neither
class is a model of Django's, and what cannot be asked of a sign-in is refused loudly.
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Any, ClassVar, NoReturn

from django.contrib.auth import get_user_model
from django.db.models import Q
from django.utils.functional import SimpleLazyObject

from .... import sessions
from ....claims import REFRESH, Claims, is_sid
from ....conf import get_settings, moments
from ....exceptions import ExpiredToken, TokenError
from ....models import Kind, LoginSession, LoginSessionQuerySet
from ....redacted import Redacted
from ....signins import legacy, rules
from ....store import database
from ....tokens import decode
from ..exceptions import Unsupported
from ..move import importer, tables
from ..move.decoder import session_id

_INSTEAD = "see django_jwtauth.models.LoginSession, whose rows are the sign-ins"
_KEPT = (
    "rows are kept as a record, and jwtauth_purge deletes them in time. To sign users out, "
    "BlacklistedToken.objects.get_or_create(token=...) or LoginSession.objects.filter(...).end()"
)
_FINAL = "what has ended stays ended: the user signs in again"
_STARTED = "a sign-in gets its row when it starts: RefreshToken.for_user(user)"

#: What may be asked of an outstanding token, and the column of the sign-in that it is.
_COLUMNS = {
    "id": "pk",
    "pk": "pk",
    "user": "user",
    "user_id": "user_id",
    "created_at": "created_at",
    "expires_at": "expires_at",
}


class TokenOfSignIn(Redacted):
    """What stands for the refresh token of a sign-in, which is stored nowhere: no token.

    A token class takes it, so that code may look at what it says, and blacklist it.
    """

    session: LoginSession

    @classmethod
    def of(cls, session: LoginSession) -> "TokenOfSignIn":
        token = cls(f"<the refresh token of sign-in {session.sid}>")
        token.session = session
        return token

    @property
    def answer(self) -> tuple[Any, Claims]:
        """The user and the claims of the token. Raises the ``TokenError`` that refuses it."""
        session = self.session
        rules.check_row(session)
        if moments.aware(session.expires_at) <= moments.now():
            raise ExpiredToken
        return session.user, {
            "token_type": REFRESH,
            "sub": session.subject,
            "sid": session.sid,
            "gen": session.generation,
            "jti": _jti(session),
            "iat": int(moments.aware(session.refreshed_at).timestamp()),
            "exp": int(moments.aware(session.expires_at).timestamp()),
        }


class OutstandingToken:
    """A sign-in, as the refresh token that it holds now."""

    DoesNotExist = LoginSession.DoesNotExist
    MultipleObjectsReturned = LoginSession.MultipleObjectsReturned
    objects: ClassVar["OutstandingTokens"]

    def __init__(self, session: Any = None, **kwargs: Any) -> None:
        if not isinstance(session, LoginSession):
            raise Unsupported("OutstandingToken(...)", _STARTED)
        self.session = session

    @property
    def pk(self) -> Any:
        return self.session.pk

    @property
    def id(self) -> Any:
        return self.session.pk

    @property
    def jti(self) -> str:
        return _jti(self.session)

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
        raise Unsupported("OutstandingToken.delete()", _KEPT)

    def save(self, **kwargs: Any) -> NoReturn:
        raise Unsupported("OutstandingToken.save()", _INSTEAD)

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
    objects: ClassVar["BlacklistedTokens"]

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
        return self._blacklisted_at or self.token.session.ended_at

    def save(self, **kwargs: Any) -> bool:
        """End the sign-in; return whether it had not ended before."""
        if not isinstance(self.token, OutstandingToken):
            raise Unsupported("BlacklistedToken(token=...)", _INSTEAD)
        ended = sessions.end(self.token.pk)
        if ended:
            self.token.session.ended_at = moments.stored(moments.now())
        return ended

    def delete(self) -> NoReturn:
        raise Unsupported("BlacklistedToken.delete()", _FINAL)


class NotBlacklisted(BlacklistedToken.DoesNotExist, AttributeError):
    """As of a one-to-one relation that is not there: ``hasattr()`` is False."""


class _Rows:
    """What a manager and its querysets do: the part of it that sign-ins have an answer to."""

    what: ClassVar[str]

    def __init__(self, rows: LoginSessionQuerySet | None = None) -> None:
        self._chosen = rows

    def _base(self) -> LoginSessionQuerySet:
        return database.sign_ins().of_kind(Kind.SIGN_IN).select_related("user")

    @property
    def rows(self) -> LoginSessionQuerySet:
        return self._base() if self._chosen is None else self._chosen

    def _wrap(self, session: LoginSession) -> Any:
        raise NotImplementedError

    def _condition(self, name: str, value: Any) -> Q:
        raise NotImplementedError

    def _translate(self, args: tuple[Any, ...], lookups: dict[str, Any]) -> Q:
        if args:
            raise Unsupported(f"{self.what}.objects.filter(Q(...))", _INSTEAD)
        return Q(*(self._condition(name, value) for name, value in lookups.items()))

    def all(self) -> Any:
        return type(self)(self.rows)

    def none(self) -> Any:
        return type(self)(self.rows.none())

    def filter(self, *args: Any, **lookups: Any) -> Any:
        return type(self)(self.rows.filter(self._translate(args, lookups)))

    def exclude(self, *args: Any, **lookups: Any) -> Any:
        return type(self)(self.rows.exclude(self._translate(args, lookups)))

    def select_related(self, *names: str) -> Any:
        return self.all()

    def order_by(self, *names: str) -> Any:
        columns = [self._column(name) for name in names]
        return type(self)(self.rows.order_by(*columns))

    def latest(self, name: str) -> Any:
        return self._wrap(self.rows.latest(self._column(name)))

    def _column(self, name: str) -> str:
        column = _COLUMNS.get(name.removeprefix("-"))
        if column is None:
            raise Unsupported(f"{self.what}.objects.order_by({name!r})", _INSTEAD)
        return f"-{column}" if name.startswith("-") else column

    def get(self, *args: Any, **lookups: Any) -> Any:
        return self._wrap(self.filter(*args, **lookups).rows.get())

    def first(self) -> Any:
        session = self.rows.first()
        return None if session is None else self._wrap(session)

    def last(self) -> Any:
        session = self.rows.last()
        return None if session is None else self._wrap(session)

    def count(self) -> int:
        return self.rows.count()

    def exists(self) -> bool:
        return self.rows.exists()

    def iterator(self, chunk_size: int = 2000) -> Iterator[Any]:
        return map(self._wrap, self.rows.iterator(chunk_size))

    def values_list(self, *names: str, flat: bool = False) -> list[Any]:
        """Return values of these attributes: a list, not a subquery."""
        values = [tuple(getattr(token, name) for name in names) for token in self]
        return [value for (value,) in values] if flat else values

    def __iter__(self) -> Iterator[Any]:
        return map(self._wrap, self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __bool__(self) -> bool:
        return self.exists()

    def __getitem__(self, which: Any) -> Any:
        found = self.rows[which]
        return self._wrap(found) if isinstance(found, LoginSession) else [*map(self._wrap, found)]

    def delete(self) -> NoReturn:
        raise Unsupported(f"{self.what}.objects.filter(...).delete()", _KEPT)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        raise Unsupported(f"{self.what}.objects.{name}()", _INSTEAD)


class OutstandingTokens(_Rows):
    """All sign-ins, those that have ended among them, as in simplejwt.

    Legacy tokens of a user that is asked for, or of a ``jti``, become sign-ins first.
    """

    what = "OutstandingToken"

    def _wrap(self, session: LoginSession) -> OutstandingToken:
        return OutstandingToken(session)

    def _condition(self, name: str, value: Any) -> Q:
        field, _, lookup = name.partition("__")
        if field in _COLUMNS:
            if field in ("user", "user_id"):
                _import_of(lookup, value)
            return Q(**{"__".join(filter(None, [_COLUMNS[field], lookup])): value})
        if name == "jti":
            return Q(pk=_find_sid(value))
        if name == "jti__in":
            return Q(pk__in=[_find_sid(jti) for jti in value])
        if name == "token":
            return Q(pk=_read_sid(value))
        if name == "blacklistedtoken__isnull" or (name == "blacklistedtoken" and value is None):
            return Q(ended_at__isnull=value is not False)
        raise Unsupported(f"OutstandingToken.objects.filter({name}=...)", _INSTEAD)

    def create(self, **kwargs: Any) -> NoReturn:
        raise Unsupported("OutstandingToken.objects.create()", _STARTED)

    def get_or_create(
        self, defaults: dict[str, Any] | None = None, **lookups: Any
    ) -> tuple[OutstandingToken, bool]:
        found = self.filter(**lookups).first()
        return (found, False) if found else self.create()


class BlacklistedTokens(_Rows):
    """The sign-ins that have ended; what is created here ends."""

    what = "BlacklistedToken"

    def _base(self) -> LoginSessionQuerySet:
        return super()._base().exclude(ended_at=None)

    def _wrap(self, session: LoginSession) -> BlacklistedToken:
        return BlacklistedToken(OutstandingToken(session))

    def _condition(self, name: str, value: Any) -> Q:
        if name in ("token", "token_id", "id", "pk"):
            return Q(pk=getattr(value, "pk", value))
        if name == "token__in":
            return Q(pk__in=[getattr(each, "pk", each) for each in value])
        if name.partition("__")[0] == "blacklisted_at":
            return Q(**{name.replace("blacklisted_at", "ended_at", 1): value})
        if name.startswith("token__"):
            return OutstandingTokens()._condition(name.removeprefix("token__"), value)
        raise Unsupported(f"BlacklistedToken.objects.filter({name}=...)", _INSTEAD)

    def filter(self, *args: Any, **lookups: Any) -> Any:
        """``token__jti`` alone also finds a token that was refused by itself, or superseded."""
        if not args and lookups.keys() == {"token__jti"}:
            return _Refused(str(lookups["token__jti"]))
        return super().filter(*args, **lookups)

    def get(self, *args: Any, **lookups: Any) -> Any:
        found = self.filter(*args, **lookups)
        return found.get() if isinstance(found, _Refused) else self._wrap(found.rows.get())

    def create(self, token: Any = None, **kwargs: Any) -> BlacklistedToken:
        return self.get_or_create(token=token)[0]

    def get_or_create(
        self, defaults: Any = None, token: Any = None, **kwargs: Any
    ) -> tuple[BlacklistedToken, bool]:
        """End the sign-in; return whether it had not ended before, as the second."""
        blacklisted = BlacklistedToken(token)
        return blacklisted, blacklisted.save()

    update_or_create = get_or_create

    def bulk_create(self, tokens: Iterable[BlacklistedToken], **kwargs: Any) -> list[Any]:
        blacklisted = list(tokens)
        for each in blacklisted:
            each.save()
        return blacklisted

    def delete(self) -> NoReturn:
        raise Unsupported("BlacklistedToken.objects.filter(...).delete()", _FINAL)


class _Refused(list[BlacklistedToken]):
    """One blacklisted token by its ``jti``, if it is one; asked as a queryset is."""

    def __init__(self, jti: str) -> None:
        super().__init__(_find_refused(jti))

    def exists(self) -> bool:
        return bool(self)

    def count(self) -> int:  # type: ignore[override]
        return len(self)

    def first(self) -> BlacklistedToken | None:
        return self[0] if self else None

    def get(self) -> BlacklistedToken:
        if not self:
            raise BlacklistedToken.DoesNotExist
        return self[0]

    def delete(self) -> NoReturn:
        raise Unsupported("BlacklistedToken.objects.filter(...).delete()", _FINAL)


OutstandingToken.objects = OutstandingTokens()
BlacklistedToken.objects = BlacklistedTokens()


def _jti(session: LoginSession) -> str:
    """Return the ``jti`` of the refresh token that the sign-in holds now."""
    return f"{session.sid}:{session.generation}"


def _find_sid(jti: Any) -> str:
    """Return the id of the sign-in that a ``jti`` belongs to, be it a legacy token's."""
    sid, mark = str(jti)[:32], str(jti)[32:33]
    if is_sid(sid) and mark in (":", "."):
        return sid
    importer.import_some("jti", str(jti))
    return session_id(str(jti)).hex


def _import_of(lookup: str, value: Any) -> None:
    """Import the legacy tokens of the users that are asked for, while any are accepted."""
    if get_settings().legacy_until() is None or lookup == "isnull":
        return
    keys: Iterable[Any]
    if lookup in ("", "exact", "in"):
        keys = [getattr(each, "pk", each) for each in (value if lookup == "in" else [value])]
    else:
        users: Any = get_user_model()._default_manager.using(database.alias())
        keys = users.filter(**{lookup: value}).values_list("pk", flat=True)
    for key in keys:
        if key is not None:
            importer.import_some("user_id", key)


def _read_sid(raw: Any) -> str | None:
    """Return the id of the sign-in whose refresh token this is, expired or not."""
    if isinstance(raw, TokenOfSignIn):
        return raw.session.sid
    # A token object, too, as a column takes it.
    raw = raw if isinstance(raw, str) else str(raw)
    with suppress(TokenError):
        return str(decode(raw, REFRESH, allow_expired=True)["sid"])
    with suppress(TokenError):
        claims = legacy.decode(raw, (REFRESH,), True)
        return None if claims is None else _find_sid(claims["jti"])
    return None


def _find_refused(jti: str) -> list[BlacklistedToken]:
    sid, generation = _find_sid(jti), jti.partition(":")[2]
    rows = OutstandingTokens().rows.filter(pk=sid)
    session = rows.first()
    record = database.blacklisted_tokens().filter(jti=jti).first()
    superseded = session and generation.isdecimal() and session.generation > int(generation)
    if not (record or (session and session.ended_at) or superseded or tables.is_blacklisted(jti)):
        return []
    token = OutstandingToken(session) if session else None
    return [BlacklistedToken(token, record.blacklisted_at if record else None)]
