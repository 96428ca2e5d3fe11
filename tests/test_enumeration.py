"""Whoever guesses learns nothing of an account: not whether it exists, nor its state."""

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import MD5PasswordHasher, make_password
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import include, path, reverse

from django_jwtauth import sessions
from tests import urls
from tests.conftest import PASSWORD

pytestmark = [pytest.mark.urls(__name__), pytest.mark.django_db]

urlpatterns = [
    *urls.urlpatterns,
    path("oauth/", include("django_jwtauth.urls.oauth")),
    path("browser/", include("django_jwtauth.urls.browser")),
]

User = get_user_model()


@pytest.fixture(autouse=True)
def accounts(settings, transactional_db):
    """One account of each state; ``nobody`` has none."""
    settings.JWTAUTH = {"OAUTH_PASSWORD_GRANT": True}
    User.objects.create_user("existing", password="another")
    User.objects.create_user("inactive", password=PASSWORD, is_active=False)
    User.objects.create_user("inactive-wrong", password="another", is_active=False)
    User.objects.create_user("unusable")
    User.objects.create(username="empty", password="")
    User.objects.create(username="rubbish", password="no hash at all")
    signed_in = User.objects.create_user("signed-in", password="another")
    sessions.start(signed_in)
    staff = User.objects.create_superuser("root", password="another")
    sessions.start(staff)


NAMES = ["existing", "inactive", "inactive-wrong", "unusable", "empty", "rubbish", "signed-in"]
NAMES += ["root", "nobody", "\u00e4\u00f6\u00fc", "a" * 150]


def obtain(api, name):
    return api.obtain(name, PASSWORD)


def form(api, name):
    return api.post(
        reverse("token_obtain_pair"), {"username": name, "password": PASSWORD}, format="multipart"
    )


def oauth(api, name):
    body = {"grant_type": "password", "username": name, "password": PASSWORD}
    return api.post(reverse("jwtauth_oauth_token"), body, format="multipart")


def browser(api, name):
    return api.post("/browser/token/", {"username": name, "password": PASSWORD})


def count_hashes(monkeypatch):
    """Return a list that grows by each password hashed."""
    hashed, encode = [], MD5PasswordHasher.encode

    def counting(self, password, salt):
        hashed.append(password)
        return encode(self, password, salt)

    monkeypatch.setattr(MD5PasswordHasher, "encode", counting)
    return hashed


@pytest.mark.parametrize("door", [obtain, form, oauth, browser])
def test_all_accounts_are_alike(api, monkeypatch, door):
    """Status, body, headers, number of statements and of hashes are the same for every state."""
    hashed = count_hashes(monkeypatch)
    door(api, "warm-up")
    seen = {}
    for name in NAMES:
        hashed.clear()
        with CaptureQueriesContext(connection) as captured:
            answer = door(api, name)
        seen[name] = (
            answer.status_code,
            answer.content,
            tuple(answer.headers.items()),
            len(captured),
            len(hashed),
        )

    assert len(set(seen.values())) == 1, seen
    assert seen["nobody"][0] in (400, 401, 403)
    assert seen["nobody"][4] == (0 if door is browser and seen["nobody"][0] == 403 else 1)


def test_an_old_hash_costs_another_time_which_is_noted(api, settings, monkeypatch):
    """A user on an older hasher answers alike; only the time tells, which the docs note."""
    settings.PASSWORD_HASHERS = [
        "django.contrib.auth.hashers.MD5PasswordHasher",
        "django.contrib.auth.hashers.PBKDF2PasswordHasher",
    ]
    User.objects.create(username="old", password=make_password("x", hasher="pbkdf2_sha256"))

    old, unknown = api.obtain("old", "wrong"), api.obtain("nobody", "wrong")

    assert (old.status_code, old.content) == (unknown.status_code, unknown.content)


def test_somebody_elses_sign_in_is_no_sign_in(api, other_user):
    """The identifier of another's sign-in and one that never was are alike."""
    mine = sessions.start(User.objects.get(username="existing"))
    theirs = sessions.start(other_user)
    api.with_token(mine.access)
    seen = set()
    for sid in (theirs.session_id.hex, "0" * 32):
        for method in (api.delete, api.patch):
            answer = method(reverse("jwtauth_session_detail", args=[sid]))
            seen.add((answer.status_code, answer.content))

    assert len(seen) == 1
    assert sessions.verify(theirs.refresh)
