"""Finds users: by primary key, ``sub``, user name or e-mail address."""

from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model

from . import identity
from .database import alias

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser


def everybody() -> Any:
    """Return all users, including those whom a manager of the project hides."""
    return get_user_model()._base_manager.using(alias())


def visible() -> Any:
    """Return the users whom the project's manager shows; only they can use a token."""
    return get_user_model()._default_manager.using(alias())


def email_field() -> str:
    """Return the name of the field with the e-mail address, "" if the model has none."""
    model: Any = get_user_model()
    name = str(getattr(model, "get_email_field_name", str)())
    return name if name in {field.name for field in model._meta.fields} else ""


def find(pk: str) -> "AbstractBaseUser | None":
    """Return the user with this primary key as text, even one whom a manager hides."""
    user: AbstractBaseUser | None = identity.having(everybody(), "pk", pk).first()
    return user


def find_by_subject(text: str) -> "list[AbstractBaseUser]":
    """Return the users whom ``sub`` names with this text, or whose primary key it is."""
    names = dict.fromkeys((identity.subject_name(get_user_model()), "pk"))
    return [user for name in names for user in identity.having(everybody(), name, text)]


def find_by_anything(text: str, limit: int) -> "list[AbstractBaseUser]":
    """Return the users with this user name or e-mail address or, without one, primary key."""
    named = identity.having(everybody(), get_user_model().USERNAME_FIELD, text)
    found = {user.pk: user for user in named[:1]}
    if email := email_field():
        addressed = everybody().filter(**{f"{email}__iexact": text})
        found |= {user.pk: user for user in addressed[:limit]}
    if not found and (user := find(text)):
        found[user.pk] = user
    return list(found.values())[:limit]
