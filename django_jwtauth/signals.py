"""What a project may listen to. Every ``sender`` is the model class.

Receivers run after the change is committed, and one that raises is logged by Django
and cannot undo a sign-in or a revocation. The two about refusals are sent at once, as
nothing may have changed.
"""

from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.dispatch import Signal

if TYPE_CHECKING:
    from .exceptions import AuthError

#: Arguments: ``session``, ``user``, ``request`` (or None).
session_started = Signal()

#: Arguments: ``session_id`` (UUID), ``user``.
session_refreshed = Signal()

#: Arguments: ``count``, ``reason``, ``via``, ``by`` (a user or None).
sessions_ended = Signal()

#: Arguments: ``session_id`` (UUID), ``subject`` (text), ``presented`` (int, the generation).
refresh_token_reused = Signal()

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


def send_ended(sender: type, using: str, *, count: int, reason: str, via: str, by: Any) -> None:
    """Send ``sessions_ended`` after the commit; a text for ``by`` is no account."""
    by = None if isinstance(by, str) else by
    send_after_commit(
        sessions_ended, sender, using=using, count=count, reason=reason, via=via, by=by
    )


def send_blacklisted(
    sender: type, using: str, *, jti: str, token_type: str, reason: str, via: str, by: Any
) -> None:
    """Send ``token_blacklisted`` after the commit; a text for ``by`` is no account."""
    by = None if isinstance(by, str) else by
    send_after_commit(
        token_blacklisted,
        sender,
        using=using,
        jti=jti,
        token_type=token_type,
        reason=reason,
        via=via,
        by=by,
    )
