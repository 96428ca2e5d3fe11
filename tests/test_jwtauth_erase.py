"""``jwtauth_erase``: a person's request to be forgotten."""

import builtins

import pytest
from django.core.management import CommandError
from django.db import DatabaseError

from django_jwtauth import sessions
from django_jwtauth.models import LoginSession
from tests.calls import run_command

DONE = "Erased names, addresses, devices and notes from 1 row.\n"


@pytest.fixture
def row(user, pair):
    LoginSession.objects.update(name="Anna's telephone")
    return LoginSession.objects.get()


def answer(monkeypatch, text):
    monkeypatch.setattr(builtins, "input", lambda prompt: text)


def test_a_user_is_erased_by_name(row):
    assert run_command("jwtauth_erase", "--user", "anna", "--no-input") == DONE

    row.refresh_from_db()
    assert (row.name, row.ended_via) == ("", "command")


def test_a_deleted_user_is_erased_by_sub(row, user):
    sub = str(user.pk)
    user.delete()

    assert run_command("jwtauth_erase", "--deleted", sub, "--no-input") == DONE


def test_the_name_must_be_typed_again(row, monkeypatch):
    """It cannot be undone."""
    answer(monkeypatch, "otto")
    with pytest.raises(CommandError, match="Not confirmed"):
        run_command("jwtauth_erase", "--user", "anna")
    row.refresh_from_db()
    assert row.name

    answer(monkeypatch, " anna ")
    assert run_command("jwtauth_erase", "--user", "anna") == DONE


def test_a_script_must_say_that_nobody_answers(row, monkeypatch):
    def nobody(prompt):
        raise EOFError

    monkeypatch.setattr(builtins, "input", nobody)
    with pytest.raises(CommandError, match="--no-input"):
        run_command("jwtauth_erase", "--user", "anna")


def test_an_unknown_name_erases_nothing(row):
    with pytest.raises(CommandError, match="no user with this name"):
        run_command("jwtauth_erase", "--user", "nobody", "--no-input")


def test_a_database_that_fails_is_reported(row, monkeypatch):
    def fail(*args, **kwargs):
        raise DatabaseError

    monkeypatch.setattr(sessions, "erase", fail)
    with pytest.raises(CommandError, match="Nothing was erased"):
        run_command("jwtauth_erase", "--user", "anna", "--no-input")
