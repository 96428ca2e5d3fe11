import json
import random
from base64 import b64encode, urlsafe_b64encode
from datetime import datetime, timedelta, timezone, tzinfo
from pathlib import Path

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_jwtauth.tokens import keymaterial
from django_jwtauth.tokens.keymaterial import (
    ALGORITHMS,
    CRYPTOGRAPHY,
    CURVES,
    HMAC_SECRET_BYTES,
    RSA_ALGORITHMS,
    KeyProblem,
    load_key,
    public_jwk,
    thumbprint,
)
from tests.keypairs import make_key, make_pem, make_public_pem, needs_cryptography

if CRYPTOGRAPHY:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa, x25519
    from cryptography.hazmat.primitives.serialization import (
        BestAvailableEncryption,
        Encoding,
        NoEncryption,
        PrivateFormat,
        PublicFormat,
    )


SECRET = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_"
ASYMMETRIC = sorted(ALGORITHMS - HMAC_SECRET_BYTES.keys())

# RFC 7638, 3.1
RFC7638_RSA = {
    "kty": "RSA",
    "n": (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECP"
        "ebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY"
        "368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0f"
        "M4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
    ),
    "e": "AQAB",
    "alg": "RS256",
    "kid": "2011-04-29",
}
# RFC 8037, A.2
RFC8037_ED25519 = {
    "kty": "OKP",
    "crv": "Ed25519",
    "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
}
# RFC 7515, A.1 to A.3, and RFC 8037, A.4 and A.5: the key, and what it signed.
JOE = (
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
)
SIGNED = {
    "HS256": (
        {
            "kty": "oct",
            "k": (
                "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"
            ),
        },
        f"eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.{JOE}.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
    ),
    "RS256": (
        {
            "kty": "RSA",
            "n": (
                "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1"
                "Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpa"
                "SHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4"
                "LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"
            ),
            "e": "AQAB",
        },
        (
            f"eyJhbGciOiJSUzI1NiJ9.{JOE}."
            "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2F"
            "p5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQB"
            "MHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeY"
            "I2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"
        ),
    ),
    "ES256": (
        {
            "kty": "EC",
            "crv": "P-256",
            "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
            "d": "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI",
        },
        (
            f"eyJhbGciOiJFUzI1NiJ9.{JOE}."
            "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
        ),
    ),
    "EdDSA": (
        RFC8037_ED25519,
        (
            "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
            "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
        ),
    ),
}


def problem_of(entry):
    with pytest.raises(KeyProblem) as caught:
        load_key(entry)
    return str(caught.value)


def is_good(raw, key):
    try:
        jwt.PyJWS().decode_complete(raw, key.verifying, algorithms=[key.algorithm])
    except jwt.InvalidSignatureError:
        return False
    return True


# --- keys that are good


@pytest.mark.parametrize(
    "algorithm",
    [name if name == "HS256" else pytest.param(name, marks=needs_cryptography) for name in SIGNED],
)
def test_the_tokens_of_the_rfcs_verify(algorithm):
    """A key read from a JWK verifies what its RFC signed with it, and nothing that differs."""
    jwk, raw = SIGNED[algorithm]
    key = load_key({"algorithm": algorithm, "jwk": jwk})
    header, payload, signature = raw.split(".")

    assert is_good(raw, key)
    assert not is_good(f"{header}.{payload[:-4]}AAAA.{signature}", key)


@needs_cryptography
def test_thumbprints_are_those_of_the_rfcs():
    """RFC 7638, 3.1 for RSA and RFC 8037, A.3 for Ed25519."""
    rsa_key = load_key({"jwk": RFC7638_RSA})
    ed_key = load_key({"algorithm": "EdDSA", "jwk": RFC8037_ED25519})

    assert thumbprint(rsa_key.verifying) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
    assert thumbprint(ed_key.verifying) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
    assert rsa_key.kid == "2011-04-29"
    assert ed_key.kid == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


@needs_cryptography
@pytest.mark.parametrize("algorithm", ASYMMETRIC)
def test_a_pair_signs_and_its_public_half_verifies(algorithm):
    """Private PEM signs; the public PEM has the same kid, verifies, and cannot sign."""
    pair = make_key(algorithm)
    private = load_key({"algorithm": algorithm, "private_key": make_pem(algorithm, pair)})
    public = load_key({"algorithm": algorithm, "public_key": make_public_pem(algorithm, pair)})
    raw = jwt.PyJWS().encode(b"{}", private.signing, algorithm)

    assert is_good(raw, private)
    assert is_good(raw, public)
    assert public.signing is None
    assert public.kid == private.kid == thumbprint(pair.public_key())


@needs_cryptography
def test_ed448_is_eddsa_too():
    """RFC 8037 has two curves for signatures, both named EdDSA."""
    pair = ed448.Ed448PrivateKey.generate()
    key = load_key({"algorithm": "EdDSA", "private_key": make_pem(key=pair)})

    assert public_jwk(key)["crv"] == "Ed448"


@needs_cryptography
@pytest.mark.parametrize(
    "spelling",
    [
        pytest.param(str, id="text"),
        pytest.param(str.encode, id="bytes"),
        pytest.param(lambda pem: pem.replace("\n", "\\n"), id="on one line"),
        pytest.param(lambda pem: pem.replace("\n", "\r\n"), id="from Windows"),
        pytest.param(lambda pem: f"\n  {pem}\n", id="with space around"),
    ],
)
def test_pem_may_be_spelled_as_environments_spell_it(spelling):
    """A PEM that went through an environment variable or an editor is still read."""
    pem = make_pem()

    assert load_key({"algorithm": "ES256", "private_key": spelling(pem)}).kid == (
        load_key({"algorithm": "ES256", "private_key": pem}).kid
    )


@needs_cryptography
def test_a_path_is_read(tmp_path):
    """A pathlib.Path names the file with the PEM or the secret."""
    pem, secret = tmp_path / "key.pem", tmp_path / "secret"
    pem.write_text(make_pem())
    secret.write_bytes(SECRET.encode() + b"\n")

    assert load_key({"algorithm": "ES256", "private_key": pem}).signing
    assert load_key({"algorithm": "HS256", "secret": secret}).signing == SECRET.encode()


@pytest.mark.parametrize("algorithm", HMAC_SECRET_BYTES)
def test_a_secret_counts_exactly_as_given(algorithm):
    r"""Others hold the same secret: no space is stripped from it, and no \n is read in it."""
    secret = f" {SECRET}\\n "
    key = load_key({"algorithm": algorithm, "secret": secret})

    assert key.verifying == key.signing == secret.encode()
    assert load_key({"algorithm": algorithm, "secret": secret.encode()}).signing == key.signing


def test_a_secret_has_no_thumbprint():
    """The kid of a symmetric key is never derived: it would be a hash of the secret."""
    assert load_key({"algorithm": "HS256", "secret": SECRET}).kid is None
    assert load_key({"algorithm": "HS256", "secret": SECRET, "kid": "a"}).kid == "a"


@needs_cryptography
def test_the_kid_is_the_given_one_or_that_of_the_jwk_or_the_thumbprint():
    """In this order."""
    jwk = {**RFC8037_ED25519, "kid": "of the JWK"}

    assert load_key({"algorithm": "EdDSA", "jwk": jwk, "kid": "given"}).kid == "given"
    assert load_key({"algorithm": "EdDSA", "jwk": jwk}).kid == "of the JWK"


@needs_cryptography
def test_the_public_jwk_of_a_private_key_is_public():
    """A published JWK has what a verifier needs, and no private member."""
    jwk, _ = SIGNED["ES256"]
    key = load_key({"algorithm": "ES256", "jwk": jwk, "kid": "a"})

    assert public_jwk(key) == {
        "kty": "EC",
        "crv": "P-256",
        "x": jwk["x"],
        "y": jwk["y"],
        "kid": "a",
        "use": "sig",
        "alg": "ES256",
    }


def test_a_key_does_not_show_itself():
    """A Key in a log line or an error report has nothing secret in it."""
    key = load_key({"algorithm": "HS256", "secret": SECRET})

    assert SECRET not in repr(key)


# --- active_from


@pytest.mark.parametrize(
    "value",
    [
        "2026-11-01T00:00:00Z",
        "2026-11-01 01:00:00+01:00",
        datetime(2026, 11, 1, tzinfo=timezone.utc),
        datetime(2026, 11, 1, 2, tzinfo=timezone(timedelta(hours=2))),
    ],
    ids=str,
)
def test_active_from_is_a_moment(value):
    """Text in ISO 8601 or a datetime, in any time zone."""
    key = load_key({"algorithm": "HS256", "secret": SECRET, "active_from": value})

    assert key.active_from == datetime(2026, 11, 1, tzinfo=timezone.utc)


class Nowhere(tzinfo):
    def utcoffset(self, moment):
        return None

    def __repr__(self):
        # In a test's id, which must be the same in every worker.
        return "Nowhere()"


@pytest.mark.parametrize(
    "value",
    [
        "2026-11-01",
        "2026-11-01T00:00:00",
        "2026-13-01T00:00:00Z",
        "tomorrow",
        "",
        1793491200,
        datetime(2026, 11, 1),
        datetime(2026, 11, 1, tzinfo=Nowhere()),
    ],
    ids=ascii,
)
def test_active_from_needs_a_time_zone(value):
    """A moment that servers would read differently is refused."""
    entry = {"algorithm": "HS256", "secret": SECRET, "active_from": value}

    assert "time zone" in problem_of(entry)


# --- entries that are refused


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ({}, "exactly one of private_key, public_key, secret, jwk"),
        ({"algorithm": "HS256"}, "exactly one of"),
        ({"algorithm": "HS256", "secret": SECRET, "jwk": {}}, "exactly one of"),
        ({"secret": SECRET}, '"algorithm", one of ES256'),
        ({"secret": SECRET, "algorithm": "none"}, '"algorithm", one of'),
        ({"secret": SECRET, "algorithm": "hs256"}, '"algorithm", one of'),
        ({"secret": SECRET, "algorithm": ["HS256"]}, '"algorithm", one of'),
        ({"secret": SECRET, "algorithm": {}}, '"algorithm", one of'),
        ({"jwk": [], "algorithm": "HS256"}, '"jwk" must be a dict'),
        ({"algorithm": "HS256", "secrets": SECRET}, "did you mean 'secret'?"),
        ({"algorithm": "HS256", "secret": SECRET, 7: 7}, "known are algorithm, private_key"),
        ({"algorithm": "HS256", "secret": SECRET, "kid": ""}, '"kid" must be'),
        ({"algorithm": "HS256", "secret": SECRET, "kid": 7}, '"kid" must be'),
        ({"algorithm": "HS256", "secret": SECRET, "kid": "a\nb"}, '"kid" must be'),
        ({"algorithm": "HS256", "secret": SECRET, "kid": "x" * 201}, '"kid" must be'),
        ({"algorithm": "HS256", "private_key": SECRET}, 'symmetric: give a "secret"'),
        ({"algorithm": "HS256", "secret": None}, "must be text, bytes"),
        ({"algorithm": "HS256", "secret": "\ud800" * 40}, "not valid text"),
        ({"algorithm": "HS256", "secret": SECRET[:31]}, "shorter than the 32 bytes"),
        ({"algorithm": "HS384", "secret": SECRET[:47]}, "shorter than the 48 bytes"),
        ({"algorithm": "HS512", "secret": SECRET[:63]}, "shorter than the 64 bytes"),
        ({"algorithm": "HS256", "secret": "changeme" * 8}, "can be guessed"),
        ({"algorithm": "HS256", "secret": "[" * 100_000}, "can be guessed"),
        ({"algorithm": "HS256", "jwk": {"kty": "oct", "k": "AAAA"}}, '"jwk" is shorter'),
        ({"algorithm": "HS256", "jwk": {"kty": "oct"}}, '"jwk" cannot be read'),
        ({"algorithm": "HS512", "jwk": {"kty": "oct", "alg": "HS256"}}, "another algorithm"),
        ({"algorithm": "HS256", "jwk": {"kty": "oct", "use": "enc"}}, '"use" is not "sig"'),
        ({"algorithm": "HS256", "jwk": {"kty": "oct", "use": ["sig"]}}, '"use" is not "sig"'),
        ({"algorithm": "HS256", "secret": SECRET, "kid": SECRET}, "must not be the secret"),
        ({"algorithm": "HS256", "jwk": RFC7638_RSA | {"alg": "HS256"}}, "a kind that HS256"),
    ],
    ids=lambda value: None if isinstance(value, dict) else value,
)
def test_what_is_wrong_with_an_entry_is_told(entry, told):
    """Each mistake in an entry has its own words."""
    assert told in problem_of(entry)


@needs_cryptography
@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ({"algorithm": "ES256", "secret": SECRET}, "asymmetric: give"),
        ({"algorithm": "ES256", "private_key": SECRET}, "not a private key in PEM"),
        ({"algorithm": "ES256", "public_key": SECRET}, "not PEM"),
        ({"algorithm": "ES256", "private_key": None}, "must be PEM text"),
        ({"algorithm": "ES256", "private_key": ""}, "not a private key in PEM"),
        ({"algorithm": "ES256", "private_key": "\ud800"}, "not valid text"),
        ({"algorithm": "ES256", "jwk": RFC8037_ED25519}, "a kind that ES256"),
        ({"algorithm": "RS256", "jwk": {"kty": "RSA", "n": "AQ", "e": "AQ"}}, "cannot be read"),
        ({"algorithm": "PS256", "jwk": RFC7638_RSA}, "another algorithm"),
        ({"algorithm": "EdDSA", "jwk": {"kty": "oct", "k": SECRET}}, "a kind that EdDSA"),
        ({"algorithm": "ES256", "jwk": {**SIGNED["ES256"][0], "d": "AAAA"}}, "cannot be read"),
        ({"algorithm": "ES256", "jwk": {**SIGNED["ES256"][0], "x": "AAAA"}}, "cannot be read"),
    ],
)
def test_what_is_wrong_with_a_pair_is_told(entry, told):
    """So has each mistake in a private or a public key."""
    assert told in problem_of(entry)


@needs_cryptography
@pytest.mark.parametrize("algorithm", ASYMMETRIC)
def test_a_key_of_another_kind_is_refused(algorithm):
    """No algorithm takes the key of another: not by curve, not by kind."""
    others = {name: make_pem(name) for name in (*CURVES, "RS256", "EdDSA")}
    others["X25519"] = make_pem(key=x25519.X25519PrivateKey.generate())
    others["secp256k1"] = make_pem(key=ec.generate_private_key(ec.SECP256K1()))
    for name, pem in others.items():
        entry = {"algorithm": algorithm, "private_key": pem}
        if name == algorithm or (name == "RS256" and algorithm in RSA_ALGORITHMS):
            assert load_key(entry).algorithm == algorithm
        else:
            assert problem_of(entry)


@needs_cryptography
def test_a_key_on_the_wrong_curve_is_told_the_right_one():
    """The name of the curve is what one needs to make the right key."""
    entry = {"algorithm": "ES256", "private_key": make_pem("ES384")}

    assert problem_of(entry) == "ES256 needs a key on the curve secp256r1."


@needs_cryptography
def test_a_short_rsa_key_is_refused():
    """RSA below 2048 bits is refused, private, public or as a JWK."""
    short = rsa.generate_private_key(65537, 1024)
    jwk = jwt.get_algorithm_by_name("RS256").to_jwk(short, as_dict=True)

    for entry in (
        {"private_key": make_pem(key=short)},
        {"public_key": make_public_pem(key=short)},
        {"jwk": jwk},
    ):
        assert problem_of({"algorithm": "RS256", **entry}) == (
            "an RSA key must have 2048 to 8192 bits."
        )


@needs_cryptography
def test_an_endless_rsa_key_is_refused():
    """To verify with a key of any size would cost any time."""
    pem = rsa.RSAPublicNumbers(65537, 2**8192 + 1).public_key()
    spelled = pem.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    assert "2048 to 8192 bits" in problem_of({"algorithm": "RS256", "public_key": spelled})


# --- what a JWK says that its key may do


def make_jwk(algorithm, *, private):
    if algorithm == "HS256":
        return {"kty": "oct", "k": urlsafe_b64encode(SECRET.encode()).decode()}
    pair = make_key(algorithm)
    half = pair if private else pair.public_key()
    jwk = jwt.get_algorithm_by_name(algorithm).to_jwk(half, as_dict=True)
    return {name: value for name, value in jwk.items() if name != "key_ops"}


KINDS = [
    pytest.param(algorithm, private, marks=marks, id=f"{algorithm} {private=}")
    for algorithm, marks in (("HS256", ()), ("RS256", needs_cryptography))
    for private in (True, False)
] + [
    pytest.param(algorithm, private, marks=needs_cryptography, id=f"{algorithm} {private=}")
    for algorithm in ("ES256", "EdDSA")
    for private in (True, False)
]


@pytest.mark.parametrize(("algorithm", "private"), KINDS)
def test_key_ops_decide_what_a_key_may_do(algorithm, private):
    """RFC 7517, 4.3. A private key with "sign" alone signs; its public half verifies."""
    jwk = make_jwk(algorithm, private=private)
    signs = private or algorithm == "HS256"

    for operations in (["sign", "verify"], ["verify", "sign"], ("sign", "verify")):
        key = load_key({"algorithm": algorithm, "jwk": jwk | {"key_ops": operations}})
        assert (key.signing is not None) == signs
    key = load_key({"algorithm": algorithm, "jwk": jwk | {"key_ops": ["verify"]}})
    assert key.signing is None
    assert key.verifying is not None
    only_signs = {"algorithm": algorithm, "jwk": jwk | {"key_ops": ["sign"], "use": "sig"}}
    if private and algorithm != "HS256":
        assert load_key(only_signs).signing is not None
    else:
        assert "must contain" in problem_of(only_signs)


@pytest.mark.parametrize(("algorithm", "private"), KINDS)
@pytest.mark.parametrize(
    "operations",
    [
        *([name] for name in ("encrypt", "decrypt", "wrapKey", "unwrapKey", "deriveKey")),
        *(["verify", "sign", name] for name in ("encrypt", "deriveBits", "Verify", "")),
        [],
        ["verify", "verify"],
        ["verify", None],
        [["verify"]],
        "verify",
        {"verify": True},
        None,
        7,
    ],
    ids=str,
)
def test_other_key_ops_are_refused(algorithm, private, operations):
    """For another use, for several unrelated ones, twice the same, or no list of names."""
    jwk = make_jwk(algorithm, private=private) | {"key_ops": operations}
    assert "key_ops" in problem_of({"algorithm": algorithm, "jwk": jwk})


@needs_cryptography
def test_a_point_off_its_curve_is_refused():
    """An invalid point leaks a key, or verifies anything."""
    jwk = make_jwk("ES256", private=False)
    for x, y in ((jwk["x"], jwk["x"]), ("AA", "AA"), (jwk["y"], jwk["x"])):
        assert "cannot be read" in problem_of({"algorithm": "ES256", "jwk": jwk | {"x": x, "y": y}})
    pem = make_public_pem("ES256").splitlines()
    pem[-2] = pem[-2][:-6] + "AAAA=="
    assert "cannot be read" in problem_of({"algorithm": "ES256", "public_key": "\n".join(pem)})


@needs_cryptography
@pytest.mark.parametrize("form", ["PKCS8", "TraditionalOpenSSL"])
def test_an_encrypted_key_is_refused(form):
    """A passphrase cannot be given, so an encrypted PEM says that it must be stored without."""
    pem = make_key("RS256").private_bytes(
        Encoding.PEM, getattr(PrivateFormat, form), BestAvailableEncryption(b"passphrase")
    )

    assert "is encrypted" in problem_of({"algorithm": "RS256", "private_key": pem})


@needs_cryptography
@pytest.mark.parametrize("kept", [0.3, 0.6, 0.95])
def test_a_truncated_pem_is_refused(kept):
    """A PEM that lost its end, or its middle, is told to be damaged."""
    pem = make_pem("RS256")
    end = pem[pem.index("-----END") :]
    cut = pem[: int(len(pem) * kept)]

    assert "truncated or damaged" in problem_of({"algorithm": "RS256", "private_key": cut})
    assert "truncated or damaged" in problem_of({"algorithm": "RS256", "private_key": cut + end})


@needs_cryptography
def test_a_private_key_is_not_taken_for_a_public_one():
    """Who names a private key public_key is told, before it is published or copied around."""
    entry = {"algorithm": "ES256", "public_key": make_pem()}

    assert problem_of(entry) == '"public_key" holds a private key: give the public half.'


@needs_cryptography
def test_a_public_key_is_not_taken_for_a_private_one():
    """Nor the other way round."""
    entry = {"algorithm": "ES256", "private_key": make_public_pem()}

    assert "not a private key" in problem_of(entry)


@needs_cryptography
def test_der_and_certificates_are_refused():
    """Only PEM is read, and of it only keys."""
    pair = make_key()
    der = pair.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    assert "not PEM" in problem_of({"algorithm": "ES256", "public_key": der})
    assert "BEGIN PUBLIC KEY" in problem_of({"algorithm": "ES256", "public_key": certificate(pair)})


@pytest.mark.parametrize("name", ["private_key", "public_key", "secret"])
@pytest.mark.parametrize(
    "path", [Path("no/such/file"), Path(), Path("a\0b"), Path(SECRET * 100)], ids=range(4)
)
def test_a_file_that_cannot_be_read_is_told_without_its_name(name, path):
    """A Path made of the key itself, by mistake, must not show it."""
    if name != "secret" and not CRYPTOGRAPHY:
        pytest.skip("needs cryptography")
    problem = problem_of({"algorithm": "HS256" if name == "secret" else "ES256", name: path})

    assert f'"{name}": cannot read the file' in problem
    assert SECRET not in problem
    assert "no/such" not in problem


def test_without_cryptography_the_package_to_install_is_told(monkeypatch):
    """Asymmetric keys need the extra; a secret does not."""
    monkeypatch.setattr(keymaterial, "CRYPTOGRAPHY", False)

    assert problem_of({"algorithm": "ES256", "private_key": "PEM"}) == (
        "ES256 needs cryptography: pip install django-jwtauth[crypto]."
    )
    assert load_key({"algorithm": "HS256", "secret": SECRET}).signing


# --- what is known to others is no secret


def certificate(pair):
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a")])
    start = datetime(2026, 1, 1, tzinfo=timezone.utc)
    builder = x509.CertificateBuilder(name, name, pair.public_key(), 1, start, start)
    return builder.sign(pair, hashes.SHA256()).public_bytes(Encoding.PEM)


def spellings(pair, algorithm):
    """The ways in which the public or the private half may be written down."""
    public, form = pair.public_key(), PublicFormat.SubjectPublicKeyInfo
    pem = public.public_bytes(Encoding.PEM, form)
    der = public.public_bytes(Encoding.DER, form)
    jwk = json.dumps(jwt.get_algorithm_by_name(algorithm).to_jwk(public, as_dict=True)).encode()
    private = (Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    yield from {
        "PEM": pem,
        "PEM from Windows": pem.replace(b"\n", b"\r\n"),
        "PEM on one line": pem.replace(b"\n", b"\\n"),
        "body of the PEM": b"".join(pem.splitlines(keepends=True)[1:-1]),
        "PEM in base64": b64encode(pem),
        "DER": der,
        "DER in base64url": urlsafe_b64encode(der).rstrip(b"="),
        "JWK": jwk,
        "JWK in base64": b64encode(jwk),
        "JWKS": b'{"keys":[%s]}' % jwk,
        "certificate": certificate(pair) if algorithm != "EdDSA" else pem,
        "private PEM": make_pem(key=pair).encode(),
        "private DER": pair.private_bytes(*private),
    }.items()
    if algorithm != "EdDSA" or isinstance(pair, ed25519.Ed25519PrivateKey):
        ssh = public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
        private_ssh = pair.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
        yield "SSH", ssh
        yield "SSH with options", b'command="/bin/sh" ' + ssh + b" me@here"
        yield "blob of SSH", ssh.split()[1]
        yield "private SSH", private_ssh


@needs_cryptography
@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "ES384", "ES512", "EdDSA"])
@pytest.mark.parametrize("hmac", HMAC_SECRET_BYTES)
def test_a_public_key_is_never_a_secret(tmp_path, algorithm, hmac):
    """Everybody has the public key: in no encoding may it sign HMAC."""
    for number, (spelling, value) in enumerate(spellings(make_key(algorithm), algorithm)):
        path = tmp_path / str(number)
        path.write_bytes(value)
        entries = [{"secret": value}, {"secret": path}]
        entries.append({"jwk": {"kty": "oct", "k": urlsafe_b64encode(value).decode()}})
        if value.isascii():
            entries.append({"secret": value.decode()})
        for entry in entries:
            told = problem_of({"algorithm": hmac, **entry})
            assert "holds a key, a certificate or JSON" in told, spelling


@pytest.mark.parametrize("encode", [bytes, bytes.hex, b64encode, urlsafe_b64encode])
def test_a_random_secret_is_never_taken_for_a_key(encode):
    """Whatever dice make is accepted, raw or in the usual encodings."""
    dice = random.Random(7518)
    for _ in range(2000):
        secret = encode(dice.randbytes(64))
        assert load_key({"algorithm": "HS512", "secret": secret}).signing


# --- rubbish


rubbish = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
jwk_like = st.fixed_dictionaries(
    {},
    optional={
        "kty": st.sampled_from(["oct", "RSA", "EC", "OKP"]) | rubbish,
        "alg": st.sampled_from(sorted(ALGORITHMS)) | rubbish,
        "crv": st.sampled_from(["P-256", "P-521", "Ed25519", "X25519"]) | rubbish,
        **{name: st.text("AQ-_=") | rubbish for name in ("k", "n", "e", "x", "y", "d", "p", "q")},
        "use": st.just("sig") | rubbish,
        "kid": rubbish,
    },
)
entries = st.fixed_dictionaries(
    {},
    optional={
        "algorithm": st.sampled_from(sorted(ALGORITHMS)) | rubbish,
        "private_key": rubbish,
        "public_key": rubbish,
        "secret": rubbish,
        "jwk": jwk_like | rubbish,
        "kid": rubbish,
        "active_from": st.datetimes(timezones=st.timezones() | st.none()) | rubbish,
    },
)


@given(entry=entries | st.dictionaries(st.text() | st.integers(), rubbish))
def test_any_entry_loads_or_is_a_problem(entry):
    """Whatever stands in an entry, nothing but KeyProblem is raised."""
    try:
        assert load_key(entry).algorithm in ALGORITHMS
    except KeyProblem as problem:
        assert str(problem)


@needs_cryptography
@given(data=st.data(), name=st.sampled_from(["private_key", "public_key"]))
def test_any_damage_to_a_pem_loads_or_is_a_problem(data, name):
    """A PEM with bytes changed, lost or added raises nothing but KeyProblem."""
    pem = bytearray((make_pem if name == "private_key" else make_public_pem)("RS256").encode())
    for _ in range(data.draw(st.integers(1, 3))):
        position = data.draw(st.integers(0, len(pem) - 1))
        pem[position : position + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))
    try:
        assert load_key({"algorithm": "RS256", name: bytes(pem)})
    except KeyProblem as problem:
        assert str(problem)
