import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import AnonymousUser, User
from django.db import DatabaseError, InterfaceError, OperationalError, connection
from django.test import AsyncClient, RequestFactory
from django.urls import path, reverse
from rest_framework.authentication import BasicAuthentication, SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.permissions import AllowAny, IsAdminUser, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from django_jwtauth import api_tokens, sessions
from django_jwtauth.authentication import (
    InvalidToken,
    JWTAuthentication,
    JWTCookieAuthentication,
    JWTStatelessUserAuthentication,
)
from django_jwtauth.exceptions import CSRFFailed
from tests import forge
from tests.refusals import REFUSALS, UNVERIFIED

NO_TOKEN = 'Bearer realm="api"'
BAD_TOKEN = 'Bearer realm="api", error="invalid_token"'
MISSING = {"detail": "Authentication credentials were not provided."}


class AdminOnlyView(APIView):
    permission_classes = [IsAdminUser]

    def get(self, request):
        return Response({})


class SeveralView(APIView):
    authentication_classes = [JWTAuthentication, BasicAuthentication]
    permission_classes = [IsAuthenticated]

    def get(self, request):
        return Response({"by": type(request.successful_authenticator).__name__})


class LastView(SeveralView):
    authentication_classes = [SessionAuthentication, JWTAuthentication]


class AuthView(APIView):
    permission_classes = [AllowAny]

    def get(self, request):
        return Response({"auth": request.auth, "user": type(request.user).__name__})


urlpatterns = [
    path("admin-only/", AdminOnlyView.as_view()),
    path("several/", SeveralView.as_view()),
    path("last/", LastView.as_view()),
    path("auth/", AuthView.as_view()),
]


def with_header(api, header, url=None):
    return api.get(url or reverse("protected"), HTTP_AUTHORIZATION=header)


def test_a_good_token_is_its_user(api, pair):
    """The view sees the user; one query for all."""
    answer = api.protected(pair.access)

    assert (answer.status_code, answer.json()) == (200, {"user": "anna"})
    assert "WWW-Authenticate" not in answer


def test_a_request_costs_one_query(api, pair, statements):
    """Authentication adds this one to what the view does, which is nothing here."""
    with statements(1):
        assert api.protected(pair.access).status_code == 200


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_a_bad_token_is_refused_exactly_so(api, pair, refusal):
    """Status, detail, code, reason, messages and WWW-Authenticate, row by row."""
    raw = refusal.make(pair.access)

    answer = api.protected(raw)

    assert answer.status_code == 401
    assert answer.json() == refusal.request_body
    assert answer["WWW-Authenticate"] == BAD_TOKEN


@pytest.mark.parametrize("refusal", UNVERIFIED.values(), ids=UNVERIFIED)
def test_what_cannot_be_verified_costs_no_query(api, pair, refusal, statements):
    """Nor does it cost one on a view that lets everybody in."""
    raw = refusal.make(pair.access)

    with statements(0):
        assert api.protected(raw).status_code == 401
        assert with_header(api, f"Bearer {raw}", reverse("public")).status_code == 401


def test_a_refresh_token_is_no_access_token(api, pair):
    """It buys pairs, nothing else."""
    answer = api.protected(pair.refresh)

    assert answer.status_code == 401
    assert answer.json()["messages"][0]["message"] == "Token has wrong type"
    assert answer.json()["reason"] == "wrong_type"
    assert answer["WWW-Authenticate"] == BAD_TOKEN


@pytest.mark.parametrize(
    ("changed", "reason"),
    [({"ISSUER": "https://a.example"}, "wrong_issuer"), ({"AUDIENCE": "api"}, "wrong_audience")],
)
def test_issuer_and_audience_are_asked_for(api, pair, settings, changed, reason):
    """As any other refusal of a token."""
    settings.JWTAUTH = changed

    answer = api.protected(pair.access)

    assert answer.status_code == 401
    assert answer.json() == {
        "detail": "Given token not valid for any token type",
        "code": "token_not_valid",
        "reason": reason,
        "messages": [
            {"token_class": "AccessToken", "token_type": "access", "message": "Token is invalid"}
        ],
    }
    assert answer["WWW-Authenticate"] == BAD_TOKEN


@pytest.mark.parametrize("header", [None, "", "Basic abc", "Token abc", "abc", "Bearer\tabc"])
def test_no_token_of_ours_is_no_token(api, db, header):
    """Another scheme, or none: credentials were not provided, and no error is named."""
    headers = {} if header is None else {"HTTP_AUTHORIZATION": header}

    answer = api.get(reverse("protected"), **headers)

    assert (answer.status_code, answer.json()) == (401, MISSING)
    assert answer["WWW-Authenticate"] == NO_TOKEN


@pytest.mark.parametrize("header", ["Bearer", "bearer  ", "Bearer a b", "Bearer a, Bearer b"])
def test_a_bad_header_is_told(api, db, header):
    """Our scheme with anything but one token."""
    answer = with_header(api, header)

    assert answer.status_code == 401
    assert answer.json() == {
        "detail": "Authorization header must contain two space-delimited values",
        "code": "bad_authorization_header",
        "reason": "bad_header",
    }
    assert answer["WWW-Authenticate"] == NO_TOKEN


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "beaReR"])
def test_the_scheme_is_compared_without_case(api, pair, scheme):
    """RFC 9110, section 11.1."""
    assert with_header(api, f"{scheme} {pair.access}").status_code == 200


def test_the_scheme_is_configured(api, pair, settings):
    """AUTH_HEADER_TYPES takes effect at once, in the challenge too."""
    settings.JWTAUTH = {"AUTH_HEADER_TYPES": ["JWT"]}

    assert with_header(api, f"JWT {pair.access}").status_code == 200
    answer = api.protected(pair.access)
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == 'JWT realm="api"'


def test_a_token_in_the_url_is_no_token(api, pair):
    """Neither query string nor body carries one."""
    url = f"{reverse('protected')}?access_token={pair.access}&token={pair.access}"

    assert api.get(url).status_code == 401
    assert api.get(reverse("protected"), {"Authorization": f"Bearer {pair.access}"}).json() == (
        MISSING
    )


def test_an_open_view_serves_who_sends_no_token_and_refuses_a_bad_one(api, pair):
    """By design of DRF: a client that sends a token wants to know that it is bad."""
    public = reverse("public")

    assert api.get(public).json() == {"user": ""}
    assert with_header(api, f"Bearer {pair.access}", public).json() == {"user": "anna"}
    answer = with_header(api, "Bearer nonsense", public)
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == BAD_TOKEN


@pytest.mark.urls(__name__)
def test_a_good_token_without_the_permission_is_403(api, pair):
    """Then nothing is wrong with the token."""
    answer = with_header(api, f"Bearer {pair.access}", "/admin-only/")

    assert answer.status_code == 403
    assert "WWW-Authenticate" not in answer


@pytest.mark.urls(__name__)
def test_the_claims_are_request_auth(api, pair):
    """A dict, as verified."""
    answer = with_header(api, f"Bearer {pair.access}", "/auth/")

    assert answer.json() == {"auth": forge.claims_of(pair.access), "user": "User"}


@pytest.mark.urls(__name__)
def test_other_authentication_classes_have_their_turn(api, pair):
    """Another scheme is left to the next class; ours decides when it is ours."""
    basic = "Basic YW5uYTpjb3JyZWN0IGhvcnNlIGJhdHRlcnkgc3RhcGxl"

    assert with_header(api, basic, "/several/").json() == {"by": "BasicAuthentication"}
    assert with_header(api, f"Bearer {pair.access}", "/several/").json() == {
        "by": "JWTAuthentication"
    }
    assert with_header(api, "Bearer nonsense", "/several/").json()["reason"] == "malformed"
    assert with_header(api, f"Bearer {pair.access}", "/last/").status_code == 200


def test_a_subclass_may_read_the_token_elsewhere(pair):
    """find_token is the seam."""

    class FromCookie(JWTAuthentication):
        def find_token(self, request):
            return request.COOKIES.get("access")

    request = RequestFactory().get("/")
    assert FromCookie().authenticate(Request(request)) is None
    request.COOKIES["access"] = pair.access
    user, _ = FromCookie().authenticate(Request(request))
    assert user == User.objects.get()
    assert FromCookie().authenticate_header(Request(request)) == BAD_TOKEN
    request.COOKIES["access"] = "\u20ac\udc80"
    with pytest.raises(InvalidToken):
        FromCookie().authenticate(Request(request))


# --- classes written against simplejwt's


class NotBanned(JWTAuthentication):
    def get_user(self, validated_token):
        user = super().get_user(validated_token)
        if user.first_name == "banned":
            raise AuthenticationFailed("banned")
        return user


class OwnTenant(JWTAuthentication):
    def get_validated_token(self, raw_token):
        assert isinstance(raw_token, bytes)
        token = super().get_validated_token(raw_token)
        if token.get("tenant") != "acme":
            raise AuthenticationFailed("another tenant's")
        return token


class OwnHeader(JWTAuthentication):
    def get_header(self, request):
        sent = request.META.get("HTTP_X_TOKEN")
        return sent and b"Bearer " + sent.encode()


class OwnScheme(JWTAuthentication):
    def get_raw_token(self, header):
        scheme, _, raw = header.partition(b" ")
        return raw if scheme == b"Jwt2" else None


class NeedsHeader(JWTAuthentication):
    def get_header(self, request):
        header = super().get_header(request)
        if header is None:
            raise AuthenticationFailed("no header")
        return header


class Lenient(JWTAuthentication):
    def get_validated_token(self, raw_token):
        try:
            return super().get_validated_token(raw_token)
        except InvalidToken:
            raise PermissionDenied("go away") from None


class HeaderOrCookie(JWTAuthentication):
    """As forums have it for tokens in cookies: authenticate() itself is replaced."""

    def authenticate(self, request):
        header = self.get_header(request)
        if header is None:
            raw_token = request.COOKIES.get("access") or None
        else:
            raw_token = self.get_raw_token(header)
        if raw_token is None:
            return None
        validated_token = self.get_validated_token(raw_token)
        return self.get_user(validated_token), validated_token


class Copying(JWTAuthentication):
    def get_validated_token(self, raw_token):
        return {**super().get_validated_token(raw_token), "seen": True}


def ask(authentication, raw=None, plain=False, header="HTTP_AUTHORIZATION", scheme="Bearer "):
    request = RequestFactory().get("/", **({header: f"{scheme}{raw}"} if raw else {}))
    return authentication().authenticate(request if plain else Request(request))


@pytest.mark.parametrize("plain", [False, True], ids=["DRF's request", "Django's request"])
@pytest.mark.parametrize(
    "authentication",
    [JWTAuthentication, NotBanned, Lenient, HeaderOrCookie, JWTStatelessUserAuthentication],
)
def test_a_request_of_either_kind_is_authenticated(user, pair, authentication, plain, statements):
    """A middleware of the project may ask before DRF does. One statement, or none."""
    assert ask(authentication, None, plain) is None
    with statements(0 if authentication is JWTStatelessUserAuthentication else 1):
        found, claims = ask(authentication, pair.access, plain)
    assert (str(found.pk), claims["sub"]) == (str(user.pk), str(user.pk))
    with pytest.raises((InvalidToken, PermissionDenied)):
        ask(authentication, "nonsense", plain)


def test_one_object_serves_many_requests(user, pair):
    """A middleware keeps it; nothing of one request is left for the next."""
    shared = JWTAuthentication()
    request = RequestFactory().get("/", HTTP_AUTHORIZATION=f"Bearer {pair.access}")

    assert shared.authenticate(request)[0] == user
    assert shared.authenticate(RequestFactory().get("/")) is None
    assert vars(shared) == {}


def test_a_cookie_of_djangos_own_request(user, pair, settings):
    """With the CSRF check, as ever."""
    request = RequestFactory(enforce_csrf_checks=True).post("/")
    request.COOKIES["__Host-jwtauth_access"] = pair.access
    with pytest.raises(CSRFFailed):
        JWTCookieAuthentication().authenticate(request)
    request._dont_enforce_csrf_checks = True
    assert JWTCookieAuthentication().authenticate(request)[0] == user


def test_a_check_in_get_user_refuses(user, pair):
    """It was the reason for the subclass: nobody passes whom it refuses."""
    assert ask(NotBanned, pair.access)[0] == user
    User.objects.update(first_name="banned")
    with pytest.raises(AuthenticationFailed, match="banned"):
        ask(NotBanned, pair.access)


def test_a_check_in_get_validated_token_refuses(user):
    """The claims are there to look at, and what a subclass raises counts."""
    assert ask(OwnTenant, sessions.start(user, claims={"tenant": "acme"}).access)[0] == user
    with pytest.raises(AuthenticationFailed, match="tenant"):
        ask(OwnTenant, sessions.start(user, claims={"tenant": "other"}).access)


def test_a_subclass_may_read_another_header_or_scheme(user, pair):
    """get_header() and get_raw_token() have bytes, as in simplejwt and DRF."""
    assert ask(OwnHeader, pair.access, header="HTTP_X_TOKEN", scheme="")[0] == user
    assert ask(OwnHeader, pair.access) is None
    assert ask(OwnScheme, pair.access, scheme="Jwt2 ")[0] == user
    assert ask(OwnScheme, pair.access) is None


def test_what_a_subclass_copies_is_loaded_again(user, pair, statements):
    """Its dict does not have the user: one more statement, and the same checks."""
    with statements(2):
        found, claims = ask(Copying, pair.access)
    assert (found, claims["seen"]) == (user, True)


def test_a_cookie_read_by_the_recipe_of_forums(user, pair):
    """An authenticate() of the project's own calls the steps itself."""
    request = RequestFactory().get("/")
    request.COOKIES["access"] = pair.access
    assert HeaderOrCookie().authenticate(request)[0] == user

    sessions.blacklist(pair.refresh)
    with pytest.raises(InvalidToken):
        HeaderOrCookie().authenticate(request)


def test_a_step_that_refuses_is_401_and_no_500(api):
    """DRF asks for the challenge while it answers the refusal: the step is called again."""

    class View(APIView):
        authentication_classes = [NeedsHeader]

    answer = View.as_view()(RequestFactory().get("/"))
    assert (answer.status_code, answer.data["detail"]) == (401, "no header")
    assert answer["WWW-Authenticate"] == NO_TOKEN


def test_a_subclass_leaves_the_use_of_an_api_token_recorded(user, transactional_db):
    """With the address of the request, though the steps do not hand it on."""
    new = api_tokens.create(user, "backup")
    ask(NotBanned, new.raw)
    new.session.refresh_from_db()
    assert new.session.last_used_ip == "127.0.0.1"


def test_no_report_shows_what_a_step_was_given(pair):
    """Header and token are arguments in the frames of a subclass that raises."""

    class Raises(JWTAuthentication):
        def get_validated_token(self, raw_token):
            raise RuntimeError

        def find_token(self, request):
            return super().find_token(request).decode()

        def get_raw_token(self, header):
            assert repr(header) == "<redacted>"
            return super().get_raw_token(header)

    with pytest.raises(RuntimeError) as caught:
        ask(Raises, pair.access)
    frames = [entry.frame.f_locals for entry in caught.traceback]
    ours = [values for values in frames if "self" in values]
    assert len(ours) == 2
    assert not [values for values in ours if pair.access in repr(values.values())]


@pytest.mark.parametrize("error", [OperationalError, InterfaceError, DatabaseError])
def test_a_database_that_fails_is_503_in_a_view_of_the_project(api, pair, error, settings):
    """With Retry-After and no challenge; a bad signature is still 401."""

    def fail(*args):
        raise error("secret")

    with connection.execute_wrapper(fail):
        answer = api.protected(pair.access)
        bad = api.protected(UNVERIFIED["bad signature"].make(pair.access))

    assert answer.status_code == 503
    assert answer.json() == {
        "detail": "Temporarily unavailable, try again",
        "code": "unavailable",
        "reason": "unavailable",
    }
    assert answer["Retry-After"] == "5"
    assert "WWW-Authenticate" not in answer
    assert bad.status_code == 401
    assert api.protected(pair.access).status_code == 200


def test_hostile_headers_are_refused_and_not_repeated(api, pair, caplog):
    """Whatever is in the header, the answer is 401 and nothing of it comes back."""
    header, payload, signature = pair.access.split(".")
    for raw in (
        "\x00",
        "\x7f\x80\xff",
        "x" * 1_000_000,
        "." * 100_000,
        f"{header}.{payload}.{signature}\x00",
        f"{header}.{payload}.{signature}\r\nX-Injected: 1".replace(" ", ""),
        forge.sign({"alg": "HS256", "typ": "at+jwt", "kid": "\r\nX-Injected:1"}, {}, b"x" * 32),
        forge.sign({"alg": "HS256", "typ": "<script>"}, {"token_type": "<script>"}, b"x" * 32),
    ):
        answer = api.protected(raw)
        assert answer.status_code == 401
        assert answer["WWW-Authenticate"] == BAD_TOKEN
        assert "X-Injected" not in answer
        assert b"script" not in answer.content
        assert raw[:40] not in answer.content.decode()
    assert not [record for record in caplog.records if record.name == "django_jwtauth"]


def test_an_async_client_is_served(pair):
    """Under ASGI the same view answers the same."""

    async def call():
        client = AsyncClient()
        url = reverse("protected")
        good = await client.get(url, headers={"authorization": f"Bearer {pair.access}"})
        bad = await client.get(url, headers={"authorization": "Bearer nonsense"})
        return good, bad

    good, bad = async_to_sync(call)()
    assert (good.status_code, good.json()) == (200, {"user": "anna"})
    assert (bad.status_code, bad["WWW-Authenticate"]) == (401, BAD_TOKEN)


def test_without_a_token_there_is_no_user_and_no_error(db):
    """The next class is asked, and then the user is anonymous."""
    request = Request(RequestFactory().get("/"))

    assert JWTAuthentication().authenticate(request) is None
    assert isinstance(request.user, AnonymousUser)
