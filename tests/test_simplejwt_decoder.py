"""Moving from simplejwt: which of its tokens are accepted, as what, and for how long.

Real ones come from ``tests.simplejwt_project``; those that it would never issue are forged.
"""

import functools
import hashlib
import hmac
import json
import time
import uuid
from collections import Counter
from datetime import datetime, timedelta, timezone
from functools import partial

import jwt
import pytest
import time_machine
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import connection, transaction
from django.urls import reverse

from django_jwtauth import exceptions, sessions
from django_jwtauth.contrib import simplejwt
from django_jwtauth.contrib.simplejwt.move import decoder, tables
from django_jwtauth.models import BlacklistedToken, Cause, LoginSession, Reason
from django_jwtauth.operations import revocation
from django_jwtauth.tokens.keymaterial import CRYPTOGRAPHY
from django_jwtauth.views import oauth
from tests import forge
from tests.conftest import PASSWORD
from tests.legacy import OWN_KEY, SLIDING, WINDOW, legacy, moved, pem
from tests.racing import post, race
from tests.simplejwt_project import process
from tests.subproject import run_pytest


@pytest.fixture(autouse=True)
def move(settings):
    settings.JWTAUTH = moved()
    settings.SIMPLE_JWT = {}


@pytest.fixture
def switch(settings, transactional_db):
    """``with switch(SIMPLE_JWT…) as old:`` runs the old project with these settings, and ours."""
    process.require_simplejwt()

    def start(**simple_jwt):
        settings.SIMPLE_JWT = {
            name: timedelta(seconds=value) if name.endswith("LIFETIME") else value
            for name, value in simple_jwt.items()
        }
        return process.running(**simple_jwt)

    return start


# --- the move


KEYS = {
    "secret-key": dict,
    "own-key": lambda: {"ALGORITHM": "HS256", "SIGNING_KEY": OWN_KEY},
    "HS512": lambda: {"ALGORITHM": "HS512", "SIGNING_KEY": OWN_KEY},
    "RS256": lambda: pem("RS256"),
    "ES256": lambda: pem("ES256"),
}


@pytest.mark.parametrize("name", KEYS)
def test_nobody_is_signed_out(switch, user, other_user, api, name):
    """Whatever key signed them: tokens go on working, blacklisted ones stay refused."""
    if name in ("RS256", "ES256") and not CRYPTOGRAPHY:
        pytest.skip("needs cryptography")
    with switch(**KEYS[name](), AUDIENCE="the-api", ISSUER="https://old.example.com") as old:
        anna, bert = old.obtain("anna"), old.obtain("bert")
        rotated = old.refresh(anna["refresh"])["body"]
        assert old.blacklist(bert["refresh"])["status"] == 200

        # The switch: from here on our project answers.
        assert api.protected(anna["access"]).json() == {"user": "anna"}
        assert api.protected(rotated["access"]).json() == {"user": "anna"}
        assert api.protected(bert["access"]).json() == {"user": "bert"}
        refreshed = api.refresh(rotated["refresh"])
        assert refreshed.status_code == 200
        assert api.protected(refreshed.json()["access"]).status_code == 200
        again = api.refresh(refreshed.json()["refresh"])
        assert again.status_code == 200
        assert api.protected(again.json()["access"]).status_code == 200

        for refused in (bert["refresh"], anna["refresh"]):
            for answer in (api.refresh(refused), api.verify(refused)):
                assert answer.status_code == 401
                assert answer.json()["reason"] == "blacklisted"
    sid = LoginSession.objects.get().sid
    assert forge.claims_of(again.json()["access"])["sid"] == sid
    assert not BlacklistedToken.objects.exists()


def test_a_legacy_token_is_exchanged_once(old, user, api):
    """What comes back after the grace period has been copied: the sign-in ends."""
    raw = old.obtain()["refresh"]
    first = api.refresh(raw)
    assert api.refresh(raw).json()["refresh"] == first.json()["refresh"]
    with time_machine.travel(datetime.now(timezone.utc) + timedelta(seconds=31), tick=True):
        answer = api.refresh(raw)
        assert (answer.status_code, answer.json()["reason"]) == (401, "reused")
        assert api.refresh(first.json()["refresh"]).json()["reason"] == "session_ended"
        assert api.refresh(raw).json()["reason"] == "session_ended"

    assert LoginSession.objects.get().end_reason == Reason.REUSED


def test_sixteen_exchanges_make_one_sign_in(old, user):
    """However many at once: one sign-in, one successor, which every caller gets."""
    for _ in range(10):
        raw = old.obtain()["refresh"]
        LoginSession.objects.all().delete()
        answers = race([partial(post, "token/refresh/", refresh=raw)] * 16)

        assert Counter(answer.status_code for answer in answers) == {200: 16}
        assert len({answer.json()["refresh"] for answer in answers}) == 1
        assert LoginSession.objects.get().generation == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("isolation", ["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"])
def test_exchanges_agree_at_every_isolation_level(user, isolation):
    """Stricter isolation levels change nothing: one sign-in, and nobody gets an error."""
    for _ in range(10):
        raw = legacy(user, "refresh")
        LoginSession.objects.all().delete()
        answers = race([partial(post, "token/refresh/", refresh=raw)] * 8, isolation=isolation)

        assert Counter(answer.status_code for answer in answers) == {200: 8}
        assert len({answer.json()["refresh"] for answer in answers}) == 1


def test_exchanging_races_signing_out(old, user):
    """Once the sign-out has answered, nothing that the refresh got is good."""
    for _ in range(10):
        raw = old.obtain()["refresh"]
        refreshed, signed_out = race(
            [
                partial(post, "token/refresh/", refresh=raw),
                partial(post, "token/blacklist/", refresh=raw),
            ]
        )
        assert signed_out.status_code == 200
        assert refreshed.status_code in (200, 401)
        if refreshed.status_code == 200:
            with pytest.raises(exceptions.SessionEnded):
                sessions.verify(refreshed.json()["refresh"])
        with pytest.raises(exceptions.TokenError):
            sessions.verify(raw)


def test_the_window_closes(user, api):
    """From LEGACY["UNTIL"] on all of them are refused, with one reason and without a query."""
    raw = legacy(user, "refresh", exp=int(time.time()) + 10**6)
    access = legacy(user, exp=int(time.time()) + 10**6)
    assert api.protected(access).status_code == 200
    with time_machine.travel(datetime.now(timezone.utc) + WINDOW + timedelta(seconds=1)):
        assert api.protected(access).status_code == 401
        assert api.refresh(raw).json()["reason"] == "bad_signature"
        assert api.blacklist(refresh=raw).json()["reason"] == "bad_signature"


@pytest.mark.parametrize("missing", ["DECODER", "UNTIL"])
def test_it_takes_both_settings(user, api, settings, missing):
    """Neither a decoder without an end nor an end without a decoder accepts anything."""
    settings.JWTAUTH = moved()
    del settings.JWTAUTH["LEGACY"][missing]

    assert api.protected(legacy(user)).status_code == 401


def test_a_password_change_ends_what_was_exchanged(user, api):
    """A sign-in made of a legacy token ends with the password, like any other."""
    raw = legacy(user, "refresh")
    assert api.refresh(raw).status_code == 200
    user.set_password("another")
    user.save()

    answer = api.refresh(raw)
    assert (answer.status_code, answer.json()["reason"]) == (401, "credentials_changed")
    assert LoginSession.objects.get().end_reason == Reason.CREDENTIALS_CHANGED


def change_password(user, api):
    user.set_password("another")
    user.save()


def deactivate_and_back(user, api):
    for user.is_active in (False, True):
        user.save()


def sign_out_everywhere(user, api):
    pair = sessions.start(user)
    assert api.with_token(pair.access).delete("/api/sessions/").status_code == 204
    api.credentials()


def end_of_user(user, api):
    revocation.end(revocation.of_user(user), Cause(reason="stolen", via="code"))


def end_of_everybody(user, api):
    revocation.end(revocation.everybody(), Cause(reason="stolen", via="code"))


@pytest.mark.parametrize(
    "event",
    [change_password, deactivate_and_back, sign_out_everywhere, end_of_user, end_of_everybody],
)
@pytest.mark.parametrize("kind", ["access", "refresh"])
@pytest.mark.parametrize("iat", [True, False], ids=["dated", "undated"])
def test_what_ends_sign_ins_refuses_what_was_never_exchanged(
    user, other_user, api, event, kind, iat
):
    """Such a token has no row yet; other users' tokens, and those issued later, are good."""
    without = [] if iat else ["iat"]
    raw, others = legacy(user, kind, without=without), legacy(other_user, kind, without=without)
    event(user, api)

    assert api.verify(raw).json()["reason"] == "session_ended"
    if kind == "refresh":
        assert api.refresh(raw).json()["reason"] == "session_ended"
        assert not LoginSession.objects.filter(
            subject=user.pk, ended_at=None, generation=1
        ).exists()
    if event is not end_of_everybody:
        assert api.verify(others).status_code == 200
    later = int(time.time()) + 2
    with time_machine.travel(later + 1):
        assert api.verify(legacy(user, kind, iat=later, exp=later + 60)).status_code == 200


def test_verifying_writes_nothing(user, api):
    """A token may be looked at as often as one likes; only exchanging it makes a sign-in."""
    raw = legacy(user, "refresh")
    for _ in range(2):
        assert api.verify(raw).status_code == 200
    assert not LoginSession.objects.exists()


def test_check_revoke_token(switch, user, api):
    """With CHECK_REVOKE_TOKEN, a password changed before the move counts too."""
    with switch(CHECK_REVOKE_TOKEN=True) as old:
        good, pair = old.obtain(), old.obtain()
        assert api.protected(good["access"]).status_code == 200
        assert api.refresh(good["refresh"]).status_code == 200
        user.set_password("another")
        user.save()

        assert api.protected(pair["access"]).json()["reason"] == "credentials_changed"
        assert api.refresh(pair["refresh"]).json()["reason"] == "credentials_changed"
        assert api.blacklist(refresh=pair["refresh"]).status_code == 200


@pytest.mark.parametrize("field", ["username", "email", "pk"])
def test_user_id_field(switch, user, other_user, api, field):
    """The user is found by USER_ID_FIELD; our own tokens name the primary key."""
    with switch(USER_ID_FIELD=field, USER_ID_CLAIM="who") as old:
        pair = old.obtain()
        assert api.protected(pair["access"]).json() == {"user": "anna"}
        claims = forge.claims_of(api.refresh(pair["refresh"]).json()["refresh"])

    assert claims["sub"] == str(user.pk)
    assert "who" not in claims


def test_a_project_with_public_ids_in_its_tokens():
    """Its real tokens, a blacklist and an import, with SUBJECT_FIELD: nobody is signed out."""
    process.require_simplejwt()
    run_pytest("tests.public_ids.settings", "tests/public_ids/story.py")


def test_claims_of_the_project_are_carried(user, api):
    """What a project put into its tokens is in ours, refresh after refresh."""
    raw = legacy(user, "refresh", name="Anna", roles=["a", "b"], hash_password="X", aud="them")
    for _ in range(2):
        pair = api.refresh(raw).json()
        for token in (pair["access"], pair["refresh"]):
            claims = forge.claims_of(token)
            assert (claims["name"], claims["roles"]) == ("Anna", ["a", "b"])
            assert not claims.keys() & {"hash_password", "aud"}
        raw = pair["refresh"]


def test_without_rotation_the_legacy_token_stays(user, api, settings):
    """With ROTATE_REFRESH_TOKENS off the client keeps it, and it stays good until its end."""
    settings.JWTAUTH = moved(ROTATE_REFRESH_TOKENS=False)
    raw = legacy(user, "refresh", exp=int(time.time()) + 3600)
    for minutes in (0, 10, 50):
        with time_machine.travel(datetime.now(timezone.utc) + timedelta(minutes=minutes)):
            answer = api.refresh(raw)
            assert answer.status_code == 200
            assert "refresh" not in answer.json()
            assert api.protected(answer.json()["access"]).status_code == 200
    with time_machine.travel(datetime.now(timezone.utc) + timedelta(minutes=61)):
        assert api.refresh(raw).json()["reason"] == "expired"
    assert LoginSession.objects.get().generation == 0


# --- signing out


def test_signing_out_with_a_legacy_refresh_token(old, user, api):
    """The sign-in is over, once and for all, also for what its exchange gave; twice is fine."""
    raw = old.obtain()["refresh"]
    pair = api.refresh(raw).json()
    for _ in range(2):
        assert api.blacklist(refresh=raw).status_code == 200

    assert api.refresh(raw).status_code == 401
    assert api.refresh(pair["refresh"]).json()["reason"] == "session_ended"
    assert api.protected(pair["access"]).status_code == 401
    row = BlacklistedToken.objects.get()
    assert (row.jti, row.session) == (forge.claims_of(raw)["jti"], LoginSession.objects.get())


def test_signing_out_before_the_exchange(old, user, api):
    """A legacy token that was never exchanged cannot be any more."""
    raw = old.obtain()["refresh"]
    assert api.blacklist(refresh=raw).status_code == 200

    assert api.refresh(raw).json()["reason"] == "blacklisted"
    assert api.verify(raw).status_code == 401


def test_a_legacy_access_token_can_be_refused(old, user, api):
    """One that is blacklisted is refused from the next request on."""
    raw = old.obtain()["access"]
    assert api.blacklist(token=raw).status_code == 200

    answer = api.protected(raw)
    assert (answer.status_code, answer.json()["reason"]) == (401, "blacklisted")
    row = BlacklistedToken.objects.get()
    assert (row.user, row.session, row.token_type) == (user, None, "access")


def test_signing_out_there_counts_here(old, user, api):
    """While both run on one database, each token that simplejwt blacklists is refused."""
    raw = old.obtain()["refresh"]
    assert api.verify(raw).status_code == 200
    old.blacklist(raw)

    assert api.refresh(raw).json()["reason"] == "blacklisted"


def test_an_access_token_that_simplejwt_blacklisted(old, user, api):
    """Projects that put access tokens on the blacklist meant it."""
    raw = old.obtain()["access"]
    moment = datetime.now(timezone.utc).isoformat(sep=" ").split("+")[0]
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {tables.OUTSTANDING} (jti, token, created_at, expires_at) "
            "VALUES (%s, '', %s, %s)",
            [forge.claims_of(raw)["jti"], moment, moment],
        )
        cursor.execute(f"SELECT MAX(id) FROM {tables.OUTSTANDING}")
        cursor.execute(
            f"INSERT INTO {tables.BLACKLISTED} (token_id, blacklisted_at) VALUES (%s, %s)",
            [cursor.fetchone()[0], moment],
        )

    assert api.protected(raw).json()["reason"] == "blacklisted"


def test_an_expired_token_signs_out_without_a_trace(user, api):
    """Nothing accepts it any more, so nothing is written."""
    raw = legacy(user, "refresh", exp=int(time.time()) - 5)

    assert api.refresh(raw).json()["reason"] == "expired"
    assert api.blacklist(refresh=raw).status_code == 200
    assert not LoginSession.objects.exists()
    assert not BlacklistedToken.objects.exists()


def test_the_tables_may_be_dropped_while_we_run(old, user, api):
    """Processes that knew them notice; what they refused is accepted unless it was imported."""
    raw, blacklisted = old.obtain()["refresh"], old.obtain()["refresh"]
    old.blacklist(blacklisted)
    assert api.verify(blacklisted).status_code == 401
    with connection.cursor() as cursor:
        for table in reversed(tables.TABLES):
            cursor.execute(f"DROP TABLE {table}")

    assert api.refresh(raw).status_code == 200
    assert api.refresh(raw).status_code == 200


def test_an_inactive_user_signs_out_for_good(user, api):
    """Refused while inactive, and activating the user does not bring the sign-in back."""
    raw = legacy(user, "refresh")
    user.is_active = False
    user.save()
    answer = api.refresh(raw)
    assert answer.status_code == 401
    assert answer.json()["reason"] == "user_inactive"
    assert api.protected(legacy(user)).json()["reason"] == "user_inactive"
    assert api.blacklist(token=legacy(user)).status_code == 200
    user.is_active = True
    user.save()

    assert api.refresh(raw).json()["reason"] == "session_ended"


def test_an_update_that_deactivates_is_found_at_the_next_use(user, api):
    """Legacy tokens have no row to end: once one was refused, activating revives none."""
    get_user_model().objects.update(is_active=False)
    assert api.protected(legacy(user)).json()["reason"] == "user_inactive"
    assert api.protected(legacy(user)).json()["reason"] == "user_inactive"
    get_user_model().objects.update(is_active=True)

    assert api.protected(legacy(user)).json()["reason"] == "session_ended"
    assert api.refresh(legacy(user, "refresh")).json()["reason"] == "session_ended"


def test_a_deleted_user(user, api):
    """401 for every kind of request; simplejwt failed with a 500."""
    access, refresh = legacy(user), legacy(user, "refresh")
    user.delete()
    for answer in (
        api.protected(access),
        api.refresh(refresh),
        api.verify(access),
        api.blacklist(refresh=refresh),
        api.blacklist(token=access),
    ):
        assert (answer.status_code, answer.json()["reason"]) == (401, "user_not_found")
    assert not LoginSession.objects.exists()


# --- sliding tokens


def test_a_sliding_token_is_exchanged_like_a_refresh_token(switch, user, api):
    """It signs requests until it expires, and buys one sign-in; signing out ends both."""
    with switch(**SLIDING) as old:
        raw = old.obtain(path="/api/sliding/")["token"]
        slid = old.send("POST", "/api/sliding/refresh/", {"token": raw})["body"]["token"]
        for token in (raw, slid):
            assert api.protected(token).json() == {"user": "anna"}
            assert api.verify(token).status_code == 200
        pair = api.refresh(slid).json()
        assert api.refresh(raw).json()["refresh"] == pair["refresh"]
        assert LoginSession.objects.count() == 1
        assert api.protected(raw).status_code == 200
        assert api.blacklist(refresh=raw).status_code == 200

        for token in (raw, slid, pair["access"]):
            assert api.protected(token).status_code == 401
        assert api.refresh(pair["refresh"]).json()["reason"] == "session_ended"


def test_a_sliding_token_that_was_blacklisted(switch, user, api):
    """It signs no request and buys no sign-in."""
    with switch(**SLIDING) as old:
        raw = old.obtain(path="/api/sliding/")["token"]
        assert api.blacklist(token=raw).status_code == 200

        assert api.protected(raw).json()["reason"] == "blacklisted"
        assert api.refresh(raw).json()["reason"] == "blacklisted"


def test_ending_the_sign_in_of_a_sliding_token(user, api, settings):
    """What an operator ends is over for the sliding token's own requests, too."""
    settings.SIMPLE_JWT = SLIDING
    now = int(time.time())
    raw = legacy(user, "sliding", refresh_exp=now + 3600)
    assert api.protected(raw).status_code == 200
    assert api.refresh(raw).status_code == 200
    LoginSession.objects.all().end()

    assert api.protected(raw).json()["reason"] == "session_ended"


@pytest.mark.parametrize(
    "exp, refresh_exp, status",
    [(9, 9, 200), (-9, 9, 401), (9, -9, 401), (9, None, 401), (9, "9", 401)],
)
def test_a_sliding_token_has_two_ends(user, api, settings, exp, refresh_exp, status):
    """As in simplejwt, the earlier one ends the time to exchange it."""
    settings.SIMPLE_JWT = SLIDING
    now = int(time.time())
    ends = now + refresh_exp if isinstance(refresh_exp, int) else refresh_exp
    raw = legacy(user, "sliding", exp=now + exp, refresh_exp=ends)

    assert api.refresh(raw).status_code == status


def test_a_sliding_token_where_none_were_accepted(user, api):
    """A project that listed only access tokens did not take sliding ones either."""
    raw = legacy(user, "sliding", refresh_exp=int(time.time()) + 300)

    assert api.protected(raw).status_code == 401
    assert api.refresh(raw).json()["reason"] == "wrong_type"


# --- what must not be taken for what


def endpoints(api, raw):
    """What each endpoint that takes a token says of this one."""
    return {
        "protected": api.protected(raw).status_code,
        "refresh": api.refresh(raw).status_code,
        "blacklist": api.blacklist(refresh=raw).status_code,
    }


def test_the_kind_of_a_token_holds(user, api):
    """An access token buys nothing, a refresh token signs no request."""
    assert endpoints(api, legacy(user)) == {"protected": 200, "refresh": 401, "blacklist": 401}
    assert endpoints(api, legacy(user, "refresh")) == {
        "protected": 401,
        "refresh": 200,
        "blacklist": 200,
    }


@pytest.mark.parametrize("kind", ["untyped", "one_time", "ACCESS", "", None, 1, ["access"], {}])
def test_kinds_that_are_none(user, api, kind):
    """Whatever else the claim says is the wrong type, everywhere."""
    assert set(endpoints(api, legacy(user, kind)).values()) == {401}
    with pytest.raises(exceptions.WrongTokenType):
        decoder.decode(legacy(user, kind), ("one_time",), False)


@pytest.mark.skipif(not CRYPTOGRAPHY, reason="needs cryptography")
def test_keys_that_are_fetched(user, api, settings):
    """With JWK_URL the keys are fetched once, however many unknown ones a client makes up."""
    from tests.issuer import Issuer, Signer

    signer, stranger = Signer("known"), Signer("unknown")
    with Issuer(signer).serving() as issuer:
        settings.SIMPLE_JWT = {"ALGORITHM": "ES256", "JWK_URL": issuer.url}
        header = {"typ": "JWT"}
        claims = {"user_id": str(user.pk), "jti": "a" * 32}
        assert api.protected(signer.token(header=header, **claims)).status_code == 200
        assert api.protected(legacy(user)).status_code == 401
        hits = issuer.hits
        for number in range(5):
            header["kid"] = f"made-up-{number}"
            assert api.protected(stranger.token(header=header, **claims)).status_code == 401
    assert issuer.hits <= hits + 1


def test_a_token_type_claim_that_was_switched_off(user, api, settings):
    """TOKEN_TYPE_CLAIM None was written as "null": there it meant nothing, here it is read."""
    settings.SIMPLE_JWT = {"TOKEN_TYPE_CLAIM": None}
    access = legacy(user, without=["token_type"], null="access")
    refresh = legacy(user, without=["token_type"], null="refresh")

    assert endpoints(api, access) == {"protected": 200, "refresh": 401, "blacklist": 401}
    assert endpoints(api, refresh) == {"protected": 401, "refresh": 200, "blacklist": 200}


GARBAGE = {
    "no signature": lambda raw: raw.rpartition(".")[0] + ".",
    "another signature": lambda raw: raw[:-4] + "AAAA",
    "another key": lambda raw: forge.sign(forge.header_of(raw), forge.claims_of(raw), b"x" * 64),
    "alg none": lambda raw: forge.sign({"alg": "none", "typ": "JWT"}, forge.claims_of(raw)),
    "another alg": lambda raw: forge.sign(
        {"alg": "HS384", "typ": "JWT"}, forge.claims_of(raw), settings.SECRET_KEY.encode()
    ),
    "crit": lambda raw: forge.sign(
        {**forge.header_of(raw), "crit": ["b64"], "b64": False},
        forge.claims_of(raw),
        settings.SECRET_KEY.encode(),
    ),
    "our typ": lambda raw: forge.sign(
        {"alg": "HS256", "typ": "at+jwt"}, forge.claims_of(raw), settings.SECRET_KEY.encode()
    ),
    "no typ": lambda raw: forge.sign(
        {"alg": "HS256"}, forge.claims_of(raw), settings.SECRET_KEY.encode()
    ),
    "padding": lambda raw: raw + "=",
    "a list": lambda raw: forge.sign(forge.header_of(raw), [], settings.SECRET_KEY.encode()),
    "too long": lambda raw: raw + "A" * 9000,
    "text": lambda raw: "é" * 30,
    "dots": lambda raw: "..",
}


@pytest.mark.django_db
@pytest.mark.parametrize("name", GARBAGE)
def test_garbage_costs_no_query(user, statements, name):
    """What simplejwt's key did not sign, as simplejwt signs, is refused before any query."""
    raw = GARBAGE[name](legacy(user, "refresh"))
    for use in (sessions.authenticate, sessions.refresh, sessions.verify, sessions.blacklist):
        with statements(0), pytest.raises(exceptions.TokenError):
            use(raw)


SIGNED = {
    "no exp": {"without": ["exp"]},
    "exp as text": {"exp": "9999999999"},
    "exp a fraction": {"exp": 9999999999.5},
    "exp beyond every calendar": {"exp": 10**18},
    "exp true": {"exp": True},
    "no jti": {"without": ["jti"]},
    "jti empty": {"jti": ""},
    "jti a number": {"jti": 7},
    "jti too long": {"jti": "x" * 256},
    "jti with a NUL": {"jti": "a\0b"},
    "nbf to come": {"nbf": 2**33},
    "nbf as text": {"nbf": "0"},
}


@pytest.mark.parametrize("name", SIGNED)
def test_signed_and_yet_not_good(user, statements, name):
    """Authentic tokens that simplejwt would not issue: a refusal, no query, no error."""
    raw = legacy(user, "refresh", **SIGNED[name])
    for use in (sessions.authenticate, sessions.refresh, sessions.verify, sessions.blacklist):
        with statements(0), pytest.raises(exceptions.TokenError):
            use(raw)


@pytest.mark.parametrize(
    "subject",
    [
        *("", "abc", "1e0", "\N{ARABIC-INDIC DIGIT ONE}", "01", " 1", "1\n", "-1", "\0", "\ud800"),
        *("x" * 256, str(10**30), 10**30, 1.0, True, None, [], {}),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_user_ids_that_are_none(user, api, subject):
    """Nobody is found by what is not exactly a user's id: 401, never 500."""
    get_user_model().objects.update(id=1)
    user = get_user_model().objects.get()
    assert api.protected(legacy(user)).status_code == 200
    answers = endpoints(api, legacy(user, user_id=subject))

    assert set(answers.values()) == {401}
    assert not LoginSession.objects.exists()


def test_an_id_that_was_a_number(user, api):
    """As simplejwt wrote them before 5.5."""
    assert api.protected(legacy(user, user_id=user.pk)).status_code == 200
    assert api.protected(legacy(user, without=["user_id"])).status_code == 401


def test_subject_that_was_a_number(user, api, settings):
    """USER_ID_CLAIM "sub" was a number once, which PyJWT itself refuses today."""
    settings.SIMPLE_JWT = {"USER_ID_CLAIM": "sub"}

    assert api.protected(legacy(user, without=["user_id"], sub=user.pk)).status_code == 200


def test_a_user_id_field_that_several_share(user, other_user, api, settings):
    """USER_ID_FIELD need not be unique: two matches are nobody, not the first of them."""
    settings.SIMPLE_JWT = {"USER_ID_FIELD": "first_name"}
    get_user_model().objects.update(first_name="Kim")
    assert api.protected(legacy(user, user_id="Kim")).json()["reason"] == "user_not_found"
    get_user_model().objects.filter(pk=user.pk).update(first_name="Anna")

    assert api.protected(legacy(user, user_id="Anna")).status_code == 200
    # Some databases find her by that.
    assert api.protected(legacy(user, user_id="anna")).json()["reason"] == "user_not_found"


@pytest.mark.skipif(not CRYPTOGRAPHY, reason="needs cryptography")
@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_a_public_key_is_no_secret(user, api, settings, algorithm):
    """Who knows VERIFYING_KEY cannot sign with HS256 under it."""
    settings.SIMPLE_JWT = pem(algorithm)
    for material in (settings.SIMPLE_JWT["VERIFYING_KEY"], settings.SECRET_KEY):
        for alg in ("HS256", algorithm):
            raw = legacy(user, "refresh", key=material, header={"alg": alg})
            assert set(endpoints(api, raw).values()) == {401}


@pytest.mark.parametrize(
    "simple_jwt",
    [
        {"SIGNING_KEY": ""},
        {"SIGNING_KEY": None},
        {"ALGORITHM": "none"},
        {"ALGORITHM": "RS256"},
        {"ALGORITHM": "none", "VERIFYING_KEY": ""},
    ],
)
def test_no_key_at_all(user, api, settings, simple_jwt):
    """An empty key verifies nothing; PyJWT of some versions would take it as a secret."""
    settings.SIMPLE_JWT = simple_jwt
    claims = forge.claims_of(legacy(user))
    for alg in ("HS256", "none", "RS256"):
        header = {"alg": alg, "typ": "JWT"}
        unsigned = f"{forge.segment(header)}.{forge.segment(claims)}."
        for raw in (legacy(user, header=header), f"{unsigned}AA", empty_hmac(unsigned)):
            assert api.protected(raw).status_code == 401


def empty_hmac(unsigned):
    signed = unsigned.removesuffix(".")
    return f"{signed}.{forge.segment(hmac.new(b'', signed.encode(), hashlib.sha256).digest())}"


@pytest.mark.parametrize(
    "simple_jwt",
    [
        {"ALGORITHM": "RS256", "VERIFYING_KEY": "not a key"},
        {
            "ALGORITHM": "HS256",
            "SIGNING_KEY": "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----",
        },
        {"ALGORITHM": "RS1", "VERIFYING_KEY": "x"},
    ],
)
def test_a_key_that_is_none(user, settings, simple_jwt):
    """A mistake in SIMPLE_JWT must not look like a bad token, nor show the key."""
    settings.SIMPLE_JWT = simple_jwt
    raw = legacy(user, header={"alg": simple_jwt.get("ALGORITHM", "HS256")})
    with pytest.raises(ImproperlyConfigured) as caught:
        sessions.authenticate(raw)
    assert "not a key" not in str(caught.value).replace("is not a key for ALGORITHM", "")
    assert "AAAA" not in str(caught.value)


PARTIES = [
    ({"ISSUER": "a"}, {"iss": "a"}, True),
    ({"ISSUER": "a"}, {"iss": "b"}, False),
    ({"ISSUER": "a"}, {}, False),
    ({"ISSUER": ["a", "b"]}, {"iss": "b"}, True),
    ({"ISSUER": "abc"}, {"iss": "b"}, False),
    ({"ISSUER": "a"}, {"iss": ["a"]}, False),
    ({"AUDIENCE": "a"}, {"aud": "a"}, True),
    ({"AUDIENCE": "a"}, {"aud": ["b", "a"]}, True),
    ({"AUDIENCE": ["a", "b"]}, {"aud": "b"}, True),
    ({"AUDIENCE": ["a", "b"]}, {"aud": ["c", "b"]}, True),
    ({"AUDIENCE": "abc"}, {"aud": "b"}, False),
    ({"AUDIENCE": "a"}, {"aud": []}, False),
    ({"AUDIENCE": "a"}, {"aud": [["a"]]}, False),
    ({"AUDIENCE": "a"}, {"aud": {"a": 1}}, False),
    ({"AUDIENCE": "a"}, {}, False),
    ({}, {"aud": "b", "iss": "c"}, True),
]


@pytest.mark.parametrize("simple_jwt, claims, good", PARTIES)
def test_issuer_and_audience(user, api, settings, simple_jwt, claims, good):
    """ISSUER and AUDIENCE of SIMPLE_JWT hold for its tokens, those of JWTAUTH for ours."""
    settings.JWTAUTH = moved(ISSUER="https://new.example.com", AUDIENCE="new")
    settings.SIMPLE_JWT = simple_jwt
    answers = endpoints(api, legacy(user, "refresh", **claims))

    assert answers["refresh"] == (200 if good else 401)
    assert api.protected(legacy(user, **claims)).status_code == (200 if good else 401)


@pytest.mark.parametrize("leeway", [0, 10, 10.0, timedelta(seconds=10), None])
def test_leeway(user, api, settings, leeway):
    """LEEWAY of SIMPLE_JWT holds for its tokens, in every form that simplejwt takes."""
    settings.SIMPLE_JWT = {"LEEWAY": leeway}
    allowed = {200} if leeway else {401}
    now = int(time.time())
    for late in (legacy(user, "refresh", exp=now - 5), legacy(user, "refresh", nbf=now + 8)):
        assert {api.refresh(late).status_code} == allowed
    assert api.protected(legacy(user, exp=now - 12)).status_code == 401


def test_a_token_blacklisted_within_the_leeway(user, api, settings):
    """Its record stays until the token is refused anyway, however short records are kept."""
    settings.SIMPLE_JWT = {"LEEWAY": 60}
    settings.JWTAUTH = moved(AUDIT_RETENTION=0)
    raw = legacy(user, "refresh", exp=int(time.time()) + 1)
    assert api.blacklist(refresh=raw).status_code == 200
    with time_machine.travel(datetime.now(timezone.utc) + timedelta(seconds=30)):
        call_command("jwtauth_purge", verbosity=0)
        assert api.refresh(raw).json()["reason"] == "blacklisted"


# --- ours, under the same key


@pytest.fixture
def shared_key(settings):
    """The key that simplejwt signed with is the one that we sign with, in simplejwt's words."""

    def share(**changed):
        settings.SIMPLE_JWT = {
            "SIGNING_KEY": OWN_KEY,
            "USER_ID_CLAIM": "sub",
            "LEEWAY": 300,
        }
        settings.JWTAUTH = moved(
            KEYS=[{"algorithm": "HS256", "secret": OWN_KEY}],
            ACCESS_TOKEN_TYP="JWT",
            USER_ID_CLAIM=None,
            **changed,
        )

    return share


def test_a_token_of_ours_gets_no_second_chance(user, api, settings, shared_key):
    """Refused as ours, it is not taken for one of simplejwt's, though the key is the same."""
    shared_key()
    pair = sessions.start(user)
    LoginSession.objects.all().end()
    assert api.protected(pair.access).json()["reason"] == "session_ended"
    with time_machine.travel(datetime.now(timezone.utc) + timedelta(minutes=6)):
        assert api.protected(pair.access).json()["reason"] == "expired"
    shared_key(AUDIENCE="another")
    assert api.protected(pair.access).json()["reason"] == "wrong_audience"
    shared_key(ISSUER="another")
    assert api.protected(pair.access).json()["reason"] == "wrong_issuer"

    # The others are simplejwt's, whoever signs.
    raw = legacy(user, key=OWN_KEY, without=["user_id"], sub=str(user.pk))
    assert api.protected(raw).status_code == 200


def test_our_refresh_token_is_no_legacy_token(user, api, shared_key):
    """Expired or ended, it stays refused."""
    shared_key()
    pair = sessions.start(user)
    LoginSession.objects.all().end()

    assert api.refresh(pair.refresh).json()["reason"] == "session_ended"
    with time_machine.travel(datetime.now(timezone.utc) + timedelta(days=8)):
        assert api.refresh(pair.refresh).json()["reason"] == "expired"


# --- the window costs our own tokens nothing


def test_our_own_tokens_do_not_pay(user, api, statements, monkeypatch):
    """A valid token of this package never meets the legacy code and costs no extra query."""
    pair = sessions.start(user)
    monkeypatch.setattr(decoder, "read_foreign", None)
    monkeypatch.setattr(simplejwt, "decode", None)
    with statements(1):
        sessions.authenticate(pair.access)
    # In the transaction of the test: the row is locked first.
    with statements(3):
        sessions.refresh(pair.refresh)


def test_an_expired_token_of_ours_is_not_verified_twice(user, monkeypatch):
    """Its typ already says that it is not simplejwt's."""
    pair = sessions.start(user)
    monkeypatch.setattr(decoder, "_get_keys", functools.cache(lambda: pytest.fail("verified")))
    for raw, use in ((pair.access, sessions.authenticate), (pair.refresh, sessions.refresh)):
        later = datetime.now(timezone.utc) + timedelta(days=8)
        with time_machine.travel(later), pytest.raises(exceptions.ExpiredToken):
            use(raw)


def test_a_legacy_access_token_costs_four_queries(user, statements):
    """The user, the blacklist twice, and the one query of every token; nothing is written."""
    raw = legacy(user)
    sessions.authenticate(raw)
    with statements(4):
        sessions.authenticate(raw)
    assert not LoginSession.objects.exists()


def test_looking_again_writes_nothing(user, statements):
    """Only exchanging a refresh token writes its sign-in."""
    raw = legacy(user, "refresh")
    sessions.verify(raw)
    with statements(4) as captured:
        sessions.verify(raw)
    assert all(query["sql"].startswith("SELECT") for query in captured)


# --- around it


def test_atomic_requests(user, api, settings, monkeypatch):
    """The project's ATOMIC_REQUESTS takes back neither a sign-in nor a refusal."""
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    raw = legacy(user, "refresh")
    pair = api.refresh(raw).json()
    with time_machine.travel(datetime.now(timezone.utc) + timedelta(minutes=1)):
        assert api.refresh(raw).json()["reason"] == "reused"
        assert api.refresh(pair["refresh"]).json()["reason"] == "session_ended"


def test_inside_a_transaction_of_the_caller(user):
    """The exchange works, and is gone with the transaction that it was part of."""
    raw = legacy(user, "refresh")
    with transaction.atomic():
        sessions.refresh(raw)
        transaction.set_rollback(True)
    assert not LoginSession.objects.exists()
    assert sessions.refresh(raw).refresh


def test_a_purge_does_not_bring_a_token_back(user, api, settings):
    """What was ended here stays so while its legacy token could still be presented."""
    settings.JWTAUTH = moved(
        SESSION_LIFETIME=60, REFRESH_TOKEN_LIFETIME=60, ACCESS_TOKEN_LIFETIME=30, AUDIT_RETENTION=0
    )
    raw = legacy(user, "refresh", exp=int(time.time()) + 86400)
    assert api.refresh(raw).status_code == 200
    LoginSession.objects.all().end()
    with time_machine.travel(datetime.now(timezone.utc) + timedelta(hours=1)):
        call_command("jwtauth_purge", verbosity=0)
        assert api.refresh(raw).json()["reason"] == "session_ended"
    with time_machine.travel(datetime.now(timezone.utc) + WINDOW + timedelta(seconds=1)):
        call_command("jwtauth_purge", verbosity=0)
        assert not LoginSession.objects.exists()


def test_me_and_the_list_of_sign_ins(user, api):
    """An access token of simplejwt's belongs to no sign-in: none is marked as the current one."""
    sessions.start(user)
    api.with_token(legacy(user, scope="read jwtauth:manage"))

    me = api.get(reverse("jwtauth_me")).json()
    assert (me["session_id"], me["scopes"]) == (None, ["jwtauth:manage", "read"])
    assert [row["current"] for row in api.get(reverse("jwtauth_session_list")).json()] == [False]
    assert api.delete(reverse("jwtauth_session_list")).status_code == 204
    assert not LoginSession.objects.live().exists()


def test_claims_that_views_read(user, api):
    """USER_ID_CLAIM is in a legacy token's claims under the name that ours have it."""
    _, claims = sessions.authenticate(legacy(user))

    assert claims["user_id"] == claims["sub"] == str(user.pk)


def test_the_gateway_check(user, rf):
    """Lets a legacy access token through, without the sign-in that it does not have."""
    request = rf.get("/", headers={"Authorization": f"Bearer {legacy(user)}"})
    response = oauth.check(request)

    assert response.status_code == 204
    assert response["X-Auth-User"] == "anna"
    assert response["X-Auth-Session"] == ""


def test_warnings_are_not_touched(user, settings):
    """A short key is no reason for a warning: the tokens are signed with it, and it goes soon."""
    settings.SIMPLE_JWT = {"SIGNING_KEY": "short"}

    assert sessions.authenticate(legacy(user, key="short"))[0] == user
    assert sessions.refresh(legacy(user, "refresh", key="short"))


def test_deriving_the_sign_in_from_the_jti():
    """The same everywhere and for ever: processes of two releases must agree."""
    known = decoder.session_id("0123456789abcdef0123456789abcdef")

    assert known == uuid.UUID("5d05a5d9-cf0a-58cd-92b8-aca9b2cbeb13")
    assert known.version == 5


def test_it_is_not_recent(user, api):
    """When the user signed in is not known, so nothing may take it for recent."""
    from django_jwtauth.claims import sign_in_time

    pair = sessions.refresh(legacy(user, "refresh"))
    for claims in (sessions.verify(pair.access)[1], sessions.authenticate(legacy(user))[1]):
        assert sign_in_time(claims) == 0


def test_password_is_what_the_old_project_knew(old, user):
    """The test is about real tokens: the old project checks the password, and signs by itself."""
    wrong = old.send("POST", "/api/token/", {"username": "anna", "password": PASSWORD[:-1]})
    pair = old.obtain()

    assert wrong["status"] == 401
    assert jwt.get_unverified_header(pair["access"]) == {"alg": "HS256", "typ": "JWT"}
    assert json.dumps(sorted(forge.claims_of(pair["access"]))) == json.dumps(
        ["exp", "iat", "jti", "token_type", "user_id"]
    )
