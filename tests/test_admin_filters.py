"""The lists, narrowed and searched."""

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from django_jwtauth import sessions
from django_jwtauth.admin import LoginSessionAdmin, wording
from django_jwtauth.models import LoginSession, Reason, Via
from tests import forge
from tests.desk import BLACKLIST, EXPORT, LIST, listed, page_of

User = get_user_model()


@pytest.mark.parametrize(
    ("status", "expected"), [("live", "a"), ("ended", "bd"), ("expired", "c"), (None, "abcd")]
)
def test_the_list_can_be_narrowed_by_status(desk, user, status, expected):
    """Each sign-in is in one of three groups."""
    for name in "abcd":
        sid = sessions.start(user).session_id
        LoginSession.objects.filter(pk=sid).update(name=name)
    LoginSession.objects.filter(name__in="bd").end()
    hour_ago = timezone.now() - timedelta(hours=1)
    LoginSession.objects.filter(name__in="cd").update(expires_at=hour_ago)
    found = listed(desk.get(LIST, {"status": status} if status else {}))

    assert {one.name for one in found} == set(expected)


@pytest.mark.parametrize(
    ("url", "parameter", "value"),
    [
        (LIST, "end_reason", "stolen"),
        (LIST, "ended_via", "admin"),
        (LIST, "user", "anna"),
        (BLACKLIST, "reason", "stolen"),
        (BLACKLIST, "via", "admin"),
        (BLACKLIST, "token_type", "refresh"),
        (BLACKLIST, "user", "anna"),
    ],
)
def test_the_lists_can_be_narrowed(desk, user, other_user, url, parameter, value):
    """By why, by channel, by kind and by user: one of two rows is left."""
    sessions.blacklist(sessions.start(user).refresh, reason=Reason.STOLEN, via=Via.ADMIN)
    sessions.blacklist(sessions.start(other_user).access, reason=Reason.LEFT, via=Via.API)
    if parameter == "user":
        value = user.pk
    answer = desk.get(url, {parameter: value})

    assert [record.user for record in listed(answer)] == [user]
    assert len(listed(desk.get(url))) == 2


def test_the_user_filter_names_the_user(desk, user, session):
    """It is shown once it is in use: there may be a million users to choose from."""
    names = [choice["display"] for choice in choices_of(desk.get(LIST, {"user": user.pk}), "user")]

    assert names == ["All", "anna"]
    assert choices_of(desk.get(LIST), "user") == []


def started(user, **ago):
    """A sign-in that started so long ago."""
    sid = sessions.start(user).session_id
    LoginSession.objects.filter(pk=sid).update(created_at=timezone.now() - timedelta(**ago))
    return LoginSession.objects.get(pk=sid)


def test_the_list_can_be_narrowed_by_time(desk, user):
    """Links lead to what started between two moments; the sidebar says which, and undoes it."""
    _now, old, older = (started(user, hours=hours) for hours in (0, 30, 60))
    since, until = (timezone.now() - timedelta(hours=hours) for hours in (48, 24))
    query = {"created_at__gte": since.isoformat(), "created_at__lt": until.isoformat()}
    answer = desk.get(LIST, query)
    *others, custom = choices_of(answer, "created_at__gte")

    assert listed(answer) == [old]
    assert (custom["selected"], [one for one in others if one["selected"]]) == (True, [])
    assert wording.moment(since) in custom["display"]
    assert listed(desk.get(LIST + others[0]["query_string"])) != [old]
    assert listed(desk.get(LIST, {"created_at__lt": "2d"})) == [older]
    del query["created_at__gte"]
    assert (
        "\N{HORIZONTAL ELLIPSIS}"
        in choices_of(desk.get(LIST, query), "created_at__gte")[-1]["display"]
    )


def test_each_period_of_the_sidebar_can_be_chosen(desk, user):
    """They are words like "yesterday", so that a bookmark still means that tomorrow."""
    started(user, minutes=1)
    choices = choices_of(desk.get(LIST), "created_at__gte")

    assert [str(one["display"]) for one in choices] == [
        "Any time", "Last hour", "Today", "Yesterday", "Last 7 days", "Last 30 days",
    ]  # fmt: skip
    for choice in choices:
        answer = desk.get(LIST + choice["query_string"])
        selected = [one for one in choices_of(answer, "created_at__gte") if one["selected"]]
        assert [one["display"] for one in selected] == [choice["display"]]


@pytest.mark.parametrize("column", ["ended_at", "replayed_at"])
def test_other_times_are_filtered_by_links(desk, user, column):
    """They are in the sidebar only while they are in use; filters combine."""
    row, other = started(user, hours=1), started(user, hours=1)
    now = timezone.now()
    LoginSession.objects.filter(pk=row.pk).update(**{column: now})
    LoginSession.objects.filter(pk=other.pk).update(**{column: now - timedelta(days=3)})

    assert choices_of(desk.get(LIST), f"{column}__gte") == []
    query = {f"{column}__gte": "yesterday", "user": user.pk, "created_at__gte": "2h"}
    assert listed(desk.get(LIST, query)) == [row]
    assert len(choices_of(desk.get(LIST, query), f"{column}__gte")) == 2


@pytest.mark.parametrize(
    "value", ["x", "25:00", "\0", "9" * 5000, "99999w", "9999-12-31", "\ud800"]
)
def test_a_time_that_cannot_be_is_no_error_of_the_server(desk, session, value):
    """The list is shown with a note, and the export is refused."""
    query = {"created_at__gte": value.encode("utf-8", "surrogatepass")}

    assert desk.get(LIST, query, follow=True).status_code == 200
    assert desk.get(EXPORT, query).status_code == 400


def choices_of(answer, parameter):
    changelist = answer.context["cl"]
    return [
        choice
        for spec in changelist.filter_specs
        if parameter in spec.expected_parameters()
        for choice in spec.choices(changelist)
    ]


@pytest.mark.parametrize("value", ["", "x", "9" * 40, "-1"])
def test_a_user_that_cannot_be_is_no_error_of_the_server(desk, session, value):
    """A filter of nonsense shows nothing, or everything with a note."""
    answer = desk.get(LIST, {"user": value}, follow=True)

    assert answer.status_code == 200


@pytest.mark.parametrize("url", [LIST, BLACKLIST])
def test_search_finds_by_user_name_and_by_exact_id(desk, user, other_user, url):
    """Part of a name; a sign-in's id in either spelling; a jti, or a log line with one."""
    pairs = {name: sessions.start(one) for name, one in (("anna", user), ("bert", other_user))}
    for pair in pairs.values():
        sessions.blacklist(pair.access)
    claims = forge.claims_of(pairs["anna"].access)
    sid = claims["sid"]
    terms = [
        "ann",
        "ANNA",
        "Anna@example.org",
        str(user.pk),
        sid,
        sid.upper(),
        str(pairs["anna"].session_id),
        claims["jti"],
        f"refused: sid={sid} (session_ended)",
    ]

    for term in terms:
        assert [one.user for one in listed(desk.get(url, {"q": term}))] == [user], term
    for term in ("carl", "0" * 32, sid[:-1], "example.org"):
        assert listed(desk.get(url, {"q": term})) == [], term


def test_a_user_name_that_looks_like_an_id_is_found(desk, user):
    """Names of 32 hexadecimal digits exist; they are searched for when no id matches."""
    user.username = "0" * 32
    user.save()
    sessions.start(user)

    assert len(listed(desk.get(LIST, {"q": user.username}))) == 1


def test_what_is_not_shown_cannot_be_guessed_by_filtering(desk, session):
    """The query string of a list can probe any column; this one is closed."""
    assert desk.get(LIST, {"auth_hash__startswith": session.auth_hash[0]}).status_code == 400
    assert session.auth_hash not in desk.get(page_of(session)).content.decode()


@pytest.mark.parametrize("item", LoginSessionAdmin.list_filter)
def test_every_filter_has_a_name_that_themes_know(item):
    """django-unfold fails on a filter with neither."""
    assert hasattr(item, "field_path") or item.parameter_name
