"""Reports refused sign-ins. A stranger's attempt writes no row: it is a line of log and a signal.

The lines have a logger of their own, below the package's, so that a file can have nothing else:
who reads it to block addresses must not find text there that a client chose.
"""

import logging
from typing import TYPE_CHECKING

from .. import signals
from ..exceptions import AuthError, Unavailable
from ..http.device import get_ip_address
from ..models import LoginSession

if TYPE_CHECKING:
    from django.http import HttpRequest

logger = logging.getLogger("django_jwtauth.sign_ins")

_ACCOUNT = "jwtauth_account"


def remember(request: "HttpRequest", account: str) -> None:
    """Keep the digest of the name with which the request tries to sign in, for report()."""
    vars(request)[_ACCOUNT] = account


def report(request: "HttpRequest", error: AuthError) -> None:
    """Log and signal that a sign-in was refused.

    It is not logged if the database was unavailable: this has its own line, and is no attempt.
    """
    address, account = get_ip_address(request), vars(request).get(_ACCOUNT, "")
    if not isinstance(error, Unavailable):
        logger.info(
            "Sign-in refused from %s: %s, account %s",
            address or "an unknown address",
            error.reason,
            account,
            extra={
                "event": "sign_in_refused",
                "ip_address": address,
                "reason": error.reason,
                "account": account,
            },
        )
    signals.sign_in_refused.announce(
        LoginSession, reason=error.reason, request=request, ip_address=address, account=account
    )
