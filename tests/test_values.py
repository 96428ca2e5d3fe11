"""What each setting may be, and what becomes of it."""

import re
from datetime import datetime, timedelta

import pytest
from django.core.exceptions import ImproperlyConfigured

from django_jwtauth.conf import find_problems, get_settings
from tests.given import NAMES, nest, read

#: For each setting, values that are refused. A dot leads into a group.
BAD = {
    "ACCESS_TOKEN_LIFETIME": [None, "5m", True, -1, 0, 0.5, float("nan"), float("inf"), 10**400],
    "REFRESH_TOKEN_LIFETIME": [None, 0, timedelta(days=36501)],
    "SESSION_LIFETIME": [None, 0, timedelta.max],
    "REFRESH_GRACE_PERIOD": [None, -1, 301],
    "ROTATE_REFRESH_TOKENS": [None, 1, "yes"],
    "LEEWAY": [None, -1, 301],
    "ISSUER": ["", 7, b"me", "a\nb", "\ud800"],
    "AUDIENCE": ["", [""], [7], {"api"}, [None]],
    "KEYS": [None, "PEM", {}, [None], ["PEM"]],
    "ACCESS_TOKEN_TYP": [None, "", "jwt", "AT+JWT", []],
    "AUTH_HEADER_NAME": [
        *(None, "", 7, "X Auth", "X-Auth:", "X_Auth", "Träger-Auth", "a\r\nAuth", "HTTP_"),
        *("Cookie", "Host", "X-Secret", "Proxy-Authorization", "Sec-Auth"),
    ],
    "AUTH_HEADER_TYPES": [None, "", [], ["Bearer "], ["a,b"], ["Träger"], ["a\r\nb"]],
    "USER_ID_CLAIM": ["", 7, "sub", "exp", "scope"],
    "MAX_SESSIONS_PER_USER": [0, -1, True, 1.0, "3", 2**31],
    "AUDIT_RETENTION": [None, -1],
    "UPDATE_LAST_LOGIN": [None, "no", 0],
    "HOOKS.CLAIMS": ["", 7, len, "claims", ".claims", "..claims", "a.", "a b.c", "a\0.b"],
    "HOOKS.SIGN_IN": ["no.such.module", "json.no_such_name", "json.__name__"],
    "HOOKS.CLIENT_IP": [[], "json..dumps"],
    "HOOKS.TENANT": [7, "json.no_such_name"],
    "HOOKS.SCOPES": [7, "json.no_such_name"],
    "HOOKS.LIFETIMES": [7, "json.no_such_name"],
    "SESSION_LIFETIME_NOT_REMEMBERED": [0, -1, "1h", True, timedelta(days=36501)],
    "LEGACY.DECODER": [7, "json.no_such_name"],
    "LEGACY.UNTIL": ["", 7, "tomorrow", "2026-11-01", datetime(2026, 11, 1)],
    "CLIENTS": [None, [], {"gateway": "secret"}, {"gateway": ""}, {"": "a$b"}, {"gateway": 7}],
    "OAUTH_PASSWORD_GRANT": [None, 1],
    "API_TOKENS.MAX_LIFETIME": [None, 0, timedelta(days=36501)],
    "API_TOKENS.MAX_PER_USER": [0, True, 2**31],
    "API_TOKENS.SURVIVE_PASSWORD_CHANGE": [None, 1],
    "COOKIES.NAME": [None, "", "a b", "__Host-shop", "é", "x" * 51, "a;b"],
    "COOKIES.SECURE": [None, 1],
    "COOKIES.SAMESITE": [None, "none", "lax", []],
    "COOKIES.DOMAIN": [
        *("", 7, "localhost", "10.0.0.1", "a b.example", "https://example.com", "example.com/"),
        *("example.com:80", "-a.example", "é.example", "a..example", "[::1]", "example.com; x"),
    ],
    "NOTICES.BASE_URL": [
        *("", 7, "shop.example", "ftp://a.example", "https://a.example/app", "https://u@a.example"),
        *("https://a.example?x=1", "http://["),
    ],
    "NOTICES.PASSWORD_RESET_URL": ["", 7, "a\nb"],
    "NOTICES.LANGUAGE": ["", 7, "json.no_such_name"],
    "NOTICES.FROM_EMAIL": ["", 7, "a\nb"],
    "NOTICES.KINDS": [None, 7, ["new_devices"], [""]],
    "NOTICES.WARN_BEFORE": [None, 0, -1],
    "ONE_TIME.PURPOSES": [None, 1, [""], ["x" * 65], "sign_in", ["download", "sign_in"]],
    "RECENT_SIGN_IN": [
        None,
        timedelta(minutes=5),
        {"cookie": 0},
        {"cookie": "15 min"},
        {"header": -1},
        {"cookies": None},
    ],
    "THROTTLES.RATES": [None, [], {"address": 60}, {"address": "0/min"}, {"nobody": "1/min"}],
    "THROTTLES.CACHE": [None, "no such cache", []],
    "SUBJECT_FIELD": ["", 7, "email__iexact", "-email", "public id", ["email"]],
    "TOKEN_CACHE_SIZE": [None, -1, True, 2**31],
    "ISSUERS": [
        None,
        [],
        {"": "https://a.example"},
        {"a": None},
        {"a": 7},
        {"a": "keys.example"},
        {"a": "ftp://a.example"},
        {"a": "http://a.example"},
        {"a": "http://["},
        {"a": {}},
        {"a": {"claims": True}},
        {"a": {"jwks_url": "http://a.example"}},
        {"a": {"jwks_url": "https://a.example", "claims": 1}},
        {"a": {"jwks_url": "https://a.example", "claim": True}},
        {"a": {"jwks_url": "https://a.example", "max_lifetime": 0}},
        {"a": ["https://a.example"]},
    ],
    "CLAIMS.GROUPS": ["", "sub"],
    "CLAIMS.PERMISSIONS": ["", "scope"],
}


#: For each setting, values at the edge of what is refused, and what becomes of them.
GOOD = {
    "ACCESS_TOKEN_LIFETIME": [(1, timedelta(seconds=1)), (timedelta(hours=2), timedelta(hours=2))],
    "REFRESH_TOKEN_LIFETIME": [(timedelta(days=36500), timedelta(days=36500))],
    "COOKIES.DOMAIN": [
        (None, None),
        ("Example.com", "example.com"),
        (".shop.example.co.uk", "shop.example.co.uk"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
    ],
    "COOKIES.SAMESITE": [("None", "None")],
    "COOKIES.NAME": [("jwtauth", "jwtauth"), ("shop-2", "shop-2")],
    "SESSION_LIFETIME_NOT_REMEMBERED": [(None, None), (3600, timedelta(hours=1))],
    "REFRESH_GRACE_PERIOD": [(0, timedelta(0)), (300, timedelta(minutes=5))],
    "LEEWAY": [(0.5, timedelta(milliseconds=500))],
    "ISSUER": [(None, None), ("https://a.example", "https://a.example")],
    "AUDIENCE": [(None, ()), ("api", ("api",)), (["a", "b"], ("a", "b")), ([], ())],
    "AUTH_HEADER_NAME": [
        ("Authorization", "Authorization"),
        ("x-api-authorization", "X-Api-Authorization"),
        ("HTTP_X_ACCESS_TOKEN", "X-Access-Token"),
    ],
    "AUTH_HEADER_TYPES": [("JWT", ("JWT",)), (["Bearer", "JWT"], ("Bearer", "JWT"))],
    "USER_ID_CLAIM": [("user_id", "user_id"), (None, None)],
    "MAX_SESSIONS_PER_USER": [(None, None), (1, 1), (2**31 - 1, 2**31 - 1)],
    "RECENT_SIGN_IN": [
        ({}, {"cookie": timedelta(minutes=15), "header": None}),
        ({"cookie": None}, {"cookie": None, "header": None}),
        (
            {"header": 60},
            {"cookie": timedelta(minutes=15), "header": timedelta(minutes=1)},
        ),
    ],
    "AUDIT_RETENTION": [(0, timedelta(0))],
    "HOOKS.CLAIMS": [(None, None), ("json.dumps", "json.dumps")],
}


def pairs(table):
    return [
        pytest.param(name, value, id=f"{name}: {ascii(value)[:60]}")
        for name, values in table.items()
        for value in values
    ]


@pytest.mark.parametrize(("name", "value"), pairs(BAD))
def test_bad_values_are_refused(settings, name, value):
    """Each rule of each setting is told as a problem of that setting, and of no other."""
    settings.JWTAUTH = nest(name, value)

    (problem,) = find_problems()
    assert ".".join(problem.where) == name
    place = "".join(f"[{part!r}]" for part in name.split("."))
    assert str(problem).startswith(f"JWTAUTH{place} ")
    with pytest.raises(ImproperlyConfigured, match=re.escape(str(problem))):
        get_settings()


def test_every_setting_has_a_rule():
    """No setting takes everything: each has values in BAD, at the top of this file."""
    assert set(NAMES) == set(BAD)


@pytest.mark.parametrize(("name", "case"), pairs(GOOD))
def test_good_values_are_normalised(settings, name, case):
    """What a setting takes becomes the one type that the code reads."""
    value, expected = case
    settings.JWTAUTH = nest(name, value)

    assert expected == read(name)
