import pytest
from django.test import RequestFactory

from django_jwtauth.exceptions import BadAuthorizationHeader, challenge
from django_jwtauth.http import transport


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
    assert challenge(token_sent=False) == 'JWT realm="api"'
    settings.JWTAUTH = {"AUTH_HEADER_TYPES": "JWT"}
    assert transport.get_header_token(request_with("Bearer abc")) is None


def test_the_token_is_never_read_from_the_query_string():
    """A URL ends in logs and in Referer headers."""
    request = RequestFactory().get("/?access_token=abc&token=abc")

    assert transport.get_header_token(request) is None


def test_the_challenge_tells_an_error_only_when_a_token_was_sent():
    """RFC 6750, section 3.1."""
    assert challenge(token_sent=False) == 'Bearer realm="api"'
    assert challenge(token_sent=True) == 'Bearer realm="api", error="invalid_token"'
