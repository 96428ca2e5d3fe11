"""api_settings reads JWTAUTH and SIMPLE_JWT; exceptions, back end and stateless users beside it."""

import copy
import pickle
from datetime import timedelta
from unittest import mock

import pytest
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from django_jwtauth import exceptions as core
from django_jwtauth import sessions
from django_jwtauth.contrib.simplejwt import settings as module
from django_jwtauth.contrib.simplejwt.backends import TokenBackend
from django_jwtauth.contrib.simplejwt.exceptions import (
    ExpiredTokenError,
    InvalidToken,
    TokenBackendError,
    TokenBackendExpiredToken,
    TokenError,
    Unsupported,
    as_theirs,
)
from django_jwtauth.contrib.simplejwt.models import TokenUser
from django_jwtauth.contrib.simplejwt.move.configuration import DEFAULTS
from django_jwtauth.contrib.simplejwt.settings import api_settings
from django_jwtauth.contrib.simplejwt.state import token_backend
from django_jwtauth.contrib.simplejwt.tokens import AccessToken
from tests.keypairs import make_pem, needs_cryptography


def test_jwtauth_goes_before_simple_jwt(settings):
    """What both have under one name is what tokens are issued by."""
    settings.SIMPLE_JWT = dict.fromkeys(module.SHARED)
    settings.JWTAUTH = {
        "ACCESS_TOKEN_LIFETIME": timedelta(minutes=1),
        "AUDIENCE": ["a", "b"],
        "AUTH_HEADER_TYPES": ("JWT",),
        "ISSUER": "shop",
        "LEEWAY": 5,
        "USER_ID_CLAIM": "uid",
    }
    assert timedelta(minutes=1) == api_settings.ACCESS_TOKEN_LIFETIME
    assert timedelta(days=7) == api_settings.REFRESH_TOKEN_LIFETIME
    assert api_settings.ROTATE_REFRESH_TOKENS is True
    assert api_settings.AUDIENCE == ["a", "b"]
    assert api_settings.AUTH_HEADER_TYPES == ("JWT",)
    assert (api_settings.ISSUER, api_settings.USER_ID_CLAIM) == ("shop", "uid")
    assert api_settings.LEEWAY == token_backend.get_leeway() == timedelta(seconds=5)
    settings.JWTAUTH = {"AUDIENCE": "a"}
    assert api_settings.AUDIENCE == "a"


def test_the_rest_is_read_from_simple_jwt(settings):
    """Its paths lead to the same names here, whatever the project wrote before."""
    settings.SIMPLE_JWT = {
        "USER_ID_FIELD": "email",
        "USER_ID_CLAIM": "email",
        "TOKEN_USER_CLASS": "rest_framework_simplejwt.models.TokenUser",
        "TOKEN_VERIFY_SERIALIZER": "shop.serializers.Verify",
    }
    assert (api_settings.USER_ID_FIELD, api_settings.USER_ID_CLAIM) == ("email", "email")
    assert api_settings.TOKEN_USER_CLASS is TokenUser
    assert api_settings.TOKEN_VERIFY_SERIALIZER == "shop.serializers.Verify"
    assert api_settings.TOKEN_REFRESH_SERIALIZER == (
        "django_jwtauth.contrib.simplejwt.serializers.TokenRefreshSerializer"
    )
    assert api_settings.JSON_ENCODER is None
    assert (AccessToken,) == api_settings.AUTH_TOKEN_CLASSES


def test_every_setting_has_a_value(settings):
    """All 34 but the keys, which code would verify tokens with that they did not sign."""
    settings.SIMPLE_JWT = {}
    for name in DEFAULTS:
        if name in ("SIGNING_KEY", "VERIFYING_KEY"):
            with pytest.raises(Unsupported, match=r"sessions\.verify"):
                getattr(api_settings, name)
        else:
            getattr(api_settings, name)
    assert api_settings.defaults is DEFAULTS
    api_settings.reload()


@needs_cryptography
def test_the_algorithm_is_that_of_the_key_that_signs(settings):
    settings.JWTAUTH = {"KEYS": [{"algorithm": "ES256", "private_key": make_pem("ES256")}]}
    assert api_settings.ALGORITHM == "ES256"


def test_a_test_may_replace_a_setting():
    """As with DRF's own object."""
    with mock.patch.object(api_settings, "ROTATE_REFRESH_TOKENS", False):
        assert api_settings.ROTATE_REFRESH_TOKENS is False
    assert api_settings.ROTATE_REFRESH_TOKENS is True
    with pytest.raises(AttributeError, match="NOTHING"):
        api_settings.NOTHING  # noqa: B018


# --- exceptions


class Refusing(APIView):
    authentication_classes = ()
    permission_classes = ()
    error = None

    def get(self, request):
        raise self.error


def answer_to(error):
    view = Refusing.as_view(error=error)
    response: Response = view(APIRequestFactory().get("/"))
    return response.status_code, response.data


@pytest.mark.parametrize(
    ("error", "body"),
    [
        (TokenError("no"), {"detail": "no", "code": "token_not_valid", "reason": "refused"}),
        (TokenError(), {"detail": "Token is invalid", "code": "token_not_valid"}),
        (TokenError({"detail": "no", "code": "c"}), {"detail": "no", "code": "c"}),
        (TokenError({"more": 1}), {"detail": "Token is invalid", "more": "1"}),
    ],
    ids=["text", "nothing", "dict", "more"],
)
def test_a_token_error_that_nobody_catches(error, body):
    """401 here; in simplejwt it is an error of the server's."""
    status, data = answer_to(error)
    assert status == 401
    assert data == {**data, **body}


def test_a_refusal_of_the_core_becomes_one_of_both_families():
    """With the reason and the sentence it had."""
    for base, expired in (
        (TokenError, ExpiredTokenError),
        (TokenBackendError, TokenBackendExpiredToken),
    ):
        with pytest.raises(base) as caught, as_theirs(base):
            raise core.WrongIssuer
        assert isinstance(caught.value, core.WrongIssuer)
        assert (caught.value.reason, str(caught.value)) == ("wrong_issuer", "Token is invalid")
        assert caught.value.args == (caught.value.sentence,)
        with pytest.raises(expired), as_theirs(base):
            raise core.ExpiredToken
    with pytest.raises(core.Unavailable) as caught, as_theirs():
        raise core.Unavailable
    assert not isinstance(caught.value, TokenError)


def test_a_refusal_of_the_projects_own_stays():
    mine = TokenError("no")
    with pytest.raises(TokenError) as caught, as_theirs():
        raise mine
    assert caught.value is mine


def test_an_error_that_is_swallowed_is_logged(caplog):
    """Code that ends sign-ins stands in ``except Exception: pass``."""
    try:
        raise Unsupported("this", "write that")
    except Exception:
        pass
    record = caplog.records[-1]
    assert (record.levelname, record.getMessage()) == ("ERROR", "this: write that")
    assert record.event == "simplejwt_unsupported"


def test_an_invalid_token_of_an_exception():
    """``InvalidToken(error)``, which some write for ``error.args[0]``."""
    assert InvalidToken(TokenError("no")).detail["detail"] == "no"


# --- the back end


@pytest.mark.django_db
def test_a_back_end_made_with_keys_reads_our_tokens(user, pair):
    """Whatever it was told: the keys are JWTAUTH's, and all checks are made."""
    backend = TokenBackend("HS512", "some key", audience="x")
    assert backend.decode(pair.access)["sub"] == str(user.pk)
    assert backend.decode(pair.access.encode())["sub"] == str(user.pk)
    sessions.end(pair.session_id)
    with pytest.raises(TokenBackendError):
        backend.decode(pair.access)
    with pytest.raises(TokenBackendError):
        backend.decode("x", verify=False)


# --- users known by a token


def claims(**more):
    return {"sub": "7", "user_id": "7", **more}


@pytest.mark.parametrize("value", ["yes", 1, [1], None, False])
@pytest.mark.parametrize("name", ["is_staff", "is_superuser"])
def test_only_true_makes_somebody_staff(name, value):
    assert getattr(TokenUser(claims(**{name: value})), name) is False
    assert getattr(TokenUser(claims(**{name: True})), name) is True


def test_another_issuer_makes_nobody_staff(settings):
    """Unless JWTAUTH says that its claims are believed."""
    settings.JWTAUTH = {"ISSUER": "here", "ISSUERS": {"there": "https://there.example/jwks"}}
    assert TokenUser(claims(iss="here", is_staff=True)).is_staff
    assert not TokenUser(claims(iss="there", is_staff=True)).is_staff


def test_copies_of_a_user():
    """simplejwt's recurse without end."""
    user = TokenUser(claims(company="acme"))
    for other in (copy.copy(user), copy.deepcopy(user), pickle.loads(pickle.dumps(user))):
        assert other == user
        assert other.company == "acme"
    assert hash(user) == hash(TokenUser(claims()))


def test_what_a_user_without_a_row_cannot_do():
    user = TokenUser(claims())
    for call in (user.save, user.delete):
        with pytest.raises(NotImplementedError):
            call()
    for method in (user.set_password, user.check_password):
        with pytest.raises(NotImplementedError):
            method("x")
    assert user.get_group_permissions() == user.get_all_permissions() == set()
    assert not user.user_permissions.all()
