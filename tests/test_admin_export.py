"""Lists as CSV, in which no spreadsheet calculates."""

import csv
import io
import re

import pytest
from django.utils import timezone

from django_jwtauth import sessions
from django_jwtauth.admin import export
from django_jwtauth.models import LoginSession, Reason, Via
from tests import forge
from tests.desk import (
    EXPORT,
    EXPORT_BLACKLIST,
    LIST,
)
from tests.rows import fill


def exported(answer):
    text = b"".join(answer.streaming_content).decode()
    return list(csv.DictReader(io.StringIO(text)))


def test_the_list_as_it_is_filtered_is_exported(desk, user, other_user):
    """What the list shows for the same query string, to be opened elsewhere."""
    sessions.start(other_user)
    pair = sessions.start(user)
    LoginSession.objects.filter(pk=pair.session_id).end(
        reason=Reason.LEFT, via=Via.ADMIN, by=other_user, note="T 1"
    )
    page = desk.get(LIST, {"user": user.pk}).content.decode()
    (url,) = re.findall(rf'href="({EXPORT}[^"]*)"', page)
    answer = desk.get(url.replace("&amp;", "&"))
    (row,) = exported(answer)

    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert re.fullmatch(
        r'attachment; filename="loginsessions-\d{8}T\d{6}Z\.csv"', answer["Content-Disposition"]
    )
    assert "no-store" in answer["Cache-Control"]
    assert (row["sid"], row["user"], row["end_reason"]) == (pair.session_id.hex, "anna", "left")
    assert (row["ended_via"], row["ended_by_name"], row["end_note"]) == ("admin", "bert", "T 1")
    assert timezone.datetime.fromisoformat(row["ended_at"]).tzinfo


def test_blacklisted_tokens_are_exported(desk, pair):
    """By their jti, with who, when and why."""
    sessions.blacklist(pair.access, reason=Reason.STOLEN, note="T 2")
    (row,) = exported(desk.get(EXPORT_BLACKLIST))

    assert row["jti"] == forge.claims_of(pair.access)["jti"]
    assert (row["user"], row["reason"], row["note"]) == ("anna", "stolen", "T 2")


def test_no_secret_is_exported(desk, user, pair):
    """Neither the hash that ties a sign-in to its password nor anything of a token."""
    sessions.blacklist(pair.access)
    session = LoginSession.objects.get()
    for url in (EXPORT, EXPORT_BLACKLIST):
        text = str(exported(desk.get(url)))
        assert session.auth_hash not in text
        assert user.password not in text
        for raw in (pair.access, pair.refresh):
            assert not any(part in text for part in raw.split("."))


SIGNS = ["=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20"]
BEFORE = [
    "",
    " ",
    "\t",
    "\r",
    "\n",
    '"',
    ' "',
    "\ufeff",
    "\u200b",
    "\u3000",
    "\0",
    *(f"x{separator}{space}" for separator in ",;|\t\n\r\v\f\u2028" for space in ("", ' "')),
]


@pytest.mark.parametrize("sign", SIGNS)
@pytest.mark.parametrize("before", BEFORE)
def test_a_spreadsheet_calculates_nothing(before, sign):
    """What a client chose as its name stays text, as OWASP says: a quote goes in front."""
    assert export.cell(f"{before}{sign}1") == f"{before}'{sign}1"
    assert export.cell(f"{before}{sign}{sign}1;{sign}") == f"{before}'{sign}{sign}1;'{sign}"


@pytest.mark.parametrize("separator", [",", ";", "|", "\t", "\n", "\r\n"])
@pytest.mark.parametrize("quote", ['"', None])
def test_no_cell_begins_a_formula_whatever_separates_them(desk, pair, separator, quote):
    """The reader of the file chooses, in a dialogue or by the language of the program."""
    hostile = [f'{first}{space}=cmd|"/c calc"!A1' for first in ",;|\t\n" for space in ("", ' "')]
    for text in hostile:
        LoginSession.objects.update(name=text, user_agent=f"a{text}", end_note=f'"{text}"')
        body = b"".join(desk.get(EXPORT).streaming_content).decode()
        cells = body.split(separator)
        if quote and len(separator) == 1 and separator != "\n":
            lines = csv.reader(io.StringIO(body, newline=""), delimiter=separator, quotechar=quote)
            cells = [each for line in lines for each in line]
        for each in cells:
            assert not each.lstrip(' \t\r\n"').startswith(tuple(SIGNS))


def test_the_formula_is_quoted_in_every_column(desk, pair):
    """That a stranger can write."""
    text = "x;=1"
    LoginSession.objects.update(name=text, user_agent=text, end_note=text)
    (row,) = exported(desk.get(EXPORT))

    for name in ("name", "user_agent", "end_note"):
        assert row[name] == "x;'=1"


@pytest.mark.parametrize(
    "text",
    ["Anna's phone", 'a "b", c', "2 = 2", "line\nline", "", "a-b", 'a"-b', "T-2; x - y", "1|2"],
)
def test_what_is_no_formula_is_exported_as_it_is(desk, pair, text):
    """Quotes, commas and lines arrive as they were."""
    LoginSession.objects.update(name=text)

    assert exported(desk.get(EXPORT))[0]["name"] == text


def test_an_export_is_cut(desk, user, monkeypatch):
    """And says so in its last line."""
    monkeypatch.setattr(export, "LIMIT", 2)
    fill(user, 3)
    rows = exported(desk.get(EXPORT))

    assert len(rows) == 3
    assert rows[-1]["sid"] == "Only the first 2 rows were exported."


@pytest.mark.parametrize("query", [{"user": "x"}, {"status": "no"}, {"q": "\x00"}, {"p": "99"}])
def test_an_export_of_nonsense_is_no_error_of_the_server(desk, pair, query):
    """It exports nothing, or what the list would show."""
    assert desk.get(EXPORT, query).status_code in (200, 302, 400)
