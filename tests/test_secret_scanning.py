"""The expression for secret scanners finds every API token, and no token of another kind."""

import re
import secrets

import pytest

from django_jwtauth import api_tokens, one_time, sessions
from django_jwtauth.claims import RESERVED_CLAIMS
from django_jwtauth.tokens.keymaterial import CRYPTOGRAPHY
from tests.conftest import Client
from tests.keypairs import make_pem
from tests.pages import DOCS, read_blocks

pytestmark = pytest.mark.django_db

ASYMMETRIC = [f"{kind}{size}" for kind in ("RS", "PS", "ES") for size in (256, 384, 512)]
ALGORITHMS = ["derived", "HS256", "HS384", "HS512", *ASYMMETRIC, "EdDSA"]
(GITLEAKS,) = [
    block.code for block in read_blocks(DOCS / "api-tokens.md") if block.language == "toml"
]
(TRUFFLEHOG,) = [
    block.code for block in read_blocks(DOCS / "api-tokens.md") if block.language == "yaml"
]
EXPRESSION = re.search(r"^regex = '''(.+)'''$", GITLEAKS, re.M)[1]

# What stands around a token where it should not be.
PLACES = [
    "{}",
    "TOKEN={}\n",
    'token: "{}",',
    "curl -H 'Authorization: Bearer {}' https://x",
    "`{}`.",
]


def named_claims(user, session):
    """As near to an API token as a hook gets."""
    return {"token_us": "api", "token_use_": "api", "note": '"token_use":"api"'}


def free_scopes(user, request):
    return ["reports:read"]


@pytest.fixture(params=ALGORITHMS)
def algorithm(request, settings):
    """Signed with each algorithm in turn, with and without what a header or payload may have."""
    name = request.param
    if name not in ("derived", "HS256", "HS384", "HS512") and not CRYPTOGRAPHY:
        pytest.skip("needs cryptography")
    if name == "derived":
        keys = []
    elif name.startswith("HS"):
        keys = [{"algorithm": name, "secret": secrets.token_urlsafe(64)}]
    else:
        keys = [{"algorithm": name, "private_key": make_pem(name), "kid": "2026-11"}]
    settings.JWTAUTH = {
        "KEYS": keys,
        "HOOKS": {"CLAIMS": f"{__name__}.named_claims", "SCOPES": f"{__name__}.free_scopes"},
        "USER_ID_CLAIM": "user_id",
        "ISSUER": "https://api.example.com",
        "AUDIENCE": "api",
    }
    return name


@pytest.mark.parametrize("place", PLACES)
def test_every_api_token_is_found(user, algorithm, place):
    """Whatever signed it and wherever it stands: the whole token, and nothing around it."""
    raw = api_tokens.create(user, "deploy").raw

    assert re.findall(EXPRESSION, place.format(raw), re.ASCII) == [raw]


def test_no_other_token_is_found(user, algorithm):
    """Neither what a sign-in gets nor a one-time token, whatever their claims say."""
    carried = {"a": "token_use", "b": '{"token_type":"access","token_use":"api","'}
    pair = sessions.start(user, claims=carried)
    link = one_time.create(user, "download", claims=carried)
    later = sessions.refresh(pair.refresh)

    for raw in (pair.access, pair.refresh, link, later.access):
        assert not re.findall(EXPRESSION, raw)


@pytest.mark.parametrize("typ", ["at+jwt", "JWT"])
def test_minimal_tokens_are_told_apart(user, settings, typ):
    """Without any setting, and for verifiers that want the other type."""
    settings.JWTAUTH = {"ACCESS_TOKEN_TYP": typ}

    assert re.findall(EXPRESSION, api_tokens.create(user, "deploy").raw)
    assert not re.findall(EXPRESSION, sessions.start(user).access)


def test_nobody_else_can_claim_it():
    """No hook and no ``claims=`` may set the claim that the expression looks for."""
    assert "token_use" in RESERVED_CLAIMS


def test_an_api_token_is_a_token_like_any_other(user):
    """The order of claims means nothing: it is verified, and authenticates."""
    raw = api_tokens.create(user, "deploy").raw

    assert Client().verify(raw).status_code == 200
    assert Client().protected(raw).status_code == 200


def test_both_scanners_are_given_the_same():
    """The rule for gitleaks and the detector for trufflehog look for the same characters."""
    assert EXPRESSION in TRUFFLEHOG
    (keyword,) = set(re.findall(r"eyJ0b2tlbl\w+", EXPRESSION))
    assert f'keywords = ["{keyword.lower()}"]' in GITLEAKS
    assert f"keywords: [{keyword}]" in TRUFFLEHOG
