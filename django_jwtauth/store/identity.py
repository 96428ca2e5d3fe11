"""The user of a token: the primary key as the database stores it, and its text in ``sub``."""

import functools
import re
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import connections
from django.db.models import IntegerField, Model, QuerySet

from ..claims import is_identifier
from ..exceptions import UnusableKey, UserNotFound
from .database import alias, logger, reporting_unavailable

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

# Not every database stores null characters, and none stores lone surrogates.
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


class Identity(NamedTuple):
    """The user of a token: the stored primary key, and its text, which is ``sub``."""

    key: Any
    subject: str


def saved_key(user: "AbstractBaseUser") -> Any:
    """Return the primary key of a user, in the form that the code which made the user gave it.

    Raises ``TypeError`` unless it is a user, because an object of another model may have the
    same key, and ``ValueError`` for an unsaved user.
    """
    model = get_user_model()
    if not isinstance(user, model):
        name = type(user).__name__
        raise TypeError(f"Only users can have tokens: {model._meta.label}, not {name}.")
    # Not user.pk, because a subclass of the user model may have its own key.
    key = getattr(user, model._meta.pk.attname)
    if key is None or user._state.adding:
        raise ValueError("Only a saved user can sign in.")
    return key


def identify(user: "AbstractBaseUser") -> Identity:
    """Return the stored key of ``user``, and its text.

    Whole numbers and UUIDs have one text. For any other key, the database decides how it is
    stored: collations, padding, fields that convert. Raises what saved_key() raises,
    ``UserNotFound``, and ``UnusableKey`` if the text would not lead back to the user.
    """
    model: Any = get_user_model()
    given, field = saved_key(user), key_field(model)
    with reporting_unavailable():
        connection = connections[alias()]
    key = parse(field, given, connection)
    if key is not None and type(key) not in (int, UUID):
        with reporting_unavailable():
            same = model._default_manager.using(connection.alias).filter(pk=key)
            key = next(iter(same.values_list("pk", flat=True)), None)
        if key is None:
            raise UserNotFound
    subject = str(key)
    usable = key is not None and is_identifier(subject)
    if not usable or parse_key(model, subject, connection) is None:
        logger.error(
            "A user cannot sign in: %s does not fit into a token",
            field.name,
            extra={"event": "unusable_key", "field": field.name},
        )
        raise UnusableKey
    return Identity(key, subject)


def parse_key(model: type[Model], subject: str, connection: Any) -> Any:
    """Return ``sub`` as a statement's parameter for the primary key, or None if no row can have it.

    A key has one text only.
    """
    found = _parse(key_field(model), subject, connection)
    return found[1] if found and str(found[0]) == subject else None


def parse(field: Any, value: Any, connection: Any) -> Any:
    """Return ``value`` as a value of a column, or None if no row can have it.

    No row has text in place of a number or a UUID, a number beyond the column's range, or
    text that a database cannot store.
    """
    found = _parse(field, value, connection)
    return found and found[0]


def _parse(field: Any, value: Any, connection: Any) -> tuple[Any, Any] | None:
    """Return a column's value and the parameter for it; see parse()."""
    try:
        parsed = field.to_python(value)
        param = field.get_db_prep_value(parsed, connection)
    except (ValueError, TypeError, OverflowError, ValidationError):
        return None
    if parsed is None or (isinstance(parsed, str) and not is_storable(parsed)):
        return None
    # A field that converts may have its numbers as text.
    if isinstance(field, IntegerField) and isinstance(parsed, int):
        low, high = connection.ops.integer_field_range(field.get_internal_type())
        if (low is not None and parsed < low) or (high is not None and parsed > high):
            return None
    return parsed, param


def is_storable(text: str) -> bool:
    """Return whether every database can store the text."""
    return not _UNSTORABLE.search(text)


def having(rows: QuerySet[Any], name: str, value: Any) -> QuerySet[Any]:
    """Narrow to the rows with ``value`` in the field of this name, or "pk"."""
    model: Any = rows.model
    field = key_field(model) if name == "pk" else _follow(model._meta.get_field(name))
    parsed = parse(field, value, connections[rows.db])
    return rows.none() if parsed is None else rows.filter(**{name: parsed})


@functools.cache
def key_field(model: type[Model]) -> Any:
    """Return the field that holds the primary key: a derived model's is that of its base."""
    return _follow(model._meta.pk)


def username_field(model: type[Any]) -> Any:
    """Return the field that holds the user name."""
    return _follow(model._meta.get_field(model.USERNAME_FIELD))


def _follow(field: Any) -> Any:
    while field.remote_field:
        field = field.target_field
    return field
