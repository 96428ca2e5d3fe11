"""The page that plots what happened over time."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_jwtauth.models import Kind, LoginSession, Reason
from django_jwtauth.operations import activity
from tests.desk import ACTIVITY, LIST, listed, text_of
from tests.rows import make_sessions

NOW = timedelta(0)


def links(answer):
    return [url.replace("&amp;", "&") for url in re.findall(r'<td><a href="([^"]+)"', page(answer))]


def page(answer):
    return answer.content.decode().partition('id="content-main"')[2].partition("</main>")[0]


def test_each_number_leads_to_the_rows_behind_it(desk):
    """As many as were counted: by the kind or reason, and between the two times."""
    make_sessions(NOW, NOW)
    make_sessions(NOW, kind=Kind.API_TOKEN)
    ended = make_sessions(timedelta(days=3))
    LoginSession.objects.filter(pk=ended[0].pk).end(reason=Reason.STOLEN)

    found = [len(listed(desk.get(url))) for url in links(desk.get(ACTIVITY))]

    # Today's hour; today, and three days ago.
    assert sorted(found) == sorted([2, 1, 1, 2, 1, 1, 1])


def test_a_plot_is_also_a_table(desk):
    """A screen reader hears the table; the drawing is hidden from it and has no script or style."""
    make_sessions(NOW)
    shown = page(desk.get(ACTIVITY))

    assert shown.count("<svg") == shown.count('aria-hidden="true" focusable="false"') == 4
    assert shown.count("<rect") == 2
    assert "<details>" in shown
    assert '<th scope="col">Sign-ins started</th>' in shown
    assert "style=" not in shown
    assert "<script" not in shown


def test_the_page_costs_few_statements_whatever_happened(desk):
    make_sessions(*[timedelta(hours=past) for past in range(100)])
    with CaptureQueriesContext(connection) as captured:
        desk.get(ACTIVITY)

    # Two for each span; the operator's session, account and permissions.
    assert len(captured) == 8


def test_what_is_cut_is_said(desk, monkeypatch):
    monkeypatch.setattr(activity, "LIMIT", 2)
    monkeypatch.setattr("django_jwtauth.admin.activity.LIMIT", 2)
    make_sessions(NOW, NOW, NOW)

    assert "Sign-ins started 2+" in text_of(desk.get(ACTIVITY))


def test_counts_without_rows_have_no_link(desk, monkeypatch):
    """What an app counts beyond the rows."""
    monkeypatch.setattr(
        activity, "sources", [lambda periods: [activity.Series("Rain", [30_000] * len(periods))]]
    )
    answer = desk.get(ACTIVITY)

    assert "Rain 720,000" in text_of(answer)
    assert links(answer) == []


def test_the_page_needs_the_permission_to_see_sign_ins(staff):
    assert staff("view_blacklistedtoken", name="otto").get(ACTIVITY).status_code == 403
    assert staff("view_loginsession", name="olga").get(ACTIVITY).status_code == 200


def test_the_list_leads_here(desk):
    assert f'href="{ACTIVITY}"' in desk.get(LIST).content.decode()


@pytest.mark.parametrize("language", ["de", "fa"])
def test_other_languages_draw_the_same(desk, language):
    """No comma in a coordinate, whatever the language's decimal mark."""
    make_sessions(NOW)
    shown = page(desk.get(ACTIVITY, headers={"accept-language": language}))

    for name in ("x", "y", "width", "height"):
        assert all(
            re.fullmatch(r"[\d.]+", value) for value in re.findall(rf' {name}="([^"]+)"', shown)
        )
    assert str(timezone.localtime().year) in shown or language == "fa"
