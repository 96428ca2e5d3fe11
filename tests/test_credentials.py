import pytest
from django.contrib.auth import user_login_failed
from django.contrib.auth.backends import BaseBackend
from django.contrib.auth.hashers import MD5PasswordHasher
from django.contrib.auth.models import User
from django.db import OperationalError, connection

from django_jwtauth import credentials
from django_jwtauth.exceptions import (
    InvalidCredentials,
    MFARequired,
    SignInRefused,
    Unavailable,
)
from tests.conftest import PASSWORD

BACKENDS = ["django.contrib.auth.backends.ModelBackend"]


class MarkingBackend(BaseBackend):
    """Leaves a mark on the request, as lock-out back ends do."""

    def authenticate(self, request, **given):
        request.marked = sorted(given)


class BrokenBackend(BaseBackend):
    def authenticate(self, request, username=None, password=None):
        raise ValueError("a mistake of the back end's own")


def claims_hook(user, request):
    request.hook_saw = user
    return {"amr": ["pwd", "otp"], "tenant": 3}


def asking_hook(user, request):
    code = credentials.get_sent(request, "otp")
    if code is None:
        raise MFARequired(methods=["otp"])
    return {"amr": ["pwd", "otp"], "saw": code}


def none_hook(user, request):
    return None


def refusing_hook(user, request):
    raise SignInRefused("Send the code as well")


@pytest.fixture
def request_(rf):
    return rf.post("/")


def test_the_user_of_a_name_and_a_password(user, request_):
    """Checked by the project's back ends."""
    assert credentials.check(request_, "anna", PASSWORD) == (user, {})


def make_inactive(user):
    User.objects.update(is_active=False)


def make_unusable(user):
    user.set_unusable_password()
    user.save()


def delete(user):
    user.delete()


@pytest.mark.parametrize("change", [None, make_inactive, make_unusable, delete])
@pytest.mark.parametrize("password", [PASSWORD, "wrong", PASSWORD + " ", PASSWORD.upper(), " "])
def test_whatever_is_wrong_the_refusal_is_one(
    user, request_, change, password, statements, monkeypatch
):
    """Unknown, inactive, unusable and wrong cost the same, one hash, and say the same."""
    if change:
        change(user)
    elif password == PASSWORD:
        return
    hashed = []
    encode = MD5PasswordHasher.encode
    monkeypatch.setattr(
        MD5PasswordHasher, "encode", lambda *args: hashed.append(args) or encode(*args)
    )

    # MariaDB compares names loosely, so what is counted is the stored name.
    queries = 2 if connection.vendor == "mysql" else 1
    with statements(queries), pytest.raises(InvalidCredentials) as caught:
        credentials.check(request_, "anna", password)

    assert caught.value.body()["detail"] == ("No active account found with the given credentials")
    assert len(hashed) == 1


def test_a_back_end_that_lets_inactive_users_in_does_not(user, request_, settings):
    """AllowAllUsersModelBackend knows them; a sign-in needs an active one."""
    settings.AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.AllowAllUsersModelBackend"]
    User.objects.update(is_active=False)

    with pytest.raises(InvalidCredentials):
        credentials.check(request_, "anna", PASSWORD)


def test_back_ends_get_djangos_own_request(user, request_, settings):
    """What a lock-out back end writes on it is there for the middleware."""
    settings.AUTHENTICATION_BACKENDS = ["tests.test_credentials.MarkingBackend", *BACKENDS]

    assert credentials.check(request_, "anna", PASSWORD)[0] == user
    assert request_.marked == ["password", "username"]


def test_django_tells_of_a_failed_attempt(user, request_):
    """user_login_failed is sent, for lock-out and audit, without the password."""
    told = []

    def receive(sender, credentials, request, **kwargs):
        told.append((credentials["username"], credentials["password"], request))

    user_login_failed.connect(receive)
    try:
        with pytest.raises(InvalidCredentials):
            credentials.check(request_, "anna", "wrong")
    finally:
        user_login_failed.disconnect(receive)

    assert told == [("anna", "********************", request_)]


def test_the_mistakes_of_a_back_end_are_not_hidden(user, request_, settings):
    """A ValueError that the name did not cause goes through."""
    settings.AUTHENTICATION_BACKENDS = ["tests.test_credentials.BrokenBackend"]

    with pytest.raises(ValueError, match="own"):
        credentials.check(request_, "anna", PASSWORD)


def test_a_database_that_fails_is_no_wrong_password(user, request_):
    """Nobody is told that the account does not exist."""

    def fail(*args):
        raise OperationalError

    with connection.execute_wrapper(fail), pytest.raises(Unavailable):
        credentials.check(request_, "anna", PASSWORD)


# --- the project's policy


def test_the_hook_gives_the_sign_in_its_claims(user, request_, settings):
    """SIGN_IN_HOOK sees the user and the request."""
    settings.JWTAUTH = {"SIGN_IN_HOOK": "tests.test_credentials.claims_hook"}

    found, claims = credentials.check(request_, "anna", PASSWORD)

    assert claims == {"amr": ["pwd", "otp"], "tenant": 3}
    assert request_.hook_saw == found == user


def test_the_hook_may_give_none(user, request_, settings):
    """A policy without claims."""
    settings.JWTAUTH = {"SIGN_IN_HOOK": "tests.test_credentials.none_hook"}

    assert credentials.check(request_, "anna", PASSWORD) == (user, {})


def test_the_hook_may_refuse(user, request_, settings):
    """With words of its own, after the right password only."""
    settings.JWTAUTH = {"SIGN_IN_HOOK": "tests.test_credentials.refusing_hook"}

    with pytest.raises(SignInRefused, match="sign_in_refused") as caught:
        credentials.check(request_, "anna", PASSWORD)
    assert caught.value.body()["detail"] == "Send the code as well"
    with pytest.raises(InvalidCredentials):
        credentials.check(request_, "anna", "wrong")


def test_the_hook_sees_what_came_with_the_password(rf, user):
    """A form that nobody kept is read by itself; a body that was kept goes before it."""
    request = rf.post("/", {"otp": "123456"})
    assert credentials.get_sent(request, "otp") == "123456"
    credentials.keep_sent(request, {"otp": "654321"})
    assert credentials.get_sent(request, "otp") == "654321"
    assert repr(credentials.get_sent(request, "otp")) == "<redacted>"
    assert credentials.get_sent(request, "other") is None


@pytest.mark.parametrize(
    "value", [None, "", 123456, ["1"], {"a": 1}, "1\0", "\ud800", "9" * 4097, True]
)
def test_what_no_hook_can_use_is_not_there(request_, value):
    """Numbers lose their zeros, and a database may fail at the rest."""
    credentials.keep_sent(request_, {"otp": value})

    assert credentials.get_sent(request_, "otp") is None


@pytest.mark.parametrize("body", [[1], "otp", None])
def test_a_body_that_is_no_object_has_nothing(request_, body):
    """JSON can be anything."""
    credentials.keep_sent(request_, body)

    assert credentials.get_sent(request_, "otp") is None
