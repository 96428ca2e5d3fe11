"""Acting for another user: who may act for whom, what ends it, and what it must never do."""

import logging
import threading
import time
from datetime import timedelta

import pytest
import time_machine
from asgiref.sync import async_to_sync
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission, User
from django.db import connection, transaction
from django.urls import include, path
from django.utils import timezone
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.test import APIRequestFactory

from django_jwtauth import acting, api_tokens, exceptions, one_time, sessions, signals
from django_jwtauth.authentication import JWTStatelessUserAuthentication
from django_jwtauth.models import BlacklistedToken, Cause, Kind, LoginSession, Reason, Via
from django_jwtauth.operations import revocation
from django_jwtauth.operations.sweep import sweep
from tests import forge
from tests.calls import reason_of
from tests.changes import change_password, deactivate
from tests.conftest import Client
from tests.racing import SlowBody, on_a_new_connection
from tests.urls import urlpatterns as project

urlpatterns = [
    *project,
    path("api/", include("django_jwtauth.urls.acting")),
    path("api/", include("django_jwtauth.urls.portal")),
    path("oauth/", include("django_jwtauth.urls.oauth")),
]
pytestmark = [pytest.mark.urls(__name__), pytest.mark.django_db]

URL = "/api/impersonate/"


def permission(codename):
    return Permission.objects.get(codename=codename)


@pytest.fixture
def operator(db):
    """A user who may act for others, and nothing else."""
    made = get_user_model().objects.create_user("alice", "alice@example.org", "pw")
    made.user_permissions.add(permission("impersonate_user"))
    return get_user_model().objects.get(pk=made.pk)


@pytest.fixture
def own(operator):
    """The operator's own sign-in."""
    return sessions.start(operator)


@pytest.fixture
def desk(own):
    """A client with the operator's own token."""
    return Client().with_token(own.access)


@pytest.fixture
def started(operator, own, user):
    """What the operator gets who acts for ``user``."""
    return acting.start(operator, user, "ticket 7", sid=str(own.session_id))


def post(client, of, **body):
    return client.post(URL, {"user": str(of.pk), "reason": "ticket 7", **body})


def is_accepted(raw):
    return Client().with_token(raw).get("/api/me/").status_code == 200


# --- the whole life


def test_an_operator_acts_for_a_user_until_it_is_stopped(desk, operator, own, user):
    """The token is the user's, says who acts, has no refresh token, and ends by DELETE."""
    answer = post(desk, user, minutes=30)

    assert answer.status_code == 201
    body = answer.json()
    assert {**body, "access": "", "session_id": "", "expires_in": 0} == {
        "access": "",
        "token_type": "Bearer",
        "expires_in": 0,
        "session_id": "",
        "user_id": str(user.pk),
        "username": "anna",
    }
    assert 1790 < body["expires_in"] <= 1800
    claims = forge.claims_of(body["access"])
    assert claims["sub"] == str(user.pk)
    assert claims["act"] == {"sub": str(operator.pk)}
    assert claims["exp"] - claims["iat"] == 1800

    acted = Client().with_token(body["access"])
    me = acted.get("/api/me/").json()
    assert (me["username"], me["act"]) == ("anna", {"sub": str(operator.pk)})
    assert "act" not in desk.get("/api/me/").json()

    assert acted.delete(URL).status_code == 204
    assert not is_accepted(body["access"])
    assert is_accepted(own.access)
    row = LoginSession.objects.get(pk=body["session_id"])
    assert (row.kind, row.user, row.actor_name) == (Kind.ACTING, user, "alice")
    assert (row.actor_subject, row.actor_session) == (str(operator.pk), own.session_id)
    assert row.acting_reason == "ticket 7"
    assert (row.end_reason, row.ended_via) == (Reason.SIGNED_OUT, Via.API)
    assert row.ended_by_name == "alice"


def test_only_a_token_that_acts_can_stop_acting(desk):
    """The operator's own sign-in is not meant."""
    assert desk.delete(URL).status_code == 404
    assert Client().delete(URL).status_code == 401


def test_it_lasts_a_quarter_of_an_hour_by_default(started):
    """The operator must ask for more."""
    claims = forge.claims_of(started.raw)
    assert claims["exp"] - claims["iat"] == 900


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"minutes": 61}, "minutes"),
        ({"minutes": 0}, "minutes"),
        ({"minutes": "soon"}, "minutes"),
        ({"reason": ""}, "reason"),
        ({"reason": " "}, "reason"),
        ({"reason": "x" * 256}, "reason"),
        ({"user": "999999"}, "user"),
        ({"user": "anna"}, "user"),
        ({"user": "9" * 80}, "user"),
        ({"user": "1\x00"}, "user"),
        ({"user": None}, "user"),
    ],
)
def test_what_is_wrong_with_a_body_is_said(desk, user, body, field):
    """Each is 400 with the field's name, and no row."""
    answer = post(desk, user, **body)
    assert answer.status_code == 400
    assert list(answer.json()) == [field]
    assert not LoginSession.objects.filter(kind=Kind.ACTING).exists()


def test_python_code_is_told_what_it_did_wrong(operator, own, user):
    """Another lifetime, no reason, and a sign-in that is not the operator's."""
    sid = str(own.session_id)
    with pytest.raises(ValueError, match="at most 1 hour"):
        acting.start(operator, user, "why", sid=sid, lifetime=timedelta(minutes=61))
    for reason in ("", " ", "x" * 256):
        with pytest.raises(ValueError, match="1 to 255"):
            acting.start(operator, user, reason, sid=sid)
    theirs = sessions.start(user).session_id
    for other in (str(theirs), "no sid", forge.SID):
        assert reason_of(acting.start, operator, user, "why", sid=other) == "session_ended"


@pytest.mark.django_db(transaction=True)
def test_the_async_twin_does_the_same(operator, own, user):
    """See start()."""
    raw = async_to_sync(acting.astart)(operator, user, "why", sid=own.session_id.hex).raw
    assert sessions.authenticate(raw)[0] == user


# --- who may act for whom


def grant(user, codename):
    user.user_permissions.add(permission(codename))


def join(user, codename):
    group = Group.objects.create(name=codename)
    group.permissions.add(permission(codename))
    user.groups.add(group)


def promote(user, **flags):
    User.objects.filter(pk=user.pk).update(**flags)


def nothing(user):
    pass


REFUSED = {
    "without the permission": (lambda one: one.user_permissions.clear(), nothing),
    "staff without it": (
        lambda one: (one.user_permissions.clear(), promote(one, is_staff=True)),
        nothing,
    ),
    "for a superuser": (nothing, lambda one: promote(one, is_superuser=True)),
    "a superuser for a superuser": (
        lambda one: promote(one, is_superuser=True),
        lambda one: promote(one, is_superuser=True),
    ),
    "for staff, who are not": (nothing, lambda one: promote(one, is_staff=True)),
    "for a user with a permission more": (nothing, lambda one: grant(one, "change_user")),
    "for a member of a group with one more": (nothing, lambda one: join(one, "change_user")),
    "staff for staff with one more": (
        lambda one: promote(one, is_staff=True),
        lambda one: (promote(one, is_staff=True), grant(one, "change_user")),
    ),
    "for an inactive user": (nothing, lambda one: promote(one, is_active=False)),
}
ALLOWED = {
    "for a customer": (nothing, nothing),
    "for one who may do the same": (nothing, lambda one: grant(one, "impersonate_user")),
    "staff for staff": (
        lambda one: promote(one, is_staff=True),
        lambda one: promote(one, is_staff=True),
    ),
    "with all the other's permissions and one more": (
        lambda one: (grant(one, "change_user"), grant(one, "view_user")),
        lambda one: join(one, "change_user"),
    ),
    "a member of the group of support": (
        lambda one: (one.user_permissions.clear(), join(one, "impersonate_user")),
        nothing,
    ),
    "a superuser for staff": (
        lambda one: promote(one, is_superuser=True),
        lambda one: (promote(one, is_staff=True), grant(one, "change_user")),
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_who_may_not_act_for_whom(desk, operator, user, case):
    """403 with one reason, and a sentence; nothing is written."""
    of_operator, of_user = REFUSED[case]
    of_operator(operator)
    of_user(user)

    answer = post(desk, user)

    assert answer.status_code == 403
    assert answer.json()["reason"] == "acting_refused"
    assert not LoginSession.objects.filter(kind=Kind.ACTING).exists()


@pytest.mark.parametrize("case", ALLOWED)
def test_who_may_act_for_whom(desk, operator, user, case):
    """Each permission of the user is one of the operator's."""
    of_operator, of_user = ALLOWED[case]
    of_operator(operator)
    of_user(user)

    answer = post(desk, user)

    assert answer.status_code == 201
    assert is_accepted(answer.json()["access"])


def test_nobody_acts_for_themselves(desk, operator):
    """Not even with the permission."""
    answer = post(desk, operator)
    assert (answer.status_code, answer.json()["reason"]) == (403, "acting_refused")
    assert answer.json()["detail"] == "You cannot act for yourself."


def test_without_the_permission_nothing_is_said_about_users(user, other_user):
    """Somebody without it learns neither who there is nor what was wrong with the body."""
    stranger = Client().with_token(sessions.start(other_user).access)
    for body in ({"user": str(user.pk)}, {"user": "999"}, {"minutes": 99}):
        assert stranger.post(URL, body).json()["reason"] == "acting_refused"


def scopes_of(user, request):
    return {"alice": "a b", "anna": "a", "bert": "c"}[user.username] + " jwtauth:manage"


def test_scopes_count_as_rights(settings, operator, user, other_user):
    """A user with a scope that the operator lacks is out of reach; a narrow token stays narrow."""
    settings.JWTAUTH = {"HOOKS": {"SCOPES": f"{__name__}.scopes_of"}}
    wide = Client().with_token(
        sessions.start(operator, claims={"scope": "a jwtauth:manage"}).access
    )
    narrow = Client().with_token(
        sessions.start(operator, claims={"scope": "b jwtauth:manage"}).access
    )
    readonly = Client().with_token(sessions.start(operator, claims={"scope": "a"}).access)

    given = post(wide, user).json()["access"]
    assert forge.claims_of(given)["scope"] == "a jwtauth:manage"
    assert forge.claims_of(post(narrow, user).json()["access"])["scope"] == "jwtauth:manage"
    assert post(wide, other_user).json()["reason"] == "acting_refused"
    assert post(readonly, user).json()["reason"] == "insufficient_scope"


# --- with which token an operator asks


def test_what_an_operator_must_not_ask_with(started, operator, own, user, other_user, settings):
    """An API token, the token of somebody acting, a one-time token, a refresh token, no token."""
    promote(operator, is_superuser=True)
    grant(user, "impersonate_user")
    answers = {
        name: post(Client().with_token(raw), other_user)
        for name, raw in {
            "API token": api_tokens.create(operator, "script").raw,
            "chained": started.raw,
            "one-time": one_time.create(operator, "download"),
            "refresh": own.refresh,
        }.items()
    }
    found = {name: (one.status_code, one.json()["reason"]) for name, one in answers.items()}
    assert found == {
        "API token": (403, "insufficient_user_authentication"),
        "chained": (403, "insufficient_user_authentication"),
        "one-time": (401, "wrong_type"),
        "refresh": (401, "wrong_type"),
    }
    assert post(Client(), other_user).status_code == 401


def test_a_forced_authentication_has_no_sign_in_to_act_from(operator, user):
    """In a project's test, there is no token, or one without a sign-in."""
    client = Client()
    client.force_authenticate(operator, token={"sub": str(operator.pk)})
    assert post(client, user).json()["reason"] == "not_authenticated"


def test_an_old_sign_in_must_be_renewed_where_the_project_says_so(settings, desk, user):
    """RECENT_SIGN_IN applies as to the ending of sign-ins."""
    settings.JWTAUTH = {"RECENT_SIGN_IN": {"header": timedelta(seconds=5)}}
    with time_machine.travel(time.time() + 60, tick=False):
        assert post(desk, user).json()["reason"] == "insufficient_user_authentication"


def test_it_is_throttled(settings, desk, user):
    """By operator; the answer says when to try again."""
    settings.JWTAUTH = {"THROTTLES": {"RATES": {"acting": "2/hour"}}}
    codes = [post(desk, user).status_code for _ in range(3)]
    assert codes == [201, 201, 429]


# --- what a token of somebody acting must not do


def test_what_a_person_may_do_somebody_acting_may_not(started, operator, user, pair):
    """No API tokens, no one-time tokens, no sign-ins listed, renamed or ended, no introspection."""
    promote(operator, is_staff=True)
    promote(user, is_staff=True)
    grant(user, "view_loginsession")
    acted = Client().with_token(started.raw)
    sid = pair.session_id.hex
    for method, url, body in (
        ("post", "/api/api-tokens/", {"name": "mine"}),
        ("get", "/api/api-tokens/", None),
        ("post", "/api/one-time-tokens/", {"purpose": "download"}),
        ("get", "/api/sessions/", None),
        ("delete", "/api/sessions/", None),
        ("patch", f"/api/sessions/{sid}/", {"name": "x"}),
        ("delete", f"/api/sessions/{sid}/", None),
    ):
        answer = getattr(acted, method)(url, body)
        assert answer.status_code == 403, url
        assert answer.json()["reason"] == "insufficient_user_authentication"
    assert acted.post("/oauth/introspect/", {"token": pair.access}).status_code == 401


def test_it_cannot_be_refreshed_and_starts_nothing(started):
    """There is one token, and it is no refresh token."""
    assert Client().refresh(started.raw).json()["reason"] == "wrong_type"


def test_a_service_without_the_database_refuses_it(started):
    """It could not see that it was ended. A subclass may accept it."""
    request = APIRequestFactory().get("/", HTTP_AUTHORIZATION=f"Bearer {started.raw}")
    with pytest.raises(AuthenticationFailed) as caught:
        JWTStatelessUserAuthentication().authenticate(request)
    assert caught.value.detail["reason"] == "wrong_type"

    class Accepting(JWTStatelessUserAuthentication):
        accepts_acting_tokens = True

    assert Accepting().authenticate(request)[1]["act"]


def test_introspection_names_the_operator(started, operator):
    """RFC 8693, 4.1: for a service that asks."""
    promote(operator, is_staff=True)
    grant(operator, "view_loginsession")
    asking = Client().with_token(sessions.start(operator).access)
    body = asking.post(
        "/oauth/introspect/",
        f"token={started.raw}",
        content_type="application/x-www-form-urlencoded",
    )
    assert body.json()["act"] == {"sub": str(operator.pk)}


@pytest.mark.django_db(transaction=True)
def test_it_is_no_sign_in_of_the_user(settings, operator, own, user, pair):
    """It ends no other one by MAX_SESSIONS_PER_USER, and last_login stays."""
    settings.JWTAUTH = {"MAX_SESSIONS_PER_USER": 1}
    heard = []

    def hear(session, **arguments):
        heard.append(session.kind)

    signals.session_started.connect(hear)
    before = User.objects.get(pk=user.pk).last_login
    raw = acting.start(operator, user, "why", sid=own.session_id.hex).raw
    assert heard == []
    assert User.objects.get(pk=user.pk).last_login == before
    assert is_accepted(pair.access)

    sessions.start(user)
    assert heard == [Kind.SIGN_IN]
    assert is_accepted(raw)


@pytest.mark.parametrize("claims", [{"act": {"sub": "1"}}, {"parent_sid": forge.SID}])
def test_nobody_else_sets_the_claim(user, claims):
    """Neither claims= nor a hook."""
    with pytest.raises(ValueError, match="may not set"):
        sessions.start(user, claims=claims)


@pytest.mark.parametrize(
    "change",
    [
        {"act": "7"},
        {"act": {}},
        {"act": {"sub": 7}},
        {"act": []},
        {"parent_sid": "x"},
        {"parent_sid": None},
        {"act": {"sub": "999"}},
    ],
)
def test_a_token_that_names_no_operator_is_refused(started, change):
    """As an earlier version of a project may have issued it, by a claim of its own."""
    raw = forge.altered(started.raw, **change)
    assert reason_of(sessions.authenticate, raw) == "acting_ended"


# --- what ends it


def sign_out(operator, own):
    Client().blacklist(refresh=own.refresh)


def sign_out_elsewhere(operator, own):
    other = Client().with_token(sessions.start(operator).access)
    assert other.delete("/api/sessions/").status_code == 204


def end_one(operator, own):
    sessions.end(own.session_id)


def end_everything(operator, own):
    revocation.end(revocation.of_user(operator), acting_cause())


def acting_cause():
    return Cause(Reason.COMPROMISED, Via.ADMIN)


def reuse(operator, own):
    with time_machine.travel(time.time() - 300):
        newer = sessions.refresh(own.refresh).refresh
        sessions.refresh(newer)
    with pytest.raises(exceptions.RefreshTokenReused):
        sessions.refresh(own.refresh)


ENDS = {
    "signed out": sign_out,
    "signed out elsewhere": sign_out_elsewhere,
    "ended by id": end_one,
    "all ended by the desk": end_everything,
    "queryset": lambda operator, own: LoginSession.objects.filter(user=operator).end(),
    "an UPDATE by hand": lambda operator, own: LoginSession.objects.filter(
        pk=own.session_id
    ).update(ended_at=timezone.now()),
    "deactivated": lambda operator, own: deactivate(operator),
    "deactivated by an UPDATE": lambda operator, own: promote(operator, is_active=False),
    "password changed": lambda operator, own: change_password(operator),
    "password changed by an UPDATE": lambda operator, own: promote(operator, password="!x"),
    "deleted": lambda operator, own: operator.delete(),
    "reused": reuse,
}


@pytest.mark.parametrize("way", ENDS)
def test_it_ends_with_the_operators_own_sign_in(started, operator, own, user, pair, way):
    """By whatever way: at the next request, with the cause in its row, and the user unharmed."""
    assert is_accepted(started.raw)

    ENDS[way](operator, own)

    answer = Client().with_token(started.raw).get("/api/me/")
    assert (answer.status_code, answer.json()["reason"]) == (401, "acting_ended")
    assert reason_of(sessions.verify, started.raw) in ("acting_ended", "session_ended")
    row = LoginSession.objects.get(pk=started.session.pk)
    assert (row.end_reason, row.ended_via) == (Reason.ACTING_ENDED, Via.OPERATOR)
    assert is_accepted(pair.access)
    # It never comes back, whatever happens to the operator.
    User.objects.filter(username="alice").update(is_active=True)
    LoginSession.objects.filter(pk=own.session_id).update(ended_at=None)
    assert not is_accepted(started.raw)


USER_ENDS = {
    "ended by the user": lambda user, pair, row: (
        Client().with_token(pair.access).delete(f"/api/sessions/{row.sid}/")
    ),
    "all others ended by the user": lambda user, pair, row: (
        Client().with_token(pair.access).delete("/api/sessions/")
    ),
    "ended by the desk": lambda user, pair, row: sessions.end(row.sid),
    "user deactivated": lambda user, pair, row: deactivate(user),
    "user's password changed": lambda user, pair, row: change_password(user),
    "user deleted": lambda user, pair, row: user.delete(),
}


@pytest.mark.parametrize("way", USER_ENDS)
def test_it_ends_by_the_users_hand(started, user, pair, own, way):
    """And with everything that ends the user's sign-ins; the operator stays signed in."""
    USER_ENDS[way](user, pair, started.session)
    assert not is_accepted(started.raw)
    assert LoginSession.objects.get(pk=started.session.pk).ended_at
    assert is_accepted(own.access)


def test_signing_out_with_its_token_ends_it(started, own):
    """At the usual endpoint; the record says who did it."""
    Client().blacklist(token=started.raw)
    row = LoginSession.objects.get(pk=started.session.pk)
    assert row.ended_at
    assert row.ended_by_name == "alice"
    assert is_accepted(own.access)


def test_an_operator_of_the_desk_ends_it_by_its_jti(started):
    """It has one token, so its row ends with it."""
    jti = forge.claims_of(started.raw)["jti"]
    assert revocation.ends_sign_in(jti)
    revocation.refuse(jti, acting_cause())
    assert not is_accepted(started.raw)
    assert LoginSession.objects.get(pk=started.session.pk).ended_at
    assert BlacklistedToken.objects.get().jti == jti


def test_it_expires_and_never_outlives_the_operators_sign_in(operator, own, user):
    """After the minutes that were asked for, or earlier."""
    LoginSession.objects.filter(pk=own.session_id).update(
        expires_at=timezone.now() + timedelta(minutes=3)
    )
    new = acting.start(operator, user, "why", sid=own.session_id.hex)
    assert forge.claims_of(new.raw)["exp"] - time.time() <= 180
    with time_machine.travel(time.time() + 181):
        assert reason_of(sessions.authenticate, new.raw) == "expired"
        assert reason_of(acting.start, operator, user, "why", sid=own.session_id.hex) == (
            "session_ended"
        )


def test_from_a_sign_in_that_is_over_nobody_acts(operator, own, user):
    """Though code may still hold its claims."""
    promote(operator, password="!x")
    assert reason_of(acting.start, operator, user, "w", sid=own.session_id.hex) == "acting_ended"
    sessions.end(own.session_id)
    assert reason_of(acting.start, operator, user, "w", sid=own.session_id.hex) == "session_ended"


def test_the_sweep_ends_what_no_request_will_use(started, own):
    """So that no list shows it as live."""
    assert sweep() == 0
    sessions.end(own.session_id)
    assert sweep() == 1
    assert LoginSession.objects.get(pk=started.session.pk).ended_via == Via.OPERATOR


# --- who sees it


def test_the_user_sees_who_acts_and_not_why(started, pair, operator, own):
    """As long as the operator can act; the reason is for the record."""
    client = Client().with_token(pair.access)
    found = {one["id"]: one["actor"] for one in client.get("/api/sessions/").json()}
    assert found == {started.session.sid: "alice", pair.session_id.hex: None}
    assert "ticket 7" not in client.get("/api/sessions/").content.decode()
    assert client.patch(f"/api/sessions/{started.session.sid}/", {"name": "x"}).status_code == 404

    sessions.end(own.session_id)
    assert [one["actor"] for one in client.get("/api/sessions/").json()] == [None]


@pytest.mark.django_db(transaction=True)
def test_the_log_and_the_signal_name_both(operator, own, user, caplog):
    """Ids only; neither the reason nor a token."""
    heard = []

    def hear(**arguments):
        heard.append(arguments)

    signals.acting_started.connect(hear)
    with caplog.at_level(logging.INFO, "django_jwtauth"):
        new = acting.start(operator, user, "ticket 7", sid=own.session_id.hex)
    (record,) = caplog.records
    assert record.getMessage() == (
        f"User {operator.pk} acts for user {user.pk} in sign-in {new.session.sid}"
    )
    assert (record.event, record.operator, record.user) == (
        "acting_started",
        str(operator.pk),
        str(user.pk),
    )
    assert new.raw not in caplog.text
    assert new.raw not in repr(new)
    (told,) = heard
    assert (told["operator"], told["user"], told["session"]) == (operator, user, new.session)


# --- what it costs


@pytest.mark.parametrize("right", ["is_superuser", "is_staff"])
def test_a_promotion_of_the_user_does_not_promote_the_operator(started, user, right):
    """The token ends, and does not come back when the right is taken away again."""
    User.objects.filter(pk=user.pk).update(**{right: True})
    assert not is_accepted(started.raw)

    User.objects.filter(pk=user.pk).update(**{right: False})
    assert not is_accepted(started.raw)
    assert LoginSession.objects.get(pk=started.session.pk).end_reason == Reason.ACTING_ENDED


def test_staff_still_acts_for_a_user_who_becomes_staff(started, operator, user):
    User.objects.filter(pk__in=[operator.pk, user.pk]).update(is_staff=True)

    assert is_accepted(started.raw)


def test_it_costs_nothing_where_nobody_acts(pair, session, statements):
    """One statement to authenticate, one to end; a token of somebody acting takes two."""
    with statements(1):
        sessions.authenticate(pair.access)
    with statements(1):
        sessions.end(session.pk)


def test_a_token_of_somebody_acting_takes_one_statement_more(started, statements):
    """The operator's sign-in is asked for at each request."""
    with statements(2):
        sessions.authenticate(started.raw)


# --- at the same time


@pytest.mark.django_db(transaction=True)
def test_no_row_is_written_once_the_operators_sign_in_has_ended(operator, own, user):
    """Whoever starts to act waits for the transaction that ends the sign-in, and is refused."""
    if connection.vendor == "sqlite":
        pytest.skip("on SQLite a writer in a transaction keeps every other from starting")
    refused = []

    def start():
        refused.append(
            on_a_new_connection(
                lambda: reason_of(acting.start, operator, user, "why", sid=own.session_id.hex)
            )
        )

    thread = threading.Thread(target=start)
    with transaction.atomic():
        sessions.end(own.session_id)
        thread.start()
        thread.join(1)
        # It waits.
        assert thread.is_alive()
    thread.join(10)
    assert refused == ["session_ended"]
    assert not LoginSession.objects.filter(kind=Kind.ACTING).exists()


@pytest.mark.django_db(transaction=True)
def test_whoever_ends_the_sign_in_meanwhile_ends_this_too(operator, own, user, monkeypatch):
    """The row is written first; ending the operator's sign-in waits for it, and it is refused."""
    ended = []
    real = acting.lookup.lock_session

    def lock(claims):
        found = real(claims)
        thread.start()
        return found

    thread = threading.Thread(
        target=lambda: ended.append(on_a_new_connection(lambda: sessions.end(own.session_id)))
    )
    monkeypatch.setattr(acting.lookup, "lock_session", lock)
    new = acting.start(operator, user, "why", sid=own.session_id.hex)
    thread.join(10)
    assert ended == [True]
    assert reason_of(sessions.authenticate, new.raw) == "acting_ended"


@pytest.mark.django_db(transaction=True)
def test_a_body_that_comes_slowly_starts_nothing(desk, own, user):
    """The operator's token was checked before; the sign-in ended while the body was sent."""
    body = SlowBody(
        {"user": str(user.pk), "reason": "why"},
        meanwhile=lambda: sessions.end(own.session_id),
    )
    answer = desk.post(URL, **body.sent)
    assert (answer.status_code, answer.json()["reason"]) == (401, "session_ended")
    assert not LoginSession.objects.filter(kind=Kind.ACTING).exists()
