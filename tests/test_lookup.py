import pytest
from django.contrib.auth.models import User
from django.db import (
    connection,
)

from django_jwtauth import sessions
from django_jwtauth.models import LoginSession
from django_jwtauth.store import compiled, lookup
from tests import forge


def find_with_lock(claims):
    return lookup.find_session(claims, lock=True)


def find_without_lock(claims):
    return lookup.find_session(claims, lock=False)


# Three questions, and the query compiled once or built by the project's manager: one answer.
FINDS = {
    "to authenticate": lookup.find,
    "to refresh": find_without_lock,
    "to refresh, locked": find_with_lock,
}


@pytest.fixture(params=[True, False], ids=["compiled", "built"])
def plain(request, monkeypatch):
    """Whether the user's manager is Django's own."""
    monkeypatch.setattr(compiled, "is_plain", lambda model: request.param)
    return request.param


@pytest.fixture(params=FINDS.values(), ids=FINDS)
def find(request, plain):
    return request.param


@pytest.fixture
def claims(pair):
    return forge.claims_of(pair.access)


def test_the_user_and_the_live_sign_in_are_found(find, user, claims):
    """The user whole, the sign-in with what the rules ask of it."""
    found = find(claims)

    assert found.user == user
    assert vars(found.user).keys() == vars(User.objects.get()).keys()
    assert found.session.ended_at is None
    assert found.session.auth_hash == user.get_session_auth_hash()
    assert found.blacklisted is False


def test_what_a_refresh_needs_is_loaded(plain, user, claims, statements):
    """No further query for the sign-in's columns, nor for its user."""
    session = find_without_lock(claims).session
    row = LoginSession.objects.get()

    with statements(0):
        assert session == row
        assert session.user == user
        assert session.subject == str(user.pk)
        for name in ("generation", "created_at", "refreshed_at", "expires_at", "ended_at"):
            assert getattr(session, name) == getattr(row, name)


def test_an_ended_sign_in_is_told(find, claims):
    """With the time: what else there is to say of the sign-in is known, too."""
    LoginSession.objects.all().end()

    assert find(claims).session.ended_at == LoginSession.objects.get().ended_at


def test_an_unknown_sign_in_is_told_apart_from_an_unknown_user(find, user, claims):
    """The user is found, the sign-in is not."""
    found = find({**claims, "sid": "0" * 32})

    assert (found.user, found.session) == (user, None)


def test_a_sign_in_of_another_user_is_no_sign_in(find, user, other_user, claims):
    """It is looked up by user and id."""
    stolen = sessions.start(other_user)

    found = find({**claims, "sid": stolen.session_id.hex})

    assert (found.user, found.session) == (user, None)


def test_a_blacklisted_jti_is_told_beside_everything_else(find, pair, claims):
    """With the sign-in, and without one."""
    sessions.blacklist(pair.access)

    assert find(claims).blacklisted is True
    assert find(claims).session is not None
    assert find({**claims, "sid": "0" * 32}).blacklisted is True
    assert find({**claims, "jti": "another"}).blacklisted is False


@pytest.mark.parametrize(
    "subject",
    [
        *("0", "-1", "999999", "nobody", "1.0", "\u0661", "1e5", "None", "", " ", "\U0001f600"),
        *(str(2**31), str(2**63), str(-(2**63) - 1), str(2**64), "9" * 255),
    ],
)
def test_an_unknown_user_is_none(find, claims, subject):
    """Out of range, not a number or not there: no user, and no error."""
    assert find({**claims, "sub": subject}) is None


@pytest.mark.parametrize("spelling", ["0{}", "+{}", " {}", "{} ", "{}.0", "{}_", "{}\n"])
def test_a_user_has_one_spelling(find, user, claims, spelling):
    """What Python or the database would take for the same number is another subject."""
    assert find(claims)
    assert find({**claims, "sub": spelling.format(user.pk)}) is None


def test_a_subject_that_no_row_can_have_costs_no_query(plain, claims, statements):
    """It is refused before the statement is run."""
    with statements(0):
        for subject in ("nobody", str(2**64), "9" * 255, "01"):
            assert lookup.find({**claims, "sub": subject}) is None


@pytest.mark.parametrize("jti", ["'", '"', "%", "%s", "\\", "; --", "x" * 255, "\U0001f600"])
def test_a_jti_is_a_parameter(find, claims, jti):
    """Whatever is in it, it is not blacklisted and no error."""
    assert find({**claims, "jti": jti}).blacklisted is False


def test_only_a_refresh_locks(plain, claims, statements):
    """One query, which waits for nobody; locked it is two, and both rows are kept."""
    for call, number in ((lookup.find, 1), (find_without_lock, 1), (find_with_lock, 2)):
        with statements(number) as captured:
            call(claims)
        if connection.features.has_select_for_update:
            locking = [query for query in captured if "FOR UPDATE" in query["sql"]]
            assert len(locking) == (2 if number == 2 else 0)


def test_the_sign_in_is_not_in_the_where_clause(claims, statements):
    """Otherwise a missing sign-in could not be told from a missing user."""
    with statements(1) as captured:
        lookup.find(claims)
    where = captured[0]["sql"].upper().rpartition("WHERE")[2]

    assert "ENDED_AT" not in where
    assert "JWTAUTH_LOGINSESSION" not in where


# --- by another field than the primary key


@pytest.fixture
def by_name(settings):
    settings.JWTAUTH = {"SUBJECT_FIELD": "username", "USER_ID_CLAIM": "user_id"}


@pytest.fixture
def named(by_name, user):
    """The claims of a token with the user name as its ``sub``."""
    return forge.claims_of(sessions.start(user).access)


def test_another_field_finds_the_user_and_the_sign_in(find, user, named, statements):
    """As the primary key does, and just as exactly."""
    found = find(named)

    assert named["sub"] == named["user_id"] == "anna"
    assert found.user == user
    assert found.session.auth_hash == user.get_session_auth_hash()
    assert vars(found.user).keys() == vars(User.objects.get()).keys()
    assert find({**named, "sub": "Anna"}) is None
    assert find({**named, "sid": "0" * 32}).session is None


def test_a_name_that_went_to_somebody_else_finds_no_sign_in(find, user, other_user, named):
    """Whoever has the name now has nothing of the tokens that were issued with it."""
    User.objects.filter(pk=user.pk).update(username="anna-before")
    User.objects.filter(pk=other_user.pk).update(username="anna")
    found = find(named)

    assert found.user == other_user
    assert found.session is None


def test_a_key_that_is_also_a_name(find, user, other_user, claims, by_name):
    """A stranger took it as a name: the sign-in says whose token it is."""
    User.objects.filter(pk=other_user.pk).update(username=str(user.pk))
    found = find(claims)

    assert found.user == user
    assert found.session is not None
    assert claims["sub"] == "anna"


def test_a_key_without_its_sign_in_finds_nobody(find, user, claims, by_name):
    """Only the sign-in says that such a token is the user's."""
    assert find({**claims, "sid": "0" * 32}) is None
    assert find({**claims, "sub": str(user.pk + 1)}) is None


def test_claims_lead_to_the_primary_key(user, claims, statements, settings):
    """Without a query where ``sub`` is the key already."""
    with statements(0):
        assert lookup.find_key(claims) == str(user.pk)
    settings.JWTAUTH = {"SUBJECT_FIELD": "username"}
    with statements(1):
        assert lookup.find_key({**claims, "sub": "anna"}) == user.pk
    assert lookup.find_key({**claims, "sub": "nobody"}) is None
