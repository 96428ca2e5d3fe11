"""Scopes: granted as asked for and allowed, narrowed by a refresh, never widened."""

from typing import Any, NamedTuple

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.http import HttpResponse
from django.test import Client
from django.urls import include, path, reverse
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.test import APIClient
from rest_framework.views import APIView

from django_jwtauth import api_tokens, credentials, one_time, scopes, sessions
from django_jwtauth.authentication import JWTAuthentication
from django_jwtauth.decorators import jwt_required
from django_jwtauth.exceptions import InsufficientScope, MalformedToken
from django_jwtauth.permissions import HasScopes
from django_jwtauth.views.portal import OneTimeSignInView
from tests.conftest import PASSWORD
from tests.forge import claims_of

ALLOWED = ["reports:read", "reports:write", "profile"]

granted_by_hook = None


def hook(user, request):
    return granted_by_hook


@pytest.fixture
def allow(settings, monkeypatch):
    """``allow(names)`` is what HOOKS["SCOPES"] returns from now on."""
    settings.JWTAUTH = {"HOOKS": {"SCOPES": "tests.test_scopes.hook"}}

    def allow(names):
        monkeypatch.setattr("tests.test_scopes.granted_by_hook", names)

    allow(ALLOWED)
    return allow


def scope_of(raw):
    return claims_of(raw).get("scope")


# --- names


@pytest.mark.parametrize("name", ["a", "reports:read", "!#[]~", "x" * 100])
def test_a_name(name):
    """RFC 6749, 3.3: visible ASCII but the quote and the backslash."""
    assert scopes.parse(f" {name}  {name} ") == [name]


@pytest.mark.parametrize("name", ['a"', "a\\b", "ä", "a\0", "\x7f", "x" * 101])
def test_no_name(name):
    """RFC 6749, 3.3: what else is sent is refused, wherever it may be copied to."""
    with pytest.raises(InsufficientScope):
        scopes.parse(f"good {name}")


@pytest.mark.parametrize("text", [None, "", "  "])
def test_nothing_asked_for(text):
    """No scope is an empty list."""
    assert scopes.parse(text) == []


@pytest.mark.parametrize(
    "value", [None, 7, True, ["read"], ["a read b"], {"read": 1}, {"x": "a read b"}, ""]
)
def test_what_is_not_text_grants_nothing(value):
    """RFC 9068, 2.2.3: the claim is text, so a list of another issuer's grants nothing."""
    assert scopes.of({"scope": value}) == frozenset()
    with pytest.raises(InsufficientScope) as refused:
        scopes.require({"scope": value}, ["read"])
    assert refused.value.scope == "read"
    assert scopes.text_of({"scope": value}) == (None if value is None else "")
    assert scopes.is_limited({"scope": value}) == (value is not None)


def test_a_scope_is_compared_as_a_whole():
    """Neither a beginning nor another case will do."""
    claims = {"scope": "reports:read Admin"}
    for needed in ("reports", "reports:rea", "read", "admin", "reports:read Admin"):
        with pytest.raises(InsufficientScope):
            scopes.require(claims, [needed])
    scopes.require(claims, ["Admin", "reports:read"])
    scopes.require(claims, [])


# --- granted at sign-in


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (None, "profile reports:read reports:write"),
        ("reports:read", "reports:read"),
        ("reports:read profile reports:read", "profile reports:read"),
        ("admin reports:read", "reports:read"),
        ("admin", ""),
        ('"', ""),
    ],
)
def test_sign_in_grants_what_is_asked_for_and_allowed(api, user, allow, asked, expected):
    """``scope`` in the JSON body asks for fewer; what is not allowed is left out."""
    body = {"username": "anna", "password": PASSWORD}
    if asked is not None:
        body["scope"] = asked
    answer = api.post(reverse("token_obtain_pair"), body)

    assert answer.status_code == 200
    assert scope_of(answer.json()["access"]) == expected


def test_without_a_hook_there_are_no_scopes(api, user):
    """What a client asks for is granted by nobody, and the token gets no more than that."""
    answer = api.post(
        reverse("token_obtain_pair"),
        {"username": "anna", "password": PASSWORD, "scope": "admin"},
    )
    assert scope_of(answer.json()["access"]) == ""
    assert scope_of(api.obtain().json()["access"]) is None


@pytest.mark.parametrize("names", [None, [], (), set(), ""])
def test_a_hook_may_grant_nothing(user, allow, names):
    """An empty answer of the hook is a sign-in without scopes."""
    allow(names)
    assert scopes.grant(user, None, "admin") == ""


def test_a_hook_may_return_text(user, allow):
    """One string of names is taken apart, not letter by letter."""
    allow("b a")
    assert scopes.grant(user, None, None) == "a b"


@pytest.mark.parametrize("name", ["a b", "", 'a"', "a\r\nX-Auth-User: root", "ä"])
def test_a_hook_that_returns_no_name_is_an_error(user, allow, name):
    """A name with a space would grant two others."""
    allow(["good", name])
    with pytest.raises(ValueError, match="SCOPES"):
        scopes.grant(user, None, None)


# --- refreshing


def test_a_refresh_narrows_the_access_token_alone(user):
    """RFC 6749, 6: fewer may be asked for, and the next refresh gets all of them again."""
    pair = sessions.start(user, claims={"scope": "a b c"})

    narrowed = sessions.refresh(pair.refresh, scope="b a")
    assert (narrowed.scope, scope_of(narrowed.access)) == ("a b", "a b")
    assert scope_of(narrowed.refresh) == "a b c"

    again = sessions.refresh(narrowed.refresh)
    assert (again.scope, scope_of(again.access)) == ("a b c", "a b c")


@pytest.mark.parametrize("asked", ["d", "a d", "a b c d", "A", '"'])
def test_a_refresh_never_widens(user, asked):
    """RFC 6749, 6: more than was granted is refused, and the token is still good."""
    pair = sessions.start(user, claims={"scope": "a b c"})

    with pytest.raises(InsufficientScope):
        sessions.refresh(pair.refresh, scope=asked)
    assert sessions.refresh(pair.refresh).scope == "a b c"


def test_a_narrowed_token_does_not_limit_what_was_granted(user):
    """Asking for another part than the last time is no widening."""
    pair = sessions.refresh(sessions.start(user, claims={"scope": "a b"}).refresh, scope="a")
    assert sessions.refresh(pair.refresh, scope="b").scope == "b"


def test_a_sign_in_without_scopes_gets_none(user):
    """There is nothing to narrow."""
    pair = sessions.start(user)
    with pytest.raises(InsufficientScope):
        sessions.refresh(pair.refresh, scope="a")
    assert sessions.refresh(pair.refresh).scope is None


def test_a_retry_within_the_grace_period_may_narrow_differently(user):
    """The refresh token is the same bytes, whatever the access token is narrowed to."""
    pair = sessions.start(user, claims={"scope": "a b"})
    first, second = (sessions.refresh(pair.refresh, scope=scope) for scope in ("a", "b"))

    assert first.refresh == second.refresh
    assert (first.scope, second.scope) == ("a", "b")


@pytest.mark.parametrize("raw", ["", "x", "a" * 9000])
def test_scopes_are_no_oracle(raw):
    """A token that is none is refused as such, before its scopes matter."""
    with pytest.raises(MalformedToken):
        sessions.refresh(raw, scope='"')


names = st.text(st.sampled_from("abc:"), min_size=1, max_size=3)


@given(held=st.lists(names), asked=st.lists(names))
def test_narrowing_never_gives_more(held, asked):
    """Whatever is held and asked for: a part of what is held, or a refusal."""
    try:
        given_ = scopes.narrow({"scope": " ".join(held)}, " ".join(asked))
    except InsufficientScope:
        assert not set(asked) <= set(held)
    else:
        assert set(given_.split()) == set(asked)


# --- no scope at all


def two_scopes(user, request):
    return ["reports:read", "jwtauth:manage"]


@pytest.fixture
def hook_for_two(settings):
    settings.JWTAUTH = {
        "HOOKS": {"SCOPES": f"{__name__}.two_scopes"},
        "ONE_TIME": {"PURPOSES": ["download"]},
    }


def link(user, text):
    raw = one_time.create(user, one_time.SIGN_IN, claims={"scope": text})
    answer = APIClient().post("/one-time/", {"token": raw}, format="json")
    return answer.json()["access"]


EMPTY = {
    "sign-in by code": lambda user, text: sessions.start(user, claims={"scope": text}).access,
    "its refresh": lambda user, text: (
        sessions.refresh(sessions.start(user, claims={"scope": text}).refresh).access
    ),
    "narrowed": lambda user, text: (
        sessions.refresh(
            sessions.start(user, claims={"scope": "reports:read"}).refresh, scope=text
        ).access
    ),
    "narrowed from no limit": lambda user, text: (
        sessions.refresh(sessions.start(user).refresh, scope=text).access
    ),
    "API token": lambda user, text: api_tokens.create(user, "x", scope=text).raw,
    "link": link,
    "password": lambda user, text: (
        sessions.start(user, claims=credentials.admit(user, None, text)).access
    ),
}


@pytest.mark.urls(__name__)
@pytest.mark.parametrize("hooked", [True, False])
@pytest.mark.parametrize("text", ["", "  "])
@pytest.mark.parametrize("made", EMPTY)
def test_an_empty_scope_is_no_scope(request, user, hooked, made, text):
    """Whoever asks for no scope gets a token with none: the claim is there, and empty."""
    if hooked:
        request.getfixturevalue("hook_for_two")

    claims = sessions.authenticate(EMPTY[made](user, text))[1]

    assert (claims["scope"].split(), scopes.may_manage(claims)) == ([], False)


def test_only_an_absent_scope_is_all(user, hook_for_two):
    """None asks for all that the hook allows; where nobody grants any, for no limit."""
    assert api_tokens.create(user, "x").session.scope == "jwtauth:manage reports:read"
    assert scopes.grant(user, None, None) == "jwtauth:manage reports:read"


def test_without_a_hook_an_api_token_gets_no_more_than_was_asked_for(user):
    """What no hook allows is not granted, and the token is not made without a limit instead."""
    new = api_tokens.create(user, "x", scope="reports:read")

    assert (scope_of(new.raw), new.session.scope) == ("", "")
    assert scope_of(api_tokens.create(user, "x").raw) is None


# --- the doors of this package


class Door(NamedTuple):
    method: str
    path: str
    body: dict[str, Any]
    done: int


DOORS = {
    "end the others": Door("delete", "/api/sessions/", {}, 204),
    "end one": Door("delete", "/api/sessions/{other}/", {}, 204),
    "end this one": Door("delete", "/api/sessions/{own}/", {}, 204),
    "rename": Door("patch", "/api/sessions/{other}/", {"name": "x"}, 200),
    "make an API token": Door("post", "/api/api-tokens/", {"name": "x"}, 201),
    "revoke an API token": Door("delete", "/api/api-tokens/{script}/", {}, 204),
    "make a one-time token": Door("post", "/api/one-time-tokens/", {"purpose": "download"}, 201),
}
HELD = {
    "no claim": (None, True),
    "the scope": ("jwtauth:manage", True),
    "the scope among others": ("reports:read jwtauth:manage", True),
    "another": ("reports:read", False),
    "none": ("", False),
    "a longer name": ("jwtauth:manage:x jwtauth", False),
    "another case": ("JWTAUTH:MANAGE", False),
}

urlpatterns = [
    path("api/", include("django_jwtauth.urls")),
    path("api/", include("django_jwtauth.urls.portal")),
    path("oauth/", include("django_jwtauth.urls.oauth")),
    path("one-time/", OneTimeSignInView.as_view()),
]


@pytest.mark.urls(__name__)
@pytest.mark.parametrize("held", HELD)
@pytest.mark.parametrize("name", DOORS)
def test_our_own_doors_ask_for_the_scope(user, settings, name, held):
    """A token that has scopes needs ``jwtauth:manage`` to end, rename or make anything."""
    settings.JWTAUTH = {"ONE_TIME": {"PURPOSES": ["download"]}}
    scope, may = HELD[held]
    pair = sessions.start(user, claims={} if scope is None else {"scope": scope})
    other, script = sessions.start(user), api_tokens.create(user, "deploy")
    door = DOORS[name]
    url = door.path.format(
        own=pair.session_id.hex, other=other.session_id.hex, script=script.session.sid
    )
    api = APIClient(headers={"authorization": f"Bearer {pair.access}"})

    answer = getattr(api, door.method)(url, door.body, format="json")

    assert answer.status_code == (door.done if may else 403)
    if not may:
        assert answer.json()["code"] == "insufficient_scope"
        assert 'scope="jwtauth:manage"' in answer["WWW-Authenticate"]
        assert sessions.authenticate(other.access)
        assert sessions.authenticate(script.raw)
        assert sessions.authenticate(pair.access)


@pytest.mark.urls(__name__)
def test_a_narrowed_token_is_held_to_what_it_was_narrowed_to(user):
    """The sign-in may manage, the token that was narrowed may not."""
    pair = sessions.start(user, claims={"scope": "reports:read jwtauth:manage"})
    narrow = sessions.refresh(pair.refresh, scope="reports:read")
    other = sessions.start(user)

    answer = APIClient().delete(
        "/api/sessions/", headers={"authorization": f"Bearer {narrow.access}"}
    )

    assert answer.status_code == 403
    assert sessions.authenticate(other.access)


@pytest.mark.urls(__name__)
@pytest.mark.parametrize("url", ["/api/sessions/", "/api/api-tokens/", "/api/me/"])
def test_reading_needs_no_scope(user, url):
    """What a token lists of its own user, it lists whatever its scopes are."""
    access = sessions.start(user, claims={"scope": ""}).access

    answer = APIClient().get(url, headers={"authorization": f"Bearer {access}"})

    assert answer.status_code == 200


@pytest.mark.urls(__name__)
@pytest.mark.parametrize("held", HELD)
def test_introspection_asks_staff_for_the_scope(user, held):
    """As 401 in the words of RFC 7662, 2.3, for whatever the token lacks."""
    scope, may = HELD[held]
    staff = get_user_model().objects.create_superuser("root")
    access = sessions.start(staff, claims={} if scope is None else {"scope": scope}).access

    answer = introspect(user, access)

    assert answer.status_code == (200 if may else 401)


@pytest.mark.urls(__name__)
@pytest.mark.parametrize("scope", [None, "", "jwtauth:manage"])
def test_introspection_is_not_for_api_tokens(user, settings, scope):
    """Scripts are clients, with a secret of their own, whatever the token's scopes are."""
    settings.JWTAUTH = {"HOOKS": {"SCOPES": f"{__name__}.two_scopes"}}
    staff = get_user_model().objects.create_superuser("root")

    assert introspect(user, api_tokens.create(staff, "ci", scope=scope).raw).status_code == 401


def introspect(user, raw):
    return Client().post(
        "/oauth/introspect/",
        {"token": sessions.start(user).access},
        headers={"authorization": f"Bearer {raw}"},
    )


# --- one refusal, whichever door finds the scope missing


@jwt_required(scopes=["reports:read"])
def decorated(request):
    return HttpResponse()


class Guarded(APIView):
    authentication_classes = (JWTAuthentication,)
    permission_classes = (HasScopes("reports:read"),)

    def get(self, request):
        return HttpResponse()


class Raising(Guarded):
    permission_classes = ()

    def get(self, request):
        scopes.require(request.auth, ["reports:read"])


def unaware(request):
    """Knows nothing of tokens, and looks at who is asking."""
    return HttpResponse(request.user.get_username())


urlpatterns += [
    path("decorated/", decorated),
    path("guarded/", Guarded.as_view()),
    path("raising/", Raising.as_view()),
    path("unaware/", unaware),
]


@pytest.mark.urls(__name__)
@pytest.mark.parametrize(
    ("url", "scope"),
    [
        ("/decorated/", "reports:read"),
        ("/guarded/", "reports:read"),
        ("/raising/", "reports:read"),
        ("/api/sessions/", "jwtauth:manage"),
        ("/unaware/", ""),
    ],
)
def test_every_door_says_the_same_of_a_missing_scope(client, settings, user, url, scope):
    """One body, and the header of RFC 6750, 3.1: a client need not know what guards a view."""
    settings.MIDDLEWARE = [
        *settings.MIDDLEWARE,
        "django_jwtauth.middleware.JWTAuthenticationMiddleware",
    ]
    raw = sessions.start(user, claims={"scope": "profile"}).access
    ask = client.delete if url.startswith("/api/") else client.get

    answer = ask(url, headers={"authorization": f"Bearer {raw}"})

    assert (answer.status_code, answer.json()) == (403, InsufficientScope().body())
    named = f', scope="{scope}"' if scope else ""
    assert answer["WWW-Authenticate"] == f'Bearer realm="api", error="insufficient_scope"{named}'


# --- what is told of a token's scopes


CLIENT = {"gateway": make_password("s3cret", hasher="md5")}


@pytest.mark.urls(__name__)
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        ("", []),
        ("b  a", ["a", "b"]),
        (["a", "b"], []),
        ({"a": 1}, []),
        (7, []),
    ],
    ids=str,
)
def test_every_door_tells_the_same_scopes(client, settings, user, value, expected):
    """What grants nothing is told as nothing, and as text where text is due (RFC 7662, 2.2)."""
    settings.JWTAUTH = {"CLIENTS": CLIENT, "ONE_TIME": {"PURPOSES": ["export"]}}
    pair = sessions.start(user, claims={} if value is None else {"scope": value})
    bearer = {"authorization": f"Bearer {pair.access}"}
    form = {"token": pair.access, "client_id": "gateway", "client_secret": "s3cret"}

    told = {
        "pair": pair.scope,
        "next pair": sessions.refresh(pair.refresh).scope,
        "introspection": client.post("/oauth/introspect/", form).json().get("scope"),
        "me": client.get("/api/me/", headers=bearer).json()["scopes"],
        "gateway": client.get("/oauth/check/", headers=bearer)["X-Auth-Scope"],
    }
    named = {door: sorted(text.split()) for door, text in told.items() if isinstance(text, str)}

    assert {**told, **named} == {
        **dict.fromkeys(("pair", "next pair", "introspection"), expected),
        **dict.fromkeys(("me", "gateway"), expected or []),
    }
