import pytest
from django.contrib.auth import user_login_failed
from django.contrib.auth.backends import BaseBackend
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.hashers import MD5PasswordHasher
from django.contrib.auth.models import Group, User
from django.core.exceptions import PermissionDenied
from django.db import OperationalError, connection

from django_jwtauth import credentials
from django_jwtauth.exceptions import InvalidCredentials, MFARequired, SignInRefused, Unavailable
from tests.conftest import PASSWORD

BACKENDS = ["django.contrib.auth.backends.ModelBackend"]


class MarkingBackend(BaseBackend):
    """Leaves a mark on the request, as lock-out back ends do."""

    def authenticate(self, request, **given):
        request.marked = sorted(given)


class BrokenBackend(BaseBackend):
    def authenticate(self, request, username=None, password=None):
        raise ValueError("a mistake of the back end's own")


class FromDirectory(BaseBackend):
    """Knows the user by the right password of its own."""

    def find(self, name, password):
        asked.append((type(self).__name__, name))
        users = User.objects.filter(email=name)
        return users.first() if password == type(self).__name__ else None


class Documented(FromDirectory):
    def authenticate(self, request, username=None, password=None):
        return self.find(username, password)


class Tolerant(FromDirectory):
    def authenticate(self, request, username=None, password=None, **kwargs):
        return self.find(username, password)


class ByField(FromDirectory):
    def authenticate(self, request, email=None, password=None):
        return self.find(email, password)


class ByFieldTolerant(FromDirectory):
    def authenticate(self, request, email=None, password=None, **kwargs):
        return self.find(email, password)


class Keywords(FromDirectory):
    def authenticate(self, request, **credentials):
        return self.find(credentials["username"], credentials["password"])


class KeywordsByField(FromDirectory):
    def authenticate(self, request, **credentials):
        return self.find(credentials["email"], credentials["password"])


class KeywordOnly(FromDirectory):
    def authenticate(self, request, *, username, password):
        return self.find(username, password)


class Static(FromDirectory):
    @staticmethod
    def authenticate(request, username, password):
        return Static().find(username, password)


class NotForPasswords(BaseBackend):
    """Believes whoever names a user; Django never asks it with a password."""

    def authenticate(self, request, username=None):
        return User.objects.first()


class ForTokens(BaseBackend):
    def authenticate(self, request, token):
        return User.objects.first()


class Denying(BaseBackend):
    def authenticate(self, request, username=None, password=None):
        raise PermissionDenied


class OfStrangers(BaseBackend):
    def authenticate(self, request, username=None, password=None):
        return Group(pk=1, name="not a user")


KINDS = [Documented, Tolerant, ByField, ByFieldTolerant, Keywords, KeywordsByField, KeywordOnly]
KINDS += [Static]
asked = []


def path_of(*backends):
    return [f"{one.__module__}.{one.__qualname__}" for one in backends]


def inactive_hook(user, request):
    if not user.is_active:
        raise SignInRefused("Confirm your address first")


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


def test_the_hook_may_say_why_an_inactive_user_is_refused(user, request_, settings):
    """If a back end let them in: only to whoever knows the password."""
    settings.AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.AllowAllUsersModelBackend"]
    settings.JWTAUTH = {"HOOKS": {"SIGN_IN": "tests.test_credentials.inactive_hook"}}
    User.objects.update(is_active=False)

    with pytest.raises(SignInRefused) as caught:
        credentials.check(request_, "anna", PASSWORD)
    assert caught.value.body()["detail"] == "Confirm your address first"
    with pytest.raises(InvalidCredentials):
        credentials.check(request_, "anna", "wrong")


def test_no_hook_lets_an_inactive_user_in(user, request_, settings):
    """A hook that returns claims has refused nobody, and the user stays refused."""
    settings.AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.AllowAllUsersModelBackend"]
    settings.JWTAUTH = {"HOOKS": {"SIGN_IN": "tests.test_credentials.claims_hook"}}
    User.objects.update(is_active=False)

    with pytest.raises(InvalidCredentials):
        credentials.check(request_, "anna", PASSWORD)


@pytest.fixture
def by_address(user, monkeypatch):
    """Users are known by their e-mail address."""
    monkeypatch.setattr(User, "USERNAME_FIELD", "email")
    User.objects.update(email="anna@example.org")
    asked.clear()
    return User.objects.get()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_back_end_gets_the_name_by_its_own_word(by_address, request_, settings, kind):
    """As Django's form passes it, or as simplejwt does, whatever the signature."""
    settings.AUTHENTICATION_BACKENDS = [*BACKENDS, *path_of(*KINDS)]

    user, _ = credentials.check(request_, "anna@example.org", kind.__name__)

    assert user == by_address
    assert user.backend == path_of(kind)[0]
    # Each once, in their order, with the name.
    before = KINDS[: KINDS.index(kind) + 1]
    assert asked == [(one.__name__, "anna@example.org") for one in before]


def test_what_a_failed_attempt_tells_is_told_once(by_address, request_, settings):
    """However many back ends there are: lock-out counts the signal."""
    settings.AUTHENTICATION_BACKENDS = [*BACKENDS, *path_of(*KINDS, NotForPasswords, ForTokens)]
    told = []

    def receive(sender, credentials, **kwargs):
        told.append(credentials)

    user_login_failed.connect(receive)
    try:
        with pytest.raises(InvalidCredentials):
            credentials.check(request_, "anna@example.org", "wrong")
    finally:
        user_login_failed.disconnect(receive)

    name = "anna@example.org"
    assert told == [{"username": name, "email": name, "password": "********************"}]


def test_a_back_end_may_stop_the_others(by_address, request_, settings):
    """PermissionDenied, as in Django: nobody else is asked."""
    settings.AUTHENTICATION_BACKENDS = path_of(Denying, Documented)

    with pytest.raises(InvalidCredentials):
        credentials.check(request_, "anna@example.org", "Documented")
    assert not asked


def test_a_name_that_one_column_cannot_hold_is_asked_of_the_others(
    by_address, request_, settings, monkeypatch
):
    """Users have numbers, and a directory knows them by their address."""
    monkeypatch.setattr(User, "USERNAME_FIELD", "id")
    settings.AUTHENTICATION_BACKENDS = [*BACKENDS, *path_of(Documented)]

    assert credentials.check(request_, "anna@example.org", "Documented")[0] == by_address


@pytest.mark.parametrize("length", [151, 255, 1000])
def test_a_name_may_be_longer_than_the_column(by_address, request_, settings, length):
    """A back end has names of its own, such as the path of an entry in a directory."""
    settings.AUTHENTICATION_BACKENDS = [*BACKENDS, *path_of(Documented)]
    name = "a" * length

    assert credentials.fits(name, "x")
    with pytest.raises(InvalidCredentials):
        credentials.check(request_, name, "Documented")
    assert asked == [("Documented", name)]
    assert not credentials.fits("a" * 1001, "x")


@pytest.mark.parametrize(
    "sent", ["\uff41nna", " anna ", "\u2009anna", "an\u207fa", "\uff41\uff4e\uff4e\uff41"]
)
def test_a_name_is_normalised_as_djangos_form_does(user, request_, sent):
    """NFKC, and no space around it: what a keyboard of another script types is the same name."""
    form = AuthenticationForm(request_, {"username": sent, "password": PASSWORD})

    assert form.is_valid()
    assert credentials.check(request_, sent, PASSWORD)[0] == form.get_user() == user


def test_what_is_no_user_signs_nobody_in(user, request_, settings, caplog):
    """A back end for another table of accounts: its number 1 is not our user 1."""
    settings.AUTHENTICATION_BACKENDS = path_of(OfStrangers)

    with pytest.raises(InvalidCredentials):
        credentials.check(request_, "anna", PASSWORD)
    assert [record.event for record in caplog.records] == ["not_a_user"]


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
    """HOOKS["SIGN_IN"] sees the user and the request."""
    settings.JWTAUTH = {"HOOKS": {"SIGN_IN": "tests.test_credentials.claims_hook"}}

    found, claims = credentials.check(request_, "anna", PASSWORD)

    assert claims == {"amr": ["pwd", "otp"], "tenant": 3}
    assert request_.hook_saw == found == user


def test_the_hook_may_give_none(user, request_, settings):
    """A policy without claims."""
    settings.JWTAUTH = {"HOOKS": {"SIGN_IN": "tests.test_credentials.none_hook"}}

    assert credentials.check(request_, "anna", PASSWORD) == (user, {})


def test_the_hook_may_refuse(user, request_, settings):
    """With words of its own, after the right password only."""
    settings.JWTAUTH = {"HOOKS": {"SIGN_IN": "tests.test_credentials.refusing_hook"}}

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
