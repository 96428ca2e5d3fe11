"""What happened to one sign-in, in order of time: when, from which address, with what device."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from django.template.loader import render_to_string
from django.utils.functional import Promise
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from ..conf import moments
from ..http.user_agents import readable
from ..models import BlacklistedToken, Kind, LoginSession, Reason, Via
from .filters import TokenType
from .wording import label, moment_to_the_second, zone_name

#: More blacklisted tokens than this are not listed one by one.
MAX_TOKENS = 20
_STARTED: dict[str, Promise] = {
    Kind.API_TOKEN: gettext_lazy("API token created"),
    Kind.ONE_TIME: gettext_lazy("One-time token created"),
    Kind.ACTING: gettext_lazy("An operator began to act for the user"),
}
#: The reasons that are marked: somebody else had the token, or the account.
ALARMING = frozenset({Reason.REUSED, Reason.STOLEN, Reason.COMPROMISED})


@dataclass(slots=True)
class Event:
    """One thing that happened, or will."""

    at: datetime
    title: str
    address: str = ""
    user_agent: str = ""
    #: What else is known, each a sentence or a few words.
    facts: tuple[str, ...] = ()
    is_alarm: bool = False
    #: Where to read more, and what the link is called.
    url: str = ""
    link: str = ""

    @property
    def moment(self) -> str:
        return moment_to_the_second(self.at)

    @property
    def is_ahead(self) -> bool:
        return moments.aware(self.at) > moments.now()

    @property
    def device(self) -> str:
        return readable(self.user_agent)


def render(session: LoginSession, tokens: Iterable[tuple[BlacklistedToken, str]]) -> SafeString:
    """Return the events as an ordered list in HTML.

    ``tokens``: the blacklisted tokens of the sign-in, each with the URL of its page, "" if the
    operator may know of it only that it was blacklisted.
    """
    found = [*_of_session(session), *(_of_token(record, url) for record, url in tokens)]
    # Stable: what happened at the same moment stays in the order of cause and effect.
    events = sorted(found, key=lambda event: moments.aware(event.at))
    context = {"events": list(_with_headers(events)), "zone": zone_name()}
    return render_to_string("admin/django_jwtauth/timeline.html", context)


def _of_session(session: LoginSession) -> Iterator[Event]:
    yield Event(
        session.created_at,
        str(_STARTED.get(session.kind, _("Signed in"))),
        session.ip_address or "",
        session.user_agent,
        # Of an operator who acts for the user.
        tuple(filter(None, (session.actor_name, session.acting_reason))),
    )
    if session.generation or session.refreshed_at > session.created_at:
        yield _refreshed(session)
    if session.last_used_at:
        yield Event(session.last_used_at, _("Last used"), session.last_used_ip or "")
    if session.replayed_at:
        yield _replayed(session, session.replayed_at)
    if session.ended_at:
        yield _ended(session, session.ended_at)
    yield _expires(session)


def _refreshed(session: LoginSession) -> Event:
    count = session.generation
    if count > 1:
        title = ngettext("Last of %(count)d refresh", "Last of %(count)d refreshes", count)
        title %= {"count": count}
    else:
        # Without rotation, nobody counts.
        title = _("Refreshed") if count else _("Last refreshed")
    networks = session.networks.split()
    facts: tuple[str, ...] = ()
    if len(networks) > 1:
        listed = ", ".join(networks)
        facts = (_("Networks, the latest first: %(networks)s") % {"networks": listed},)
    return Event(
        session.refreshed_at,
        title,
        session.refreshed_ip or "",
        session.refreshed_agent,
        facts,
    )


def _replayed(session: LoginSession, at: datetime) -> Event:
    ended_it = session.ended_via == Via.REUSE_DETECTION
    return Event(
        at,
        _("Superseded refresh token came back, and was refused")
        if ended_it
        else _("Superseded refresh token came back, and was accepted once"),
        session.replayed_ip or "",
        session.replayed_agent,
        (
            _(
                "Whoever sent it, or whoever refreshed the sign-in last, has a copy. The other is "
                "probably the owner."
            )
            if ended_it
            else _(
                "It came from a new network shortly after a refresh: the owner, whose answer got "
                "lost, or somebody with a copy."
            ),
        ),
        is_alarm=True,
    )


def _ended(session: LoginSession, at: datetime) -> Event:
    how = ", ".join(filter(None, (label(Via, session.ended_via), session.ended_by_name)))
    title = _("Ended: %(reason)s") % {"reason": label(Reason, session.end_reason)}
    facts = tuple(filter(None, (how, session.end_note)))
    return Event(at, title, facts=facts, is_alarm=session.end_reason in ALARMING)


def _expires(session: LoginSession) -> Event:
    if session.ended_at:
        return Event(session.expires_at, _("Would have expired"))
    event = Event(session.expires_at, _("Expires"))
    if not event.is_ahead:
        event.title = _("Expired")
    return event


def _of_token(record: BlacklistedToken, url: str) -> Event:
    event = Event(record.blacklisted_at, _("Token blacklisted"))
    if url:
        how = (label(Reason, record.reason), label(Via, record.via), record.blacklisted_by_name)
        kind = label(TokenType, record.token_type)
        event.title = _("Token blacklisted: %(kind)s") % {"kind": kind}
        event.facts = tuple(filter(None, (", ".join(filter(None, how)), record.note)))
        event.url, event.link = url, record.jti
    return event


def _with_headers(events: list[Event]) -> Iterator[tuple[Event, str]]:
    """Yield each event with the header of its user agent, "" if it says no more than before."""
    shown = {""}
    for event in events:
        header = event.user_agent
        yield event, "" if header in shown or header == event.device else header
        shown.add(header)
