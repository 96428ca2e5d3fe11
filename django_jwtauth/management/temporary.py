"""A user that a command signs in as, for as long as its transaction lasts."""

import secrets
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import CommandError
from django.db import DataError, IntegrityError, models

from ..store import identity

OTHER_USER = "If this project needs more than a temporary user, pass --user NAME."


def make_user(using: str) -> tuple[Any, str]:
    """Insert a user, past save() and its signals, so that nobody is mailed a welcome.

    Returns it with its password.
    """
    model = get_user_model()
    password = secrets.token_urlsafe(32)
    user = model(**{field.name: sample(field) for field in needed_fields(model)})
    try:
        user.set_password(password)
        model._base_manager.using(using).bulk_create([user])
    # The table requires something else, or bulk_create() does not take the model.
    except (IntegrityError, DataError, AttributeError, TypeError, ValueError) as error:
        raise CommandError(
            f"A temporary {model._meta.label} cannot be created ({type(error).__name__}). "
            f"{OTHER_USER}"
        ) from error
    return user, password


def needed_fields(model: Any) -> list[Any]:
    named = {model.USERNAME_FIELD, *model.REQUIRED_FIELDS, "is_active"}
    return [
        field
        for field in model._meta.concrete_fields
        if field.name in named
        or (field.unique and not (field.primary_key or field.null or field.has_default()))
    ]


def sample(field: Any) -> Any:
    """Return a value for a required field, different each time where it may have to be unique."""
    word = f"{secrets.token_hex(4)}-doctor"
    if isinstance(field, models.BooleanField):
        return True
    if isinstance(field, models.IntegerField):
        return secrets.randbelow(2**31)
    if isinstance(field, models.EmailField):
        return f"{word}@jwtauth.invalid"
    if isinstance(field, (models.CharField, models.TextField)):
        return word[: field.max_length]
    return field.get_default()


def borrow_user(name: str, using: str) -> tuple[Any, str]:
    """Return a user with a password that we know; the rollback restores the old one."""
    model = get_user_model()
    users: Any = model._default_manager.using(using)
    user = identity.having(users, model.USERNAME_FIELD, name).first()
    if user is None:
        raise CommandError(f"There is no user named {name!r}.")
    password = secrets.token_urlsafe(32)
    columns = [field.attname for field in model._meta.concrete_fields]
    before = {column: getattr(user, column) for column in columns}
    user.set_password(password)
    changed = {column: getattr(user, column) for column in columns}
    # Past save() and its signals, for the same reason.
    model._base_manager.using(using).filter(pk=user.pk).update(
        **{column: value for column, value in changed.items() if value != before[column]}
    )
    return user, password
