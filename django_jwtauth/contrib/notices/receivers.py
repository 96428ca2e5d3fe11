"""What makes a mail: a sign-in from a new device, a changed password, a new API token.

Everything happens after the commit; what goes wrong is logged, and stops no sign-in.
"""

import logging
from functools import partial
from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models.signals import post_save
from django.utils import translation

from ... import signals, throttling
from ...exceptions import Throttled
from ...models import Kind, LoginSession
from ...signins.endings import password_was_set
from ...store import database, identity
from . import devices, mails, tasks
from .signals import new_device

logger = logging.getLogger("django_jwtauth")

_UID = "django_jwtauth.contrib.notices"


def connect() -> None:
    signals.session_started.connect(on_started, dispatch_uid=_UID)
    post_save.connect(on_user_saved, sender=get_user_model(), dispatch_uid=_UID)


def on_started(session: LoginSession, user: Any, request: Any, **kwargs: Any) -> None:
    if session.kind == Kind.API_TOKEN and mails.is_wanted(mails.CREATED):
        tasks.about_row(mails.CREATED, session.id.hex, translation.get_language())
    elif session.kind == Kind.SIGN_IN and request is not None:
        _on_sign_in(session, user, request)


def _on_sign_in(session: LoginSession, user: Any, request: Any) -> None:
    is_wanted = mails.is_wanted(mails.NEW_DEVICE)
    if not (is_wanted or new_device.has_listeners(LoginSession)):
        return
    if not devices.is_new(session, user, getattr(request, "_request", request)):
        return
    new_device.send_robust(LoginSession, session=session, user=user, request=request)
    if is_wanted and _may_mail(user):
        tasks.about_row(mails.NEW_DEVICE, session.id.hex, translation.get_language())


def _may_mail(user: Any) -> bool:
    """Count a mail about a new device; False if there are too many, which is logged.

    Whoever knows the password could bury the first mail among hundreds, each about a device
    with another name.
    """
    try:
        throttling.count_made("notice", user)
    except Throttled:
        logger.warning(
            "Too many notices for one user: one was not sent",
            extra={"event": "notice_not_sent", "notice": mails.NEW_DEVICE},
        )
        return False
    return True


def on_user_saved(instance: Any, created: bool, raw: bool, **kwargs: Any) -> None:
    if created or raw or not password_was_set(instance):
        return
    if mails.is_wanted(mails.PASSWORD_CHANGED):
        key = str(identity.saved_key(instance))
        send = partial(tasks.about_password, key, translation.get_language())
        transaction.on_commit(send, using=database.alias(), robust=True)
