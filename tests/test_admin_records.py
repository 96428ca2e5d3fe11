"""What both lists of records have in common: they stay fast, and read where writes go."""

import re

import pytest
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from django_jwtauth.admin.records import BoundedPaginator
from django_jwtauth.models import BlacklistedToken, LoginSession
from tests.conftest import DESK
from tests.desk import BLACKLIST, LIST, page_of, text_of


def fill(user, number):
    """Make ``number`` sign-ins, each with a blacklisted token."""
    now = timezone.now()
    rows = LoginSession.objects.bulk_create(
        LoginSession(user=user, subject=str(user.pk), refreshed_at=now, expires_at=now)
        for _ in range(number)
    )
    BlacklistedToken.objects.bulk_create(
        BlacklistedToken(jti=f"{row.sid}.x", user=user, session=row, expires_at=now) for row in rows
    )


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "query", [{"ip_address": "x"}, {"kind": "\0"}, {"end_reason": "\0"}, {"user__id": "x"}]
)
@pytest.mark.parametrize("page", ["changelist", "export"])
def test_a_value_that_no_column_has_is_no_error_of_the_server(transactional_db, query, page):
    """PostgreSQL refuses what is no address, and null characters, in the middle of the query."""
    desk = Client()
    desk.force_login(get_user_model().objects.create_superuser("root", "r@example.org", "pw"))
    url = reverse(f"admin:django_jwtauth_loginsession_{page}")

    assert desk.get(url, query).status_code in (200, 302, 400)


@pytest.mark.parametrize(
    ("url", "query"),
    [
        (LIST, {}),
        (LIST, {"status": "expired", "q": "ann"}),
        (LIST, {"user": "anna"}),
        (LIST, {"p": "1"}),
        (BLACKLIST, {}),
        (BLACKLIST, {"q": "ann", "token_type": ""}),
    ],
)
def test_a_list_costs_the_same_however_many_rows(desk, user, url, query):
    """As many statements at 1 000 rows as at 10, and none that counts the whole table."""
    if "user" in query:
        query = {"user": user.pk}
    counts = []
    for number in (10, 990):
        fill(user, number)
        with CaptureQueriesContext(connection) as captured:
            desk.get(url, query)
        counts.append(len(captured))
        for statement in captured:
            assert "COUNT(" not in statement["sql"] or "LIMIT 1000" in statement["sql"]

    # The overview, above an unfiltered list, takes five.
    assert counts[0] == counts[1] <= (8 if query else 13)


def test_a_detail_page_costs_the_same_however_many_rows(desk, user):
    """Neither the sign-in's tokens nor the user's sign-ins are listed without a bound."""
    counts = []
    for number in (10, 990):
        fill(user, number)
        # The first visit also reads the content types.
        for record in (LoginSession.objects.first(), BlacklistedToken.objects.first()):
            desk.get(page_of(record))
        with CaptureQueriesContext(connection) as captured:
            desk.get(page_of(LoginSession.objects.first()))
            desk.get(page_of(BlacklistedToken.objects.first()))
        counts.append(len(captured))

    assert counts[0] == counts[1]


def test_a_list_that_is_cut_says_so(desk, user, monkeypatch):
    """ "10 000 sign-ins" would be a lie when there are more."""
    note = "only the first 3 are counted and listed"
    monkeypatch.setattr(BoundedPaginator, "limit", 3)
    fill(user, 2)
    assert note not in text_of(desk.get(LIST))
    fill(user, 2)

    for url in (LIST, BLACKLIST):
        answer = desk.get(url)
        assert note in text_of(answer)
        assert answer.context["cl"].result_count == 3


def test_only_what_has_an_index_can_be_sorted_by(desk, user):
    """Sorting a million rows by a column without an index takes seconds."""
    fill(user, 2)
    headers = desk.get(LIST).content.decode()

    assert re.findall(r'class="sortable column-(\w+)', headers) == ["signed_in"]
    assert "sortable" not in desk.get(BLACKLIST).content.decode()


class LaggingReplica:
    def db_for_read(self, model, **hints):
        return "replica"

    def db_for_write(self, model, **hints):
        return "default"


def test_the_pages_read_where_writes_go(settings, rf):
    """A replica that lags would show as live what was just ended."""
    settings.DATABASE_ROUTERS = [LaggingReplica()]

    for model in (LoginSession, BlacklistedToken):
        assert admin.site.get_model_admin(model).get_queryset(rf.get("/")).db == "default"


def test_no_link_ends_at_a_page_that_is_forbidden(staff, user):
    """The admin links users and sign-ins whoever looks; others read the name and the id."""
    fill(user, 1)
    session, record = LoginSession.objects.get(), BlacklistedToken.objects.get()
    page_of_user = reverse("admin:auth_user_change", args=[user.pk])
    one = staff("view_loginsession", "view_blacklistedtoken")
    other = staff("view_blacklistedtoken", name="otto")
    all_of_it = staff(*DESK, name="carla")

    for row in (session, record):
        page = one.get(page_of(row))
        assert page_of_user not in page.content.decode()
        assert "User: anna" in text_of(page)
        assert page_of_user in all_of_it.get(page_of(row)).content.decode()
    page = other.get(page_of(record))
    assert f"Sign-in: {session.sid}" in text_of(page)
    assert page_of(session) not in page.content.decode()
    assert page_of(session) in one.get(page_of(record)).content.decode()
    LoginSession.objects.all().delete()
    assert "Sign-in: -" in text_of(other.get(page_of(record)))
