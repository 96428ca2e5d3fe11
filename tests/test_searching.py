"""What the text of a search means, and what it finds."""

import time
from datetime import datetime, timedelta
from datetime import timezone as tz
from ipaddress import ip_network

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.db import DataError, OperationalError
from django.db.models import QuerySet

from django_jwtauth import sessions
from django_jwtauth.models import LoginSession
from django_jwtauth.operations.periods import Period
from django_jwtauth.operations.searching import (
    MAX_LENGTH,
    WINDOW,
    Search,
    narrow,
    networks_in,
    of_users,
    read_network,
    understand,
)
from tests import forge
from tests.rows import DAY, make_sessions

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 25, 15, 30, tzinfo=tz.utc)
NET, NET6 = ip_network("203.0.113.0/24"), ip_network("2001:db8::/32")
ONE, ONE6 = ip_network("203.0.113.7"), ip_network("2001:db8::7")
YESTERDAY = Period(datetime(2026, 11, 24, tzinfo=tz.utc), datetime(2026, 11, 25, tzinfo=tz.utc))
CHROME = "Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0.0.0 Safari/537.36"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Search()),
        ("anna", Search(names=("anna",))),
        ("anna@example.org", Search(names=("anna@example.org",))),
        ("Anna  Lee", Search(names=("Anna", "Lee"))),
        ("203.0.113.7", Search(networks=(ONE,))),
        ("203.0.113.7:443,", Search(networks=(ONE,))),
        ("::ffff:203.0.113.7", Search(networks=(ONE,))),
        ("::ffff:203.0.113.0/120", Search(networks=(NET,))),
        ("203.0.113.9/24", Search(networks=(NET,))),
        ("203.0.113.0/255.255.255.0", Search(networks=(NET,))),
        ("2001:DB8::/32", Search(networks=(NET6,))),
        ("[2001:db8::7%eth0]:443", Search(networks=(ONE6,))),
        ("203.0.113.7 or 2001:db8::7", Search(networks=(ONE, ONE6), names=("or",))),
        ("ip=203.0.113.7", Search(networks=(ONE,))),
        ("yesterday", Search(period=YESTERDAY)),
        ("203.0.113.7 Yesterday anna", Search(networks=(ONE,), period=YESTERDAY, names=("anna",))),
        ("firefox", Search(agents=("firefox",))),
        ("okhttp/4.12 android", Search(agents=("okhttp/4.12", "android"))),
        (f"203.0.113.7 {CHROME}", Search(networks=(ONE,), agents=(CHROME,))),
        ("ip:203.0.113.0/24 anytime", Search(networks=(NET,), anytime=True)),
        ('agent:"Pixel 9" user:firefox', Search(agents=("Pixel 9",), names=("firefox",))),
        ("user:yesterday", Search(names=("yesterday",))),
        ("since:2026-11-24 until:2026-11-24", Search(period=YESTERDAY)),
        ("since:noon ip:x", Search(names=("since:noon", "ip:x"))),
        ("0" * 32, Search(names=("0" * 32,))),
        ("anna\0\ud800\n", Search(names=("anna",))),
        (
            '203.0.113.7 - - [24/Nov/2026:10:00:00] "POST /api/token/ HTTP/1.1" 401 yesterday',
            Search(
                networks=(ONE,),
                left_out=(
                    "-",
                    "-",
                    "[24/Nov/2026:10:00:00]",
                    '"POST',
                    "/api/token/",
                    'HTTP/1.1"',
                    "401",
                ),
            ),
        ),
    ],
)
def test_a_text_is_understood(settings, text, expected):
    """Each word as what it looks like, or as its prefix says."""
    settings.TIME_ZONE = "UTC"
    with time_machine.travel(NOW, tick=False):
        assert understand(text) == expected


def test_an_id_leads_to_its_sign_in(user, other_user):
    """Alone, in a jti, or in a line of a log, whatever else is there."""
    pair, _other = sessions.start(user), sessions.start(other_user)
    jti = forge.claims_of(pair.access)["jti"]
    for text in (
        pair.session_id.hex,
        str(pair.session_id).upper(),
        jti,
        f"2026-11-24 refused jti={jti} ip=203.0.113.7",
    ):
        assert understand(text) == Search(sids=(pair.session_id,))
        assert narrow(LoginSession.objects.all(), understand(text)).get().user == user


@pytest.mark.parametrize("column", ["ip_address", "refreshed_ip", "last_used_ip", "replayed_ip"])
@pytest.mark.parametrize("text", ["203.0.113.7", "203.0.113.0/25", "2001:db8::7 203.0.113.4/30"])
def test_an_address_is_found_wherever_it_was_seen(column, text):
    """At the start, at the last refresh or use, or with a superseded token."""
    [found] = make_sessions(DAY, **{column: "203.0.113.7"})
    make_sessions(DAY, **{column: "203.0.113.200"})
    make_sessions(DAY)

    assert narrow(LoginSession.objects.all(), understand(text)).get() == found


@pytest.mark.parametrize("column", ["user_agent", "refreshed_agent", "replayed_agent"])
def test_a_user_agent_is_found_by_its_parts(column):
    """In any case; all parts must fit."""
    [found] = make_sessions(DAY, **{column: CHROME})
    make_sessions(DAY, **{column: "Mozilla/5.0 Firefox/140.0"})

    for text in ("chrome", "linux SAFARI", CHROME, "agent:x86_64"):
        assert narrow(LoginSession.objects.all(), understand(text)).get() == found
    assert not narrow(LoginSession.objects.all(), understand("agent:x86%64")).exists()


def test_all_terms_must_fit(user, other_user):
    """A user, an address and a time."""
    for owner, address, age in (
        (user, "203.0.113.7", 0),
        (user, "203.0.113.7", 2),
        (user, "198.51.100.7", 2),
        (other_user, "203.0.113.7", 2),
    ):
        make_sessions(age * DAY, user=owner, ip_address=address)
    rows = narrow(LoginSession.objects.all(), understand("ann 203.0.113.0/24 until:1d"))

    assert [(one.user, one.ip_address) for one in rows] == [(user, "203.0.113.7")]
    assert rows.get().created_at < datetime.now(tz.utc) - DAY


def test_what_no_index_helps_with_is_bounded():
    """The last thirty days, up to the end that was given."""
    assert understand("203.0.113.7").is_unbounded
    assert understand("firefox until:2026-11-24").is_unbounded
    for text in ("anna 203.0.113.7", "203.0.113.7 since:1d", "firefox anytime", "anna", "today"):
        assert not understand(text).is_unbounded
    with time_machine.travel(NOW, tick=False):
        assert understand("203.0.113.7").bounded().period == Period(NOW - WINDOW, None)
        until = understand("firefox until:2026-11-24T00:00Z").bounded().period
    assert until.until - until.since == WINDOW


def test_many_users_of_a_name_are_found(monkeypatch, user, other_user):
    """More than are looked up at first; and by every word of a name."""
    make_sessions(DAY, user=user)
    make_sessions(DAY, user=other_user)
    rows = LoginSession.objects.all()
    monkeypatch.setattr("django_jwtauth.operations.searching.MAX_USERS", 1)

    assert of_users(rows, [""]).count() == 2
    assert of_users(rows, ["r"]).get().user == other_user
    get_user_model().objects.filter(pk=other_user.pk).update(username="hanna b")
    assert of_users(rows, ["ann"]).count() == 2
    assert of_users(rows, ["b ann"]).get().user == other_user
    assert of_users(rows, [str(user.pk)]).get().user == user


@pytest.mark.parametrize("failure", [DataError, OperationalError])
def test_what_a_column_cannot_hold_finds_nobody(monkeypatch, failure):
    """Other failures of the database are not hidden."""

    def fail(self):
        raise failure

    rows = LoginSession.objects.all()
    monkeypatch.setattr(QuerySet, "__iter__", fail)
    if failure is DataError:
        assert of_users(rows, ["anna"]).query.is_empty()
    else:
        with pytest.raises(failure):
            of_users(rows, ["anna"])


@pytest.mark.parametrize(
    "text", ["", "x", "5", "203.0.113", "203.0.113.7/33", "10.0.0.0/0/0", "::1::"]
)
def test_what_is_no_network_is_refused(text):
    """By the error of Python's own module."""
    with pytest.raises(ValueError, match=r"IPv[46]"):
        read_network(text)


HOSTILE = [
    "a",
    "203.0.113.7,",
    "user:",
    'user:"',
    "0" * 32 + " ",
    "\0",
    "\ud800",
    "(a+)+$",
    "%_\\",
    "Mozilla/5.0 ",
    "2026-11-24 ",
    "\U0001f600 ",
    "'; DROP TABLE x; --",
    "::/0 ",
]


@pytest.mark.parametrize("unit", HOSTILE)
def test_hostile_texts_are_bounded(user, unit):
    """Megabytes, regular expressions, control characters: a few terms, at once, and no error."""
    make_sessions(DAY, user=user, ip_address="2001:db8::7", user_agent="x")
    start = time.monotonic()
    search = understand(unit * (3_000_000 // len(unit)))
    rows = narrow(LoginSession.objects.all(), search)
    list(rows)

    assert time.monotonic() - start < 2
    assert len(search.networks) <= 20
    assert sum(map(len, (*search.names, *search.agents))) <= MAX_LENGTH


def test_the_addresses_in_a_text_are_found():
    """In a line of a log, each once, in their order."""
    line = "2026-11-24 10:00 refused ip=203.0.113.7, before=[2001:db8::7] again 203.0.113.7"

    assert networks_in(line) == [ONE, ONE6]
    assert networks_in("10.0.0.1 " * 100_000) == [ip_network("10.0.0.1")]
    assert networks_in("anna") == []


def test_the_end_of_a_day_is_included():
    """``until:`` a day includes it; a period that is empty finds nothing."""
    make_sessions(timedelta(0))

    assert narrow(LoginSession.objects.all(), understand("until:today")).count() == 1
    assert not narrow(LoginSession.objects.all(), understand("until:yesterday")).exists()
    assert not narrow(LoginSession.objects.all(), understand("since:now until:yesterday")).exists()
