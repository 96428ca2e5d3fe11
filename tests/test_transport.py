import pytest
from asgiref.sync import async_to_sync
from django.http import JsonResponse
from django.test import RequestFactory
from django.urls import include, path

from django_jwtauth.decorators import jwt_optional, jwt_required
from django_jwtauth.exceptions import BadAuthorizationHeader, challenge
from django_jwtauth.http import transport
from django_jwtauth.operations import finding
from django_jwtauth.testing import AsyncJWTClient, JWTClient
from tests.urls import urlpatterns as project


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


# --- another header


def whoami(request):
    return JsonResponse({"user": request.user.get_username()})


urlpatterns = [
    *project,
    path("plain/", whoami),
    path("required/", jwt_required(whoami)),
    path("optional/", jwt_optional(whoami)),
    path("oauth/", include("django_jwtauth.urls.oauth")),
]
MIDDLEWARE = "django_jwtauth.middleware.JWTAuthenticationMiddleware"
DOORS = {
    "/protected/": (200, 401),
    "/plain/": (200, 200),
    "/required/": (200, 401),
    "/optional/": (200, 200),
    "/oauth/check/": (204, 401),
}


@pytest.fixture
def moved(settings):
    settings.ROOT_URLCONF = __name__
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, MIDDLEWARE]
    settings.JWTAUTH = {"AUTH_HEADER_NAME": "X-Api-Authorization"}


@pytest.mark.parametrize("url", DOORS)
def test_every_door_reads_the_header_of_the_settings(url, moved, client, pair):
    """And no other: a proxy's password in Authorization changes nothing, nor does a token."""
    good, refused = DOORS[url]
    token = f"Bearer {pair.access}"

    for extra in ({}, {"Authorization": "Basic YTpi"}, {"Authorization": "Bearer nonsense"}):
        answer = client.get(url, headers={"X-Api-Authorization": token, **extra})
        assert answer.status_code == good
        assert b"anna" in answer.content or answer["X-Auth-User"] == "anna"
        assert "X-Api-Authorization" in answer["Vary"]
    answer = client.get(url, headers={"Authorization": token})
    assert answer.status_code == refused
    assert b"anna" not in answer.content
    assert "X-Api-Authorization" in answer["Vary"]
    assert "Authorization," not in f"{answer['Vary']},".replace("X-Api-Authorization", "")
    if refused == 401:
        assert answer["WWW-Authenticate"] == 'Bearer realm="api"'


def test_a_bad_header_of_another_name_is_refused(moved, client):
    """As that of the usual name."""
    answer = client.get("/protected/", headers={"X-Api-Authorization": "Bearer a b"})

    assert answer.json()["code"] == "bad_authorization_header"


def test_the_clients_for_tests_send_the_header(moved, user):
    """A project's tests need not know its name."""
    client = JWTClient()
    client.sign_in(user)
    assert client.get("/protected/").status_code == 200

    async def call():
        client = AsyncJWTClient()
        await client.sign_in(user)
        return await client.get("/required/")

    assert async_to_sync(call)().status_code == 200


def test_a_line_with_the_header_is_found(moved, pair):
    """What an operator pastes from a browser's tools."""
    (found,) = finding.find(f"X-Api-Authorization: Bearer {pair.access}")

    assert found.authentic
    assert found.session.pk == pair.session_id
