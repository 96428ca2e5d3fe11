"""What the text of a search means, and which sign-ins it finds.

The list, the page *Find* and the commands all ask here. A text is cut into terms; a sign-in is
found if all of them fit, but one of several addresses is enough:

- the id of a sign-in, also within a ``jti`` or a line of a log: that sign-in and nothing else;
- ``203.0.113.7``, ``203.0.113.0/24``, ``2001:db8::/32``: an address or a network;
- ``yesterday``, ``9:00-10:00`` and what else ``periods`` reads: when the sign-in started;
- ``Firefox``, ``okhttp/4.12``, ``Mozilla/5.0 ...``: a part of the user agent;
- ``anytime``: however long ago;
- all else: a part of the user's name, the whole e-mail address or the user's id.

``user:``, ``agent:``, ``ip:``, ``since:`` and ``until:`` in front of a word, or of one in quotes,
say which it is.
"""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import reduce
from operator import and_, or_
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.db import DatabaseError
from django.db.models import Q

from ..claims import find_sids
from ..conf import moments
from ..models import LoginSession
from ..store import database, identity, users
from ..store.networks import IsWithin, Network, spell
from .periods import Period, find_period, read_moment

#: The most characters of a search, and the most terms that are read of it.
MAX_LENGTH = 1000
MAX_TERMS = 20
#: How far back addresses and user agents, which have no index, are searched without a time.
WINDOW = timedelta(days=30)
#: A user's rows are found by an index if this many users fit, or fewer.
MAX_USERS = 100

#: The columns with an address: of the start, of the last refresh, of the last use of an API token,
#: and of a superseded refresh token.
ADDRESSES = ("ip_address", "refreshed_ip", "last_used_ip", "replayed_ip")
AGENTS = ("user_agent", "refreshed_agent", "replayed_agent")

_UNPRINTABLE = re.compile("[\0-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
#: A term of which a prefix says what it is.
PREFIXED = re.compile(r"(?<!\S)(user|agent|ip|since|until):(?:\"([^\"]*)\"|(\S+))", re.IGNORECASE)
_WHOLE_AGENT = re.compile(r"(?<!\S)Mozilla/\d.*")
_AGENT = re.compile(
    r"[a-z][\w.-]*/\d[\w.]*|android|chrome|chromium|curl|dalvik|firefox|ipad|iphone|linux"
    r"|macintosh|mozilla|okhttp|opera|postmanruntime|python-requests|safari|windows",
    re.IGNORECASE,
)
_BETWEEN = re.compile(r"[\"'=,;<>()\[\]{}]")
# More words than this beside an address are a line of a log, not a name.
_MAX_NAMES = 4


@dataclass(frozen=True, slots=True)
class Search:
    """Which sign-ins are meant; without any term, all."""

    sids: tuple[UUID, ...] = ()
    networks: tuple[Network, ...] = ()
    agents: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    period: Period = field(default_factory=Period)
    anytime: bool = False
    #: Words of a line of a log that were not searched for.
    left_out: tuple[str, ...] = ()

    @property
    def is_unbounded(self) -> bool:
        """Whether no index helps, so that all rows would be read."""
        by_index = self.sids or self.names or self.period.since or self.anytime
        return bool((self.networks or self.agents) and not by_index)

    def bounded(self) -> "Search":
        """Return the same search of what started in the last ``WINDOW``."""
        since = (self.period.until or moments.now()) - WINDOW
        return replace(self, period=Period(since, self.period.until))


def understand(text: str) -> Search:
    """Return what the text means, in linear time; of a long one, only the beginning.

    A sign-in is looked up if the text contains what could be its id.
    """
    text = _UNPRINTABLE.sub(" ", text[:MAX_LENGTH])
    sids = list(find_sids(text))[:MAX_TERMS]
    if sids:
        known = database.sign_ins().filter(pk__in=sids)
        if found := tuple(known.values_list("pk", flat=True)):
            return Search(sids=found)
    text, given = _prefixed(text)
    agents = [match.group() for match in _WHOLE_AGENT.finditer(text)]
    text = _WHOLE_AGENT.sub(" ", text)
    period, text = find_period(text)
    search = _words(text.split()[: MAX_TERMS * 2])
    search = replace(search, agents=(*agents, *search.agents)) if agents else search
    if period and not search.left_out:
        # The time of a log's line is not that of the sign-in's start.
        search = replace(search, period=period)
    return _combine(search, given)


def networks_in(text: str) -> list[Network]:
    """Return the addresses and networks in the text, at most ``MAX_TERMS``."""
    words = text[: MAX_LENGTH * 10].split()
    return [*dict.fromkeys(one for word in words for one in _networks(word))][:MAX_TERMS]


def read_network(text: str) -> Network:
    """Return the network, or the one address as a network. Raises ``ValueError``."""
    text = text.strip().strip("[]").partition("%")[0]
    if text.count(":") == 1:
        # A port.
        text = text.partition(":")[0]
    network = ipaddress.ip_network(text, strict=False)
    mapped = getattr(network.network_address, "ipv4_mapped", None)
    if mapped is not None and network.prefixlen >= 96:
        return ipaddress.ip_network((int(mapped), network.prefixlen - 96))
    return network


def narrow(rows: Any, search: Search) -> Any:
    """Narrow ``rows`` of sign-ins to those that are meant."""
    if search.sids:
        return rows.filter(pk__in=search.sids)
    if search.period.since:
        rows = rows.filter(created_at__gte=moments.stored(search.period.since))
    if search.period.until:
        rows = rows.filter(created_at__lt=moments.stored(search.period.until))
    if search.names:
        rows = of_users(rows, search.names)
    if search.networks:
        each = [_is_from(column, one) for one in search.networks for column in ADDRESSES]
        rows = rows.filter(reduce(or_, each))
    for agent in search.agents:
        each = [Q(**{f"{column}__icontains": agent}) for column in AGENTS]
        rows = rows.filter(reduce(or_, each))
    return rows


#: What of_status() narrows to.
STATUSES = ("live", "ended", "expired")


def of_status(rows: Any, status: str | None) -> Any:
    """Narrow rows of sign-ins to those of one of ``STATUSES``; None: to all."""
    if status == "live":
        return rows.live()
    if status == "ended":
        return rows.exclude(ended_at=None)
    return rows.expired() if status == "expired" else rows


def status_of(session: LoginSession) -> str:
    """Return which of these a sign-in is."""
    if session.ended_at is not None:
        return "ended"
    return "live" if session.is_live() else "expired"


def of_users(rows: Any, names: Iterable[str]) -> Any:
    """Narrow rows of either table to those of users whose name contains each of the words.

    A whole e-mail address, subject or primary key fits, too.
    """
    model: Any = get_user_model()
    words = [word for name in names for word in _UNPRINTABLE.sub(" ", name[:MAX_LENGTH]).split()][
        :MAX_TERMS
    ]
    if not words:
        return rows
    found = reduce(and_, [_is_called(model, word) for word in words])
    everyone = users.everybody().order_by()
    called = everyone.filter(found)
    for name in dict.fromkeys((identity.subject_name(model), "pk")):
        called |= identity.having(everyone, name, " ".join(words))
    try:
        keys = list(called.values_list("pk", flat=True)[: MAX_USERS + 1])
    except DatabaseError as error:
        if not database.is_unstorable(error):
            raise
        return rows.none()
    if len(keys) > MAX_USERS:
        return rows.filter(user__in=called.values("pk"))
    return rows.filter(user__in=keys)


def _is_called(model: Any, word: str) -> Q:
    found = Q(**{f"{model.USERNAME_FIELD}__icontains": word})
    email = users.email_field()
    if email and email != model.USERNAME_FIELD:
        # Not a part of the address, as half of all addresses end alike.
        found |= Q(**{f"{email}__iexact": word})
    return found


def _is_from(column: str, network: Network) -> Any:
    if network.num_addresses == 1:
        return Q(**{column: spell(network)})
    return Q(IsWithin(column, network))


def _prefixed(text: str) -> tuple[str, list[tuple[str, str]]]:
    """Return the rest of the text, and the terms of which a prefix says what they are."""
    found = PREFIXED.findall(text)
    given = [(name.lower(), quoted or bare) for name, quoted, bare in found][:MAX_TERMS]
    return PREFIXED.sub(" ", text), given


def _words(words: list[str]) -> Search:
    """Return what words without a prefix mean."""
    networks: list[Network] = []
    agents, names, anytime = [], [], False
    for word in words:
        if found := _networks(word):
            networks += found
        elif _AGENT.fullmatch(word):
            agents.append(word)
        elif word.lower() == "anytime":
            anytime = True
        else:
            names.append(word)
    is_line = bool(networks) and len(names) > _MAX_NAMES
    return Search(
        networks=tuple(dict.fromkeys(networks))[:MAX_TERMS],
        agents=() if is_line else tuple(agents[:MAX_TERMS]),
        names=() if is_line else tuple(names[:MAX_TERMS]),
        anytime=anytime,
        left_out=(*names, *agents) if is_line else (),
    )


def _networks(word: str) -> list[Network]:
    """Return the addresses in a word, such as ``ip=203.0.113.7,``."""
    found = []
    for part in [word, *_BETWEEN.split(word)]:
        try:
            found.append(read_network(part))
        except ValueError:
            continue
    return found[:MAX_TERMS]


def _combine(search: Search, given: list[tuple[str, str]]) -> Search:
    """Add the terms with a prefix; one that cannot be read is searched for as a name."""
    for name, value in given:
        try:
            if name == "ip":
                search = replace(search, networks=(*search.networks, read_network(value)))
            elif name == "agent":
                search = replace(search, agents=(*search.agents, value))
            elif name == "since":
                period = replace(search.period, since=read_moment(value))
                search = replace(search, period=period)
            elif name == "until":
                period = replace(search.period, until=read_moment(value, ends=True))
                search = replace(search, period=period)
            else:
                search = replace(search, names=(*search.names, value))
        except ValueError:
            search = replace(search, names=(*search.names, f"{name}:{value}"))
    return search
