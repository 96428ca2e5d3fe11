"""``jwtauth_create_api_token``: a token for a script, from a terminal or another script."""

from io import StringIO

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection

from django_jwtauth import sessions
from django_jwtauth.models import Kind, LoginSession
from tests.conftest import Client

pytestmark = pytest.mark.django_db


def make(*arguments):
    """Return what the command prints to standard output and to standard error."""
    out, err = StringIO(), StringIO()
    call_command("jwtauth_create_api_token", *arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_the_token_alone_is_printed(user):
    """A pipe gets one line with the token, which works; people read the rest beside it."""
    out, err = make("anna", "--name", "deploy", "--expires-in", "90d")
    raw = out.removesuffix("\n")

    assert Client().protected(raw).json() == {"user": "anna"}
    row = LoginSession.objects.get()
    assert (row.kind, row.name, row.user) == (Kind.API_TOKEN, "deploy", user)
    assert (row.expires_at - row.created_at).days == 90
    assert raw not in err
    for word in ("deploy", "anna", row.sid, f"{row.expires_at:%Y-%m-%d}", "not shown again"):
        assert word in err


@pytest.mark.parametrize("asked", ["400d", "366d", "9999999999"])
def test_a_time_over_the_maximum_is_refused(user, asked):
    """It is not cut: the message has what is allowed."""
    with pytest.raises(CommandError, match="An API token may be valid for at most 365 days, not "):
        make("anna", "--name", "deploy", "--expires-in", asked)
    assert not LoginSession.objects.exists()


@pytest.mark.parametrize("wrong", ["0", "soon", ""])
def test_other_times_are_refused(user, wrong):
    """With a message that says what they may be; no row is left."""
    with pytest.raises(CommandError, match="90d"):
        make("anna", "--name", "deploy", f"--expires-in={wrong}")
    assert not LoginSession.objects.exists()


@pytest.mark.parametrize(
    ("asked", "granted"),
    [
        ([], "reports:read reports:write"),
        (["--scope", "reports:read"], "reports:read"),
        (["--scope", "reports:write", "reports:read"], "reports:read reports:write"),
        (["--scope", "reports:write", "--scope", "reports:read"], "reports:read reports:write"),
        (["--scope", "reports:write reports:read"], "reports:read reports:write"),
    ],
)
def test_scopes_are_given_as_asked(user, settings, asked, granted):
    """However they are written; all that the user may have without the option."""
    settings.JWTAUTH = {"HOOKS": {"SCOPES": "tests.hooks.two_scopes"}}

    out, err = make("anna", "--name", "deploy", *asked)

    assert sessions.authenticate(out.strip())[1]["scope"] == granted
    assert granted in err


@pytest.mark.parametrize("hook", ["tests.hooks.two_scopes", None])
def test_no_token_is_made_that_lacks_a_scope(user, settings, hook):
    """A script that would fail at night is told so now."""
    settings.JWTAUTH = {"HOOKS": {"SCOPES": hook}}

    with pytest.raises(CommandError, match="users:delete"):
        make("anna", "--name", "deploy", "--scope", "reports:read", "users:delete")
    assert not LoginSession.objects.exists()


def deactivate(user, settings):
    get_user_model().objects.update(is_active=False)


def reach_the_limit(user, settings):
    settings.JWTAUTH = {"API_TOKENS": {"MAX_PER_USER": 1}}
    make("anna", "--name", "first")


@pytest.mark.parametrize(
    ("happens", "reason"),
    [(deactivate, "user_inactive"), (reach_the_limit, "too_many_tokens")],
)
def test_refusals_are_command_errors(user, settings, happens, reason):
    """With the reason that the API gives."""
    happens(user, settings)
    before = LoginSession.objects.live().count()

    with pytest.raises(CommandError, match=reason):
        make("anna", "--name", "deploy")
    assert LoginSession.objects.live().count() == before


@pytest.mark.parametrize("name", ["", " ", "x" * 101, "two\nlines"])
def test_a_name_must_fit_into_a_list(user, name):
    """One line, not empty, at most as long as its column."""
    with pytest.raises(CommandError, match="name"):
        make("anna", "--name", name)
    assert not LoginSession.objects.exists()


@pytest.mark.parametrize("username", ["nobody", ""])
def test_an_unknown_user_is_an_error(user, username):
    """Nothing is made for nobody."""
    with pytest.raises(CommandError, match="no user"):
        make(username, "--name", "deploy")


def test_a_database_that_is_down_is_an_error(user):
    """No traceback, and nothing on standard output."""

    def down(execute, sql, params, many, context):
        raise OperationalError("swordfish")

    with connection.execute_wrapper(down), pytest.raises(CommandError, match="unavailable") as told:
        make("anna", "--name", "deploy")
    assert "swordfish" not in str(told.value)


def test_what_is_printed_in_a_colourful_terminal(user):
    """No colour gets into the token."""
    out = StringIO()
    call_command(
        "jwtauth_create_api_token",
        "anna",
        "--name",
        "deploy",
        "--force-color",
        stdout=out,
        stderr=StringIO(),
    )

    assert "\033" not in out.getvalue()
