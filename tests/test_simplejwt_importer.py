"""``jwtauth_import_simplejwt``, on the tables that a real simplejwt left."""

import json
import os
import subprocess
import sys
import time
import uuid
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from functools import partial
from io import StringIO

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db import DatabaseError, OperationalError, connection

from django_jwtauth.checks import ids, rows
from django_jwtauth.contrib.simplejwt.move import importer, tables
from django_jwtauth.contrib.simplejwt.move.decoder import session_id
from django_jwtauth.contrib.simplejwt.move.importer import Imported, import_tokens
from django_jwtauth.models import BlacklistedToken, LoginSession, Reason, Via
from tests import forge
from tests.calls import run_command
from tests.legacy import SLIDING, legacy, moved
from tests.shell import ROOT, environment
from tests.simplejwt_project import process
from tests.subproject import run_pytest

run = partial(run_command, "jwtauth_import_simplejwt")
#: For a run of its own: 500000.
MANY = int(os.environ.get("JWTAUTH_IMPORT_ROWS", "20000"))
MEBIBYTE = 1024


@pytest.fixture(autouse=True)
def move(settings):
    settings.JWTAUTH = moved()
    settings.SIMPLE_JWT = {}


def insert(table, **values):
    """Insert a row, past simplejwt; return its id."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({', '.join(values)}) VALUES ({', '.join(['%s'] * len(values))})",
            list(values.values()),
        )
        cursor.execute(f"SELECT MAX(id) FROM {table}")
        return cursor.fetchone()[0]


def column(moment):
    return connection.ops.adapt_datetimefield_value(moment)


def outstanding(user=None, *, seconds=3600, blacklisted=False, jti=None):
    """Insert an outstanding token that expires in ``seconds``; return its jti."""
    jti = jti or uuid.uuid4().hex
    now = datetime.now(timezone.utc)
    moment = column(now + timedelta(seconds=seconds))
    values = {"jti": jti, "user_id": user and user.pk, "token": "secret", "expires_at": moment}
    pk = insert(tables.OUTSTANDING, **values)
    if blacklisted:
        insert(tables.BLACKLISTED, token_id=pk, blacklisted_at=column(now))
    return jti


def test_the_import_of_a_real_project(old, user, other_user, api):
    """Good tokens become sign-ins, blacklisted ones stay refused without simplejwt's tables."""
    anna, phone, bert = old.obtain(), old.obtain(), old.obtain("bert")
    rotated = old.refresh(phone["refresh"])["body"]
    old.blacklist(bert["refresh"])
    outstanding(user, seconds=-60)
    outstanding(user, seconds=-60, blacklisted=True)
    outstanding(None)

    assert run("--dry-run") == (
        "7 outstanding tokens of simplejwt, nothing was written:\n"
        "  2 imported: each is a sign-in now\n"
        "  2 expired\n"
        "  2 blacklisted: they stay refused\n"
        "  1 without a user who may sign in\n"
        "  0 already imported\n"
    )
    assert not LoginSession.objects.exists()
    assert not BlacklistedToken.objects.exists()
    assert run().startswith("7 outstanding tokens of simplejwt:\n  2 imported")
    process.drop_tables()

    for raw in (anna["refresh"], rotated["refresh"]):
        jti, exp = (forge.claims_of(raw)[name] for name in ("jti", "exp"))
        session = LoginSession.objects.get(pk=session_id(jti))
        assert (session.user, session.subject, session.generation) == (user, str(user.pk), 0)
        assert abs(session.expires_at.timestamp() - exp) < 2
    for raw in (phone["refresh"], bert["refresh"]):
        row = BlacklistedToken.objects.get(jti=forge.claims_of(raw)["jti"])
        assert (row.token_type, row.reason, row.via) == ("refresh", Reason.OTHER, Via.COMMAND)
        assert abs(row.expires_at.timestamp() - forge.claims_of(raw)["exp"]) < 1
        assert api.refresh(raw).json()["reason"] == "blacklisted"
        assert api.verify(raw).json()["reason"] == "blacklisted"
    assert LoginSession.objects.count() == 2
    assert api.refresh(anna["refresh"]).status_code == 200
    user.set_password("another")
    user.save()
    assert api.refresh(rotated["refresh"]).json()["reason"] == "credentials_changed"


def test_it_can_be_repeated(old, user, api):
    """What is here stays as it is: exchanged, ended, blacklisted; only what is new is added."""
    kept, exchanged, ended, refused = (old.obtain()["refresh"] for _ in range(4))
    old.blacklist(refused)
    first = Imported(imported=3, blacklisted=1)
    assert import_tokens("default") == first
    api.refresh(exchanged)
    api.blacklist(refresh=ended)
    before = list(LoginSession.objects.order_by("pk").values())

    assert import_tokens("default", dry_run=True) == Imported(already_here=4)
    assert import_tokens("default") == Imported(already_here=4)
    assert list(LoginSession.objects.order_by("pk").values()) == before
    old.obtain()
    assert import_tokens("default") == Imported(imported=1, already_here=4)
    assert api.refresh(kept).status_code == 200
    assert api.refresh(ended).status_code == 401


def test_blacklisted_between_two_imports(old, user, api):
    """What was signed out there since is signed out here."""
    raw = old.obtain()["refresh"]
    import_tokens("default")
    old.blacklist(raw)

    assert import_tokens("default") == Imported(blacklisted=1)
    session = LoginSession.objects.get()
    assert (session.ended_at is not None, session.ended_via) == (True, Via.COMMAND)
    process.drop_tables()
    assert api.refresh(raw).status_code == 401


def test_no_token_is_read(old, user):
    """The column that holds whole tokens may be gone: nothing asks for it."""
    old.obtain()
    outstanding(user, blacklisted=True)
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {tables.OUTSTANDING} DROP COLUMN token")

    assert import_tokens("default") == Imported(imported=1, blacklisted=1)


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_batches_leave_nothing_out(old, user, size):
    """Ids with gaps, in batches of any size: each token is counted once."""
    for number in range(7):
        outstanding(user, blacklisted=number in (1, 2))
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT id FROM {tables.OUTSTANDING} ORDER BY id")
        ids = [row[0] for row in cursor.fetchall()]
        cursor.execute(f"DELETE FROM {tables.OUTSTANDING} WHERE id IN (%s, %s)", [ids[0], ids[4]])
    told = []

    done = import_tokens("default", batch_size=size, progress=told.append)
    assert done == told[-1] == Imported(imported=3, blacklisted=2)
    assert len(told) == -(-5 // size)


def test_a_deadlock_is_survived(transactional_db, old, user, monkeypatch, no_pauses):
    """The batch is imported again as a whole, and each of its tokens is counted once."""
    outstanding(user)
    outstanding(user, blacklisted=True)
    start, failures = importer._start, [OperationalError("deadlock")] * 2

    def fail_twice(*args):
        if failures:
            raise failures.pop()
        start(*args)

    monkeypatch.setattr(importer, "_start", fail_twice)

    assert import_tokens("default") == Imported(imported=1, blacklisted=1)
    assert no_pauses == [0.1, 0.2]


def test_a_user_whom_older_releases_forgot(old, user, api):
    """A blacklisted token without a user is refused all the same: simplejwt wrote such rows."""
    raw = legacy(user, "refresh")
    outstanding(None, blacklisted=True, jti=forge.claims_of(raw)["jti"])
    assert import_tokens("default") == Imported(blacklisted=1)
    process.drop_tables()

    assert BlacklistedToken.objects.get().user is None
    assert api.refresh(raw).json()["reason"] == "blacklisted"


def test_a_token_without_a_user_may_still_be_exchanged(old, user, api):
    """Rows of older releases name no user; the token itself does."""
    raw = legacy(user, "refresh")
    outstanding(None, jti=forge.claims_of(raw)["jti"])

    assert import_tokens("default") == Imported(userless=1)
    assert api.refresh(raw).status_code == 200


def test_a_sliding_token_that_outlives_its_row(old, user, api, settings):
    """simplejwt never moved the end in the row: such a token must not come back to life."""
    settings.SIMPLE_JWT = SLIDING | {"SLIDING_TOKEN_REFRESH_LIFETIME": timedelta(days=1)}
    now = int(time.time())
    raw = legacy(user, "sliding", exp=now + 300, refresh_exp=now + 3600)
    outstanding(user, seconds=-3000, blacklisted=True, jti=forge.claims_of(raw)["jti"])
    outstanding(user, seconds=-3000)
    outstanding(user, seconds=-86401)
    done = import_tokens("default")
    process.drop_tables()

    assert done == Imported(imported=1, blacklisted=1, expired=1)
    assert api.protected(raw).json()["reason"] == "blacklisted"
    assert api.refresh(raw).json()["reason"] == "blacklisted"
    with time_machine.travel(datetime.now(timezone.utc) + timedelta(minutes=4)):
        settings.JWTAUTH = moved(AUDIT_RETENTION=0)
        call_command("jwtauth_purge", verbosity=0)
        assert api.protected(raw).json()["reason"] == "blacklisted"


def test_leeway(old, user, settings):
    """What simplejwt would still accept within its LEEWAY is not expired."""
    settings.SIMPLE_JWT = {"LEEWAY": 60}
    outstanding(user, seconds=-30)
    outstanding(user, seconds=-90)

    assert import_tokens("default") == Imported(imported=1, expired=1)


def test_session_lifetime(old, user, settings):
    """No sign-in outlives SESSION_LIFETIME, counted from the import."""
    settings.JWTAUTH = moved(SESSION_LIFETIME=timedelta(days=10))
    outstanding(user, seconds=90 * 86400)
    import_tokens("default")

    session = LoginSession.objects.get()
    assert session.expires_at == session.created_at + timedelta(days=10)


def test_without_time_zones(old, user, settings):
    """USE_TZ off: the moments in simplejwt's tables are read as Django wrote them."""
    settings.USE_TZ = False
    moment = datetime.now().replace(microsecond=0) + timedelta(hours=1)
    insert(tables.OUTSTANDING, jti="a", user_id=user.pk, token="", expires_at=column(moment))
    insert(
        tables.OUTSTANDING,
        jti="b",
        user_id=user.pk,
        token="",
        expires_at=column(moment - timedelta(hours=1, seconds=5)),
    )

    assert import_tokens("default") == Imported(imported=1, expired=1)
    assert abs(LoginSession.objects.get().expires_at - moment) < timedelta(seconds=2)


def told(databases=("default",)):
    """Return the messages of the check that looks at simplejwt's tables."""
    return {each.id: each.msg for each in rows.check_legacy_sign_ins(databases=databases)}


def test_sign_ins_that_are_not_imported_are_told(old, user):
    """A check counts them until the import has run: a changed password does not reach them."""
    assert told() == {}
    old.obtain()
    outstanding(user, blacklisted=True)
    outstanding(user, seconds=-60)
    outstanding(None)

    assert told()[ids.NOT_IMPORTED].startswith("1 live tokens of simplejwt are not imported")
    assert told(databases=None) == told(databases=["other"]) == {}
    import_tokens("default")
    assert told() == {}


def test_more_sign_ins_than_a_check_looks_at(old, user, monkeypatch):
    """Large tables cost a check no more than one batch."""
    monkeypatch.setattr(importer, "BATCH_SIZE", 2)
    for _ in range(3):
        outstanding(user)

    assert told()[ids.NOT_IMPORTED].startswith("At least 2 live tokens")


def test_tokens_that_simplejwt_goes_on_issuing_are_told(old, user, settings):
    """Well after sign-ins began here; old processes may run for an hour."""
    old.obtain()
    import_tokens("default")
    old.obtain()
    import_tokens("default")
    LoginSession.objects.update(created_at=datetime.now(timezone.utc) - timedelta(minutes=59))
    assert told() == {}

    LoginSession.objects.update(created_at=datetime.now(timezone.utc) - timedelta(minutes=61))
    assert told()[ids.STILL_ISSUED].startswith("simplejwt has issued tokens (2) since ")
    settings.JWTAUTH = {"USER_ID_CLAIM": "user_id"}
    assert told() == {}


def test_a_database_that_cannot_be_asked_is_no_trouble(old, user, monkeypatch):
    """The command migrate runs the checks first: a column may be missing."""
    outstanding(user)

    def fail(*args):
        raise DatabaseError("no such column")

    monkeypatch.setattr(importer, "count_unimported", fail)
    assert told() == {}


def test_nothing_to_import(db):
    """Without simplejwt's tables it says so."""
    tables.forget_alias()
    with pytest.raises(CommandError, match="nothing to import"):
        run()


def test_empty_tables(old):
    """Nobody signed in yet: all zeros."""
    assert run().startswith("0 outstanding tokens")


def test_numbers_that_do_not_add_up(old, user, monkeypatch):
    """Rows that vanish meanwhile are not passed over in silence."""
    for _ in range(3):
        outstanding(user)

    def flush(done):
        with connection.cursor() as cursor:
            cursor.execute(f"DELETE FROM {tables.OUTSTANDING}")

    with pytest.raises(importer.NotReconciled) as caught:
        import_tokens("default", batch_size=2, progress=flush)
    assert (sum(caught.value.done), caught.value.found) == (2, 0)
    monkeypatch.setattr(importer, "count", lambda *args: 7)
    with pytest.raises(CommandError, match="0 outstanding tokens were read, but there are 7"):
        run()


def test_a_database_that_gives_up(old, user, monkeypatch):
    """The command says what to do; what was written before stays."""
    for _ in range(3):
        outstanding(user)
    start = importer._start

    def fail(rows, *args):
        if LoginSession.objects.exists():
            raise DatabaseError("lost")
        start(rows, *args)

    monkeypatch.setattr(importer, "_start", fail)
    with pytest.raises(CommandError, match="The database failed: lost"):
        run("--batch-size", "1")
    assert LoginSession.objects.count() == 1
    monkeypatch.undo()
    assert import_tokens("default") == Imported(imported=2, already_here=1)


@pytest.mark.parametrize("size", ["0", "-1", "x"])
def test_batch_size_is_a_number(size):
    """Anything but a whole number of at least 1 is refused."""
    with pytest.raises(CommandError, match="must be a whole number of at least 1"):
        run("--batch-size", size)


def test_progress_is_for_people(old, user, monkeypatch):
    """On a terminal a line counts along, and is gone at the end; it does not reach a log."""
    outstanding(user)
    shown = StringIO()
    call_command("jwtauth_import_simplejwt", stdout=StringIO(), stderr=shown)
    assert shown.getvalue() == ""
    shown.isatty = lambda: True
    call_command("jwtauth_import_simplejwt", stdout=StringIO(), stderr=shown)

    assert "1 tokens read" in shown.getvalue()
    assert shown.getvalue().endswith("\r\033[K")


@pytest.mark.parametrize("model", ["UUIDUser", "CodeUser", "NumberedUser", "ChildUser", "BareUser"])
def test_other_user_models(model):
    """Users of another shape are found, in the tables and in the tokens."""
    run_pytest(
        "tests.users.settings", "tests/simplejwt_project/user_models.py", JWTAUTH_TEST_USER=model
    )


# --- many


MEASURE = """
import json, resource, sys, time
import django
django.setup()
from django.conf import settings
from django.db import connection
from django_jwtauth.contrib.simplejwt.move.importer import import_tokens
settings.DEBUG = True
start = time.monotonic()
done = import_tokens("default")
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps([peak, time.monotonic() - start, len(connection.queries_log), done]))
"""


@contextmanager
def many(number, user_ids):
    """Put ``number`` outstanding tokens into the table: every fifth expired, as many refused."""
    now = datetime.now(timezone.utc)
    rows = {
        "postgresql": f"SELECT n FROM generate_series(1, {number}) n",
        "mysql": f"SELECT seq n FROM seq_1_to_{number}",
        "sqlite": (
            f"WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {number}) "
            "SELECT n FROM s"
        ),
    }[connection.vendor]
    jti = {
        "postgresql": "md5(n::text)",
        "mysql": "md5(n)",
        "sqlite": "printf('%%032x', n)",
    }[connection.vendor]
    modulo = "MOD(n, {})" if connection.vendor != "sqlite" else "n %% {}"
    user_id = f"{min(user_ids)} + {modulo.format(len(user_ids))}"
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {tables.OUTSTANDING} (jti, token, user_id, expires_at) "
            f"SELECT {jti}, %s, {user_id}, "
            f"CASE WHEN {modulo.format(5)} = 0 THEN %s ELSE %s END FROM ({rows}) numbers",
            ["x" * 230, *(column(now + timedelta(days=days)) for days in (-1, 1))],
        )
        cursor.execute(
            f"INSERT INTO {tables.BLACKLISTED} (token_id, blacklisted_at) "
            f"SELECT id, %s FROM {tables.OUTSTANDING} WHERE {modulo.format(5).replace('n', 'id')}"
            " = 1 ORDER BY id",
            [column(now)],
        )
    yield
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {tables.BLACKLISTED}")
        cursor.execute(f"DELETE FROM {tables.OUTSTANDING}")


def measure(number, user_ids):
    """Import in a process of its own; return KiB at its peak, seconds, statements kept, counts."""
    with many(number, user_ids):
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", MEASURE],
            cwd=ROOT,
            env=environment(
                DATABASE_URL=process.database_url(), DJANGO_SETTINGS_MODULE="tests.settings"
            ),
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    peak, seconds, kept, counts = json.loads(done.stdout)
    return peak, seconds, kept, Imported(*counts)


def test_memory_does_not_grow_with_the_table(old):
    """However many tokens there are, and with DEBUG on: not 4 MiB more than for a few."""
    users = [get_user_model()(username=f"user-{number}") for number in range(100)]
    get_user_model().objects.bulk_create(users)
    user_ids = sorted(get_user_model().objects.values_list("pk", flat=True))
    few, *_ = measure(2000, user_ids)
    LoginSession.objects.all().delete()
    BlacklistedToken.objects.all().delete()
    peak, seconds, kept, done = measure(MANY, user_ids)
    print(
        f"\n{connection.vendor}: {MANY:,} tokens in {seconds:.0f} s, peak {peak // MEBIBYTE} MiB, "
        f"{(peak - few) / MEBIBYTE:+.1f} MiB to 2,000 tokens: {done}"
    )

    assert sum(done) == MANY
    assert min(done.imported, done.expired, done.blacklisted) > MANY // 10
    assert LoginSession.objects.count() == done.imported
    assert BlacklistedToken.objects.count() == done.blacklisted
    assert peak - few < 4 * MEBIBYTE
    assert kept < 10


@pytest.mark.parametrize("odd", ["5 minutes", None, 5])
@pytest.mark.parametrize("name", ["LEEWAY", "SLIDING_TOKEN_REFRESH_LIFETIME"])
def test_an_odd_setting_of_simplejwt_breaks_no_check(settings, name, odd):
    """check --database and migrate run it, and what is wrong there is not theirs to tell."""
    day = {"SLIDING_TOKEN_REFRESH_LIFETIME": timedelta(days=1)}
    settings.SIMPLE_JWT = {**SLIDING, **day, name: odd}

    assert importer._get_extension() <= timedelta(days=1, seconds=5)
    settings.SIMPLE_JWT = "no dict"
    assert importer._get_extension() == timedelta(0)
