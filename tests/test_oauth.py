"""The OAuth endpoints and the gateway check, statement by statement of their RFCs."""

import json
import re
from base64 import b64encode
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlencode

import pytest
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Permission, User
from django.core.signing import b64_encode
from django.db import DataError, OperationalError
from django.db.models import F
from django.test import Client as DjangoClient
from django.urls import include, path, reverse
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from django_jwtauth import api_tokens, one_time, sessions
from django_jwtauth.conf import get_settings
from django_jwtauth.conf.values import MAX_LEEWAY
from django_jwtauth.exceptions import SignInRefused
from django_jwtauth.models import BlacklistedToken, LoginSession
from django_jwtauth.store import lookup
from django_jwtauth.views import oauth, oauth_clients
from tests import forge, urls
from tests.conftest import PASSWORD
from tests.refusals import REFUSALS, UNVERIFIED

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]

urlpatterns = [
    *urls.urlpatterns,
    path("oauth/", include("django_jwtauth.urls.oauth")),
    path(".well-known/", include("django_jwtauth.urls.well_known")),
]

SECRET = "s3cret-of-the-gateway"
HASHED = make_password(SECRET)
BASIC = "Basic " + b64encode(f"gateway:{SECRET}".encode()).decode()
BASE = {"CLIENTS": {"gateway": HASHED}}
FORM = "application/x-www-form-urlencoded"
POSTING = ("token", "revoke", "introspect")


def scopes_hook(user, request):
    return ["a", "b", "c"]


def mfa_hook(user, request):
    if request.POST.get("otp") != "123456":
        raise SignInRefused('send "otp"\r\nX-Injected: 1')
    return {"amr": ["pwd", "otp"]}


def broken_hook(user, request):
    raise OperationalError("a query of the hook's own")


@pytest.fixture(autouse=True)
def conf(settings):
    """``conf(NAME=value)`` changes JWTAUTH, in which there is one client."""
    oauth_clients._remembered.clear()
    settings.JWTAUTH = BASE

    def change(**changes):
        settings.JWTAUTH = {**settings.JWTAUTH, **changes}

    return change


@pytest.fixture
def send(client):
    """``send(name, headers, **form)`` posts a form to one of the endpoints."""

    def send(name, headers=None, **form):
        url = reverse(f"jwtauth_oauth_{name}")
        return client.post(url, urlencode(form, doseq=True), FORM, headers=headers or {})

    return send


@pytest.fixture
def introspect(send):
    """What introspection tells a client of a token."""

    def introspect(raw, **form):
        answer = send("introspect", {"Authorization": BASIC}, token=raw, **form)
        assert answer.status_code == 200
        return answer.json()

    return introspect


@pytest.fixture
def check(client):
    """``check(raw, query)`` is what a gateway is answered."""

    def check(raw=None, query="", **headers):
        if raw is not None:
            headers["Authorization"] = f"Bearer {raw}"
        return client.get(reverse("jwtauth_check") + query, headers=headers)

    return check


@pytest.fixture
def operator(db):
    """The access token of somebody who may view sign-ins."""
    user = User.objects.create_user("olga", password=PASSWORD, is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_loginsession"))
    return sessions.start(user).access


def multipart(value):
    """A body that has the value in every parameter."""
    part = b'--x\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'
    return b"".join(part % (name.encode(), value) for name in oauth._PARAMETERS) + b"--x--"


def seen(answer):
    """All that an answer shows."""
    return answer.status_code, dict(answer.headers), answer.content


def assert_error(answer, error, status=400):
    assert (answer.status_code, answer.json()["error"]) == (status, error), answer.content


# --- all three endpoints: RFC 6749, 3.2 and 5


@pytest.mark.parametrize("method", ["get", "head", "put", "patch", "delete", "options"])
@pytest.mark.parametrize("name", POSTING)
def test_post_only(client, name, method):
    """RFC 6749, 3.2; 7009, 2.1; 7662, 2.1: a request is a POST."""
    answer = getattr(client, method)(reverse(f"jwtauth_oauth_{name}"))
    assert (answer.status_code, answer["Allow"]) == (405, "POST")


@pytest.mark.parametrize("name", POSTING)
def test_a_token_in_the_query_is_not_read(client, pair, name):
    """RFC 6749, 3.2: the query is no place for parameters; logs keep it."""
    raw = pair.refresh
    query = urlencode({"token": raw, "refresh_token": raw, "grant_type": "refresh_token"})
    url = f"{reverse(f'jwtauth_oauth_{name}')}?{query}"
    answer = client.post(url, b"", FORM, headers={"Authorization": BASIC})
    assert_error(answer, "invalid_request")
    assert sessions.verify(raw)


@pytest.mark.parametrize("name", POSTING)
def test_json_is_no_form(client, pair, name):
    """RFC 6749, 3.2 and appendix B: other bodies are an invalid request."""
    body = {"token": pair.refresh, "grant_type": "refresh_token", "refresh_token": pair.refresh}
    answer = client.post(
        reverse(f"jwtauth_oauth_{name}"),
        json.dumps(body),
        "application/json",
        headers={"Authorization": BASIC},
    )
    assert_error(answer, "invalid_request")


@pytest.mark.parametrize("name", POSTING)
@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (f"{FORM}; charset=utf-16", "token=x".encode("utf-16")),
        (f"{FORM}; charset=latin-1", b"token=x"),
        (f"{FORM}; charset=rot13", b"gbxra=k"),
        ("multipart/form-data; boundary=x; charset=utf-7", multipart(b"+2AA-")),
        ("multipart/form-data; boundary=x; charset=rot13", multipart(b"x")),
        ("multipart/form-data", b"token=x"),
        ("multipart/form-data; boundary=\xff", b"token=x"),
        (FORM, b"&".join(b"a%d=1" % number for number in range(1001))),
        (FORM, b"a" * 2_600_000),
    ],
    ids=[
        *("utf-16", "latin-1", "rot13", "multipart utf-7", "multipart rot13"),
        *("no boundary", "odd boundary", "1001 fields", "too long"),
    ],
)
def test_what_is_no_form_is_an_invalid_request(client, name, content_type, body):
    """RFC 6749, 5.2: 400 in OAuth's words for what Django cannot read, or reads otherwise."""
    url = reverse(f"jwtauth_oauth_{name}")
    # post() would encode the body by the charset.
    answer = client.generic("POST", url, body, content_type, headers={"Authorization": BASIC})
    assert_error(answer, "invalid_request")
    assert answer["Cache-Control"] == "no-store"


@pytest.mark.parametrize("charset", ["utf-8", "UTF-8", "nonsense"])
def test_utf_8_by_any_name_is_read(client, pair, charset):
    """RFC 6749, appendix B: forms are UTF-8, and may say so."""
    answer = client.generic(
        "POST",
        reverse("jwtauth_oauth_introspect"),
        urlencode({"token": pair.access}),
        f"{FORM}; charset={charset}",
        headers={"Authorization": BASIC},
    )
    assert answer.json()["active"] is True


@pytest.mark.parametrize("parameter", oauth._PARAMETERS)
@pytest.mark.parametrize("name", POSTING)
def test_a_repeated_parameter_is_refused(send, user, name, parameter):
    """RFC 6749, 3.2 and 5.2: none is included twice, not even empty or with the same value."""
    for values in (["x", "x"], ["x", ""]):
        assert_error(send(name, **{parameter: values}), "invalid_request")


def test_what_is_unknown_is_ignored(send, pair):
    """RFC 6749, 3.2: parameters that mean nothing here, RFC 8707's resource twice."""
    form = {"grant_type": "refresh_token", "refresh_token": pair.refresh}
    answer = send("token", resource=["https://a.example", "https://b.example"], x="y", **form)
    assert answer.status_code == 200


@pytest.mark.parametrize("name", POSTING)
def test_an_empty_parameter_counts_as_omitted(send, name):
    """RFC 6749, 3.2: without a value it is not there."""
    answer = send(name, {"Authorization": BASIC}, grant_type="", token="")
    assert_error(answer, "invalid_request")
    assert "missing" in answer.json()["error_description"]


@pytest.mark.parametrize("name", POSTING)
def test_a_wrong_client_is_401_with_a_challenge(send, pair, name):
    """RFC 6749, 5.2: invalid_client is 401, in the scheme the client may use."""
    wrong = "Basic " + b64encode(b"gateway:wrong").decode()
    form = {"grant_type": "refresh_token", "refresh_token": pair.refresh, "token": pair.refresh}
    answers = [
        send(name, {"Authorization": wrong}, **form),
        send(name, client_id="gateway", client_secret="wrong", **form),
        send(name, client_id="nobody", client_secret="wrong", **form),
        send(name, {"Authorization": "Basic nonsense"}, **form),
    ]
    for answer in answers:
        assert_error(answer, "invalid_client", 401)
        assert answer["WWW-Authenticate"] == 'Basic realm="api"'
    assert len({str(seen(answer)) for answer in answers}) == 1
    assert sessions.verify(pair.refresh)


@pytest.mark.parametrize("name", POSTING)
def test_two_methods_of_authentication_are_an_invalid_request(send, name):
    """RFC 6749, 2.3 and 5.2: in the header or in the form, not in both."""
    answer = send(
        name, {"Authorization": BASIC}, client_id="gateway", client_secret=SECRET, token="x"
    )
    assert_error(answer, "invalid_request")


@pytest.mark.parametrize("name", POSTING)
def test_guessing_secrets_is_throttled(send, conf, name):
    """RFC 6749, 2.3.1: the endpoint is protected against brute force; Retry-After says how long."""
    conf(THROTTLES={"RATES": {"account": "2/min"}})
    form = {"client_id": "gateway", "client_secret": "wrong", "token": "x"}
    statuses = [send(name, **form).status_code for _ in range(3)]
    answer = send(name, **form)

    assert statuses == [401, 401, 429]
    assert 1 <= int(answer["Retry-After"]) <= 61
    assert answer["Cache-Control"] == "no-store"


@pytest.mark.parametrize("name", POSTING)
def test_nothing_is_cached(send, pair, name):
    """RFC 6749, 5.1; 7662, 4: no-store on every answer, whatever it says."""
    form = {"grant_type": "refresh_token", "refresh_token": pair.refresh, "token": pair.access}
    good = send(name, {"Authorization": BASIC}, **form)
    bad = send(name)

    assert (good.status_code, bad.status_code) == (200, 401 if name == "introspect" else 400)
    for answer in (good, bad):
        assert (answer["Cache-Control"], answer["Pragma"]) == ("no-store", "no-cache")


def test_csrf_does_not_matter(pair):
    """The endpoints take no cookie, so that no browser can be tricked into anything."""
    strict = DjangoClient(enforce_csrf_checks=True)
    for name in POSTING:
        answer = strict.post(
            reverse(f"jwtauth_oauth_{name}"), {"token": "x"}, headers={"Authorization": BASIC}
        )
        assert answer.status_code != 403


def test_descriptions_are_of_the_characters_allowed(send, user, conf):
    """RFC 6749, 5.2: error_description has no quote, backslash or control character."""
    conf(OAUTH_PASSWORD_GRANT=True, HOOKS={"SIGN_IN": "tests.test_oauth.mfa_hook"})
    answers = [
        send("token"),
        send("token", grant_type=["a", "b"]),
        send("token", grant_type='x"\\'),
        send("token", grant_type="refresh_token", refresh_token='"\r\nX: 1'),
        send("token", grant_type="password", username="anna", password='"\\'),
        send("token", grant_type="password", username="anna", password=PASSWORD),
        send("revoke"),
        send("introspect"),
        send("introspect", {"Authorization": 'Basic "'}, token="x"),
    ]
    for answer in answers:
        assert answer.status_code in (400, 401)
        for text in answer.json().values():
            assert re.fullmatch(r"[\x20\x21\x23-\x5b\x5d-\x7e]*", text)


@pytest.mark.parametrize("name", POSTING)
@pytest.mark.parametrize(
    "value", ["\0", "\ud7ff", "%00%ff", "a" * 100_000, "{}", "\r\nX: 1", "ü😀", "."]
)
def test_odd_values_are_refused(send, user, conf, name, value):
    """Whatever a parameter holds, the answer is one of OAuth's."""
    conf(OAUTH_PASSWORD_GRANT=True, HOOKS={"SCOPES": "tests.test_oauth.scopes_hook"})
    form = dict.fromkeys(("token", "refresh_token", "username", "password", "scope"), value)
    for grant in ("password", "refresh_token", value):
        for headers in ({"Authorization": BASIC}, {"Authorization": f"Basic {b64_encode(b'x')}"}):
            answer = send(name, headers, grant_type=grant, **form)
            assert answer.status_code in (200, 400, 401)
            assert "X" not in answer.headers


@hypothesis_settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    name=st.sampled_from([*POSTING, "check"]),
    body=st.binary(max_size=200)
    | st.dictionaries(st.sampled_from(oauth._PARAMETERS), st.text(max_size=20)).map(
        lambda form: urlencode(form, errors="replace").encode()
    ),
    content_type=st.sampled_from(
        [FORM, "multipart/form-data; boundary=x", "application/json", "", f"{FORM}; charset=x"]
    ),
    authorization=st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=30),
)
def test_hostile_requests_are_refused(user, client, name, body, content_type, authorization):
    """No body and no header ends in a 5xx."""
    url = reverse("jwtauth_check" if name == "check" else f"jwtauth_oauth_{name}")
    for prefix in ("", "Bearer ", "Basic "):
        answer = client.generic(
            "POST", url, body, content_type, HTTP_AUTHORIZATION=prefix + authorization
        )
        assert answer.status_code in (200, 400, 401, 403, 429)


# --- token: RFC 6749


def test_refreshing(send, user):
    """RFC 6749, 5.1 and 6: access_token, token_type, expires_in and the next refresh_token."""
    pair = sessions.start(user, claims={"scope": "b a"})
    answer = send("token", grant_type="refresh_token", refresh_token=pair.refresh)
    body = answer.json()

    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/json"
    assert body.keys() == {"access_token", "token_type", "expires_in", "refresh_token", "scope"}
    assert (body["token_type"], body["expires_in"], body["scope"]) == ("Bearer", 300, "b a")
    assert sessions.authenticate(body["access_token"])[0] == user
    assert sessions.verify(body["refresh_token"])[1]["gen"] == 1


def test_a_sign_in_without_scopes_has_no_scope(send, pair):
    """RFC 6749, 5.1: nothing was asked for and nothing granted, so there is no member."""
    body = send("token", grant_type="refresh_token", refresh_token=pair.refresh).json()
    assert "scope" not in body


def test_access_lives_an_hour_at_most(send, pair):
    """RFC 6750, 5.3: short-lived, one hour or less, unless the project decides otherwise."""
    body = send("token", grant_type="refresh_token", refresh_token=pair.refresh).json()
    assert 0 < body["expires_in"] <= 3600


def test_without_rotation_no_refresh_token_is_issued(send, pair, conf):
    """RFC 6749, 6: the server may issue a new one; without one the client keeps the old."""
    conf(ROTATE_REFRESH_TOKENS=False)
    body = send("token", grant_type="refresh_token", refresh_token=pair.refresh).json()
    assert "refresh_token" not in body
    assert sessions.verify(pair.refresh)


def test_a_refresh_may_narrow_and_not_widen(send, user):
    """RFC 6749, 6 and 5.2: fewer scopes are given, more is invalid_scope, and all come back."""
    pair = sessions.start(user, claims={"scope": "a b"})
    form = {"grant_type": "refresh_token", "refresh_token": pair.refresh}

    for asked in ("a c", "c", '"', "a\0"):
        assert_error(send("token", scope=asked, **form), "invalid_scope")
    narrowed = send("token", scope="a", **form).json()
    assert (narrowed["scope"], forge.claims_of(narrowed["access_token"])["scope"]) == ("a", "a")
    form["refresh_token"] = narrowed["refresh_token"]
    assert send("token", **form).json()["scope"] == "a b"


@pytest.mark.parametrize("name", REFUSALS)
def test_a_bad_refresh_token_is_an_invalid_grant(send, pair, name):
    """RFC 6749, 5.2: invalid, expired or revoked is 400 invalid_grant; the reason is ours."""
    refusal = REFUSALS[name]
    raw = refusal.make(pair.refresh)
    answer = send("token", grant_type="refresh_token", refresh_token=raw)
    assert_error(answer, "invalid_grant")
    assert answer.json()["error_description"] == refusal.reason


def test_an_access_token_is_no_refresh_token(send, pair):
    """RFC 6749, 1.5: only a refresh token buys tokens."""
    answer = send("token", grant_type="refresh_token", refresh_token=pair.access)
    assert_error(answer, "invalid_grant")


@pytest.mark.parametrize(
    "grant", ["authorization_code", "client_credentials", "Refresh_Token", "password", "\0"]
)
def test_other_grants_are_unsupported(send, user, grant):
    """RFC 6749, 5.2: unsupported_grant_type, the password's too unless it is enabled."""
    answer = send("token", grant_type=grant, username="anna", password=PASSWORD)
    assert_error(answer, "unsupported_grant_type")
    assert not LoginSession.objects.exists()


def test_a_replay_ends_the_sign_in_under_atomic_requests(send, pair, settings):
    """RFC 9700, 4.14: what is refused stays done, whatever ATOMIC_REQUESTS would roll back."""
    second = sessions.refresh(pair.refresh)
    sessions.refresh(second.refresh)
    for view in (oauth.token, oauth.revoke, oauth.introspect, oauth.check):
        assert view._non_atomic_requests == {"default"}

    answer = send("token", grant_type="refresh_token", refresh_token=pair.refresh)

    assert_error(answer, "invalid_grant")
    assert answer.json()["error_description"] == "reused"
    assert LoginSession.objects.get().end_reason == "reused"


def test_a_client_need_not_authenticate(send, pair):
    """RFC 6749, 3.2.1: a public client names itself, or not; a client may show its secret."""
    raw = pair.refresh
    for headers, more in (
        (None, {}),
        (None, {"client_id": "an app"}),
        ({"Authorization": BASIC}, {}),
        (None, {"client_id": "gateway", "client_secret": SECRET}),
    ):
        answer = send("token", headers, grant_type="refresh_token", refresh_token=raw, **more)
        assert answer.status_code == 200
        raw = answer.json()["refresh_token"]


# --- the password grant: RFC 6749, 4.3


@pytest.fixture
def sign_in(send, conf, user):
    conf(OAUTH_PASSWORD_GRANT=True)

    def sign_in(username="anna", password=PASSWORD, **form):
        return send("token", grant_type="password", username=username, password=password, **form)

    return sign_in


def test_the_password_grant(sign_in, user):
    """RFC 6749, 4.3: where it is enabled, name and password start a sign-in."""
    body = sign_in().json()
    assert body.keys() == {"access_token", "token_type", "expires_in", "refresh_token"}
    assert sessions.authenticate(body["access_token"])[0] == user
    assert LoginSession.objects.count() == 1


@pytest.mark.parametrize(
    ("asked", "granted"), [(None, "a b c"), ("b", "b"), ("b x a", "a b"), ("", "a b c"), ("  ", "")]
)
def test_what_is_granted_is_told(sign_in, conf, asked, granted):
    """RFC 6749, 3.3: the answer says which scopes were granted, as fewer may be."""
    conf(HOOKS={"SCOPES": "tests.test_oauth.scopes_hook"})
    form = {} if asked is None else {"scope": asked}
    body = sign_in(**form).json()
    assert (body["scope"], forge.claims_of(body["access_token"])["scope"]) == (granted, granted)


@pytest.mark.parametrize("asked", ["x", "x y", '"', "a\0", "\\"])
def test_nothing_of_what_is_asked_for_is_an_invalid_scope(sign_in, conf, asked):
    """RFC 6749, 5.2: rather than an answer that would mean that all was granted."""
    conf(HOOKS={"SCOPES": "tests.test_oauth.scopes_hook"})
    assert_error(sign_in(scope=asked), "invalid_scope")
    assert not LoginSession.objects.exists()


def test_without_a_hook_no_scope_can_be_asked_for(sign_in):
    """RFC 6749, 5.2: invalid_scope, as sign-ins have none."""
    assert_error(sign_in(scope="a"), "invalid_scope")


def test_a_wrong_password_is_not_told_from_a_wrong_scope(sign_in, conf):
    """Only who knows the password learns what is granted."""
    conf(HOOKS={"SCOPES": "tests.test_oauth.scopes_hook"})
    assert seen(sign_in(password="wrong", scope="x")) == seen(sign_in(password="wrong"))


def test_who_cannot_sign_in_is_not_told_why(sign_in, user):
    """RFC 6749, 5.2: wrong, unknown, inactive and over-long give one and the same answer."""
    answers = [
        sign_in(password="wrong"),
        sign_in(username="nobody"),
        sign_in(username="a" * 151),
        sign_in(username="anna\0"),
        sign_in(password="x" * 4097),
        sign_in(password=PASSWORD + " "),
    ]
    User.objects.update(is_active=False)
    answers.append(sign_in())

    assert_error(answers[0], "invalid_grant")
    assert len({str(seen(answer)) for answer in answers}) == 1


def test_an_over_long_password_is_not_hashed(sign_in, monkeypatch):
    """It costs time, and nobody has one."""

    def fail(*args, **kwargs):
        raise AssertionError("hashed")

    monkeypatch.setattr("django_jwtauth.credentials._authenticate", fail)
    assert_error(sign_in(password="x" * 4097), "invalid_grant")


@pytest.mark.parametrize("missing", ["username", "password"])
def test_name_and_password_are_required(sign_in, missing):
    """RFC 6749, 4.3.2 and 5.2."""
    assert_error(sign_in(**{missing: ""}), "invalid_request")


def test_guessing_passwords_is_throttled(sign_in, conf):
    """RFC 6749, 4.3.2: the endpoint is protected against brute force, as the others."""
    conf(THROTTLES={"RATES": {"account": "2/min"}})
    statuses = [sign_in(password="wrong").status_code for _ in range(3)]
    assert statuses == [400, 400, 429]
    assert sign_in().status_code == 429


def test_another_step_may_be_asked_for(sign_in, conf):
    """HOOKS["SIGN_IN"] decides here as well; its sentence is not copied into the answer."""
    conf(HOOKS={"SIGN_IN": "tests.test_oauth.mfa_hook"})
    refused = sign_in()
    assert_error(refused, "invalid_grant")
    assert refused.json()["error_description"] == "sign_in_refused"

    body = sign_in(otp="123456").json()
    assert forge.claims_of(body["access_token"])["amr"] == ["pwd", "otp"]


def test_a_second_factor_is_asked_for_in_oauths_words(sign_in, conf):
    """invalid_grant, with our reason as its description; it comes as one more parameter."""
    conf(HOOKS={"SIGN_IN": "tests.test_credentials.asking_hook"})
    assert_error(sign_in(), "invalid_grant")
    assert sign_in().json()["error_description"] == "mfa_required"

    body = sign_in(otp="012345").json()
    assert forge.claims_of(body["access_token"])["saw"] == "012345"


def test_a_hook_without_its_database_is_503(sign_in, conf):
    """What a hook asks the database is unavailable with it, and no 500."""
    conf(HOOKS={"SCOPES": "tests.test_oauth.broken_hook"})
    answer = sign_in()
    assert_error(answer, "temporarily_unavailable", 503)
    assert answer["Retry-After"] == "5"


# --- revoke: RFC 7009

HINTS = [None, "access_token", "refresh_token", "nonsense"]


@pytest.mark.parametrize("hint", HINTS)
def test_revoking_a_refresh_token(send, api, pair, hint):
    """RFC 7009, 2.1: at once, with the access tokens of the grant, whatever the hint says."""
    later = sessions.refresh(pair.refresh)
    form = {} if hint is None else {"token_type_hint": hint}
    answer = send("revoke", token=later.refresh, **form)

    assert (answer.status_code, answer.content) == (200, b"")
    for raw in (pair.access, later.access):
        assert api.protected(raw).status_code == 401
    refused = send("token", grant_type="refresh_token", refresh_token=later.refresh)
    assert_error(refused, "invalid_grant")
    assert LoginSession.objects.get().ended_via == "api"


@pytest.mark.parametrize("hint", HINTS)
def test_revoking_an_access_token(send, api, pair, hint):
    """RFC 7009, 2.1: effective for the next request, whatever the hint says; that token alone."""
    form = {} if hint is None else {"token_type_hint": hint}
    assert send("revoke", token=pair.access, **form).status_code == 200
    assert api.protected(pair.access).status_code == 401
    assert sessions.refresh(pair.refresh)


@pytest.mark.parametrize("name", UNVERIFIED)
def test_revoking_what_is_no_token_tells_nothing(send, pair, name):
    """RFC 7009, 2.2: 200, for unknown, foreign and malformed tokens as for those revoked."""
    good = seen(send("revoke", token=sessions.start(User.objects.get()).access))
    for raw in (pair.access, pair.refresh):
        assert seen(send("revoke", token=UNVERIFIED[name].make(raw))) == good


@pytest.mark.parametrize("name", [name for name in UNVERIFIED if name != "expired"])
def test_what_cannot_be_verified_costs_no_query(send, pair, statements, name):
    """RFC 7009, 2.2: so that neither time nor load tells anything, and nothing is written."""
    raw = UNVERIFIED[name].make(pair.refresh)
    with statements(0):
        send("revoke", token=raw)
    assert not BlacklistedToken.objects.exclude(session=None).exists()
    assert sessions.verify(pair.refresh)


def test_revoking_an_expired_token_signs_out(send, pair, time_machine):
    """RFC 7009, 2.2: 200, and the sign-in of an expired refresh token ends."""
    time_machine.move_to(timezone.now() + timedelta(days=8))
    assert send("revoke", token=pair.refresh).status_code == 200
    assert LoginSession.objects.get().ended_at is not None


def test_revoking_twice_is_200(send, pair):
    """RFC 7009, 2.2: what is revoked already is as the client wants it."""
    first, second = (seen(send("revoke", token=pair.refresh)) for _ in range(2))
    assert first == second
    assert BlacklistedToken.objects.count() == 1


def test_nobody_revokes_what_they_do_not_hold(send, api, user, other_user):
    """RFC 7009, 2.1: another's token is revoked by nothing that can be known about it."""
    pair = sessions.start(other_user)
    own = sessions.start(user)
    claims = forge.claims_of(pair.refresh)
    attempts = [
        claims["jti"],
        claims["sid"],
        forge.sign(forge.header_of(pair.refresh), claims, b"x" * 32),
        pair.refresh.rpartition(".")[0] + "." + own.refresh.rpartition(".")[2],
    ]
    answers = [seen(send("revoke", {"Authorization": BASIC}, token=raw)) for raw in attempts]

    assert len(set(map(str, answers))) == 1
    assert answers[0][0] == 200
    assert api.protected(pair.access).status_code == 200


def test_a_client_that_shows_a_wrong_secret_revokes_nothing(send, pair):
    """RFC 7009, 2.1: client credentials are validated first."""
    answer = send("revoke", client_id="gateway", client_secret="wrong", token=pair.refresh)
    assert_error(answer, "invalid_client", 401)
    assert sessions.verify(pair.refresh)


def test_what_was_not_written_is_not_200(send, pair, monkeypatch):
    """RFC 7009, 2.2.1: 503 with Retry-After means that the token still exists."""

    def fail(*args, **kwargs):
        raise OperationalError

    with monkeypatch.context() as patched:
        patched.setattr("django_jwtauth.signins.rows.BlacklistedToken", fail)
        answer = send("revoke", token=pair.access)
    assert_error(answer, "temporarily_unavailable", 503)
    assert answer["Retry-After"] == "5"
    assert sessions.verify(pair.access)


def test_a_token_is_required(send):
    """RFC 7009, 2.1: the token is, the client is not."""
    assert_error(send("revoke"), "invalid_request")


# --- introspect: RFC 7662


def test_an_access_token_is_active(introspect, user):
    """RFC 7662, 2.2: what an API needs to know, and no claim beyond it."""
    pair = sessions.start(user, claims={"scope": "a b", "secret_of_ours": "x"})
    claims = forge.claims_of(pair.access)
    assert introspect(pair.access) == {
        "active": True,
        "token_type": "Bearer",
        "username": "anna",
        "scope": "a b",
        **{name: claims[name] for name in ("sub", "exp", "iat", "jti", "sid")},
    }


def test_issuer_audience_and_client_are_told(introspect, user, conf):
    """RFC 7662, 2.2: iss, aud and client_id, where the token has them."""
    conf(ISSUER="https://id.example.com", AUDIENCE="https://api.example.com")
    told = introspect(sessions.start(user).access)
    assert told["iss"] == "https://id.example.com"
    assert told["aud"] == told["client_id"] == "https://api.example.com"


def test_a_refresh_token_is_no_access_token(introspect, pair):
    """RFC 7662, 4: an API that was sent one is told it is inactive, unless it asks for one."""
    assert introspect(pair.refresh) == {"active": False}
    assert introspect(pair.refresh, token_type_hint="access_token") == {"active": False}
    assert introspect(pair.refresh, token_type_hint="nonsense") == {"active": False}

    told = introspect(pair.refresh, token_type_hint="refresh_token")
    assert told["active"] is True
    assert "token_type" not in told


def test_a_wrong_hint_finds_an_access_token(introspect, pair):
    """RFC 7662, 2.1: the search goes on over all types that an API may be sent."""
    assert introspect(pair.access, token_type_hint="refresh_token")["active"] is True


@pytest.mark.parametrize("kind", ["access", "refresh"])
@pytest.mark.parametrize("name", REFUSALS)
def test_what_is_not_active_is_that_and_no_more(send, pair, name, kind):
    """RFC 7662, 2.2: exactly {"active": false}, with 200 and the same headers, for any reason."""
    raw = REFUSALS[name].make(getattr(pair, kind))
    headers = {"Authorization": BASIC}
    answer = send("introspect", headers, token=raw, token_type_hint="refresh_token")
    garbage = send("introspect", headers, token="garbage")

    assert answer.json() == {"active": False}
    assert seen(answer) == seen(garbage)


def test_a_superseded_refresh_token_is_inactive_and_writes_nothing(introspect, pair):
    """RFC 7662, 2: introspection tells, it does not end a sign-in."""
    second = sessions.refresh(pair.refresh)
    # Whoever holds a copy must not learn when it was superseded.
    assert introspect(pair.refresh, token_type_hint="refresh_token")["active"] is True
    LoginSession.objects.update(refreshed_at=F("refreshed_at") - timedelta(seconds=31))
    assert introspect(pair.refresh, token_type_hint="refresh_token") == {"active": False}
    assert introspect(second.refresh, token_type_hint="refresh_token")["active"] is True


def test_other_kinds_of_tokens(introspect, user):
    """An API token is active, a one-time token is not: it opens one door, once."""
    assert introspect(api_tokens.create(user, "script").raw)["active"] is True
    assert introspect(one_time.create(user, one_time.SIGN_IN)) == {"active": False}


@pytest.mark.parametrize("name", [*UNVERIFIED, "good", "another's"])
def test_who_has_no_rights_learns_nothing(send, pair, other_user, statements, name):
    """RFC 7662, 2.1: without rights every token gets the same answer, and is not looked at."""
    raw = {
        "good": lambda: pair.access,
        "another's": lambda: sessions.start(other_user).refresh,
    }.get(name, lambda: UNVERIFIED[name].make(pair.access))()

    with statements(0):
        answer = send("introspect", token=raw)
    assert_error(answer, "invalid_client", 401)
    assert seen(answer) == seen(send("introspect", token="garbage"))
    assert seen(answer) == seen(send("introspect", client_id="gateway", token=raw))


def test_operators_may_introspect(send, pair, operator):
    """RFC 7662, 2.1: with a bearer token; that of somebody who may view sign-ins."""
    answer = send("introspect", {"Authorization": f"Bearer {operator}"}, token=pair.access)
    assert answer.json()["active"] is True


def staff_without_permission():
    return sessions.start(User.objects.create_user("x", is_staff=True)).access


def permission_without_staff():
    user = User.objects.create_user("x")
    user.user_permissions.add(Permission.objects.get(codename="view_loginsession"))
    return sessions.start(user).access


def ended_operator():
    pair = sessions.start(User.objects.create_superuser("x"))
    LoginSession.objects.filter(pk=pair.session_id).end()
    return pair.access


@pytest.mark.parametrize(
    "make",
    [
        staff_without_permission,
        permission_without_staff,
        ended_operator,
        lambda: sessions.start(User.objects.create_superuser("x")).refresh,
        lambda: "garbage",
        lambda: "two words",
        lambda: "",
    ],
    ids=["no permission", "no staff", "ended", "refresh token", "garbage", "two words", "none"],
)
def test_whoever_else_has_a_token_may_not(send, pair, make):
    """RFC 7662, 2.3: 401 as RFC 6750 has it, the same for whatever the token lacks."""
    answer = send("introspect", {"Authorization": f"Bearer {make()}"}, token=pair.access)
    assert_error(answer, "invalid_token", 401)
    assert answer["WWW-Authenticate"] == 'Bearer realm="api", error="invalid_token"'
    other = send("introspect", {"Authorization": "Bearer nonsense"}, token="garbage")
    assert seen(answer) == seen(other)


def test_a_legacy_token_has_no_sign_in(introspect, user, monkeypatch):
    """RFC 7662, 2.2: a member without a value is left out."""
    claims = {"token_type": "access", "sub": "1", "sid": None, "jti": "x"}
    monkeypatch.setattr(sessions, "verify", lambda raw: (user, claims))
    assert introspect("x").keys() == {"active", "token_type", "username", "sub", "jti"}


def test_an_operator_without_a_database_is_503(send, pair, operator, monkeypatch):
    """RFC 7662, 2: whoever asks is not told that they may not while nobody can tell."""

    def fail(*args):
        raise OperationalError

    monkeypatch.setattr(User, "has_perm", fail)
    answer = send("introspect", {"Authorization": f"Bearer {operator}"}, token=pair.access)
    assert_error(answer, "temporarily_unavailable", 503)


def test_user_names_are_text(introspect, pair, monkeypatch):
    """RFC 7662, 2.2: username is a string, also where the model has numbers."""
    monkeypatch.setattr(User, "get_username", lambda self: 42)
    assert introspect(pair.access)["username"] == "42"


# --- check


def test_a_good_token_passes(check, user):
    """204 without a body, and who it is in headers."""
    pair = sessions.start(user, claims={"scope": "a b"})
    answer = check(pair.access)

    assert (answer.status_code, answer.content) == (204, b"")
    assert {name: answer[name] for name in answer.headers if name.startswith("X-Auth-")} == {
        "X-Auth-User": "anna",
        "X-Auth-Subject": str(user.pk),
        "X-Auth-Session": pair.session_id.hex,
        "X-Auth-Scope": "a b",
    }
    assert answer["Cache-Control"] == "no-store"


def test_the_check_costs_what_authenticate_costs(check, pair, statements):
    """One statement, of a token seen before and of one never seen."""
    with statements(1):
        assert check(pair.access).status_code == 204
    with statements(1):
        assert check(pair.access, "?scope=a").status_code == 403


@pytest.mark.parametrize("name", UNVERIFIED)
def test_what_is_bad_in_itself_costs_no_query(check, pair, statements, name):
    """A gateway that is flooded with garbage does not ask the database."""
    with statements(0):
        check(UNVERIFIED[name].make(pair.access))


@pytest.mark.parametrize("name", REFUSALS)
def test_a_bad_token_is_401(check, pair, name):
    """RFC 6750, 3.1: invalid_token is 401 with a challenge; the reason is in our own header."""
    refusal = REFUSALS[name]
    raw = refusal.make(pair.access)
    answer = check(raw if raw.isascii() else "x")
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == 'Bearer realm="api", error="invalid_token"'
    assert answer["X-Auth-Reason"] == refusal.reason
    assert not {"X-Auth-User", "X-Auth-Subject"} & answer.headers.keys()


@pytest.mark.parametrize("header", [None, "", "Basic eDp5", "Token x", "Bearerx", "\tBearer x"])
def test_without_a_token_no_error_is_named(check, header):
    """RFC 6750, 3.1: 401 with the scheme alone when no token was sent."""
    answer = check(**({} if header is None else {"Authorization": header}))
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == 'Bearer realm="api"'
    assert "X-Auth-Reason" not in answer


@pytest.mark.parametrize("header", ["Bearer", "Bearer ", "Bearer a b", "Bearer a,Bearer b c"])
def test_a_header_of_another_form_is_401(check, header):
    """RFC 6750, 2.1: the scheme and one token; a gateway knows no 400."""
    answer = check(Authorization=header)
    assert (answer.status_code, answer["X-Auth-Reason"]) == (401, "bad_header")
    assert answer["WWW-Authenticate"] == 'Bearer realm="api"'


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "bEARER"])
def test_the_scheme_is_compared_without_case(check, pair, scheme):
    """RFC 6750, 2.1; 9110, 11.1."""
    assert check(Authorization=f"{scheme} {pair.access}").status_code == 204


def test_a_tab_is_no_separator(check, pair):
    """RFC 6750, 2.1: a space is."""
    assert check(Authorization=f"Bearer\t{pair.access}").status_code == 401


def test_two_tokens_are_refused(check, client, pair):
    """RFC 6750, 2: one method, one token; servers join repeated headers by a comma."""
    assert check(Authorization=f"Bearer {pair.access},Bearer {pair.access}").status_code == 401
    assert check(Authorization=f"Bearer {pair.access}, Bearer {pair.access}").status_code == 401


def test_a_token_elsewhere_is_not_read(check, client, pair):
    """RFC 6750, 2.2 and 2.3: neither the query nor a form carries a token."""
    assert check(query=f"?access_token={pair.access}").status_code == 401
    form = {"access_token": pair.access}
    assert client.post(reverse("jwtauth_check"), form).status_code == 401
    client.cookies["access_token"] = pair.access
    assert check().status_code == 401


@pytest.mark.parametrize("query", ["?scope=a", "?scope=a+b", "?scope=b%20a", "?scope=a&scope=b"])
def test_the_required_scope(check, user, query):
    """All that the query names are required of the token."""
    assert check(sessions.start(user, claims={"scope": "a b"}).access, query).status_code == 204


@pytest.mark.parametrize(
    ("query", "needed"),
    [
        ("?scope=c", "c"),
        ("?scope=a+c", "a c"),
        ("?scope=a&scope=c", "a c"),
        ("?scope=A", "A"),
        ("?scope=%22", None),
        ("?scope=%0d%0aX-Injected:+1", "1 X-Injected:"),
        ("?scope=%00", None),
        ("?scope=%ff", None),
        (f"?scope={'x' * 101}", None),
        ("?scope=" + "+".join(f"{'x' * 90}{n}" for n in range(20)), None),
    ],
)
def test_a_missing_scope_is_403(check, user, query, needed):
    """RFC 6750, 3.1: insufficient_scope with the scopes necessary, if the query names any."""
    answer = check(sessions.start(user, claims={"scope": "a b"}).access, query)
    told = f', scope="{needed}"' if needed else ""
    assert answer.status_code == 403
    assert answer["WWW-Authenticate"] == f'Bearer realm="api", error="insufficient_scope"{told}'


@pytest.mark.parametrize("charset", ["utf-16", "utf-16-le", "utf-32", "cp037", "utf-7", "nonsense"])
def test_the_charset_of_a_client_does_not_hide_the_required_scope(client, pair, charset):
    """A gateway passes on Content-Type; Django would decode the query by it."""
    answer = client.get(
        reverse("jwtauth_check") + "?scope=reports:read",
        headers={"Authorization": f"Bearer {pair.access}"},
        CONTENT_TYPE=f"text/plain; charset={charset}",
    )
    assert answer.status_code == 403


def test_a_long_query_is_no_400(check, pair):
    """A gateway may pass on its client's query: nginx would make a 400 a 500."""
    assert check(pair.access, "?" + "&".join(["a=1"] * 2000)).status_code == 204
    assert check(pair.access, "?" + "&".join(["scope=a"] * 2000)).status_code == 403
    assert check(pair.access, "?%zz&;=&&=").status_code == 204


@pytest.mark.parametrize("method", ["get", "head", "post", "put", "patch", "delete", "options"])
def test_any_method(client, pair, method):
    """Gateways ask with the method of the request, or with another."""
    answer = getattr(client, method)(
        reverse("jwtauth_check"), headers={"Authorization": f"Bearer {pair.access}"}
    )
    assert answer.status_code == 204


NAMES = {
    "plain": ("anna.b@example.org", "anna.b@example.org"),
    "not ASCII": ("Zoë", "Zo%C3%AB"),
    "an emoji": ("\U0001f600", "%F0%9F%98%80"),
    "a new line": ("a\r\nX-Auth-Subject: 1", "a%0D%0AX-Auth-Subject:%201"),
    "NUL": ("a\0", "a%00"),
    "quoted already": ("100%", "100%25"),
    "spaces": (" anna ", "%20anna%20"),
    "a tab": ("a\tb", "a%09b"),
    "a number": (42, "42"),
    "no word": ("", ""),
}


@pytest.mark.parametrize("name", NAMES)
def test_header_values_are_safe(check, pair, monkeypatch, name):
    """Visible ASCII as it is, all else percent-encoded: one value for each name, in one line."""
    username, expected = NAMES[name]
    monkeypatch.setattr(User, "get_username", lambda self: username)
    answer = check(pair.access)
    assert answer["X-Auth-User"] == expected
    assert re.fullmatch(r"[\x21-\x7e]*", answer["X-Auth-User"])


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ("a b", "a b"),
        ("  b   a ", "a b"),
        ("a\r\nX: 1", "1 X: a"),
        ("ä a", "a %C3%A4"),
        (["a"], ""),
    ],
)
def test_the_scope_header_is_safe(check, user, scope, expected):
    """Whatever a hook put into the claim."""
    raw = sessions.start(user, claims={"scope": scope}).access
    assert check(raw)["X-Auth-Scope"] == expected


@pytest.mark.django_db(databases=[])
def test_without_a_database_it_is_403(check, monkeypatch):
    """The gateway is told 403 and the reason, as nothing but 401 and 403 means "no" to nginx."""
    claims = {"token_type": "access", "sub": "1", "sid": "0" * 32, "jti": "x", "iat": 1}
    raw = forge.sign({"alg": "HS256", "typ": "at+jwt"}, {**claims, "exp": 2**33})

    def fail(*args):
        raise OperationalError

    monkeypatch.setattr(lookup, "find", fail)
    answer = check(raw)
    assert (answer.status_code, answer["X-Auth-Reason"]) == (403, "unavailable")
    assert "WWW-Authenticate" not in answer


def test_no_transaction_is_opened_for_the_check():
    """With ATOMIC_REQUESTS, one on a database that is down would be a 500 before any view."""
    assert oauth.check._non_atomic_requests == {"default"}


def test_a_signed_out_user_is_stopped_at_once(check, send, pair):
    """The next question after a revocation is answered with 401."""
    assert check(pair.access).status_code == 204
    send("revoke", token=pair.refresh)
    answer = check(pair.access)
    assert (answer.status_code, answer["X-Auth-Reason"]) == (401, "session_ended")


@pytest.mark.django_db(transaction=True)
def test_api_tokens_pass_and_their_use_is_seen(check, user):
    """A script behind a gateway is one that uses its token."""
    new = api_tokens.create(user, "script")
    assert check(new.raw).status_code == 204
    new.session.refresh_from_db()
    assert new.session.last_used_at is not None


# --- access tokens: RFC 9068

ISSUER, AUDIENCE = "https://id.example.com", "https://api.example.com"


@pytest.fixture
def issued(conf, send, user):
    conf(ISSUER=ISSUER, AUDIENCE=[AUDIENCE, "https://other.example.com"])
    raw = sessions.start(user, claims={"scope": "a"}).refresh
    return send("token", grant_type="refresh_token", refresh_token=raw).json()["access_token"]


def test_the_header_says_what_it_is(issued):
    """RFC 9068, 2.1: typ is at+jwt, and alg is not none."""
    header = forge.header_of(issued)
    assert header["typ"] == "at+jwt"
    assert header["alg"] not in ("none", None)


def test_all_required_claims_are_there(issued, user):
    """RFC 9068, 2.2: iss, exp, aud, sub, client_id, iat, jti; 2.2.3: scope."""
    claims = forge.claims_of(issued)
    assert claims.keys() >= {"iss", "exp", "aud", "sub", "client_id", "iat", "jti", "scope"}
    assert (claims["iss"], claims["sub"], claims["scope"]) == (ISSUER, str(user.pk), "a")
    assert claims["aud"] == [AUDIENCE, "https://other.example.com"]
    assert claims["client_id"] == AUDIENCE
    assert type(claims["exp"]) is type(claims["iat"]) is int


def test_no_personal_data(issued):
    """RFC 9068, 6: an access token can be read by who holds it; neither name nor mail is in it."""
    claims = json.dumps(forge.claims_of(issued))
    for word in ("anna", "example.org"):
        assert word not in claims


@pytest.mark.parametrize("typ", ["at+jwt", "AT+JWT", "application/at+jwt", "Application/At+Jwt"])
def test_the_type_is_compared_as_a_media_type(issued, check, typ):
    """RFC 9068, 4: at+jwt or application/at+jwt; RFC 2045: without case."""
    assert check(forge.altered(issued, header={"typ": typ})).status_code == 204


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"header": {"typ": "JWT"}}, "wrong_type"),
        ({"header": {"typ": "rt+jwt"}}, "bad_signature"),
        ({"header": {"typ": None}}, "malformed"),
        ({"header": {"alg": "none"}}, "bad_signature"),
        ({"iss": ISSUER + "/"}, "wrong_issuer"),
        ({"iss": ISSUER.upper()}, "wrong_issuer"),
        ({"iss": [ISSUER]}, "wrong_issuer"),
        ({"without": ["iss"]}, "wrong_issuer"),
        ({"aud": "https://elsewhere.example.com"}, "wrong_audience"),
        ({"aud": [AUDIENCE + "/"]}, "wrong_audience"),
        ({"without": ["aud"]}, "wrong_audience"),
        ({"exp": 1}, "expired"),
        ({"without": ["exp"]}, "malformed"),
    ],
)
def test_what_must_be_validated_is(issued, check, changes, reason):
    """RFC 9068, 4: type, iss exactly, aud, signature and exp."""
    answer = check(forge.altered(issued, **changes))
    assert (answer.status_code, answer["X-Auth-Reason"]) == (401, reason)


def test_leeway_is_a_few_minutes_at_most():
    """RFC 9068, 4: the setting cannot be more than five."""
    assert timedelta(minutes=5) == MAX_LEEWAY
    assert timedelta(0) == get_settings().LEEWAY


# --- the discovery document: RFC 8414


@pytest.fixture
def metadata(client, conf):
    def metadata(**changes):
        conf(ISSUER="https://id.example.com", **changes)
        documents = [
            client.get(f"/.well-known/{name}").json()
            for name in ("oauth-authorization-server", "openid-configuration")
        ]
        assert documents[0] == documents[1]
        return documents[0]

    return metadata


def test_only_endpoints_that_answer_are_advertised(metadata, client):
    """RFC 8414, 2: each URL of the document leads to one of our views."""
    document = metadata()
    found = {
        name: url.removeprefix("https://id.example.com")
        for name, url in document.items()
        if name.endswith(("_endpoint", "_uri"))
    }
    assert found.keys() == {
        "token_endpoint",
        "revocation_endpoint",
        "introspection_endpoint",
        "jwks_uri",
    }
    for name, url in found.items():
        answer = client.get(url) if name == "jwks_uri" else client.post(url)
        assert answer.status_code == {"jwks_uri": 200, "introspection_endpoint": 401}.get(name, 400)


@pytest.mark.urls("tests.test_well_known")
def test_without_the_endpoints_none_is_advertised(metadata):
    """RFC 8414, 2: a project that does not serve them does not say so."""
    document = metadata()
    assert not [name for name in document if name.endswith("_endpoint")]
    assert not [name for name in document if "grant" in name or "auth_methods" in name]


def test_grants_are_those_that_are_enabled(metadata, conf):
    """RFC 8414, 2: password only where OAUTH_PASSWORD_GRANT is set."""
    assert metadata()["grant_types_supported"] == ["refresh_token"]
    enabled = metadata(OAUTH_PASSWORD_GRANT=True)
    assert enabled["grant_types_supported"] == ["refresh_token", "password"]


def test_the_issuer_is_that_of_the_tokens(metadata, user):
    """RFC 8414, 3.3: issuer is identical to iss, and no array is empty."""
    document = metadata()
    assert document["issuer"] == forge.claims_of(sessions.start(user).access)["iss"]
    assert all(document.values())


# --- the statements and their tests

STATEMENTS = {
    "RFC 6749": "2.3 2.3.1 3.2 3.2.1 3.3 4.3 5.1 5.2 6",
    "RFC 6750": "2 2.1 2.2 3.1 5.3",
    "RFC 7009": "2.1 2.2 2.2.1",
    "RFC 7662": "2.1 2.2 2.3 4",
    "RFC 8414": "2 3.3",
    "RFC 9068": "2.1 2.2 4 6",
}


@pytest.mark.parametrize("rfc", STATEMENTS)
def test_each_section_has_a_test_that_names_it(rfc):
    """Whoever asks how we read a section finds it by its number."""
    here = Path(__file__)
    texts = [here.read_text(), (here.parent / "test_oauth_clients.py").read_text()]
    named = re.findall(rf'"""[^"]*?{rfc}, ([\d. and,]+)', "".join(texts))
    sections = {number.strip(".") for line in named for number in re.findall(r"[\d.]+", line)}
    assert set(STATEMENTS[rfc].split()) <= sections


@pytest.mark.parametrize("error", [DataError, OperationalError])
def test_the_check_answers_a_gateway_whatever_the_database_says(check, pair, monkeypatch, error):
    """nginx turns anything but 2xx, 401 and 403 into a 500."""

    def fail(*args, **kwargs):
        raise error("no")

    monkeypatch.setattr(lookup, "find", fail)
    assert check(pair.access).status_code == 403
