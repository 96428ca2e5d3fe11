"""What a project may listen to. Every ``sender`` is the model class.

Receivers run after the change is committed, and one that raises is logged by Django
and cannot undo a sign-in or a revocation. The two about refusals are sent at once, as
nothing may have changed.
"""

import logging
from collections.abc import Callable
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from asgiref.sync import async_to_sync
from django.contrib.auth import signals as auth_signals
from django.db import connections, transaction
from django.dispatch import Signal

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

    from .exceptions import AuthError

logger = logging.getLogger("django_jwtauth")

#: Arguments: ``session``, ``user``, ``request`` (or None).
session_started = Signal()

#: Arguments: ``session_id`` (UUID), ``user``.
session_refreshed = Signal()

#: Arguments: ``count``, ``reason``, ``via``, ``by`` (a user or None).
sessions_ended = Signal()

#: ``presented`` is the generation of the token, the last two tell who sent it.
#: Arguments: ``session_id``, ``subject``, ``presented``, ``ip_address``, ``user_agent``.
refresh_token_reused = Signal()

#: A superseded token came from another network within the grace period and was served once.
#: Arguments: ``session_id`` (UUID), ``subject``, ``ip_address``, ``user_agent`` (text).
refresh_token_replayed = Signal()

#: Arguments: ``jti``, ``token_type``, ``reason``, ``via``, ``by`` (a user or None).
token_blacklisted = Signal()

#: Arguments: ``token_type`` (``"access"`` or ``"refresh"``), ``reason`` (as on the page of errors).
token_refused = Signal()

#: Arguments: ``reason`` (as on the page of errors).
sign_in_refused = Signal()


def send_after_commit(signal: Signal, sender: type, *, using: str, **arguments: Any) -> None:
    """Send ``signal`` when the transaction on alias ``using`` commits; at once without one."""

    def send() -> None:
        signal.send_robust(sender, **arguments)

    transaction.on_commit(send, using=using)


def send_refused(sender: type, token_type: str, error: "AuthError") -> None:
    """Send ``token_refused``: of what was presented nothing but its type goes along."""
    token_refused.send_robust(sender, token_type=token_type, reason=error.reason)


def send_started(sender: type, using: str, *, session: Any, user: Any, request: Any) -> None:
    """Send ``session_started`` after the commit."""
    send_after_commit(
        session_started, sender, using=using, session=session, user=user, request=request
    )


def send_logged_in(
    user: "AbstractBaseUser", request: Any, using: str, *, but: Callable[..., Any]
) -> None:
    """Send Django's ``user_logged_in``, as its ``login()`` does, to every receiver ``but`` one.

    Receivers get Django's request, not DRF's wrapper. One that raises is logged; what it
    did to a transaction of the caller's is undone.
    """
    sender: Any = user.__class__
    named = {"request": getattr(request, "_request", request), "user": user}
    signal: Any = auth_signals.user_logged_in
    sync_receivers, async_receivers = signal._live_receivers(sender)
    for receiver in (*sync_receivers, *map(async_to_sync, async_receivers)):
        if receiver is but:
            continue
        # PostgreSQL commits nothing after an error, not even the sign-in.
        in_transaction = connections[using].in_atomic_block
        try:
            with transaction.atomic(using) if in_transaction else nullcontext():
                receiver(signal=signal, sender=sender, **named)
        except Exception as error:
            logger.error(
                "A receiver of user_logged_in failed",
                exc_info=error,
                extra={"event": "receiver_failed", "error": type(error).__name__},
            )
