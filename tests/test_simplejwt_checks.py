"""What SIMPLE_JWT says and has no effect is told by the checks, once a project has moved."""

import sys
from datetime import timedelta

import pytest
from django.urls import include, path

from django_jwtauth.checks.configuration import check_simplejwt
from django_jwtauth.contrib.simplejwt import views as simplejwt
from django_jwtauth.contrib.simplejwt.move import configuration
from django_jwtauth.contrib.simplejwt.move.advice import DECODER
from django_jwtauth.contrib.simplejwt.tokens import AccessToken, RefreshToken

HERE = "django_jwtauth.contrib.simplejwt"
MOVED = {"LEGACY": {"DECODER": DECODER, "UNTIL": "2999-01-01T00:00:00Z"}}


class Mine(AccessToken):
    pass


class Other(RefreshToken):
    pass


urlpatterns = [path("api/", include("django_jwtauth.urls"))]


class KeptRoutes:
    urlpatterns = (
        path("token/", simplejwt.TokenObtainPairView.as_view()),
        path("token/refresh/", simplejwt.TokenRefreshView.as_view()),
        path("token/verify/", simplejwt.TokenVerifyView.as_view()),
        path("token/blacklist/", simplejwt.TokenBlacklistView.as_view()),
    )


@pytest.fixture(autouse=True)
def moved(settings):
    settings.JWTAUTH = MOVED
    settings.ROOT_URLCONF = KeptRoutes
    settings.REST_FRAMEWORK = {
        "DEFAULT_AUTHENTICATION_CLASSES": [f"{HERE}.authentication.JWTAuthentication"]
    }


def found():
    return {(message.id, message.msg) for message in check_simplejwt()}


def told(*parts):
    """The one message there is, which has these parts."""
    [(number, text)] = found()
    assert all(part in text for part in parts), text
    return number


def test_a_project_that_did_what_the_doctor_says(settings):
    """Nothing is told of the defaults, nor of what the pasted lines say."""
    settings.SIMPLE_JWT = {}
    assert found() == set()

    settings.SIMPLE_JWT = {
        "ACCESS_TOKEN_LIFETIME": timedelta(minutes=15),
        "ROTATE_REFRESH_TOKENS": True,
        "BLACKLIST_AFTER_ROTATION": True,
        "SIGNING_KEY": "a secret of the project, of forty characters",
        "AUTH_HEADER_TYPES": ("JWT",),
    }
    settings.JWTAUTH = {
        **MOVED,
        "ACCESS_TOKEN_LIFETIME": timedelta(minutes=15),
        "AUTH_HEADER_TYPES": ("JWT",),
        "KEYS": [],
    }
    assert found() == set()


@pytest.mark.parametrize(
    ("name", "value", "ours"),
    [
        ("ACCESS_TOKEN_LIFETIME", timedelta(minutes=15), "ACCESS_TOKEN_LIFETIME"),
        ("REFRESH_TOKEN_LIFETIME", timedelta(days=1), "REFRESH_TOKEN_LIFETIME"),
        ("ROTATE_REFRESH_TOKENS", False, "ROTATE_REFRESH_TOKENS"),
        ("UPDATE_LAST_LOGIN", False, "UPDATE_LAST_LOGIN"),
        ("ISSUER", "shop", "ISSUER"),
        ("AUDIENCE", "shop", "AUDIENCE"),
        ("LEEWAY", 10, "LEEWAY"),
        ("AUTH_HEADER_TYPES", ("JWT",), "AUTH_HEADER_TYPES"),
        ("USER_ID_CLAIM", "user_id", "USER_ID_CLAIM"),
    ],
)
def test_a_setting_that_is_not_in_jwtauth(settings, name, value, ours):
    """What would silently be another lifetime, issuer or header is an error."""
    settings.SIMPLE_JWT = {name: value}
    assert told(f"SIMPLE_JWT['{name}']", f"write {ours} into JWTAUTH") == "jwtauth.E009"


def test_a_key_that_is_not_in_jwtauth(settings):
    """Whether another service verifies with a secret is not known; no secret is shown."""
    settings.SIMPLE_JWT = {"SIGNING_KEY": "a secret of the project, of forty characters"}
    assert told("SIGNING_KEY", "write KEYS") == "jwtauth.W029"
    assert "forty" not in str(found())


def test_a_signing_key_that_is_not_in_jwtauth(settings):
    """Other services would refuse every token; so it is where the key cannot be taken over."""
    settings.SIMPLE_JWT = {"ALGORITHM": "ES256", "SIGNING_KEY": "no key"}
    assert {number for number, _text in found()} == {"jwtauth.E009"}
    settings.JWTAUTH = {**MOVED, "KEYS": []}
    assert found() == set()


def test_another_id_than_the_primary_key(settings):
    """A claim of that name would hold the primary key; without one, a front end misses it."""
    settings.SIMPLE_JWT = {"USER_ID_FIELD": "email"}
    assert told("USER_ID_FIELD") == "jwtauth.W029"
    settings.JWTAUTH = {**MOVED, "USER_ID_CLAIM": "user_id"}
    assert told("USER_ID_FIELD") == "jwtauth.E009"
    settings.JWTAUTH = {**MOVED, "HOOKS": {"CLAIMS": f"{__name__}.rule"}}
    assert found() == set()
    settings.SIMPLE_JWT = {"USER_ID_FIELD": "username"}
    settings.JWTAUTH = {**MOVED, "USER_ID_CLAIM": "user_id", "SUBJECT_FIELD": "username"}
    assert found() == set()


@pytest.mark.parametrize(
    ("setting", "value", "number"),
    [
        ("CHECK_USER_IS_ACTIVE", False, "jwtauth.E009"),
        ("TOKEN_TYPE_CLAIM", "typ", "jwtauth.W029"),
        ("JTI_CLAIM", None, "jwtauth.W029"),
        ("LEEWAY ", 10, "jwtauth.W029"),
    ],
)
def test_a_setting_without_effect(settings, setting, value, number):
    settings.SIMPLE_JWT = {setting: value}
    assert told(setting) == number


@pytest.mark.parametrize(
    "setting", ["CHECK_USER_IS_ACTIVE", "CHECK_REVOKE_TOKEN", "BLACKLIST_AFTER_ROTATION"]
)
def test_a_setting_that_is_always_so(settings, setting):
    settings.SIMPLE_JWT = {setting: True}
    assert found() == set()


READ_HERE = [
    ("USER_AUTHENTICATION_RULE", f"{__name__}.rule", "token/"),
    ("TOKEN_OBTAIN_SERIALIZER", f"{__name__}.Mine", "token/"),
    ("TOKEN_REFRESH_SERIALIZER", f"{__name__}.Mine", "token/refresh/"),
    ("TOKEN_VERIFY_SERIALIZER", f"{__name__}.Mine", "token/verify/"),
    ("TOKEN_BLACKLIST_SERIALIZER", f"{__name__}.Mine", "token/blacklist/"),
]


def rule(user):
    return True


@pytest.mark.parametrize(("setting", "value", "place"), READ_HERE)
def test_a_setting_that_an_endpoint_does_not_read(settings, setting, value, place):
    """The views under simplejwt's names read it; a door beside them that does not is told."""
    settings.SIMPLE_JWT = {setting: value}
    assert found() == set()

    settings.ROOT_URLCONF = __name__
    assert {number for number, _text in found()} == {"jwtauth.E009"}
    assert any(f"(/api/{place})" in text for _number, text in found())


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("AUTH_TOKEN_CLASSES", [f"{__name__}.Mine"]),
    ],
)
def test_a_setting_that_the_authentication_class_does_not_read(settings, setting, value):
    settings.SIMPLE_JWT = {setting: value}
    assert found() == set()

    settings.REST_FRAMEWORK = {
        "DEFAULT_AUTHENTICATION_CLASSES": ["django_jwtauth.authentication.JWTAuthentication"]
    }
    assert told(setting, "DEFAULT_AUTHENTICATION_CLASSES") == "jwtauth.E009"


def test_simplejwts_own_paths_are_known(settings):
    """Written out they are the defaults; its sliding tokens are accepted as access tokens."""
    theirs = "rest_framework_simplejwt"
    settings.ROOT_URLCONF = __name__
    settings.SIMPLE_JWT = {name: configuration.DEFAULTS[name] for name, _value, _place in READ_HERE}
    settings.SIMPLE_JWT |= {
        "AUTH_TOKEN_CLASSES": [f"{theirs}.tokens.AccessToken", f"{theirs}.tokens.SlidingToken"]
    }
    assert found() == set()


@pytest.mark.parametrize(
    ("setting", "value", "text"),
    [
        ("TOKEN_USER_CLASS", "shop.Nobody", "cannot be imported"),
        ("AUTH_TOKEN_CLASSES", ["shop.Nothing"], "cannot be imported"),
        ("AUTH_TOKEN_CLASSES", [f"{__name__}.Other"], "Other is not a subclass"),
    ],
)
def test_a_path_that_leads_nowhere(settings, setting, value, text):
    """A refresh token is no credential of a request, whatever a setting says."""
    settings.SIMPLE_JWT = {setting: value}
    assert told(setting, text) == "jwtauth.E009"


def test_a_urlconf_that_cannot_be_imported(settings):
    """Django's own check tells that."""
    settings.ROOT_URLCONF = "shop.nothing"
    settings.SIMPLE_JWT = {"TOKEN_OBTAIN_SERIALIZER": "shop.SignIn"}
    assert found() == set()


def test_a_project_that_has_not_moved(settings, monkeypatch):
    """Beside simplejwt, SIMPLE_JWT is simplejwt's."""
    settings.SIMPLE_JWT = {"CHECK_USER_IS_ACTIVE": False}
    settings.JWTAUTH = {}
    assert found()
    monkeypatch.delitem(sys.modules, f"{HERE}.tokens")
    assert found() == set()


SILENT = {
    # Always so here.
    "BLACKLIST_AFTER_ROTATION",
    "CHECK_REVOKE_TOKEN",
    # Read of simplejwt's own tokens, which have no other meaning.
    "REVOKE_TOKEN_CLAIM",
    "SLIDING_TOKEN_LIFETIME",
    "SLIDING_TOKEN_OBTAIN_SERIALIZER",
    "SLIDING_TOKEN_REFRESH_EXP_CLAIM",
    "SLIDING_TOKEN_REFRESH_LIFETIME",
    "SLIDING_TOKEN_REFRESH_SERIALIZER",
    # simplejwt does not read them either, with the default ALGORITHM.
    "JWK_URL",
    "VERIFYING_KEY",
}


@pytest.mark.parametrize("name", configuration.DEFAULTS)
def test_every_setting_of_simplejwt_is_honoured_or_told(settings, name):
    """In a project that uses the core's classes: none is ignored in silence."""
    settings.SIMPLE_JWT = {name: _another(configuration.DEFAULTS[name])}
    settings.ROOT_URLCONF = __name__
    settings.REST_FRAMEWORK = {
        "DEFAULT_AUTHENTICATION_CLASSES": [
            "django_jwtauth.authentication.JWTAuthentication",
            "django_jwtauth.authentication.JWTStatelessUserAuthentication",
        ]
    }
    assert bool(found()) == (name not in SILENT)


def _another(value):
    """Neither the default of simplejwt nor that of JWTAUTH."""
    if isinstance(value, bool):
        return False
    if isinstance(value, timedelta):
        return value + timedelta(hours=1)
    if isinstance(value, (int, float)):
        return 10
    if isinstance(value, tuple):
        return [f"{__name__}.Mine"]
    return "shop.another"
