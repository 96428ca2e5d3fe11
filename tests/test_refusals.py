"""Status, headers and body of a refusal."""

import pytest

from django_jwtauth import exceptions
from django_jwtauth.http import refusals

WRAPPED = "Given token not valid for any token type"


@pytest.mark.parametrize(
    "error",
    [
        exceptions.MalformedToken(),
        exceptions.BadSignature(),
        exceptions.WrongTokenType(),
        exceptions.ExpiredToken(),
        exceptions.TokenNotYetValid(),
        exceptions.WrongIssuer(),
        exceptions.WrongAudience(),
        exceptions.SessionEnded(),
        exceptions.TokenBlacklisted(),
        exceptions.MalformedToken("Token has no id"),
    ],
    ids=lambda error: f"{error.reason}: {error.sentence}",
)
def test_most_refusals_of_a_request_are_wrapped_as_in_simplejwt(error):
    """One sentence for all, the real one in messages, and the reason beside it."""
    assert refusals.request_refusal(error) == {
        "detail": WRAPPED,
        "code": "token_not_valid",
        "reason": error.reason,
        "messages": [
            {"token_class": "AccessToken", "token_type": "access", "message": str(error.sentence)}
        ],
    }


@pytest.mark.parametrize(
    "error",
    [
        exceptions.NoSubject(),
        exceptions.UserNotFound(),
        exceptions.UserInactive(),
        exceptions.CredentialsChanged(),
        exceptions.BadAuthorizationHeader(),
    ],
    ids=lambda error: error.reason,
)
def test_refusals_with_a_sentence_of_their_own_are_not_wrapped(error):
    """As in simplejwt: code, detail, and our reason."""
    assert refusals.request_refusal(error) == error.body()


class SlowDown(exceptions.Throttled):
    """A project's own, as a hook may raise it."""


@pytest.mark.parametrize(
    ("error", "status", "header"),
    [
        (exceptions.ExpiredToken(), 401, "WWW-Authenticate"),
        (exceptions.InvalidCredentials(), 401, "WWW-Authenticate"),
        (exceptions.InsufficientScope(["reports:read"]), 403, "WWW-Authenticate"),
        (exceptions.TooManyTokens(), 409, None),
        (exceptions.Throttled(7), 429, "Retry-After"),
        (SlowDown(7), 429, "Retry-After"),
        (exceptions.Unavailable(), 503, "Retry-After"),
    ],
)
def test_a_refusal_has_one_status_whoever_answers(error, status, header):
    """A subclass has the status of its base; what goes with it follows from the class, too."""
    answer = refusals.refusal_response(error)

    assert error.status_code == answer.status_code == status
    assert {"WWW-Authenticate", "Retry-After"} & {*answer.headers} == (
        {header} if header else set()
    )
