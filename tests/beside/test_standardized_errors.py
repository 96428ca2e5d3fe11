"""The real drf-standardized-errors, with the formatter of docs/errors.md and without."""

import pytest

pytest.importorskip("drf_standardized_errors")

from django.urls import reverse

from tests.pages import read_blocks
from tests.shell import ROOT

pytestmark = pytest.mark.django_db

[RECIPE] = [
    block.code
    for block in read_blocks(ROOT / "docs" / "errors.md")
    if "ExceptionFormatter" in block.code
]
RefusalFormatter: type
exec(compile(RECIPE, "docs/errors.md", "exec"))


@pytest.fixture(params=[None, f"{__name__}.RefusalFormatter"], ids=["as it comes", "recipe"])
def formatter(request, settings):
    settings.REST_FRAMEWORK = {
        **settings.REST_FRAMEWORK,
        "EXCEPTION_HANDLER": "drf_standardized_errors.handler.exception_handler",
    }
    settings.DRF_STANDARDIZED_ERRORS = (
        {"EXCEPTION_FORMATTER_CLASS": request.param} if request.param else {}
    )
    return request.param


REFUSED = {
    "wrong password": (lambda api: api.obtain("anna", "wrong"), 401, "invalid_credentials"),
    "refresh token": (lambda api: api.refresh("x"), 401, "malformed"),
    "access token": (lambda api: api.protected("x"), 401, "malformed"),
    "no token": (lambda api: api.get(reverse("jwtauth_me")), 401, "not_authenticated"),
    "too many": (
        lambda api: [api.obtain("anna", "wrong") for _ in range(3)][-1],
        429,
        "throttled",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_refusal_is_a_client_error(api, user, settings, formatter, name):
    """With its status and its headers; in one error with the recipe, its reason the code."""
    settings.JWTAUTH = {"THROTTLES": {"RATES": {"account": "2/min"}}}
    send, status, reason = REFUSED[name]

    answer = send(api)

    assert answer.status_code == status
    assert answer["Retry-After" if status == 429 else "WWW-Authenticate"]
    assert answer.json()["type"] == "client_error"
    errors = answer.json()["errors"]
    assert errors[0]["detail"]
    if formatter:
        assert [(each["code"], each["attr"]) for each in errors] == [(reason, None)]


def test_a_missing_field_is_a_validation_error(api, formatter):
    """The formatter leaves other errors alone."""
    answer = api.post(reverse("token_obtain_pair"), {"username": "anna"})

    assert answer.json()["type"] == "validation_error"
    assert answer.json()["errors"][0]["attr"] == "password"
