import pickle

import pytest
from django.utils import translation
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from django_jwtauth import exceptions
from django_jwtauth.exceptions import AuthError, TokenError

FAMILY = {
    name: value
    for name, value in vars(exceptions).items()
    if isinstance(value, type) and issubclass(value, AuthError)
}
CONCRETE = {name: error for name, error in FAMILY.items() if hasattr(error, "reason")}

# reason: (code, detail). Clients depend on every word: codes and sentences are simplejwt's.
CONTRACT = {
    "not_authenticated": (
        "not_authenticated",
        "Authentication credentials were not provided.",
    ),
    "bad_header": (
        "bad_authorization_header",
        "Authorization header must contain two space-delimited values",
    ),
    "malformed": ("token_not_valid", "Token is invalid"),
    "bad_signature": ("token_not_valid", "Token is invalid"),
    "wrong_type": ("token_not_valid", "Token has wrong type"),
    "expired": ("token_not_valid", "Token is expired"),
    "not_yet_valid": ("token_not_valid", "Token is invalid"),
    "wrong_issuer": ("token_not_valid", "Token is invalid"),
    "too_long_lived": ("token_not_valid", "Token is invalid"),
    "no_tenant": ("token_not_valid", "No token is accepted here"),
    "wrong_audience": ("token_not_valid", "Token is invalid"),
    "user_not_found": ("user_not_found", "User not found"),
    "blacklisted": ("token_not_valid", "Token is blacklisted"),
    "session_ended": ("token_not_valid", "Token is blacklisted"),
    "acting_ended": ("token_not_valid", "Token is blacklisted"),
    "acting_refused": ("acting_refused", "You may not act for other users."),
    "user_inactive": ("user_inactive", "User is inactive"),
    "credentials_changed": ("password_changed", "The user's password has been changed."),
    "reused": ("token_not_valid", "Token is blacklisted"),
    "generation_unknown": ("token_not_valid", "Token is invalid"),
    "invalid_credentials": (
        "no_active_account",
        "No active account found with the given credentials",
    ),
    "sign_in_refused": ("sign_in_refused", "Signing in needs another step"),
    "mfa_required": ("mfa_required", "Signing in needs a second factor"),
    "unusable_key": ("unusable_key", "This account cannot sign in here"),
    "unstorable_text": (
        "invalid",
        "A text is too long or has characters that cannot be stored here",
    ),
    "insufficient_scope": ("insufficient_scope", "The token lacks a scope"),
    "insufficient_user_authentication": (
        "insufficient_user_authentication",
        "Sign in again to do this.",
    ),
    "csrf_failed": ("csrf_failed", "CSRF check failed: no cookie"),
    "too_many_tokens": (
        "too_many_tokens",
        "You have reached the limit of API tokens: revoke one first",
    ),
    "body_too_large": ("body_too_large", "The body of the request is larger than 64 KB"),
    "throttled": ("throttled", "Too many attempts, try again later"),
    "unavailable": ("unavailable", "Temporarily unavailable, try again"),
}


def make(error, detail=None):
    """An error of this class; three say something of their own instead of a sentence."""
    if issubclass(error, exceptions.Throttled):
        return error(retry_after=7)
    if issubclass(error, exceptions.InsufficientScope):
        return error(["read", "write"])
    if issubclass(error, exceptions.CSRFFailed):
        return error("no cookie")
    return error(detail)


@pytest.mark.parametrize("reason", CONTRACT)
def test_a_reason_has_the_code_and_the_sentence_that_clients_know(reason):
    """The words of the wire contract, one by one."""
    errors = [error for error in CONCRETE.values() if error.reason == reason]
    code, detail = CONTRACT[reason]

    assert {"detail": detail, "code": code, "reason": reason} in [
        make(error).body() for error in errors
    ]
    assert {error.code for error in errors} == {code}


def test_every_reason_is_in_the_contract():
    """A new reason is a promise: it is written down here."""
    assert {error.reason for error in CONCRETE.values()} == set(CONTRACT)


def test_why_a_token_is_refused_is_one_family():
    """Whoever catches TokenError has everything that may be wrong with a token, only that."""
    others = {name for name, error in CONCRETE.items() if not issubclass(error, TokenError)}

    assert others == {
        "ActingRefused",
        "BadAuthorizationHeader",
        "BodyTooLarge",
        "CSRFFailed",
        "InsufficientScope",
        "InsufficientUserAuthentication",
        "InvalidCredentials",
        "MFARequired",
        "NotAuthenticated",
        "SignInRefused",
        "Throttled",
        "TooManyTokens",
        "Unavailable",
        "UnstorableText",
        "UnusableKey",
    }


# To the project it is a mistake in its settings, and says which.
@pytest.mark.parametrize("name", sorted(CONCRETE.keys() - {"NoTenant"}))
def test_an_error_prints_its_reason_alone(name):
    """str() is for logs: stable, untranslated, nothing of the token."""
    assert str(make(CONCRETE[name], "something else")) == CONCRETE[name].reason


def test_a_sentence_can_be_given_and_is_translated_late():
    """A hook's own words are taken; the language is the reader's."""
    assert exceptions.SignInRefused("Scan the code").body()["detail"] == "Scan the code"
    with translation.override("de"):
        assert isinstance(exceptions.ExpiredToken().body()["detail"], str)


def test_a_second_factor_is_asked_for_by_name():
    """The client learns what to send next."""
    error = exceptions.MFARequired("The code is wrong", methods=["otp", "backup_code"])

    assert error.body() == {
        "detail": "The code is wrong",
        "code": "mfa_required",
        "reason": "mfa_required",
        "methods": ["otp", "backup_code"],
    }
    assert isinstance(error, exceptions.SignInRefused)


def test_an_error_can_be_pickled():
    """Task queues and parallel test runners do."""
    for error in CONCRETE.values():
        for original in (make(error), make(error, "words")):
            again = pickle.loads(pickle.dumps(original))
            assert (type(again), vars(again)) == (error, vars(original))
            assert again.body() == original.body()


# --- in a view of a project


class RaisingView(APIView):
    """A view of a project that lets one of our exceptions escape."""

    authentication_classes = permission_classes = ()
    error = None

    def get(self, request):
        raise self.error


def raise_in_view(error):
    return RaisingView.as_view(error=error)(APIRequestFactory().get("/"))


HEADERS = ("WWW-Authenticate", "Retry-After")
BAD_TOKEN = {"WWW-Authenticate": 'Bearer realm="api", error="invalid_token"'}
NO_TOKEN = {"WWW-Authenticate": 'Bearer realm="api"'}
NEEDED = {"WWW-Authenticate": 'Bearer realm="api", error="insufficient_scope", scope="read write"'}
RECENT = {"WWW-Authenticate": 'Bearer realm="api", error="insufficient_user_authentication"'}
# What is neither the 401 of a token nor that of a sign-in.
ANSWERS = {
    "ActingRefused": (403, {}),
    "InsufficientScope": (403, NEEDED),
    "InsufficientUserAuthentication": (403, RECENT),
    "CSRFFailed": (403, {}),
    "BodyTooLarge": (400, {}),
    "UnstorableText": (400, {}),
    "TooManyTokens": (409, {}),
    "Throttled": (429, {"Retry-After": "7"}),
    "Unavailable": (503, {"Retry-After": "5"}),
}


@pytest.mark.parametrize("name", CONCRETE)
def test_an_error_that_escapes_a_view_is_answered(name):
    """With its status, its headers and its whole body, by DRF's own handler."""
    error = make(CONCRETE[name])
    refused = BAD_TOKEN if isinstance(error, TokenError) else NO_TOKEN
    status, headers = ANSWERS.get(name, (401, refused))

    answer = raise_in_view(error)

    assert (answer.status_code, answer.data) == (status, error.body())
    assert {name: answer[name] for name in HEADERS if name in answer} == headers


def test_a_header_does_not_grow_with_what_is_asked_for():
    """RFC 6750, 3: the scope may be left out; a client chooses how many it asks for."""
    answer = raise_in_view(exceptions.InsufficientScope(["a" * 100] * 1000))

    assert answer["WWW-Authenticate"] == 'Bearer realm="api", error="insufficient_scope"'


class Late(exceptions.SignInRefused):
    """A project's own."""

    reason = code = "late"
    default_detail = "We are closed"
    status_code = 403


def test_an_error_of_a_project_is_answered_as_it_says():
    """Words, sentence and status are those of the subclass."""
    answer = raise_in_view(Late())

    assert (answer.status_code, answer.data) == (
        403,
        {"detail": "We are closed", "code": "late", "reason": "late"},
    )
    assert not any(name in answer for name in HEADERS)


@pytest.mark.parametrize("name", CONCRETE)
def test_a_handler_finds_what_drf_promises(name):
    """Each text has the code, in every shape in which DRF gives it; a handler may replace it."""
    error = make(CONCRETE[name])

    assert {text.code for text in error.detail.values()} == {error.code}
    assert error.get_codes() == dict.fromkeys(error.body(), error.code)
    assert error.get_full_details()["detail"] == {
        "message": error.body()["detail"],
        "code": error.code,
    }
    assert error.default_code == error.code
    error.detail = "something else"
    assert raise_in_view(error).data == {"detail": "something else"}


def test_a_sentence_is_in_the_language_of_the_reader():
    """Raised under one language, answered under another."""
    error = exceptions.ExpiredToken()
    with translation.override("de"):
        german = error.detail["detail"]

    assert german != exceptions.ExpiredToken().detail["detail"] == "Token is expired"
