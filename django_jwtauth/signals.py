"""The signals of this package. Every ``sender`` is the model class.

Receivers run after the change is committed. An exception from a receiver is logged by Django
and cannot undo a sign-in or a revocation. The two signals about refusals are sent at once, as
nothing may have changed.
"""

from typing import Any

from django.db import transaction
from django.dispatch import Signal

from .conf import project_code


class _Signal(Signal):
    def announce(self, sender: type, *, using: str | None = None, **arguments: Any) -> None:
        """Call the receivers once the transaction on alias ``using`` commits; at once without one.

        An exception from a receiver is logged and stops nothing.
        """

        def send() -> None:
            with project_code():
                self.send_robust(sender, **arguments)

        if using is None:
            send()
        else:
            transaction.on_commit(send, using=using)


#: Arguments: ``session``, ``user``, ``request`` (or None).
session_started = _Signal()

#: ``operator`` acts for ``user`` from now on; ``session_started`` is not sent.
#: Arguments: ``session``, ``user``, ``operator``, ``request`` (or None).
acting_started = _Signal()

#: Arguments: ``session_id`` (UUID), ``user``.
session_refreshed = _Signal()

#: Arguments: ``count``, ``reason``, ``via``, ``by`` (a user or None).
sessions_ended = _Signal()

#: A superseded token was presented, and its sign-in has ended. Both sides are described: who
#: presented it, of which generation, and who had refreshed the sign-in last, and when (aware).
#: Either may be the owner.
#: Arguments: ``session_id`` (UUID), ``subject``, ``presented``, ``ip_address``, ``user_agent``,
#: ``refreshed_at``, ``refreshed_ip``, ``refreshed_agent``.
refresh_token_reused = _Signal()

#: A superseded token came from another network within the grace period and was accepted once.
#: Arguments: ``session_id`` (UUID), ``subject``, ``ip_address``, ``user_agent``, ``refreshed_at``,
#: ``refreshed_ip``, ``refreshed_agent``.
refresh_token_replayed = _Signal()

#: Arguments: ``jti``, ``token_type``, ``reason``, ``via``, ``by`` (a user or None).
token_blacklisted = _Signal()

#: Arguments: ``token_type`` (``"access"`` or ``"refresh"``), ``reason`` (as on the page of errors).
token_refused = _Signal()

#: Name and password, or what ``HOOKS["SIGN_IN"]`` asks for, were not enough. ``account`` is a keyed
#: digest of the name, as ``jwtauth_digest`` prints it, or "" if none was made.
#: Arguments: ``reason`` (as on the page of errors), ``request``, ``ip_address`` (or None),
#: ``account``.
sign_in_refused = _Signal()
