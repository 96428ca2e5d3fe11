"""Moving a project with public UUIDs in its tokens. Run by ``tests/test_simplejwt_decoder.py``."""

from io import StringIO

import pytest
from django.contrib.auth import get_user_model
from django.core.checks import run_checks
from django.core.management import call_command

from django_jwtauth import sessions
from django_jwtauth.contrib.simplejwt.move import advice, tables
from django_jwtauth.models import BlacklistedToken, Cause, LoginSession
from django_jwtauth.operations import revocation
from tests import forge
from tests.conftest import PASSWORD
from tests.legacy import moved

User = get_user_model()
JWTAUTH = moved(SUBJECT_FIELD="public_id")


@pytest.fixture(autouse=True)
def user(db):
    tables.forget_alias()
    # The keys of the two differ in every column.
    User.objects.create_user("zoe", password=PASSWORD)
    yield User.objects.create_user("anna", password=PASSWORD)
    tables.forget_alias()


@pytest.fixture
def obtain(api):
    def obtain(username="anna"):
        body = {"username": username, "password": PASSWORD}
        return api.post("/old/token/", body).json()

    return obtain


@pytest.fixture
def move(settings):
    def move():
        settings.JWTAUTH = JWTAUTH

    return move


def test_nobody_is_signed_out(user, api, obtain, move):
    """Tokens of simplejwt work, and so do their successors, all with the same public id."""
    pair, refused = obtain(), obtain()
    assert forge.claims_of(pair["access"])["user_id"] == str(user.public_id)
    api.post("/old/token/blacklist/", {"refresh": refused["refresh"]})
    move()
    call_command("jwtauth_import_simplejwt", stdout=StringIO())

    assert api.protected(pair["access"]).json() == {"user": "anna"}
    assert api.refresh(refused["refresh"]).json()["reason"] == "blacklisted"
    for _ in range(3):
        pair = api.refresh(pair["refresh"]).json()
        for raw in (pair["access"], pair["refresh"]):
            assert forge.claims_of(raw)["sub"] == str(user.public_id)
        assert forge.claims_of(pair["access"])["user_id"] == str(user.public_id)
        assert api.protected(pair["access"]).json() == {"user": "anna"}
    assert f'"{user.pk}"' not in str(forge.claims_of(pair["access"]))
    rows = LoginSession.objects.filter(ended_at=None)
    assert {(row.user_id, row.subject) for row in rows} == {(user.pk, str(user.public_id))}
    assert BlacklistedToken.objects.get().subject == str(user.public_id)


def test_without_an_import(user, api, obtain, move):
    """A refresh token that has no row yet is exchanged all the same, and then has one."""
    pair = obtain()
    move()
    # As of a project without simplejwt's blacklist app.
    tables.forget_alias()
    ours = api.refresh(pair["refresh"]).json()

    assert api.protected(ours["access"]).status_code == 200
    row = LoginSession.objects.get()
    assert (row.user_id, row.subject) == (user.pk, str(user.public_id))
    assert api.blacklist(refresh=ours["refresh"]).status_code == 200
    assert api.refresh(pair["refresh"]).status_code == 401


def test_ending_everything_of_a_user_covers_tokens_without_a_row(user, api, obtain, move):
    """What was recorded for the user counts, whichever field names the user by then."""
    pair, zoe = obtain(), obtain("zoe")
    move()
    revocation.end(revocation.of_user(user), Cause("other", "code"))

    assert api.protected(pair["access"]).json()["reason"] == "session_ended"
    assert api.refresh(pair["refresh"]).json()["reason"] == "session_ended"
    assert api.protected(zoe["access"]).status_code == 200


def test_what_was_ended_stays_ended_when_the_field_is_set(user, api, obtain, settings):
    """A project may move first, and set SUBJECT_FIELD later."""
    pair = obtain()
    settings.JWTAUTH = moved()
    ours = sessions.start(user)
    revocation.end(revocation.of_user(user), Cause("other", "code"))
    kept = sessions.start(user)
    settings.JWTAUTH = JWTAUTH

    assert api.refresh(pair["refresh"]).json()["reason"] == "session_ended"
    assert api.refresh(ours.refresh).json()["reason"] == "session_ended"
    assert api.refresh(kept.refresh).status_code == 200


def test_a_deactivated_user(user, api, obtain, move):
    """Legacy tokens end with the user's own, also by an UPDATE that nobody announced."""
    pair, zoe = obtain(), obtain("zoe")
    move()
    ours = sessions.start(user)
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert api.refresh(pair["refresh"]).json()["reason"] == "user_inactive"
    User.objects.filter(pk=user.pk).update(is_active=True)

    assert api.protected(ours.access).json()["reason"] == "session_ended"
    assert api.refresh(pair["refresh"]).json()["reason"] == "session_ended"
    assert api.protected(zoe["access"]).status_code == 200


def test_signing_out_with_a_legacy_access_token(user, api, obtain, move):
    """It has no sign-in; the record names the user by key and by public id."""
    pair = obtain()
    move()
    sessions.blacklist(pair["access"])

    assert api.protected(pair["access"]).json()["reason"] == "blacklisted"
    row = BlacklistedToken.objects.get()
    assert (row.user_id, row.subject) == (user.pk, str(user.public_id))


def test_the_advice_and_the_checks(settings):
    """The doctor writes the setting, and the check is content with it."""
    lines = advice.advise().lines
    assert (lines["SUBJECT_FIELD"], lines["USER_ID_CLAIM"]) == ('"public_id"', '"user_id"')

    def told():
        return [message.id for message in run_checks(tags=["jwtauth"]) if message.id[8] in "E"]

    settings.JWTAUTH = moved()
    assert told() == ["jwtauth.E009"]
    settings.JWTAUTH = JWTAUTH
    assert told() == []
