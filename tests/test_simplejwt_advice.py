"""``jwtauth_doctor --from-simplejwt``: what it tells of a project's settings and code."""

import re
from datetime import datetime, timedelta, timezone
from io import StringIO

import pytest
from django.core.management import call_command
from django.test import override_settings

from django_jwtauth import conf
from django_jwtauth.contrib.simplejwt.move import advice, configuration, source
from django_jwtauth.contrib.simplejwt.move.advice import (
    KEPT,
    MOVED,
    NO_EQUIVALENT,
    SAME,
    advise,
    render,
)
from django_jwtauth.tokens import keyrings
from django_jwtauth.tokens.keymaterial import CRYPTOGRAPHY
from tests.legacy import OWN_KEY, pem
from tests.simplejwt_project import process

NOW = datetime(2026, 11, 24, 15, tzinfo=timezone.utc)


def run():
    out = StringIO()
    call_command("jwtauth_doctor", "--from-simplejwt", stdout=out, no_color=True)
    return out.getvalue()


def read_lines(printed, simple_jwt):
    """Return JWTAUTH as it would be after pasting the lines that were printed."""
    pasted = printed.split("# Settings")[1].split("Keep SIMPLE_JWT")[0]
    names = {"SIMPLE_JWT": simple_jwt}
    exec(pasted, names)
    return names["JWTAUTH"]


# --- the mapping


def test_every_setting_of_simplejwt_has_its_place():
    """Each of the 34 has an equivalent, went into another, or is listed with the reason."""
    process.require_simplejwt()
    from rest_framework_simplejwt.settings import DEFAULTS

    assert len(DEFAULTS) == 34
    assert sorted([*SAME, *MOVED, *KEPT, *NO_EQUIVALENT]) == sorted(DEFAULTS)
    assert set(SAME) | set(MOVED.values()) <= set(advice._OURS)
    assert all([*KEPT.values(), *NO_EQUIVALENT.values()])


def test_the_defaults_of_simplejwt_are_known(settings):
    """What simplejwt does with a setting that is not set is what we take it for."""
    process.require_simplejwt()
    from rest_framework_simplejwt.settings import DEFAULTS

    settings.SIMPLE_JWT = {}
    assert {name: configuration.get(name) for name in DEFAULTS} == {
        **DEFAULTS,
        "SIGNING_KEY": settings.SECRET_KEY,
    }
    del settings.SIMPLE_JWT
    assert configuration.get("ALGORITHM") == "HS256"
    settings.SIMPLE_JWT = None
    assert configuration.get("ALGORITHM") == "HS256"


DEFAULT_LINES = {
    "REFRESH_TOKEN_LIFETIME": timedelta(days=1),
    "ROTATE_REFRESH_TOKENS": False,
    "USER_ID_CLAIM": "user_id",
    "UPDATE_LAST_LOGIN": False,
    "LEGACY": {"DECODER": "django_jwtauth.contrib.simplejwt.decode"},
}


def test_a_project_that_set_nothing(settings):
    """simplejwt's defaults differ from ours, so a project without settings has lines, too."""
    settings.SIMPLE_JWT = {}
    lines = read_lines(run(), {})

    until = lines["LEGACY"].pop("UNTIL")
    assert lines == DEFAULT_LINES
    until = datetime.fromisoformat(until.replace("Z", "+00:00"))
    assert timedelta(days=1) < until - datetime.now(timezone.utc) <= timedelta(days=2)


EQUIVALENTS = {
    "lifetimes": (
        {
            "ACCESS_TOKEN_LIFETIME": timedelta(minutes=90),
            "REFRESH_TOKEN_LIFETIME": timedelta(days=90),
        },
        {
            "ACCESS_TOKEN_LIFETIME": timedelta(minutes=90),
            "REFRESH_TOKEN_LIFETIME": timedelta(days=90),
            "SESSION_LIFETIME": timedelta(days=90),
        },
    ),
    "as ours": (
        {
            "REFRESH_TOKEN_LIFETIME": timedelta(days=7),
            "ROTATE_REFRESH_TOKENS": True,
            "UPDATE_LAST_LOGIN": True,
            "USER_ID_CLAIM": "sub",
        },
        {name: None for name in DEFAULT_LINES if name != "LEGACY"},
    ),
    "parties": (
        {"ISSUER": 'a"b\\', "AUDIENCE": ["a", "b"], "AUTH_HEADER_TYPES": ("JWT",)},
        {"ISSUER": 'a"b\\', "AUDIENCE": ["a", "b"], "AUTH_HEADER_TYPES": ["JWT"]},
    ),
    "header": (
        {"AUTH_HEADER_NAME": "HTTP_X_ACCESS_TOKEN"},
        {"AUTH_HEADER_NAME": "X-Access-Token"},
    ),
    "leeway": ({"LEEWAY": 10}, {"LEEWAY": timedelta(seconds=10)}),
    "leeway too long": ({"LEEWAY": timedelta(hours=1)}, {"LEEWAY": None}),
    "claim": ({"USER_ID_CLAIM": "uid"}, {"USER_ID_CLAIM": "uid"}),
    "another field": ({"USER_ID_FIELD": "email"}, {"USER_ID_CLAIM": None}),
    "another field that is unique": (
        {"USER_ID_FIELD": "username"},
        {"USER_ID_CLAIM": "user_id", "SUBJECT_FIELD": "username"},
    ),
    "a field that is none": ({"USER_ID_FIELD": None}, {"USER_ID_CLAIM": None}),
    "the key by another name": ({"USER_ID_FIELD": "pk"}, {"USER_ID_CLAIM": "user_id"}),
    "own secret": (
        {"SIGNING_KEY": OWN_KEY, "ALGORITHM": "HS512"},
        {"KEYS": [{"algorithm": "HS512", "secret": OWN_KEY}]},
    ),
    "short secret": ({"SIGNING_KEY": "short"}, {"KEYS": None}),
    "remote keys": (
        {"ALGORITHM": "ES256", "JWK_URL": "https://a.example/jwks", "ISSUER": "https://a.example"},
        {"ISSUERS": {"https://a.example": "https://a.example/jwks"}, "ISSUER": "https://a.example"},
    ),
    "remote keys of nobody": (
        {"ALGORITHM": "ES256", "JWK_URL": "https://a.example/jwks"},
        {"ISSUERS": None},
    ),
}


@pytest.mark.parametrize("name", EQUIVALENTS)
def test_lines_can_be_pasted(settings, name):
    """The lines are Python, the settings are sound, and mean what SIMPLE_JWT meant."""
    settings.SIMPLE_JWT, changed = EQUIVALENTS[name]
    lines = read_lines(run(), settings.SIMPLE_JWT)
    with override_settings(JWTAUTH=lines):
        assert conf.find_problems() == []
        assert keyrings.find_problems() == []
    del lines["LEGACY"]["UNTIL"]
    expected = {**DEFAULT_LINES, **changed}
    assert lines == {name: value for name, value in expected.items() if value is not None}


@pytest.mark.skipif(not CRYPTOGRAPHY, reason="needs cryptography")
@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_key_pairs_are_taken_over(settings, algorithm):
    """The private key stays where it is; the lines refer to it."""
    settings.SIMPLE_JWT = pem(algorithm)
    lines = read_lines(run(), settings.SIMPLE_JWT)

    private = settings.SIMPLE_JWT["SIGNING_KEY"]
    assert lines["KEYS"] == [{"algorithm": algorithm, "private_key": private}]
    with override_settings(JWTAUTH=lines):
        assert keyrings.get_access_ring().signer().algorithm == algorithm


SECRETS = [
    {"SIGNING_KEY": "s3cret-which-is-long-enough-to-be-taken-over"},
    {"SIGNING_KEY": "s3cret"},
    {"SIGNING_KEY": ["s3cret"]},
    {"ALGORITHM": "RS256", "SIGNING_KEY": "s3cret", "VERIFYING_KEY": "s3cret"},
    {"ALGORITHM": "s3cret", "SIGNING_KEY": "s3cret"},
]


@pytest.mark.parametrize("simple_jwt", SECRETS, ids=range(len(SECRETS)))
def test_no_secret_is_shown(settings, simple_jwt):
    """Neither a key that fits nor one that does not."""
    settings.SIMPLE_JWT = simple_jwt
    printed = run()

    assert "s3cret" not in printed.replace('"algorithm": "s3cret"', "")
    assert settings.SECRET_KEY not in printed
    assert "PRIVATE" not in printed


def test_remarks(settings):
    """What has no equivalent is named with the reason, and so is what never had an effect."""
    settings.SIMPLE_JWT = {
        **dict.fromkeys([*KEPT, *NO_EQUIVALENT], None),
        "AUTH_TOKEN_CLASSES": ("shop.tokens.Token",),
        "SLIDING_TOKEN_REFRESH_LIFETIME": timedelta(days=30),
        "USER_ID_FIELD": "email",
        "LEEWAY ": 10,
    }
    printed = run()

    for name, reason in [*KEPT.items(), *NO_EQUIVALENT.items()]:
        assert f"- {name}: {reason}." in printed
    assert "- LEEWAY : simplejwt has no such setting: it never had an effect." in printed
    assert 'let HOOKS["CLAIMS"] return {"user_id": str(user.email)}.' in printed
    assert ".." not in printed


def test_keys_that_are_fetched_need_an_issuer(settings):
    """simplejwt fetched them without one; here they are listed by issuer."""
    settings.SIMPLE_JWT = {"ALGORITHM": "ES256", "JWK_URL": "https://a.example/jwks"}

    assert "- JWK_URL: set ISSUER to the iss claim of the tokens" in run()


def test_default_values_need_no_remark(settings):
    """A setting that the project did not set is not talked about."""
    settings.SIMPLE_JWT = {"REFRESH_TOKEN_LIFETIME": timedelta(days=2)}

    assert set(advise().remarks) == {"KEYS", "ROTATE_REFRESH_TOKENS"}


@pytest.mark.parametrize(
    "simple_jwt, until",
    [
        ({}, "2026-11-26"),
        ({"REFRESH_TOKEN_LIFETIME": timedelta(days=90)}, "2027-02-23"),
        ({"ACCESS_TOKEN_LIFETIME": timedelta(days=7)}, "2026-12-02"),
        ({"SLIDING_TOKEN_REFRESH_LIFETIME": timedelta(days=30)}, "2026-11-26"),
        (
            {
                "SLIDING_TOKEN_REFRESH_LIFETIME": timedelta(days=30),
                "AUTH_TOKEN_CLASSES": ["rest_framework_simplejwt.tokens.SlidingToken"],
            },
            "2026-12-25",
        ),
        ({"REFRESH_TOKEN_LIFETIME": timedelta(days=36500000)}, "2036-11-22"),
    ],
    ids=["default", "refresh", "access", "no-sliding", "sliding", "for-ever"],
)
def test_until_outlives_every_token(settings, simple_jwt, until):
    """The midnight after the last token of simplejwt's; ten years are for ever."""
    settings.SIMPLE_JWT = simple_jwt

    assert f'"UNTIL": "{until}T00:00:00Z",' in advise(NOW).lines["LEGACY"]


@pytest.mark.parametrize(
    "value, source",
    [
        (timedelta(days=2), "timedelta(days=2)"),
        (timedelta(hours=36), "timedelta(hours=36)"),
        (timedelta(minutes=90), "timedelta(minutes=90)"),
        (timedelta(seconds=90), "timedelta(seconds=90)"),
        (timedelta(milliseconds=1500), "timedelta(seconds=1.5)"),
        (timedelta(0), "timedelta(seconds=0)"),
        (["a", ("b",)], '["a", ["b"]]'),
        (True, "True"),
    ],
)
def test_values_as_people_write_them(value, source):
    """Durations in the largest unit that fits."""
    assert render(value) == source


@pytest.mark.urls("tests.urls")
def test_a_project_that_has_moved(settings, monkeypatch):
    """Nothing is left to do; and nothing else is checked, nor anybody signed in."""
    monkeypatch.setattr(source, "find_files", lambda: source.Files([], True))

    assert run().endswith("# Imports, settings and URLs\n\nNothing of simplejwt is left.\n")


def test_a_real_project():
    """The project of the tests: its settings, imports and URLs are all found."""
    process.require_simplejwt()
    done = process.manage("jwtauth_doctor", "--from-simplejwt")

    assert '"UPDATE_LAST_LOGIN": False' in done
    theirs = r"rest_framework_simplejwt\.authentication\.JWTAuthentication"
    assert re.search(rf"tests/simplejwt_project/settings\.py:\d+: {theirs}\n", done)
    assert "REST_FRAMEWORK[" not in done
    assert re.search(r"tests/simplejwt_project/urls\.py:\d+: rest_framework_simplejwt\.views", done)
    assert "/api/token/blacklist/: rest_framework_simplejwt.views.TokenBlacklistView" in done
    assert "-> django_jwtauth.contrib.simplejwt.views.TokenBlacklistView" in done
