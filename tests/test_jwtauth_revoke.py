import io
import json
import re
from datetime import timedelta
from functools import partial

import pytest
import time_machine
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command, load_command_class
from django.db import OperationalError
from django.utils import timezone

from django_jwtauth import sessions
from django_jwtauth.management import terminal
from django_jwtauth.management.commands import jwtauth_revoke
from django_jwtauth.models import BlacklistedToken, LoginSession, LoginSessionQuerySet
from django_jwtauth.operations import batches, revocation
from tests import forge
from tests.calls import run_command
from tests.rows import make_sessions

run = partial(run_command, "jwtauth_revoke")
WHY = ("--reason", "stolen", "--note", "Ticket 4711")


@pytest.fixture
def pairs(user, other_user):
    """Two sign-ins of anna and one of bert."""
    return [sessions.start(one) for one in (user, user, other_user)]


def statuses(api, pairs):
    return [api.protected(pair.access).status_code for pair in pairs]


# --- what is ended


def test_a_user_is_ended(api, pairs):
    """All sign-ins of the user with this name; the next call with their tokens is refused."""
    output = run("--user", "anna", *WHY)

    assert output.startswith("2 sign-ins ended, 0 had already ended.\n")
    assert statuses(api, pairs) == [401, 401, 200]


def test_everybody_is_ended(api, pairs):
    """With --no-input, for scripts."""
    output = run("--all", "--no-input", *WHY)

    assert output.startswith("3 sign-ins ended")
    assert statuses(api, pairs) == [401, 401, 401]


def test_only_what_started_before_is_ended(api, pairs):
    """The time is told with its zone before anything is done."""
    LoginSession.objects.filter(pk=pairs[0].session_id).update(
        created_at=timezone.now() - timedelta(hours=2)
    )
    before = (timezone.now() - timedelta(hours=1)).isoformat()
    output = run("--all", "--before", before, "--no-input", *WHY)

    assert re.match(r"Started before 20\S+ \S+ C[SD]T \(20\S+ \S+ UTC\)\.\n", output)
    assert "1 sign-in ended" in output
    assert statuses(api, pairs) == [401, 200, 200]


def test_named_sign_ins_are_ended(api, pairs):
    """In either spelling of the id."""
    sids = [pairs[0].session_id.hex, str(pairs[2].session_id)]

    assert run("--session", *sids, *WHY).startswith("2 sign-ins ended")
    assert statuses(api, pairs) == [401, 200, 401]


def test_one_token_is_blacklisted(api, pairs):
    """By its jti; the sign-in of an access token goes on."""
    jti = forge.claims_of(pairs[0].access)["jti"]
    output = run("--jti", jti, *WHY)

    assert output.startswith(f"The access token of sign-in {pairs[0].session_id.hex} is black")
    assert statuses(api, pairs) == [401, 200, 200]
    assert api.refresh(pairs[0].refresh).status_code == 200
    assert "was already blacklisted" in run("--jti", jti, *WHY)


def test_again_ends_nothing(pairs):
    """It may be run as often as one likes."""
    run("--user", "anna", *WHY)

    assert run("--user", "anna", *WHY).startswith("0 sign-ins ended, 2 had already ended.")


# --- the record


def test_the_system_user_is_noted(pairs, monkeypatch):
    """Who has no account here is known by the name of the terminal."""
    monkeypatch.setattr(terminal.getpass, "getuser", lambda: "root")
    run("--user", "anna", *WHY)
    row = LoginSession.objects.exclude(ended_at=None).first()

    assert (row.ended_by, row.ended_by_name) == (None, "root")
    assert (row.end_reason, row.ended_via, row.end_note) == ("stolen", "command", "Ticket 4711")
    assert not LogEntry.objects.exists()


def test_a_system_without_names_is_no_obstacle(pairs, monkeypatch):
    """A container may run as a number."""

    def fail():
        raise OSError("No username set in the environment")

    monkeypatch.setattr(terminal.getpass, "getuser", fail)

    assert run("--user", "anna", *WHY).startswith("2 sign-ins ended")


def test_an_operator_can_be_named(pairs, admin_user):
    """The row and the admin's log name the account."""
    run("--user", "anna", "--by", "admin", *WHY)

    assert {one.ended_by for one in LoginSession.objects.exclude(ended_at=None)} == {admin_user}
    assert LogEntry.objects.get().user == admin_user


# --- nothing is ended by mistake

MISTAKES = {
    "nothing said": ([*WHY], "one of the arguments --user --all --session --jti --ip"),
    "a time alone": (["--before", "00:00", *WHY], "one of the arguments --user --all"),
    "two things": (["--user", "anna", "--all", *WHY], "not allowed with argument"),
    "no reason": (["--user", "anna", "--note", "x"], "arguments are required: --reason"),
    "no note": (["--user", "anna", "--reason", "left"], "arguments are required: --note"),
    "an empty note": (["--user", "anna", "--reason", "left", "--note", " "], "must not be empty"),
    "not a reason of people": (["--user", "anna", "--reason", "reused", "--note", "x"], "invalid"),
    "nobody": (["--user", "carl", *WHY], "there is no user with this name"),
    "an empty name": (["--user", "", *WHY], "there is no user with this name"),
    "an unknown operator": (["--user", "anna", "--by", "carl", *WHY], "--by: there is no user"),
    "an unknown sign-in": (["--session", "0" * 32, *WHY], "There is no sign-in 0000"),
    "no sign-in": (["--session", "anna", *WHY], "must be 32 hexadecimal digits"),
    "an unknown jti": (
        ["--jti", "eyJhbGciOi.x.y", *WHY],
        "No token with this jti was issued here.",
    ),
    "a time of a session": (
        ["--session", "0" * 32, "--before", "00:00", *WHY],
        "--before needs --user or --all.",
    ),
    "no time": (["--all", "--before", "noon", *WHY], "must be a time like"),
    "no hour": (["--all", "--before", "25:00", *WHY], "must be a time like"),
    "no day": (["--all", "--before", "2026-02-30T14:00", *WHY], "must be a time like"),
    "the future": (["--all", "--before", "2999-01-01T00:00Z", *WHY], "is in the future"),
    "the end of time": (["--all", "--before", "9999-12-31T23:59-23:00", *WHY], "a time like"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_ends_nothing(pairs, case):
    """The command says what is wrong; no pasted token is quoted."""
    arguments, words = MISTAKES[case]
    with pytest.raises(CommandError) as caught:
        run(*arguments)

    assert re.search(words, str(caught.value))
    assert "eyJ" not in str(caught.value)
    assert LoginSession.objects.live().count() == 3
    assert not BlacklistedToken.objects.exists()


def test_one_unknown_sign_in_stops_the_others(pairs):
    """All that are named or none."""
    with pytest.raises(CommandError, match="Nothing was ended"):
        run("--session", pairs[0].session_id.hex, "0" * 32, *WHY)

    assert LoginSession.objects.live().count() == 3


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--user", "anna"], "Would end 2 sign-ins; 0 had already ended."),
        (["--all"], "Would end 3 sign-ins; 0 had already ended."),
        (["--session", "{sid}"], "Would end 1 sign-in; 0 had already ended."),
        (["--jti", "{jti}"], "Would blacklist the access token of sign-in {sid}."),
    ],
)
def test_a_dry_run_only_counts(pairs, arguments, words):
    """It asks for no reason and changes no row."""
    names = {
        "sid": pairs[0].session_id.hex,
        "jti": forge.claims_of(pairs[0].access)["jti"],
    }
    output = run(*(one.format(**names) for one in arguments), "--dry-run")

    assert output == words.format(**names) + "\n"
    assert LoginSession.objects.live().count() == 3
    assert not BlacklistedToken.objects.exists()


@pytest.mark.parametrize(
    ("answer", "ended"), [("everybody", 3), (" everybody ", 3), ("y", 0), ("", 0)]
)
def test_everybody_must_be_confirmed(monkeypatch, pairs, answer, ended):
    """The number is told, and only the word itself confirms."""
    asked = []
    monkeypatch.setattr("builtins.input", lambda text: asked.append(text) or answer)
    if ended:
        run("--all", *WHY)
    else:
        with pytest.raises(CommandError, match="Not confirmed"):
            run("--all", *WHY)

    assert "This ends everybody's sign-ins, 3 in total." in asked[0]
    assert LoginSession.objects.exclude(ended_at=None).count() == ended


def test_without_anybody_to_confirm_nothing_is_ended(monkeypatch, pairs):
    """A job that forgot --no-input is told of it."""

    def nobody(text):
        raise EOFError

    monkeypatch.setattr("builtins.input", nobody)
    with pytest.raises(CommandError, match="pass --no-input"):
        run("--all", *WHY)

    assert LoginSession.objects.live().count() == 3


# --- by address, agent and time


@pytest.fixture
def seen(user, other_user):
    """Three sign-ins of an hour ago: two of them in the network, one of these in Firefox."""
    hour = timedelta(hours=1)
    return [
        make_sessions(hour, user=one, subject=str(one.pk), ip_address=address, user_agent=agent)[0]
        for one, address, agent in (
            (user, "203.0.113.7", "Firefox/140.0"),
            (other_user, "203.0.113.8", "curl/8"),
            (user, "2001:db8::7", "curl/8"),
        )
    ]


def ended_of(rows):
    ended = set(LoginSession.objects.exclude(ended_at=None).values_list("pk", flat=True))
    return "".join("x" if row.pk in ended else "." for row in rows)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--ip", "203.0.113.7"], "x.."),
        (["--ip", "203.0.113.0/24"], "xx."),
        (["--ip", "203.0.113.8", "2001:db8::/32"], ".xx"),
        (["--agent", "firefox"], "x.."),
        (["--ip", "203.0.113.0/24", "--agent", "CURL"], ".x."),
        (["--ip", "203.0.113.0/24", "--user", "bert"], ".x."),
        (["--user", "anna", "--since", "2h"], "x.x"),
        (["--all", "--since", "2h", "--until", "30m"], "xxx"),
        (["--all", "--since", "30m"], "..."),
        (["--ip", "::/0", "--until", "2h"], "..."),
    ],
)
def test_sign_ins_are_ended_by_where_and_when(seen, arguments, expected):
    """The options combine; a dry run counts the same."""
    number = expected.count("x")
    result = json.loads(run(*arguments, "--dry-run", "--json"))

    assert (result["dry_run"], result["ended"], ended_of(seen)) == (True, number, "...")
    output = run(*arguments, "--yes", *WHY)
    assert f"{number} sign-in{'' if number == 1 else 's'} ended, 0 had already ended." in output
    assert ended_of(seen) == expected


@pytest.mark.parametrize(("answer", "expected"), [("yes", "xx."), ("y", "..."), ("", "...")])
def test_what_an_address_ends_must_be_confirmed(monkeypatch, seen, answer, expected):
    """With the number, before anything is done."""
    asked = []
    monkeypatch.setattr("builtins.input", lambda text: asked.append(text) or answer)
    if answer == "yes":
        run("--ip", "203.0.113.0/24", *WHY)
    else:
        with pytest.raises(CommandError, match="Not confirmed"):
            run("--ip", "203.0.113.0/24", *WHY)

    assert asked == ["This ends 2 sign-ins. To confirm, type: yes\n"]
    assert ended_of(seen) == expected


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--since", "2h"], "one of the arguments --user --all --session --jti --ip --agent"),
        (["--all", "--ip", "10.0.0.1"], "--all means everybody"),
        (["--session", "0" * 32, "--ip", "10.0.0.1"], "--session and --jti allow no --ip"),
        (["--jti", "x", "--since", "1h"], "--session and --jti allow no --ip"),
        (["--ip", "10.0.0.1", "--before", "00:00"], "Use --until instead of --before"),
        (["--ip", "10.0.0"], "must be an address or a network"),
        (["--agent", " "], "must be a part of a user agent"),
        (["--agent", "\0"], "must be a part of a user agent"),
        (["--all", "--since", "noon"], "must be a time like"),
    ],
)
def test_options_that_do_not_fit_end_nothing(seen, arguments, words):
    """Nobody ends everybody's sign-ins by a slip."""
    with pytest.raises(CommandError, match=words):
        run(*arguments, "--yes", *WHY)

    assert ended_of(seen) == "..."


def test_the_record_says_what_was_chosen_by(seen, admin_user):
    """One entry of the admin's log, for the user or for everybody's sign-ins."""
    run("--ip", "203.0.113.7", "--agent", "fire", "--by", "admin", "--yes", *WHY)
    run("--user", "anna", "--ip", "2001:db8::/64", "--by", "admin", "--yes", *WHY)
    user_entry, entry = LogEntry.objects.all()

    assert entry.object_repr == "203.0.113.7/32, fire"
    assert user_entry.object_repr == "anna"
    assert "1 sign-in ended. 2001:db8::/64" in user_entry.change_message


def test_legacy_tokens_of_others_are_not_refused(seen, settings):
    """They came from no address that is known; the command says that they still work."""
    settings.JWTAUTH = {
        "LEGACY": {
            "UNTIL": "2999-01-01T00:00:00Z",
            "DECODER": "django_jwtauth.contrib.simplejwt.decode",
        },
    }

    assert "(2999-01-01 00:00:00 UTC)" in run("--ip", "203.0.113.7", "--yes", *WHY)
    assert not BlacklistedToken.objects.exists()


def test_the_result_can_be_read_by_a_program(pairs):
    """One JSON object and nothing else."""
    jti = forge.claims_of(pairs[0].access)["jti"]
    sid = pairs[0].session_id.hex
    token = {"sid": sid, "token_type": "access", "blacklisted": True}

    assert json.loads(run("--jti", jti, "--json", *WHY)) == {"dry_run": False, "tokens": [token]}
    assert json.loads(run("--session", sid, "--json", *WHY)) == {
        "dry_run": False,
        "ended": 1,
        "already_ended": 0,
    }
    result = json.loads(run("--user", "anna", "--before", "00:00", "--json", "--dry-run"))
    assert result["before"].endswith("+00:00")


# --- times


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("14:00", "2026-11-24 14:00:00 CET (2026-11-24 13:00:00 UTC)"),
        ("9:30", "2026-11-24 09:30:00 CET (2026-11-24 08:30:00 UTC)"),
        ("2026-07-01T14:00", "2026-07-01 14:00:00 CEST (2026-07-01 12:00:00 UTC)"),
        ("2026-11-24 14:00Z", "2026-11-24 15:00:00 CET (2026-11-24 14:00:00 UTC)"),
        ("2026-11-24T14:00+05:00", "2026-11-24 10:00:00 CET (2026-11-24 09:00:00 UTC)"),
    ],
)
def test_a_time_is_read_in_the_projects_zone(pairs, settings, text, expected):
    """Without an offset; which moment it is taken for is printed, and in UTC."""
    settings.TIME_ZONE = "Europe/Berlin"
    with time_machine.travel("2026-11-24T20:00:00+00:00", tick=False):
        output = run("--user", "anna", "--before", text, "--dry-run")

    assert output.startswith(f"Started before {expected}.\n")


def test_without_time_zones_a_time_is_read_as_well(settings):
    """A project with USE_TZ = False stores local times; what is meant is printed all the same."""
    settings.USE_TZ = False
    settings.TIME_ZONE = "Europe/Berlin"
    value = jwtauth_revoke.past("2026-01-01T14:00")

    assert jwtauth_revoke.describe(value) == "2026-01-01 14:00:00 CET (2026-01-01 13:00:00 UTC)"


# --- honest


def test_it_says_what_goes_on_working(pairs, settings):
    """Services that only verify, and legacy tokens, unless all of a user's are refused."""
    settings.JWTAUTH = {"ACCESS_TOKEN_LIFETIME": 90}
    output = run("--user", "anna", *WHY)
    assert (
        "Services that only verify tokens accept access tokens for up to 1 minute 30 seconds,"
        in output
    )
    assert "LEGACY" not in output

    settings.JWTAUTH = {
        "LEGACY": {
            "UNTIL": "2999-01-01T00:00:00Z",
            "DECODER": "django_jwtauth.contrib.simplejwt.decode",
        },
    }
    assert "LEGACY" not in run("--user", "anna", *WHY)
    sid = str(LoginSession.objects.values_list("pk", flat=True)[0])
    assert "(2999-01-01 00:00:00 UTC)" in run("--session", sid, *WHY)


def test_a_database_that_gives_up_is_no_traceback(monkeypatch, pairs):
    """Run again, it goes on; the driver's message, which may quote a value, is not shown."""

    def fail(*args, **kwargs):
        raise OperationalError("secret")

    monkeypatch.setattr(revocation, "end", fail)
    with pytest.raises(CommandError, match="Run the command again") as caught:
        run("--user", "anna", *WHY)

    assert "secret" not in str(caught.value)


def test_an_interruption_tells_how_far_it_got(monkeypatch, user):
    """Ctrl-C loses nothing: the chunks so far are ended."""
    monkeypatch.setattr(batches, "SIZE", 2)
    for _ in range(5):
        sessions.start(user)
    real = LoginSessionQuerySet.end_for

    def interrupted(self, cause):
        if LoginSession.objects.exclude(ended_at=None).count() == 4:
            raise KeyboardInterrupt
        return real(self, cause)

    monkeypatch.setattr(LoginSessionQuerySet, "end_for", interrupted)
    with pytest.raises(CommandError, match="Interrupted: 4 sign-ins ended"):
        run("--user", "anna", *WHY)

    assert LoginSession.objects.live().count() == 1


def test_a_user_whom_a_manager_hides_can_be_ended(pairs, monkeypatch):
    """The account that was removed is the one to be ended."""
    user_model = get_user_model()
    monkeypatch.setattr(user_model._default_manager, "get_queryset", user_model.objects.none)

    assert "2 sign-ins" in run("--user", "anna", "--dry-run")


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_terminal_shows_the_progress(monkeypatch, user):
    """In one line, which is gone in the end."""
    monkeypatch.setattr(batches, "SIZE", 2)
    for _ in range(3):
        sessions.start(user)
    terminal = Terminal()
    call_command("jwtauth_revoke", "--user", "anna", *WHY, stdout=io.StringIO(), stderr=terminal)

    assert terminal.getvalue() == "\r\033[K2 of 3 ended\r\033[K3 of 3 ended\r\033[K"


def test_the_help_shows_what_is_required():
    """No brackets around --reason and --note; and where they are not needed."""
    parser = load_command_class("django_jwtauth", "jwtauth_revoke").create_parser("", "")
    usage, rest = " ".join(parser.format_usage().split()), " ".join(parser.format_help().split())

    assert "[--reason" not in usage
    assert "[--note" not in usage
    assert "[--dry-run]" in usage
    assert rest.count("Not needed with --dry-run") == 2
