"""The incident desk: find, end in bulk, keys, overview, export."""

import re

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from django_jwtauth.admin import LoginSessionAdmin
from django_jwtauth.models import BlacklistedToken, LoginSession
from tests.conftest import DESK
from tests.desk import (
    END_BEFORE,
    END_USER,
    EXPORT,
    EXPORT_BLACKLIST,
    FIND,
    KEYS,
    LIST,
    WHY,
    before,
)
from tests.rows import fill


def buttons_of(answer):
    return [text for story in answer.context["stories"] for _url, text in story["buttons"]]


# --- who may do what

MAY = [
    (FIND, ["view_loginsession"]),
    (KEYS, ["view_loginsession"]),
    (EXPORT, ["view_loginsession"]),
    (EXPORT_BLACKLIST, ["view_blacklistedtoken"]),
    (END_BEFORE, ["view_loginsession", "end_all_sessions"]),
    (END_BEFORE + "?user={user}", ["view_loginsession", "end_sessions"]),
    (END_USER + "?user={user}", ["view_loginsession", "end_sessions"]),
]


@pytest.mark.parametrize(("url", "codenames"), MAY)
def test_a_page_opens_with_its_permissions_and_not_with_all_others(staff, user, url, codenames):
    """View-only rights and the one permission are enough; lacking any of them is too little."""
    every = {*DESK, "end_all_sessions"}
    url = url.format(user=user.pk)

    assert staff(*codenames).get(url).status_code == 200
    for number, codename in enumerate(codenames):
        browser = staff(*every - {codename}, name=f"otto{number}")
        assert browser.get(url).status_code == 403
        assert browser.post(url, before(timezone.now(), confirm="everybody")).status_code == 403


@pytest.mark.parametrize("url", [url for url, _codenames in MAY])
def test_who_is_not_logged_in_is_sent_to_the_login(user, url):
    """The pages are part of the admin."""
    answer = Client().get(url.format(user=user.pk))

    assert answer.status_code == 302
    assert answer.url.startswith(reverse("admin:login"))


def test_without_the_permission_a_forged_request_ends_nothing(staff, user, pair, api):
    """Neither of one user nor of everybody."""
    browser = staff("view_loginsession", "blacklist_token", "view_user", "change_user")
    browser.post(f"{END_USER}?user={user.pk}", WHY)
    browser.post(END_BEFORE, before(timezone.now(), confirm="everybody"))
    browser.post(f"{END_BEFORE}?user={user.pk}", before(timezone.now(), confirm="anna"))

    assert api.protected(pair.access).status_code == 200


def test_reading_changes_nothing(chief, user, pair):
    """Whatever the query string says, GET ends nothing and logs nothing."""
    rows = list(LoginSession.objects.values())
    everything = {"user": user.pk, "text": pair.access, **before(timezone.now(), confirm="anna")}
    for url, _codenames in MAY:
        chief.get(url.format(user=user.pk))
        chief.get(url.partition("?")[0], everything)
        chief.get(url.partition("?")[0], {"user": user.pk, "post": "yes"})

    assert list(LoginSession.objects.values()) == rows
    assert not LogEntry.objects.exists()
    assert not BlacklistedToken.objects.exists()


@pytest.mark.parametrize("url", [FIND, END_USER, END_BEFORE])
def test_posting_needs_the_csrf_token(chief, user, pair, url):
    """Another site cannot make an operator's browser act or look."""
    chief.handler.enforce_csrf_checks = True
    answer = chief.post(f"{url}?user={user.pk}", {**WHY, "text": pair.access})

    assert answer.status_code == 403
    assert LoginSession.objects.live().exists()


def test_buttons_are_shown_to_who_may_press_them(staff, user, pair):
    """No dead end, on the list, on the page of the sign-in, of the user, and beside a finding."""
    session = LoginSession.objects.get()
    pages = [
        LIST,
        f"{LIST}?user={user.pk}",
        reverse("admin:django_jwtauth_loginsession_change", args=[session.pk]),
        reverse("admin:auth_user_change", args=[user.pk]),
    ]
    viewer = staff("view_loginsession", "view_user")
    chief = staff(*DESK, "end_all_sessions", name="carla")
    seen = "".join(viewer.get(page).content.decode() for page in pages)
    offered = "".join(chief.get(page).content.decode() for page in pages)

    assert FIND in seen
    assert END_USER not in seen
    assert END_BEFORE not in seen
    assert offered.count(f'href="{END_USER}?user={user.pk}"') == 3
    assert f'href="{END_BEFORE}"' in offered
    assert f'href="{END_BEFORE}?user={user.pk}"' in offered
    assert buttons_of(viewer.post(FIND, {"text": pair.access})) == []
    assert buttons_of(chief.post(FIND, {"text": pair.access})) == [
        "End this sign-in",
        "End all sign-ins of anna",
        "Blacklist only this token",
    ]


# --- looks and scale


PAGES = [FIND, KEYS, END_BEFORE, END_USER + "?user={user}", END_BEFORE + "?user={user}"]


def test_the_pages_need_no_inline_script_or_style(chief, user, pair):
    """A strict Content-Security-Policy does not break them."""
    answers = [chief.get(url.format(user=user.pk)) for url in PAGES]
    answers += [
        chief.post(FIND, {"text": pair.access}),
        chief.post(FIND, {"text": "x"}),
        chief.post(END_BEFORE, before(timezone.now())),
        chief.get(LIST),
    ]
    for answer in answers:
        page = answer.content.decode()
        assert answer.status_code == 200
        assert not re.findall(r"<script(?![^>]*\bsrc=)[^>]*>|<style|\sstyle=|\son\w+=", page)


@pytest.mark.parametrize("url", PAGES)
def test_a_page_costs_the_same_however_many_rows(chief, user, url):
    """As many statements at 1 000 rows as at 10, none of which counts a whole table."""
    url = url.format(user=user.pk)
    costs = []
    for number in (10, 990):
        fill(user, number)
        with CaptureQueriesContext(connection) as captured:
            chief.get(url)
            chief.post(url, before(timezone.now(), text=user.username))
        # Ending itself takes a few per chunk; this page ends at once.
        if END_USER not in url:
            costs.append(len(captured))
        for statement in captured:
            assert "COUNT(" not in statement["sql"] or "LIMIT 1000" in statement["sql"]

    assert len(set(costs)) <= 1


def test_the_pages_are_on_every_site():
    """Whoever registers the sign-ins on a site of their own has the desk there."""
    site = admin.AdminSite(name="desk")
    site.register(LoginSession, LoginSessionAdmin)
    names = {pattern.name for pattern in site.get_model_admin(LoginSession).urls}

    assert {
        f"django_jwtauth_loginsession_{name}"
        for name in ("find", "end", "end_user", "end_before", "keys", "export")
    } <= names


LISTS = ["loginsession", "blacklistedtoken"]


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("before", ["", "Bearer ", "Authorization: Bearer ", '"', "x "])
def test_a_token_in_the_search_is_repeated_in_no_link(desk, pair, name, before):
    """It is in the address already; history, links and what they lead to must not have it, too."""
    url = reverse(f"admin:django_jwtauth_{name}_changelist")
    for raw in (pair.access, pair.refresh, "eyJhbGciOiJub25lIn0.eyJzdWIiOiI3In0."):
        for query in ({"q": before + raw}, {"q": before + raw, "user": "1"}, {"status": raw}):
            answer = desk.get(url, query)
            assert answer.status_code == 302
            assert raw not in answer["Location"]
            page = desk.get(answer["Location"])
            assert raw not in page.content.decode()
            assert "Find a token" in page.content.decode()
            assert ("user=" in answer["Location"]) is ("user" in query)


def test_a_token_in_the_filters_of_a_list_is_not_handed_on(desk, pair):
    """Pages beside the list lead back to it as it was."""
    session = LoginSession.objects.get()
    filters = {"_changelist_filters": f"q={pair.access}"}
    for page, args in (("change", [session.pk]), ("find", []), ("keys", [])):
        url = reverse(f"admin:django_jwtauth_loginsession_{page}", args=args)
        assert pair.access not in desk.get(url, filters).content.decode()


@pytest.mark.parametrize("text", ["anna", "eyJohnson.smith", "eyJ.x", "a.b.c", "0" * 32])
def test_other_searches_stay_in_the_links(desk, pair, text):
    """As the admin has it."""
    answer = desk.get(reverse("admin:django_jwtauth_loginsession_changelist"), {"q": text})

    assert answer.status_code == 200
    assert f"?q={text}" in answer.content.decode()
