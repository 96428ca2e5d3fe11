"""``jwtauth_list``: what the admin's list shows, in a terminal."""

import json
from functools import partial
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from django_jwtauth import sessions
from django_jwtauth.models import LoginSession, Reason
from tests import forge
from tests.calls import run_command
from tests.rows import DAY, make_sessions

run = partial(run_command, "jwtauth_list")


@pytest.fixture
def rows(user, other_user):
    """An old sign-in of anna, which has ended; one of bert of yesterday; an API token of now."""
    made = [
        make_sessions(age * DAY, user=one, ip_address=address, user_agent=agent, kind=kind)[0]
        for age, one, address, agent, kind in (
            (6, user, "203.0.113.7", "Firefox/140.0", "sign_in"),
            (1, other_user, "2001:db8::7", "curl/8", "sign_in"),
            (0, user, None, "", "api_token"),
        )
    ]
    LoginSession.objects.filter(pk=made[0].pk).end(reason=Reason.LEFT)
    return made


def objects(*arguments):
    return [json.loads(line) for line in run(*arguments, "--json").splitlines()]


def test_the_table_has_a_line_a_sign_in(rows):
    """The latest first, with who, where and when, and whether it is live."""
    header, *lines = run().splitlines()
    *_others, last = lines

    assert header.split() == [
        "sid",
        "user",
        "device",
        "address",
        "started",
        "last",
        "used",
        "status",
    ]
    assert [line[:32] for line in lines] == [row.sid for row in reversed(rows)]
    assert last.split()[1:5] == ["anna", "Firefox", "140", "203.0.113.7"]
    assert last.endswith("ended (left)")
    assert lines[0].endswith("live")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], "210"),
        (["--user", "anna"], "20"),
        (["--ip", "203.0.113.0/24"], "0"),
        (["--ip", "203.0.113.0/24", "2001:db8::7"], "10"),
        (["--agent", "CURL"], "1"),
        (["--since", "2d"], "21"),
        (["--until", "2d"], "0"),
        (["--status", "live"], "21"),
        (["--status", "ended"], "0"),
        (["--status", "expired"], ""),
        (["--kind", "api_token"], "2"),
        (["--limit", "2"], "21"),
        (["--limit", "0"], "210"),
        (["203.0.113.0/24"], "0"),
        (["bert", "since:2d"], "1"),
        (["anna", "--since", "2d", "--kind", "sign_in"], ""),
    ],
)
def test_the_list_can_be_narrowed(rows, arguments, expected):
    """By options and by what the search field understands, also together."""
    order = {row.sid: str(number) for number, row in enumerate(rows)}

    assert "".join(order[one["sid"]] for one in objects(*arguments)) == expected


def test_an_object_has_all_of_it(rows, user):
    """Times with their offset; no token and no hash."""
    [one] = objects("--status", "ended")

    assert (one["user"], one["kind"], one["end_reason"]) == ("anna", "sign_in", "left")
    assert (one["address"], one["last_used_address"]) == ("203.0.113.7", "203.0.113.7")
    assert all(one[name].endswith("+00:00") for name in ("started", "last_used", "ended"))
    assert "auth_hash" not in one


def test_a_cut_is_told(rows):
    """Where it disturbs no program."""
    out, err = StringIO(), StringIO()
    call_command("jwtauth_list", "--limit", "2", "--json", stdout=out, stderr=err, no_color=True)

    assert len(out.getvalue().splitlines()) == 2
    assert err.getvalue() == "There are more: only the latest 2 are listed.\n"


def test_a_terminal_gets_no_control_characters(user):
    """A device name is what its user chose; a reason may be the project's own word."""
    make_sessions(
        DAY, user=None, name="\x1b[2J phone", ended_at=timezone.now(), end_reason="\x1b[31m"
    )

    assert "?[2J phone" in run()
    assert "\x1b" not in run()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--user", "carl"], "there is no user with this name"),
        (["--ip", "x"], "must be an address or a network"),
        (["--limit", "-1"], "must be a whole number"),
        (["--limit", "x"], "must be a whole number"),
        (["--status", "x"], "invalid choice"),
        (["x" * 2000], "at most 1,000 characters"),
    ],
)
def test_a_mistake_is_told(rows, arguments, words):
    """In a sentence."""
    with pytest.raises(CommandError, match=words):
        run(*arguments)


def test_a_token_is_not_searched_for(pair):
    """It would stay in the history of the terminal; an id of it is found."""
    with pytest.raises(CommandError, match="must not become part of a command line"):
        run(pair.access)

    assert [one["sid"] for one in objects(forge.claims_of(pair.access)["jti"])] == [
        pair.session_id.hex
    ]


def test_expired_sign_ins_are_marked(user):
    """Nobody ended them."""
    sessions.start(user)
    make_sessions(20 * DAY, user=user)

    assert [one["status"] for one in objects()] == ["live", "expired"]
