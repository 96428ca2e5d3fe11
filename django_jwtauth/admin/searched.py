"""What a search of the list was understood as, in words, and what else it could mean."""

from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ..operations.periods import Period
from ..operations.searching import PREFIXED, WINDOW, Search, understand
from ..store.networks import spell
from .wording import moment, zone_name

#: With one of these parameters, the list is short enough to be searched for anything.
BOUNDS = ("user", "created_at__gte", "ended_at__gte", "replayed_at__gte")


def search_of(query: Any, text: str) -> Search:
    """Return what the text means on a list with these parameters."""
    search = understand(text)
    if search.is_unbounded and not any(query.get(name) for name in BOUNDS):
        return search.bounded()
    return search


def describe(query: Any) -> dict[str, Any] | None:
    """Return the terms of the search in words, and links to other meanings; None without one."""
    text = query.get("q", "").strip()
    if not text:
        return None
    search, was_bounded = search_of(query, text), understand(text).is_unbounded
    return {
        "terms": list(_terms(search)),
        "bounded": was_bounded and search.period.since is not None,
        "days": WINDOW.days,
        "others": [(label, f"?{_with(query, other)}") for label, other in _others(search, text)],
        "anytime": f"?{_with(query, f'{text} anytime')}",
        "left_out": " ".join(search.left_out),
    }


def _with(query: Any, text: str) -> str:
    """Return the query string with another search, on the first page."""
    kept = query.copy()
    kept["q"] = text
    kept.pop("p", None)
    return str(kept.urlencode())


def _terms(search: Search) -> Iterator[str]:
    for sid in search.sids:
        yield _("the sign-in with the id %(sid)s") % {"sid": sid.hex}
    networks = [spell(one) for one in search.networks]
    if networks:
        text = ngettext(
            "signed in, last refreshed or last used from %(networks)s, or a superseded refresh "
            "token came back from there",
            "signed in, last refreshed or last used from one of %(networks)s, or a superseded "
            "refresh token came back from there",
            len(networks),
        )
        yield text % {"networks": ", ".join(networks)}
    for agent in search.agents:
        yield _("the user agent contains “%(text)s”") % {"text": agent}
    for name in search.names:
        text = _("the user name contains “%(text)s”, or it is the e-mail address or the user id")
        yield text % {"text": name}
    yield from _period(search)


def _period(search: Search) -> Iterator[str]:
    since, until = search.period.since, search.period.until
    values = {
        "since": moment(since) if since else "",
        "until": moment(until) if until else "",
        "zone": zone_name(),
    }
    if since and until:
        yield _("started from %(since)s until before %(until)s, %(zone)s") % values
    elif since:
        yield _("started since %(since)s, %(zone)s") % values
    elif until:
        yield _("started before %(until)s, %(zone)s") % values


def _others(search: Search, text: str) -> Iterator[tuple[str, str]]:
    """Yield what else to search for with the same words."""
    bare = " ".join(text.replace('"', " ").split())
    if search.networks or PREFIXED.search(text):
        return
    if search.agents or search.period != Period():
        yield _("Search for a user of this name"), f'user:"{bare}"'
    elif search.names:
        yield _("Search for this user agent"), f'agent:"{bare}"'
