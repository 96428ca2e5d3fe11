"""The compact form of a token: what is read, and which signature holds."""

import base64
import json
import socket

import jwt
import pytest

from django_jwtauth import tokens
from django_jwtauth.claims import ACCESS, REFRESH
from django_jwtauth.exceptions import TokenError
from tests import forge
from tests.forge import OPEN_HEADER, REFRESH_HEADER, access_claims, refresh_claims, signed
from tests.refusals import refusal

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
