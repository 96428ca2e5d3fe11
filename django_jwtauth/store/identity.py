"""The user of a token: the primary key as the database stores it, and its text in ``sub``."""

import functools
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import connections
from django.db.models import Model

from ..claims import is_identifier
from ..exceptions import UnusableKey, UserNotFound
from .database import alias, logger, reporting_unavailable

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser


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
    try:
        key = field.to_python(given)
    except (ValueError, TypeError, OverflowError, ValidationError):
        key = None
    if key is not None and type(key) not in (int, UUID):
        with reporting_unavailable():
            same = model._default_manager.using(alias()).filter(pk=key)
            key = next(iter(same.values_list("pk", flat=True)), None)
        if key is None:
            raise UserNotFound
    subject = str(key)
    if not is_identifier(subject) or parse_key(model, subject, connections[alias()]) is None:
        logger.error(
            "A user cannot sign in: %s does not fit into a token",
            field.name,
            extra={"event": "unusable_key", "field": field.name},
        )
        raise UnusableKey
    return Identity(key, subject)


def parse_key(model: type[Model], subject: str, connection: Any) -> Any:
    """Return ``sub`` as a value of the primary key, or None if no row can have it."""
    field = key_field(model)
    try:
        value = field.to_python(subject)
    except (ValueError, TypeError, OverflowError, ValidationError):
        return None
    if str(value) != subject:
        return None
    if isinstance(value, int):
        low, high = connection.ops.integer_field_range(field.get_internal_type())
        if (low is not None and value < low) or (high is not None and value > high):
            return None
    return value


@functools.cache
def key_field(model: type[Model]) -> Any:
    field: Any = model._meta.pk
    while field.remote_field:
        field = field.target_field
    return field
