"""``JWTAUTH`` is read whole, or every problem is told, and no value."""

import re
import sys
import traceback
from dataclasses import fields, replace
from datetime import timedelta

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from django_jwtauth.conf import Settings, find_problems, get_settings
from django_jwtauth.conf.reading import FORMER, SIMPLEJWT
from django_jwtauth.conf.schema import GROUPS
from tests.given import CANARY, FLAT, NAMES, hide, inside, json_like, nest


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
        ("BLACKLIST_AFTER_ROTATION", "always on"),
        ("USER_ID_FIELD", 'it is called "SUBJECT_FIELD" here'),
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


# --- rubbish and secrets


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    jwtauth=st.dictionaries(st.sampled_from(FLAT) | st.text(), json_like)
    | st.fixed_dictionaries({}, optional=dict.fromkeys(GROUPS, inside))
    | json_like
)
def test_no_rubbish_breaks_the_reading_of_settings(settings, jwtauth):
    """Any JWTAUTH is either good, or told as a problem; nothing else is ever raised."""
    settings.JWTAUTH = jwtauth
    problems = find_problems()

    try:
        assert isinstance(get_settings(), Settings)
        assert problems == []
    except ImproperlyConfigured as error:
        assert str(problems[0]) == str(error)


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
