"""Mails as Django tasks, where there are tasks (Django 6.0 and later); otherwise at once."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.utils import translation

from ...store import database, users
from . import mails

Call = Callable[..., Any]


def _about_row(kind: str, sid: str, language: str | None) -> bool:
    session = database.sign_ins().select_related("user").filter(pk=UUID(sid)).first()
    if session is None or session.user is None:
        return False
    with translation.override(language):
        return mails.about_row(kind, session)


def _about_password(key: str, language: str | None) -> bool:
    user = users.find(key)
    if user is None:
        return False
    with translation.override(language):
        return mails.about_password(user)


try:
    from django.tasks import task
except ImportError:
    about_row: Call = _about_row
    about_password: Call = _about_password
else:
    _row_task, _password_task = task(_about_row), task(_about_password)
    about_row, about_password = _row_task.enqueue, _password_task.enqueue
