import json
from datetime import datetime, timedelta, timezone
from itertools import product

import pytest
import time_machine
from asgiref.sync import async_to_sync
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User
from django.db import (
    DatabaseError,
    InterfaceError,
    InternalError,
    OperationalError,
    connection,
    connections,
    transaction,
)
from django.db.models import F
from django.db.models.signals import pre_save
from django.http import JsonResponse
from django.test import AsyncClient
from django.urls import include, path, reverse
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from rest_framework.authentication import BaseAuthentication
from rest_framework.metadata import BaseMetadata
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.permissions import BasePermission
from rest_framework.renderers import BaseRenderer
from rest_framework.response import Response
from rest_framework.test import APIClient
from rest_framework.versioning import (
    AcceptHeaderVersioning,
    HostNameVersioning,
    NamespaceVersioning,
    URLPathVersioning,
)
from rest_framework.views import APIView, exception_handler

from django_jwtauth import sessions
from django_jwtauth.conf import get_settings
from django_jwtauth.contrib.simplejwt import serializers as simplejwt
from django_jwtauth.contrib.simplejwt.views import TokenObtainPairView as LegacyObtainView
from django_jwtauth.exceptions import SignInRefused
from django_jwtauth.models import BlacklistedToken, LoginSession
from django_jwtauth.serializers import TokenObtainPairSerializer
from django_jwtauth.views import MAX_LISTED_SESSIONS, TokenObtainPairView
from tests import forge
from tests.conftest import PASSWORD
from tests.racing import on_a_new_connection
from tests.refusals import REFUSALS, REFUSED, UNVERIFIED

START = datetime(2027, 1, 15, 8, 0, 0, tzinfo=timezone.utc)
NO_TOKEN = 'Bearer realm="api"'
BAD_TOKEN = 'Bearer realm="api", error="invalid_token"'
REQUIRED = ["This field is required."]
UNTHROTTLED = {
    "THROTTLES": {"RATES": {"address": None, "account": None, "account_everywhere": None}}
}


class ByAddress(ModelBackend):
    """Knows users by the address, under whichever name it comes."""

    def authenticate(self, request, username=None, password=None, **kwargs):
        user = User.objects.filter(email=username).first()
        return user if user and user.check_password(password) else None


class ByAddressField(ModelBackend):
    def authenticate(self, request, email=None, password=None):
        return ByAddress.authenticate(self, request, email, password)


class AddressSerializer(TokenObtainPairSerializer):
    username_field = "email"


class AddressPropertySerializer(TokenObtainPairSerializer):
    @property
    def username_field(self):
        return "email"


class LegacyAddressSerializer(simplejwt.TokenObtainPairSerializer):
    username_field = "email"


class CarelessRefreshView(APIView):
    """Lets the refusal escape, so that DRF rolls the request's transaction back."""

    authentication_classes = permission_classes = ()

    def post(self, request):
        sessions.refresh(request.data["refresh"])


urlpatterns = [
    path("api/", include("django_jwtauth.urls")),
    path("careless/", CarelessRefreshView.as_view()),
    path("browser/", include("django_jwtauth.urls.browser")),
    path("portal/", include("django_jwtauth.urls.portal")),
]


def refusing_hook(user, request):
    raise SignInRefused("Send the code as well")


def proof_hook(user, request):
    return {"amr": ["pwd", "otp"], "auth_time": 1764000000}


def scope_hook(user, request):
    return {"scope": "read write", "amr": ["pwd"]}


def assert_401(answer, body, challenge=BAD_TOKEN):
    assert answer.status_code == 401
    assert answer.json() == body
    assert answer["WWW-Authenticate"] == challenge
    assert answer["Cache-Control"] == "no-store"


# --- token/


def test_a_sign_in_gives_a_pair(api, user):
    """The five fields, not to be cached, and the tokens are good."""
    answer = api.obtain()

    assert answer.status_code == 200
    assert answer["Cache-Control"] == "no-store"
    assert answer["Content-Type"] == "application/json"
    body = answer.json()
    assert {name: body[name] for name in ("token_type", "expires_in", "refresh_expires_in")} == {
        "token_type": "Bearer",
        "expires_in": 300,
        "refresh_expires_in": 604800,
    }
    assert body.keys() - {"token_type", "expires_in", "refresh_expires_in"} == {"access", "refresh"}
    assert api.protected(body["access"]).json() == {"user": "anna"}
    assert api.refresh(body["refresh"]).status_code == 200


@pytest.mark.parametrize("how", ["json", "form", "multipart"])
def test_json_and_forms_are_read(api, user, how):
    """Whatever a client of simplejwt sends."""
    body = {"username": "anna", "password": PASSWORD}
    if how == "form":
        url = reverse("token_obtain_pair")
        answer = api.post(
            url,
            "username=anna&password=correct+horse%20battery+staple",
            content_type="application/x-www-form-urlencoded",
        )
    else:
        answer = api.post(reverse("token_obtain_pair"), body, format=how)

    assert answer.status_code == 200


def test_a_sign_in_remembers_the_device(api, user):
    """Address and user agent are those of the request."""
    api.obtain(REMOTE_ADDR="192.0.2.7", HTTP_USER_AGENT="Browser\x00 1.0")

    row = LoginSession.objects.get()
    assert (row.ip_address, row.user_agent) == ("192.0.2.7", "Browser 1.0")


@pytest.mark.parametrize(
    ("username", "password", "active"),
    [
        ("anna", "wrong", True),
        ("nobody", PASSWORD, True),
        ("anna", PASSWORD, False),
        ("anna", f" {PASSWORD}", True),
        ("anna", f"{PASSWORD} ", True),
        ("%", "%", True),
        ("' OR 1=1 --", "x", True),
    ],
)
def test_wrong_credentials_are_one_answer(api, user, username, password, active):
    """Which of name, password and activity is wrong is not told; no token, no error= either."""
    User.objects.update(is_active=active)

    assert_401(
        api.obtain(username, password),
        {
            "detail": "No active account found with the given credentials",
            "code": "no_active_account",
            "reason": "invalid_credentials",
        },
        NO_TOKEN,
    )
    assert not LoginSession.objects.exists()


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, {"username": REQUIRED, "password": REQUIRED}),
        ({"username": "anna"}, {"password": REQUIRED}),
        ({"username": "anna", "password": ""}, {"password": ["This field may not be blank."]}),
        ({"username": None, "password": "x"}, {"username": ["This field may not be null."]}),
        (
            {"username": "a\0", "password": "x"},
            {"username": ["Null characters are not allowed."]},
        ),
        (
            ["anna"],
            {"non_field_errors": ["Invalid data. Expected a dictionary, but got list."]},
        ),
    ],
)
def test_a_body_that_is_no_sign_in_is_a_400(api, db, body, expected, statements):
    """As in simplejwt, field by field, without a query."""
    with statements(0):
        answer = api.post(reverse("token_obtain_pair"), body)

    assert (answer.status_code, answer.json()) == (400, expected)


def test_a_long_password_is_refused_before_it_is_hashed(api, user, statements):
    """It costs no hash and no query."""
    with statements(0):
        answer = api.obtain(password="x" * 50_000)

    assert answer.status_code == 400
    assert answer.json() == {"password": ["Ensure this field has no more than 4096 characters."]}


def test_the_policy_of_the_project_may_refuse(api, user, settings):
    """HOOKS["SIGN_IN"]: the password was right, another step is needed."""
    settings.JWTAUTH = {"HOOKS": {"SIGN_IN": "tests.test_views.refusing_hook"}}

    assert_401(
        api.obtain(),
        {
            "detail": "Send the code as well",
            "code": "sign_in_refused",
            "reason": "sign_in_refused",
        },
        NO_TOKEN,
    )
    assert not LoginSession.objects.exists()


@pytest.mark.parametrize("format", ["json", "multipart"])
def test_a_second_factor_comes_in_the_same_body(api, user, settings, format):
    """Asked for by a stable reason that names the field; good in JSON and in forms."""
    settings.JWTAUTH = {"HOOKS": {"SIGN_IN": "tests.test_credentials.asking_hook"}}
    body = {"username": "anna", "password": PASSWORD}
    url = reverse("token_obtain_pair")
    asked = {
        "detail": "Signing in needs a second factor",
        "code": "mfa_required",
        "reason": "mfa_required",
        "methods": ["otp"],
    }

    assert_401(api.post(url, body, format=format), asked, NO_TOKEN)
    assert not LoginSession.objects.exists()
    answer = api.post(url, {**body, "otp": "012345"}, format=format)
    assert answer.status_code == 200
    assert forge.claims_of(answer.json()["access"])["saw"] == "012345"
    wrong = api.post(url, {**body, "password": "x", "otp": "012345"}, format=format)
    assert wrong.json()["reason"] == "invalid_credentials"


def test_amr_and_auth_time_of_the_policy_are_carried(api, user, settings):
    """Through every refresh; a hook that would say more by then is not asked."""
    settings.JWTAUTH = {"HOOKS": {"SIGN_IN": "tests.test_views.proof_hook"}}
    answer = api.obtain().json()
    settings.JWTAUTH = {"HOOKS": {"SIGN_IN": "tests.test_views.refusing_hook"}}
    for _ in range(3):
        answer = api.refresh(answer["refresh"]).json()

    claims = forge.claims_of(answer["access"])
    assert (claims["amr"], claims["auth_time"]) == (["pwd", "otp"], 1764000000)


def test_the_claims_of_the_policy_stay_with_the_sign_in(api, user, settings):
    """scope and amr of HOOKS["SIGN_IN"] are in every later access token."""
    settings.JWTAUTH = {"HOOKS": {"SIGN_IN": "tests.test_views.scope_hook"}}
    first = api.obtain().json()
    settings.JWTAUTH = {}
    second = api.refresh(first["refresh"]).json()

    for answer in first, second:
        claims = forge.claims_of(answer["access"])
        assert (claims["scope"], claims["amr"]) == ("read write", ["pwd"])
    me = api.with_token(second["access"]).get(reverse("jwtauth_me")).json()
    assert me["scopes"] == ["read", "write"]


def test_too_many_attempts_are_told_to_wait(api, user, settings):
    """429 with Retry-After, in the same shape as every refusal."""
    settings.JWTAUTH = {"THROTTLES": {"RATES": {"address": "1/min"}}}
    assert api.obtain(password="wrong").status_code == 401

    answer = api.obtain(password="wrong")

    assert answer.status_code == 429
    assert answer.json() == {
        "detail": "Too many attempts, try again later",
        "code": "throttled",
        "reason": "throttled",
    }
    assert 1 <= int(answer["Retry-After"]) <= 61
    assert "WWW-Authenticate" not in answer


# --- token/refresh/


def test_a_refresh_gives_the_next_pair(api, pair):
    """The same fields as a sign-in."""
    answer = api.refresh(pair.refresh)

    assert answer.status_code == 200
    assert answer["Cache-Control"] == "no-store"
    body = answer.json()
    assert body.keys() == {"access", "refresh", "token_type", "expires_in", "refresh_expires_in"}
    assert body["refresh"] != pair.refresh
    assert api.protected(body["access"]).status_code == 200


def test_a_lost_answer_is_the_same_answer(api, pair):
    """Byte for byte in its refresh token."""
    first, again = (api.refresh(pair.refresh).json() for _ in range(2))

    assert first["refresh"] == again["refresh"]
    assert api.protected(first["access"]).status_code == 200
    assert api.protected(again["access"]).status_code == 200


def test_without_rotation_the_answer_has_no_refresh_token(api, pair, settings):
    """As clients of simplejwt's default expect."""
    settings.JWTAUTH = {"ROTATE_REFRESH_TOKENS": False}

    body = api.refresh(pair.refresh).json()

    assert body.keys() == {"access", "token_type", "expires_in", "refresh_expires_in"}
    assert api.refresh(pair.refresh).status_code == 200


# simplejwt has a sentence of its own where a refresh finds no active user.
NO_ACCOUNT = "No active account found for the given token."


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_a_bad_refresh_token_is_refused_exactly_so(api, pair, refusal):
    """Status, detail, code, reason and WWW-Authenticate, row by row."""
    expected = dict(refusal.body)
    if refusal.reason in ("user_not_found", "user_inactive"):
        expected.update(detail=NO_ACCOUNT, code="no_active_account")

    assert_401(api.refresh(refusal.make(pair.refresh)), expected)


def test_an_access_token_does_not_refresh(api, pair):
    """It is of the wrong type."""
    assert_401(
        api.refresh(pair.access),
        {"detail": "Token has wrong type", "code": "token_not_valid", "reason": "wrong_type"},
    )


def test_reuse_is_refused_and_ends_the_sign_in(api, pair):
    """Once told reused, then the sign-in has ended for every token of it."""
    second = api.refresh(pair.refresh).json()
    third = api.refresh(second["refresh"]).json()

    blacklisted = {"detail": "Token is blacklisted", "code": "token_not_valid"}
    assert_401(api.refresh(pair.refresh), {**blacklisted, "reason": "reused"})
    for raw in (pair.refresh, second["refresh"], third["refresh"]):
        assert_401(api.refresh(raw), {**blacklisted, "reason": "session_ended"})
    assert api.protected(third["access"]).json()["reason"] == "session_ended"


def test_a_generation_of_the_future_is_refused(api, pair):
    """After a restore; the sign-in lives on."""
    second = api.refresh(pair.refresh).json()
    LoginSession.objects.update(generation=0)

    invalid = {"detail": "Token is invalid", "code": "token_not_valid"}
    assert_401(api.refresh(second["refresh"]), {**invalid, "reason": "generation_unknown"})
    assert_401(api.verify(second["refresh"]), {**invalid, "reason": "generation_unknown"})
    assert LoginSession.objects.get().ended_at is None


# --- token/verify/


def test_a_good_token_of_either_kind_is_told(api, pair, statements):
    """200 and nothing else; one query each."""
    for raw in (pair.access, pair.refresh):
        with statements(1):
            answer = api.verify(raw)
        assert (answer.status_code, answer.json()) == (200, {})


@pytest.mark.parametrize("kind", ["access", "refresh"])
@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_a_bad_token_is_told_exactly_so(api, pair, refusal, kind):
    """Where simplejwt says 200 for a deleted user or a blacklisted token, the truth is told."""
    assert_401(api.verify(refusal.make(getattr(pair, kind))), refusal.body)


def test_a_superseded_refresh_token_is_told_and_nothing_happens(api, pair):
    """200 as long as a refresh may be repeated, then 401 reused; the sign-in goes on."""
    second = api.refresh(pair.refresh).json()

    assert api.verify(pair.refresh).status_code == 200
    LoginSession.objects.update(refreshed_at=F("refreshed_at") - timedelta(seconds=31))
    assert_401(
        api.verify(pair.refresh),
        {"detail": "Token is blacklisted", "code": "token_not_valid", "reason": "reused"},
    )
    assert api.verify(second["refresh"]).status_code == 200


# --- token/blacklist/


@pytest.mark.parametrize("field", ["refresh", "token"])
def test_signing_out_ends_the_sign_in(api, pair, field):
    """The very next request with the same access token is 401; signing out twice is 200."""
    assert api.protected(pair.access).status_code == 200
    for _ in range(2):
        answer = api.blacklist(**{field: pair.refresh})
        assert (answer.status_code, answer.json()) == (200, {})

    assert api.protected(pair.access).json()["reason"] == "session_ended"
    assert api.refresh(pair.refresh).json()["reason"] == "session_ended"
    row = LoginSession.objects.get()
    assert (row.end_reason, row.ended_via, row.ended_by_name) == ("signed_out", "api", "anna")
    row = BlacklistedToken.objects.get()
    assert (row.reason, row.via, row.blacklisted_by_name) == ("signed_out", "api", "anna")


def test_an_access_token_can_be_blacklisted_alone(api, pair):
    """As token, not as refresh; the sign-in goes on."""
    assert_401(
        api.blacklist(refresh=pair.access),
        {"detail": "Token has wrong type", "code": "token_not_valid", "reason": "wrong_type"},
    )
    assert api.protected(pair.access).status_code == 200

    for _ in range(2):
        assert api.blacklist(token=pair.access).status_code == 200
    assert api.protected(pair.access).json()["reason"] == "blacklisted"
    assert api.refresh(pair.refresh).status_code == 200


def test_of_two_tokens_the_refresh_token_counts(api, pair):
    """It ends the sign-in, and so the other as well."""
    assert api.blacklist(refresh=pair.refresh, token="nonsense").status_code == 200
    assert api.protected(pair.access).status_code == 401


@pytest.mark.parametrize("field", ["refresh", "token"])
@pytest.mark.parametrize("refusal", UNVERIFIED.values(), ids=UNVERIFIED)
def test_what_cannot_be_verified_cannot_be_blacklisted(api, pair, refusal, field, statements):
    """401, no query and no row; but an expired token still signs out."""
    raw = refusal.make(pair.refresh)
    if refusal.reason == "expired":
        assert api.blacklist(**{field: raw}).status_code == 200
        return

    with statements(0):
        assert_401(api.blacklist(**{field: raw}), refusal.body)
    assert not BlacklistedToken.objects.exists()


@pytest.mark.parametrize("refusal", REFUSED.values(), ids=REFUSED)
def test_who_is_out_can_sign_out(api, pair, refusal):
    """Whatever the database says of it, an authentic token is done with: 200."""
    raw = refusal.make(pair.refresh)

    assert api.blacklist(refresh=raw).status_code == 200
    assert BlacklistedToken.objects.count() <= 1


@pytest.mark.parametrize(
    ("name", "field"),
    [("token_refresh", "refresh"), ("token_verify", "token"), ("token_blacklist", "refresh")],
)
def test_a_missing_token_is_a_400(api, db, name, field, statements):
    """As in simplejwt, without a query."""
    with statements(0):
        answer = api.post(reverse(name), {})
        blank = api.post(reverse(name), {field: ""})

    assert (answer.status_code, answer.json()) == (400, {field: REQUIRED})
    assert (blank.status_code, blank.json()) == (400, {field: ["This field may not be blank."]})


# --- me/


def test_me_is_who_the_token_says(api, user):
    """User id, user name, sign-in id, scopes and expiry."""
    with time_machine.travel(START, tick=False):
        pair = sessions.start(user, claims={"scope": "read write"})
        answer = api.with_token(pair.access).get(reverse("jwtauth_me"))

    assert answer.status_code == 200
    assert answer.json() == {
        "user_id": str(user.pk),
        "username": "anna",
        "session_id": pair.session_id.hex,
        "scopes": ["read", "write"],
        "expires_at": "2027-01-15T08:05:00Z",
    }


def test_me_costs_one_query(api, pair, statements):
    """The one that authenticates."""
    with statements(1):
        answer = api.with_token(pair.access).get(reverse("jwtauth_me"))
    assert answer.json()["scopes"] == []


OWN = [
    ("get", "jwtauth_me", ()),
    ("get", "jwtauth_session_list", ()),
    ("delete", "jwtauth_session_list", ()),
    ("patch", "jwtauth_session_detail", ("0" * 32,)),
    ("delete", "jwtauth_session_detail", ("0" * 32,)),
]


@pytest.mark.parametrize(("method", "name", "args"), OWN)
@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_own_endpoints_refuse_a_bad_token_exactly_so(api, pair, refusal, method, name, args):
    """As every view that JWTAuthentication protects."""
    api.with_token(refusal.make(pair.access))

    assert_401(getattr(api, method)(reverse(name, args=args)), refusal.request_body)


@pytest.mark.parametrize(("method", "name", "args"), OWN)
def test_own_endpoints_need_a_token(api, db, method, name, args):
    """Without one nobody is asking."""
    answer = getattr(api, method)(reverse(name, args=args))

    assert_401(answer, {"detail": "Authentication credentials were not provided."}, NO_TOKEN)


# --- sessions/


def test_the_callers_live_sign_ins_are_listed(api, user, other_user):
    """Newest first, the current one marked, nobody else's, none that is over."""
    sessions.start(other_user)
    with time_machine.travel(START, tick=False) as clock:
        expired = sessions.start(user)
        clock.shift(timedelta(days=8))
        first = sessions.start(user)
        clock.shift(timedelta(seconds=1))
        ended = sessions.start(user)
        sessions.blacklist(ended.refresh)
        clock.shift(timedelta(seconds=1))
        current = sessions.start(user)

        answer = api.with_token(current.access).get(reverse("jwtauth_session_list"))

    assert answer.status_code == 200
    assert answer["Cache-Control"] == "no-store"
    rows = answer.json()
    assert [(row["id"], row["current"]) for row in rows] == [
        (current.session_id.hex, True),
        (first.session_id.hex, False),
    ]
    assert rows[0].keys() == {
        *("id", "name", "user_agent", "ip_address", "created_at", "refreshed_at"),
        *("refreshed_ip", "refreshed_agent"),
        *("expires_at", "current", "actor"),
    }
    assert expired.session_id.hex not in answer.content.decode()


def test_the_list_has_an_end(api, user, statements):
    """Two queries, however many sign-ins there are."""
    now = datetime.now(timezone.utc)
    pair = sessions.start(user)
    LoginSession.objects.bulk_create(
        LoginSession(
            user=user,
            subject=str(user.pk),
            created_at=now - timedelta(hours=1),
            refreshed_at=now,
            expires_at=now + timedelta(days=1),
        )
        for _ in range(MAX_LISTED_SESSIONS + 5)
    )

    with statements(2):
        answer = api.with_token(pair.access).get(reverse("jwtauth_session_list"))
    assert len(answer.json()) == MAX_LISTED_SESSIONS
    assert answer.json()[0]["current"]


def detail(pair):
    return reverse("jwtauth_session_detail", args=[pair.session_id.hex])


def test_a_sign_in_can_be_renamed(api, user):
    """The name alone, of the current one or another; a refresh meanwhile is not undone."""
    other = sessions.start(user)
    pair = sessions.start(user)
    api.with_token(pair.access)
    before = LoginSession.objects.values().get(pk=other.session_id)

    answer = api.patch(detail(other), {"name": "Phone 📱", "user_agent": "x", "expires_at": None})

    assert answer.status_code == 200
    assert (answer.json()["name"], answer.json()["current"]) == ("Phone 📱", False)
    after = LoginSession.objects.values().get(pk=other.session_id)
    assert after == {**before, "name": "Phone 📱"}
    assert api.patch(detail(pair), {"name": "Here"}).json()["current"] is True
    assert api.patch(detail(other), {"name": ""}).json()["name"] == ""
    assert api.patch(detail(other), {}).json()["name"] == ""


def test_renaming_undoes_no_refresh_meanwhile(api, user):
    """One column is written: the row may have moved since it was read."""
    pair = sessions.start(user)

    def refresh(sender, **kwargs):
        LoginSession.objects.update(generation=7)

    pre_save.connect(refresh, sender=LoginSession)
    try:
        answer = api.with_token(pair.access).patch(detail(pair), {"name": "phone"})
    finally:
        pre_save.disconnect(refresh, sender=LoginSession)

    row = LoginSession.objects.get()
    assert (answer.status_code, row.name, row.generation) == (200, "phone", 7)


@pytest.mark.parametrize("name", [None, "x" * 101, "\0", ["a"], {"a": 1}, "\ud800"])
def test_a_name_that_is_none_is_a_400(api, pair, name):
    """And changes nothing."""
    body = json.dumps({"name": name})

    answer = api.with_token(pair.access).patch(detail(pair), body, content_type="application/json")

    assert answer.status_code == 400
    assert list(answer.json()) == ["name"]
    assert LoginSession.objects.get().name == ""


def test_one_sign_in_can_be_ended(api, user):
    """204, also when it has ended already; its tokens are refused at once."""
    other = sessions.start(user)
    api.with_token(sessions.start(user).access)

    for _ in range(2):
        answer = api.delete(detail(other))
        assert (answer.status_code, answer.content) == (204, b"")
    assert api.protected(other.access).json()["reason"] == "session_ended"
    row = LoginSession.objects.get(pk=other.session_id)
    assert (row.end_reason, row.ended_via, row.ended_by) == ("signed_out", "api", user)
    assert api.patch(detail(other), {"name": "x"}).status_code == 404


def test_the_current_sign_in_can_be_ended(api, pair):
    """That is a sign-out."""
    api.with_token(pair.access)

    assert api.delete(detail(pair)).status_code == 204
    assert api.delete(detail(pair)).status_code == 401


def test_nobody_elses_sign_in_is_there(api, pair, other_user):
    """404 for another's and for none at all, without a difference."""
    foreign = sessions.start(other_user)
    api.with_token(pair.access)
    answers = []
    for sid in (foreign.session_id.hex, "0" * 32):
        url = reverse("jwtauth_session_detail", args=[sid])
        answers += [api.delete(url), api.patch(url, {"name": "mine"})]

    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1
    row = LoginSession.objects.get(pk=foreign.session_id)
    assert (row.name, row.ended_at) == ("", None)


@pytest.mark.parametrize("sid", ["0" * 31, "0" * 33, "G" * 32, "A" * 32, "0" * 32 + "\n", "%00"])
def test_a_path_that_is_no_id_is_404(api, pair, sid):
    """32 hex digits in lower case, nothing else reaches the view."""
    url = f"{reverse('jwtauth_session_list')}{sid.replace(chr(10), '%0A')}/"

    assert api.with_token(pair.access).delete(url).status_code == 404


def test_all_other_sign_ins_can_be_ended(api, user, other_user):
    """All but the current one, of the caller, again and again."""
    others = [sessions.start(user) for _ in range(3)]
    foreign = sessions.start(other_user)
    current = sessions.start(user)
    api.with_token(current.access)

    for _ in range(2):
        answer = api.delete(reverse("jwtauth_session_list"))
        assert (answer.status_code, answer.content) == (204, b"")

    for pair in others:
        assert api.protected(pair.access).json()["reason"] == "session_ended"
    for pair in (current, foreign):
        assert api.protected(pair.access).status_code == 200
    assert set(
        LoginSession.objects.exclude(ended_at=None).values_list("ended_by_name", "ended_via")
    ) == {("anna", "api")}


# --- methods, formats, caching

POSTS = ["token_obtain_pair", "token_refresh", "token_verify", "token_blacklist"]


@pytest.mark.parametrize("name", POSTS)
@pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
def test_tokens_are_posted(api, db, name, method):
    """405 as in simplejwt, and never a state change by GET."""
    answer = getattr(api, method)(reverse(name))

    assert answer.status_code == 405
    assert answer.json() == {"detail": f'Method "{method.upper()}" not allowed.'}


@pytest.mark.parametrize("name", POSTS)
def test_other_media_types_are_415(api, db, name):
    """Plain text is no body for us."""
    answer = api.post(reverse(name), "x", content_type="text/plain")

    assert answer.status_code == 415
    assert answer.json() == {"detail": 'Unsupported media type "text/plain" in request.'}


def test_json_that_is_none_is_a_400(api, db):
    """The sentence begins as in simplejwt."""
    for name in POSTS:
        answer = api.post(reverse(name), "{", content_type="application/json")
        assert answer.status_code == 400
        assert answer.json()["detail"].startswith("JSON parse error - ")


@pytest.mark.parametrize(
    "accept",
    ["text/html", "application/xml", "image/*;q=0.1", "*/*", "", ";;;", "a/b" * 5000, "\xff"],
)
@pytest.mark.parametrize("query", ["", "?format=xml", "?format=api", "?format=%00&version=9"])
def test_the_answer_is_json_whatever_is_accepted(api, user, accept, query):
    """A browser, a probe or a wrong header gets the same answer."""
    url = reverse("token_obtain_pair") + query

    answer = api.post(url, {"username": "anna", "password": PASSWORD}, HTTP_ACCEPT=accept)

    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/json"
    answer = api.with_token(answer.json()["access"]).get(
        reverse("jwtauth_me") + query, HTTP_ACCEPT=accept
    )
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/json")


def test_a_browser_session_does_not_ask_for_a_csrf_token(user):
    """No cookie is a credential here, so there is nothing to forge."""
    from tests.conftest import Client

    api = Client(enforce_csrf_checks=True)
    assert api.login(username="anna", password=PASSWORD)

    pair = api.obtain().json()
    assert api.refresh(pair["refresh"]).status_code == 200
    assert api.get(reverse("jwtauth_me")).status_code == 401


def test_options_describe_without_a_secret(api, pair):
    """A preflight or a curious client is answered."""
    for name in [*POSTS, "jwtauth_me", "jwtauth_session_list"]:
        answer = api.with_token(pair.access).options(reverse(name))
        assert answer.status_code == 200
        assert answer["Cache-Control"] == "no-store"


# --- what a project sets for its own views


class Hostile:
    def __init__(self, *args, **kwargs):
        raise AssertionError("a default of the project was used")


class HostileAuthentication(Hostile, BaseAuthentication):
    pass


class HostilePermission(Hostile, BasePermission):
    pass


class HostileParser(Hostile, BaseParser):
    pass


class HostileRenderer(Hostile, BaseRenderer):
    pass


class HostileNegotiation(Hostile, BaseContentNegotiation):
    pass


class HostileMetadata(Hostile, BaseMetadata):
    pass


class OneVersion(AcceptHeaderVersioning):
    allowed_versions = ["9"]


DEFAULTS = {
    "authentication": ("authentication_classes", [HostileAuthentication]),
    "permission": ("permission_classes", [HostilePermission]),
    "parser": ("parser_classes", [HostileParser]),
    "renderer": ("renderer_classes", [HostileRenderer]),
    "negotiation": ("content_negotiation_class", HostileNegotiation),
    "metadata": ("metadata_class", HostileMetadata),
    "version by path": ("versioning_class", URLPathVersioning),
    "version by namespace": ("versioning_class", NamespaceVersioning),
    "version by host": ("versioning_class", HostNameVersioning),
    "version by header": ("versioning_class", OneVersion),
}


@pytest.mark.parametrize(("name", "value"), DEFAULTS.values(), ids=DEFAULTS)
def test_no_default_of_the_project_breaks_the_login(api, user, monkeypatch, name, value):
    """What REST_FRAMEWORK says of other views does not reach ours: DRF reads it in APIView."""
    monkeypatch.setattr(APIView, name, value)

    pair = api.obtain().json()
    second = api.refresh(pair["refresh"]).json()
    assert api.verify(second["access"]).status_code == 200
    api.with_token(second["access"])
    assert api.get(reverse("jwtauth_me")).json()["username"] == "anna"
    assert len(api.get(reverse("jwtauth_session_list")).json()) == 1
    assert api.delete(reverse("jwtauth_session_list")).status_code == 204
    assert api.blacklist(refresh=second["refresh"]).status_code == 200
    assert api.get(reverse("jwtauth_me")).json()["reason"] == "session_ended"


def test_a_versioned_project_that_includes_the_urls_under_a_prefix_works(api, user, monkeypatch):
    """The prefix may even look like a version."""
    monkeypatch.setattr(APIView, "versioning_class", URLPathVersioning)

    assert api.obtain().status_code == 200


def test_urls_of_a_project_that_signs_in_itself(user, settings):
    """It has every endpoint but the two that would go past the rules of its own views."""
    settings.ROOT_URLCONF = type(
        "URLConf", (), {"urlpatterns": [path("api/", include("django_jwtauth.urls.sessions"))]}
    )
    pair = sessions.start(user)
    client = APIClient()
    name_and_password = {"username": "anna", "password": PASSWORD}

    assert client.post("/api/token/", name_and_password).status_code == 404
    assert client.post("/api/token/refresh/", {"refresh": pair.refresh}).status_code == 404
    assert client.post("/api/token/verify/", {"token": pair.access}).status_code == 200
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {pair.access}")
    assert client.get("/api/me/").json()["username"] == "anna"
    assert len(client.get("/api/sessions/").json()) == 1
    assert client.post("/api/token/blacklist/", {"refresh": pair.refresh}).status_code == 200
    assert client.get("/api/me/").status_code == 401


def test_overridden_settings_take_effect_at_once(api, user, settings):
    """No view, token or key remembers a setting."""
    settings.JWTAUTH = {"ACCESS_TOKEN_LIFETIME": 60, "REFRESH_TOKEN_LIFETIME": 120}
    body = api.obtain().json()
    assert (body["expires_in"], body["refresh_expires_in"]) == (60, 120)

    settings.JWTAUTH = {"AUTH_HEADER_TYPES": ["JWT"], "ISSUER": "us", "AUDIENCE": "api"}
    body = api.obtain().json()
    assert body["token_type"] == "JWT"
    claims = forge.claims_of(body["access"])
    assert (claims["iss"], claims["aud"]) == ("us", "api")
    assert api.protected(body["access"]).status_code == 401
    answer = api.with_token(body["access"], "JWT").get(reverse("jwtauth_me"))
    assert answer.status_code == 200

    settings.JWTAUTH = {"SESSION_LIFETIME": 30, "USER_ID_CLAIM": "user_id"}
    body = api.obtain().json()
    assert (body["expires_in"], body["refresh_expires_in"]) == (30, 30)
    assert forge.claims_of(body["access"])["user_id"] == str(user.pk)

    settings.JWTAUTH = {"MAX_SESSIONS_PER_USER": 1, "UPDATE_LAST_LOGIN": False}
    User.objects.update(last_login=None)
    api.obtain()
    assert LoginSession.objects.live().count() == 1
    assert User.objects.get().last_login is None


# --- a user without a token


NO_SID = "0" * 32
OWN_ENDPOINTS = [
    *(f"/{at}/{path}" for at in ("api", "browser") for path in ("me/", "sessions/")),
    *(f"/{at}/sessions/{NO_SID}/" for at in ("api", "browser")),
    *(f"/portal/{path}" for path in ("api-tokens/", "one-time-tokens/", f"api-tokens/{NO_SID}/")),
]
FORCED = {
    "no token": None,
    "an object": object(),
    "no claims": {},
    "scopes": {"scope": "read"},
    "a made-up sign-in": {"sub": "1", "sid": "x", "auth_time": 2**40},
}


@pytest.mark.urls(__name__)
@pytest.mark.parametrize("token", FORCED.values(), ids=FORCED)
@pytest.mark.parametrize("path", OWN_ENDPOINTS)
def test_force_authenticate_makes_no_500(api, user, path, token):
    """A project's tests use it: each endpoint answers or refuses, and changes nothing."""
    sessions.start(user)
    api.force_authenticate(user, token)
    body = {"name": "x", "purpose": "download"}

    for method in ("get", "post", "patch", "delete"):
        assert getattr(api, method)(path, body).status_code < 500

    assert not LoginSession.objects.exclude(kind="sign_in").live().exists()


@pytest.mark.urls(__name__)
def test_me_tells_what_it_can_without_a_token(api, user):
    """Who it is, and null for what a token would say."""
    api.force_authenticate(user)

    assert api.get("/browser/me/").json() == api.get("/api/me/").json()
    assert api.get("/api/me/").json() == {
        "user_id": str(user.pk),
        "username": "anna",
        "session_id": None,
        "scopes": [],
        "expires_at": None,
    }


# --- the exception handler of a project


def shaping(exc, context):
    """One shape for all errors, and no header."""
    response = exception_handler(exc, context)
    return Response({"error": response.data}, response.status_code)


def plain(exc, context):
    """From the exception alone, with Django's response."""
    detail = exc.detail
    text = detail["detail"] if isinstance(detail, dict) else detail
    return JsonResponse({"error": {"detail": text, "code": text.code}}, status=exc.status_code)


def absent(exc, context):
    return None


def raising(exc, context):
    raise exc


def broken(exc, context):
    raise LookupError("a bug of the project")


def wrong(exc, context):
    return {"error": str(exc)}


def make_refusals(api, user):
    """Return the answers to what may be refused, at each kind of endpoint, with their words."""
    gone = sessions.start(User.objects.create_user("gone"))
    User.objects.get(username="gone").delete()
    browser = APIClient()
    cookie = "jwtauth_refresh" if not get_settings().COOKIES.SECURE else "__Secure-jwtauth_refresh"
    browser.cookies[cookie] = "x"
    return {
        "invalid_credentials": api.obtain("anna", "wrong"),
        "malformed": api.refresh("x"),
        "bad_signature": api.verify(f"{sessions.start(user).access[:-4]}AAAA"),
        "user_not_found": api.refresh(gone.refresh),
        "of a browser": browser.post("/browser/token/refresh/"),
        "in front": api.with_token("x").get(reverse("jwtauth_me")),
        "of a link": api.post("/portal/token/one-time/", {"token": "x"}),
    }


@pytest.fixture
def handled(api, user, settings):
    """``handled(handler)``: what is refused, answered through a handler of this module."""

    def call(handler):
        settings.REST_FRAMEWORK = {"EXCEPTION_HANDLER": f"{__name__}.{handler.__name__}"}
        return make_refusals(api, user)

    return call


@pytest.mark.urls(__name__)
@pytest.mark.parametrize("handler", [shaping, plain])
def test_refusals_have_the_shape_of_the_project(handled, handler):
    """Every one; what the handler forgets stays: WWW-Authenticate belongs to a 401."""
    for what, answer in handled(handler).items():
        body = answer.json()

        assert (answer.status_code, list(body)) == (401, ["error"]), what
        assert body["error"]["detail"], what
        assert answer["WWW-Authenticate"].startswith("Bearer "), what
        assert answer["Cache-Control"] == "no-store", what


@pytest.mark.urls(__name__)
def test_a_handler_is_given_the_words_of_the_endpoint(handled):
    """The sentence that only a refresh has; the cookies that no longer work are taken back."""
    answers = handled(shaping)

    assert answers["user_not_found"].json()["error"] == {
        "detail": "No active account found for the given token.",
        "code": "no_active_account",
        "reason": "user_not_found",
    }
    assert "jwtauth_refresh" in str(answers["of a browser"].cookies)


@pytest.mark.urls(__name__)
def test_too_many_attempts_go_through_the_handler(api, user, settings):
    """With Retry-After, whatever the handler does with headers."""
    settings.REST_FRAMEWORK = {"EXCEPTION_HANDLER": f"{__name__}.plain"}
    settings.JWTAUTH = {"THROTTLES": {"RATES": {"account": "1/min"}}}

    answer = [api.obtain("anna", "wrong") for _ in range(2)][-1]

    assert (answer.status_code, answer.json()["error"]["code"]) == (429, "throttled")
    assert int(answer["Retry-After"]) > 0


@pytest.mark.urls(__name__)
@pytest.mark.parametrize("handler", [absent, raising, broken, wrong])
def test_a_handler_that_fails_makes_no_500(handled, caplog, handler):
    """Refusals are then answered as without it; the log has the class of the error."""
    for what, answer in handled(handler).items():
        assert answer.status_code == 401, what
        assert answer.json()["code"], what

    logged = {record.error for record in caplog.records if hasattr(record, "error")}
    assert logged == ({"LookupError"} if handler is broken else set())


# --- transactions


@pytest.fixture
def atomic_requests(transactional_db, monkeypatch):
    """ATOMIC_REQUESTS = True on every alias."""
    for alias in connections:
        monkeypatch.setitem(connections.settings[alias], "ATOMIC_REQUESTS", True)


def is_ended():
    return on_a_new_connection(lambda: LoginSession.objects.get().ended_at is not None)


def test_a_replay_ends_the_sign_in_for_good_under_atomic_requests(atomic_requests, user, api):
    """The refusal is written and stays: seen on a new connection."""
    pair = sessions.start(user)
    sessions.refresh(sessions.refresh(pair.refresh).refresh)

    assert api.refresh(pair.refresh).json()["reason"] == "reused"

    assert is_ended()


@pytest.mark.urls(__name__)
def test_an_escaping_refusal_is_rolled_back_as_documented(atomic_requests, user, api):
    """What sessions.refresh() warns of, and what shows that the test above can fail."""
    pair = sessions.start(user)
    sessions.refresh(sessions.refresh(pair.refresh).refresh)

    assert api.post("/careless/", {"refresh": pair.refresh}).status_code == 401

    assert not is_ended()


@pytest.mark.parametrize("change", [{"is_active": False}, {"password": "!"}])
def test_a_refused_refresh_ends_the_sign_in_under_atomic_requests(
    atomic_requests, user, api, change
):
    """A deactivated user or a changed password, too."""
    pair = sessions.start(user)
    User.objects.update(**change)

    assert api.refresh(pair.refresh).status_code == 401

    assert is_ended()


def test_an_outer_transaction_is_not_rolled_back(atomic_requests, user, api):
    """DRF's handler does that under ATOMIC_REQUESTS; a middleware may have opened one."""
    pair = sessions.start(user)
    sessions.refresh(sessions.refresh(pair.refresh).refresh)

    with transaction.atomic():
        assert api.refresh(pair.refresh).status_code == 401

    assert is_ended()


def test_no_endpoint_opens_a_transaction(atomic_requests, user, api):
    """Each first statement runs in autocommit, on all our endpoints."""
    first = sessions.start(user)
    second = sessions.start(user)
    third = sessions.start(user)
    seen = []

    def watch(execute, sql, params, many, context):
        seen.append(context["connection"].in_atomic_block)
        return execute(sql, params, many, context)

    def call(method, name, body=None, args=()):
        seen.clear()
        with connection.execute_wrapper(watch):
            answer = getattr(api, method)(reverse(name, args=args), body)
        assert answer.status_code < 300, (name, answer.content)
        assert seen[0] is False, name

    call("post", "token_obtain_pair", {"username": "anna", "password": PASSWORD})
    call("post", "token_refresh", {"refresh": first.refresh})
    call("post", "token_verify", {"token": second.refresh})
    call("post", "token_blacklist", {"token": first.access})
    api.with_token(second.access)
    call("get", "jwtauth_me")
    call("get", "jwtauth_session_list")
    call("patch", "jwtauth_session_detail", {"name": "x"}, [third.session_id.hex])
    call("delete", "jwtauth_session_detail", None, [third.session_id.hex])
    call("delete", "jwtauth_session_list")
    # The project's own views do open one.
    seen.clear()
    with connection.execute_wrapper(watch):
        assert api.get(reverse("protected")).status_code == 200
    assert seen[-1] is True


def test_a_view_opts_out_for_every_alias(db):
    """non_atomic_requests alone covers only default."""
    for pattern in urlpatterns[0].url_patterns:
        assert pattern.callback._non_atomic_requests == set(connections)


# --- the database fails

ENDPOINTS = [
    ("post", "token_obtain_pair", lambda pair: {"username": "anna", "password": PASSWORD}),
    ("post", "token_refresh", lambda pair: {"refresh": pair.refresh}),
    ("post", "token_verify", lambda pair: {"token": pair.access}),
    ("post", "token_blacklist", lambda pair: {"refresh": pair.refresh}),
    ("post", "token_blacklist", lambda pair: {"token": pair.access}),
    ("get", "jwtauth_me", lambda pair: None),
    ("get", "jwtauth_session_list", lambda pair: None),
    ("delete", "jwtauth_session_list", lambda pair: None),
    ("patch", "jwtauth_session_detail", lambda pair: {"name": "x"}),
    ("delete", "jwtauth_session_detail", lambda pair: None),
]
CALLS = {
    f"{method} {name} {number}": (method, name, make)
    for number, (method, name, make) in enumerate(ENDPOINTS)
}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("method", "name", "make"), CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("failing", [1, 2, 3])
def test_a_database_that_fails_is_503(api, user, method, name, make, failing, caplog):
    """Whichever statement it is that fails: Retry-After, never 401 and never 500."""
    pair = sessions.start(user)
    args = [pair.session_id.hex] if name == "jwtauth_session_detail" else []
    errors = [OperationalError, InterfaceError, InternalError, DatabaseError]
    api.with_token(pair.access)
    answers = []
    for error in errors:
        count = []

        def fail(execute, sql, params, many, context):
            count.append(sql)  # noqa: B023
            if len(count) >= failing:  # noqa: B023
                raise error("could not connect, password was swordfish")  # noqa: B023
            return execute(sql, params, many, context)

        with connection.execute_wrapper(fail):
            answer = getattr(api, method)(reverse(name, args=args), make(pair))
        if len(count) < failing:
            # Fewer statements than that: nothing failed.
            assert answer.status_code < 500
            return
        answers.append(answer)

    for answer in answers:
        assert answer.status_code == 503
        assert answer.json() == {
            "detail": "Temporarily unavailable, try again",
            "code": "unavailable",
            "reason": "unavailable",
        }
        assert answer["Retry-After"] == "5"
        assert answer["Cache-Control"] == "no-store"
    assert "swordfish" not in caplog.text


@pytest.mark.django_db(transaction=True)
def test_what_is_bad_without_the_database_is_401_while_it_fails(api, user):
    """A client with a bad token is not told to wait; and all is well afterwards."""
    pair = sessions.start(user)

    def fail(*args):
        raise OperationalError

    with connection.execute_wrapper(fail):
        for refusal in UNVERIFIED.values():
            assert api.refresh(refusal.make(pair.refresh)).status_code == 401
            assert api.verify(refusal.make(pair.access)).status_code == 401
            assert api.protected(refusal.make(pair.access)).status_code == 401
            if refusal.reason != "expired":
                assert api.blacklist(refresh=refusal.make(pair.refresh)).status_code == 401
        assert api.post(reverse("token_obtain_pair"), {}).status_code == 400

    assert api.refresh(pair.refresh).status_code == 200


# --- anything at all

MEDIA_TYPES = [
    "application/json",
    "application/x-www-form-urlencoded",
    "multipart/form-data",
    "multipart/form-data; boundary=x",
    "multipart/form-data; boundary=" + "x" * 300,
    "text/plain",
    "",
    "/",
    "application/json; charset",
    "\x00",
]
CHARSETS = ["utf-16", "utf-7", "rot13", "bz2", "base64", "idna", "undefined", "punycode"]
CHARSETS += ["unicode_escape", "raw_unicode_escape", "mbcs", "nonsense", "latin-1", "hex"]
BODIES = {
    "empty": b"",
    "nested lists": b"[" * 100_000 + b"]" * 100_000,
    "nested objects": b'{"refresh":' * 100_000 + b"1" + b"}" * 100_000,
    "nested value": b'{"refresh":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "open": b'{"refresh":' * 100_000,
    "list": b'["refresh", "token"]',
    "text": b'"refresh"',
    "null": b"null",
    "number": b"7",
    "huge number": b'{"refresh":' + b"9" * 4000 + b',"token":' + b"9" * 4000 + b"}",
    "number without end": b'{"refresh":' + b"9" * 100_000 + b"}",
    "infinite": b'{"refresh":1e999,"token":1e999,"username":1e999,"password":1e999}',
    "NaN": b'{"refresh":NaN}',
    "NUL": b'{"refresh":"\\u0000","token":"\\u0000","username":"\\u0000","password":"\\u0000"}',
    "raw NUL": b"\x00" * 100,
    "surrogates": b'{"refresh":"\\ud800","token":"\\ud800","username":"\\ud800",'
    b'"password":"\\ud800","name":"\\ud800"}',
    "bytes": bytes(range(256)),
    "true": b'{"refresh":true,"token":false,"username":true,"password":true,"name":true}',
    "containers": b'{"refresh":[],"token":{},"username":[[]],"password":{"a":1},"name":[1]}',
    "duplicates": b'{"refresh":"a","refresh":"b","username":"a","username":"b"}',
    "form": b"refresh=%00&token=%FF&username=%ED%A0%80&password=%&name=+" + b"&a" * 900,
    "too many fields": b"a=1&" * 5000,
    "multipart": b'--x\r\nContent-Disposition: form-data; name="refresh"; filename="a"\r\n'
    b"Content-Type: text/plain; charset=undefined\r\n\r\nabc\r\n--x--\r\n",
    "broken multipart": b'--x\r\nContent-Disposition: form-data; name="refresh"\r\n'
    b"Content-Transfer-Encoding: base64\r\n\r\n!!!\r\n--x",
    "long name": b'{"username":"' + b"x" * 1_000_000 + b'","password":"x"}',
    "long token": b'{"refresh":"' + b"x" * 1_000_000 + b'","token":"' + b"." * 1_000_000 + b'"}',
    "too large": b'{"refresh":"' + b"x" * 3_000_000 + b'"}',
    "wide": b'{"username":"' + "\uff21".encode() * 150 + b'","password":"' + b"a" * 4096 + b'"}',
}


def assert_survives(api, pair, body, content_type):
    """Every endpoint answers, and with the client's mistake if with any."""
    for name in dict.fromkeys(name for _, name, _ in ENDPOINTS):
        args = [pair.session_id.hex] if name == "jwtauth_session_detail" else []
        url = reverse(name, args=args)
        for method in ("POST", "PATCH", "GET"):
            answer = api.generic(method, url, body, content_type=content_type)
            assert answer.status_code < 500, (name, method, content_type)
            assert answer["Content-Type"] in ("application/json", "text/html; charset=utf-8")


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_no_body_is_an_error_of_the_server(api, pair, settings, body):
    """Whatever is sent as whatever, to every endpoint; nothing is written for it."""
    settings.JWTAUTH = UNTHROTTLED
    api.with_token(pair.access)
    for content_type in MEDIA_TYPES if len(body) < 500_000 else MEDIA_TYPES[:3]:
        assert_survives(api, pair, body, content_type)

    assert LoginSession.objects.count() == 1
    assert LoginSession.objects.get().ended_at is None
    assert not BlacklistedToken.objects.exists()


@pytest.mark.parametrize("charset", CHARSETS)
def test_no_charset_is_an_error_of_the_server(api, pair, settings, charset):
    """The codec that a client names is not used. (With a query string Django itself uses it.)"""
    settings.JWTAUTH = UNTHROTTLED
    api.with_token(pair.access)
    for media_type, body in product(MEDIA_TYPES[:4], (b"{}", b"a=%FF", BODIES["multipart"])):
        content_type = f"{media_type}; charset={charset}"
        assert_survives(api, pair, body, content_type)
    body = json.dumps({"username": "anna", "password": PASSWORD})
    answer = api.generic(
        "POST",
        reverse("token_obtain_pair"),
        body,
        content_type=f"application/json; charset={charset}",
    )
    assert answer.status_code == 200


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
quick = hypothesis_settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@quick
@given(
    st.dictionaries(
        st.sampled_from(["username", "password", "refresh", "token", "name", "scope"]), json_values
    )
    | json_values
)
def test_any_json_is_answered(api, pair, settings, value):
    """Random JSON to every endpoint never ends in a 5xx."""
    settings.JWTAUTH = UNTHROTTLED
    api.with_token(pair.access)
    assert_survives(api, pair, json.dumps(value), "application/json")


@quick
@given(data=st.data())
def test_any_change_of_a_token_is_answered(api, pair, data):
    """A token cut, doubled, moved or replaced anywhere is 401 on every door."""
    for raw in (pair.access, pair.refresh):
        place = data.draw(st.integers(0, len(raw) - 1))
        length = data.draw(st.integers(0, 5))
        patch = data.draw(st.text(max_size=5))
        changed = raw[:place] + patch + raw[place + length :]
        if changed.strip() in (raw, ""):
            continue
        for answer in (api.refresh(changed), api.verify(changed), api.blacklist(token=changed)):
            # A surrogate or NUL is no string for DRF.
            assert answer.status_code in (400, 401)


# --- async


def test_the_whole_story_under_asgi(user):
    """Sign in, call, sign out and be refused, on an async stack."""

    async def live():
        client = AsyncClient()
        body = {"username": "anna", "password": PASSWORD}
        pair = (await client.post(reverse("token_obtain_pair"), body)).json()
        headers = {"authorization": f"Bearer {pair['access']}"}
        codes = [(await client.get(reverse("jwtauth_me"), headers=headers)).status_code]
        out = await client.post(reverse("token_blacklist"), {"refresh": pair["refresh"]})
        codes.append(out.status_code)
        codes.append((await client.get(reverse("jwtauth_me"), headers=headers)).status_code)
        return codes

    assert async_to_sync(live)() == [200, 200, 401]


def test_a_misconfigured_project_is_not_a_bad_token(api, pair, settings):
    """A wrong setting is an error of the server, named, so that nobody signs in again for it."""
    from django.core.exceptions import ImproperlyConfigured

    settings.JWTAUTH = {"ACCESS_TOKEN_LIFETIM": 60}

    with pytest.raises(ImproperlyConfigured, match="ACCESS_TOKEN_LIFETIME"):
        api.protected(pair.access)
    settings.JWTAUTH = {}
    assert timedelta(minutes=5) == get_settings().ACCESS_TOKEN_LIFETIME


# --- what projects change


@pytest.mark.parametrize("backend", [ByAddress, ByAddressField], ids=lambda one: one.__name__)
@pytest.mark.parametrize(
    ("view", "serializer"),
    [
        (TokenObtainPairView, AddressSerializer),
        (TokenObtainPairView, AddressPropertySerializer),
        (LegacyObtainView, LegacyAddressSerializer),
    ],
    ids=["attribute", "property", "simplejwt"],
)
def test_a_subclass_may_call_the_first_field_otherwise(
    rf, user, settings, backend, view, serializer
):
    """`username_field`, and a back end that knows addresses: how forums sign in by e-mail."""
    settings.AUTHENTICATION_BACKENDS = [f"{__name__}.{backend.__name__}"]
    User.objects.update(email="anna@example.org")
    call = view.as_view(serializer_class=serializer)

    def sign_in(**body):
        return call(rf.post("/", body, content_type="application/json"))

    assert sign_in(email="anna@example.org", password=PASSWORD).status_code == 200
    assert sign_in(email="anna@example.org", password="wrong").status_code == 401
    assert list(sign_in(username="anna", password=PASSWORD).data) == ["email"]


def test_a_name_of_a_device_that_no_column_holds_is_bad_input(api, pair, monkeypatch):
    """Tables in three-byte utf8, as older projects have them, take no emoji."""

    def save(self, **kwargs):
        raise OperationalError(1366, "Incorrect string value")

    monkeypatch.setattr(LoginSession, "save", save)
    answer = api.with_token(pair.access).patch(
        reverse("jwtauth_session_detail", args=[pair.session_id.hex]), {"name": "\U0001f4f1"}
    )

    assert (answer.status_code, answer.json()["reason"]) == (400, "unstorable_text")


# --- remember me


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, 3600),
        ({"remember": False}, 3600),
        ({"remember": True}, 604800),
        ({"remember": 1}, 604800),
    ],
)
def test_remember_decides_how_long_a_sign_in_lasts(api, user, settings, body, expected):
    """In the header, too; who does not send it is not remembered, like a box not ticked."""
    settings.JWTAUTH = {"SESSION_LIFETIME_NOT_REMEMBERED": 3600}
    credentials = {"username": "anna", "password": PASSWORD}

    for form in ("json", "multipart"):
        answer = api.post(reverse("token_obtain_pair"), {**credentials, **body}, format=form)
        assert answer.json()["refresh_expires_in"] == expected
    api.with_token(answer.json()["access"])
    session = api.get(reverse("jwtauth_session_list")).json()[0]
    ends = datetime.fromisoformat(session["expires_at"].replace("Z", "+00:00"))
    assert abs((ends - datetime.now(timezone.utc)).total_seconds() - expected) < 60


@pytest.mark.parametrize("value", ["perhaps", None, [], {}, 2, "x" * 1000])
def test_remember_is_a_yes_or_a_no(api, user, settings, value):
    """Anything else is 400, and nobody is signed in."""
    settings.JWTAUTH = {"SESSION_LIFETIME_NOT_REMEMBERED": 3600}
    body = {"username": "anna", "password": PASSWORD, "remember": value}
    answer = api.post(reverse("token_obtain_pair"), body)

    assert (answer.status_code, [*answer.json()]) == (400, ["remember"])
    assert len(answer.content) < 200
    assert not LoginSession.objects.exists()
