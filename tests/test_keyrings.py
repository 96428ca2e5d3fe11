import sys
import traceback
from datetime import datetime, timedelta, timezone

import pytest
import time_machine
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

from django_jwtauth.tokens import keyrings
from django_jwtauth.tokens.keymaterial import CRYPTOGRAPHY, Key, load_key, public_jwk
from django_jwtauth.tokens.keyrings import KeyRing, get_access_ring, get_refresh_ring
from tests.keypairs import make_key, make_pem, make_public_pem, needs_cryptography

if CRYPTOGRAPHY:
    from cryptography.hazmat.primitives import serialization


NOW = datetime(2026, 11, 24, 12, tzinfo=timezone.utc)
SECOND = timedelta(seconds=1)
OLD_SECRET = "an old key that stands in SECRET_KEY_FALLBACKS, long enough"
SHARED = "a secret that another service has, too: 0123456789"
CANARY = "kT9vQ2-never_to_be_shown"
KEY = {"algorithm": "HS256", "secret": SHARED, "kid": "shared"}
RINGS = [get_access_ring, get_refresh_ring]


def key(name, active_from=None, *, algorithm="HS256", signs=True):
    secret = name.encode()
    return Key(algorithm, name, secret, secret if signs else None, active_from)


def kids(found):
    return [item.kid for item in found]


# --- who signs


@pytest.mark.parametrize(
    ("ring", "signer"),
    [
        pytest.param([key("a"), key("b")], "a", id="the first of those without a date"),
        pytest.param([key("a"), key("b", NOW - SECOND)], "b", id="one with a date before others"),
        pytest.param([key("b", NOW - SECOND), key("a")], "b", id="in whatever order"),
        pytest.param([key("a", NOW - 2 * SECOND), key("b", NOW - SECOND)], "b", id="the newest"),
        pytest.param([key("a"), key("b", NOW)], "b", id="from this moment on"),
        pytest.param([key("a"), key("b", NOW + SECOND)], "a", id="not a second before"),
        pytest.param([key("b", NOW, signs=False), key("a")], "a", id="not one that only verifies"),
    ],
)
def test_the_newest_activated_key_signs(ring, signer):
    """Of the keys that can sign and whose time has come, the one that came last."""
    with time_machine.travel(NOW, tick=False):
        assert KeyRing(ring).signer().kid == signer


@pytest.mark.parametrize(
    "ring",
    [[], [key("verifies only", signs=False)], [key("a second later", NOW + SECOND)]],
    ids=["empty", "public", "future"],
)
def test_without_an_active_key_nobody_can_sign(ring):
    """It is a mistake of the settings, and said so."""
    with time_machine.travel(NOW, tick=False):
        assert KeyRing(ring).find_signer() is None
        with pytest.raises(ImproperlyConfigured, match="no active key that can sign"):
            KeyRing(ring).signer()


def test_a_key_begins_to_sign_without_a_restart(settings):
    """active_from is compared with the clock at each signature, not when settings are read."""
    tomorrow = {"algorithm": "HS256", "secret": SHARED[::-1], "kid": "tomorrow"}
    tomorrow["active_from"] = NOW + timedelta(days=1)
    settings.JWTAUTH = {"KEYS": [KEY, tomorrow]}
    ring = get_access_ring()

    with time_machine.travel(NOW, tick=False) as clock:
        assert ring.signer().kid == "shared"
        clock.shift(timedelta(days=1))
        assert ring.signer().kid == "tomorrow"


# --- who verifies


def test_a_kid_names_one_key():
    """With a kid, only that key is tried; an unknown one leaves none."""
    ring = KeyRing([key("a"), key("b")])

    assert kids(ring.candidates("HS256", "b")) == ["b"]
    assert ring.candidates("HS256", "c") == []


def test_without_a_kid_every_key_of_the_algorithm_is_tried():
    """All verify: those that are not active yet, and those that cannot sign."""
    ring = KeyRing([key("a"), key("b", NOW + timedelta(days=999)), key("c", signs=False)])

    assert kids(ring.candidates("HS256", None)) == ["a", "b", "c"]


def test_a_key_verifies_one_algorithm():
    """RFC 8725, 3.1: what a header says cannot turn a key to another use."""
    ring = KeyRing([key("a", algorithm="RS256")])

    for algorithm in ("PS256", "RS512", "HS256", "none", "rs256", ""):
        assert ring.candidates(algorithm, "a") == []
        assert ring.candidates(algorithm, None) == []


# --- derived keys


def test_no_two_derived_secrets_are_alike():
    """Each kind of token has its own, and each SECRET_KEY makes others."""
    secrets = set()
    for secret in ("first", "second"):
        with override_settings(SECRET_KEY=secret):
            secrets |= {get_ring().signer().signing for get_ring in RINGS}

    assert len(secrets) == 4


@pytest.mark.parametrize("get_ring", RINGS)
def test_a_new_secret_key_takes_effect_at_once(get_ring):
    """override_settings(SECRET_KEY=...) changes the key, and its end restores it."""
    before = get_ring().signer().signing
    with override_settings(SECRET_KEY=OLD_SECRET):
        during = get_ring().signer().signing

    assert during != before
    assert get_ring().signer().signing == before


@pytest.mark.parametrize("get_ring", RINGS)
def test_a_fallback_verifies_and_does_not_sign(settings, get_ring):
    """What SECRET_KEY signed before it was replaced stays good; new tokens use the new one."""
    with override_settings(SECRET_KEY=OLD_SECRET):
        old = get_ring().signer()
    settings.SECRET_KEY_FALLBACKS = [OLD_SECRET]
    signer, fallback = get_ring().candidates("HS256", None)

    assert fallback.verifying == old.verifying
    assert fallback.signing is None
    assert get_ring().signer() is signer


@pytest.mark.parametrize("get_ring", RINGS)
@pytest.mark.parametrize("empty", ["", b"", None], ids=ascii)
def test_an_empty_fallback_derives_no_key(settings, get_ring, empty):
    """A key derived from an empty string is known to everybody: it verifies nothing."""
    settings.SECRET_KEY_FALLBACKS = [empty]

    assert len(get_ring().keys) == 1


def test_refresh_tokens_are_signed_by_nobody_else(settings):
    """Whatever KEYS has, refresh tokens are signed and verified with the derived secret alone."""
    before = get_refresh_ring().keys
    settings.JWTAUTH = {"KEYS": [KEY]}

    assert get_refresh_ring().keys == before


# --- configured keys


def test_configured_keys_sign_and_the_derived_one_goes_on_verifying(settings):
    """The deploy that sets KEYS signs nobody out."""
    derived = get_access_ring().signer().signing
    settings.JWTAUTH = {"KEYS": [KEY]}
    configured, old = get_access_ring().keys

    assert get_access_ring().signer() is configured
    assert configured.signing == SHARED.encode()
    assert old.verifying == derived
    assert old.signing is None


@needs_cryptography
def test_public_keys_alone_leave_nobody_who_signs(settings):
    """A service that only verifies must not sign with a key that nobody else has."""
    settings.JWTAUTH = {"KEYS": [{"algorithm": "ES256", "public_key": make_public_pem()}]}

    assert get_access_ring().find_signer() is None


@needs_cryptography
def test_keys_are_parsed_once(settings):
    """To parse a PEM costs a hundred times what a signature does."""
    settings.JWTAUTH = {"KEYS": [{"algorithm": "ES256", "private_key": make_pem()}]}

    assert get_access_ring().signer().signing is get_access_ring().signer().signing


def test_a_bad_key_is_told_by_its_number(settings):
    """Every bad entry is a problem; the first one is raised when a token is to be signed."""
    settings.JWTAUTH = {"KEYS": [{}, KEY, {"algorithm": "HS256", "secret": "short"}]}

    assert [str(problem) for problem in keyrings.find_problems()] == [
        "JWTAUTH['KEYS'] entry 0: needs exactly one of private_key, public_key, secret, jwk.",
        "JWTAUTH['KEYS'] entry 2: \"secret\" is shorter than the 32 bytes that HS256 needs.",
    ]
    with pytest.raises(ImproperlyConfigured, match="entry 0"):
        get_access_ring()


@needs_cryptography
@pytest.mark.parametrize("kid", ["the same", None])
def test_two_keys_with_one_kid_are_refused(settings, kid):
    """Verifiers would take either; a key that stands there twice has one thumbprint."""
    pair = make_key()
    settings.JWTAUTH = {
        "KEYS": [
            {"algorithm": "ES256", "private_key": make_pem(key=pair), "kid": kid},
            {"algorithm": "ES256", "public_key": make_public_pem(key=pair), "kid": kid},
        ]
    }
    (problem,) = keyrings.find_problems()

    assert "two keys with the same kid" in problem.message


def one_secret_twice():
    return [KEY, {**KEY, "algorithm": "HS384", "kid": "again"}]


def one_key_twice():
    pem, public = make_pem("RS256"), make_public_pem("RS256")
    return [
        {"algorithm": "RS256", "private_key": pem},
        {"algorithm": "PS256", "public_key": public, "kid": "x"},
    ]


def sharing(shape):
    """A secret that is, in some spelling, part of the public key beside it."""
    pair = make_key("EdDSA" if shape == "x" else "ES256")
    public = load_key(
        {"algorithm": "EdDSA" if shape == "x" else "ES256", "public_key": pem_of(pair)}
    )
    encoding = serialization.Encoding
    point = serialization.PublicFormat.UncompressedPoint
    secret = {
        "x": lambda: public_jwk(public)["x"],
        "hex": lambda: pair.public_key().public_bytes(encoding.X962, point).hex(),
        "point": lambda: pair.public_key().public_bytes(encoding.X962, point),
        "compressed": lambda: pair.public_key().public_bytes(
            encoding.X962, serialization.PublicFormat.CompressedPoint
        ),
        "thumbprint": lambda: public.kid,
        "y": lambda: public_jwk(public)["y"],
    }[shape]()
    return [
        {"algorithm": public.algorithm, "public_key": pem_of(pair)},
        {"algorithm": "HS256", "secret": secret},
    ]


def pem_of(pair):
    return make_public_pem(key=pair)


@needs_cryptography
@pytest.mark.parametrize("make", [one_secret_twice, one_key_twice])
@pytest.mark.parametrize("turn", [1, -1])
def test_one_key_under_two_algorithms_is_refused(settings, make, turn):
    """RFC 8725, 3.1: whichever stands first."""
    settings.JWTAUTH = {"KEYS": make()[::turn]}
    (problem,) = keyrings.find_problems()
    assert "one key under two algorithms" in problem.message
    with pytest.raises(ImproperlyConfigured):
        get_access_ring()


@needs_cryptography
@pytest.mark.parametrize("shape", ["x", "y", "hex", "point", "compressed", "thumbprint"])
@pytest.mark.parametrize("turn", [1, -1])
def test_a_secret_that_is_a_public_key_beside_it_is_refused(settings, shape, turn):
    """Whoever reads the JWKS could sign."""
    settings.JWTAUTH = {"KEYS": sharing(shape)[::turn]}
    (problem,) = keyrings.find_problems()
    assert problem.message.startswith("entries 0 and 1: the secret of one is in the public key")


@needs_cryptography
def test_keys_of_all_kinds_stand_together(settings):
    """A mixed set is fine as long as each has material of its own; one kid may be replaced."""
    pair = make_key()
    settings.JWTAUTH = {
        "KEYS": [
            KEY,
            {"algorithm": "HS384", "secret": SHARED[::-1]},
            {"algorithm": "RS256", "private_key": make_pem("RS256")},
            {"algorithm": "PS256", "private_key": make_pem("PS256")},
            {"algorithm": "ES256", "private_key": make_pem(key=pair)},
            {"algorithm": "ES256", "public_key": pem_of(pair), "kid": "its name of old"},
        ]
    }
    assert keyrings.find_problems() == []


def bad_entries(canary):
    return [
        {"algorithm": "HS256", "secret": canary},
        {"algorithm": "HS256", "private_key": canary, "secret": canary},
        {"algorithm": canary, "secret": canary},
        {"algorithm": "HS256", "jwk": {"kty": "oct", "k": canary, "alg": canary}},
        {"algorithm": "ES256", "private_key": f"-----BEGIN PRIVATE KEY-----\n{canary}"},
        {"algorithm": "ES256", "jwk": {"kty": "EC", "crv": canary, "x": canary, "d": canary}},
        {"algorithm": "HS256", "secret": SHARED, "active_from": canary},
        {"algorithm": "HS256", "secret": SHARED, "kid": f"{canary}\n"},
    ]


def test_no_error_shows_a_secret(settings):
    """Neither a problem, nor the exception, nor a variable in its traceback shows a bad entry."""
    settings.JWTAUTH = {"KEYS": bad_entries(CANARY)}
    problems = keyrings.find_problems()
    try:
        get_access_ring()
    except ImproperlyConfigured:
        report = traceback.TracebackException(*sys.exc_info(), capture_locals=True)

    assert len(problems) == len(bad_entries(CANARY))
    assert CANARY not in " ".join(map(str, problems))
    assert CANARY not in "".join(report.format())
