"""For operators in an incident: end many sign-ins, blacklist a token by its ``jti``.

The admin and the command call the same functions. Sign-ins are ended in chunks, each with its own
statement, so a million of them hold no lock for long. An operator who is interrupted can start
again; a sign-in that has already ended keeps its record.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from django.apps import apps
from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ..claims import ACCESS, TokenType, parse_jti, token_type_of
from ..conf import moments
from ..models import BlacklistedToken, Cause, Kind, LoginSession, LoginSessionQuerySet, Reason
from ..signins import legacy, rows
from ..store import database, identity
from . import batches, searching
from .searching import Search

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

#: The reasons that people give; the others are set automatically.
OPERATOR_REASONS = (Reason.STOLEN, Reason.COMPROMISED, Reason.LEFT, Reason.OTHER)


class Tally(NamedTuple):
    """How many sign-ins were ended, or would be, and how many had already ended.

    ``api_tokens``: how many of the former are API tokens.
    """

    ended: int = 0
    before: int = 0
    api_tokens: int = 0


class UnknownToken(LookupError):
    """A ``jti`` that was not issued here, or whose sign-in is unknown."""


@dataclass(frozen=True, slots=True)
class Target:
    """Which sign-ins to end; created by everybody(), of_user(), matching() or named()."""

    #: All sign-ins that are meant, and those of them that are not over.
    rows: LoginSessionQuerySet
    ending: LoginSessionQuerySet
    #: The user and the time of the start (aware) by which they were chosen, if any.
    user: "AbstractBaseUser | None" = None
    before: datetime | None = None
    named: bool = False
    #: What else they were chosen by, for the record.
    criteria: str = ""


def everybody(before: datetime | None = None) -> Target:
    """Everybody's sign-ins that started before the time (default: now), refreshed or not."""
    moment = moments.aware(before) if before else moments.now()
    # Nothing is newer, so this includes rows that a column holds in the wrong order.
    latest = moment if before else moment + moments.uncertainty()
    rows = database.sign_ins().filter(created_at__lt=moments.stored(latest))
    return Target(rows, rows.usable(), before=moment)


def of_user(user: "AbstractBaseUser", before: datetime | None = None) -> Target:
    """The same for one user."""
    target = everybody(before)
    rows = target.rows.filter(user_id=identity.saved_key(user))
    return Target(rows, rows.usable(), user=user, before=target.before if before else None)


def matching(search: Search, user: "AbstractBaseUser | None" = None) -> Target:
    """The sign-ins that a search finds, of everybody or of one user.

    They began with any address or agent: legacy tokens, which have no sign-in, are not refused.
    """
    rows = database.sign_ins()
    if user is not None:
        rows = rows.filter(user_id=identity.saved_key(user))
    rows = searching.narrow(rows, search)
    terms = [*map(str, search.networks), *search.agents]
    for sign, moment in ((">=", search.period.since), ("<", search.period.until)):
        terms += [f"{sign} {moment.isoformat()}"] if moment else []
    return Target(rows, rows.usable(), user=user, criteria=", ".join(terms))


def named(sids: list[UUID]) -> Target:
    """The sign-ins with these ids, including expired ones."""
    rows = database.sign_ins().filter(pk__in=sids)
    return Target(rows, rows.filter(ended_at=None), named=True)


def count(target: Target, limit: int | None = None) -> Tally:
    """Return what end() would find; with a ``limit``, ``limit + 1`` means more than that."""
    stop = None if limit is None else limit + 1
    before = target.rows.exclude(ended_at=None).order_by()[:stop].count()
    is_api_token = models.Q(kind=Kind.API_TOKEN)
    ending = target.ending.order_by()[:stop].aggregate(
        ended=models.Count("pk"), api_tokens=models.Count("pk", filter=is_api_token)
    )
    return Tally(before=before, **ending)


def end(target: Target, cause: Cause, progress: Callable[[int], None] | None = None) -> int:
    """End the sign-ins that are not over, and return how many. It can safely be repeated.

    ``progress`` is called with the number so far after each chunk. The admin's log gets an
    entry, also for what was done before an interruption. If a chunk keeps failing, the
    database's error is raised.
    """
    ended: list[UUID] = []
    total = 0
    if not target.named and not target.criteria:
        subject = str(target.user.pk) if target.user else None
        legacy.refuse(subject, target.before or moments.now(), cause)
    try:
        for sids, number in _in_chunks(target.ending, cause):
            total += number
            if target.named:
                ended += sids
            if progress:
                progress(total)
    finally:
        if total:
            _log(target, total, ended, cause)
    return total


def refuse(jti: str, cause: Cause) -> tuple[BlacklistedToken, bool]:
    """Blacklist a token of which only the ``jti`` is known.

    Its row ends, too, unless it is the access token of a sign-in, as in ``sessions.blacklist``.

    Returns the record and whether it is new. Raises ``UnknownToken``.
    """
    session, token_type = find_issuer(jti)
    if _ends(session, token_type):
        end(named([session.pk]), cause)
    blacklist = database.blacklisted_tokens()
    existing = blacklist.filter(jti=jti).first()
    if existing:
        return existing, False
    rows.add_blacklisted(
        jti,
        token_type,
        session,
        cause,
        user_id=session.user_id,
        subject=session.subject,
        # The token's end is unknown, but it is not later than this.
        expires_at=moments.stored(max(moments.aware(session.expires_at), session.latest_end)),
    )
    record = blacklist.get(jti=jti)
    operator = _find_operator(cause)
    if operator is not None:
        _log_entries([record], log_text(cause), operator, added=True)
    return record, True


def ends_sign_in(jti: str) -> bool:
    """Return whether refuse() ends a sign-in, or the row of an API token or one-time token.

    Raises ``UnknownToken``.
    """
    return _ends(*find_issuer(jti))


def _ends(session: LoginSession, token_type: TokenType) -> bool:
    # What blacklisting.ends_row() says of a token whose claims are known.
    return token_type != ACCESS or session.kind in (Kind.API_TOKEN, Kind.ACTING)


def find_issuer(jti: str) -> tuple[LoginSession, TokenType]:
    """Return the sign-in that issued the token, and its kind. Raises ``UnknownToken``."""
    sid = parse_jti(jti)
    session = database.sign_ins().filter(pk=sid).first() if sid else None
    if session is None:
        raise UnknownToken
    return session, token_type_of(jti, session.kind)


def log_text(cause: Cause) -> str:
    """Return the text for the admin's log."""
    label = dict(Reason.choices).get(cause.reason, cause.reason)
    return _("Revoked: {reason}. {note}").format(reason=label, note=cause.note)


def _in_chunks(ending: LoginSessionQuerySet, cause: Cause) -> Iterator[tuple[list[UUID], int]]:
    """End the rows of ``ending``; yield the ids of each chunk, and how many this call ended."""
    rows = ending.values_list("pk", "created_at", named=True)
    read = batches.in_order(rows, "created_at", batches.SIZE)

    def end_chunk(found: Sequence[Any]) -> tuple[list[UUID], int]:
        sids = [row.pk for row in found]
        return sids, database.sign_ins().filter(pk__in=sids).end_for(cause)

    ended = True
    # Once more, for a sign-in that was committed behind the point that was reached.
    while ended:
        ended = False
        for sids, number in batches.through(read, end_chunk):
            ended = ended or number > 0
            yield sids, number


# --- the admin's log: a courtesy, the rows are the record


def _log(target: Target, number: int, sids: list[UUID], cause: Cause) -> None:
    """Write an entry for each named sign-in; otherwise one for the user, or one for everybody."""
    operator, text = _find_operator(cause), log_text(cause)
    if operator is None:
        return
    if target.named:
        _log_entries(list(database.sign_ins().filter(pk__in=sids)), text, operator)
        return
    ended = ngettext("%(count)s sign-in ended.", "%(count)s sign-ins ended.", number)
    text = " ".join(filter(None, (ended % {"count": number}, target.criteria, text)))
    if target.user is not None:
        _log_entries([target.user], text, operator)
        return
    from django.contrib.admin.models import CHANGE, LogEntry
    from django.contrib.contenttypes.models import ContentType

    started = _("Everybody's sign-ins started before {time}")
    LogEntry.objects.create(
        user_id=operator.pk,
        content_type=ContentType.objects.get_for_model(LoginSession),
        object_repr=(target.criteria or started.format(time=target.before))[:200],
        action_flag=CHANGE,
        change_message=text,
    )


def _find_operator(cause: Cause) -> "AbstractBaseUser | None":
    """Return the user in whose name the log gets an entry, or None if it gets none."""
    has_log = apps.is_installed("django.contrib.admin")
    return cause.by if has_log and not isinstance(cause.by, str) else None


def _log_entries(
    records: list[Any], text: str, operator: "AbstractBaseUser", *, added: bool = False
) -> None:
    from django.contrib.admin.models import ADDITION, CHANGE, LogEntry

    if records:
        LogEntry.objects.log_actions(
            user_id=operator.pk,
            queryset=records,
            action_flag=ADDITION if added else CHANGE,
            change_message=text,
        )
