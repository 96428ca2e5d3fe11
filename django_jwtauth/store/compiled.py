"""The one query, compiled once: the ORM takes ten times longer to build it than to run it.

It is used only if the default manager adds nothing to queries. ``lookup`` decides, and tests
check that both paths give the same results.
"""

import functools
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from django.core.signals import setting_changed
from django.db.models import (
    CharField,
    Expression,
    F,
    Field,
    FilteredRelation,
    IntegerField,
    Model,
    Q,
    QuerySet,
    UUIDField,
)
from django.db.models.expressions import RawSQL
from django.db.models.manager import BaseManager

from ..models import BlacklistedToken, LoginSession
from .identity import named_field

_PREFIX = "_jwtauth_"
_PLACEHOLDER = re.compile("(?<!%)%s")


class Slot(Expression):
    """A parameter whose value is given later; when compiled, it emits itself."""

    def __init__(self, name: str, output_field: "Field[Any, Any]") -> None:
        super().__init__(output_field=output_field)
        self.name = name

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        return "%s", [self]


class Subquery(RawSQL):
    """A subquery that does not refer to the query around it."""

    def resolve_expression(self, *args: Any, **kwargs: Any) -> "Subquery":
        return self


class Recipe(NamedTuple):
    """The SQL of a subquery, the names of its parameters, and the field that it returns."""

    sql: str
    params: tuple[str, ...]
    field: Any

    def fill(self, params: Mapping[str, Any]) -> Subquery:
        return Subquery(self.sql, [params[name] for name in self.params], self.field)


@functools.cache
def get_recipes(columns: tuple[str, ...], field: str = "pk") -> dict[str, Recipe]:
    """Return subqueries for ``columns`` of the sign-in, and for the blacklist, by their alias.

    Each looks up one row by its key. Further conditions are in SELECT, where PostgreSQL does not
    look for another index. The sign-in is the user's if its primary key is known beforehand, from
    ``field``; otherwise ``columns`` must have "user_id", for the caller to compare.
    """
    recipes = {_PREFIX + name: _session_recipe(name, field == "pk") for name in columns}
    blacklisted = f"SELECT 1 FROM {BlacklistedToken._meta.db_table} WHERE jti = %s"  # noqa: S608
    return {**recipes, _PREFIX + "blacklisted": Recipe(blacklisted, ("jti",), IntegerField())}


def _session_recipe(name: str, by_key: bool) -> Recipe:
    # The SQL contains only names of this package, which need no quotes.
    table = LoginSession._meta.db_table
    value = f"CASE WHEN user_id = %s THEN {name} END" if by_key else name
    sql = f"SELECT {value} FROM {table} WHERE id = %s"  # noqa: S608
    return Recipe(sql, ("user", "sid") if by_key else ("sid",), named_field(LoginSession, name))


class Statement(NamedTuple):
    """The compiled query for one user model on one alias, with its ``columns`` in order.

    Its parameters have names, because on SQLite Django converts SQL with ``%s`` each time.
    """

    sql: str
    columns: list[Any]
    user_fields: list[str]


class Row(NamedTuple):
    """The result of the statement, converted to Python values."""

    user: list[Any]
    session: list[Any]
    blacklisted: bool


@functools.cache
def get_statement(
    using: str, model: type[Model], columns: tuple[str, ...], field: str = "pk"
) -> Statement:
    """Return the statement that finds a user by ``field``, and these columns of the sign-in."""
    sid, user = Slot("sid", UUIDField()), Slot("user", named_field(model, field))
    slots = {"user": user, "sid": sid, "jti": Slot("jti", CharField())}
    rows = (
        model._default_manager.using(using)
        .order_by()
        .filter(**{field: user})
        .annotate(
            jwtauth_session=FilteredRelation(
                "jwtauth_sessions", condition=Q(jwtauth_sessions__id=sid)
            )
        )
    )
    for alias, recipe in get_recipes(columns, field).items():
        name = alias.removeprefix(_PREFIX)
        # PostgreSQL takes longer to plan a join than two subqueries, but not than seven.
        joined = len(columns) > 2 and name in columns
        rows = rows.annotate(
            **{alias: F(f"jwtauth_session__{name}") if joined else recipe.fill(slots)}
        )
    sql, params = rows.query.get_compiler(using).as_sql()
    user_fields = model._meta.concrete_fields
    session_fields: list[Any] = [named_field(LoginSession, name) for name in columns]
    return Statement(
        _name_placeholders(sql, [param.name for param in params]),
        [field.cached_col for field in [*user_fields, *session_fields]],
        [field.attname for field in user_fields],
    )


def _name_placeholders(sql: str, names: Iterable[str]) -> str:
    # The compiler does not escape a percent sign in the name of a column.
    first, *rest = [text.replace("%%", "%").replace("%", "%%") for text in _PLACEHOLDER.split(sql)]
    return first + "".join(f"%({name})s{text}" for name, text in zip(names, rest, strict=True))


def fetch(statement: Statement, connection: Any, values: dict[str, Any]) -> Row | None:
    """Run the statement; None if there is no such user.

    ``values``: the values of ``user``, ``sid`` and ``jti`` as the database takes them.
    """
    with connection.cursor() as cursor:
        cursor.execute(statement.sql, values)
        found = cursor.fetchone()
    if found is None:
        return None
    row = list(found)
    for index, column, convert in _get_converters(statement, connection):
        row[index] = convert(row[index], column, connection)
    width = len(statement.user_fields)
    return Row(row[:width], row[width:-1], bool(row[-1]))


def _get_converters(statement: Statement, connection: Any) -> list[Any]:
    # Kept on the connection, to which they refer, so that they do not outlive it.
    known: dict[str, tuple[Statement | None, list[Any]]] = connection.__dict__.setdefault(
        "_jwtauth_converters", {}
    )
    made_for, converters = known.get(statement.sql, (None, []))
    if made_for is not statement:
        converters = [
            (index, column, convert)
            for index, column in enumerate(statement.columns)
            for convert in _converters_for(column, connection)
        ]
        known[statement.sql] = statement, converters
    return converters


def _converters_for(column: Any, connection: Any) -> list[Callable[..., Any]]:
    return [*connection.ops.get_db_converters(column), *column.get_db_converters(connection)]


@functools.cache
def is_plain(model: type[Model]) -> bool:
    """Return whether the default manager selects rows and columns as Django's own does."""
    manager = model._default_manager
    return (
        type(manager).get_queryset is BaseManager.get_queryset
        and type(manager.get_queryset()) is QuerySet
    )


def _forget(*, setting: str, **kwargs: Any) -> None:
    if setting in ("AUTH_USER_MODEL", "DATABASES", "INSTALLED_APPS"):
        get_statement.cache_clear()
        is_plain.cache_clear()


setting_changed.connect(_forget, dispatch_uid="django_jwtauth.compiled")
