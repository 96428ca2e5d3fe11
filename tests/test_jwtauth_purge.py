"""``jwtauth_purge``: what it says, and what it shows on a terminal."""

import re
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import (
    OperationalError,
)

from django_jwtauth.operations import purge as module
from tests.rows import DAY, SESSION_KEPT, TOKEN_KEPT, make_sessions, make_tokens


def run(*args, terminal=False, **kwargs):
    out, err = StringIO(), StringIO()
    err.isatty = lambda: terminal
    call_command("jwtauth_purge", *args, stdout=out, stderr=err, **kwargs)
    return out.getvalue(), err.getvalue()


def test_the_command_tells_what_it_did(db):
    """One line, for the log of whoever runs it every day."""
    make_sessions(*[SESSION_KEPT + DAY] * 2)
    make_tokens(TOKEN_KEPT + DAY)

    assert run("--dry-run") == ("Would delete 2 sign-ins and 1 blacklisted token.\n", "")
    assert run() == ("Deleted 2 sign-ins and 1 blacklisted token.\n", "")
    assert run() == ("Deleted 0 sign-ins and 0 blacklisted tokens.\n", "")
    assert run(verbosity=0) == ("", "")


def test_the_command_shows_progress_on_a_terminal(db):
    """Each batch is told in one line, which is gone in the end."""
    make_sessions(*[SESSION_KEPT + DAY] * 3)
    out, err = run("--batch-size=2", terminal=True)
    shown = err.split("\r\033[K")

    assert out == "Deleted 3 sign-ins and 0 blacklisted tokens.\n"
    assert [line.partition(",")[0] for line in shown] == [
        "",
        "2 of 3 rows deleted",
        "3 of 3 rows deleted",
        "",
    ]
    assert all(
        re.search(r" per second, \d+ (second|minute)s?( \d+ seconds?)? left$", line)
        for line in shown
        if line
    )


@pytest.mark.parametrize("size", ["0", "-1", "many", "1.5", ""])
def test_a_batch_has_at_least_one_row(size):
    """Any other size is refused before anything is done."""
    with pytest.raises(CommandError, match="must be a whole number of at least 1"):
        run(f"--batch-size={size}")


def test_the_command_says_what_to_do_when_the_database_gives_up(db, monkeypatch, no_pauses):
    """No traceback: what was done, and that running it again goes on."""
    make_sessions(SESSION_KEPT + DAY)

    def fail(rows):
        raise OperationalError("deadlock detected")

    monkeypatch.setattr(module, "_delete", fail)

    with pytest.raises(CommandError, match=r"deadlock detected\n.*Run the command again"):
        run()
