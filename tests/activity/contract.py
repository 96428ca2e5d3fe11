"""Refreshes and refusals are counted in memory and written once a minute."""

import os
import threading
from collections import Counter
from datetime import datetime, timedelta, timezone

import pytest
import time_machine
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from django_jwtauth import sessions
from django_jwtauth.contrib.activity import counting
from django_jwtauth.contrib.activity.models import Tally
from django_jwtauth.exceptions import TokenError
from django_jwtauth.operations import activity

NOON = datetime(2026, 3, 15, 12, 30, tzinfo=timezone.utc)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    counting._counts.clear()
    monkeypatch.setattr(counting, "_written_at", counting.time.monotonic())
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller
    counting._counts.clear()


@pytest.fixture
def due(monkeypatch):
    """The next event is one that writes."""
    monkeypatch.setattr(counting, "WRITE_EVERY", 0)


def tallies():
    return {(row.event, row.reason): row.count for row in Tally.objects.all()}


def test_what_happens_is_counted(user, client, due):
    """A refresh, a wrong password, and tokens of both types that are refused."""
    sessions.refresh(sessions.start(user).refresh)
    client.post(
        reverse("token_obtain_pair"), {"username": user.get_username(), "password": "wrong"}
    )
    for call in (sessions.authenticate, sessions.refresh):
        with pytest.raises(TokenError):
            call("nonsense")

    assert tallies() == {
        ("refreshed", ""): 1,
        ("sign_in", "invalid_credentials"): 1,
        ("access", "malformed"): 1,
        ("refresh", "malformed"): 1,
    }


def test_between_two_writes_nothing_costs_a_statement(user, monkeypatch):
    """A refresh costs what it costs without the app; the counts wait in memory."""
    pair = sessions.start(user)
    with CaptureQueriesContext(connection) as captured:
        pair = sessions.refresh(pair.refresh)

    assert not any("jwtauth_activity" in one["sql"] for one in captured)
    assert Tally.objects.count() == 0
    monkeypatch.setattr(counting, "_written_at", counting._written_at - 60)
    sessions.refresh(pair.refresh)
    assert tallies() == {("refreshed", ""): 2}


def test_hours_are_counted_apart_and_old_ones_deleted(clock, due):
    counting.count("refreshed")
    clock.shift(timedelta(hours=1))
    counting.count("refreshed")
    assert [row.count for row in Tally.objects.order_by("hour")] == [1, 1]

    clock.shift(counting.KEPT - timedelta(minutes=30))
    counting.count("refreshed")
    # The first hour is gone.
    assert [row.hour.hour for row in Tally.objects.order_by("hour")] == [13, 13]


def test_two_processes_add_up(due, monkeypatch):
    """Neither overwrites what the other has written, not even when both insert the same row."""
    counting.count("refreshed")
    counting.count("refreshed")
    assert tallies() == {("refreshed", ""): 2}

    Tally.objects.all().delete()
    key = NOON.replace(minute=0), "refreshed", ""
    monkeypatch.setattr(counting, "_counts", Counter({key: 5}))
    update = type(Tally.objects.all()).update

    def late(rows, **changes):
        changed = update(rows, **changes)
        if not changed:
            Tally.objects.create(hour=key[0], event="refreshed", reason="", count=7)
        return changed

    monkeypatch.setattr(type(Tally.objects.all()), "update", late)
    counting.write()
    assert tallies() == {("refreshed", ""): 12}


def test_threads_lose_nothing(due, monkeypatch):
    """Sixteen threads count while one writes."""
    monkeypatch.setattr(counting, "WRITE_EVERY", 3600)

    def count():
        for _ in range(500):
            counting.count("refreshed")

    threads = [threading.Thread(target=count) for _ in range(16)]
    for thread in threads:
        thread.start()
    for _ in range(5):
        counting.write()
    for thread in threads:
        thread.join()
    counting.write()

    assert tallies() == {("refreshed", ""): 8000}


def test_a_database_that_fails_refuses_no_request(user, due, monkeypatch, caplog):
    """It is logged, and what was counted is written later."""

    def fail(*args):
        raise DatabaseError("disk full")

    with monkeypatch.context() as broken:
        broken.setattr(counting, "_add", fail)
        pair = sessions.refresh(sessions.start(user).refresh)
    assert "disk full" in caplog.text
    assert Tally.objects.count() == 0

    sessions.refresh(pair.refresh)
    assert tallies() == {("refreshed", ""): 2}


def test_it_is_written_after_the_transaction(due):
    """Otherwise all processes would wait for the row that a slow request has locked."""
    with transaction.atomic():
        counting.count("refreshed")
        assert Tally.objects.count() == 0
    assert tallies() == {("refreshed", ""): 1}


def test_a_rollback_does_not_undo_a_count(due):
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        counting.count("access", "expired")
        raise ZeroDivisionError
    counting.count("access", "expired")

    assert tallies() == {("access", "expired"): 2}


def test_a_forked_process_counts_from_zero():
    """What the parent has counted is written by the parent."""
    counting.count("refreshed")
    child = os.fork()
    if not child:
        os._exit(len(counting._counts))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert len(counting._counts) == 1


def test_the_page_shows_them(admin_client, due):
    counting.count("refreshed")
    counting.count("access", "expired")
    found = {series.name: series.counts for series in activity.read(activity.last_hours(2))}

    assert found["Refreshes"] == [0, 1]
    assert found["Access token refused: expired"] == [0, 1]
    shown = admin_client.get("/admin/django_jwtauth/loginsession/activity/").content.decode()
    assert "Access token refused: expired" in shown


def test_without_any_count_the_refreshes_are_shown():
    assert [one.counts for one in activity.read(activity.last_days(3)) if one.name == "Refreshes"]


def test_the_migrations_are_complete():
    call_command("makemigrations", "jwtauth_activity", check=True, dry_run=True, verbosity=0)


def test_the_text_of_a_row():
    row = Tally(hour=NOON, event="access", reason="expired", count=1)

    assert str(row) == "2026-03-15 12:00 access expired"
