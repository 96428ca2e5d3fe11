"""The search field of the list: what is found, and what the page says that it understood."""

import csv
import io
import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from django_jwtauth import sessions
from django_jwtauth.operations.searching import MAX_LENGTH
from tests.desk import BLACKLIST, EXPORT, FIND, LIST, listed, text_of
from tests.rows import DAY, make_sessions


def sign_in(user, address="203.0.113.7", agent="Firefox/140.0", days=0):
    [row] = make_sessions(days * DAY, user=user, ip_address=address, user_agent=agent)
    return row


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("203.0.113.0/24", "last used from 203.0.113.0/24, or a superseded"),
        ("203.0.113.7 198.51.100.7", "last used from one of 203.0.113.7, 198.51.100.7, or"),
        ("firefox", "the user agent contains \u201cfirefox\u201d"),
        ("ann", "the user name contains \u201cann\u201d, or it is the e-mail address"),
        ("anna today", "started from "),
        ("anna since:today", "started since "),
        ("anna until:now", "started before "),
    ],
)
def test_the_page_says_what_it_understood(desk, user, other_user, text, words):
    """In the list as in the page, with the number of results."""
    row = sign_in(user)
    sign_in(other_user, "192.0.2.1", "curl/8.0", days=1)
    answer = desk.get(LIST, {"q": text})

    assert listed(answer) == [row]
    assert words in text_of(answer)
    assert "1 result" in text_of(answer)


def test_a_sign_in_is_named(desk, pair):
    """Its id, wherever in the text it was."""
    sid = pair.session_id.hex
    answer = desk.get(LIST, {"q": f"refused jti={sid}.0123456789abcdef"})

    assert f"the sign-in with the id {sid}" in text_of(answer)
    assert "understood" not in desk.get(LIST, {"q": " "}).content.decode()
    assert desk.get(BLACKLIST, {"q": "203.0.113.7"}).context["understood"] is None


def links(answer):
    """The links of the box that says what was understood, by their text."""
    page = answer.content.decode()
    box = page[page.index("jwtauth-understood") :].partition("</div>")[0]
    return {
        text: url.replace("&amp;", "&")
        for url, text in re.findall(r'<a href="([^"]*)">([^<]*)</a>', box)
    }


def test_addresses_are_searched_for_a_month(desk, user):
    """The page says so and why, and leads to all; filters stay."""
    new, old = sign_in(user), sign_in(user, days=40)
    answer = desk.get(LIST, {"q": "203.0.113.7", "kind": "sign_in", "p": "1"})
    everything = desk.get(LIST + links(answer)["Search all sign-ins, which may take long"])

    assert listed(answer) == [new]
    assert "Only the last 30 days were searched" in text_of(answer)
    assert listed(everything) == [new, old]
    assert "kind=sign_in" in links(answer)["Search all sign-ins, which may take long"]
    assert "Only the last" not in text_of(everything)


@pytest.mark.parametrize(
    "query", [{"created_at__gte": "90d"}, {"ended_at__gte": "90d"}, {"user": "anna"}]
)
def test_a_list_that_is_short_is_searched_whole(desk, user, query):
    """A filter with an index is bound enough, and combines with the search."""
    row = sign_in(user, days=40)
    sign_in(user, "192.0.2.1", days=40)
    type(row).objects.update(ended_at=row.created_at)
    query = {name: user.pk if name == "user" else value for name, value in query.items()}
    answer = desk.get(LIST, {"q": "203.0.113.7", **query})

    assert listed(answer) == [row]
    assert "Only the last" not in text_of(answer)


def test_another_meaning_is_one_step_away(desk, user):
    """A user may be called like a browser, and a user agent like nothing known."""
    user.username = "firefox"
    user.save()
    by_name, by_agent = sign_in(user, agent="x"), sign_in(None, agent='firefox "anna"')

    answer = desk.get(LIST, {"q": "firefox"})
    assert listed(answer) == [by_agent]
    answer = desk.get(LIST + links(answer)["Search for a user of this name"])
    assert listed(answer) == [by_name]
    assert links(answer) == {}
    answer = desk.get(LIST, {"q": 'anna"'})
    assert listed(desk.get(LIST + links(answer)["Search for this user agent"])) == [by_agent]


def test_what_was_left_out_is_named(desk, user):
    """Of a line of a log that names no sign-in."""
    row = sign_in(user)
    answer = desk.get(LIST, {"q": "refused for some other good reason: ip=203.0.113.7"})

    assert listed(answer) == [row]
    assert "Not searched for: refused for some other good reason:" in text_of(answer)


@pytest.mark.parametrize("query", [{"q": "203.0.113.0/24 anytime"}, {"q": "firefox"}])
def test_exactly_what_is_shown_is_exported(desk, user, query):
    """The same search, the same month."""
    for days in (0, 10, 40):
        sign_in(user, days=days)
        sign_in(user, "192.0.2.1", "curl/8.0", days=days)
    shown = [row.sid for row in listed(desk.get(LIST, query))]
    body = b"".join(desk.get(EXPORT, query).streaming_content).decode()

    assert [row["sid"] for row in csv.DictReader(io.StringIO(body))] == shown
    assert len(shown) in (2, 3)


@pytest.mark.parametrize("url", [LIST, BLACKLIST])
@pytest.mark.parametrize(
    "text",
    [
        "\0",
        "a\0b",
        "\ud800".encode("utf-8", "surrogatepass"),
        b"\xff\xfe",
        "(a+)+$",
        "%_\\",
        "\U0001f600",
        "9" * 999,
        "203.0.113.7/99",
        "::/0 0.0.0.0/0",
        'agent:""',
        "user:",
        "since:9999-12-31",
        "x" * MAX_LENGTH,
        "x" * 1_000_000,
    ],
)
def test_no_search_is_an_error_of_the_server(desk, session, url, text):
    """Neither on the list nor in the file; and no page repeats a megabyte."""
    answer = desk.get(url, {"q": text}, follow=True)

    assert answer.status_code == 200
    assert len(answer.content) < 300_000
    assert desk.get(url + "export/", {"q": text}).status_code == 200


def test_a_search_that_is_too_long_is_refused(desk, session):
    """With the reason, and the place for longer texts."""
    answer = desk.get(LIST, {"q": "x" * (MAX_LENGTH + 1), "status": "live"}, follow=True)

    assert answer.redirect_chain == [(LIST, 302)]
    assert "A search has at most 1,000 characters" in text_of(answer)


@pytest.mark.parametrize("text", ["anna 203.0.113.0/24 firefox yesterday", "0" * 32, "firefox"])
def test_a_search_takes_few_statements(desk, user, text):
    """However many terms it has."""
    sign_in(user)
    with CaptureQueriesContext(connection) as captured:
        desk.get(LIST, {"q": text})

    assert len(captured) <= 12


def test_the_find_page_leads_to_the_list(desk, user):
    """From each address in what was pasted; nothing else of it is in the link."""
    sessions.start(user)
    row = sign_in(user, "2001:db8::7")
    answer = desk.post(FIND, {"text": "secret-of-mine 401 ip=2001:db8::7 from 10.0.0.0/8"})
    page = answer.content.decode()

    assert "Nothing was found" not in page
    assert listed(desk.get(answer.context["networks"][0][0])) == [row]
    assert [text for _url, text in answer.context["networks"]] == [
        "Show sign-ins from 2001:db8::7",
        "Show sign-ins from 10.0.0.0/8",
    ]
    assert "secret-of-mine" not in page
