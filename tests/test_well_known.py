import itertools
import json
from datetime import datetime, timedelta, timezone

import jwt
import pytest
import time_machine
from django.urls import include, path, reverse

from django_jwtauth import tokens
from django_jwtauth.views import well_known
from tests.forge import claims_of, header_of, unsegment
from tests.keypairs import make_key, make_pem, make_public_pem, needs_cryptography

urlpatterns = [
    path(".well-known/", include("django_jwtauth.urls.well_known")),
]
pytestmark = pytest.mark.urls(__name__)


JWKS = "/.well-known/jwks.json"
DISCOVERY = ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"]
SECRET = "a shared secret, with enough of everything: 0123456789"
NOW = datetime(2026, 11, 24, 12, tzinfo=timezone.utc)

# RFC 7518, 6.2.1 and 6.3.1; RFC 8037, 2. Nothing else of a key may be published.
PUBLIC_MEMBERS = {
    "EC": {"kty", "crv", "x", "y", "kid", "use", "alg"},
    "RSA": {"kty", "n", "e", "kid", "use", "alg"},
    "OKP": {"kty", "crv", "x", "kid", "use", "alg"},
}


def private(algorithm, **entry):
    return {"algorithm": algorithm, "private_key": make_pem(algorithm), **entry}


def at(**offset):
    return (NOW + timedelta(**offset)).isoformat()


# --- the key set


@needs_cryptography
def test_the_key_set_holds_public_members_only(settings, client):
    """Of every kind of private key, in PEM or as a JWK, exactly the public half is published."""
    made = jwt.get_algorithm_by_name("RS256").to_jwk(make_key("RS256"), as_dict=True)
    del made["key_ops"]
    settings.JWTAUTH = {
        "KEYS": [
            {"algorithm": "RS256", "jwk": made, "kid": "as a JWK"},
            *(private(name, kid=name) for name in ("ES256", "ES512", "PS384", "EdDSA")),
            {"algorithm": "ES384", "public_key": make_public_pem("ES384"), "kid": "public"},
        ]
    }
    published = client.get(JWKS).json()

    assert published.keys() == {"keys"}
    assert [(jwk["kid"], jwk["alg"], jwk["use"]) for jwk in published["keys"]] == [
        ("as a JWK", "RS256", "sig"),
        ("ES256", "ES256", "sig"),
        ("ES512", "ES512", "sig"),
        ("PS384", "PS384", "sig"),
        ("EdDSA", "EdDSA", "sig"),
        ("public", "ES384", "sig"),
    ]
    assert all(jwk.keys() == PUBLIC_MEMBERS[jwk["kty"]] for jwk in published["keys"])
    assert made["d"] not in json.dumps(published)


@pytest.mark.parametrize("configured", [[], [{"algorithm": "HS256", "secret": SECRET}]])
def test_no_symmetric_key_is_published(settings, client, configured):
    """Neither a secret of KEYS nor one derived from SECRET_KEY is in the key set."""
    settings.JWTAUTH = {"KEYS": configured}
    response = client.get(JWKS)
    assert (response.status_code, response.json()) == (200, {"keys": []})


@needs_cryptography
def test_a_secret_beside_public_keys_is_not_published(settings, client):
    """A mixed ring publishes its asymmetric keys, whichever of its keys signs."""
    settings.JWTAUTH = {
        "KEYS": [{"algorithm": "HS256", "secret": SECRET, "kid": "ours"}, private("ES256")]
    }
    assert [jwk["alg"] for jwk in client.get(JWKS).json()["keys"]] == ["ES256"]


@needs_cryptography
def test_a_verifier_finds_the_key_that_signed(settings, client):
    """The kid of a token leads to the key in the set that verifies it."""
    settings.JWTAUTH = {"KEYS": [private("ES256"), private("EdDSA")]}
    raw = tokens.encode("access", {"sub": "1"})
    found = jwt.PyJWKSet.from_dict(client.get(JWKS).json())[header_of(raw)["kid"]]
    assert jwt.decode(raw, found) == claims_of(raw)


@needs_cryptography
def test_coordinates_have_their_full_length(settings, client):
    """A coordinate with leading zeros keeps them (RFC 7518, 6.2.1.2): one key in 128 has some."""
    from cryptography.hazmat.primitives.asymmetric import ec

    keys = (ec.generate_private_key(ec.SECP256R1()) for _ in itertools.count())
    short = next(key for key in keys if key.public_key().public_numbers().x < 2**248)
    settings.JWTAUTH = {"KEYS": [{"algorithm": "ES256", "private_key": make_pem(key=short)}]}
    (jwk,) = client.get(JWKS).json()["keys"]
    assert [len(unsegment(jwk[name])) for name in ("x", "y")] == [32, 32]


@needs_cryptography
def test_the_signing_key_comes_first(settings, client):
    """Some verifiers take the first key of a set; a new one moves up when it is activated."""
    settings.JWTAUTH = {
        "KEYS": [
            {"algorithm": "ES256", "public_key": make_public_pem("ES256"), "kid": "retired"},
            private("ES256", kid="next", active_from=at(hours=1)),
            private("ES256", kid="current"),
        ]
    }
    with time_machine.travel(NOW, tick=False) as clock:
        published = client.get(JWKS)
        assert [jwk["kid"] for jwk in published.json()["keys"]] == ["current", "retired", "next"]
        clock.shift(timedelta(hours=1))
        after = client.get(JWKS)
        assert [jwk["kid"] for jwk in after.json()["keys"]] == ["next", "retired", "current"]
        assert after["ETag"] != published["ETag"]


@needs_cryptography
@pytest.mark.parametrize(
    ("offsets", "max_age"),
    [
        ([], well_known.MAX_AGE),
        ([{"hours": -1}], well_known.MAX_AGE),
        ([{"days": 30}], well_known.MAX_AGE),
        ([{"seconds": well_known.MAX_AGE}], well_known.MAX_AGE),
        ([{"seconds": 100}], 100),
        ([{"seconds": 200}, {"hours": -1}, {"seconds": 100}], 100),
        ([{"seconds": 99, "milliseconds": 900}], 99),
        ([{"milliseconds": 900}], 0),
        ([{"seconds": 0}], well_known.MAX_AGE),
    ],
)
def test_no_copy_outlives_the_next_activation(settings, client, offsets, max_age):
    """A cache keeps the set five minutes, and never until after another key began to sign."""
    entries = [private("ES256", active_from=at(**offset)) for offset in offsets]
    settings.JWTAUTH = {"KEYS": [private("ES256"), *entries]}
    with time_machine.travel(NOW, tick=False):
        assert client.get(JWKS)["Cache-Control"] == f"public, max-age={max_age}"


# --- both documents, over HTTP


@pytest.fixture
def issuer(settings):
    settings.JWTAUTH = {"ISSUER": "https://auth.example.com"}


@pytest.mark.parametrize("url", [JWKS, *DISCOVERY])
def test_who_has_the_document_gets_304(issuer, client, url):
    """A verifier that sends the ETag back is told that nothing changed, without the body."""
    first = client.get(url)
    again = client.get(url, HTTP_IF_NONE_MATCH=first["ETag"])
    assert (again.status_code, again.content) == (304, b"")
    assert again["ETag"] == first["ETag"]
    assert again["Cache-Control"] == first["Cache-Control"]
    assert client.get(url, HTTP_IF_NONE_MATCH='"another"').status_code == 200


@needs_cryptography
def test_the_etag_changes_with_the_keys(settings, client):
    """A copy of the old keys is not confirmed when there are others."""
    settings.JWTAUTH = {"KEYS": [private("ES256")]}
    first = client.get(JWKS)
    settings.JWTAUTH = {"KEYS": [private("ES256")]}
    assert client.get(JWKS, HTTP_IF_NONE_MATCH=first["ETag"]).status_code == 200


@pytest.mark.parametrize("url", [JWKS, *DISCOVERY])
def test_head_is_get_without_the_body(issuer, client, url):
    """HEAD has the headers of GET."""
    head, get = client.head(url), client.get(url)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers == {**get.headers, "Content-Length": head.headers["Content-Length"]}


@pytest.mark.parametrize("url", [JWKS, *DISCOVERY])
@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_the_documents_are_only_read(issuer, client, url, method):
    """Other methods are 405."""
    response = getattr(client, method)(url)
    assert (response.status_code, response["Allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize(
    ("url", "content_type"),
    [(JWKS, "application/jwk-set+json"), *((url, "application/json") for url in DISCOVERY)],
)
def test_the_documents_are_for_everybody(issuer, client, url, content_type):
    """No sign-in, no cookie, any origin, and one copy for all in shared caches."""
    response = client.get(url, HTTP_AUTHORIZATION="Bearer rubbish")
    assert response.status_code == 200
    assert response["Content-Type"] == content_type
    assert response["Access-Control-Allow-Origin"] == "*"
    assert response["Cache-Control"] == f"public, max-age={well_known.MAX_AGE}"
    assert "Vary" not in response
    assert not response.cookies


def test_the_documents_need_no_database(issuer, client):
    """pytest-django fails a test that asks the database without saying so: this one does not."""
    assert [client.get(url).status_code for url in (JWKS, *DISCOVERY)] == [200, 200, 200]


# --- the discovery document


@pytest.mark.parametrize("url", DISCOVERY)
@pytest.mark.parametrize(
    "issuer", ["https://auth.example.com", "https://auth.example.com/", "https://x.org:8443/t/1"]
)
def test_discovery_names_the_exact_issuer(settings, client, url, issuer):
    """Clients compare ``issuer`` with the ``iss`` of tokens, character by character."""
    settings.JWTAUTH = {"ISSUER": issuer}
    document = client.get(url).json()
    assert document["issuer"] == issuer
    host = "https://x.org:8443" if "x.org" in issuer else "https://auth.example.com"
    assert document["jwks_uri"] == f"{host}{JWKS}"


@needs_cryptography
def test_discovery_lists_the_algorithms_of_public_keys(settings, client):
    """Verifiers learn what to expect; HS256 is not theirs to verify."""
    settings.JWTAUTH = {
        "ISSUER": "https://auth.example.com",
        "KEYS": [private("ES256"), private("EdDSA"), {"algorithm": "HS256", "secret": SECRET}],
    }
    document = client.get(DISCOVERY[0]).json()
    assert document["id_token_signing_alg_values_supported"] == ["ES256", "EdDSA"]


def test_discovery_leaves_out_what_is_empty(issuer, client):
    """Empty arrays are omitted (RFC 8414, 3.2), and no endpoint is named that does not answer."""
    assert client.get(DISCOVERY[0]).json() == {
        "issuer": "https://auth.example.com",
        "jwks_uri": "https://auth.example.com/.well-known/jwks.json",
        "response_types_supported": ["none"],
        "subject_types_supported": ["public"],
    }


@pytest.mark.parametrize("url", DISCOVERY)
@pytest.mark.parametrize("issuer", [None, "example-api", "urn:example:api", "//auth.example.com"])
def test_without_an_issuer_url_there_is_no_discovery(settings, client, url, issuer):
    """A document must name a URL, so there is none; the keys are published all the same."""
    settings.JWTAUTH = {"ISSUER": issuer}
    assert client.get(url).status_code == 404
    assert client.get(JWKS).status_code == 200


def test_the_names_are_those_of_the_documents():
    """Projects reverse them, and verifiers know the paths."""
    assert reverse("jwtauth_jwks") == JWKS
    assert reverse("jwtauth_openid_configuration") == DISCOVERY[0]
    assert reverse("jwtauth_authorization_server") == DISCOVERY[1]
