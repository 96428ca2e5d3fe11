import re
import sys
import traceback
from dataclasses import fields, replace
from datetime import datetime, timedelta
from operator import attrgetter
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.test import override_settings
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from django_jwtauth.conf import Settings, call_hook, find_problems, get_settings
from django_jwtauth.conf.reading import FORMER, SIMPLEJWT
from django_jwtauth.conf.schema import GROUPS

FLAT = [item.name for item in fields(Settings) if item.name not in GROUPS]
#: The names of all settings; a dot leads into a group.
NAMES = [
    *FLAT,
    *(f"{name}.{item.name}" for name, group in GROUPS.items() for item in fields(group)),
]
CANARY = "kT9vQ2-never_to_be_shown.xZ7+w"

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
    "LEGACY.DECODER": [7, "json.no_such_name"],
    "LEGACY.UNTIL": ["", 7, "tomorrow", "2026-11-01", datetime(2026, 11, 1)],
    "CLIENTS": [None, [], {"gateway": "secret"}, {"gateway": ""}, {"": "a$b"}, {"gateway": 7}],
    "OAUTH_PASSWORD_GRANT": [None, 1],
    "API_TOKENS.MAX_LIFETIME": [None, 0, timedelta(days=36501)],
    "API_TOKENS.MAX_PER_USER": [0, True, 2**31],
    "API_TOKENS.SURVIVE_PASSWORD_CHANGE": [None, 1],
    "COOKIES.NAME": [None, "", "a b", "__Host-shop", "é", "x" * 51, "a;b"],
    "COOKIES.SECURE": [None, 1],
    "COOKIES.SAMESITE": [None, "None", "lax", []],
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
    "COOKIES.NAME": [("jwtauth", "jwtauth"), ("shop-2", "shop-2")],
    "REFRESH_GRACE_PERIOD": [(0, timedelta(0)), (300, timedelta(minutes=5))],
    "LEEWAY": [(0.5, timedelta(milliseconds=500))],
    "ISSUER": [(None, None), ("https://a.example", "https://a.example")],
    "AUDIENCE": [(None, ()), ("api", ("api",)), (["a", "b"], ("a", "b")), ([], ())],
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


def nest(name, value):
    """Return the ``JWTAUTH`` that gives one setting a value."""
    first, *rest = name.split(".")
    return {first: nest(*rest, value) if rest else value}


def read(name):
    """Return the value of one setting."""
    return attrgetter(name)(get_settings())


def pairs(table):
    return [
        pytest.param(name, value, id=f"{name}: {ascii(value)[:60]}")
        for name, values in table.items()
        for value in values
    ]


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner),
    max_leaves=8,
)

inside = st.dictionaries(
    st.sampled_from([name.partition(".")[2] for name in NAMES if "." in name]) | st.text(),
    json_like,
)


# --- values


def test_no_setting_is_needed(settings):
    """A project without JWTAUTH gets the defaults, and nothing is wrong with them."""
    assert not hasattr(settings, "JWTAUTH")
    assert get_settings() == Settings()
    assert find_problems() == []


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


@pytest.mark.parametrize("value", [None, [], "JWTAUTH", 7, {"KEYS"}])
def test_the_whole_must_be_a_dict(settings, value):
    """A JWTAUTH of another type is one problem, and raises."""
    settings.JWTAUTH = value

    assert [str(problem) for problem in find_problems()] == ["JWTAUTH must be a dict."]
    with pytest.raises(ImproperlyConfigured, match=r"^JWTAUTH must be a dict\.$"):
        get_settings()


@pytest.mark.parametrize("value", [None, [], "Lax", 7, True, {"NAME"}])
@pytest.mark.parametrize("group", GROUPS)
def test_a_group_must_be_a_dict(settings, group, value):
    """A group of another type is one problem, which says what the group takes."""
    settings.JWTAUTH = {group: value}

    names = ", ".join(item.name for item in fields(GROUPS[group]))
    assert [str(problem) for problem in find_problems()] == [
        f"JWTAUTH['{group}'] must be a dict with some of {names}."
    ]


def test_what_a_group_leaves_out_has_its_default(settings):
    """One name of a group is given: the others keep their values."""
    settings.JWTAUTH = {"COOKIES": {"NAME": "shop"}}

    assert replace(Settings().COOKIES, NAME="shop") == get_settings().COOKIES


def test_all_problems_are_told_at_once(settings):
    """Whoever corrects settings sees the whole list, sorted; the first one is raised."""
    settings.JWTAUTH = {
        "LEEWAY": -1,
        "AUDIENCE": 7,
        "NONSENSE": 1,
        "COOKIES": {"SECURE": 1, "NAME": "", "PATH": "/"},
    }

    assert [".".join(problem.where) for problem in find_problems()] == [
        "AUDIENCE",
        "COOKIES.NAME",
        "COOKIES.PATH",
        "COOKIES.SECURE",
        "LEEWAY",
        "NONSENSE",
    ]
    with pytest.raises(ImproperlyConfigured, match="AUDIENCE"):
        get_settings()


def test_messages_name_the_setting_and_the_limit(settings):
    """A message says where to look and what would be right."""
    settings.JWTAUTH = {"LEEWAY": 301, "SESSION_LIFETIME": timedelta(days=40000)}

    assert [str(problem) for problem in find_problems()] == [
        "JWTAUTH['LEEWAY'] must be at most 5 minutes.",
        "JWTAUTH['SESSION_LIFETIME'] must be at most 36500 days.",
    ]


# --- names


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("ACCESS_TOKEN_LIFETIM", "did you mean 'ACCESS_TOKEN_LIFETIME'?"),
        ("access_token_lifetime", "did you mean 'ACCESS_TOKEN_LIFETIME'?"),
        (" KEYS ", "did you mean 'KEYS'?"),
        ("CLAIM_HOOK", "did you mean JWTAUTH['HOOKS']['CLAIMS']?"),
        ("SAMESITE", "did you mean JWTAUTH['COOKIES']['SAMESITE']?"),
        ("SIGNING_KEY", "KEYS"),
        ("BLACKLIST_AFTER_ROTATION", "always so"),
        ("AUTH_HEADER_NAME", "remove it"),
        ("NONSENSE", "see the settings page"),
        (7, "see the settings page"),
        (None, "see the settings page"),
    ],
)
def test_an_unknown_name_is_a_problem_with_a_hint(settings, name, hint):
    """A misspelt name is never ignored; one that simplejwt had says what became of it."""
    settings.JWTAUTH = {name: 1}
    (problem,) = find_problems()

    assert problem.where == (str(name),)
    assert "is not a setting" in problem.message
    assert hint in problem.message


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("SAMESIT", "did you mean 'SAMESITE'?"),
        ("same_site", "did you mean 'SAMESITE'?"),
        ("COOKIE_NAME", "is now JWTAUTH['COOKIES']['NAME']."),
        ("LEEWAY", "see the settings page"),
        (7, "see the settings page"),
    ],
)
def test_an_unknown_name_in_a_group_is_a_problem_with_a_hint(settings, name, hint):
    """It names the group, too, and what resembles it in there."""
    settings.JWTAUTH = {"COOKIES": {name: 1}}
    (problem,) = find_problems()

    assert str(problem).startswith(f"JWTAUTH['COOKIES'][{str(name)!r}] ")
    assert hint in problem.message


def test_the_hints_hide_no_setting():
    """No name that exists is called unknown, and simplejwt's names are not our former ones."""
    assert not {*FLAT, *GROUPS} & {*SIMPLEJWT, *FORMER}
    assert not {*SIMPLEJWT} & {*FORMER}


#: The names that a project may have from before there were groups, and what became of each.
MOVED = {
    "API_TOKENS_SURVIVE_PASSWORD_CHANGE": "API_TOKENS.SURVIVE_PASSWORD_CHANGE",
    "API_TOKEN_MAX_LIFETIME": "API_TOKENS.MAX_LIFETIME",
    "CLAIMS_HOOK": "HOOKS.CLAIMS",
    "CLIENT_IP_HOOK": "HOOKS.CLIENT_IP",
    "COOKIE_NAME": "COOKIES.NAME",
    "COOKIE_SAMESITE": "COOKIES.SAMESITE",
    "COOKIE_SECURE": "COOKIES.SECURE",
    "GROUPS_CLAIM": "CLAIMS.GROUPS",
    "JWKS_URL": "ISSUERS",
    "LEGACY_DECODER": "LEGACY.DECODER",
    "LEGACY_UNTIL": "LEGACY.UNTIL",
    "MAX_API_TOKENS_PER_USER": "API_TOKENS.MAX_PER_USER",
    "ONE_TIME_PURPOSES": "ONE_TIME.PURPOSES",
    "PERMISSIONS_CLAIM": "CLAIMS.PERMISSIONS",
    "SCOPES_HOOK": "HOOKS.SCOPES",
    "SIGN_IN_HOOK": "HOOKS.SIGN_IN",
    "TENANT_HOOK": "HOOKS.TENANT",
    "THROTTLE_CACHE": "THROTTLES.CACHE",
    "THROTTLE_RATES": "THROTTLES.RATES",
    "TRUSTED_ISSUERS": "ISSUERS",
}


@pytest.mark.parametrize("name", MOVED)
def test_a_former_name_says_where_it_is_now(settings, name):
    """A project written before there were groups is told each name's new place by the checks."""
    settings.JWTAUTH = {name: None}
    place = "".join(f"[{part!r}]" for part in MOVED[name].split("."))
    with pytest.raises(SystemCheckError) as told:
        call_command("check")

    (line,) = [line for line in str(told.value).splitlines() if "E002" in line]
    assert re.search(rf"JWTAUTH\['{name}'\] is now .*JWTAUTH{re.escape(place)}[.,]", line)
    assert MOVED[name] in NAMES
    assert set(MOVED) == set(FORMER)


def test_every_former_name_is_told_at_once(settings):
    """Nobody has to run the checks twenty times."""
    settings.JWTAUTH = dict.fromkeys(FORMER)
    with pytest.raises(SystemCheckError) as told:
        call_command("check")

    assert all(
        f"JWTAUTH['{name}'] is now {place}." in str(told.value) for name, place in FORMER.items()
    )


# --- freshness


def test_override_settings_takes_effect_at_once():
    """Settings are not frozen when first read, and come back after an override."""
    before = get_settings()
    with override_settings(JWTAUTH={"LEEWAY": 7}):
        during = get_settings()

    assert timedelta(seconds=7) == during.LEEWAY
    assert get_settings() == before


def test_settings_are_parsed_once():
    """Reading them is cheap: the same object comes back."""
    assert get_settings() is get_settings()


def test_a_misspelt_attribute_is_an_error():
    """Code that reads a setting there is not fails at that line."""
    with pytest.raises(AttributeError):
        get_settings().LEEWEY  # noqa: B018


# --- hooks


def test_without_a_hook_nothing_is_called():
    """A hook that is not set gives None."""
    assert call_hook(None, "a", "b") is None


def test_a_hook_gets_the_arguments(settings):
    """A dotted path is imported and called."""
    settings.JWTAUTH = {"HOOKS": {"CLAIMS": "json.loads"}}

    assert call_hook(get_settings().HOOKS.CLAIMS, '{"a": 1}') == {"a": 1}


def test_a_hook_whose_module_fails_is_told(settings, tmp_path, monkeypatch):
    """Whatever a module of the project raises on import becomes a problem of the setting."""
    Path(tmp_path, "broken_hooks.py").write_text("1 / 0")
    monkeypatch.syspath_prepend(tmp_path)
    settings.JWTAUTH = {"HOOKS": {"CLAIMS": "broken_hooks.claims"}}
    (problem,) = find_problems()

    assert "cannot be imported: ZeroDivisionError: division by zero" in problem.message


# --- rubbish and secrets


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    given=st.dictionaries(st.sampled_from(FLAT) | st.text(), json_like)
    | st.fixed_dictionaries({}, optional=dict.fromkeys(GROUPS, inside))
    | json_like
)
def test_no_rubbish_breaks_the_reading_of_settings(settings, given):
    """Any JWTAUTH is either good, or told as a problem; nothing else is ever raised."""
    settings.JWTAUTH = given
    problems = find_problems()

    try:
        assert isinstance(get_settings(), Settings)
        assert problems == []
    except ImproperlyConfigured as error:
        assert str(problems[0]) == str(error)


def hide(value):
    """The ways in which a secret may end up in a setting that is not for it."""
    return [
        value,
        value.encode(),
        Path(value),
        [value, 7],
        {"secret": value},
        [{"secret": value}, 7],
        f"-----BEGIN PRIVATE KEY-----\n{value}\n-----END PRIVATE KEY-----",
    ]


@pytest.mark.parametrize("value", hide(CANARY), ids=range(len(hide(CANARY))))
@pytest.mark.parametrize("name", NAMES)
def test_no_message_shows_a_value(settings, name, value):
    """A secret put into the wrong setting is not shown by what tells so."""
    settings.JWTAUTH = {**nest(name, value), "LEEWAY": CANARY}
    problems = find_problems()
    with pytest.raises(ImproperlyConfigured) as caught:
        get_settings()

    assert CANARY not in " ".join(map(str, [*problems, caught.value]))


def test_settings_do_not_show_keys(settings):
    """A Settings in a log line or an error report has no key in it."""
    settings.JWTAUTH = {"KEYS": [{"algorithm": "HS256", "secret": CANARY}]}
    conf = get_settings()

    assert conf.KEYS[0]["secret"] == CANARY
    assert CANARY not in repr(conf) + repr(conf.KEYS) + repr(dict(conf.KEYS[0]))


def test_no_local_variable_of_the_error_shows_a_key(settings):
    """An error report shows every frame's variables: none of our frames holds a key."""
    settings.JWTAUTH = {"KEYS": [{"algorithm": "HS256", "secret": CANARY}], "LEEWAY": -1}
    try:
        get_settings()
    except ImproperlyConfigured:
        report = traceback.TracebackException(*sys.exc_info(), capture_locals=True)

    assert "problems" in "".join(report.format())
    assert CANARY not in "".join(report.format())
