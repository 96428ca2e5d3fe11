"""What must hold for every user model. Run by ``tests/test_user_models.py``."""

from io import StringIO

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth import get_user_model
from django.core.exceptions import FieldDoesNotExist
from django.core.management import CommandError, call_command
from django.db import models
from django.urls import reverse

from django_jwtauth import api_tokens, sessions
from django_jwtauth.exceptions import UnusableKey, UserInactive, UserNotFound
from django_jwtauth.models import BlacklistedToken, LoginSession
from tests import forge
from tests.calls import reason_of
from tests.conftest import PASSWORD
from tests.users.models import tenant

User = get_user_model()
FIRST, SECOND = User.EXAMPLES


def has_column(name):
    try:
        return User._meta.get_field(name).concrete
    except FieldDoesNotExist:
        return False


needs_is_active = pytest.mark.skipif(not has_column("is_active"), reason="no such column")
needs_auth_hash = pytest.mark.skipif(
    not hasattr(User, "get_session_auth_hash"), reason="no session auth hash"
)


@pytest.fixture
def user(db):
    return User.objects.create_user(FIRST, PASSWORD)


@pytest.fixture
def other_user(db):
    return User.objects.create_user(SECOND, PASSWORD)


def assert_refused(pair, reason, refresh_reason=None):
    assert reason_of(sessions.authenticate, pair.access) == reason
    assert reason_of(sessions.verify, pair.refresh) == reason
    assert reason_of(sessions.refresh, pair.refresh) == (refresh_reason or reason)


def test_the_whole_story_over_http(user, api):
    """Sign in, call, refresh, list, sign out, and be refused with the same tokens."""
    body = {User.USERNAME_FIELD: str(FIRST), "password": PASSWORD}
    first = api.post(reverse("token_obtain_pair"), body).json()
    second = api.refresh(first["refresh"]).json()
    api.with_token(second["access"])
    me = api.get(reverse("jwtauth_me")).json()
    listed = api.get(reverse("jwtauth_session_list")).json()

    assert me["user_id"] == str(user.pk)
    assert me["username"] == str(FIRST)
    assert [row["current"] for row in listed] == [True]
    assert api.blacklist(refresh=second["refresh"]).status_code == 200
    for raw in (first["access"], second["access"]):
        assert api.protected(raw).json()["reason"] == "session_ended"
    assert api.refresh(second["refresh"]).json()["reason"] == "session_ended"


@pytest.mark.parametrize(
    "username", ["nobody", "", " ", "not@number", "\uff19" * 30, "9" * 200, 7, [], {}]
)
def test_a_name_that_cannot_be_a_name_is_no_error_of_the_server(user, api, username):
    """What the field cannot hold is refused like any unknown name."""
    body = {User.USERNAME_FIELD: username, "password": PASSWORD}

    assert api.post(reverse("token_obtain_pair"), body).status_code in (400, 401)


@pytest.mark.parametrize("scope", ["address", "account", "account_everywhere"])
def test_a_name_that_cannot_be_a_name_is_counted(user, api, settings, scope):
    """Guesses at what is no name are throttled like others, and are no error either."""
    settings.JWTAUTH = {"THROTTLES": {"RATES": {scope: "1/day"}}}
    body = {User.USERNAME_FIELD: "not@number", "password": PASSWORD}
    codes = [api.post(reverse("token_obtain_pair"), body).status_code for _ in range(2)]

    assert codes in ([401, 429], [400, 400])


@pytest.mark.skipif(isinstance(FIRST, str), reason="text has one spelling")
def test_however_a_name_is_written_guesses_are_counted_together(user, api):
    """A number has leading zeros, a UUID dashes anywhere: they open no second count."""
    spare = "0" if isinstance(FIRST, int) else "-"
    for number in range(21):
        body = {User.USERNAME_FIELD: spare * number + str(FIRST), "password": "no"}
        answer = api.post(reverse("token_obtain_pair"), body)

    assert answer.status_code == 429


def test_a_wrong_password_is_refused(user, api):
    """The answer names no field of the model."""
    answer = api.post(
        reverse("token_obtain_pair"), {User.USERNAME_FIELD: str(FIRST), "password": "no"}
    )

    assert answer.status_code == 401
    assert answer.json()["reason"] == "invalid_credentials"


def test_authenticating_costs_one_query(user, pair, statements):
    """The user comes whole, with the sign-in checked, in one query."""
    with statements(1):
        found, claims = sessions.authenticate(pair.access)
        assert (found, type(found)) == (user, User)
        assert found.get_username() == FIRST
        assert claims["sub"] == str(user.pk)
    with statements(1):
        assert async_to_sync(sessions.aauthenticate)(pair.access)[0] == user


def test_the_user_carries_nothing_of_ours(user, pair):
    """No helper column of the query is left on the user."""
    found = sessions.authenticate(pair.access)[0]

    assert not [name for name in vars(found) if "jwtauth" in name]


def test_the_user_is_the_one_that_its_manager_makes(user, pair):
    """Annotations and deferred fields of the default manager are there."""
    loaded = User._default_manager.get(pk=user.pk)
    found = sessions.authenticate(pair.access)[0]

    assert set(vars(found)) - {"_state"} == set(vars(loaded)) - {"_state"}
    assert found.get_deferred_fields() == loaded.get_deferred_fields()


@pytest.mark.django_db(transaction=True)
def test_refreshing_without_a_transaction(statements):
    """One query and one UPDATE; a copy of the old token ends the sign-in."""
    pair = sessions.start(User.objects.create_user(FIRST, PASSWORD))
    with statements(2):
        second = sessions.refresh(pair.refresh)
    third = sessions.refresh(second.refresh)

    assert sessions.authenticate(third.access)[1]["sid"] == third.session_id.hex
    assert reason_of(sessions.refresh, pair.refresh) == "reused"
    assert_refused(third, "session_ended")


def test_refreshing_within_a_transaction(pair, statements):
    """Three statements, two of them locking."""
    with statements(3):
        second = sessions.refresh(pair.refresh)

    # A lost answer is asked for again.
    assert sessions.refresh(pair.refresh).refresh == second.refresh
    third = sessions.refresh(second.refresh)
    assert reason_of(sessions.refresh, pair.refresh) == "reused"
    assert_refused(third, "session_ended")


@needs_auth_hash
def test_a_password_changed_by_save_ends_the_sign_in(user, pair):
    """The next request is refused, and so is the next refresh."""
    user.set_password("another")
    user.save()

    assert_refused(pair, "credentials_changed")
    assert LoginSession.objects.get().end_reason == "credentials_changed"


@needs_auth_hash
def test_a_password_changed_in_the_table_ends_the_sign_in(user, pair):
    """No signal is needed: the row says it."""
    User._base_manager.filter(pk=user.pk).update(password="!unusable")

    assert_refused(pair, "credentials_changed")


@needs_is_active
def test_a_deactivated_user_is_refused_and_stays_signed_out(user, pair):
    """Reactivating does not revive a sign-in that tried to refresh meanwhile."""
    User._base_manager.filter(pk=user.pk).update(is_active=False)
    assert_refused(pair, "user_inactive")
    with pytest.raises(UserInactive):
        sessions.start(User._base_manager.get(pk=user.pk))

    User._base_manager.filter(pk=user.pk).update(is_active=True)
    assert_refused(pair, "session_ended")


def test_a_deleted_user_is_not_found_and_the_record_stays(user, pair):
    """Deleted for good or only hidden: the default manager knows no such user."""
    subject = str(user.pk)
    user.delete()

    assert_refused(pair, "user_not_found")
    row = LoginSession.objects.get()
    assert row.subject == subject
    # Signing out goes on working.
    sessions.blacklist(pair.refresh)
    assert LoginSession.objects.get().ended_at is not None


@pytest.mark.skipif(not has_column("tenant"), reason="no tenants")
def test_a_user_of_another_tenant_is_not_found(pair):
    """The default manager is asked anew each time, whatever it answered before."""
    assert sessions.authenticate(pair.access)
    token = tenant.set("second")
    try:
        assert_refused(pair, "user_not_found")
    finally:
        tenant.reset(token)
    assert sessions.authenticate(pair.access)


def test_a_token_for_another_user_of_the_same_sign_in_is_refused(pair, other_user):
    """A sign-in is its user's; nobody else has it."""
    raw = forge.altered(pair.access, sub=str(other_user.pk))

    assert reason_of(sessions.authenticate, raw) == "session_ended"


def test_a_user_is_named_exactly(pair, statements):
    """sub must be the primary key's own spelling, however loosely the database compares."""
    subject = forge.claims_of(pair.access)["sub"]
    spellings = {
        *(subject.upper(), subject.lower(), subject.swapcase(), subject.replace("-", "")),
        *(f"0{subject}", f"+{subject}", f"-{subject}", f"{subject}.0", f"{subject}_0"),
        *(f" {subject}", f"{subject} ", f"{{{subject}}}", f"urn:uuid:{subject}", f"'{subject}'"),
        *("nobody", "None", "NaN", "1e5", "\u0661", "\U0001f600", "%s", "'; --", "9" * 255),
        *(str(2**31), str(2**63), str(-(2**63) - 1), str(2**128)),
    } - {subject}

    for spelling in spellings:
        access = forge.altered(pair.access, sub=spelling)
        assert reason_of(sessions.authenticate, access) == "user_not_found", spelling
        refresh = forge.altered(pair.refresh, sub=spelling)
        assert reason_of(sessions.refresh, refresh) == "user_not_found", spelling


def test_a_blacklisted_access_token_names_its_user(user, pair):
    """The record says whose token it was and who refused it, in text too."""
    sessions.blacklist(pair.access, by=user)

    assert reason_of(sessions.authenticate, pair.access) == "blacklisted"
    row = BlacklistedToken.objects.get()
    assert (row.user, row.subject) == (user, str(user.pk))
    assert (row.blacklisted_by, row.blacklisted_by_name) == (user, str(FIRST))


def test_the_oldest_sign_in_ends_at_the_limit(user, pair, settings):
    """Of one user's sign-ins, never of another's."""
    settings.JWTAUTH = {"MAX_SESSIONS_PER_USER": 2}
    kept = [sessions.start(user) for _ in range(2)]

    assert reason_of(sessions.authenticate, pair.access) == "session_ended"
    assert {sessions.authenticate(pair.access)[0] for pair in kept} == {user}


def test_ending_the_other_sign_ins_records_who_did_it(user, pair, api):
    """The name is written as text, whatever the user name is."""
    current = sessions.start(user)

    answer = api.with_token(current.access).delete(reverse("jwtauth_session_list"))

    assert answer.status_code == 204
    row = LoginSession.objects.get(pk=pair.session_id)
    assert (row.ended_by, row.ended_by_name) == (user, str(FIRST))


def test_last_login_is_written_where_there_is_such_a_column(user, pair):
    """A model without it signs in all the same."""
    if has_column("last_login"):
        assert User._base_manager.get(pk=user.pk).last_login is not None
    assert sessions.authenticate(pair.access)


def test_the_doctor_can_sign_in_as_a_user_of_this_model(user):
    """jwtauth_doctor borrows any user; its password is rolled back."""
    before = User._base_manager.values().get()
    call_command("jwtauth_doctor", user=str(FIRST), stdout=StringIO())

    assert User._base_manager.values().get() == before


def test_the_doctor_makes_a_user_of_this_model_or_says_that_it_cannot(db):
    """jwtauth_doctor makes a temporary user wherever one statement can insert it."""
    try:
        call_command("jwtauth_doctor", stdout=StringIO())
    except CommandError as error:
        assert User._meta.parents
        assert "A temporary users.ChildUser cannot be created" in str(error)
    assert not User._base_manager.exists()


# --- keys as text

SPELLINGS = [
    lambda key: key,
    str,
    lambda key: str(key).upper(),
    lambda key: str(key).replace("-", ""),
    lambda key: f"00{key}" if isinstance(key, int) else key,
]


@pytest.mark.parametrize("spell", SPELLINGS, ids=["saved", "text", "upper case", "hex", "zeros"])
@pytest.mark.parametrize(
    "make",
    [
        lambda user: sessions.start(user).access,
        lambda user: api_tokens.create(user, "ci").raw,
    ],
    ids=["sign-in", "API token"],
)
def test_however_the_code_spelled_a_key_its_tokens_work(user, make, spell):
    """``sub`` is the text of the key that was saved, or nobody is signed in."""
    key, field = user.pk, User._meta.pk
    setattr(user, field.attname, spell(key))
    try:
        raw = make(user)
    except UserNotFound:
        # A text of another case is another user, but on MariaDB.
        assert isinstance(key, str)
        assert spell(key) != key
        return

    assert sessions.authenticate(raw)[0].pk == key
    assert forge.claims_of(raw)["sub"] == str(key)


text_keys = pytest.mark.skipif(
    not isinstance(User._meta.pk, models.CharField), reason="the key is no text"
)


@text_keys
@pytest.mark.parametrize(
    "name",
    [
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        "\u0915\u094d\u200d\u0937",
        "e\u0301va",
        "\u00ad soft",
        "Jean\u00a0Dupont",
        "\u200fright to left",
        " padded ",
        "a/b?c#d%20",
    ],
)
def test_a_name_in_any_script_is_a_key(db, api, name):
    """Joiners, combining marks and spaces are part of names."""
    User.objects.create_user(name, PASSWORD)
    user = User.objects.get(pk=name)
    pair = sessions.start(user)

    assert sessions.authenticate(pair.access)[0].pk == name
    assert sessions.refresh(pair.refresh)
    assert api.with_token(pair.access).get(reverse("jwtauth_me")).json()["user_id"] == name


@text_keys
@pytest.mark.parametrize("name", ["a\nb", "a\x85b", "a\u2028b", "\x1b[2J"])
def test_a_key_that_no_token_can_carry_is_refused_when_signing_in(db, api, name):
    """What would break a line of a log or a header; the answer is no 5xx."""
    user = User.objects.create_user(name, PASSWORD)

    with pytest.raises(UnusableKey):
        sessions.start(user)
    with pytest.raises(ValueError, match="unusable_key"):
        api_tokens.create(user, "ci")
    body = {User.USERNAME_FIELD: name, "password": PASSWORD}
    assert api.post(reverse("token_obtain_pair"), body).status_code in (400, 401)
    assert not LoginSession.objects.exists()
