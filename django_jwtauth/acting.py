"""Acting for another user: a token with which an operator sees what the user sees, for a while.

Whoever acts has the permission ``django_jwtauth.impersonate_user`` and says why. The row in
``LoginSession`` belongs to the user, who sees it among their sign-ins and can end it; its token has
the claim ``act`` (RFC 8693, 4.1), names its operator to every view, and is never refreshed.
"""

import logging
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from asgiref.sync import sync_to_async
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from . import scopes, signals
from .claims import parse_sid
from .conf import durations, one_tenancy
from .exceptions import ActingRefused, SessionEnded
from .models import Kind, LoginSession
from .signins import rows, rules
from .signins.issuing import issue_acting
from .store import database, identity, lookup

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser
    from django.http import HttpRequest

logger = logging.getLogger("django_jwtauth")

PERMISSION = "django_jwtauth.impersonate_user"
LIFETIME = timedelta(minutes=15)
MAX_LIFETIME = timedelta(hours=1)
MAX_REASON_LENGTH = 255


@dataclass(frozen=True, slots=True)
class Acting:
    """What was just started. The text of the token cannot be obtained later."""

    raw: str = field(repr=False)
    session: LoginSession


def start(
    operator: "AbstractBaseUser",
    user: "AbstractBaseUser",
    reason: str,
    *,
    sid: str,
    within: Collection[str] | None = None,
    lifetime: timedelta = LIFETIME,
    request: "HttpRequest | None" = None,
) -> Acting:
    """Allow ``operator`` to act for ``user``, and return the one token for it.

    ``reason``: 1 to 255 characters, for the record. ``sid``: the operator's own sign-in, with which
    the token ends (``request.auth["sid"]``). ``within``: at most these scopes. ``lifetime``: from a
    second to an hour; the token does not outlive the operator's sign-in.

    Raises ``ActingRefused`` if the operator may not act for the user, ``SessionEnded`` if the
    operator's sign-in is over, ``ValueError`` for another lifetime or reason, ``Unavailable``, and
    whatever ``sessions.start`` raises for the user. Sends ``acting_started``.
    """
    durations.check(lifetime, MAX_LIFETIME, "A token to act for a user")
    if not 0 < len(reason.strip()) <= MAX_REASON_LENGTH:
        raise ValueError(f"reason must have 1 to {MAX_REASON_LENGTH} characters.")
    with one_tenancy():
        granted = _require_rights(operator, user, within, request)
        own = _find_own(operator, sid)
        session = rows.make_session(
            user,
            request,
            lifetime,
            kind=Kind.ACTING,
            actor_subject=identity.subject_of(operator),
            actor_name=str(operator.get_username())[:255],
            actor_session=own.id,
            acting_reason=reason.strip(),
        )
        session.expires_at = min(session.expires_at, own.expires_at)
        # Signed before it is written, so that a hook that fails leaves no row behind.
        raw = issue_acting(session, user, {} if granted is None else {"scope": granted})
        using = database.alias()
        with database.reporting_unavailable(), transaction.atomic(using=using):
            rows.insert(session)
            # Whoever ends the operator's sign-in now waits for this, or is waited for.
            current = lookup.lock_session({"sid": own.id})
            if current is None or current.ended_at is not None:
                raise SessionEnded
        logger.info(
            "User %s acts for user %s in sign-in %s",
            session.actor_subject,
            session.subject,
            session.sid,
            extra={
                "event": "acting_started",
                "sid": session.sid,
                "operator": session.actor_subject,
                "user": session.subject,
            },
        )
        signals.acting_started.announce(
            LoginSession,
            using=using,
            session=session,
            user=user,
            operator=operator,
            request=request,
        )
        return Acting(raw, session)


def _find_own(operator: "AbstractBaseUser", sid: str) -> LoginSession:
    """Return the live sign-in of a person: no API token, no one-time token, nobody acting."""
    key, own = parse_sid(sid), database.sign_ins().of_kind(Kind.SIGN_IN)
    with database.reporting_unavailable():
        session = own.filter(pk=key, user_id=identity.saved_key(operator)).first() if key else None
        if session is None or not session.is_live():
            raise SessionEnded
        rules.check_operator(identity.subject_of(operator), session.sid)
    return session


# --- who may act for whom


def _require_rights(
    operator: Any, user: Any, within: Collection[str] | None, request: "HttpRequest | None"
) -> str | None:
    """Return the scopes of the token; raises ``ActingRefused`` if there is to be none."""
    if not operator.has_perm(PERMISSION):
        raise ActingRefused
    if identity.saved_key(operator) == identity.saved_key(user):
        raise ActingRefused(_("You cannot act for yourself."))
    if not rules.is_active(user):
        raise ActingRefused(_("This user is inactive."))
    if getattr(user, "is_superuser", False):
        # Not even for another one, who can do all of it in their own name.
        raise ActingRefused(_("Nobody can act for a superuser."))
    allowed = scopes.grant(user, request, None)
    own = scopes.grant(operator, request, None)
    if not covers(operator, user) or not set((own or "").split()).issuperset(
        (allowed or "").split()
    ):
        raise ActingRefused(_("This user may do more than you."))
    return scopes.grant(user, request, None, within)


def covers(operator: Any, user: Any) -> bool:
    """Return whether ``user`` may do nothing that ``operator`` may not.

    Each permission of the user is one of the operator's, and only staff covers staff.
    """
    if getattr(operator, "is_superuser", False):
        return True
    if getattr(user, "is_superuser", False):
        return False
    if not hasattr(user, "get_all_permissions"):
        # A model with only has_perm(), whose permissions cannot be listed.
        return bool(operator.pk == user.pk or not getattr(user, "is_staff", False))
    if getattr(user, "is_staff", False) and not getattr(operator, "is_staff", False):
        return False
    permissions: set[str] = operator.get_all_permissions()
    return permissions.issuperset(user.get_all_permissions())


astart = sync_to_async(start)
