"""The link in a mail: it names what to end, and is signed, so that nobody can make one."""

from typing import Any, NamedTuple

from django.core import signing
from django.urls import reverse

from ...conf import get_settings
from ...models import LoginSessionQuerySet
from ...store import database, identity

#: Seconds for which a link works.
MAX_AGE = 14 * 24 * 3600

_SALT = "django_jwtauth.notices"
# Longer than any that was made here.
_LENGTH = 1024

ROW, USER = "row", "user"


class Subject(NamedTuple):
    """What a link ends: the row with an id, or all rows of a user."""

    what: str
    key: str


def make_url(subject: Subject) -> str:
    """Return the absolute URL of the page that asks whether to end it."""
    value = signing.dumps(list(subject), salt=_SALT)
    return f"{get_settings().NOTICES.BASE_URL}{reverse('jwtauth_notice', args=[value])}"


def read(value: str) -> Subject | None:
    """Return what the value in a URL names, None if it was not made here or is too old."""
    try:
        what, key = signing.loads(value[:_LENGTH], salt=_SALT, max_age=MAX_AGE)
    except (signing.BadSignature, ValueError, TypeError):
        return None
    return Subject(what, key)


def find_rows(subject: Subject) -> LoginSessionQuerySet:
    """Return the rows that the link ends."""
    if subject.what == ROW:
        return database.sign_ins().filter(pk=subject.key)
    return database.sign_ins().filter(user_id=subject.key)


def of_user(user: Any) -> Subject:
    return Subject(USER, str(identity.saved_key(user)))
