"""What must hold for every user model if ``SUBJECT_FIELD`` names a field other than the key.

Run by ``tests/test_user_models.py``; the field is the user name, which is unique in each model.
"""

import uuid

import pytest
from django.contrib.auth import get_user_model
from django.core.checks import run_checks
from django.urls import reverse

from django_jwtauth import api_tokens, one_time, sessions
from django_jwtauth.checks import ids
from django_jwtauth.exceptions import UserInactive
from django_jwtauth.models import BlacklistedToken, Cause, LoginSession
from django_jwtauth.operations import revocation
from django_jwtauth.store import compiled, identity, lookup, users
from tests import forge
from tests.calls import reason_of
from tests.conftest import PASSWORD
from tests.paths.both_ways import QUESTIONS, describe

User = get_user_model()
FIRST, SECOND = User.EXAMPLES
THIRD = {str: "carl@example.org", int: 4915100000000, uuid.UUID: uuid.UUID(int=3)}[type(FIRST)]
FIELD = User.USERNAME_FIELD
JWTAUTH = {"SUBJECT_FIELD": FIELD, "USER_ID_CLAIM": "user_id"}
HAS_SWITCH = any(field.attname == "is_active" for field in User._meta.concrete_fields)


@pytest.fixture(autouse=True)
def named(settings):
    settings.JWTAUTH = JWTAUTH


@pytest.fixture
def user(db):
    return User.objects.create_user(FIRST, password=PASSWORD)


@pytest.fixture
def other_user(db):
    return User.objects.create_user(SECOND, password=PASSWORD)


@pytest.fixture
def former(user, settings):
    """A sign-in from before SUBJECT_FIELD was set."""
    settings.JWTAUTH = {"USER_ID_CLAIM": "user_id"}
    pair = sessions.start(user)
    settings.JWTAUTH = JWTAUTH
    return pair


def rename(user, value):
    User._base_manager.filter(pk=user.pk).update(**{FIELD: value})
    return User._default_manager.get(pk=user.pk)


def test_the_field_is_accepted_by_the_checks():
    """Unique, never empty, one text for each value."""
    assert identity.find_subject_problem(User, FIELD) is None
    assert "jwtauth.E010" not in [message.id for message in run_checks(tags=["jwtauth"])]


def test_the_whole_story_over_http(user, api):
    """sub is the field's text everywhere, and nothing shows the primary key."""
    body = {FIELD: str(FIRST), "password": PASSWORD}
    first = api.post(reverse("token_obtain_pair"), body).json()
    second = api.refresh(first["refresh"]).json()
    api.with_token(second["access"])

    assert api.get(reverse("jwtauth_me")).json()["user_id"] == str(FIRST)
    assert len(api.get(reverse("jwtauth_session_list")).json()) == 1
    for raw in (*first.values(), *second.values()):
        if isinstance(raw, str) and raw.count(".") == 2:
            assert forge.claims_of(raw)["sub"] == str(FIRST)
    row = LoginSession.objects.get()
    assert (row.user_id, row.subject) == (user.pk, str(FIRST))
    assert api.blacklist(refresh=second["refresh"]).status_code == 200
    assert api.protected(second["access"]).json()["reason"] == "session_ended"


def test_still_one_query(user, pair, statements):
    """The statement that finds the user by the field also finds sign-in and blacklist."""
    with statements(1):
        found, claims = sessions.authenticate(pair.access)
        assert (found, type(found)) == (user, User)
    assert claims["sub"] == claims["user_id"] == str(FIRST)
    assert not [name for name in vars(found) if "jwtauth" in name]


@pytest.mark.django_db(transaction=True)
def test_refreshing_costs_what_it_did(statements):
    """One query and one UPDATE; a copy of the old token ends the sign-in."""
    pair = sessions.start(User.objects.create_user(FIRST, password=PASSWORD))
    with statements(2):
        second = sessions.refresh(pair.refresh)
    sessions.refresh(second.refresh)

    assert reason_of(sessions.refresh, pair.refresh) == "reused"


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS)
@pytest.mark.parametrize("whose", ["own", "other", "none"])
def test_both_ways_find_the_same(question, whose, user, other_user, monkeypatch):
    """The compiled query, and the one that the manager of the model builds."""
    if not compiled.is_plain(User):
        pytest.skip("its manager decides")
    pair = sessions.start(other_user if whose == "other" else user)
    claims = {**forge.claims_of(pair.access), "sub": str(FIRST)}
    if whose == "none":
        claims["sid"] = claims["sid"][::-1]
    by_statement = describe(question({**claims}))
    monkeypatch.setattr(compiled, "is_plain", lambda model: False)

    assert describe(question({**claims})) == by_statement
    assert (by_statement[3] is None) is (whose != "own")


def test_a_value_that_is_another_users_now_leads_nowhere(user, pair, other_user):
    """Anna is renamed and Bert takes her name: her tokens sign in neither of the two."""
    api_token = api_tokens.create(user, "ci").raw
    magic = one_time.create(user, "mail")
    rename(user, THIRD)
    rename(other_user, FIRST)

    for raw in (pair.access, api_token):
        assert reason_of(sessions.authenticate, raw) == "session_ended"
    assert reason_of(sessions.verify, pair.refresh) == "session_ended"
    assert reason_of(sessions.refresh, pair.refresh) == "session_ended"
    assert reason_of(one_time.consume, magic, "mail") == "session_ended"
    found = lookup.find(forge.claims_of(pair.access))
    assert found.session is None


def test_after_its_value_changed_a_token_is_refused(user, pair):
    """Whoever reads sub elsewhere would take it for somebody else's; back again, it is good."""
    rename(user, THIRD)
    assert reason_of(sessions.authenticate, pair.access) == "user_not_found"
    assert reason_of(sessions.refresh, pair.refresh) == "user_not_found"

    rename(user, FIRST)
    assert sessions.authenticate(pair.access)[0] == user


def test_tokens_with_the_primary_key_stay_valid(former, user, api):
    """Setting SUBJECT_FIELD signs nobody out, and the next pair has the field's text."""
    assert forge.claims_of(former.access)["sub"] == str(user.pk)
    found, claims = sessions.authenticate(former.access)
    assert found == user
    # What is handed on is never the primary key.
    assert claims["sub"] == claims["user_id"] == str(FIRST)
    assert sessions.verify(former.refresh)[1]["sub"] == str(FIRST)

    pair = sessions.refresh(former.refresh)
    assert forge.claims_of(pair.refresh)["sub"] == str(FIRST)
    assert forge.claims_of(pair.access)["user_id"] == str(FIRST)
    assert sessions.refresh(pair.refresh)
    assert api.with_token(pair.access).get(reverse("jwtauth_me")).json()["user_id"] == str(FIRST)


def test_signing_out_with_a_token_of_before(former, pair):
    """The row is found, and nothing else ends."""
    sessions.blacklist(former.refresh)

    assert reason_of(sessions.authenticate, former.access) == "session_ended"
    assert sessions.authenticate(pair.access)


def test_a_primary_key_alone_proves_nothing(user, pair, other_user):
    """sub with a primary key counts only for the user of the sign-in."""
    for subject in (str(other_user.pk), str(SECOND)):
        raw = forge.altered(pair.access, sub=subject)
        assert reason_of(sessions.authenticate, raw) in ("session_ended", "user_not_found")
    unknown = forge.altered(pair.access, sub=str(user.pk), sid="0" * 32)
    assert reason_of(sessions.authenticate, unknown) in ("session_ended", "user_not_found")


def test_a_user_is_named_exactly(pair):
    """However loosely the database compares."""
    subject = str(FIRST)
    spellings = {
        *(subject.upper(), subject.capitalize(), subject.replace("-", ""), f"0{subject}"),
        *(f" {subject}", f"{subject} ", f"{{{subject}}}", "nobody", "", "%s", "9" * 255),
        *(str(2**63), str(2**128), "\u0661", "\U0001f600"),
    } - {subject}
    for spelling in spellings:
        raw = forge.altered(pair.access, sub=spelling)
        assert reason_of(sessions.authenticate, raw) in ("user_not_found", "malformed"), spelling


@pytest.mark.skipif(not HAS_SWITCH, reason="everybody is active")
def test_a_deactivated_user_is_refused_and_all_rows_end(user, pair, other_user):
    """All sign-ins of this user, and of nobody else."""
    other = sessions.start(other_user)
    second = sessions.start(user)
    User._base_manager.filter(pk=user.pk).update(is_active=False)

    assert reason_of(sessions.authenticate, pair.access) == "user_inactive"
    with pytest.raises(UserInactive):
        sessions.start(User._base_manager.get(pk=user.pk))
    User._base_manager.filter(pk=user.pk).update(is_active=True)
    assert reason_of(sessions.refresh, second.refresh) == "session_ended"
    assert sessions.authenticate(other.access)


@pytest.mark.skipif(User.__name__ == "ConvertedUser", reason="its columns cannot be NULL")
def test_a_deleted_user_is_not_found_and_the_record_stays(user, pair):
    """With the field's text as its subject; signing out goes on working."""
    user.delete()

    assert reason_of(sessions.authenticate, pair.access) == "user_not_found"
    assert LoginSession.objects.get().subject == str(FIRST)
    sessions.blacklist(pair.refresh)
    assert LoginSession.objects.get().ended_at is not None


def test_a_blacklisted_token_names_its_user(user, pair):
    """The record has the user, and the field's text."""
    sessions.blacklist(pair.access)

    assert reason_of(sessions.authenticate, pair.access) == "blacklisted"
    row = BlacklistedToken.objects.get()
    assert (row.user, row.subject) == (user, str(FIRST))


def test_limits_and_ends_are_those_of_one_user(user, other_user, settings):
    """Counted and ended by the primary key."""
    other = sessions.start(other_user)
    settings.JWTAUTH = {**JWTAUTH, "MAX_SESSIONS_PER_USER": 1, "API_TOKENS": {"MAX_PER_USER": 1}}
    first = sessions.start(user)
    second = sessions.start(user)
    api_tokens.create(user, "ci")

    assert reason_of(sessions.authenticate, first.access) == "session_ended"
    assert sessions.authenticate(second.access)
    assert reason_of(api_tokens.create, user, "another") == "too_many_tokens"
    assert revocation.end(revocation.of_user(user), Cause("other", "code")) == 2
    assert reason_of(sessions.authenticate, second.access) == "session_ended"
    assert sessions.authenticate(other.access)


def test_operators_find_a_user_by_either(user):
    """By what a token says, and by the primary key."""
    assert users.find_by_subject(str(FIRST)) == [user]
    assert user in users.find_by_subject(str(user.pk))
    assert users.find_by_subject("nobody") == []


def test_the_check_says_whom_a_change_signs_out(user, pair, settings):
    """Going back to the primary key loses the tokens that have the field's text."""

    def told():
        found = run_checks(databases=["default"])
        return [message.msg for message in found if message.id == ids.SUBJECTS_LOST]

    assert told() == []
    settings.JWTAUTH = {}
    assert ("1 of the 1" in told()[0]) is (str(user.pk) != str(FIRST))
    settings.JWTAUTH = JWTAUTH
    assert told() == []
