"""The one query: a token's user, its sign-in, and whether the token is blacklisted."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from django.contrib.auth import get_user_model
from django.db import connections
from django.db.models import Model

from ..conf import get_settings
from ..models import LoginSession
from . import compiled
from .database import alias, sign_ins
from .identity import parse_subject, subject_name, subject_of

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser


REFRESH_COLUMNS = (
    "id",
    "generation",
    "auth_hash",
    "created_at",
    "refreshed_at",
    "expires_at",
    "ended_at",
    "refreshed_ip",
    "refreshed_agent",
    "networks",
    "replayed_generation",
    "replayed_at",
    "replayed_ip",
)


class SignInState(NamedTuple):
    """The columns of a sign-in that every request needs."""

    auth_hash: str
    ended_at: datetime | None


class Found(NamedTuple):
    """What the database knows about a token; ``session`` is None if it is not the user's."""

    user: "AbstractBaseUser"
    session: LoginSession | SignInState | None
    blacklisted: bool


def find(claims: dict[str, Any]) -> Found | None:
    """Return what is known about a token with these claims, or None if there is no such user.

    One query, through the user model's default manager, so that a user it hides stays hidden.
    WHERE has no condition on the sign-in, to distinguish a missing sign-in from a missing user.
    """
    found = _find(claims, SignInState._fields)
    if found is None:
        return None
    user, values, blacklisted = found
    return Found(user, SignInState(*values) if values else None, blacklisted)


def find_session(claims: dict[str, Any], *, lock: bool) -> Found | None:
    """Return the same, with a ``LoginSession`` that has what a refresh needs.

    With ``lock``, inside a transaction, the current rows are read and locked, whatever the
    isolation level: two queries.
    """
    locked = lock_session(claims) if lock else None
    found = _find(claims, () if lock else REFRESH_COLUMNS, lock=lock)
    if found is None:
        return None
    user, values, blacklisted = found
    session = LoginSession.from_db(alias(), REFRESH_COLUMNS, values) if values else None
    if locked and locked.user_id == user.pk:
        session = locked
    if session:
        session.user, session.subject = user, claims["sub"]
    return Found(user, session, blacklisted)


def _find(
    claims: dict[str, Any], columns: tuple[str, ...], *, lock: bool = False
) -> tuple[Any, Sequence[Any] | None, bool] | None:
    """Return the user, the ``columns`` of the sign-in if there is one, and whether blacklisted."""
    model = get_user_model()
    name = subject_name(model)
    if name == "pk":
        # Without a sign-in every column is NULL; with one, the first never is.
        found = _find_by(name, model, claims, columns, lock)
        is_owner = found and columns and found[1][0] is not None
        return found and (found[0], found[1] if is_owner else None, found[2])
    answer = None
    for field in (name, "pk"):
        found = _find_by(field, model, claims, ("user_id", *columns), lock)
        if found is None:
            continue
        user, (owner, *values), blacklisted = found
        is_owner = owner is not None and owner == user.pk
        # A token that was issued before SUBJECT_FIELD was set has the primary key. That is
        # another user's value at most, and the sign-in says whose token it is.
        if is_owner and field != name:
            _correct(claims, user)
        if is_owner or field == name:
            answer = user, values if is_owner and columns else None, blacklisted
        if is_owner:
            break
    return answer


def _correct(claims: dict[str, Any], user: Any) -> None:
    """Change the claims of a token with the primary key to what is issued now.

    Otherwise whoever reads ``sub`` further on might take it for another user's.
    """
    claims["sub"], claim = subject_of(user), get_settings().USER_ID_CLAIM
    if claim in claims:
        claims[claim] = claims["sub"]


def _find_by(
    field: str, model: type[Model], claims: dict[str, Any], columns: tuple[str, ...], lock: bool
) -> tuple[Any, Sequence[Any], bool] | None:
    connection = connections[alias()]
    value = parse_subject(model, field, claims["sub"], connection)
    if value is None:
        return None
    params = {
        "user": value,
        "sid": claims["sid"],
        "jti": claims["jti"],
    }
    if lock or not compiled.is_plain(model):
        found = _find_annotated(model, columns, field, params, connection, lock)
    else:
        found = _find_compiled(model, columns, field, params, connection)
    # "Anna" is not "anna", though a database may compare them as equal.
    return found if found and str(getattr(found[0], field)) == claims["sub"] else None


def _find_compiled(
    model: type[Model],
    columns: tuple[str, ...],
    field: str,
    params: dict[str, Any],
    connection: Any,
) -> tuple[Any, Sequence[Any], bool] | None:
    statement = compiled.get_statement(connection.alias, model, columns, field)
    row = compiled.fetch(statement, connection, params)
    if row is None:
        return None
    user = model.from_db(connection.alias, statement.user_fields, row.user)
    return user, row.session, row.blacklisted


def _find_annotated(
    model: type[Model],
    columns: tuple[str, ...],
    field: str,
    params: dict[str, Any],
    connection: Any,
    lock: bool,
) -> tuple[Any, Sequence[Any], bool] | None:
    """The same through the project's manager, with scalar subqueries, the ORM's fastest form."""
    users: Any = model._default_manager.using(connection.alias).filter(**{field: params["user"]})
    if lock:
        of = ("self",) if connection.features.has_select_for_update_of else ()
        users = users.select_for_update(of=of)
    recipes = compiled.get_recipes(columns, field)
    for name, recipe in recipes.items():
        # Like annotate(), without a check of names that takes as long as all of this.
        users.query.add_annotation(recipe.fill(params), name)
    user = next(iter(users), None)
    if user is None:
        return None
    *session, blacklisted = [user.__dict__.pop(name) for name in recipes]
    return user, session, bool(blacklisted)


def find_key(claims: dict[str, Any]) -> Any:
    """Return the primary key of the user whom verified claims name, or None if there is none.

    Without ``SUBJECT_FIELD`` that is what ``sub`` says, and costs no query.
    """
    if subject_name(get_user_model()) == "pk":
        return claims["sub"]
    found = find(claims)
    return found.user.pk if found else None


def lock_session(claims: dict[str, Any]) -> LoginSession | None:
    """Return the sign-in as it is now, locked until the transaction ends; None if unknown."""
    rows = sign_ins().select_for_update()
    return rows.filter(pk=claims["sid"]).first()
