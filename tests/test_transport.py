import pytest
from django.test import RequestFactory

from django_jwtauth import exceptions
from django_jwtauth.exceptions import BadAuthorizationHeader
from django_jwtauth.http import refusals, transport

WRAPPED = "Given token not valid for any token type"


def request_with(header):
    request = RequestFactory().get("/")
    if header is not None:
        request.META["HTTP_AUTHORIZATION"] = header
    return request


@pytest.mark.parametrize(
    ("header", "token"),
    [
        ("Bearer abc", "abc"),
        ("bearer abc", "abc"),
        ("BEARER abc", "abc"),
        ("Bearer   abc", "abc"),
        ("  Bearer abc  ", "abc"),
        ("Bearer a,b", "a,b"),
        ("Bearer \ufffd", "\ufffd"),
        (None, None),
        ("", None),
        (" ", None),
        ("abc", None),
        ("Basic abc", None),
        ("Token abc", None),
        ("JWT abc", None),
        ("Bearerabc", None),
        # A tab is no separator (RFC 9110, 11.4).
        ("Bearer\tabc", None),
        ("\u212aearer abc", None),
    ],
)
def test_the_token_is_the_word_after_our_scheme(header, token):
    """The scheme is compared without case; another scheme is not for us."""
    assert transport.get_header_token(request_with(header)) == token


@pytest.mark.parametrize(
    "header",
    ["Bearer", "bearer ", "Bearer a b", "Bearer a b c", "Bearer a,Bearer b", "Bearer a, Bearer b"],
)
def test_our_scheme_comes_with_exactly_one_token(header):
    """None or two, also of a header sent twice, is a bad header."""
    with pytest.raises(BadAuthorizationHeader):
        transport.get_header_token(request_with(header))


def test_the_schemes_are_configured(settings):
    """Each of AUTH_HEADER_TYPES is taken; the first is in the challenge."""
    settings.JWTAUTH = {"AUTH_HEADER_TYPES": ["JWT", "Bearer"]}

    assert transport.get_header_token(request_with("jwt abc")) == "abc"
    assert transport.get_header_token(request_with("Bearer abc")) == "abc"
    assert transport.challenge(token_sent=False) == 'JWT realm="api"'
    settings.JWTAUTH = {"AUTH_HEADER_TYPES": "JWT"}
    assert transport.get_header_token(request_with("Bearer abc")) is None


def test_the_token_is_never_read_from_the_query_string():
    """A URL ends in logs and in Referer headers."""
    request = RequestFactory().get("/?access_token=abc&token=abc")

    assert transport.get_header_token(request) is None


def test_the_challenge_tells_an_error_only_when_a_token_was_sent():
    """RFC 6750, section 3.1."""
    assert transport.challenge(token_sent=False) == 'Bearer realm="api"'
    assert transport.challenge(token_sent=True) == 'Bearer realm="api", error="invalid_token"'


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
