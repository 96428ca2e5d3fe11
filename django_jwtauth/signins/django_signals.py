"""Django's signals ``user_logged_in`` and ``user_logged_out``, sent for sign-ins as Django does."""

import logging
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from asgiref.sync import async_to_sync
from django.contrib.auth import signals
from django.contrib.auth.models import update_last_login
from django.db import connections, transaction

from ..conf import project_code

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

logger = logging.getLogger("django_jwtauth")


def send_logged_in(user: "AbstractBaseUser", request: Any, using: str) -> None:
    """Call every receiver except Django's, which would write last_login in any case."""
    _send("user_logged_in", user, request, using)


def send_logged_out(user: "AbstractBaseUser", request: Any, using: str) -> None:
    """Call every receiver, after the sign-in of ``user`` has ended."""
    _send("user_logged_out", user, request, using)


def _send(name: str, user: "AbstractBaseUser", request: Any, using: str) -> None:
    """Call the receivers with Django's request, not DRF's wrapper.

    An exception is logged, and what that receiver did in the caller's transaction is undone.
    """
    sender: Any = user.__class__
    named = {"request": getattr(request, "_request", request), "user": user}
    signal: Any = getattr(signals, name)
    sync_receivers, async_receivers = signal._live_receivers(sender)
    for receiver in (*sync_receivers, *map(async_to_sync, async_receivers)):
        if receiver is update_last_login:
            continue
        # After an error, PostgreSQL commits nothing, not even the sign-in.
        in_transaction = connections[using].in_atomic_block
        try:
            with project_code(), transaction.atomic(using) if in_transaction else nullcontext():
                receiver(signal=signal, sender=sender, **named)
        except Exception as error:
            logger.error(
                "A receiver of %s failed",
                name,
                exc_info=error,
                extra={"event": "receiver_failed", "error": type(error).__name__},
            )
