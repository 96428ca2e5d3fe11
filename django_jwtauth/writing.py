"""INSERT and UPDATE of rows of ours that a client waits for.

The ORM takes longer to put such a statement together than a database to run it. Neither
``pre_save`` nor ``post_save`` is sent: ``signals`` has what a project may listen to.
"""

import functools
from collections.abc import Mapping
from typing import Any

from django.db import connections, transaction
from django.db.models import Field, Model
from django.db.models.constants import OnConflict


def insert(row: Model, using: str, *, ignore_conflicts: bool = False) -> None:
    """Write a new row; with ``ignore_conflicts``, nothing if a constraint is in the way."""
    connection = connections[using]
    params = {
        field.attname: field.get_db_prep_save(getattr(row, field.attname), connection)
        for field in _inserted_fields(type(row))
    }
    _execute(connection, _insert_sql(type(row), using, ignore_conflicts), params)
    row._state.adding, row._state.db = False, using


def update(
    model: type[Model], using: str, changes: Mapping[str, Any], where: Mapping[str, Any]
) -> int:
    """Write ``changes`` to the rows that have the values of ``where``; return how many."""
    connection = connections[using]
    conditions = tuple((name, value is None) for name, value in where.items())
    get_field: Any = model._meta.get_field
    params = {
        f"{prefix}{name}": get_field(name).get_db_prep_save(value, connection)
        for prefix, values in (("new_", changes), ("", where))
        for name, value in values.items()
    }
    return _execute(connection, _update_sql(model, tuple(changes), conditions), params)


# Tables and columns are ours: their names need no quotes and mean the same everywhere.


@functools.cache
def _inserted_fields(model: type[Model]) -> list["Field[Any, Any]"]:
    return [f for f in model._meta.local_concrete_fields if f is not model._meta.auto_field]


@functools.cache
def _insert_sql(model: type[Model], using: str, ignore_conflicts: bool) -> str:
    ops = connections[using].ops
    conflict = OnConflict.IGNORE if ignore_conflicts else None
    fields = _inserted_fields(model)
    columns = ", ".join(field.attname for field in fields)
    values = ", ".join(f"%({field.attname})s" for field in fields)
    verb = ops.insert_statement(on_conflict=conflict)
    suffix = ops.on_conflict_suffix_sql(fields, conflict, (), ())
    return f"{verb} {model._meta.db_table} ({columns}) VALUES ({values}) {suffix}"


@functools.cache
def _update_sql(
    model: type[Model], changed: tuple[str, ...], where: tuple[tuple[str, bool], ...]
) -> str:
    changes = ", ".join(f"{name} = %(new_{name})s" for name in changed)
    conditions = " AND ".join(
        f"{name} IS NULL" if is_null else f"{name} = %({name})s" for name, is_null in where
    )
    return f"UPDATE {model._meta.db_table} SET {changes} WHERE {conditions}"  # noqa: S608


def _execute(connection: Any, sql: str, params: Mapping[str, Any]) -> int:
    with transaction.mark_for_rollback_on_error(connection.alias), connection.cursor() as cursor:
        cursor.execute(sql, params)
        return int(cursor.rowcount)
