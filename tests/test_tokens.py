import base64
import json
import socket
import time
from datetime import timedelta

import jwt
import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from django_jwtauth import tokens
from django_jwtauth.claims import ACCESS, MAX_NUMERIC_DATE, REFRESH
from django_jwtauth.exceptions import ExpiredToken, TokenError, TokenNotYetValid
from tests import forge
from tests.refusals import ORDER

SID = "0192f0c1a2b37c4d8e5f60718293a4b5"
OPEN_HEADER = {"alg": "HS256", "typ": "at+jwt"}
REFRESH_HEADER = {"alg": "HS256", "typ": "rt+jwt"}
MOMENT = 1_800_000_000


def access_claims(**changes):
    now = int(time.time())
    claims = {"token_type": "access", "sub": "1", "sid": SID, "jti": f"{SID}.0123456789abcdef"}
    return {**claims, "iat": now, "exp": now + 300, **changes}


def refresh_claims(**changes):
    now = int(time.time())
    claims = {"token_type": "refresh", "sub": "1", "sid": SID, "gen": 0, "jti": f"{SID}:0"}
    return {**claims, "iat": now, "exp": now + 300, **changes}


def signed(header=OPEN_HEADER, **changes):
    return forge.sign(header, access_claims(**changes))


def refusal(raw, *allowed):
    """The TokenError that decode() raises; any other exception fails the test."""
    with pytest.raises(TokenError) as caught:
        tokens.decode(raw, *(allowed or (ACCESS, REFRESH)))
    return caught.value


# --- what is issued


def test_an_access_token_comes_back_as_it_was_issued():
    """decode() returns what encode() was given, and the kind."""
    claims = access_claims(scope="read", roles=["a", {"b": 1}], name="Ünïcødé \U0001f600 \x00")

    assert tokens.decode(tokens.encode(ACCESS, claims), ACCESS) == claims


def test_a_refresh_token_comes_back_as_it_was_issued():
    """A refresh token keeps its generation."""
    claims = refresh_claims(gen=41)

    assert tokens.decode(tokens.encode(REFRESH, claims), REFRESH) == claims


def test_the_headers_say_what_kind_of_token_it_is():
    """Access tokens are at+jwt (RFC 9068), refresh tokens rt+jwt; a derived key has no kid."""
    access = tokens.encode(ACCESS, access_claims())
    refresh = tokens.encode(REFRESH, refresh_claims())

    assert forge.header_of(access) == {"alg": "HS256", "typ": "at+jwt"}
    assert forge.header_of(refresh) == {"alg": "HS256", "typ": "rt+jwt"}


def test_a_configured_key_signs_access_tokens_and_never_refresh_tokens(settings):
    """KEYS sign access tokens, under their kid; refresh tokens stay with SECRET_KEY."""
    secret = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGH"
    settings.JWTAUTH = {"KEYS": [{"algorithm": "HS384", "kid": "one", "secret": secret * 2}]}

    access = tokens.encode(ACCESS, access_claims())
    refresh = tokens.encode(REFRESH, refresh_claims())

    assert forge.header_of(access) == {"alg": "HS384", "typ": "at+jwt", "kid": "one"}
    assert forge.header_of(refresh) == {"alg": "HS256", "typ": "rt+jwt"}


def test_access_and_refresh_tokens_are_signed_under_different_secrets():
    """Neither secret makes a token of the other kind."""
    as_access = forge.sign(OPEN_HEADER, access_claims(), forge.secret_for(REFRESH_HEADER))
    as_refresh = forge.sign(REFRESH_HEADER, refresh_claims(), forge.secret_for(OPEN_HEADER))

    assert refusal(as_access).reason == "bad_signature"
    assert refusal(as_refresh).reason == "bad_signature"


def test_the_raw_secret_key_signs_nothing(settings):
    """SECRET_KEY itself, which other parts of Django use, is no key for tokens."""
    secret = settings.SECRET_KEY.encode()

    assert refusal(forge.sign(OPEN_HEADER, access_claims(), secret)).reason == "bad_signature"
    assert refusal(forge.sign(REFRESH_HEADER, refresh_claims(), secret)).reason == "bad_signature"


def test_the_longest_token_issued_can_be_read():
    """What encode() lets pass at the limit of 8 KB decode() accepts; one step more is refused."""
    length = 5000
    while True:
        try:
            longest = tokens.encode(ACCESS, access_claims(filler="x" * length))
        except ValueError as error:
            assert "8192 at most" in str(error)
            assert "xxx" not in str(error)
            break
        length += 1

    assert 8188 <= len(longest) <= 8192
    assert tokens.decode(longest, ACCESS)["filler"] == "x" * (length - 1)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_json_does_not_have_is_not_issued(value):
    """NaN and Infinity raise ValueError instead of making a token that nobody can read."""
    with pytest.raises(ValueError, match="JSON compliant"):
        tokens.encode(ACCESS, access_claims(ratio=value))


def test_a_claim_that_is_not_json_is_not_issued():
    """An object without a JSON form raises ValueError, as every claim that cannot be issued."""
    with pytest.raises(ValueError, match="JSON"):
        tokens.encode(ACCESS, access_claims(when=object()))


# --- form

FORMS = {
    "empty": lambda good: "",
    "space": lambda good: " ",
    "dots": lambda good: "..",
    "one segment": lambda good: good.split(".")[0],
    "two segments": lambda good: good.rpartition(".")[0],
    "no signature": lambda good: good.rpartition(".")[0] + ".",
    "no payload": lambda good: good.replace(good.split(".")[1], ""),
    "four segments": lambda good: good + ".e30",
    "encrypted, five segments": lambda good: good + ".e30.e30",
    "padding": lambda good: good + "=",
    "padding of the payload": lambda good: "{}.{}=.{}".format(*good.split(".")),
    "line feed at the end": lambda good: good + "\n",
    "space in front": lambda good: " " + good,
    "NUL": lambda good: good + "\x00",
    "quotes": lambda good: f'"{good}"',
    "braces": lambda good: "{" + good + "}",
    "standard base64": lambda good: good.rpartition(".")[0] + "." + "a+/b" * 10,
    "full-width digit": lambda good: good[:-1] + "\uff11",
    "letter outside ASCII": lambda good: good[:-1] + "é",
    "lone surrogate": lambda good: good[:-1] + "\ud800",
    "impossible length": lambda good: good + "AA",
    "over 8 KB": lambda good: good + "A" * 8192,
    "10 MB": lambda good: "A" * 10_000_000,
    "10 MB of dots": lambda good: "." * 10_000_000,
    "bytes": lambda good: good.encode(),
    "None": lambda good: None,
    "number": lambda good: 7,
    "list": lambda good: [good],
}


@pytest.mark.parametrize("make", FORMS.values(), ids=FORMS)
def test_what_does_not_look_like_a_token_is_malformed(make):
    """Anything but three canonical base64url segments of 8 KB in all is refused unread."""
    assert refusal(make(signed())).reason == "malformed"


def test_a_token_has_one_spelling():
    """The unused bits of the last character must be zero, or one token had four spellings."""
    raw = signed()
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    last = alphabet.index(raw[-1])
    spellings = [raw[:-1] + alphabet[last ^ bits] for bits in (1, 2, 3)]

    assert {forge.unsegment(other.split(".")[2]) for other in spellings} == {
        forge.unsegment(raw.split(".")[2])
    }
    assert {refusal(other).reason for other in spellings} == {"malformed"}


HEADERS = {
    "not JSON": b"nonsense",
    "not UTF-8": b'{"alg":"HS256","typ":"at+jwt","x":"\xff"}',
    "UTF-16": '{"alg":"HS256","typ":"at+jwt"}'.encode("utf-16"),
    "UTF-16 without BOM": '{"alg":"HS256","typ":"at+jwt"}'.encode("utf-16-le"),
    "BOM": b"\xef\xbb\xbf" + b'{"alg":"HS256","typ":"at+jwt"}',
    "encoded surrogate": b'{"alg":"HS256","typ":"at+jwt","x":"\xed\xa0\x80"}',
    "list": ["HS256"],
    "text": '"HS256"',
    "null": b"null",
    "number": b"1",
    "nested 2900 deep": b'{"a":' * 600 + b"[" * 2300,
    "duplicate alg": b'{"alg":"none","typ":"at+jwt","alg":"HS256"}',
    "duplicate typ": b'{"alg":"HS256","typ":"rt+jwt","typ":"at+jwt"}',
    "duplicate by escape": b'{"alg":"HS256","typ":"at+jwt","\\u0061lg":"HS256"}',
    "NaN": b'{"alg":"HS256","typ":"at+jwt","x":NaN}',
    "number of 5000 digits": b'{"alg":"HS256","typ":"at+jwt","x":' + b"9" * 5000 + b"}",
    "crit": {**OPEN_HEADER, "crit": ["exp"], "exp": 1},
    "crit with b64": {**OPEN_HEADER, "crit": ["b64"], "b64": True},
    "crit empty": {**OPEN_HEADER, "crit": []},
    "crit null": {**OPEN_HEADER, "crit": None},
    "crit with line feed": {**OPEN_HEADER, "crit": ["\r\nX-Injected: 1"]},
    "b64 true": {**OPEN_HEADER, "b64": True},
    "b64 false": {**OPEN_HEADER, "b64": False},
    "b64 zero": {**OPEN_HEADER, "b64": 0},
    "no alg": {"typ": "at+jwt"},
    "alg null": {"alg": None, "typ": "at+jwt"},
    "alg list": {"alg": ["HS256"], "typ": "at+jwt"},
    "alg dict": {"alg": {"HS256": 1}, "typ": "at+jwt"},
    "alg number": {"alg": 256, "typ": "at+jwt"},
    "alg true": {"alg": True, "typ": "at+jwt"},
    "typ list": {"alg": "HS256", "typ": ["at+jwt"]},
    "typ number": {"alg": "HS256", "typ": 1},
    "typ null": {"alg": "HS256", "typ": None},
    "kid null": {**OPEN_HEADER, "kid": None},
    "kid number": {**OPEN_HEADER, "kid": 1},
    "kid list": {**OPEN_HEADER, "kid": ["a"]},
    "kid dict": {**OPEN_HEADER, "kid": {}},
}


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS)
def test_a_header_that_can_be_read_in_two_ways_is_malformed(header):
    """Encodings, duplicates, critical extensions and odd types end as one reason."""
    raw = forge.sign(header, access_claims(), forge.secret_for(OPEN_HEADER))

    assert refusal(raw).reason == "malformed"


PAYLOADS = {
    "not JSON": b"nonsense",
    "empty object": b"{} ",
    "list": b'[{"sub":"1"}]',
    "text": b'"sub"',
    "null": b"null",
    "BOM": b"\xef\xbb\xbf{}",
    "not UTF-8": b'{"sub":"\xff"}',
    "encoded surrogate": b'{"sub":"\xed\xa0\x80"}',
    "UTF-16": json.dumps(access_claims()).encode("utf-16"),
    "UTF-32": json.dumps(access_claims()).encode("utf-32"),
    "duplicate exp": json.dumps(access_claims()).encode()[:-1] + b',"exp":1}',
    "duplicate inside": json.dumps(access_claims()).encode()[:-1] + b',"x":{"a":1,"a":2}}',
    "NaN": json.dumps(access_claims()).encode()[:-1] + b',"x":NaN}',
    "Infinity": json.dumps(access_claims()).encode()[:-1] + b',"x":[-Infinity]}',
    "5000 digits": json.dumps(access_claims()).encode()[:-1] + b',"x":' + b"1" * 5000 + b"}",
    "trailing": json.dumps(access_claims()).encode() + b"{}",
}


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS)
def test_a_payload_that_is_not_one_json_object_is_refused(payload):
    """However well signed, a payload that is no object, or several, is refused."""
    assert refusal(forge.sign(OPEN_HEADER, payload)).reason in ("malformed", "wrong_type")


def test_nesting_never_escapes_as_a_recursion_error():
    """Header and payload nested to any depth are read or refused, wherever the limit lies."""
    secret = forge.secret_for(OPEN_HEADER)
    # Below 1000 one by one: some frames deeper PyJWT reads the header again.
    for depth in [*range(800, 1001), 1500, 2500]:
        nested = b"[" * depth + b"]" * depth
        header = b'{"alg":"HS256","typ":"at+jwt","x":' + nested + b"}"
        payload = json.dumps(access_claims()).encode()[:-1] + b',"x":' + nested + b"}"
        for raw in (
            forge.sign(header, access_claims(), secret),
            forge.sign(OPEN_HEADER, payload, secret),
        ):
            try:
                claims = tokens.decode(raw, ACCESS)
            except TokenError as error:
                assert error.reason in ("malformed", "bad_signature")
            else:
                assert claims["sub"] == "1"


# --- signature


@pytest.mark.parametrize(
    "algorithm",
    [
        *("none", "None", "NONE", "nOnE", "", "hs256", "HS256 ", "HS384", "HS512", "RS256"),
        *("PS256", "ES256", "ES256K", "EdDSA", "Ed25519", "dir", "\ud800", "HS256\x00"),
    ],
)
def test_an_algorithm_that_no_key_has_verifies_nothing(algorithm):
    """The list of algorithms is exact: no other name is taken, whatever the signature."""
    assert refusal(signed({"alg": algorithm, "typ": "at+jwt"})).reason == "bad_signature"
    assert refusal(
        forge.sign(
            {"alg": algorithm, "typ": "rt+jwt"}, refresh_claims(), forge.secret_for(REFRESH_HEADER)
        )
    ).reason in ("bad_signature",)


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
def test_a_signature_of_nothing_is_refused(algorithm):
    """Empty and zero signatures verify nothing."""
    head = f"{forge.segment({'alg': algorithm, 'typ': 'at+jwt'})}.{forge.segment(access_claims())}"

    assert refusal(f"{head}.").reason == "malformed"
    assert refusal(f"{head}.{forge.segment(bytes(32))}").reason == "bad_signature"
    assert refusal(f"{head}.{forge.segment(b'0')}").reason == "bad_signature"


@pytest.mark.parametrize(
    "kid",
    ["", "x", "../../../dev/null", "' OR 1=1 --", "a\r\nb", "\x00", "\ud800", "k" * 4000],
)
def test_a_kid_chooses_a_key_by_name_and_does_nothing_else(kid, caplog):
    """A kid that no key has verifies nothing and reaches no log."""
    raw = signed({**OPEN_HEADER, "kid": kid})

    assert refusal(raw).reason == "bad_signature"
    assert not caplog.records


def test_a_key_is_never_taken_or_fetched_from_the_header(monkeypatch):
    """jwk, jku, x5u and x5c in a header are not looked at, and nothing is fetched."""

    def refuse(*args, **kwargs):
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    secret = b"the-attackers-own-secret-of-32-bytes"
    for member in (
        {"jwk": {"kty": "oct", "k": forge.segment(secret), "alg": "HS256"}},
        {"jku": "http://127.0.0.1:9/jwks.json"},
        {"x5u": "http://127.0.0.1:9/cert.pem"},
        {"x5c": [base64.b64encode(secret).decode()]},
    ):
        raw = forge.sign({**OPEN_HEADER, **member}, access_claims(), secret)
        assert refusal(raw).reason == "bad_signature"
        # Beside a good signature they do no harm.
        assert tokens.decode(signed({**OPEN_HEADER, **member}), ACCESS)["sub"] == "1"


@pytest.fixture(scope="module")
def rsa_key():
    pytest.importorskip("cryptography")
    from cryptography.hazmat.primitives.asymmetric import rsa

    return rsa.generate_private_key(65537, 2048)


def to_pem(private_key):
    from cryptography.hazmat.primitives import serialization as s

    return private_key.private_bytes(
        s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption()
    ).decode()


def public_spellings(public_key):
    """Everything an attacker might take for the HMAC secret."""
    from cryptography.hazmat.primitives import serialization as s

    spki = s.PublicFormat.SubjectPublicKeyInfo
    pem = public_key.public_bytes(s.Encoding.PEM, spki)
    der = public_key.public_bytes(s.Encoding.DER, spki)
    yield from (pem, pem.strip(), pem.replace(b"\n", b"\r\n"), b" " + pem, pem + b"\n\n")
    yield from (der, base64.b64encode(der), der.hex().encode())
    yield public_key.public_bytes(s.Encoding.OpenSSH, s.PublicFormat.OpenSSH)
    if hasattr(public_key, "public_numbers"):
        yield public_key.public_bytes(s.Encoding.PEM, s.PublicFormat.PKCS1)
        jwk = jwt.algorithms.RSAAlgorithm.to_jwk(public_key)
        yield from (jwk.encode(), json.dumps({"keys": [json.loads(jwk)]}).encode())


def test_a_public_key_is_never_an_hmac_secret(settings, rsa_key):
    """A token signed in HS256 with any spelling of the public key is refused."""
    settings.JWTAUTH = {
        "KEYS": [{"algorithm": "RS256", "private_key": to_pem(rsa_key), "kid": "rsa"}]
    }

    for secret in public_spellings(rsa_key.public_key()):
        for header in (OPEN_HEADER, {**OPEN_HEADER, "kid": "rsa"}):
            raw = forge.sign(header, access_claims(), secret)
            assert refusal(raw).reason == "bad_signature"


@pytest.mark.parametrize("algorithm", ["RS384", "RS512", "PS256", "PS384", "PS512"])
def test_a_key_verifies_the_one_algorithm_it_is_for(settings, rsa_key, algorithm):
    """A good signature of the right key in another algorithm is refused (RFC 8725, 3.1)."""
    settings.JWTAUTH = {
        "KEYS": [{"algorithm": "RS256", "private_key": to_pem(rsa_key), "kid": "rsa"}]
    }
    header = {"typ": "at+jwt", "kid": "rsa"}

    assert tokens.decode(jwt.encode(access_claims(), rsa_key, "RS256", header), ACCESS)
    raw = jwt.encode(access_claims(), rsa_key, algorithm, header)
    assert refusal(raw).reason == "bad_signature"


def test_a_refresh_token_signed_by_a_configured_key_is_refused(settings, rsa_key):
    """Who holds a key for access tokens cannot make a refresh token."""
    settings.JWTAUTH = {
        "KEYS": [{"algorithm": "RS256", "private_key": to_pem(rsa_key), "kid": "rsa"}]
    }

    raw = jwt.encode(refresh_claims(), rsa_key, "RS256", {"typ": "rt+jwt", "kid": "rsa"})

    assert refusal(raw).reason == "bad_signature"


def test_access_tokens_outlive_the_deploy_that_sets_keys(settings):
    """The derived secret goes on verifying when KEYS is first set, and stops signing."""
    before = tokens.encode(ACCESS, access_claims())

    secret = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGH"
    settings.JWTAUTH = {"KEYS": [{"algorithm": "HS256", "kid": "one", "secret": secret}]}

    assert tokens.decode(before, ACCESS)["sub"] == "1"
    assert forge.header_of(tokens.encode(ACCESS, access_claims()))["kid"] == "one"


def test_both_kinds_outlive_a_rotation_of_the_secret_key(settings):
    """A token of an old SECRET_KEY is good while that is a fallback, and then no more."""
    raws = {
        ACCESS: tokens.encode(ACCESS, access_claims()),
        REFRESH: tokens.encode(REFRESH, refresh_claims()),
    }

    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another-secret-that-is-long-enough-for-hs256-as-well"
    for kind, raw in raws.items():
        assert tokens.decode(raw, kind)["sub"] == "1"
        assert tokens.encode(kind, tokens.decode(raw, kind)) != raw

    settings.SECRET_KEY_FALLBACKS = []
    for raw in raws.values():
        assert refusal(raw).reason == "bad_signature"


# --- kind


@pytest.mark.parametrize(
    "typ", ["at+jwt", "AT+JWT", "At+Jwt", "application/at+jwt", "APPLICATION/AT+JWT"]
)
def test_the_type_is_compared_as_a_media_type(typ):
    """Without case, and with or without application/ (RFC 8725, 3.11)."""
    assert tokens.decode(signed({"alg": "HS256", "typ": typ}), ACCESS)["sub"] == "1"


@pytest.mark.parametrize(
    "typ",
    [
        *("JWT", "jwt", "", "at+jwt ", "text/at+jwt", "application/application/at+jwt"),
        *("dpop+jwt", "logout+jwt", "\ud800"),
    ],
)
def test_a_token_of_a_foreign_type_is_refused(typ):
    """A good signature under another typ, or under none, is of the wrong type."""
    error = refusal(signed({"alg": "HS256", "typ": typ}))

    assert (error.reason, str(error.sentence)) == ("wrong_type", "Token has wrong type")


def test_a_token_without_typ_is_refused():
    """simplejwt says JWT and some libraries nothing: neither is one of our access tokens."""
    assert refusal(signed({"alg": "HS256"})).reason == "wrong_type"


def test_the_type_jwt_is_good_when_configured_and_the_usual_one_stays_good(settings):
    """ACCESS_TOKEN_TYP = "JWT" issues JWT and accepts both, so that no token dies by it."""
    before = tokens.encode(ACCESS, access_claims())
    settings.JWTAUTH = {"ACCESS_TOKEN_TYP": "JWT"}
    after = tokens.encode(ACCESS, access_claims())

    assert forge.header_of(after)["typ"] == "JWT"
    assert tokens.decode(before, ACCESS)
    assert tokens.decode(after, ACCESS)

    settings.JWTAUTH = {}
    assert refusal(after).reason == "wrong_type"


@pytest.mark.parametrize(
    ("header", "claims", "allowed"),
    [
        (OPEN_HEADER, {"token_type": "refresh"}, (ACCESS, REFRESH)),
        (OPEN_HEADER, {"token_type": "other"}, (ACCESS, REFRESH)),
        (OPEN_HEADER, {"token_type": None}, (ACCESS, REFRESH)),
        (OPEN_HEADER, {"token_type": ["access"]}, (ACCESS, REFRESH)),
        (OPEN_HEADER, {"token_type": {}}, (ACCESS, REFRESH)),
        (OPEN_HEADER, {}, (REFRESH,)),
        (REFRESH_HEADER, {"token_type": "refresh", "gen": 0}, (ACCESS,)),
        (REFRESH_HEADER, {"token_type": "access", "gen": 0}, (ACCESS, REFRESH)),
    ],
)
def test_typ_token_type_and_what_is_asked_for_must_agree(header, claims, allowed):
    """A token of one kind is never taken for the other."""
    error = refusal(forge.sign(header, access_claims(**claims)), *allowed)

    assert (error.reason, str(error.sentence)) == ("wrong_type", "Token has wrong type")


def test_a_token_without_token_type_says_so():
    """The sentence that clients of simplejwt know."""
    error = refusal(forge.altered(signed(), without=["token_type"]))

    assert (error.reason, str(error.sentence)) == ("wrong_type", "Token has no type")


# --- times


@pytest.mark.parametrize("leeway", [0, 10])
def test_exp_ends_at_its_second_and_leeway_moves_it(settings, leeway):
    """A token is good until the second of exp, plus leeway, and not in it."""
    settings.JWTAUTH = {"LEEWAY": leeway}
    with time_machine.travel(MOMENT, tick=False):
        raw = signed(exp=MOMENT + 100)

    with time_machine.travel(MOMENT + 99.999 + leeway, tick=False):
        assert tokens.decode(raw, ACCESS)["sub"] == "1"
    with time_machine.travel(MOMENT + 100 + leeway, tick=False), pytest.raises(ExpiredToken):
        tokens.decode(raw, ACCESS)


@pytest.mark.parametrize("leeway", [0, 10])
def test_nbf_begins_at_its_second_and_leeway_moves_it(settings, leeway):
    """A token is good from the second of nbf, less leeway."""
    settings.JWTAUTH = {"LEEWAY": timedelta(seconds=leeway)}
    with time_machine.travel(MOMENT, tick=False):
        raw = signed(nbf=MOMENT + 100)

    with time_machine.travel(MOMENT + 99.999 - leeway, tick=False):
        with pytest.raises(TokenNotYetValid) as caught:
            tokens.decode(raw, ACCESS)
        assert str(caught.value.sentence) == "Token is invalid"
    with time_machine.travel(MOMENT + 100 - leeway, tick=False):
        assert tokens.decode(raw, ACCESS)["sub"] == "1"


def test_an_expired_token_can_be_read_where_that_is_wanted():
    """allow_expired forgives exp and nothing else."""
    raw = signed(exp=int(time.time()) - 10)

    assert refusal(raw).reason == "expired"
    assert tokens.decode(raw, ACCESS, allow_expired=True)["sub"] == "1"
    with pytest.raises(TokenError, match="bad_signature"):
        tokens.decode(
            forge.sign(OPEN_HEADER, forge.claims_of(raw), b"x" * 32), ACCESS, allow_expired=True
        )
    with pytest.raises(TokenError, match="not_yet_valid"):
        tokens.decode(signed(exp=1, nbf=2**40), ACCESS, allow_expired=True)


@pytest.mark.parametrize("iat", [0, -1, 1.5, 2**40, -(2**70)])
def test_iat_is_not_compared_with_the_clock(iat):
    """The clocks of two nodes differ: a token of the future is good."""
    assert tokens.decode(signed(iat=iat), ACCESS)["iat"] == iat


ODD_TIMES = ["soon", "9_999_999_999", " 1 ", "\uff11", "", None, True, False, [], {}, [2**33]]


@pytest.mark.parametrize(
    "exp",
    [
        *ODD_TIMES,
        1e10,
        2.0**33,
        -1,
        10**18,
        2**63,
        2**64,
        MAX_NUMERIC_DATE + 1,
        10**400,
        -(10**400),
    ],
)
def test_exp_is_a_whole_number_of_seconds_that_a_datetime_can_hold(exp):
    """No string, float, truth value or year 10 000."""
    assert refusal(signed(exp=exp)).reason == "malformed"


@pytest.mark.parametrize("iat", ODD_TIMES)
def test_iat_is_a_number(iat):
    """Text, truth values and containers are refused."""
    assert refusal(signed(iat=iat)).reason == "malformed"


@pytest.mark.parametrize("nbf", [value for value in ODD_TIMES if value is not False])
def test_nbf_is_a_number(nbf):
    """Text, truth values and containers are refused."""
    assert refusal(signed(nbf=nbf)).reason == "malformed"


@pytest.mark.parametrize("name", ["iat", "nbf", "exp"])
@pytest.mark.parametrize("digits", [b"1e999", b"-1e999", b"1" + b"0" * 400, b"-1" + b"0" * 400])
def test_numbers_beyond_every_float_are_refused_or_read(name, digits):
    """1e999 and 10**400 raise no OverflowError."""
    claims = forge.segment({**access_claims(), name: "HERE"})
    payload = forge.unsegment(claims).replace(b'"HERE"', digits)

    try:
        claims = tokens.decode(forge.sign(OPEN_HEADER, payload), ACCESS)
    except TokenError as error:
        assert error.reason in ("malformed", "not_yet_valid")
    else:
        assert name in ("iat", "nbf")


def test_a_token_without_exp_says_so():
    """Every token ends; the sentence is simplejwt's."""
    error = refusal(forge.altered(signed(), without=["exp"]))

    assert (error.reason, str(error.sentence)) == ("malformed", "Token has no 'exp' claim")


def test_a_token_without_iat_is_refused():
    """It is always issued and has to be there."""
    assert refusal(forge.altered(signed(), without=["iat"])).reason == "malformed"


# --- issuer and audience


@pytest.mark.parametrize("kind", [ACCESS, REFRESH])
@pytest.mark.parametrize(
    "iss", ["https://a.example/", "https://a.exampl", "", "x", None, 1, True, ["https://a.example"]]
)
def test_a_configured_issuer_is_matched_exactly_on_both_kinds(settings, kind, iss):
    """Neither a prefix nor a list nor the lack of iss passes: tenants may share the tables."""
    settings.JWTAUTH = {"ISSUER": "https://a.example"}
    good = access_claims() if kind == ACCESS else refresh_claims()
    header = OPEN_HEADER if kind == ACCESS else REFRESH_HEADER

    assert tokens.decode(forge.sign(header, {**good, "iss": "https://a.example"}), kind)
    assert refusal(forge.sign(header, {**good, "iss": iss})).reason == "wrong_issuer"
    assert refusal(forge.sign(header, good)).reason == "wrong_issuer"


@pytest.mark.parametrize("aud", ["api", ["api"], ["other", "api"], "mobile", ["mobile", ""]])
def test_one_audience_of_ours_is_enough(settings, aud):
    """aud is a string or a list and names one of the configured audiences."""
    settings.JWTAUTH = {"AUDIENCE": ["api", "mobile"]}

    assert tokens.decode(signed(aud=aud), ACCESS)["aud"] == aud


@pytest.mark.parametrize(
    "aud",
    [
        "ap",
        "apis",
        "",
        None,
        1,
        True,
        [],
        ["other"],
        [["api"]],
        ["api", 1],
        [None, "api"],
        {"api": 1},
        [{"api": 1}],
    ],
)
def test_a_token_for_somebody_else_is_refused(settings, aud):
    """No substring, no nesting, no empty list: the audience must be named."""
    settings.JWTAUTH = {"AUDIENCE": "api"}

    assert refusal(signed(aud=aud)).reason == "wrong_audience"
    assert refusal(signed()).reason == "wrong_audience"


def test_a_token_for_somebody_is_not_for_whoever_has_no_name():
    """Without AUDIENCE a token that names one is refused (RFC 7519, 4.1.3)."""
    assert refusal(signed(aud="api")).reason == "wrong_audience"


def test_a_refresh_token_needs_no_audience(settings):
    """It is for this deployment alone."""
    settings.JWTAUTH = {"AUDIENCE": "api"}

    assert tokens.decode(forge.sign(REFRESH_HEADER, refresh_claims()), REFRESH)["gen"] == 0


# --- who and which

ODD_IDENTIFIERS = ["", None, 1, True, [], ["1"], {}, "\x00", "a\nb", "a\x7f", "\ud800", "x" * 256]


@pytest.mark.parametrize("value", ODD_IDENTIFIERS)
@pytest.mark.parametrize("name", ["sub", "jti"])
def test_sub_and_jti_are_short_printable_text(name, value):
    """They reach columns and log lines: no number, NUL, line feed, surrogate or long text."""
    assert refusal(signed(**{name: value})).reason == "malformed"


@pytest.mark.parametrize(
    "sid",
    [
        *("", None, 1, [SID], SID[:-1], SID + "0", SID.upper(), "g" * 32, SID + "\n"),
        *("\uff11" * 32, "0192f0c1-a2b3-7c4d-8e5f-60718293a4b5"),
    ],
)
def test_sid_is_32_lower_case_hex_digits(sid):
    """One spelling of a sign-in's id, and always there."""
    assert refusal(signed(sid=sid)).reason == "malformed"
    assert refusal(forge.altered(signed(), without=["sid"])).reason == "malformed"


@pytest.mark.parametrize("gen", [None, -1, 2**31, 10**400, "0", 0.0, True, [], {}])
def test_gen_is_a_whole_number_that_the_column_holds(gen):
    """A generation out of range never reaches the database."""
    raw = forge.sign(REFRESH_HEADER, refresh_claims(gen=gen))

    assert refusal(raw).reason == "malformed"
    assert refusal(forge.altered(raw, without=["gen"])).reason == "malformed"


@pytest.mark.parametrize(
    ("name", "detail"),
    [
        ("sub", "Token contained no recognizable user identification"),
        ("jti", "Token has no id"),
    ],
)
def test_what_is_missing_is_named_as_in_simplejwt(name, detail):
    """A token without sub or jti is malformed, with the sentence clients know."""
    error = refusal(forge.altered(signed(), without=[name]))

    assert (error.reason, str(error.sentence)) == ("malformed", detail)


def test_the_first_reason_in_the_documented_order_is_reported(settings):
    """Form, signature, type, exp, nbf, iss, aud, then the other claims."""
    settings.JWTAUTH = {"ISSUER": "us", "AUDIENCE": "api"}
    wrong = {
        "sub": None,
        "aud": "them",
        "iss": "them",
        "nbf": 2**40,
        "exp": 1,
        "token_type": "refresh",
    }
    right = {
        "sub": "1",
        "aud": "api",
        "iss": "us",
        "nbf": 1,
        "exp": int(time.time()) + 300,
        "token_type": "access",
    }
    reasons = []
    claims = access_claims(**wrong)
    reasons.append(refusal(forge.sign(OPEN_HEADER, claims, b"x" * 32) + "=").reason)
    reasons.append(refusal(forge.sign(OPEN_HEADER, claims, b"x" * 32)).reason)
    for name in reversed(wrong):
        reasons.append(refusal(forge.sign(OPEN_HEADER, claims)).reason)
        claims[name] = right[name]

    assert reasons == ORDER
    assert tokens.decode(forge.sign(OPEN_HEADER, claims), ACCESS) == claims


# --- anything at all

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
claim_names = st.sampled_from(
    ["token_type", "sub", "sid", "jti", "gen", "iat", "exp", "nbf", "iss", "aud", "scope"]
)


@given(st.text() | st.binary() | st.from_regex(r"[\w=-]*\.[\w=-]*\.[\w=-]*"))
def test_random_text_is_refused_as_a_token(raw):
    """Text and bytes raise TokenError and nothing else."""
    assert refusal(raw).reason in ("malformed", "bad_signature")


@given(header=st.binary(max_size=200), claims=st.binary(max_size=200))
def test_random_bytes_under_a_good_signature_are_refused(header, claims):
    """Signed nonsense raises TokenError and nothing else."""
    for typ in (OPEN_HEADER, REFRESH_HEADER):
        assert refusal(forge.sign(header, claims, forge.secret_for(typ)))
        assert refusal(forge.sign(typ, claims))


@given(
    header=st.dictionaries(
        st.sampled_from(["alg", "typ", "kid", "crit", "b64", "jwk", "cty", "zip"]), json_values
    ),
    changes=st.dictionaries(claim_names, json_values, min_size=1),
)
def test_random_json_in_a_good_token_is_refused_or_read(header, changes):
    """Any JSON in any member of header and claims ends as claims or as a TokenError."""
    for typ, claims in ((OPEN_HEADER, access_claims()), (REFRESH_HEADER, refresh_claims())):
        for raw in (
            forge.sign({**typ, **header}, claims, forge.secret_for(typ)),
            forge.sign(typ, {**claims, **changes}),
        ):
            try:
                read = tokens.decode(raw, ACCESS, REFRESH)
            except TokenError:
                continue
            assert type(read["exp"]) is int
            assert isinstance(read["sub"], str) and isinstance(read["jti"], str)


@given(data=st.data())
def test_no_change_of_a_token_passes(data):
    """Whatever is cut, doubled, moved or replaced in a token, it is refused."""
    raw = signed()
    place = data.draw(st.integers(0, len(raw) - 1))
    length = data.draw(st.integers(0, 5))
    patch = data.draw(st.text(alphabet=st.sampled_from("AZaz09-_.="), max_size=5) | st.text())
    changed = raw[:place] + patch + raw[place + length :]

    if changed != raw:
        assert refusal(changed).reason in ("malformed", "bad_signature")
