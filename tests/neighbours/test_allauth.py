"""django-allauth signs in, in all of its ways; the tokens, and what ends them, are ours."""

import json
import re
import time
from types import SimpleNamespace
from urllib.parse import unquote

import pytest
import time_machine
from allauth.account.models import EmailAddress
from allauth.account.signals import password_changed
from allauth.account.views import PasswordChangeView
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.contrib.auth import user_logged_in
from django.contrib.auth.models import User
from django.core import mail
from django.core.checks import run_checks
from django.db import OperationalError, connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext, override_settings
from django.urls import path, reverse

from django_jwtauth import sessions
from django_jwtauth.contrib import allauth
from django_jwtauth.exceptions import SignInRefused, Unavailable
from django_jwtauth.models import LoginSession
from tests import forge
from tests.calls import reason_of
from tests.conftest import PASSWORD
from tests.neighbours.urls import urlpatterns as project
from tests.pages import DOCS, MARK, as_script, block, read_blocks, read_section, read_table, shape
from tests.shell import free_port, needs_curl, run_script

urlpatterns = [
    *project,
    path(
        "change/", PasswordChangeView.as_view(success_url="/done/"), name="account_change_password"
    ),
]
TOKENS = {"access_token", "refresh_token", "expires_in", "refresh_expires_in"}


class App:
    """An app that talks to allauth: keeps the session token and the tokens that it is given."""

    def __init__(self, client):
        self.client, self.session, self.meta = client, None, {}

    def call(self, method, path, body=None, **headers):
        if self.session:
            headers["X-Session-Token"] = self.session
        content = {"data": body, "content_type": "application/json"} if body is not None else {}
        self.answer = getattr(self.client, method)(
            f"/_allauth/app/v1/{path}", headers=headers, **content
        )
        data = self.answer.json()
        self.given = data.get("meta", {})
        self.meta.update(self.given)
        self.session = self.given.get("session_token", self.session)
        return data

    def sign_in(self, username="anna", password=PASSWORD):
        return self.call("post", "auth/login", {"username": username, "password": password})

    def enter_code(self, code):
        return self.call("post", "auth/2fa/authenticate", {"code": code})

    @property
    def claims(self):
        return forge.claims_of(self.meta["access_token"])

    @property
    def has_tokens(self):
        """Whether the last answer carried tokens."""
        assert len(TOKENS & self.given.keys()) in (0, len(TOKENS))
        return self.given.keys() >= TOKENS


@pytest.fixture
def app(client):
    return App(client)


@pytest.fixture
def new_app(client):
    return lambda: App(client)


@pytest.fixture
def me(api):
    """``me(raw)`` is what the token is answered at ``me/``."""
    return lambda raw: api.get(reverse("jwtauth_me"), HTTP_AUTHORIZATION=f"Bearer {raw}")


def code_at(secret, moment=None):
    """Return what an authenticator shows."""
    return format_hotp_value(hotp_value(secret, int(moment or time.time()) // 30))


@pytest.fixture
def secret(user, new_app):
    """What anna's authenticator holds, set up as an app would; ``new_app`` is signed out."""
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    app = new_app()
    app.sign_in()
    app.call("post", "auth/reauthenticate", {"password": PASSWORD})
    secret = app.call("get", "account/authenticators/totp")["meta"]["secret"]
    with time_machine.travel(time.time() - 300, tick=True):
        code = code_at(secret)
        assert app.call("post", "account/authenticators/totp", {"code": code})["status"] == 200
    app.call("delete", "auth/session")
    LoginSession.objects.all().delete()
    return secret


def pending(data):
    return [flow["id"] for flow in data["data"]["flows"] if flow.get("is_pending")]


# --- signing in


def test_a_password_gets_tokens_of_ours(app, user, me):
    """The answer's meta carries a pair of a sign-in that our endpoints know."""
    before = time.time()
    data = app.sign_in()

    assert data["status"] == 200
    assert app.has_tokens
    assert "no-store" in app.answer["Cache-Control"]
    assert me(app.meta["access_token"]).json()["username"] == "anna"
    assert app.claims["amr"] == ["pwd"]
    assert int(before) <= app.claims["auth_time"] <= time.time()
    assert LoginSession.objects.get().sid == app.claims["sid"]


def test_both_refresh_endpoints_take_the_refresh_token(app, user, api, me):
    """Ours and allauth's; amr and auth_time stay what they were."""
    app.sign_in()
    first = app.claims
    mine = api.refresh(app.meta["refresh_token"]).json()
    theirs = app.call("post", "tokens/refresh", {"refresh_token": mine["refresh"]})["data"]

    assert me(theirs["access_token"]).status_code == 200
    for raw in mine["access"], theirs["access_token"]:
        claims = forge.claims_of(raw)
        assert (claims["amr"], claims["auth_time"]) == (first["amr"], first["auth_time"])
    assert LoginSession.objects.get().generation == 2


def test_a_code_by_mail_is_no_second_factor(app, user):
    """amr says email, and not otp, which stands for a second factor."""
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    app.call("post", "auth/code/request", {"email": user.email})
    assert not app.has_tokens
    code = re.search(r"^([A-Z0-9-]{6,})$", mail.outbox[-1].body, re.M)[1]
    app.call("post", "auth/code/confirm", {"code": code})

    assert app.has_tokens
    assert app.claims["amr"] == ["email"]


def by_dummy(app, **identity):
    token = {"id_token": json.dumps(identity)}
    body = {"provider": "dummy", "process": "login", "token": token}
    return app.call("post", "auth/provider/token", body)


def test_a_social_account_gets_tokens(app, db, me):
    """Its first time, which makes the user, and every other."""
    for _ in range(2):
        app.session = None
        by_dummy(app, id=7, email="clara@example.org", email_verified=True, username="clara")

        assert app.has_tokens
        assert app.claims["amr"] == ["social"]
        assert me(app.meta["access_token"]).json()["username"] == "clara"


def test_a_social_account_with_the_address_of_somebody_else_gets_none(app, user):
    """An address that the provider has not verified is no proof."""
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    by_dummy(app, id=8, email=user.email, username="mallory")

    assert app.answer.status_code == 401
    assert not app.has_tokens
    assert not LoginSession.objects.exists()


def test_an_address_that_is_not_verified_gets_none(app, db, settings):
    """Neither after signing up nor after signing in, until the mail's key comes back."""
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    settings.ACCOUNT_SIGNUP_FIELDS = ["username*", "email*", "password1*"]
    body = {"username": "dora", "email": "dora@example.org", "password": PASSWORD}
    for data in app.call("post", "auth/signup", body), app.sign_in("dora"):
        assert pending(data) == ["verify_email"]
        assert not app.has_tokens
    assert not LoginSession.objects.exists()
    key = unquote(re.search(r"/verify-email/(\S+)", mail.outbox[0].body)[1])
    app.call("post", "auth/email/verify", {"key": key})
    app.session = None
    app.sign_in("dora")

    assert app.has_tokens


def claims_hook(user, session):
    return {"name": user.get_username()}


def scopes_hook(user, request):
    return ["reports:read"]


def tenant_hook(user, request):
    return {"tenant": 3, "amr": ["kba"]}


def refusing_hook(user, request):
    raise SignInRefused("Not from here.")


def test_our_hooks_have_their_say(app, user, settings):
    """As at every other door; what HOOKS["SIGN_IN"] says of amr goes before allauth's."""
    settings.JWTAUTH = {
        "HOOKS": {
            "CLAIMS": f"{__name__}.claims_hook",
            "SCOPES": f"{__name__}.scopes_hook",
            "SIGN_IN": f"{__name__}.tenant_hook",
        },
    }
    app.sign_in()

    assert app.claims["name"] == "anna"
    assert app.claims["scope"] == "reports:read"
    assert (app.claims["tenant"], app.claims["amr"]) == (3, ["kba"])


def test_a_refusal_of_the_hook_ends_allauths_session_too(app, user, settings):
    """401 with our reason, in allauth's form; nothing of the sign-in is left."""
    settings.JWTAUTH = {"HOOKS": {"SIGN_IN": f"{__name__}.refusing_hook"}}
    data = app.sign_in()

    assert app.answer.status_code == data["status"] == 401
    assert app.answer["Cache-Control"] == "no-store"
    assert data["errors"] == [{"message": "Not from here.", "code": "sign_in_refused"}]
    assert not data["meta"]["is_authenticated"]
    assert {"id": "login"} in data["data"]["flows"]
    assert not LoginSession.objects.exists()
    assert app.call("get", "auth/session")["status"] == 401


def test_an_unavailable_database_is_503(app, user, monkeypatch):
    """Not a wrong password, and not a session without tokens."""

    def fail(*args, **kwargs):
        raise Unavailable

    monkeypatch.setattr(sessions, "start", fail)
    app.sign_in()

    assert app.answer.status_code == 503
    assert app.answer["Retry-After"] == "5"
    assert app.session is None


def test_django_is_told_once(app, user):
    """By the login() that allauth calls: user_logged_in once, last_login written once."""
    told = []

    def receive(request, user, **kwargs):
        told.append(user)

    user_logged_in.connect(receive)
    try:
        with CaptureQueriesContext(connection) as captured:
            app.sign_in()
    finally:
        user_logged_in.disconnect(receive)

    assert app.has_tokens
    assert told == [user]
    updates = [query["sql"] for query in captured if query["sql"].startswith("UPDATE")]
    assert sum("last_login" in sql for sql in updates) == 1


def test_a_code_of_the_client_decides_nothing(app, user):
    """Who says in the body how they signed in is not listened to."""
    body = {"username": "anna", "password": PASSWORD, "amr": ["otp"], "auth_time": 2**40}
    app.call("post", "auth/login", {**body, "account_authentication_methods": [{"method": "mfa"}]})

    assert app.claims["amr"] == ["pwd"]
    assert app.claims["auth_time"] <= time.time()


# --- the second factor


def test_half_a_sign_in_gets_no_token(app, secret):
    """After the password, and after a wrong code, there is no token and no sign-in."""
    for data in app.sign_in(), app.enter_code("000000"), app.call("get", "auth/session"):
        assert data["status"] in (400, 401)
        assert not app.has_tokens
    assert pending(data) == ["mfa_authenticate"]
    assert not LoginSession.objects.exists()


def test_the_second_factor_is_told_in_the_token(app, secret, me):
    """amr says that there were two, and which."""
    app.sign_in()
    assert app.enter_code(code_at(secret))["status"] == 200

    assert app.claims["amr"] == ["pwd", "otp", "mfa"]
    assert me(app.meta["access_token"]).status_code == 200


def test_a_code_is_good_once(new_app, secret):
    """Whoever looked over the shoulder cannot sign in with it."""
    code = code_at(secret)
    granted = []
    for app in new_app(), new_app():
        app.sign_in()
        app.enter_code(code)
        granted.append(app.has_tokens)

    assert granted == [True, False]


def test_a_half_done_sign_in_gives_nothing_to_the_next_user(app, secret, other_user):
    """The records of one user are not taken for another's, in one session."""
    app.sign_in()
    app.sign_in("bert")

    assert app.has_tokens
    assert app.claims["sub"] == str(other_user.pk)
    assert app.claims["amr"] == ["pwd"]


def test_a_session_known_before_is_worth_nothing_after(app, secret):
    """Whoever has planted a session token, or read one, does not get the signed-in one."""
    app.sign_in()
    planted = app.session
    app.enter_code(code_at(secret))
    assert app.session != planted
    app.session = planted

    assert app.call("get", "auth/session")["status"] == 410


# --- proving it again


def test_a_second_factor_given_again_makes_the_tokens_recent(app, secret, me, api):
    """The answer carries a new pair with the new auth_time; the one before is refused."""
    app.sign_in()
    app.enter_code(code_at(secret))
    first, before = app.claims, dict(app.meta)
    with time_machine.travel(time.time() + 240, tick=True):
        body = {"code": code_at(secret)}
        assert app.call("post", "auth/2fa/reauthenticate", body)["status"] == 200

        assert app.has_tokens
        assert app.claims["auth_time"] >= first["auth_time"] + 239
        assert app.claims["amr"] == ["pwd", "otp", "mfa"]
        assert me(app.meta["access_token"]).status_code == 200
        assert me(before["access_token"]).json()["reason"] == "session_ended"
        assert api.refresh(before["refresh_token"]).json()["reason"] == "session_ended"
    assert LoginSession.objects.live().count() == 1


def test_the_password_alone_does_not_make_a_second_factor_recent(app, secret):
    """A thief with the session and the password is not somebody who has just signed in."""
    app.sign_in()
    app.enter_code(code_at(secret))
    first = app.claims
    with time_machine.travel(time.time() + 240, tick=True):
        app.call("post", "auth/reauthenticate", {"password": PASSWORD})

        assert app.has_tokens
        assert app.claims["auth_time"] == first["auth_time"]


def test_without_a_second_factor_the_password_does(app, user):
    """auth_time is when it was given last."""
    app.sign_in()
    first = app.claims
    with time_machine.travel(time.time() + 240, tick=True):
        app.call("post", "auth/reauthenticate", {"password": PASSWORD})

        assert app.claims["auth_time"] >= first["auth_time"] + 239


def test_a_wrong_password_renews_nothing(app, user, me):
    """The tokens stay what they were."""
    app.sign_in()
    data = app.call("post", "auth/reauthenticate", {"password": "wrong"})

    assert data["status"] == 400
    assert not app.has_tokens
    assert me(app.meta["access_token"]).status_code == 200


def test_a_new_password_brings_new_tokens(app, new_app, user, me):
    """It ends all sign-ins, and the app that changed it goes on with the tokens of the answer."""
    other = new_app()
    other.sign_in()
    app.sign_in()
    old = app.meta["access_token"]
    body = {"current_password": PASSWORD, "new_password": "another horse, another staple"}
    app.call("post", "account/password/change", body)

    assert app.has_tokens
    assert me(app.meta["access_token"]).status_code == 200
    assert app.call("get", "auth/session")["status"] == 200
    for raw in old, other.meta["access_token"]:
        assert me(raw).status_code == 401
    assert other.call("get", "auth/session")["status"] in (401, 410)


def test_a_page_of_allauths_keeps_the_sign_in(user, settings):
    """With the receiver of the documentation, and the token in the header of its own view."""
    settings.MIDDLEWARE = [
        *settings.MIDDLEWARE,
        "django_jwtauth.middleware.JWTAuthenticationMiddleware",
    ]
    names = {}
    exec(block("python.md", "from allauth.account.signals"), names)
    pair, other = sessions.start(user), sessions.start(user)
    passwords = {"password1": "another staple, 42", "password2": "another staple, 42"}
    try:
        with override_settings(ROOT_URLCONF="tests.neighbours.test_allauth"):
            answer = Browser().post(
                "/change/",
                {"oldpassword": PASSWORD, **passwords},
                headers={"Authorization": f"Bearer {pair.access}"},
            )
    finally:
        password_changed.disconnect(names["keep_sign_in"])

    assert answer.status_code == 302, answer.content
    user.refresh_from_db()
    assert user.check_password(passwords["password1"])
    assert sessions.authenticate(pair.access)
    assert sessions.refresh(pair.refresh)
    assert reason_of(sessions.authenticate, other.access) == "credentials_changed"


def test_the_hook_for_lifetimes_is_asked_for_allauths_sign_ins(app, user, settings, me):
    """The answer and the row say what it chose."""
    hooks = {"LIFETIMES": f"{__name__}.short"}
    settings.JWTAUTH = {"HOOKS": hooks}
    app.sign_in()

    assert (app.meta["expires_in"], app.meta["refresh_expires_in"]) == (60, 3600)
    assert me(app.meta["access_token"]).status_code == 200


def short(user, request):
    return {"session": 3600, "access": 60} if user and request else {}


def test_a_new_row_is_no_new_proof(app, user):
    """Without a record of allauth's, auth_time is when the sign-in that is replaced began."""
    body = {"username": "dora", "password": PASSWORD}
    app.call("post", "auth/signup", body)
    first = app.claims
    assert "auth_time" not in first
    for hours, old, new in ((1, PASSWORD, "another staple"), (2, "another staple", PASSWORD)):
        with time_machine.travel(time.time() + hours * 3600, tick=True):
            body = {"current_password": old, "new_password": new}
            app.call("post", "account/password/change", body)

            assert app.has_tokens
            assert app.claims["iat"] >= first["iat"] + 3599
            assert abs(app.claims["auth_time"] - first["iat"]) <= 1


# --- the end


def test_signing_out_at_allauth_ends_the_sign_in(app, user, me, api):
    """On the next request; the row says who did it."""
    app.sign_in()
    app.call("delete", "auth/session")

    assert me(app.meta["access_token"]).json()["reason"] == "session_ended"
    assert api.refresh(app.meta["refresh_token"]).json()["reason"] == "session_ended"
    session = LoginSession.objects.get()
    assert (session.end_reason, session.ended_via) == ("signed_out", "api")
    assert session.ended_by == user


def sign_out(app, api):
    api.blacklist(refresh=app.meta["refresh_token"])


def end_as_operator(app, api):
    LoginSession.objects.all().end()


def use_twice(app, api):
    LoginSession.objects.update(generation=5)
    api.refresh(app.meta["refresh_token"])


def expire(app, api):
    LoginSession.objects.update(expires_at="2020-01-01T00:00:00Z")


def deactivate(app, api):
    User.objects.update(is_active=False)


def change_password(app, api):
    user = User.objects.get()
    user.set_password("new")
    user.save()


@pytest.mark.parametrize("end", [sign_out, end_as_operator, use_twice, expire])
def test_the_end_of_the_sign_in_ends_allauths_session(app, user, api, end):
    """A stolen session token is no way back: 410 tells the app to start again."""
    app.sign_in()
    assert app.call("get", "auth/session")["status"] == 200
    end(app, api)

    assert app.call("get", "auth/session")["status"] == 410
    assert app.call("post", "auth/reauthenticate", {"password": PASSWORD})["status"] == 410
    assert app.call("get", "account/email")["status"] == 410


@pytest.mark.parametrize("end", [deactivate, change_password])
def test_what_refuses_the_tokens_refuses_the_session(app, user, api, end):
    """Deactivation, and a password changed elsewhere."""
    app.sign_in()
    end(app, api)

    assert app.call("get", "auth/session")["status"] in (401, 410)


def test_a_database_that_is_down_is_503_and_not_410(app, user, monkeypatch):
    """The app must not throw its session away."""
    app.sign_in()

    def fail(*args, **kwargs):
        raise OperationalError

    monkeypatch.setattr("django_jwtauth.store.lookup.find_session", fail)

    assert app.call("get", "auth/session")["status"] == 503


def test_an_access_token_is_no_session(app, user):
    """allauth's endpoints change the account: a narrowed token must not get there."""
    app.sign_in()
    app.session = None
    raw = app.meta["access_token"]

    assert app.call("get", "auth/session", Authorization=f"Bearer {raw}")["status"] == 401


def test_a_session_of_djangos_own_ends_as_ever(client, user):
    """Signing out elsewhere, in the admin say, has no sign-in to end."""
    client.force_login(user)
    client.logout()


# --- allauth's refresh endpoint


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("atomic", [False, True])
def test_a_token_used_twice_ends_the_sign_in_there_too(app, user, settings, me, atomic):
    """400, and the end is not rolled back by ATOMIC_REQUESTS."""
    connection.settings_dict["ATOMIC_REQUESTS"] = atomic
    try:
        app.sign_in()
        LoginSession.objects.update(generation=5)
        data = app.call("post", "tokens/refresh", {"refresh_token": app.meta["refresh_token"]})
    finally:
        connection.settings_dict["ATOMIC_REQUESTS"] = False

    assert data == {"status": 400}
    assert LoginSession.objects.get().end_reason == "reused"
    assert me(app.meta["access_token"]).status_code == 401


@pytest.mark.parametrize("raw", ["", "x", "ü.ü.ü", "a" * 9000])
def test_what_is_no_refresh_token_is_400(app, user, raw):
    """And changes nothing."""
    assert app.call("post", "tokens/refresh", {"refresh_token": raw})["status"] == 400


def test_an_access_token_is_no_refresh_token(app, user):
    """Nor the other way round."""
    app.sign_in()
    body = {"refresh_token": app.meta["access_token"]}

    assert app.call("post", "tokens/refresh", body)["status"] == 400


def test_a_refresh_without_rotation_keeps_its_token(app, user, settings):
    """allauth then leaves it out of the answer."""
    app.sign_in()
    settings.JWTAUTH = {"ROTATE_REFRESH_TOKENS": False}
    body = {"refresh_token": app.meta["refresh_token"]}

    assert app.call("post", "tokens/refresh", body)["data"].keys() == {"access_token"}


def test_a_refresh_without_the_database_is_503(app, user, monkeypatch):
    """The token may well be good."""

    def fail(*args):
        raise Unavailable

    monkeypatch.setattr(sessions, "refresh", fail)

    assert app.call("post", "tokens/refresh", {"refresh_token": "x"})["status"] == 503


# --- the other doors


def test_the_other_doors_can_be_closed(app, api, secret, settings):
    """require_allauth: a right password alone gets no token, allauth's way does."""
    assert api.obtain().status_code == 200
    settings.JWTAUTH = {"HOOKS": {"SIGN_IN": "django_jwtauth.contrib.allauth.require_allauth"}}
    refused = api.obtain()
    app.sign_in()
    app.enter_code(code_at(secret))

    assert refused.status_code == 401
    assert refused.json()["reason"] == "sign_in_refused"
    assert app.has_tokens


def test_a_session_in_a_cookie_opens_no_other_door(api, user, settings):
    """Being signed in to the admin is not having signed in at allauth."""
    settings.JWTAUTH = {"HOOKS": {"SIGN_IN": "django_jwtauth.contrib.allauth.require_allauth"}}
    api.force_login(user)

    assert api.obtain().status_code == 401


def test_the_second_factor_that_the_token_endpoint_skips_is_told(settings):
    """By check --deploy, until a policy is set."""

    def told():
        messages = run_checks(tags=["jwtauth"], include_deployment_checks=True)
        return "jwtauth.W013" in [message.id for message in messages]

    assert told()
    settings.JWTAUTH = {"HOOKS": {"SIGN_IN": "django_jwtauth.contrib.allauth.require_allauth"}}
    assert not told()


# --- what the records say


PWD = {"method": "password", "at": 10.7}
SOCIAL = {"method": "socialaccount", "at": 10, "provider": "dummy", "uid": "7"}
TOTP = {"method": "mfa", "at": 20.2, "id": 1, "type": "totp"}
KEY = {"method": "mfa", "at": 20, "id": 1, "type": "webauthn"}
MAIL = {"method": "code", "at": 5, "email": "anna@example.org"}


@pytest.mark.parametrize(
    ("records", "amr", "auth_time"),
    [
        ([PWD], ["pwd"], 10),
        ([SOCIAL, TOTP], ["social", "otp", "mfa"], 20),
        ([PWD, {**TOTP, "type": "recovery_codes"}], ["pwd", "otp", "mfa"], 20),
        ([PWD, KEY], ["pwd", "pop", "mfa"], 20),
        ([{**KEY, "passwordless": True}], ["pop"], 20),
        ([MAIL], ["email"], 5),
        ([MAIL, PWD], ["email", "pwd"], 10),
        ([{"method": "code", "at": 5, "phone": "+49151"}], ["sms"], 5),
        ([{"method": "password_reset", "at": 5, "email": "a@example.org"}], ["email"], 5),
        ([PWD, TOTP, {**PWD, "at": 90, "reauthenticated": True}], ["pwd", "otp", "mfa"], 20),
        ([PWD, TOTP, {**TOTP, "at": 90, "reauthenticated": True}], ["pwd", "otp", "mfa"], 90),
        ([PWD, {"method": "project's own", "at": 99}], ["pwd"], 10),
        ([PWD, {"method": "mfa", "at": 99, "type": "project's own"}], ["pwd"], 10),
    ],
)
def test_amr_and_auth_time_come_from_the_records(records, amr, auth_time):
    """The words of RFC 8176; auth_time is when the strongest of them was given last."""
    assert allauth.prove(records) == {"amr": amr, "auth_time": auth_time}


@pytest.mark.parametrize("records", [[], [{"method": "project's own", "at": 1}]])
def test_without_a_record_nothing_is_said(records):
    """An access token without amr passes no HasAMR."""
    assert allauth.prove(records) == {}


def test_a_user_half_signed_in_has_no_payload(rf):
    """Whoever calls the strategy before allauth is done gets nothing."""
    request = rf.post("/")
    request.user = SimpleNamespace(is_authenticated=False)

    assert allauth.TokenStrategy().create_access_token_payload(request) is None


# --- the page


@needs_curl
def test_the_page_works_as_written(tmp_path):
    """Typed into an empty project, it ends with the answer that it shows."""
    page = tmp_path / "page.md"
    page.write_text((DOCS / "allauth.md").read_text().partition("## Sign-ins and allauth")[0])
    script, shown = as_script(page, f"127.0.0.1:{free_port()}")
    last = run_script(script, tmp_path).split(f"{MARK}\n")[-1]

    assert shape(json.loads(last)) == shape(json.loads(shown[-1]))


def test_the_pages_settings_are_those_tested_here(settings):
    """Name by name; the test project has more in its lists."""
    blocks = [block.code for block in read_blocks(DOCS / "allauth.md") if block.heading == "Set up"]
    names = {"INSTALLED_APPS": [], "MIDDLEWARE": []}
    exec(next(code for code in blocks if "INSTALLED_APPS" in code), names)

    for name in ("INSTALLED_APPS", "MIDDLEWARE", "AUTHENTICATION_BACKENDS"):
        assert set(names[name]) <= set(getattr(settings, name))
    for name in ("HEADLESS_ONLY", "HEADLESS_CLIENTS", "HEADLESS_TOKEN_STRATEGY"):
        assert names[name] == getattr(settings, name)


def test_the_pages_table_of_words_is_the_codes():
    """Each word of amr is in the table, and no other."""
    table = read_table(read_section(DOCS / "allauth.md", "`amr` and `auth_time`"))
    words = set(re.findall(r"`(\w+)`", " ".join(cell for _record, cell in table)))

    assert words == {"pwd", "social", "email", "sms", "otp", "pop", "mfa"}
    assert words >= {*allauth._FIRST_FACTORS.values(), *allauth._SECOND_FACTORS.values()}
