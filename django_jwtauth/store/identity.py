"""The user of a token: the primary key as the database stores it, and what ``sub`` says."""

import functools
import re
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from django.contrib.auth import get_user_model
from django.core.exceptions import FieldDoesNotExist, ImproperlyConfigured, ValidationError
from django.db import connections
from django.db.models import (
    BinaryField,
    BooleanField,
    DateField,
    DecimalField,
    DurationField,
    FileField,
    FloatField,
    IntegerField,
    JSONField,
    Model,
    QuerySet,
    TimeField,
)

from ..claims import MAX_IDENTIFIER_LENGTH, is_identifier
from ..conf import get_shared_settings
from ..exceptions import UnusableKey, UserNotFound
from .database import alias, logger, reporting_unavailable

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

# Not every database stores null characters, and none stores lone surrogates.
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_WITHOUT_ONE_TEXT = (
    BinaryField,
    BooleanField,
    DateField,
    DecimalField,
    DurationField,
    FileField,
    FloatField,
    JSONField,
    TimeField,
)


class Identity(NamedTuple):
    """The user of a token: the stored primary key, and the text that is ``sub``."""

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
    """Return the stored key of ``user``, and the text that ``sub`` names the user by.

    Whole numbers and UUIDs have one text. For any other value, the database decides how it is
    stored: collations, padding, fields that convert. Raises what saved_key() raises,
    ``UserNotFound``, and ``UnusableKey`` if the text would not lead back to the user.
    """
    model: Any = get_user_model()
    given, name = saved_key(user), subject_name(model)
    with reporting_unavailable():
        connection = connections[alias()]
    key = value = parse(key_field(model), given, connection)
    if name != "pk":
        value = parse(named_field(model, name), getattr(user, name), connection)
    if key is not None and not {type(key), type(value)} <= {int, UUID}:
        with reporting_unavailable():
            same = model._default_manager.using(connection.alias).filter(pk=key)
            # Before Django 6.1, a column that is named twice comes once.
            row = next(iter(same.values_list(*dict.fromkeys(("pk", name)))), None)
        if row is None:
            raise UserNotFound
        key, value = row[0], row[-1]
    subject = str(value)
    usable = key is not None and value is not None and is_identifier(subject)
    if not usable or parse_subject(model, name, subject, connection) is None:
        field = named_field(model, name).name
        logger.error(
            "A user cannot sign in: %s does not fit into a token",
            field,
            extra={"event": "unusable_key", "field": field},
        )
        raise UnusableKey
    return Identity(key, subject)


def subject_name(model: type[Model]) -> str:
    """Return the name of the field whose text is ``sub``, "pk" for the primary key.

    Raises ``ImproperlyConfigured`` if ``SUBJECT_FIELD`` names no field of the user.
    """
    name = get_shared_settings().SUBJECT_FIELD
    return "pk" if name is None else _checked_name(model, name)


@functools.cache
def _checked_name(model: type[Model], name: str) -> str:
    try:
        return "pk" if name == "pk" or named_field(model, name) is key_field(model) else name
    except FieldDoesNotExist:
        raise ImproperlyConfigured(
            f"JWTAUTH['SUBJECT_FIELD']: {model._meta.label} has no field {name!r}."
        ) from None


def find_subject_problem(model: type[Model], name: str) -> str | None:
    """Return why the field with this name cannot be ``SUBJECT_FIELD``, or None if it can."""
    if name == "pk":
        return None
    try:
        field: Any = model._meta.get_field(name)
    except FieldDoesNotExist:
        return "does not exist"
    if field.is_relation or not field.concrete:
        return "is not a column of the user's own, but a relation"
    if isinstance(field, _WITHOUT_ONE_TEXT):
        return "has no values with one text each: choose a UUID, a number or text"
    if field.null:
        return "can be empty: set null=False"
    if not field.primary_key and not _is_unique(field):
        return "is not unique, so it may name several users: set unique=True"
    if (field.max_length or 0) > MAX_IDENTIFIER_LENGTH:
        return f"may be too long for a token: set max_length to {MAX_IDENTIFIER_LENGTH} at most"
    return None


def _is_unique(field: Any) -> bool:
    constraints = field.model._meta.total_unique_constraints
    return field.unique or any(one.fields == (field.name,) for one in constraints)


def subject_of(user: Any) -> str:
    """Return the text that ``sub`` names a user by who was loaded from the database."""
    return str(getattr(user, subject_name(get_user_model())))


def texts_of(user: Any) -> tuple[str, ...]:
    """Return every text that ``sub`` of a token of this user may have; none without a user."""
    return (subject_of(user), str(user.pk)) if user else ()


def parse_subject(model: type[Model], name: str, subject: str, connection: Any) -> Any:
    """Return ``sub`` as a statement's parameter for a field, or None if no row can have it.

    ``name``: "pk", or what subject_name() returns. A value has one text only.
    """
    found = _parse(named_field(model, name), subject, connection)
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
    # Of the parameter, as a field that converts may have its numbers as text.
    if isinstance(field, IntegerField) and isinstance(param, int):
        low, high = connection.ops.integer_field_range(field.get_internal_type())
        if (low is not None and param < low) or (high is not None and param > high):
            return None
    return parsed, param


def is_storable(text: str) -> bool:
    """Return whether every database can store the text."""
    return not _UNSTORABLE.search(text)


def having(rows: QuerySet[Any], name: str, value: Any) -> QuerySet[Any]:
    """Narrow to the rows with ``value`` in the field of this name, or "pk"."""
    model: Any = rows.model
    parsed = parse(named_field(model, name), value, connections[rows.db])
    return rows.none() if parsed is None else rows.filter(**{name: parsed})


def named_field(model: type[Model], name: str) -> Any:
    """Return the field that holds the values of the field with this name, or of "pk"."""
    return key_field(model) if name == "pk" else _follow(model._meta.get_field(name))


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
