"""What outlives a deploy is derived with texts that look like module paths, and are none.

Were one of them to follow a module that moves, every sign-in, API token or known device would
be lost. They are written out here, so that the code cannot change them unnoticed.
"""

import hashlib
import hmac

import pytest
from django.core.signing import TimestampSigner

from django_jwtauth.signins import rules
from django_jwtauth.throttling import device_cookies
from django_jwtauth.tokens import keyrings

SECRET = "a secret for this test, of more than thirty-two bytes"


def derive(salt, value=""):
    key = hashlib.sha256((salt + SECRET).encode()).digest()
    return hmac.digest(key, value.encode(), "sha256")


@pytest.mark.parametrize(
    ("get_ring", "salt"),
    [
        (keyrings.get_access_ring, "django_jwtauth.keys.access"),
        (keyrings.get_refresh_ring, "django_jwtauth.keys.refresh"),
        (keyrings.get_one_time_ring, "django_jwtauth.keys.one_time"),
    ],
)
def test_the_secrets_of_the_tokens(settings, get_ring, salt):
    """Another salt would refuse every token that was handed out before the deploy."""
    settings.SECRET_KEY = SECRET

    assert get_ring().signer().signing == derive(salt)


def test_the_secrets_of_a_tenant(settings):
    """Those of a tenant are derived with its issuer."""
    settings.SECRET_KEY = SECRET
    settings.JWTAUTH = {"HOOKS": {"TENANT": "tests.test_salts.name_tenant"}}

    assert keyrings.get_refresh_ring().signer().signing == derive(
        "django_jwtauth.keys.refresh", "https://acme.example"
    )


def name_tenant():
    return {"ISSUER": "https://acme.example"}


def test_the_cookie_of_a_known_device():
    """Another salt would take every browser for a stranger's for a year."""
    signer = TimestampSigner(salt="django_jwtauth.device.anna")

    assert device_cookies._signer("anna").unsign(signer.sign("sid")) == "sid"


def test_what_an_api_token_remembers_of_the_password(django_user_model):
    """Another text would end every API token made with API_TOKENS["SURVIVE_PASSWORD_CHANGE"]."""
    user = django_user_model(password="a hash")

    digest = hashlib.sha256(b"django_jwtauth.rules.lasting_hash:a hash").hexdigest()
    assert rules.lasting_hash(user) == f"lasting:{digest}"
