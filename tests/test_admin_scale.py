"""The desk over a million sign-ins, half as many of them live, and a million blacklisted tokens.

Slow, and for PostgreSQL, whose ``generate_series`` fills the tables in a minute: run where
JWTAUTH_MILLION is set.
"""

import os
import time
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from django_jwtauth.models import BlacklistedToken, Cause, LoginSession
from django_jwtauth.operations import revocation
from tests.conftest import DESK

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(not os.environ.get("JWTAUTH_MILLION"), reason="slow: set JWTAUTH_MILLION=1"),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="needs PostgreSQL"),
]

ROWS = 1_000_000
USERS = 10_000
# Seconds for a page on a busy machine; a COUNT(*) without a bound or a sort takes longer.
PATIENCE = 5

USERS_SQL = """
INSERT INTO auth_user (username, password, email, is_active, is_staff, is_superuser,
    first_name, last_name, date_joined)
SELECT 'user' || n, '!', 'user' || n || '@example.org', true, false, false, '', '', now()
FROM generate_series(1, %s) n
"""
# Each second row has ended; each fifth of the others has expired. Over sixty days.
SESSIONS_SQL = """
INSERT INTO django_jwtauth_loginsession (id, user_id, subject, generation, auth_hash, created_at,
    refreshed_at, expires_at, ended_at, end_reason, ended_via, ended_by_name, end_note,
    user_agent, name, ip_address, refreshed_ip, refreshed_agent)
SELECT gen_random_uuid(), u.id, u.id::text, 3, 'x', t, t, t + interval '61 days' *
        (CASE WHEN n %% 10 = 1 THEN 0 ELSE 1 END),
    CASE WHEN n %% 2 = 0 THEN t + interval '5 minutes' END,
    CASE WHEN n %% 2 = 0 THEN 'signed_out' ELSE '' END,
    CASE WHEN n %% 2 = 0 THEN 'api' ELSE '' END, '', '',
    CASE WHEN n %% 5000 = 0 THEN 'Firefox/140.0' ELSE 'okhttp/4.12' END, '',
    '10.0.0.0'::inet + n, '10.128.0.0'::inet + n, 'okhttp/4.12'
FROM (SELECT n, now() - interval '60 days' * n / %s AS t FROM generate_series(1, %s) n) rows
JOIN auth_user u ON u.username = 'user' || (n %% %s + 1)
"""
BLACKLIST_SQL = """
INSERT INTO django_jwtauth_blacklistedtoken (jti, token_type, user_id, session_id, subject,
    expires_at, blacklisted_at, reason, via, blacklisted_by_name, note)
SELECT replace(id::text, '-', '') || '.0123456789abcdef', 'access', user_id, id, subject,
    created_at + interval '5 minutes', created_at, 'stolen', 'admin', '', ''
FROM django_jwtauth_loginsession
"""


@pytest.fixture(scope="module")
def million(django_db_setup, django_db_blocker):
    """The rows, for all tests of this module."""
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(USERS_SQL, [USERS])
        cursor.execute(SESSIONS_SQL, [ROWS, ROWS, USERS])
        cursor.execute(BLACKLIST_SQL)
        cursor.execute("ANALYZE")
        yield
        cursor.execute("TRUNCATE auth_user CASCADE")


LIST = reverse("admin:django_jwtauth_loginsession_changelist")
BLACKLIST = reverse("admin:django_jwtauth_blacklistedtoken_changelist")
END_USER = reverse("admin:django_jwtauth_loginsession_end_user")
END_BEFORE = reverse("admin:django_jwtauth_loginsession_end_before")
ACTIVITY = reverse("admin:django_jwtauth_loginsession_activity")
FIND = reverse("admin:django_jwtauth_loginsession_find")
WHY = {"reason": "stolen", "note": "Ticket 4711"}


@pytest.fixture
def chief(million, staff):
    return staff(*DESK, "end_all_sessions")


def measured(visit):
    """Return the answer and the number of statements; fails when it takes long."""
    start = time.process_time()
    with CaptureQueriesContext(connection) as captured:
        answer = visit()
    # Of this process and of the database, not of what else the machine does.
    own = time.process_time() - start
    database = sum(float(query["time"]) for query in captured.captured_queries)
    slowest = max(captured.captured_queries, key=lambda query: float(query["time"]))
    print(f"{own:.2f} s, and {database:.2f} s for {len(captured)} statements")
    assert own + database < PATIENCE, slowest
    return answer, len(captured)


def test_there_are_a_million(million):
    """Of each."""
    assert LoginSession.objects.count() == BlacklistedToken.objects.count() == ROWS


@pytest.mark.parametrize(
    ("url", "query", "statements"),
    [
        (LIST, {}, 12),
        (LIST, {"p": "3"}, 6),
        (LIST, {"status": "live"}, 6),
        (LIST, {"status": "ended", "end_reason": "signed_out"}, 6),
        (LIST, {"kind": "api_token"}, 6),
        (LIST, {"q": "user4711"}, 7),
        (LIST, {"q": "user4711@example.org"}, 7),
        (LIST, {"q": "nobody-at-all"}, 5),
        (LIST, {"q": "{pk}"}, 7),
        # What has no index, in the last thirty days.
        (LIST, {"q": "10.0.1.7"}, 6),
        (LIST, {"q": "10.128.1.0/24"}, 6),
        (LIST, {"q": "10.0.0.0/8"}, 6),
        (LIST, {"q": "198.51.100.0/24 2001:db8::/32"}, 6),
        (LIST, {"q": "firefox"}, 6),
        (LIST, {"q": "agent:nothing-like-that"}, 6),
        # And what has.
        (LIST, {"q": "yesterday"}, 6),
        (LIST, {"q": "10.0.0.0/8 yesterday firefox"}, 6),
        (LIST, {"q": "user"}, 7),
        (LIST, {"q": "user4711 10.0.0.0/8"}, 7),
        (LIST, {"q": "10.0.1.7", "user": "{pk}"}, 8),
        (LIST, {"created_at__gte": "yesterday", "status": "live"}, 6),
        (LIST, {"ended_at__gte": "7d", "end_reason": "reused"}, 6),
        (BLACKLIST, {}, 13),
        (BLACKLIST, {"reason": "stolen"}, 7),
        (BLACKLIST, {"q": "user4711"}, 8),
        (ACTIVITY, {}, 8),
        (FIND, {}, 4),
        (END_BEFORE, {}, 4),
    ],
)
def test_a_page_opens(chief, url, query, statements):
    """In as many statements as over ten rows, and in time."""
    pk = str(get_user_model().objects.get(username="user4711").pk)
    query = {name: value.replace("{pk}", pk) for name, value in query.items()}
    answer, number = measured(lambda: chief.get(url, query))

    assert answer.status_code == 200
    assert number == statements


def test_one_of_a_million_is_found(chief):
    """By its id, by a jti in a line of a log, by its user, and on its own page."""
    session = LoginSession.objects.order_by("pk")[17]
    jti = f"{session.sid}.0123456789abcdef"
    for term in (session.sid, jti):
        answer, _number = measured(lambda term=term: chief.get(LIST, {"q": term}))
        assert list(answer.context["cl"].result_list) == [session]
    answer, _number = measured(lambda: chief.post(FIND, {"text": f"401 jti={jti}"}))
    assert len(answer.context["stories"]) == 1
    for name, pk in (
        ("loginsession", session.pk),
        ("blacklistedtoken", BlacklistedToken.objects.get(jti=jti).pk),
    ):
        page = reverse(f"admin:django_jwtauth_{name}_change", args=[pk])
        answer, _number = measured(lambda page=page: chief.get(page))
        assert answer.status_code == 200


def test_all_of_one_user_are_ended(chief):
    """A hundred among a million, half of them ended before."""
    user = get_user_model().objects.get(username="user17")
    answer, _number = measured(lambda: chief.post(f"{END_USER}?user={user.pk}", WHY, follow=True))

    assert "had already ended" in answer.content.decode()
    assert not LoginSession.objects.live().filter(user=user).exists()


def test_everybody_is_counted_and_handed_over(chief):
    """The page counts to its bound and shows the line for the terminal."""
    before = timezone.localtime(timezone.now() - timedelta(hours=1))
    body = {"before_0": f"{before:%Y-%m-%d}", "before_1": f"{before:%H:%M}", **WHY}
    answer, _number = measured(lambda: chief.post(END_BEFORE, body))

    assert answer.context["ending"] == "10,000+"
    assert answer.context["command"].startswith("python manage.py jwtauth_revoke --all --before")


def test_four_hundred_thousand_are_ended(million):
    """What the command does, in chunks of a thousand."""
    start = time.monotonic()
    target = revocation.everybody()
    counted = revocation.count(target).ended
    ended = revocation.end(target, Cause(reason="stolen", via="command", by="root", note="x"))

    assert ended == counted > 300_000
    assert time.monotonic() - start < 600
