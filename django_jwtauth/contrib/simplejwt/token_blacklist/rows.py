"""What code asks of simplejwt's managers, asked of the sign-ins; the rest is refused loudly."""

from collections.abc import Iterable, Iterator
from typing import Any, NoReturn

from django.db.models import Q, QuerySet

from ....claims import parse_jti
from ....models import Kind, LoginSession, LoginSessionQuerySet
from ....redacted import redact
from ....store import database
from ..exceptions import Unsupported
from ..move import tables
from .finding import find_sid, import_of, read_sid

INSTEAD = "see django_jwtauth.models.LoginSession, whose rows are the sign-ins"
KEPT = (
    "rows are kept as a record, and jwtauth_purge deletes them in time. To sign users out, "
    "BlacklistedToken.objects.get_or_create(token=...) or LoginSession.objects.filter(...).end()"
)
FINAL = "what has ended stays ended: the user signs in again"
STARTED = "a sign-in gets its row when it starts: RefreshToken.for_user(user)"

#: What may be asked of an outstanding token, and the column of the sign-in that it is.
_COLUMNS = {
    "id": "pk",
    "pk": "pk",
    "user": "user",
    "user_id": "user_id",
    "created_at": "created_at",
    "expires_at": "expires_at",
}


class Rows:
    """What a manager and its querysets do: the part of it that sign-ins have an answer to."""

    def __init__(self, model: Any, rows: LoginSessionQuerySet | None = None) -> None:
        self.model = model
        self._chosen = rows

    def _base(self) -> LoginSessionQuerySet:
        return database.sign_ins().of_kind(Kind.SIGN_IN).select_related("user")

    @property
    def rows(self) -> LoginSessionQuerySet:
        return self._base() if self._chosen is None else self._chosen

    def _wrap(self, session: LoginSession) -> Any:
        return self.model(session)

    def _condition(self, name: str, value: Any) -> Q:
        raise NotImplementedError

    def _translate(self, args: tuple[Any, ...], lookups: dict[str, Any]) -> Q:
        if args:
            raise Unsupported(f"{self.model.__name__}.objects.filter(Q(...))", INSTEAD)
        return Q(*(self._condition(name, value) for name, value in lookups.items()))

    def _of(self, rows: LoginSessionQuerySet) -> Any:
        return type(self)(self.model, rows)

    def all(self) -> Any:
        return self._of(self.rows)

    def none(self) -> Any:
        return self._of(self.rows.none())

    def filter(self, *args: Any, **lookups: Any) -> Any:
        lookups = _hide(lookups)
        return self._of(self.rows.filter(self._translate(args, lookups)))

    def exclude(self, *args: Any, **lookups: Any) -> Any:
        lookups = _hide(lookups)
        return self._of(self.rows.exclude(self._translate(args, lookups)))

    def select_related(self, *names: str) -> Any:
        return self.all()

    def order_by(self, *names: str) -> Any:
        columns = [self._column(name) for name in names]
        return self._of(self.rows.order_by(*columns))

    def latest(self, name: str) -> Any:
        return self._wrap(self.rows.latest(self._column(name)))

    def _column(self, name: str) -> str:
        column = _COLUMNS.get(name.removeprefix("-"))
        if column is None:
            raise Unsupported(f"{self.model.__name__}.objects.order_by({name!r})", INSTEAD)
        return f"-{column}" if name.startswith("-") else column

    def get(self, *args: Any, **lookups: Any) -> Any:
        lookups = _hide(lookups)
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
        raise Unsupported(f"{self.model.__name__}.objects.filter(...).delete()", KEPT)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        raise Unsupported(f"{self.model.__name__}.objects.{name}()", INSTEAD)


def _hide(lookups: dict[str, Any]) -> dict[str, Any]:
    """Return the lookups, with a token among them redacted."""
    return {name: redact(value) if "token" in name else value for name, value in lookups.items()}


class OutstandingTokens(Rows):
    """All sign-ins, those that have ended among them, as in simplejwt.

    Legacy tokens of a user that is asked for, or of a ``jti``, become sign-ins first.
    """

    def _condition(self, name: str, value: Any) -> Q:
        return _outstanding(name, value)

    def create(self, **kwargs: Any) -> NoReturn:
        raise Unsupported("OutstandingToken.objects.create()", STARTED)

    def get_or_create(
        self, defaults: dict[str, Any] | None = None, **lookups: Any
    ) -> tuple[Any, bool]:
        found = self.filter(**lookups).first()
        return (found, False) if found else self.create()


def _outstanding(name: str, value: Any) -> Q:
    """Return the condition on sign-ins that a lookup of an outstanding token is."""
    field, _, lookup = name.partition("__")
    if lookup == "in" and not isinstance(value, QuerySet):
        # It is read more than once.
        value = list(value)
    if field in _COLUMNS:
        if field in ("user", "user_id"):
            import_of(lookup, value)
        return Q(**{"__".join(filter(None, [_COLUMNS[field], lookup])): value})
    if name == "jti":
        return Q(pk=find_sid(value))
    if name == "jti__in":
        return Q(pk__in=[find_sid(jti) for jti in value])
    if name == "token":
        return Q(pk=read_sid(value))
    if name == "blacklistedtoken__isnull" or (name == "blacklistedtoken" and value is None):
        return Q(ended_at__isnull=value is not False)
    raise Unsupported(f"OutstandingToken.objects.filter({name}=...)", INSTEAD)


class BlacklistedTokens(Rows):
    """The sign-ins that have ended; what is created here ends."""

    def _base(self) -> LoginSessionQuerySet:
        return super()._base().exclude(ended_at=None)

    def _condition(self, name: str, value: Any) -> Q:
        if name in ("token", "token_id", "id", "pk"):
            return Q(pk=getattr(value, "pk", value))
        if name == "token__in":
            return Q(pk__in=[getattr(each, "pk", each) for each in value])
        if name.partition("__")[0] == "blacklisted_at":
            return Q(**{name.replace("blacklisted_at", "ended_at", 1): value})
        if name.startswith("token__"):
            return _outstanding(name.removeprefix("token__"), value)
        raise Unsupported(f"BlacklistedToken.objects.filter({name}=...)", INSTEAD)

    def filter(self, *args: Any, **lookups: Any) -> Any:
        """``token__jti`` alone also finds a token that was refused by itself, or superseded."""
        lookups = _hide(lookups)
        if not args and lookups.keys() == {"token__jti"}:
            return Refused(self.model, str(lookups["token__jti"]))
        return super().filter(*args, **lookups)

    def get(self, *args: Any, **lookups: Any) -> Any:
        lookups = _hide(lookups)
        found = self.filter(*args, **lookups)
        return found.get() if isinstance(found, Refused) else self._wrap(found.rows.get())

    def create(self, token: Any = None, **kwargs: Any) -> Any:
        return self.get_or_create(token=token)[0]

    def get_or_create(
        self, defaults: Any = None, token: Any = None, **kwargs: Any
    ) -> tuple[Any, bool]:
        """End the sign-in; return whether it had not ended before, as the second."""
        blacklisted = self.model(token)
        return blacklisted, blacklisted.save()

    update_or_create = get_or_create

    def bulk_create(self, tokens: Iterable[Any], **kwargs: Any) -> list[Any]:
        blacklisted = list(tokens)
        for each in blacklisted:
            each.save()
        return blacklisted

    def delete(self) -> NoReturn:
        raise Unsupported("BlacklistedToken.objects.filter(...).delete()", FINAL)


class Refused(list[Any]):
    """One blacklisted token by its ``jti``, if it is one; asked as a queryset is."""

    def __init__(self, model: Any, jti: str) -> None:
        super().__init__(_find_refused(model, jti))
        self.model = model

    def exists(self) -> bool:
        return bool(self)

    def count(self) -> int:  # type: ignore[override]
        return len(self)

    def first(self) -> Any:
        return self[0] if self else None

    def get(self) -> Any:
        if not self:
            raise self.model.DoesNotExist
        return self[0]

    def select_related(self, *names: str) -> "Refused":
        return self

    def delete(self) -> NoReturn:
        raise Unsupported("BlacklistedToken.objects.filter(...).delete()", FINAL)

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("_"):
            raise AttributeError(name)
        raise Unsupported(f"BlacklistedToken.objects.filter(token__jti=...).{name}()", INSTEAD)


def _find_refused(model: Any, jti: str) -> list[Any]:
    sid = find_sid(jti)
    generation = jti.partition(":")[2] if parse_jti(jti) else ""
    session = database.sign_ins().select_related("user").filter(pk=sid).first()
    record = database.blacklisted_tokens().filter(jti=jti).first()
    superseded = session and generation and session.generation > int(generation)
    if not (record or (session and session.ended_at) or superseded or tables.is_blacklisted(jti)):
        return []
    return [model(session, record.blacklisted_at if record else None)]
