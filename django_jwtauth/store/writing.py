"""The INSERT and UPDATE statements that a client waits for.

The ORM takes longer to build such a statement than a database to run it. For the package's rows,
neither ``pre_save`` nor ``post_save`` is sent; projects can listen to those in ``signals``.
"""

import functools
import itertools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import update_last_login
from django.db import connections, router, transaction
from django.db.models import Field, Model
from django.db.models.constants import OnConflict
from django.db.models.signals import ModelSignal, post_save, pre_save

from ..conf import moments, project_code

if TYPE_CHECKING:
    from django.contrib.auth.models import User

#: Marks a receiver that need not see a change of ``last_login``.
IGNORES_LAST_LOGIN = "ignores_last_login"


def insert(row: Model, using: str, *, ignore_conflicts: bool = False) -> bool:
    """Write a new row, and return whether it was written.

    With ``ignore_conflicts``, nothing is done if a constraint prevents it.
    """
    connection = connections[using]
    params = {
        field.attname: field.get_db_prep_save(getattr(row, field.attname), connection)
        for field in _inserted_fields(type(row))
    }
    written = _execute(connection, _insert_sql(type(row), using, ignore_conflicts), params)
    row._state.adding, row._state.db = False, using
    return written > 0


def update(
    model: type[Model], using: str, changes: Mapping[str, Any], where: Mapping[str, Any]
) -> int:
    """Write ``changes`` to the rows with the values in ``where``; return how many."""
    connection = connections[using]
    conditions = tuple((name, value is None) for name, value in where.items())
    get_field: Any = model._meta.get_field
    params = {
        f"{prefix}{name}": get_field(name).get_db_prep_save(value, connection)
        for prefix, values in (("new_", changes), ("", where))
        for name, value in values.items()
    }
    return _execute(connection, _update_sql(model, using, tuple(changes), conditions), params)


def can_join(user: AbstractBaseUser, using: str) -> bool:
    """Return whether insert_with_login() saves time, and whether nobody would notice."""
    model = user.__class__
    return (
        # MySQL would need three statements more, to begin and end the transaction.
        connections[using].vendor in ("postgresql", "sqlite")
        and router.db_for_write(model, instance=user) == using
        and _has_last_login(model)
        and _is_plainly_saved(model)
    )


def insert_with_login(row: Model, user: AbstractBaseUser, using: str) -> None:
    """Write a new row and ``last_login`` of its user, both or neither, if can_join() says so."""
    with transaction.atomic(using, savepoint=False):
        record_login(user)
        insert(row, using)


def record_login(user: AbstractBaseUser) -> None:
    """Write ``last_login``, if the user has it; by ``save()`` if the project's does more."""
    # Not type(user), because request.user may be a lazy object around a user.
    model = user.__class__
    if not _has_last_login(model):
        return
    if not _is_plainly_saved(model):
        # Its receivers and its save() are the project's.
        with project_code():
            update_last_login(cast("type[User]", model), cast("User", user))
        return
    user.last_login = moments.stored(moments.now())
    using = router.db_for_write(model, instance=user)
    update(model, using, {"last_login": user.last_login}, {model._meta.pk.attname: user.pk})


def _has_last_login(model: type[Model]) -> bool:
    return any(field.name == "last_login" for field in model._meta.concrete_fields)


def _is_plainly_saved(model: type[Model]) -> bool:
    """Return whether save() is Django's own, writes one table, and has no receivers."""
    return (
        model.save in (AbstractBaseUser.save, Model.save)
        and model.save_base is Model.save_base
        and any(field.name == "last_login" for field in model._meta.local_concrete_fields)
        and not _has_listeners(pre_save, model)
        and not _has_listeners(post_save, model)
    )


def _has_listeners(signal: ModelSignal, model: type[Model]) -> bool:
    # has_listeners() counts the package's own receiver, which does not read this field.
    found = itertools.chain(*signal._live_receivers(model))
    return not all(getattr(receiver, IGNORES_LAST_LOGIN, False) for receiver in found)


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
    # The table and its columns are ours, so their names need no quotes.
    return f"{verb} {model._meta.db_table} ({columns}) VALUES ({values}) {suffix}"


@functools.cache
def _update_sql(
    model: type[Model], using: str, changed: tuple[str, ...], where: tuple[tuple[str, bool], ...]
) -> str:
    def quoted(name: str) -> str:
        # A percent sign in a project's name must not look like a parameter.
        return str(connections[using].ops.quote_name(name)).replace("%", "%%")

    columns = {name: quoted(_column(model, name)) for name in (*changed, *dict(where))}
    changes = ", ".join(f"{columns[name]} = %(new_{name})s" for name in changed)
    conditions = " AND ".join(
        f"{columns[name]} IS NULL" if is_null else f"{columns[name]} = %({name})s"
        for name, is_null in where
    )
    return f"UPDATE {quoted(model._meta.db_table)} SET {changes} WHERE {conditions}"  # noqa: S608


def _column(model: type[Model], name: str) -> str:
    return str(cast("Field[Any, Any]", model._meta.get_field(name)).column)


def _execute(connection: Any, sql: str, params: Mapping[str, Any]) -> int:
    with transaction.mark_for_rollback_on_error(connection.alias), connection.cursor() as cursor:
        cursor.execute(sql, params)
        return int(cursor.rowcount)
