"""Tokens verified before: what is remembered, for how long, and what never is."""

import threading
import time
from datetime import timedelta

import jwt.algorithms
import pytest
import time_machine
from django.test import override_settings

from django_jwtauth import conf, sessions, tokens
from django_jwtauth.claims import ACCESS, REFRESH
from django_jwtauth.exceptions import (
    BadSignature,
    ExpiredToken,
    SessionEnded,
    TokenBlacklisted,
    TokenError,
    TokenNotYetValid,
    UserInactive,
    WrongAudience,
    WrongIssuer,
    WrongTokenType,
)
from django_jwtauth.models import LoginSession
from django_jwtauth.tokens import keyrings, remote_keys
from django_jwtauth.tokens.cache import Verified, VerifiedTokens
from django_jwtauth.tokens.keymaterial import Key
from tests import forge

pytestmark = pytest.mark.usefixtures("nothing_remembered")

SID = "0192f0c1a2b37c4d8e5f60718293a4b5"
SECRET = "one-of-two-secrets-that-are-long-enough-for-hs256"
OTHER_SECRET = "two-of-two-secrets-that-are-long-enough-for-hs256"
FOREIGN = "https://other.example.com"


@pytest.fixture
def verifications(monkeypatch):
    """The algorithms of the signatures that were checked, in order."""
    checked = []
    verify = jwt.algorithms.HMACAlgorithm.verify

    def watch(self, *args):
        checked.append("HMAC")
        return verify(self, *args)

    monkeypatch.setattr(jwt.algorithms.HMACAlgorithm, "verify", watch)
    return checked


def issue(**changes):
    now = int(time.time())
    claims = {"sub": "1", "sid": SID, "jti": f"{SID}.0123456789abcdef", "iat": now}
    return tokens.encode(ACCESS, {**claims, "exp": now + 300, **changes})


def forged(raw, **changes):
    """The token with claims changed, signed with a secret that is not ours."""
    claims = {**forge.claims_of(raw), **changes}
    return forge.sign(forge.header_of(raw), claims, secret=OTHER_SECRET.encode())


def decode(raw, **options):
    return tokens.decode(raw, ACCESS, **options)


# --- once


def test_a_signature_is_checked_once(verifications):
    """The second time the token is known, and gives the same claims."""
    raw = issue(roles=["a"], nested={"b": 1}, name="Ünïcødé")

    assert decode(raw) == decode(raw) == forge.claims_of(raw)
    assert len(verifications) == 1


def test_each_token_is_checked():
    """To know one says nothing of another, however alike."""
    raw = issue()
    decode(raw)

    with pytest.raises(BadSignature):
        decode(forged(raw, sub="2"))
    with pytest.raises(TokenError):
        decode(raw[:-1])
    assert decode(raw)["sub"] == "1"


def test_a_refused_token_is_not_remembered(verifications):
    """It is checked again, and refused again."""
    raw = forged(issue())

    for _ in range(2):
        with pytest.raises(BadSignature):
            decode(raw)
    assert len(verifications) == 2


def test_a_refresh_token_is_not_remembered(pair, verifications):
    """It is used once: there is nothing to gain, and it must never pass for an access token."""
    verifications.clear()
    for _ in range(2):
        tokens.decode(pair.refresh, ACCESS, REFRESH)

    assert len(verifications) == 2
    with pytest.raises(WrongTokenType):
        decode(pair.refresh)


def test_a_remembered_access_token_is_no_refresh_token():
    """The kinds that are allowed count each time."""
    raw = issue()
    decode(raw)

    with pytest.raises(WrongTokenType):
        tokens.decode(raw, REFRESH)


# --- time


def test_expiry_is_checked_each_time():
    """A token that is known expires in the same second as any other."""
    with time_machine.travel(1_800_000_000, tick=False) as clock:
        raw = issue(exp=1_800_000_010)
        decode(raw)
        clock.shift(9)
        assert decode(raw)
        clock.shift(1)

        with pytest.raises(ExpiredToken):
            decode(raw)
        assert decode(raw, allow_expired=True)


def test_a_token_remembered_when_expired_is_still_expired():
    """Signing out with it does not make it good."""
    raw = issue(exp=int(time.time()) - 1)
    assert decode(raw, allow_expired=True)

    with pytest.raises(ExpiredToken):
        decode(raw)


def test_not_before_is_checked_each_time():
    """When the clock is set back, the token must wait again."""
    with time_machine.travel(1_800_000_000, tick=False) as clock:
        raw = issue(nbf=1_800_000_000)
        decode(raw)
        clock.shift(-1)

        with pytest.raises(TokenNotYetValid):
            decode(raw)


def test_leeway_is_that_of_now():
    """A setting that changes counts at once."""
    with time_machine.travel(1_800_000_000, tick=False) as clock:
        raw = issue(exp=1_800_000_010)
        decode(raw)
        clock.shift(12)

        with override_settings(JWTAUTH={"LEEWAY": timedelta(seconds=5)}):
            assert decode(raw)
        with pytest.raises(ExpiredToken):
            decode(raw)


# --- revocation is never remembered


def end_sign_in(user, pair):
    LoginSession.objects.all().end()


def blacklist(user, pair):
    sessions.blacklist(pair.access)


def deactivate(user, pair):
    type(user).objects.update(is_active=False)


@pytest.mark.parametrize(
    ("revoke", "refusal"),
    [(end_sign_in, SessionEnded), (blacklist, TokenBlacklisted), (deactivate, UserInactive)],
)
def test_a_known_token_is_revoked_at_once(user, pair, statements, revoke, refusal):
    """The database is asked each time."""
    for _ in range(2):
        with statements(1):
            sessions.authenticate(pair.access)

    revoke(user, pair)

    with pytest.raises(refusal):
        sessions.authenticate(pair.access)


# --- what it depends on


def with_secret(secret):
    return {"KEYS": [{"algorithm": "HS256", "secret": secret}]}


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"JWTAUTH": with_secret(OTHER_SECRET)}, BadSignature),
        ({"JWTAUTH": {**with_secret(SECRET), "ISSUER": FOREIGN}}, WrongIssuer),
        ({"JWTAUTH": {**with_secret(SECRET), "AUDIENCE": "api"}}, WrongAudience),
    ],
)
def test_a_changed_setting_counts_at_once(settings, changes, refusal):
    """A key that is taken out, and who must have issued the token and for whom."""
    settings.JWTAUTH = with_secret(SECRET)
    raw = issue()
    decode(raw)

    with override_settings(**changes), pytest.raises(refusal):
        decode(raw)
    assert decode(raw)


def test_a_changed_secret_key_counts_at_once(settings):
    """Its derived key is gone; as a fallback it would go on verifying."""
    raw, old = issue(), settings.SECRET_KEY
    decode(raw)
    settings.SECRET_KEY = "another-secret-key-that-is-long-enough-for-hs256"

    with pytest.raises(BadSignature):
        decode(raw)
    settings.SECRET_KEY_FALLBACKS = [old]
    assert decode(raw)
    settings.SECRET_KEY_FALLBACKS = []
    with pytest.raises(BadSignature):
        decode(raw)


class Published:
    """The keys of another issuer, who takes one back."""

    def __init__(self):
        self.ring = keyrings.KeyRing([Key("HS256", None, SECRET.encode())])

    def current(self):
        return self.ring

    def candidates(self, algorithm, kid):
        return self.ring.candidates(algorithm, kid)


@pytest.fixture
def published(settings, monkeypatch):
    settings.JWTAUTH = {
        "ISSUER": "https://api.example.com",
        "ISSUERS": {FOREIGN: f"{FOREIGN}/jwks.json"},
    }
    published = Published()
    monkeypatch.setattr(remote_keys, "get_remote_keys", lambda url: published)
    return published


def foreign_token():
    header = {"alg": "HS256", "typ": "at+jwt"}
    claims = {**forge.claims_of(issue(iss=FOREIGN)), "token_type": "access"}
    return forge.sign(header, claims, secret=SECRET.encode())


def test_a_key_that_its_issuer_takes_back_counts_at_once(published, verifications):
    """Known as verified with it, the token is not known any more."""
    raw = foreign_token()
    assert decode(raw, foreign=True) == decode(raw, foreign=True)
    assert len(verifications) == 1

    published.ring = keyrings.KeyRing([Key("HS256", None, OTHER_SECRET.encode())])

    with pytest.raises(BadSignature):
        decode(raw, foreign=True)


def test_a_changed_setting_counts_at_once_for_a_foreign_token(published, settings):
    """Its keys may well be the same as before."""
    raw = foreign_token()
    decode(raw, foreign=True)
    settings.JWTAUTH = {**settings.JWTAUTH, "AUDIENCE": "api"}

    with pytest.raises(WrongAudience):
        decode(raw, foreign=True)


def test_a_foreign_token_stays_foreign(published):
    """Good where foreign ones are taken, it is unknown where users are looked up."""
    raw = foreign_token()
    assert decode(raw, foreign=True)["iss"] == FOREIGN

    with pytest.raises(BadSignature):
        decode(raw)
    assert decode(raw, foreign=True)


def test_our_own_token_is_taken_at_both_doors(published):
    """To have been refused or accepted at one says nothing of the other."""
    raw = issue(iss="https://api.example.com")

    assert decode(raw) == decode(raw, foreign=True) == decode(raw)


# --- whose claims


@pytest.mark.parametrize("extra", [{}, {"roles": ["a"]}, {"nested": {"b": [1]}}])
def test_what_a_caller_does_with_claims_is_its_own_business(extra):
    """The next one gets what the token says."""
    raw = issue(**extra)
    for _ in range(3):
        claims = decode(raw)
        assert claims == forge.claims_of(raw)
        claims["sub"] = "2"
        claims.get("roles", []).append("admin")
        claims.get("nested", {}).clear()
        claims["exp"] += 1000


# --- how many


def test_with_size_0_nothing_is_remembered(settings, verifications):
    """Every signature is checked."""
    settings.JWTAUTH = {"TOKEN_CACHE_SIZE": 0}
    raw = issue()
    for _ in range(2):
        decode(raw)

    assert len(verifications) == 2


def test_by_default_a_process_remembers_two_thousand_tokens(verifications):
    """Half of them for certain, the ones seen last."""
    raws = [issue(jti=f"{SID}.{number}") for number in range(1500)]
    for raw in raws:
        decode(raw)
    assert len(verifications) == 1500

    for raw in raws[-1000:]:
        decode(raw)

    assert len(verifications) == 1500


def entry(number):
    return Verified(conf.get_tenancy(), None, None, b"", {"number": number})


@pytest.mark.parametrize("size", [2, 3, 10, 101])
def test_there_are_never_more_than_size(size):
    """And at least half of it are those that came last."""
    verified = VerifiedTokens()
    for number in range(5 * size):
        verified.put(number, entry(number), size)

        known = [number for number in range(5 * size) if verified.get(number)]
        assert len(known) <= size
        assert set(range(max(0, number + 1 - size // 2), number + 1)) <= set(known)


@pytest.mark.parametrize("size", [0, 1])
def test_a_size_that_holds_nothing(size):
    """0 is off; of 1 there is no half."""
    verified = VerifiedTokens()
    verified.put("a", entry(1), size)

    assert verified.get("a") is None


def test_threads_get_their_own_entry_or_none():
    """However they push each other's out."""
    verified = VerifiedTokens()
    wrong, running = [], threading.Barrier(8)

    def work(offset):
        running.wait(timeout=30)
        for number in range(offset, 20_000, 8):
            verified.put(number, entry(number), 64)
            for asked in (number, number - 8, number - 1):
                found = verified.get(asked)
                if found and found.claims["number"] != asked:
                    wrong.append(asked)

    threads = [threading.Thread(target=work, args=(offset,)) for offset in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    known = [number for number in range(20_000) if verified.get(number)]
    assert wrong == []
    # A race may let each thread add one to a half that is full.
    assert len(known) <= 64 + 2 * 8


def test_threads_decode_the_same_tokens():
    """With a cache much smaller than what they ask for."""
    with override_settings(JWTAUTH={"TOKEN_CACHE_SIZE": 4}):
        raws = [issue(sub=str(number)) for number in range(10)]
        failures = []

        def work():
            for number in [*range(10)] * 20:
                if decode(raws[number])["sub"] != str(number):
                    failures.append(number)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert failures == []
