import inspect
from datetime import datetime, timedelta, timezone
from uuid import RFC_4122, uuid4

import pytest
import time_machine
from asgiref.sync import async_to_sync, iscoroutinefunction
from django.contrib.auth.models import User
from django.db import DatabaseError, InterfaceError, OperationalError, connection
from django.db.models.signals import post_save
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils.functional import SimpleLazyObject

from django_jwtauth import api_tokens, one_time, sessions
from django_jwtauth.claims import MAX_NUMERIC_DATE
from django_jwtauth.exceptions import AuthError, TokenError, Unavailable, UserInactive
from django_jwtauth.models import BlacklistedToken, LoginSession, Reason
from django_jwtauth.store import writing
from tests import forge
from tests.calls import reason_of
from tests.changes import change_password
from tests.conftest import PASSWORD
from tests.forge import claims_of

START = datetime(2027, 1, 15, 8, 0, 0, 250_000, timezone.utc)
SID = "0192f0c1a2b37c4d8e5f60718293a4b5"


def assert_refused(pair, reason):
    """Both tokens of the pair are refused, wherever they are used."""
    assert reason_of(sessions.authenticate, pair.access) == reason
    assert reason_of(sessions.verify, pair.access) == reason
    assert reason_of(sessions.verify, pair.refresh) == reason
    assert reason_of(sessions.refresh, pair.refresh) == reason


def failing_hook(user, session):
    raise LookupError("the hook's own fault")


# --- start


def test_a_sign_in_is_one_insert(user, statements, settings):
    """One row, whatever the user; last_login is the only other thing written."""
    settings.JWTAUTH = {"UPDATE_LAST_LOGIN": False}

    with statements(1) as captured:
        sessions.start(user)

    assert captured[0]["sql"].startswith("INSERT")


def test_a_sign_in_says_who_when_and_where(user):
    """The row has all that its owner and an operator need."""
    request = RequestFactory().post(
        "/", REMOTE_ADDR="::ffff:192.0.2.7", HTTP_USER_AGENT="Browser\x00 1.0"
    )
    with time_machine.travel(START, tick=False):
        pair = sessions.start(user, request)

    row = LoginSession.objects.get()
    assert row.id == pair.session_id
    assert (row.user, row.subject, row.generation) == (user, str(user.pk), 0)
    assert row.auth_hash == user.get_session_auth_hash()
    assert row.created_at == row.refreshed_at == START
    assert row.expires_at == START + timedelta(days=7)
    assert (row.ended_at, row.end_reason, row.ended_via, row.ended_by) == (None, "", "", None)
    assert (row.ip_address, row.user_agent, row.name) == ("192.0.2.7", "Browser 1.0", "")


def test_a_sign_in_without_a_request_has_no_device(user):
    """Code may sign a user in."""
    sessions.start(user)

    row = LoginSession.objects.get()
    assert (row.ip_address, row.user_agent) == (None, "")


def test_an_idle_limit_beyond_the_absolute_one_is_cut(user, settings):
    """The first refresh token ends with the sign-in at the latest."""
    settings.JWTAUTH = {
        "SESSION_LIFETIME": timedelta(hours=8),
        "ACCESS_TOKEN_LIFETIME": timedelta(hours=9),
    }
    with time_machine.travel(START, tick=False):
        pair = sessions.start(user)

    assert LoginSession.objects.get().expires_at == START + timedelta(hours=8)
    assert pair.expires_in == pair.refresh_expires_in == 8 * 3600
    assert forge.claims_of(pair.access)["exp"] == int(START.timestamp()) + 8 * 3600


def test_an_inactive_user_cannot_sign_in(user):
    """Nor is anything written."""
    user.is_active = False

    with pytest.raises(UserInactive):
        sessions.start(user)
    assert not LoginSession.objects.exists()


def test_a_user_without_a_row_cannot_sign_in(db):
    """A programming error, not a refusal."""
    with pytest.raises(ValueError, match="saved"):
        sessions.start(User(username="nobody"))


@pytest.mark.parametrize("claims", [{"sub": "2"}, {"exp": 1}, {"sid": SID}, {"x": object()}])
def test_claims_that_cannot_be_issued_leave_no_row(user, claims):
    """Reserved or not JSON: ValueError, and no sign-in."""
    with pytest.raises(ValueError, match="claim"):
        sessions.start(user, claims=claims)
    assert not LoginSession.objects.exists()


def test_claims_that_are_too_long_leave_no_row(user):
    """Over 8 KB fails when the token is issued, not when it is used."""
    with pytest.raises(ValueError, match="at most 8192 are allowed"):
        sessions.start(user, claims={"roles": ["x" * 100] * 100})
    assert not LoginSession.objects.exists()


def test_a_hook_that_fails_leaves_no_row(user, settings):
    """The tokens are signed before the row is written."""
    settings.JWTAUTH = {"HOOKS": {"CLAIMS": "tests.test_sessions.failing_hook"}}

    with pytest.raises(LookupError):
        sessions.start(user)
    assert not LoginSession.objects.exists()
    user.refresh_from_db()
    assert user.last_login is None


def test_the_user_of_a_request_can_sign_in(user):
    """What Django's middleware puts there is a lazy object around the user."""
    pair = sessions.start(SimpleLazyObject(lambda: user))

    assert sessions.authenticate(pair.access)[0] == user


def test_claims_are_carried_through_every_refresh(user):
    """What was given at sign-in is in each later token."""
    pair = sessions.start(user, claims={"scope": "read", "amr": ["otp"], "tenant": {"id": 3}})
    for _ in range(3):
        pair = sessions.refresh(pair.refresh)

    for raw in pair.access, pair.refresh:
        claims = forge.claims_of(raw)
        assert (claims["scope"], claims["amr"], claims["tenant"]) == ("read", ["otp"], {"id": 3})


@pytest.mark.parametrize("wanted", [True, False])
def test_last_login_is_written_when_wanted(user, settings, wanted):
    """As Django does at every sign-in, with the signals of the model."""
    settings.JWTAUTH = {"UPDATE_LAST_LOGIN": wanted}
    saved = []

    def receive(sender, update_fields, **kwargs):
        saved.append(set(update_fields or ()))

    post_save.connect(receive, sender=User)
    try:
        sessions.start(user)
    finally:
        post_save.disconnect(receive, sender=User)

    user.refresh_from_db()
    assert (user.last_login is not None) is wanted
    assert saved == ([{"last_login"}] if wanted else [])


# --- the limit of sign-ins


def test_at_the_limit_the_oldest_sign_ins_end(user, other_user, settings):
    """The new one always stays, others are ended oldest first, and no other user's."""
    with time_machine.travel(START, tick=False) as clock:
        foreign = sessions.start(other_user)
        pairs = []
        for _ in range(5):
            clock.shift(timedelta(minutes=1))
            pairs.append(sessions.start(user))
        settings.JWTAUTH = {"MAX_SESSIONS_PER_USER": 3}
        clock.shift(timedelta(minutes=1))
        pairs.append(sessions.start(user))

        live = LoginSession.objects.live().filter(user=user)
        assert set(live) == {LoginSession(id=pair.session_id) for pair in pairs[3:]}
        ended = LoginSession.objects.filter(end_reason="session_limit", ended_via="session_limit")
        assert ended.count() == 3
        assert sessions.verify(foreign.refresh)


def test_sign_ins_that_are_over_do_not_count(user, settings):
    """Ended and expired ones leave the places free."""
    settings.JWTAUTH = {"MAX_SESSIONS_PER_USER": 2}
    with time_machine.travel(START, tick=False) as clock:
        sessions.start(user)
        clock.shift(timedelta(days=8))
        kept = sessions.start(user)
        clock.shift(timedelta(seconds=1))
        sessions.blacklist(sessions.start(user).refresh)
        clock.shift(timedelta(seconds=1))
        sessions.start(user)

        assert sessions.verify(kept.refresh)
        assert not LoginSession.objects.filter(end_reason="session_limit").exists()


def test_a_limit_of_one_is_a_sign_in_at_a_time(user, settings, statements):
    """The previous one ends; only the ids to end are read."""
    settings.JWTAUTH = {"MAX_SESSIONS_PER_USER": 1, "UPDATE_LAST_LOGIN": False}
    with statements(2):
        first = sessions.start(user)
    with statements(3):
        second = sessions.start(user)

    assert_refused(first, "session_ended")
    assert sessions.authenticate(second.access)


# --- authenticate


def test_authenticating_is_one_query(user, pair, statements):
    """The user, the sign-in and the blacklist in one, and nothing written."""
    with statements(1) as captured:
        found, claims = sessions.authenticate(pair.access)

    assert captured[0]["sql"].startswith("SELECT")
    assert found == user
    assert claims == forge.claims_of(pair.access)


def test_each_request_has_a_user_and_claims_of_its_own(pair):
    """What one request changes another does not see."""
    for _ in range(3):
        user, claims = sessions.authenticate(pair.access)
        assert user.username == "anna"
        assert claims == forge.claims_of(pair.access)
        user.username = claims["sub"] = "changed"
        claims["scope"] = "admin"


def test_nested_claims_are_of_their_own_too(user):
    """Lists and objects inside claims are not shared between requests."""
    pair = sessions.start(user, claims={"tenant": {"roles": ["reader"]}})
    for _ in range(3):
        claims = sessions.authenticate(pair.access)[1]
        assert claims["tenant"] == {"roles": ["reader"]}
        claims["tenant"]["roles"].append("admin")


GARBAGE = {
    "nonsense": lambda pair: "nonsense",
    "empty": lambda pair: "",
    "cut": lambda pair: pair.access[:-1],
    "bad signature": lambda pair: forge.sign(
        forge.header_of(pair.access), forge.claims_of(pair.access), b"x" * 32
    ),
    "expired": lambda pair: forge.altered(pair.access, exp=1),
    "wrong type": lambda pair: pair.refresh,
    "foreign audience": lambda pair: forge.altered(pair.access, aud="other"),
    "odd sub": lambda pair: forge.altered(pair.access, sub=["1"]),
}


@pytest.mark.parametrize("make", GARBAGE.values(), ids=GARBAGE)
def test_what_cannot_be_verified_costs_no_query(pair, make, statements):
    """Garbage does not reach the database by any door."""
    raw = make(pair)
    calls = [sessions.authenticate]
    if raw != pair.refresh:
        calls += [sessions.verify, sessions.refresh]
    with statements(0):
        for call in calls:
            assert isinstance(call_and_catch(call, raw), TokenError)


def call_and_catch(call, *args):
    with pytest.raises(AuthError) as caught:
        call(*args)
    return caught.value


@pytest.mark.parametrize("raw", ["", "nonsense", "a.b.c", None, 7])
def test_signing_out_with_garbage_costs_no_query_and_no_row(db, raw, statements):
    """Whatever is sent, nothing is written for what cannot be verified."""
    with statements(0):
        assert isinstance(call_and_catch(sessions.blacklist, raw), TokenError)


def test_a_sign_in_that_is_not_known_is_refused(user):
    """A row deleted by hand or by purge revives nothing."""
    pair = sessions.start(user)
    LoginSession.objects.all().delete()

    assert_refused(pair, "session_ended")


def test_a_sign_in_belongs_to_its_user(pair, other_user):
    """A token that names somebody else's sign-in is refused, though both exist."""
    stolen = sessions.start(other_user)
    raw = forge.altered(pair.access, sid=stolen.session_id.hex)
    refresh = forge.altered(pair.refresh, sid=stolen.session_id.hex)

    assert reason_of(sessions.authenticate, raw) == "session_ended"
    assert reason_of(sessions.refresh, refresh) == "session_ended"
    assert sessions.authenticate(stolen.access)


# --- what ends a sign-in at the next request


def change_by_update(user):
    User.objects.filter(pk=user.pk).update(password="!")


def change_by_admin(user):
    User.objects.create_superuser("root", password=PASSWORD)
    client = Client()
    client.login(username="root", password=PASSWORD)
    form = {"password1": "one-More-Secret", "password2": "one-More-Secret"}
    form["usable_password"] = "true"
    answer = client.post(reverse("admin:auth_user_password_change", args=[user.pk]), form)
    assert answer.status_code == 302


@pytest.mark.parametrize("change", [change_password, change_by_update, change_by_admin])
def test_a_changed_password_ends_every_sign_in(user, change):
    """By whatever route the column changes, both tokens are refused, and stay so."""
    pairs = [sessions.start(user), sessions.start(user)]
    old = User.objects.get(pk=user.pk).password

    change(user)

    for pair in pairs:
        assert_refused(pair, "credentials_changed")
    rows = LoginSession.objects.filter(user=user)
    assert set(rows.values_list("end_reason", "ended_via")) == {
        ("credentials_changed", "password_change")
    }
    # The old password set again revives nothing.
    User.objects.filter(pk=user.pk).update(password=old)
    for pair in pairs:
        assert_refused(pair, "session_ended")


def test_a_deactivated_user_is_out_and_stays_out(user, pair):
    """The refused refresh ends the sign-in; reactivating does not revive it."""
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert_refused(pair, "user_inactive")
    row = LoginSession.objects.get()
    assert (row.end_reason, row.ended_via) == ("user_inactive", "deactivation")

    User.objects.filter(pk=user.pk).update(is_active=True)
    assert_refused(pair, "session_ended")


def test_verifying_the_token_of_an_inactive_user_writes_nothing(user, pair):
    """Only a use of the token ends something."""
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert reason_of(sessions.verify, pair.access) == "user_inactive"
    assert reason_of(sessions.verify, pair.refresh) == "user_inactive"

    assert LoginSession.objects.get().ended_at is None


def test_a_deleted_user_is_not_found_and_the_record_stays(user, pair):
    """The row outlives its user, and authenticates nobody, not even a user of the same id."""
    subject = user.pk
    user.delete()

    assert_refused(pair, "user_not_found")
    row = LoginSession.objects.get()
    assert (row.user, row.subject) == (None, str(subject))
    again = User.objects.create_user("bert", password=PASSWORD)
    User.objects.filter(pk=again.pk).update(id=subject)
    assert_refused(pair, "session_ended")


def test_an_unknown_secret_key_ends_every_sign_in(pair, settings):
    """Replaced without a fallback, no token verifies."""
    settings.SECRET_KEY = "another-secret-that-is-long-enough-for-hs256-as-well"

    assert_refused(pair, "bad_signature")


def test_a_rotated_secret_key_ends_none(pair, settings):
    """Replaced with a fallback, every token goes on; without a refresh until the fallback goes."""
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another-secret-that-is-long-enough-for-hs256-as-well"
    assert sessions.authenticate(pair.access)
    assert sessions.verify(pair.refresh)

    settings.SECRET_KEY_FALLBACKS = []
    assert reason_of(sessions.authenticate, pair.access) == "bad_signature"


# --- verify


def test_verify_tells_the_user_and_the_claims_of_either_kind(user, pair, statements):
    """One query, nothing written."""
    for raw in (pair.access, pair.refresh):
        with statements(1):
            assert sessions.verify(raw) == (user, forge.claims_of(raw))


# --- without time zones


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Etc/GMT+12", "Europe/Berlin"])
def test_without_time_zones_a_sign_in_lives_as_well(settings, user, zone):
    """USE_TZ = False stores local time, and every limit is the same moment."""
    settings.USE_TZ = False
    settings.TIME_ZONE = zone
    # A datetime in UTC would move the zone of the process as well.
    with time_machine.travel(START.timestamp(), tick=False) as clock:
        pair = sessions.start(user)
        claims = forge.claims_of(pair.refresh)
        assert claims["exp"] == int((START + timedelta(days=7)).timestamp())
        clock.shift(timedelta(seconds=10))
        second = sessions.refresh(pair.refresh)
        clock.shift(timedelta(seconds=30))
        assert sessions.refresh(pair.refresh).refresh == second.refresh
        clock.shift(timedelta(seconds=1))
        assert sessions.authenticate(second.access)
        claims = sessions.blacklist(second.access)
        row = BlacklistedToken.objects.get()
        assert row.expires_at.timestamp() == claims["exp"]
        sessions.blacklist(forge.altered(second.access, exp=MAX_NUMERIC_DATE, jti="last"))
        assert LoginSession.objects.live().count() == 1
        assert reason_of(sessions.refresh, pair.refresh) == "reused"


# --- when the database fails


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("error", [OperationalError, InterfaceError, DatabaseError])
@pytest.mark.parametrize("name", ["authenticate", "verify", "refresh", "blacklist", "start"])
def test_a_database_that_fails_makes_no_token_bad(user, caplog, name, error):
    """Unavailable, never a TokenError, and the driver's message is not logged."""
    pair = sessions.start(user)
    argument = {"start": user, "authenticate": pair.access}.get(name, pair.refresh)

    def fail(*args):
        raise error(f"connection lost, parameter was {pair.refresh}")

    with connection.execute_wrapper(fail):
        with pytest.raises(Unavailable):
            getattr(sessions, name)(argument)
        # What is bad without the database is bad.
        with pytest.raises(TokenError):
            sessions.authenticate(forge.altered(pair.access, exp=1))

    assert error.__name__ in caplog.text
    assert pair.refresh not in caplog.text
    assert getattr(sessions, name)(argument)


# --- settings


def test_changed_settings_apply_to_tokens_seen_before(user, pair, settings):
    """Issuer, audience, keys and times are those of now, for a token accepted a moment ago."""
    assert sessions.authenticate(pair.access)
    for changed, reason in (
        ({"ISSUER": "us"}, "wrong_issuer"),
        ({"AUDIENCE": "api"}, "wrong_audience"),
        ({"KEYS": [{"algorithm": "HS256", "secret": "0123456789abcdefghijklmnopqrstuvwx"}]}, None),
        ({"ACCESS_TOKEN_TYP": "JWT"}, None),
    ):
        settings.JWTAUTH = changed
        if reason:
            assert reason_of(sessions.authenticate, pair.access) == reason
        else:
            assert sessions.authenticate(pair.access)
        settings.JWTAUTH = {}
        assert sessions.authenticate(pair.access)


def test_exp_and_leeway_are_checked_at_every_request(user, settings):
    """A token accepted a second ago is refused when its time is over."""
    with time_machine.travel(START.replace(microsecond=0), tick=False) as clock:
        pair = sessions.start(user)
        clock.shift(timedelta(seconds=299))
        assert sessions.authenticate(pair.access)
        clock.shift(timedelta(seconds=1))
        assert reason_of(sessions.authenticate, pair.access) == "expired"
        settings.JWTAUTH = {"LEEWAY": 5}
        assert sessions.authenticate(pair.access)
        clock.shift(timedelta(seconds=5))
        assert reason_of(sessions.authenticate, pair.access) == "expired"


# --- end


@pytest.mark.parametrize(
    "spell", [lambda sid: sid, str, lambda sid: sid.hex], ids=["id", "text", "sid"]
)
def test_one_sign_in_is_ended(user, pair, spell):
    """By the claim of its tokens or the id of its row, with all that is told; no other ends."""
    other = sessions.start(user)

    assert sessions.end(
        spell(pair.session_id), reason=Reason.STOLEN, via="desk", by=user, note="lost"
    )

    assert reason_of(sessions.authenticate, pair.access) == "session_ended"
    assert reason_of(sessions.refresh, pair.refresh) == "session_ended"
    assert sessions.authenticate(other.access)
    row = LoginSession.objects.get(pk=pair.session_id)
    assert (row.end_reason, row.ended_via, row.end_note) == ("stolen", "desk", "lost")
    assert (row.ended_by, row.ended_by_name) == (user, "anna")


def test_an_api_token_and_a_one_time_token_are_ended_alike(user):
    """Both have a row of their own."""
    script = api_tokens.create(user, "ci")
    link = one_time.create(user, "export")

    assert sessions.end(script.session.pk, by="root")
    assert sessions.end(claims_of(link)["sid"])

    assert reason_of(sessions.authenticate, script.raw) == "session_ended"
    assert reason_of(one_time.consume, link, "export") == "session_ended"
    assert LoginSession.objects.get(pk=script.session.pk).ended_by_name == "root"


def test_what_has_ended_keeps_its_record(pair):
    """The second end finds nothing to end."""
    assert sessions.end(pair.session_id, reason=Reason.STOLEN)
    assert not sessions.end(pair.session_id, reason=Reason.OTHER)

    assert LoginSession.objects.get().end_reason == "stolen"


@pytest.mark.parametrize("sid", [uuid4(), "0" * 32, "", "x" * 32, "1\0", None])
def test_an_id_that_nothing_has_ends_nothing(pair, sid):
    """Neither does text that is no id; nothing fails."""
    assert not sessions.end(sid)
    assert sessions.authenticate(pair.access)


def test_an_id_is_ended_as_a_person_may_type_it(pair):
    """Like the command and the admin: in any case, with dashes or without, nothing around it."""
    assert not sessions.end(f"{{{pair.session_id}}}")
    assert not sessions.end(pair.session_id.urn)
    assert sessions.end(str(pair.session_id).upper())


def test_an_end_that_the_database_cannot_write_is_no_silence(pair, monkeypatch):
    """Whoever asked must not believe that it is over."""

    def fail(*args, **kwargs):
        raise OperationalError

    monkeypatch.setattr(writing, "update", fail)

    assert reason_of(sessions.end, pair.session_id) == "unavailable"


# --- async twins


def test_every_function_has_an_async_twin_of_the_same_signature():
    """a + name, same parameters, and it is awaited."""
    for name in ("start", "authenticate", "verify", "refresh", "end", "blacklist"):
        function, twin = getattr(sessions, name), getattr(sessions, f"a{name}")
        assert iscoroutinefunction(twin)
        assert inspect.signature(twin) == inspect.signature(function)
        assert twin.__doc__ == function.__doc__


def test_the_async_twins_live_by_the_same_rules(user):
    """A whole life of a sign-in, awaited."""

    async def live():
        pair = await sessions.astart(user, None, {"scope": "read"})
        found, claims = await sessions.aauthenticate(pair.access)
        assert (found, claims["scope"]) == (user, "read")
        second = await sessions.arefresh(pair.refresh)
        assert (await sessions.averify(second.refresh))[1]["gen"] == 1
        await sessions.arefresh(second.refresh)
        with pytest.raises(TokenError, match="reused"):
            await sessions.arefresh(pair.refresh)
        other = await sessions.astart(user)
        claims = await sessions.ablacklist(
            other.access, "access", reason="stolen", via="admin", by=user, note="n"
        )
        with pytest.raises(TokenError, match="blacklisted"):
            await sessions.aauthenticate(other.access)
        assert await sessions.aend(other.session_id, by=user)
        assert await LoginSession.objects.filter(id=other.session_id).aend(by=user) == 0
        with pytest.raises(TokenError, match="session_ended"):
            await sessions.averify(other.refresh)

    async_to_sync(live)()

    row = BlacklistedToken.objects.get()
    assert (row.reason, row.via, row.blacklisted_by, row.note) == ("stolen", "admin", user, "n")


# --- nothing to steal


def test_nothing_usable_as_a_token_is_in_the_database(user, api):
    """After a full story no part of any token, and no password, is in any cell of any table."""
    answers = [api.obtain().json() for _ in range(4)]
    answers.append(api.refresh(answers[0]["refresh"]).json())
    answers.append(api.refresh(answers[0]["refresh"]).json())
    answers.append(api.refresh(answers[4]["refresh"]).json())
    assert api.refresh(answers[0]["refresh"]).json()["reason"] == "reused"
    assert api.verify(answers[1]["refresh"]).status_code == 200
    assert api.blacklist(token=answers[1]["access"]).status_code == 200
    assert api.blacklist(refresh=answers[2]["refresh"]).status_code == 200
    api.with_token(answers[3]["access"])
    assert api.get(reverse("jwtauth_me")).status_code == 200
    name = {"name": "my phone"}
    sid = forge.claims_of(answers[3]["access"])["sid"]
    assert api.patch(reverse("jwtauth_session_detail", args=[sid]), name).status_code == 200
    assert api.delete(reverse("jwtauth_session_list")).status_code == 204

    dump = "\n".join(dump_database())
    assert "my phone" in dump
    for answer in answers:
        for kind in ("access", "refresh"):
            header, payload, signature = answer[kind].split(".")
            for part in (header, payload, signature, forge.unsegment(signature).hex()):
                assert part not in dump
    assert PASSWORD not in dump


def dump_database():
    for table in connection.introspection.table_names():
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            for row in cursor.fetchall():
                for cell in row:
                    yield cell.hex() if isinstance(cell, (bytes, memoryview)) else str(cell)


def test_a_sign_in_id_is_ordered_by_time(user):
    """Version 7: new rows go to the end of the index, and no two are alike."""
    ids = []
    with time_machine.travel(START, tick=False) as clock:
        for _ in range(20):
            ids.append(sessions.start(user).session_id)
            clock.shift(timedelta(milliseconds=1))

    assert ids == sorted(ids)
    assert {(each.version, each.variant) for each in ids} == {(7, RFC_4122)}
    assert ids[0].int >> 80 == int(START.timestamp() * 1000)
