import json
import logging
import threading
import time
from contextlib import ExitStack
from datetime import datetime, timedelta, timezone
from ipaddress import ip_address
from types import SimpleNamespace

import jwt
import pytest
from django.contrib.auth import get_user_model
from django.urls import reverse
from rest_framework.test import APIRequestFactory

from django_jwtauth import tokens
from django_jwtauth.authentication import (
    InvalidToken,
    JWTAuthentication,
    JWTStatelessUserAuthentication,
)
from django_jwtauth.exceptions import (
    BadSignature,
    MalformedToken,
    TooLongLived,
    Unavailable,
    WrongAudience,
    WrongIssuer,
)
from django_jwtauth.tokens import keyrings, remote_keys
from django_jwtauth.tokens.remote_keys import RemoteKeys
from tests.forge import claims_of, header_of, segment, sign

pytest.importorskip("cryptography")

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed448, ed25519, rsa

from django_jwtauth.claims import ACCESS
from tests.issuer import Issuer, Signer

A, B = "https://a.example.com", "https://b.example.com"


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def signer():
    return Signer("first")


@pytest.fixture
def issuer(signer):
    with Issuer(signer).serving() as issuer:
        yield issuer


@pytest.fixture
def remote(issuer):
    return RemoteKeys(issuer.url)


@pytest.fixture
def clock(monkeypatch):
    """The time that remote_keys sees; it stands still until moved."""
    clock = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(remote_keys, "time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock


@pytest.fixture
def short_timeout(monkeypatch):
    monkeypatch.setattr(remote_keys, "TIMEOUT", 0.3)


def kids(found):
    return [key.kid for key in found]


def algorithms(url):
    return [key.algorithm for key in remote_keys.fetch(url)[0]]


# --- when keys are fetched


def test_keys_are_fetched_once_while_they_are_fresh(issuer, remote, clock):
    """Any number of tokens costs one fetch until the keys' max-age has passed."""
    issuer.publish(Signer("first"), cache_control="public, max-age=60")
    for second in (0, 1, 30, 59.9):
        clock.now = 1000 + second
        assert kids(remote.candidates("ES256", "first")) == ["first"]
    assert issuer.hits == 1

    clock.now = 1060
    remote.candidates("ES256", "first")
    assert issuer.hits == 2


@pytest.mark.parametrize(
    ("cache_control", "seconds"),
    [
        ("public, max-age=60", 60),
        ("max-age=0, must-revalidate", remote_keys.MIN_MAX_AGE),
        ("max-age=999999999", remote_keys.MAX_MAX_AGE),
        ("max-age=99999999999999999999999", remote_keys.MAX_MAX_AGE),
        ("s-maxage=60", remote_keys.MAX_AGE),
        ("max-age=-1", remote_keys.MAX_AGE),
        ("no-cache", remote_keys.MAX_AGE),
        ("", remote_keys.MAX_AGE),
    ],
)
def test_the_issuer_says_how_long_keys_are_fresh_within_bounds(issuer, cache_control, seconds):
    """Neither can an issuer make us ask without end, nor keep us from asking for days."""
    issuer.publish(Signer("first"), cache_control=cache_control)
    assert remote_keys.fetch(issuer.url)[1] == seconds


def test_a_key_that_is_new_at_the_issuer_is_found_at_once(issuer, remote, clock):
    """An unknown kid makes us look again, before the keys are stale."""
    remote.candidates("ES256", "first")
    clock.now += remote_keys.COOLDOWN
    issuer.publish(Signer("first"), Signer("second"))
    assert kids(remote.candidates("ES256", "second")) == ["second"]
    assert issuer.hits == 2


def test_a_thousand_random_kids_cause_one_fetch_in_a_cooldown(issuer, remote, clock):
    """Tokens with made-up kids cannot make us flood the issuer."""
    remote.candidates("ES256", "first")
    clock.now += remote_keys.COOLDOWN
    for number in range(1000):
        assert remote.candidates("ES256", f"made up {number}") == []
        clock.now += remote_keys.COOLDOWN / 1001
    assert issuer.hits == 2


def test_a_key_that_the_issuer_removed_is_not_believed_any_longer(issuer, remote, clock):
    """After the next fetch a removed key verifies nothing."""
    issuer.publish(Signer("first"), Signer("second"), cache_control="max-age=60")
    remote.candidates("ES256", "first")
    issuer.publish(Signer("second"))
    clock.now += 60
    assert remote.candidates("ES256", "first") == []


# --- an issuer that does not answer


def test_stale_keys_are_kept_while_the_issuer_is_down(issuer, remote, clock, caplog):
    """Keys outlive an outage of their issuer, which is asked once in a cooldown."""
    issuer.publish(Signer("first"), cache_control="max-age=60")
    remote.candidates("ES256", "first")
    issuer.fail()
    clock.now += 60
    for _ in range(50):
        assert kids(remote.candidates("ES256", "first")) == ["first"]
    assert issuer.hits == 2
    assert [record.levelno for record in caplog.records] == [logging.WARNING]

    clock.now += remote_keys.COOLDOWN
    remote.candidates("ES256", "first")
    assert issuer.hits == 3


def test_keys_are_not_believed_for_ever(issuer, remote, clock):
    """A day after the last answer, nobody knows which keys are good."""
    remote.candidates("ES256", "first")
    issuer.fail()
    clock.now += remote_keys.STALE_LIMIT
    assert kids(remote.candidates("ES256", "first")) == ["first"]
    clock.now += 1
    with pytest.raises(Unavailable):
        remote.candidates("ES256", "first")


def test_an_issuer_never_reached_is_no_reason_to_refuse(issuer, remote, clock):
    """Without any keys, a token can be neither accepted nor refused; one fetch a cooldown."""
    issuer.fail()
    for _ in range(3):
        with pytest.raises(Unavailable):
            remote.candidates("ES256", "first")
    assert issuer.hits == 1

    issuer.publish(Signer("first"))
    clock.now += remote_keys.COOLDOWN
    assert kids(remote.candidates("ES256", "first")) == ["first"]


def test_an_unknown_kid_is_no_reason_to_refuse_while_the_issuer_is_down(issuer, remote, clock):
    """It may be the kid of a key that we could not fetch; once we can, it is refused."""
    remote.candidates("ES256", "first")
    issuer.fail()
    clock.now += remote_keys.COOLDOWN
    with pytest.raises(Unavailable):
        remote.candidates("ES256", "second")

    issuer.publish(Signer("first"))
    clock.now += remote_keys.COOLDOWN
    assert remote.candidates("ES256", "second") == []


def test_nobody_listening_is_an_issuer_that_is_down(remote, issuer, clock):
    """A refused connection keeps the keys too."""
    remote.candidates("ES256", "first")
    remote.url = "http://127.0.0.1:1/jwks.json"
    clock.now += remote_keys.MAX_AGE
    assert kids(remote.candidates("ES256", "first")) == ["first"]


# --- threads


def test_one_thread_fetches_while_the_others_go_on(issuer, remote, clock):
    """While one request waits for a slow issuer, others use the keys there are."""
    remote.candidates("ES256", "first")
    asked, answer = threading.Event(), threading.Event()
    publish = issuer.answer

    def slow(handler):
        asked.set()
        answer.wait(5)
        publish(handler)

    issuer.answer = slow
    clock.now += remote_keys.MAX_AGE
    fetching = threading.Thread(target=remote.candidates, args=("ES256", "first"))
    fetching.start()
    try:
        assert asked.wait(5)
        for _ in range(10):
            assert kids(remote.candidates("ES256", "first")) == ["first"]
        assert remote.candidates("ES256", "unknown") == []
        assert fetching.is_alive()
    finally:
        answer.set()
        fetching.join()
    assert issuer.hits == 2


def test_the_first_requests_wait_for_one_fetch(issuer, remote):
    """Eight requests that come before there are keys share one fetch, and none is refused."""
    publish = issuer.answer

    def slow(handler):
        time.sleep(0.1)
        publish(handler)

    issuer.answer = slow
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(kids(remote.candidates("ES256", "first"))))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [["first"]] * 8
    assert issuer.hits == 1


def test_requests_do_not_queue_for_an_issuer_that_failed_before(issuer, remote, clock):
    """Once the issuer has failed, only one request waits for it; the others are told at once."""
    issuer.fail()
    with pytest.raises(Unavailable):
        remote.candidates("ES256", "first")
    asked, answer = threading.Event(), threading.Event()

    def slow(handler):
        asked.set()
        answer.wait(5)
        handler.send_error(500)

    issuer.answer = slow
    clock.now += remote_keys.COOLDOWN
    outcome = []

    def fetch():
        with pytest.raises(Unavailable):
            remote.candidates("ES256", "first")
        outcome.append("told")

    fetching = threading.Thread(target=fetch)
    fetching.start()
    try:
        assert asked.wait(5)
        fetch()
        assert fetching.is_alive()
    finally:
        answer.set()
        fetching.join()
    assert outcome == ["told", "told"]
    assert issuer.hits == 2


def test_all_threads_of_a_process_share_the_keys_of_a_url():
    """The same URL gives the same object, other settings a new one."""
    url = "https://a.example.com/jwks.json"
    first = remote_keys.get_remote_keys(url)
    assert remote_keys.get_remote_keys(url) is first
    assert remote_keys.get_remote_keys(url + "?") is not first


def test_other_settings_forget_the_keys(settings):
    """Keys do not outlive the settings that trusted them."""
    first = remote_keys.get_remote_keys("https://a.example.com/jwks.json")
    settings.JWTAUTH = {"ISSUER": A}
    assert remote_keys.get_remote_keys("https://a.example.com/jwks.json") is not first


# --- what an issuer may send


def test_a_redirect_is_not_followed(issuer):
    """Keys are trusted because of where they come from: nothing else is asked for them."""
    with Issuer(Signer("foreign")).serving() as elsewhere:
        for status in (301, 302, 303, 307, 308):
            issuer.say("", status=status, location=elsewhere.url)
            with pytest.raises(OSError, match=str(status)):
                remote_keys.fetch(issuer.url)
        assert elsewhere.hits == 0


def test_a_redirect_to_a_file_is_not_followed(issuer, tmp_path, signer):
    """Not even to a file of this machine that holds good keys."""
    file = tmp_path / "jwks.json"
    file.write_text(json.dumps({"keys": [signer.jwk]}))
    issuer.say("", status=302, location=file.as_uri())
    with pytest.raises(OSError, match="302"):
        remote_keys.fetch(issuer.url)


def test_a_key_set_may_not_be_larger_than_the_limit(issuer, signer):
    """An answer of exactly the limit is read, one byte more is refused."""
    body = json.dumps({"keys": [signer.jwk]})
    issuer.say(body.ljust(remote_keys.MAX_BYTES))
    assert algorithms(issuer.url) == ["ES256"]
    issuer.say(body.ljust(remote_keys.MAX_BYTES + 1))
    with pytest.raises(ValueError, match="too large"):
        remote_keys.fetch(issuer.url)


def test_an_endless_answer_is_not_read_to_the_end(issuer):
    """No more than the limit is taken from an answer that says nothing of its length."""
    sent = 0

    def endless(handler):
        nonlocal sent
        handler.send_response(200)
        handler.end_headers()
        while sent < 100 * remote_keys.MAX_BYTES:
            handler.wfile.write(b" " * 65536)
            sent += 65536

    issuer.answer = endless
    with pytest.raises(ValueError, match="too large"):
        remote_keys.fetch(issuer.url)
    # What the sockets' buffers took counts as sent.
    assert sent < 50 * remote_keys.MAX_BYTES


@pytest.mark.parametrize("part", ["status", "headers", "body"])
def test_an_answer_that_trickles_in_is_given_up(issuer, short_timeout, part):
    """A server that sends a byte now and then cannot hold a worker longer than the limit."""
    gone = threading.Event()

    def trickle(handler):
        if part != "status":
            handler.wfile.write(b"HTTP/1.0 200 OK\r\n")
        if part == "body":
            handler.wfile.write(b"\r\n")
        for _ in range(100):
            if gone.wait(0.05):
                return
            handler.wfile.write(b"X")
            handler.wfile.flush()

    issuer.answer = trickle
    started = time.monotonic()
    try:
        with pytest.raises(OSError, match=r"too slow|timed out"):
            remote_keys.fetch(issuer.url)
    finally:
        gone.set()
    assert time.monotonic() - started < 2


def test_an_answer_that_does_not_come_is_given_up(issuer, short_timeout):
    """A server that accepts the connection and is silent is left after the limit."""
    gone = threading.Event()
    issuer.answer = lambda handler: gone.wait(5)
    try:
        with pytest.raises(OSError, match="timed out"):
            remote_keys.fetch(issuer.url)
    finally:
        gone.set()


@pytest.mark.parametrize(
    "body",
    [
        "",
        "not JSON",
        "<html>Sign in to the guest network</html>",
        "[]",
        "null",
        '"keys"',
        "{}",
        '{"keys": {}}',
        '{"keys": null}',
        b"\xff\xfe{\x00}\x00",
        "[" * 100_000,
        '{"keys": ' + "[" * 100_000 + "]" * 100_000 + "}",
        '{"keys": [' + "9" * 5000 + "]}",
    ],
    ids=lambda body: repr(body[:20]),
)
def test_what_is_not_a_key_set_counts_as_no_answer(issuer, remote, clock, body):
    """Rubbish instead of a key set leaves the keys that we have alone."""
    remote.candidates("ES256", "first")
    issuer.say(body)
    clock.now += remote_keys.MAX_AGE
    assert kids(remote.candidates("ES256", "first")) == ["first"]
    assert issuer.hits == 2


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"no HTTP at all\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnot a size\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\n" + b"X: 1\r\n" * 1000 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"1" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 404 Not Found\r\n\r\n",
    ],
    ids=["nothing", "no HTTP", "bad chunk", "cut off", "headers", "long header", "404"],
)
def test_broken_http_counts_as_no_answer(issuer, remote, clock, sent):
    """Whatever comes instead of HTTP leaves the keys that we have alone."""
    remote.candidates("ES256", "first")
    issuer.answer = lambda handler: handler.wfile.write(sent)
    clock.now += remote_keys.MAX_AGE
    assert kids(remote.candidates("ES256", "first")) == ["first"]
    assert issuer.hits == 2


# --- over https


@pytest.fixture
def certificate(tmp_path):
    """A file with a certificate for 127.0.0.1 that nobody vouches for, and its key."""
    key = Signer("").private
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(timezone.utc)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "certificate.pem"
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    private = key.private_bytes(pem, pkcs8, serialization.NoEncryption())
    file.write_bytes(private + made.public_bytes(pem))
    return file


def test_keys_come_over_https(signer, certificate, monkeypatch):
    """From a server with a certificate that the machine trusts, as in production."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with Issuer(signer).serving(certificate) as issuer:
        assert issuer.url.startswith("https://")
        assert algorithms(issuer.url) == ["ES256"]


def test_a_certificate_that_nobody_vouches_for_is_refused(signer, certificate):
    """Whoever answers in the issuer's place would make the tokens."""
    with Issuer(signer).serving(certificate) as issuer:
        with pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
            remote_keys.fetch(issuer.url)
        assert issuer.hits == 0


def test_an_answer_that_trickles_in_over_https_is_given_up(
    signer, certificate, monkeypatch, short_timeout
):
    """The limit of time holds inside TLS, too."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    gone = threading.Event()

    def trickle(handler):
        for _ in range(100):
            if gone.wait(0.05):
                return
            handler.wfile.write(b"X")

    with Issuer(signer).serving(certificate) as issuer:
        issuer.answer = trickle
        try:
            with pytest.raises(OSError, match=r"too slow|timed out"):
                remote_keys.fetch(issuer.url)
        finally:
            gone.set()


# --- one key among others


BAD_JWKS = {
    "a string": "key",
    "null": None,
    "empty": {},
    "no numbers": {"kty": "RSA", "alg": "RS256", "kid": "bad"},
    "bad base64": {"kty": "RSA", "n": "!", "e": "AQAB", "alg": "RS256"},
    "even exponent": {"kty": "RSA", "n": segment(b"\xf1" * 256), "e": "Ag", "alg": "RS256"},
    "short RSA": {"kty": "RSA", "n": segment(b"\xf1" * 128), "e": "AQAB", "alg": "RS256"},
    "huge RSA": {"kty": "RSA", "n": segment(b"\xf1" * 4096), "e": "AQAB", "alg": "RS256"},
    "off the curve": {
        "kty": "EC",
        "crv": "P-256",
        "x": segment(b"1" * 32),
        "y": segment(b"2" * 32),
    },
    "unknown curve": {"kty": "EC", "crv": "secp256k1", "x": "AA", "y": "AA", "alg": "ES256K"},
    "another curve": {**Signer("bad").jwk, "alg": "ES384"},
    "numbers": {"kty": 1, "alg": 2, "kid": 3},
    "lists": {"kty": ["RSA"], "alg": ["RS256"], "kid": [], "use": "sig"},
    "alg is a list": {**Signer("bad").jwk, "alg": ["ES256"]},
    "alg is a dict": {**Signer("bad").jwk, "alg": {}},
    "kid is a number": {**Signer("bad").jwk, "kid": 7},
    "crv is a list": {"kty": "EC", "crv": ["P-256"], "x": "AA", "y": "AA"},
    "alg none": {**Signer("bad").jwk, "alg": "none"},
    "for encryption": {**Signer("bad").jwk, "use": "enc"},
    "use is a list": {**Signer("bad").jwk, "use": ["sig"]},
    "only encrypts": {**Signer("bad").jwk, "key_ops": ["encrypt"]},
    "encrypts, too": {**Signer("bad").jwk, "key_ops": ["verify", "encrypt"]},
    "only signs": {**Signer("bad").jwk, "key_ops": ["sign"]},
    "key_ops is no list": {**Signer("bad").jwk, "key_ops": "verify"},
    "weak": {"kty": "RSA", "n": segment(b"\xff" * 256), "e": "AQAB", "alg": "RS256"},
    "key agreement": {"kty": "OKP", "crv": "X25519", "x": segment(b"1" * 32)},
    "a secret": {"kty": "oct", "k": segment(b"0123456789abcdef" * 4), "alg": "HS256", "kid": "bad"},
    "a secret for ES256": {"kty": "oct", "k": segment(b"0123456789abcdef" * 4), "alg": "ES256"},
    "a key for HS256": {**Signer("bad").jwk, "alg": "HS256"},
}


@pytest.mark.parametrize("bad", BAD_JWKS.values(), ids=BAD_JWKS.keys())
def test_one_bad_key_does_not_spoil_the_others(issuer, signer, bad):
    """What cannot be used is left out, before and after keys that can."""
    issuer.publish(jwks=[bad, signer.jwk, bad])
    assert kids(remote_keys.fetch(issuer.url)[0]) == ["first"]


def test_a_key_that_says_it_verifies_is_taken(issuer, signer):
    """As WebCrypto exports public keys."""
    issuer.publish(jwks=[signer.jwk | {"key_ops": ["verify"], "ext": True}])
    assert kids(remote_keys.fetch(issuer.url)[0]) == ["first"]


def test_a_key_set_of_secrets_makes_no_keys(issuer, remote):
    """A secret that everybody can fetch verifies nothing: oct keys are ignored."""
    secret = b"0123456789abcdef" * 4
    issuer.publish(jwks=[{"kty": "oct", "k": segment(secret), "alg": "HS256", "kid": "first"}])
    assert remote.candidates("HS256", "first") == []


def test_private_members_are_not_taken(issuer, signer):
    """A key set that leaks its private keys does not make them ours to sign with."""
    private = jwt.get_algorithm_by_name("ES256").to_jwk(signer.private, as_dict=True)
    issuer.publish(jwks=[{**private, "kid": "first", "alg": "ES256"}])
    (key,), _ = remote_keys.fetch(issuer.url)
    assert key.signing is None
    assert not hasattr(key.verifying, "private_numbers")


@pytest.mark.parametrize(
    ("private", "named"),
    [
        (lambda: rsa.generate_private_key(65537, 2048), "RS256"),
        (lambda: Signer("").private, "ES256"),
        (ed25519.Ed25519PrivateKey.generate, "EdDSA"),
        (ed448.Ed448PrivateKey.generate, "EdDSA"),
    ],
    ids=["RSA", "P-256", "Ed25519", "Ed448"],
)
def test_a_key_without_alg_gets_the_usual_one(issuer, private, named):
    """The alg member is optional (RFC 7517, 4.4): the kind of the key tells which it is."""
    jwk = Signer("first", named, private()).jwk
    del jwk["alg"], jwk["use"]
    issuer.publish(jwks=[jwk])
    assert algorithms(issuer.url) == [named]


def test_a_key_set_may_hold_no_more_keys_than_the_limit(issuer, signer):
    """Each key of a token's algorithm may cost a verification, so their number is bounded."""
    jwks = [{**signer.jwk, "kid": str(number)} for number in range(remote_keys.MAX_KEYS + 1)]
    issuer.publish(jwks=jwks)
    assert len(remote_keys.fetch(issuer.url)[0]) == remote_keys.MAX_KEYS


def test_the_log_names_the_url_and_the_kind_of_failure_only(issuer, remote, caplog):
    """Nothing that a server sends reaches the log."""
    issuer.say("secret\r\nforged line", status=500, X_Header="forged")
    with pytest.raises(Unavailable):
        remote.candidates("ES256", "first")
    assert caplog.messages == [f"No JWKS from {issuer.url}: HTTPError"]


# --- whose tokens are believed


@pytest.fixture
def two_issuers():
    """Two deployments, A and B, each with a key called "first"."""
    signers = Signer("first"), Signer("first")
    with ExitStack() as stack:
        served = [stack.enter_context(Issuer(signer).serving()) for signer in signers]
        yield SimpleNamespace(a=signers[0], b=signers[1], urls=[issuer.url for issuer in served])


@pytest.fixture
def trusting_both(settings, two_issuers):
    settings.JWTAUTH = {
        "ISSUER": "https://here.example.com",
        "ISSUERS": dict(zip((A, B), two_issuers.urls, strict=True)),
    }
    return two_issuers


def stateless(raw):
    return tokens.decode(raw, ACCESS, foreign=True)


def test_tokens_of_every_trusted_issuer_are_believed(trusting_both):
    """Several deployments can be trusted at once."""
    assert stateless(trusting_both.a.token(iss=A))["iss"] == A
    assert stateless(trusting_both.b.token(iss=B))["iss"] == B


def test_the_key_of_one_issuer_never_verifies_the_token_of_another(trusting_both):
    """What A signed is A's alone, whatever it says of itself, though the kid is the same."""
    for signer, claimed in ((trusting_both.a, B), (trusting_both.b, A)):
        with pytest.raises(BadSignature):
            stateless(signer.token(iss=claimed))
    for other in ("https://here.example.com", "https://c.example.com", A + "/", A.upper()):
        with pytest.raises(BadSignature):
            stateless(trusting_both.a.token(iss=other))


@pytest.mark.parametrize("iss", [[A], {A: 1}, None, 7, ""], ids=repr)
def test_an_issuer_that_is_no_string_is_nobody(trusting_both, monkeypatch, iss):
    """PyJWT refuses to sign it, others might: such a token reaches no key of a trusted issuer."""
    raw = trusting_both.a.token()
    head, _, signature = raw.split(".")
    claims = jwt.decode(raw, options={"verify_signature": False})
    with pytest.raises(BadSignature):
        stateless(f"{head}.{segment({**claims, 'iss': iss})}.{signature}")


def test_a_token_of_a_trusted_issuer_must_name_the_audience(trusting_both, settings):
    """A trusted issuer speaks for us only in tokens that are meant for us."""
    settings.JWTAUTH = {**settings.JWTAUTH, "AUDIENCE": "here"}
    assert stateless(trusting_both.a.token(iss=A, aud=["there", "here"]))
    for claims in ({"aud": "there"}, {}):
        with pytest.raises(WrongAudience):
            stateless(trusting_both.a.token(iss=A, **claims))


DAY, SLACK = 86400, 300


@pytest.mark.parametrize(
    ("issued", "expires", "good"),
    [
        (0, DAY, True),
        (0, DAY + SLACK - 5, True),
        (0, DAY + SLACK + 5, False),
        (0, 10 * 365 * DAY, False),
        # On its last day, and with a beginning that is in the future.
        (-10 * 365 * DAY, 60, False),
        (10 * 365 * DAY, 10 * 365 * DAY + 60, False),
        (-2 * DAY, 60, False),
        (SLACK - 5, DAY, True),
        (0.5, 60.0, None),
    ],
)
def test_a_token_of_a_trusted_issuer_lives_for_a_day_at_most(trusting_both, issued, expires, good):
    """Nothing here could end it; clocks may differ by some minutes."""
    now = int(time.time())
    raw = trusting_both.a.token(iss=A, iat=now + issued, exp=now + expires)
    if good:
        assert stateless(raw)["iss"] == A
    else:
        with pytest.raises(MalformedToken if good is None else TooLongLived):
            stateless(raw)


def test_the_longest_lifetime_is_each_issuers_own(trusting_both, settings):
    """Shorter or longer; that of our own tokens is ours to say."""
    urls = dict(zip((A, B), trusting_both.urls, strict=True))
    longest = {A: timedelta(minutes=5), B: timedelta(days=30)}
    settings.JWTAUTH = {
        "ISSUER": "https://here.example.com",
        "ISSUERS": {
            name: {"jwks_url": url, "max_lifetime": longest[name]} for name, url in urls.items()
        },
    }
    now = int(time.time())
    assert stateless(trusting_both.b.token(iss=B, exp=now + 29 * DAY))
    assert stateless(trusting_both.a.token(iss=A, exp=now + 299))
    with pytest.raises(TooLongLived):
        stateless(trusting_both.a.token(iss=A, exp=now + 3600))
    settings.JWTAUTH = {"ISSUER": A, "ISSUERS": urls}
    assert stateless(trusting_both.a.token(iss=A, exp=now + 300 * DAY))


@pytest.mark.parametrize(
    "aud",
    [["here", 7], ["here", None], [["here"], "here"], ["here", {}], ["here", True], [], {}, [None]],
)
def test_an_audience_with_anything_but_text_is_refused(trusting_both, settings, aud):
    """RFC 7519, 4.1.3: a string, or a list of strings; also when one of them is right."""
    settings.JWTAUTH = {**settings.JWTAUTH, "AUDIENCE": "here"}
    raw = trusting_both.a.token(iss=A, aud=aud)
    with pytest.raises(WrongAudience):
        stateless(raw)


def test_our_own_keys_do_not_speak_for_a_trusted_issuer(trusting_both):
    """A token that we signed ourselves in A's name is refused, and so is A's in no name."""
    with pytest.raises(BadSignature):
        stateless(tokens.encode("access", stateless(trusting_both.a.token(iss=A))))
    with pytest.raises(BadSignature):
        stateless(trusting_both.a.token())


def test_our_own_keys_do_not_speak_for_others_at_our_own_door(trusting_both):
    """Where foreign tokens are not wanted, a foreign name is wrong even under our signature."""
    raw = tokens.encode("access", stateless(trusting_both.a.token(iss=A)))
    with pytest.raises(WrongIssuer):
        tokens.decode(raw, ACCESS)


def test_our_own_tokens_are_believed_beside_those_of_others(trusting_both, settings):
    """Trusting others does not end trust in ourselves, and an unnamed token stays refused."""
    claims = {**stateless(trusting_both.a.token(iss=A)), "iss": settings.JWTAUTH["ISSUER"]}
    assert stateless(tokens.encode("access", claims)) == claims
    del claims["iss"]
    with pytest.raises(WrongIssuer):
        stateless(tokens.encode("access", claims))


def request_with(raw):
    from rest_framework.request import Request

    return Request(APIRequestFactory().get("/", HTTP_AUTHORIZATION=f"Bearer {raw}"))


@pytest.mark.parametrize("own_issuer", ["https://here.example.com", None])
def test_foreign_tokens_are_for_the_stateless_class_only(
    trusting_both, settings, user, pair, own_issuer, statements
):
    """A foreign ``sub`` and ``sid`` may equal ours, so the database is never asked about them."""
    settings.JWTAUTH = {**settings.JWTAUTH, "ISSUER": own_issuer}
    sid = jwt.decode(pair.access, options={"verify_signature": False})["sid"]
    raw = trusting_both.a.token(iss=A, sub=str(user.pk), sid=sid)
    with statements(0):
        found, claims = JWTStatelessUserAuthentication().authenticate(request_with(raw))
        assert (found.pk, claims["iss"]) == (str(user.pk), A)
        with pytest.raises(InvalidToken) as refused:
            JWTAuthentication().authenticate(request_with(raw))
    assert refused.value.detail["reason"] == "bad_signature"


@pytest.mark.parametrize("name", ["token_verify", "token_blacklist"])
def test_foreign_tokens_are_nothing_to_our_endpoints(trusting_both, api, user, pair, name):
    """Verifying and blacklisting are about our own sign-ins."""
    raw = trusting_both.a.token(iss=A, sub=str(user.pk))
    assert api.post(reverse(name), {"token": raw}).json()["reason"] == "bad_signature"


def test_a_foreign_refresh_token_is_refused(trusting_both):
    """Refresh tokens are nobody else's to make."""
    raw = trusting_both.a.token(iss=A, header={"typ": "rt+jwt"}, token_type="refresh", gen=0)
    with pytest.raises(BadSignature):
        tokens.decode(raw, "access", "refresh", foreign=True)


# --- the keys of our own issuer


@pytest.fixture
def resource(settings, issuer):
    """The settings of a service that holds no private key."""
    settings.JWTAUTH = {"ISSUER": A, "AUDIENCE": "here", "ISSUERS": {A: issuer.url}}


def test_a_service_believes_what_its_issuer_signed(resource, signer):
    """ISSUER with its entry of ISSUERS, and AUDIENCE, is all that a resource service needs."""
    request = request_with(signer.token(iss=A, aud="here"))
    found, _ = JWTStatelessUserAuthentication().authenticate(request)
    assert found.pk == "7"


def test_the_secret_of_a_service_makes_no_tokens_for_it(resource, settings):
    """With an entry of ISSUERS, what the service's own SECRET_KEY could sign is refused."""
    claims = {"sub": "7", "sid": "0" * 32, "jti": "x", "iat": 1, "exp": 2**32, "aud": "here"}
    for iss in ({"iss": A}, {}):
        with pytest.raises((BadSignature, WrongIssuer)):
            stateless(tokens.encode("access", {**claims, **iss}))


def test_a_fetched_key_is_never_a_secret(resource, signer):
    """A public key, in any spelling that everybody can make, verifies no HMAC."""
    public = signer.private.public_key()
    pem, der = serialization.Encoding.PEM, serialization.Encoding.DER
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    point = public.public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )
    spellings = [
        public.public_bytes(pem, spki),
        public.public_bytes(pem, spki).strip(),
        public.public_bytes(der, spki),
        point,
        json.dumps(signer.jwk).encode(),
    ]
    good = signer.token(iss=A, aud="here")
    for secret in spellings:
        for header in (header_of(good), {"typ": "at+jwt"}):
            with pytest.raises(BadSignature):
                stateless(sign({**header, "alg": "HS256"}, claims_of(good), secret))


def test_a_shared_database_needs_no_shared_key(resource, signer, user, pair):
    """With an entry of ISSUERS, the database-backed class verifies with the fetched keys too."""
    claims = jwt.decode(pair.access, options={"verify_signature": False})
    raw = signer.token(**{**claims, "iss": A, "aud": "here"})
    found, _ = JWTAuthentication().authenticate(request_with(raw))
    assert found == get_user_model().objects.get()


def test_the_token_cannot_say_where_its_key_is(resource, signer):
    """``jku``, ``x5u`` and ``jwk`` are not looked at (RFC 8725, 3.10)."""
    thief = Signer("first")
    with Issuer(thief).serving() as elsewhere:
        header = {"jku": elsewhere.url, "x5u": elsewhere.url, "jwk": thief.jwk}
        with pytest.raises(BadSignature):
            stateless(thief.token(iss=A, aud="here", header=header))
        assert stateless(signer.token(iss=A, aud="here", header=header))
        assert elsewhere.hits == 0


def test_a_foreign_token_is_refused_without_asking_anybody(resource, issuer):
    """A token of an issuer that nobody trusts costs no fetch."""
    with pytest.raises(BadSignature):
        stateless(Signer("first").token(iss=B, aud="here"))
    assert issuer.hits == 0


def test_while_the_issuer_cannot_be_reached_the_answer_is_503(resource, issuer, signer, api):
    """Clients drop a token at 401, so an issuer never reached is 503 with Retry-After."""
    issuer.fail()
    with pytest.raises(Unavailable) as raised:
        JWTStatelessUserAuthentication().authenticate(request_with(signer.token(iss=A, aud="here")))
    assert raised.value.status_code == 503
    assert raised.value.wait > 0
    assert raised.value.detail["reason"] == "unavailable"


def test_an_expired_token_is_told_from_a_bad_one(resource, signer):
    """The reason is as exact with fetched keys as with our own."""
    expired = signer.token(iss=A, aud="here", exp=int(time.time()) - 1)
    with pytest.raises(InvalidToken) as refused:
        JWTStatelessUserAuthentication().authenticate(request_with(expired))
    assert refused.value.detail["reason"] == "expired"


def test_a_token_seen_before_is_refused_once_its_key_is_gone(resource, issuer, signer, clock):
    """What a process remembers of verified tokens ends with the keys that verified them."""
    raw = signer.token(iss=A, aud="here")
    assert stateless(raw) == stateless(raw)
    issuer.publish(Signer("second"))
    clock.now += remote_keys.MAX_AGE
    with pytest.raises(BadSignature):
        stateless(raw)


def test_the_derived_key_ring_is_untouched_by_fetched_keys(resource):
    """Fetched keys never enter the ring that signs."""
    assert [key.kid for key in keyrings.get_access_ring().keys] == [None]
