"""API tokens, as Python makes and checks them; ``test_portal`` has the endpoints."""

import time
from datetime import timedelta
from functools import partial

import pytest
import time_machine
from asgiref.sync import async_to_sync
from django.contrib.auth.hashers import make_password
from django.db import OperationalError, connection
from django.urls import include, path
from django.utils import timezone
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from django_jwtauth import api_tokens, exceptions, sessions
from django_jwtauth.authentication import JWTStatelessUserAuthentication
from django_jwtauth.models import Kind, LoginSession, Reason, Via
from django_jwtauth.tokens.keymaterial import CRYPTOGRAPHY
from tests.conftest import Client
from tests.forge import claims_of
from tests.keypairs import make_pem
from tests.racing import race
from tests.urls import urlpatterns as project

urlpatterns = [
    *project,
    path("api/", include("django_jwtauth.urls.portal")),
]
pytestmark = [
    pytest.mark.urls(__name__),
    pytest.mark.django_db,
    pytest.mark.usefixtures("nothing_remembered"),
]


@pytest.fixture
def owner(pair):
    return Client().with_token(pair.access)


def make(owner, **body):
    return owner.post("/api/api-tokens/", {"name": "deploy", **body})


OLD_KEY = "an old key that stands in SECRET_KEY_FALLBACKS, long enough"
NEW_KEY = "the key that took its place, and that is long enough"
SIGNERS = {
    "derived": list,
    "HS256": lambda: [{"algorithm": "HS256", "secret": "of its own, 0123456789 abcdefghijk"}],
    **{
        name: partial(lambda name: [{"algorithm": name, "private_key": make_pem(name)}], name)
        for name in (("ES256", "RS256", "EdDSA") if CRYPTOGRAPHY else ())
    },
}


def is_accepted(raw):
    try:
        sessions.authenticate(raw)
    except exceptions.TokenError:
        return False
    return True


# --- when SECRET_KEY is replaced


@pytest.mark.parametrize("signer", SIGNERS)
def test_a_token_lives_as_long_as_it_says_whatever_becomes_of_secret_key(user, settings, signer):
    """Unless it is signed with the derived key, whose fallback must stay; other tokens end."""
    settings.SECRET_KEY = OLD_KEY
    settings.JWTAUTH = {"KEYS": SIGNERS[signer]()}
    raw, access = api_tokens.create(user, "deploy").raw, sessions.start(user).access
    settings.SECRET_KEY = NEW_KEY
    settings.SECRET_KEY_FALLBACKS = [OLD_KEY]
    assert is_accepted(raw)
    assert is_accepted(access)

    for fallbacks in ([], ["another one that is long enough, 0123456789"]):
        settings.SECRET_KEY_FALLBACKS = fallbacks
        assert is_accepted(raw) == (signer != "derived")
        assert not is_accepted(access)


@pytest.mark.parametrize("signer", SIGNERS)
@pytest.mark.parametrize("moved", [False, True], ids=["same SECRET_KEY", "another SECRET_KEY"])
def test_a_changed_password_ends_it_all_the_same(user, settings, signer, moved):
    """Under whichever key: the hash does not need SECRET_KEY, and still knows the password."""
    settings.SECRET_KEY = OLD_KEY
    settings.JWTAUTH = {"KEYS": SIGNERS[signer]()}
    raw = api_tokens.create(user, "deploy").raw
    if moved:
        settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = NEW_KEY, [OLD_KEY]
    assert is_accepted(raw)
    type(user).objects.update(password=make_password("another"))
    assert not is_accepted(raw)


def test_a_hash_of_the_projects_own_is_the_only_one(user, settings, monkeypatch):
    """A model whose get_session_auth_hash() looks at more than the password decides alone."""
    settings.JWTAUTH = {"KEYS": SIGNERS["HS256"]()}
    before = api_tokens.create(user, "before").raw
    monkeypatch.setattr(
        type(user), "get_session_auth_hash", lambda self: f"{self.password}{self.email}"[-200:]
    )
    after = api_tokens.create(user, "after")
    assert after.session.auth_hash == user.get_session_auth_hash()
    assert is_accepted(after.raw)
    assert not is_accepted(before)
    type(user).objects.update(email="another@example.com")
    assert not is_accepted(after.raw)


# --- in Python


def test_the_async_twin(user):
    """acreate() does the same."""
    new = async_to_sync(api_tokens.acreate)(user, "deploy", lifetime=timedelta(hours=1))

    assert sessions.authenticate(new.raw)[0] == user
    assert new.session.expires_at - new.session.created_at == timedelta(hours=1)


def test_a_new_token_signs_in_its_owner(user):
    """The text that create() returns authenticates as the user, and says that it is a script's."""
    new = api_tokens.create(user, "deploy")

    found, claims = sessions.authenticate(new.raw)
    assert found == user
    assert claims["token_use"] == "api"
    assert claims["sid"] == new.session.sid
    row = LoginSession.objects.get()
    assert (row.kind, row.name, row.user) == (Kind.API_TOKEN, "deploy", user)


def test_the_text_is_not_shown_by_accident(user):
    """repr() of what create() returns holds nothing that signs in."""
    new = api_tokens.create(user, "deploy")

    assert new.raw not in repr(new)


def test_an_inactive_user_gets_none(user):
    """A deactivated user cannot be given a token, and no row is left."""
    user.is_active = False

    with pytest.raises(exceptions.UserInactive):
        api_tokens.create(user, "deploy")
    assert not LoginSession.objects.exists()


@pytest.mark.parametrize(
    ("asked", "got"),
    [
        (None, timedelta(days=30)),
        (timedelta(days=7), timedelta(days=7)),
        (timedelta(days=30), timedelta(days=30)),
    ],
)
def test_the_lifetime_has_a_maximum(user, settings, asked, got):
    """A token lives as long as asked for, at most and by default MAX_LIFETIME."""
    settings.JWTAUTH = {"API_TOKENS": {"MAX_LIFETIME": timedelta(days=30)}}

    new = api_tokens.create(user, "deploy", lifetime=asked)

    claims = claims_of(new.raw)
    assert claims["exp"] - claims["iat"] == got.total_seconds()
    assert new.session.expires_at - new.session.created_at == got


@pytest.mark.parametrize("asked", [timedelta(days=30, seconds=1), timedelta(days=400)])
def test_more_than_the_maximum_is_refused(owner, user, settings, asked):
    """A token that ends earlier than was asked for fails some night: here and over HTTP."""
    settings.JWTAUTH = {"API_TOKENS": {"MAX_LIFETIME": timedelta(days=30)}}
    before = LoginSession.objects.count()
    with pytest.raises(ValueError, match="at most 30 days"):
        api_tokens.create(user, "deploy", lifetime=asked)
    with pytest.raises(ValueError, match="at most 30 days"):
        async_to_sync(api_tokens.acreate)(user, "deploy", lifetime=asked)
    answer = make(owner, expires_in=int(asked.total_seconds()))
    assert (answer.status_code, list(answer.json())) == (400, ["expires_in"])
    assert str(30 * 24 * 3600) in answer.json()["expires_in"][0]
    assert LoginSession.objects.count() == before
    assert make(owner, expires_in=30 * 24 * 3600).status_code == 201


def test_it_lives_on_where_a_sign_in_ends(user):
    """SESSION_LIFETIME is for people: a script's token is good until its own end."""
    with time_machine.travel(timezone.now(), tick=False) as clock:
        new = api_tokens.create(user, "deploy", lifetime=timedelta(days=100))
        clock.shift(timedelta(days=100, seconds=-1))
        assert sessions.authenticate(new.raw)
        clock.shift(timedelta(seconds=1))
        with pytest.raises(exceptions.ExpiredToken):
            sessions.authenticate(new.raw)


def test_scopes_are_those_that_the_hook_allows(user, settings):
    """Of what is asked for, the token gets what HOOKS["SCOPES"] allows its owner."""
    settings.JWTAUTH = {"HOOKS": {"SCOPES": "tests.hooks.two_scopes"}}

    new = api_tokens.create(user, "deploy", scope="reports:read users:delete")

    assert claims_of(new.raw)["scope"] == "reports:read"
    assert LoginSession.objects.get().scope == "reports:read"


def test_more_scopes_than_can_be_listed_are_refused(user, settings):
    """Scopes that do not fit their column are a ValueError, and no row is left."""
    settings.JWTAUTH = {"HOOKS": {"SCOPES": "tests.hooks.many_scopes"}}

    with pytest.raises(ValueError, match="request fewer"):
        api_tokens.create(user, "deploy")
    assert not LoginSession.objects.exists()


def test_a_changed_password_ends_it(user):
    """As with a sign-in, a token made under the old password is refused."""
    new = api_tokens.create(user, "deploy")
    user.set_password("another")
    user.save()

    with pytest.raises(exceptions.CredentialsChanged):
        sessions.authenticate(new.raw)


def test_it_outlives_the_password_if_the_setting_says_so(user, settings):
    """API_TOKENS["SURVIVE_PASSWORD_CHANGE"] holds for API tokens, and for nothing else."""
    settings.JWTAUTH = {"API_TOKENS": {"SURVIVE_PASSWORD_CHANGE": True}}
    new, pair = api_tokens.create(user, "deploy"), sessions.start(user)
    user.set_password("another")
    user.save()

    assert sessions.authenticate(new.raw)[0] == user
    with pytest.raises(exceptions.CredentialsChanged):
        sessions.authenticate(pair.access)


def test_it_cannot_be_refreshed(user):
    """It is no refresh token, and there is none for its row."""
    new = api_tokens.create(user, "deploy")

    with pytest.raises(exceptions.WrongTokenType):
        sessions.refresh(new.raw)


def test_limits_on_sign_ins_leave_it_alone(user, settings):
    """MAX_SESSIONS_PER_USER counts sign-ins only."""
    settings.JWTAUTH = {"MAX_SESSIONS_PER_USER": 1}
    new = api_tokens.create(user, "deploy")
    sessions.start(user)
    sessions.start(user)

    assert sessions.authenticate(new.raw)


def test_everything_of_a_user_includes_it(user):
    """Who ends all of a user's rows ends the API tokens, too."""
    new = api_tokens.create(user, "deploy")
    LoginSession.objects.filter(user=user).end(reason=Reason.COMPROMISED, via=Via.ADMIN)

    with pytest.raises(exceptions.SessionEnded):
        sessions.authenticate(new.raw)


@pytest.mark.django_db(transaction=True)
def test_parallel_creation_respects_the_limit(user, settings):
    """However many are made at once, no more than API_TOKENS["MAX_PER_USER"] stay live."""
    settings.JWTAUTH = {"API_TOKENS": {"MAX_PER_USER": 3}}

    race([partial(api_tokens.create, user, "deploy")] * 8)

    assert LoginSession.objects.live().count() <= 3


@pytest.mark.parametrize("wrong", [{"lifetime": timedelta(0)}, {"lifetime": -timedelta(days=1)}])
def test_a_lifetime_that_is_none_is_a_mistake(user, wrong):
    """Zero is not taken for the longest there is."""
    with pytest.raises(ValueError, match="second"):
        api_tokens.create(user, "deploy", **wrong)
    assert not LoginSession.objects.exists()


def test_a_name_that_fits_no_column_is_a_mistake(user):
    """A ValueError on every database, and no row is left."""
    with pytest.raises(ValueError, match="name"):
        api_tokens.create(user, "x" * 101)
    assert not LoginSession.objects.exists()


# --- the last use


@pytest.mark.django_db(transaction=True)
def test_use_is_written_once_in_five_minutes(user, statements, monkeypatch):
    """Most requests with an API token cost the one query; the first in five minutes writes."""
    # The clock that is moved here is not the monotonic one.
    monkeypatch.setattr(api_tokens.time, "monotonic", time.time)
    new = api_tokens.create(user, "deploy")
    with time_machine.travel(timezone.now(), tick=False) as clock:
        with statements(2):
            sessions.authenticate(new.raw)
        first = LoginSession.objects.get().last_used_at
        clock.shift(api_tokens.USE_INTERVAL - timedelta(seconds=1))
        with statements(1):
            sessions.authenticate(new.raw)
        clock.shift(timedelta(seconds=2))
        with statements(2):
            sessions.authenticate(new.raw)

    assert LoginSession.objects.get().last_used_at > first + api_tokens.USE_INTERVAL


@pytest.mark.django_db(transaction=True)
def test_another_process_has_written_already(user):
    """What another process wrote a moment ago is not written over."""
    new = api_tokens.create(user, "deploy")
    moment = timezone.now()
    LoginSession.objects.update(last_used_at=moment)

    sessions.authenticate(new.raw)

    assert LoginSession.objects.get().last_used_at == moment


@pytest.mark.django_db(transaction=True)
def test_what_a_process_remembers_is_bounded(user, monkeypatch):
    """The memory of who wrote when keeps to its size."""
    monkeypatch.setattr(api_tokens, "_MAX_REMEMBERED", 2)
    for _ in range(4):
        sessions.authenticate(api_tokens.create(user, "deploy").raw)

    assert len(api_tokens._written) == 2


@pytest.mark.django_db(transaction=True)
def test_a_use_that_cannot_be_written_refuses_nobody(user, caplog):
    """Where only reading works, the token is good all the same, and the log says what failed."""
    raw = api_tokens.create(user, "deploy").raw

    def read_only(execute, sql, params, many, context):
        if sql.startswith("UPDATE"):
            raise OperationalError("read-only")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(read_only):
        assert sessions.authenticate(raw)[0] == user

    assert "OperationalError" in caplog.text or "read-only" in caplog.text
    assert LoginSession.objects.get().last_used_at is None


def test_use_is_written_after_the_callers_transaction(user, django_capture_on_commit_callbacks):
    """Inside a transaction nothing is written; its lock would last as long as the view."""
    raw = api_tokens.create(user, "deploy").raw

    with django_capture_on_commit_callbacks() as later:
        sessions.authenticate(raw)

    assert LoginSession.objects.get().last_used_at is None
    for write in later:
        write()
    assert LoginSession.objects.get().last_used_at


def test_a_person_costs_no_write(user, pair, statements):
    """An access token of a sign-in is authenticated in one query, every time."""
    with statements(1):
        sessions.authenticate(pair.access)


# --- without the database


class Scripts(JWTStatelessUserAuthentication):
    accepts_api_tokens = True


def ask(authentication, raw):
    request = APIRequestFactory().get("/", headers={"authorization": f"Bearer {raw}"})
    return authentication().authenticate(Request(request))


def test_a_service_that_cannot_see_it_revoked_refuses_it(user, pair):
    """The stateless class takes people's tokens only, unless a subclass says otherwise."""
    raw = api_tokens.create(user, "deploy").raw

    with pytest.raises(AuthenticationFailed) as caught:
        ask(JWTStatelessUserAuthentication, raw)
    assert caught.value.detail["reason"] == "wrong_type"
    assert ask(JWTStatelessUserAuthentication, pair.access)[0].pk == str(user.pk)
    assert ask(Scripts, raw)[0].pk == str(user.pk)
