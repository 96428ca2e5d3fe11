import os
import re
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from unittest import mock

import pytest
from django.apps import apps
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.checks import run_checks
from django.db import ProgrammingError, connection
from django.test import modify_settings, override_settings
from django.urls import include, path
from django.utils.timezone import now as timezone_now
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from rest_framework.authentication import BasicAuthentication

from django_jwtauth import api_tokens, sessions
from django_jwtauth.checks import configuration, deployment, project, rows
from django_jwtauth.checks import ids as check_ids
from django_jwtauth.models import LoginSession
from tests.given import CANARY, NAMES, hide, json_like
from tests.keypairs import make_pem, make_public_pem, needs_cryptography

SHARED = {"algorithm": "HS256", "secret": "a secret that another service has: 0123456789"}
NEVER = datetime(9999, 1, 1, tzinfo=timezone.utc)
IDS = {
    name: value
    for name, value in vars(check_ids).items()
    if isinstance(value, str) and value.startswith("jwtauth.")
}


HOLES = project.DJANGO_HOLES


def found(*, deploy=False):
    return run_checks(tags=["jwtauth"], include_deployment_checks=deploy)


def ids(**kwargs):
    return [message.id for message in found(**kwargs)]


def fake_router(**aliases):
    """Make a router class that sends a model, by its name, to an alias."""

    class Router:
        def db_for_write(self, model, **hints):
            return aliases.get(model.__name__)

    return Router()


OLD_KEY = "an old key that stands in SECRET_KEY_FALLBACKS, long enough"


def of_tokens(databases=("default",)):
    messages = run_checks(databases=databases)
    return [message for message in messages if message.id == check_ids.TOKENS_OF_FALLBACK]


# --- in general


def test_a_sound_project_has_nothing_to_read():
    """The settings of these tests, which follow the quick start, draw no message."""
    assert found() == []


def test_ids_are_unique():
    """Each id is one finding, so that it can be looked up and silenced."""
    assert len(set(IDS.values())) == len(IDS)
    assert all(re.fullmatch(r"jwtauth\.[EW]\d{3}", value) for value in IDS.values())


def test_an_error_stops_manage_py(tmp_path):
    """The checks are registered when Django starts."""
    Path(tmp_path, "bad.py").write_text("from tests.settings import *\nJWTAUTH = {'LEEWAY': -1}\n")
    search = os.pathsep.join([str(tmp_path), str(Path(__file__).parent.parent)])
    done = subprocess.run(
        [sys.executable, "-m", "django", "check", "--settings=bad", "--tag=jwtauth"],
        env={**os.environ, "PYTHONPATH": search},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert f"({check_ids.BAD_SETTING}) JWTAUTH['LEEWAY'] must not be negative." in done.stderr


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(given=st.dictionaries(st.sampled_from(NAMES) | st.text(), json_like) | json_like)
def test_no_rubbish_breaks_the_checks(settings, given):
    """Whatever stands in JWTAUTH, the checks say so and do not fail."""
    settings.JWTAUTH = given

    assert all(message.id in IDS.values() for message in found(deploy=True))


@pytest.mark.parametrize("value", hide(CANARY), ids=range(len(hide(CANARY))))
def test_no_check_shows_a_secret(settings, value):
    """A secret that stands in every setting at once, and in a key, appears in no message."""
    for jwtauth in (dict.fromkeys(NAMES, value), {"KEYS": [{"secret": value, "kid": value}]}):
        settings.JWTAUTH = jwtauth
        messages = found(deploy=True)

        assert messages
        assert CANARY not in " ".join(f"{message} {message.hint}" for message in messages)


# --- settings


def test_each_bad_setting_is_told(settings):
    """A wrong value and an unknown name are errors, each its own, with what to change."""
    settings.JWTAUTH = {"LEEWAY": -1, "ACCES_TOKEN_LIFETIME": 60, "AUDIENCE": 7}

    assert [(message.id, message.msg) for message in found()] == [
        (
            check_ids.UNKNOWN_SETTING,
            "JWTAUTH['ACCES_TOKEN_LIFETIME'] is not a setting: did you mean "
            "'ACCESS_TOKEN_LIFETIME'?",
        ),
        (
            check_ids.BAD_SETTING,
            "JWTAUTH['AUDIENCE'] must be a string or a list of strings, none of them empty.",
        ),
        (check_ids.BAD_SETTING, "JWTAUTH['LEEWAY'] must not be negative."),
    ]


@pytest.mark.parametrize("name", configuration.NAMES_NOT_READ)
def test_a_setting_by_nearly_the_name_is_told(settings, name):
    """Nobody would read it; where JWTAUTH is set as well, it is another package's."""
    setattr(settings, name, {"ACCESS_TOKEN_LIFETIME": 60})
    settings.JWTAUTH = {}
    assert check_ids.NAME_NOT_READ not in ids()

    del settings.JWTAUTH
    [message] = [message for message in found() if message.id == check_ids.NAME_NOT_READ]
    assert name in message.msg


def test_a_jwtauth_that_is_no_dict_is_told(settings):
    """One error, whatever it is."""
    settings.JWTAUTH = ["LEEWAY"]

    assert ids() == [check_ids.BAD_SETTING]


@pytest.mark.parametrize(
    ("jwtauth", "told"),
    [
        ({"REFRESH_TOKEN_LIFETIME": 299}, [check_ids.REFRESH_TOO_SHORT]),
        ({"REFRESH_TOKEN_LIFETIME": 300}, []),
        ({"SESSION_LIFETIME": timedelta(days=6)}, [check_ids.REFRESH_TOO_LONG]),
        ({"SESSION_LIFETIME": timedelta(days=7)}, []),
        ({"SESSION_LIFETIME_NOT_REMEMBERED": timedelta(days=30)}, [check_ids.NOT_SHORTER]),
        ({"SESSION_LIFETIME_NOT_REMEMBERED": timedelta(days=29)}, []),
        ({"REFRESH_GRACE_PERIOD": 0}, [check_ids.NO_GRACE_PERIOD]),
        ({"REFRESH_GRACE_PERIOD": 0, "ROTATE_REFRESH_TOKENS": False}, [check_ids.NO_ROTATION]),
        ({"ACCESS_TOKEN_LIFETIME": 29}, [check_ids.GRACE_PERIOD_TOO_LONG]),
        ({"ACCESS_TOKEN_LIFETIME": 30}, []),
    ],
    ids=str,
)
def test_durations_are_compared(settings, jwtauth, told):
    """Durations that are sound alone are told when they contradict each other."""
    settings.JWTAUTH = jwtauth

    assert ids() == told


# --- moving


DECODER = "django_jwtauth.contrib.simplejwt.decode"
OVER = "2020-01-01T00:00:00Z"


@pytest.mark.parametrize(
    "jwtauth, simple_jwt, told",
    [
        ({"LEGACY": {"DECODER": DECODER}}, {}, [check_ids.LEGACY_IGNORED]),
        ({"LEGACY": {"UNTIL": NEVER}}, {}, [check_ids.LEGACY_IGNORED]),
        (
            {
                "LEGACY": {"DECODER": DECODER, "UNTIL": OVER},
            },
            {},
            [],
        ),
        (
            {
                "LEGACY": {"DECODER": DECODER, "UNTIL": NEVER},
            },
            {},
            [check_ids.LEGACY_CLIENTS_LOST],
        ),
        (
            {
                "LEGACY": {"DECODER": DECODER, "UNTIL": NEVER},
            },
            None,
            [check_ids.LEGACY_CLIENTS_LOST],
        ),
        (
            {
                "LEGACY": {"DECODER": DECODER, "UNTIL": NEVER},
            },
            {"ROTATE_REFRESH_TOKENS": True},
            [],
        ),
        (
            {
                "LEGACY": {"DECODER": DECODER, "UNTIL": NEVER},
                "ROTATE_REFRESH_TOKENS": False,
            },
            {},
            [check_ids.NO_ROTATION],
        ),
    ],
)
def test_a_move_that_signs_people_out_is_told(settings, jwtauth, simple_jwt, told):
    """Half a move accepts no token; clients that never got a new one would look like thieves."""
    settings.JWTAUTH = jwtauth
    settings.SIMPLE_JWT = simple_jwt

    assert ids() == told


# --- keys


def test_each_bad_key_is_told(settings):
    """Every entry that cannot be used is an error, by its number."""
    settings.JWTAUTH = {"KEYS": [{}, SHARED, {"algorithm": "none"}]}

    assert ids() == [check_ids.BAD_KEY, check_ids.BAD_KEY]
    assert "entry 2" in found()[1].msg


def test_a_key_of_the_future_is_not_enough(settings):
    """While no key is active, nobody can sign in."""
    settings.JWTAUTH = {"KEYS": [{**SHARED, "active_from": NEVER}]}

    assert ids() == [check_ids.NO_ACTIVE_KEY]


@pytest.mark.parametrize("more", [{}, {"active_from": "2026-01-01T00:00:00Z"}], ids=str)
def test_a_key_of_the_future_beside_an_active_one_is_fine(settings, more):
    """That is how keys are rotated."""
    later = {**SHARED, "secret": SHARED["secret"][::-1], "active_from": NEVER}
    settings.JWTAUTH = {"KEYS": [{**SHARED, **more}, later]}

    assert ids() == []


@needs_cryptography
def test_public_keys_alone_are_told(settings):
    """A project that cannot issue a token may have forgotten its private key."""
    keys = {"KEYS": [{"algorithm": "ES256", "public_key": make_public_pem()}]}
    settings.JWTAUTH = keys
    alone = ids()
    # Who fetches the keys of others is not meant to issue any.
    settings.JWTAUTH = {
        **keys,
        "ISSUER": "https://a.example",
        "ISSUERS": {"https://a.example": "https://a.example/jwks.json"},
    }

    assert alone == [check_ids.NO_SIGNING_KEY]
    assert ids() == []


@pytest.mark.parametrize("empty", [[], ()])
def test_a_list_that_a_leaked_key_was_removed_from_is_told(settings, empty):
    """Nobody chooses the derived key by an empty list; a service that only verifies has none."""
    settings.JWTAUTH = {"KEYS": empty}
    alone = ids()
    settings.JWTAUTH = {
        "KEYS": empty,
        "ISSUER": "https://a.example",
        "ISSUERS": {"https://a.example": "https://a.example/jwks.json"},
    }

    assert alone == [check_ids.EMPTY_KEYS]
    assert ids() == []


@pytest.mark.parametrize("limit", [{"claims": True}, {"max_lifetime": 60}])
def test_what_is_for_other_issuers_is_not_said_of_ones_own(settings, limit):
    """A limit under one's own ISSUER would hold for nothing."""
    entry = {"jwks_url": "https://a.example/jwks.json", **limit}
    settings.JWTAUTH = {"ISSUERS": {"https://a.example": entry}}
    another = ids()
    settings.JWTAUTH = {**settings.JWTAUTH, "ISSUER": "https://a.example"}

    assert another == []
    assert ids() == [check_ids.OWN_ISSUER_LIMITED]


@needs_cryptography
def test_without_a_secret_key_the_others_still_check(settings, no_proxy):
    """Static files are collected without one, and the checks run then."""
    settings.SECRET_KEY = ""
    settings.JWTAUTH = {"KEYS": [{"algorithm": "ES256", "public_key": make_public_pem()}]}

    assert ids(deploy=True) == [check_ids.CACHE_NOT_SHARED]


@pytest.mark.parametrize(
    "guessable", ["", "secret", "x" * 60, "django" * 10, b"bytes", "0123456789" * 3 + "0"], ids=repr
)
def test_a_secret_key_that_can_be_guessed_is_told(settings, guessable):
    """All tokens, and with them all users, hang on SECRET_KEY and its fallbacks."""
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY, guessable]
    (message,) = found()

    assert message.id == check_ids.GUESSABLE_KEY
    assert message.msg.startswith("SECRET_KEY_FALLBACKS[1] ")
    if guessable:
        settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = guessable, []
        assert found()[0].msg.startswith("SECRET_KEY ")


def test_api_tokens_that_need_a_fallback_are_told(user, settings):
    """With the day until which it must stay; only when the database may be asked."""
    with override_settings(SECRET_KEY=OLD_KEY):
        api_tokens.create(user, "short", lifetime=timedelta(days=1))
        long = api_tokens.create(user, "long", lifetime=timedelta(days=90))
        sessions.start(user)
    assert of_tokens() == []

    settings.SECRET_KEY_FALLBACKS = ["an even older one, in vain: 0123456789", OLD_KEY]
    api_tokens.create(user, "new")
    (message,) = of_tokens()
    assert f"{long.session.expires_at:%Y-%m-%d}" in message.msg
    assert of_tokens(databases=None) == found() == []
    assert [*rows.check_api_tokens(databases=["other"])] == []

    long.session.refresh_from_db()
    LoginSession.objects.filter(pk=long.session.pk).end(reason="revoked")
    assert f"{timezone_now() + timedelta(days=1):%Y-%m-%d}" in of_tokens()[0].msg
    user.set_password("another")
    user.save()
    assert of_tokens() == []


def test_api_tokens_that_need_no_fallback_are_not_told(user, settings):
    """A key in KEYS signed them, so that SECRET_KEY does not matter."""
    settings.JWTAUTH = {"KEYS": [SHARED]}
    with override_settings(SECRET_KEY=OLD_KEY):
        api_tokens.create(user, "deploy")
    settings.SECRET_KEY_FALLBACKS = [OLD_KEY]
    assert of_tokens() == []


@pytest.mark.parametrize(
    ("field", "told"), [("username", []), ("email", ["E010"]), ("nothing", ["E010"]), ("pk", [])]
)
def test_a_field_that_cannot_be_sub_is_told(settings, field, told):
    """It must name one user, in one text."""
    settings.JWTAUTH = {"SUBJECT_FIELD": field}

    assert ids() == [f"jwtauth.{number}" for number in told]
    if told:
        assert f"auth.User.{field} " in found()[0].msg


def test_sign_ins_that_another_sub_loses_are_told(user, other_user, settings):
    """How many of the newest; setting the field signs nobody out."""

    def told():
        messages = run_checks(databases=["default"])
        return [message.msg for message in messages if message.id == check_ids.SUBJECTS_LOST]

    older = sessions.start(user)
    settings.JWTAUTH = {"SUBJECT_FIELD": "username"}
    assert told() == []
    sessions.start(user)
    sessions.start(other_user)
    assert told() == []
    settings.JWTAUTH = {}
    (text,) = told()
    assert text.startswith("The tokens of 2 of the 3 newest live sign-ins are refused")
    settings.JWTAUTH = {"SUBJECT_FIELD": "username"}
    sessions.refresh(older.refresh)
    settings.JWTAUTH = {}
    (text,) = told()
    assert text.startswith("The tokens of 3 of the 3 newest live sign-ins are refused")
    LoginSession.objects.all().end()
    assert told() == []
    settings.JWTAUTH = {"SUBJECT_FIELD": "nothing"}
    assert told() == []


def test_tables_that_are_not_there_yet_are_no_trouble(settings, db):
    """The command migrate runs the checks of the database first."""
    settings.SECRET_KEY_FALLBACKS = [OLD_KEY]

    def fail(*args):
        raise ProgrammingError

    with connection.execute_wrapper(fail):
        assert of_tokens() == []


def test_the_shortest_secret_key_that_is_long_enough(settings):
    """32 characters, ten of them different, are not told."""
    settings.SECRET_KEY = "0123456789" * 3 + "01"

    assert ids() == []


# --- REST framework


@pytest.mark.parametrize(
    ("permissions", "told"),
    [
        (None, [check_ids.OPEN_BY_DEFAULT]),
        ([], [check_ids.OPEN_BY_DEFAULT]),
        (["rest_framework.permissions.AllowAny"], [check_ids.OPEN_BY_DEFAULT]),
        (["rest_framework.permissions.IsAuthenticatedOrReadOnly"], []),
    ],
    ids=str,
)
def test_views_that_are_open_by_default_are_told(settings, permissions, told):
    """A view whose author forgot permission_classes must not be open without a word."""
    given = {} if permissions is None else {"DEFAULT_PERMISSION_CLASSES": permissions}
    settings.REST_FRAMEWORK = given

    assert ids() == told


def make_authentication():
    """DRF calls what stands in the setting, so this is one, too."""
    return BasicAuthentication()


OURS = "django_jwtauth.authentication.JWTAuthentication"
STATELESS = "django_jwtauth.authentication.JWTStatelessUserAuthentication"
SESSION = "rest_framework.authentication.SessionAuthentication"
BASIC = "rest_framework.authentication.BasicAuthentication"


@pytest.mark.parametrize(
    ("classes", "told"),
    [
        ([SESSION, OURS], [check_ids.ANSWERS_403]),
        ([SESSION, BASIC, STATELESS], [check_ids.ANSWERS_403]),
        ([OURS, SESSION], []),
        ([BASIC, OURS], []),
        ([SESSION], []),
        ([], []),
        (["tests.test_checks.make_authentication", OURS], []),
    ],
    ids=lambda value: ",".join(name.rpartition(".")[2] for name in value) or "none",
)
def test_a_class_that_makes_refusals_403_is_told(settings, classes, told):
    """DRF asks the first class how to refuse, and only a 401 makes a client refresh."""
    settings.REST_FRAMEWORK = {
        **settings.REST_FRAMEWORK,
        "DEFAULT_AUTHENTICATION_CLASSES": classes,
    }

    assert ids() == told


@pytest.mark.parametrize(
    ("name", "allowed", "told"),
    [
        ("Authorization", None, False),
        ("Authorization", ["accept"], True),
        ("X-Api-Authorization", None, True),
        ("X-Api-Authorization", ["x-api-authorization"], False),
    ],
)
def test_a_header_that_other_origins_cannot_send_is_told(settings, name, allowed, told):
    """Browsers ask first; without django-cors-headers nobody knows the answer."""
    settings.JWTAUTH = {"AUTH_HEADER_NAME": name}
    if allowed is not None:
        settings.CORS_ALLOW_HEADERS = allowed
    assert ids() == []
    with mock.patch.object(apps, "is_installed", lambda app: True):
        assert ids() == [check_ids.HEADER_NOT_ALLOWED] * told


SITES = {"CSRF_COOKIE_SAMESITE": "None", "CSRF_COOKIE_SECURE": True}
SESSIONS = {"SESSION_COOKIE_SAMESITE": "None", "SESSION_COOKIE_SECURE": True}
TRUSTED = {"CSRF_TRUSTED_ORIGINS": ["https://shop.example.net"]}


@pytest.mark.parametrize(
    ("cookies", "others", "told"),
    [
        ({}, {}, []),
        ({"SAMESITE": "None"}, {}, ["W035", "W036"]),
        ({"SAMESITE": "None", "SECURE": False}, {**SITES, **TRUSTED}, ["E011"]),
        ({"SAMESITE": "None"}, {**SITES, **TRUSTED}, []),
        ({"SAMESITE": "None"}, {**SITES, **TRUSTED, "CSRF_COOKIE_SECURE": False}, ["W035"]),
        ({"SAMESITE": "None"}, {**SITES, **TRUSTED, "CSRF_USE_SESSIONS": True}, ["W035"]),
        ({"SAMESITE": "None"}, {**SESSIONS, **TRUSTED, "CSRF_USE_SESSIONS": True}, []),
        ({"DOMAIN": "example.com"}, {"ALLOWED_HOSTS": []}, []),
        ({"DOMAIN": "example.com"}, {"ALLOWED_HOSTS": ["api.example.com"]}, []),
        ({"DOMAIN": "example.com"}, {"ALLOWED_HOSTS": [".Example.com"]}, []),
        ({"DOMAIN": "example.com"}, {"ALLOWED_HOSTS": ["*"]}, []),
        ({"DOMAIN": "example.com"}, {"ALLOWED_HOSTS": ["badexample.com"]}, ["W037"]),
        ({"DOMAIN": "api.example.com"}, {"ALLOWED_HOSTS": ["example.com"]}, ["W037"]),
    ],
)
def test_cookies_that_browsers_refuse_are_told(settings, cookies, others, told):
    """And those of Django that must come along from other sites."""
    for name, value in others.items():
        setattr(settings, name, value)
    settings.JWTAUTH = {"COOKIES": cookies}

    assert sorted(ids()) == [f"jwtauth.{number}" for number in told]


def test_rest_framework_not_installed_is_told():
    """Its templates are found only then."""
    with modify_settings(INSTALLED_APPS={"remove": ["rest_framework"]}):
        assert ids() == [check_ids.REST_FRAMEWORK_MISSING]


# --- the user model


def test_a_user_model_without_an_auth_hash_is_told(monkeypatch):
    """With such a model a new password goes unnoticed."""
    monkeypatch.delattr(AbstractBaseUser, "get_session_auth_hash")
    (message,) = found()

    assert message.id == check_ids.NO_AUTH_HASH
    assert "auth.User" in message.msg


@pytest.mark.parametrize(
    "aliases",
    [{"User": "people"}, {"LoginSession": "tokens"}, {"BlacklistedToken": "tokens"}],
    ids=str,
)
def test_tables_in_several_databases_are_told(settings, aliases):
    """One query joins users, sign-ins and blacklisted tokens."""
    settings.DATABASE_ROUTERS = [fake_router(**aliases)]
    (message,) = found()

    assert message.id == check_ids.SEVERAL_DATABASES
    assert all(f"{model} in '{alias}'" in message.msg for model, alias in aliases.items())


def test_tables_in_another_database_together_are_fine(settings):
    """Which database it is does not matter."""
    router = fake_router(User="a", LoginSession="a", BlacklistedToken="a")
    settings.DATABASE_ROUTERS = [router]

    assert ids() == []


# --- deployment


def test_the_checks_for_deployment_wait_for_it(settings):
    """What is fine on a laptop is told by `check --deploy` only."""
    settings.JWTAUTH = {"ACCESS_TOKEN_LIFETIME": 3601}

    assert ids() == []
    assert check_ids.ACCESS_TOO_LONG in ids(deploy=True)


@pytest.fixture
def no_proxy(settings):
    """Settings that say there is no proxy."""
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "NUM_PROXIES": 0}


@pytest.fixture
def shared_cache(settings, no_proxy):
    """A cache as it should be in production; nothing connects to it."""
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache"}}


@pytest.mark.parametrize(
    ("jwtauth", "told"),
    [
        ({}, []),
        ({"ACCESS_TOKEN_LIFETIME": 3600}, []),
        ({"ACCESS_TOKEN_LIFETIME": 3601}, [check_ids.ACCESS_TOO_LONG]),
        ({"LEEWAY": 60}, []),
        ({"LEEWAY": 61}, [check_ids.LEEWAY_TOO_LONG]),
        ({"COOKIES": {"SECURE": False}}, [check_ids.COOKIES_NOT_SECURE]),
        ({"KEYS": [SHARED]}, []),
    ],
    ids=str,
)
def test_settings_for_a_laptop_are_told(shared_cache, settings, jwtauth, told):
    """Limits for production, at their edges."""
    settings.JWTAUTH = jwtauth

    assert ids(deploy=True) == told


@needs_cryptography
def test_public_keys_need_an_issuer(shared_cache, settings):
    """Others verify these tokens, and must be able to tell whose they are."""
    keys = {"KEYS": [{"algorithm": "ES256", "private_key": make_pem()}]}
    settings.JWTAUTH = keys
    without = ids(deploy=True)
    settings.JWTAUTH = {**keys, "ISSUER": "https://a.example"}

    assert without == [check_ids.NO_ISSUER]
    assert ids(deploy=True) == []


VERIFIES_ITSELF = {"https://a.example": "https://a.example/jwks.json"}


@pytest.mark.parametrize(
    ("jwtauth", "sign"),
    [
        ({}, "/.well-known/jwks.json publishes the public keys"),
        ({"ISSUER": "https://a.example"}, "JWTAUTH['ISSUER'] is set"),
        ({"AUDIENCE": "orders"}, "JWTAUTH['AUDIENCE'] is set"),
        ({"ISSUER": "https://a.example", "ISSUERS": VERIFIES_ITSELF}, None),
        ({"AUDIENCE": "orders", "KEYS": [SHARED]}, None),
    ],
    ids=str,
)
def test_a_derived_key_that_others_would_need_is_told(shared_cache, settings, jwtauth, sign):
    """Nobody else can verify what SECRET_KEY signs, and nobody else should have that key."""
    published = path(".well-known/", include("django_jwtauth.urls.well_known"))
    settings.ROOT_URLCONF = type("URLConf", (), {"urlpatterns": [published]})
    settings.JWTAUTH = jwtauth
    told = found(deploy=True)

    assert [message.id for message in told] == ([check_ids.DERIVED_KEY_SIGNS] if sign else [])
    assert not sign or told[0].msg.startswith(f"{sign}, so other programs")


@pytest.mark.parametrize("urlconf", [None, type("URLConf", (), {"urlpatterns": []})])
def test_a_project_that_publishes_nothing_may_use_the_derived_key(shared_cache, settings, urlconf):
    """Nor one of commands only, which has no URLs at all."""
    settings.ROOT_URLCONF = urlconf

    assert ids(deploy=True) == []


@pytest.mark.parametrize("app", deployment.SECOND_FACTOR_APPS)
def test_a_second_factor_that_is_not_asked_for_is_told(shared_cache, settings, monkeypatch, app):
    """An app for it protects the pages, not the token endpoint."""
    monkeypatch.setattr(deployment.apps, "is_installed", {app, "rest_framework"}.__contains__)
    without = found(deploy=True)
    settings.JWTAUTH = {"HOOKS": {"SIGN_IN": "json.dumps"}}

    assert [message.id for message in without] == [check_ids.SECOND_FACTOR_SKIPPED]
    assert app in without[0].msg
    assert ids(deploy=True) == []


@pytest.mark.parametrize(
    ("jwtauth", "proxies", "told"),
    [
        ({}, None, [check_ids.ADDRESS_OF_THE_PROXY]),
        ({"THROTTLES": {"RATES": {"address": None}}}, None, [check_ids.ADDRESS_OF_THE_PROXY]),
        ({}, 0, []),
        ({}, 1, []),
        ({"HOOKS": {"CLIENT_IP": "json.dumps"}}, None, []),
    ],
)
def test_settings_that_tell_nothing_of_proxies_are_told(
    shared_cache, settings, jwtauth, proxies, told
):
    """No other setting says whether there is a proxy, so silence is no answer."""
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "NUM_PROXIES": proxies}
    settings.JWTAUTH = jwtauth

    assert ids(deploy=True) == told


@pytest.mark.parametrize("backend", deployment.CACHES_NOT_SHARED)
def test_a_cache_that_is_not_shared_is_told(settings, no_proxy, backend):
    """Attempts counted by each process alone are counted too low."""
    settings.CACHES = {"default": {"BACKEND": backend}}
    counted = ids(deploy=True)
    settings.JWTAUTH = {
        "THROTTLES": {"RATES": {"address": None, "account": None, "account_everywhere": None}}
    }

    assert counted == [check_ids.CACHE_NOT_SHARED]
    assert ids(deploy=True) == []


@pytest.mark.parametrize(
    ("version", "release"),
    [
        ((5, 2, 0), "5.2.16"),
        ((5, 2, 14), "5.2.16"),
        ((5, 2, 15), "5.2.16"),
        ((5, 2, 16), None),
        ((5, 2, 30), None),
        ((6, 0, 5), "6.0.7"),
        ((6, 0, 7), None),
        ((6, 1, 0), None),
        ((7, 0, 0), None),
    ],
)
def test_a_django_with_a_hole_is_named(monkeypatch, version, release):
    """The patch release is the project's choice, which it should not make unawares."""
    monkeypatch.setattr(project, "DJANGO_HOLES", HOLES)
    monkeypatch.setattr("django.VERSION", (*version, "final", 0))
    messages = list(project.check_django())

    assert [message.id for message in messages] == (
        [check_ids.DJANGO_HAS_A_HOLE] if release else []
    )
    for message in messages:
        assert f"Install Django {release}," in message.hint
        assert "cache_page()" in message.msg


def test_only_holes_that_are_still_open_are_named(monkeypatch):
    """Each by itself."""
    monkeypatch.setattr(project, "DJANGO_HOLES", HOLES)
    monkeypatch.setattr("django.VERSION", (6, 0, 6, "final", 0))
    (message,) = project.check_django()

    assert "CVE-2026-48588" in message.msg and "bearer" not in message.msg


@pytest.mark.parametrize("backend", deployment.CACHES_WITH_FEW_ENTRIES)
@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({}, [check_ids.CACHE_TOO_SMALL]),
        ({"OPTIONS": None}, [check_ids.CACHE_TOO_SMALL]),
        ({"OPTIONS": {"MAX_ENTRIES": 9_999}}, [check_ids.CACHE_TOO_SMALL]),
        ({"OPTIONS": {"MAX_ENTRIES": "many"}}, [check_ids.CACHE_TOO_SMALL]),
        ({"OPTIONS": {"MAX_ENTRIES": 10_000}}, []),
        ({"MAX_ENTRIES": 10_000}, []),
    ],
)
def test_a_cache_that_throws_counts_away_is_told(settings, no_proxy, backend, options, told):
    """300 entries, unless said otherwise, are counted over by a few addresses."""
    settings.CACHES = {"default": {"BACKEND": backend, "LOCATION": "counts", **options}}

    assert ids(deploy=True) == told
