"""Permissions by what the token says, alone and composed, for both kinds of users."""

import time
from datetime import timedelta
from threading import Barrier, Thread

import pytest
from django.contrib.auth.models import AnonymousUser
from rest_framework.permissions import AllowAny, IsAdminUser, IsAuthenticated
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from django_jwtauth import api_tokens, sessions
from django_jwtauth.authentication import JWTAuthentication, JWTStatelessUserAuthentication
from django_jwtauth.contrib.simplejwt.authentication import (
    JWTAuthentication as SimpleJWTAuthentication,
)
from django_jwtauth.permissions import (
    HasAMR,
    HasReadWriteScopes,
    HasScopes,
    IsPerson,
    SignedInWithin,
    TokenPermission,
)

pytestmark = pytest.mark.django_db


class StatelessAuthentication(JWTStatelessUserAuthentication):
    """Lets API tokens in, so that the permissions have to look at them."""

    accepts_api_tokens = True


AUTHENTICATION = {
    "database": JWTAuthentication,
    "stateless": StatelessAuthentication,
    # Its request.auth is no dict.
    "simplejwt's": SimpleJWTAuthentication,
}


class Record:
    """An object that object permissions are asked about."""


class RecordView(APIView):
    def get(self, request):
        self.check_object_permissions(request, Record())
        return Response("seen")

    def post(self, request):
        return self.get(request)

    options = get


@pytest.fixture(params=AUTHENTICATION)
def ask(request, user):
    """``ask(permissions, claims)`` is the answer of a view to a token with such claims."""
    factory = APIRequestFactory()

    def ask(permissions, claims=None, method="get", raw=None, authentication=None):
        raw = sessions.start(user, claims=claims).access if raw is None else raw
        headers = {"HTTP_AUTHORIZATION": f"Bearer {raw}"} if raw else {}
        view = RecordView.as_view(
            authentication_classes=[authentication or AUTHENTICATION[request.param]],
            permission_classes=permissions if isinstance(permissions, list) else [permissions],
        )
        return view(getattr(factory, method)("/", **headers))

    return ask


def lacks(answer, error, **attributes):
    """The answer is a 403 that says so in WWW-Authenticate and in the body."""
    given = "".join(f', {name}="{value}"' for name, value in attributes.items())
    return (
        answer.status_code == 403
        and answer.get("WWW-Authenticate") == f'Bearer realm="api", error="{error}"{given}'
        and answer.data["code"] == answer.data["reason"] == error
    )


# --- each alone


@pytest.mark.parametrize("scope", ["a b", "b c a"])
def test_has_scopes(ask, scope):
    """All that are named must be there."""
    assert ask(HasScopes("a", "b"), {"scope": scope}).status_code == 200


@pytest.mark.parametrize("claims", [{}, {"scope": "a"}, {"scope": "ab"}, {"scope": ["a", "b"]}])
def test_has_scopes_not(ask, claims):
    """RFC 6750, 3.1: 403 insufficient_scope, with the scopes that are necessary."""
    assert lacks(ask(HasScopes("a", "b"), claims), "insufficient_scope", scope="a b")


NO_PERMISSIONS = {
    "the class": HasScopes,
    "no name": lambda: HasScopes(""),
    "two in one": lambda: HasScopes("a b"),
    "a quote": lambda: HasScopes('a"'),
    "a new line": lambda: HasScopes("a\r\n"),
    "nothing to read": lambda: HasReadWriteScopes(read="", write="b"),
    "nothing to write": lambda: HasReadWriteScopes(read="a", write=" "),
    "no method": HasAMR,
}


@pytest.mark.parametrize("make", NO_PERMISSIONS.values(), ids=NO_PERMISSIONS)
def test_a_permission_that_asks_for_nothing_cannot_be_made(make):
    """``permission_classes = [HasScopes]`` is a mistake that must not let everybody pass."""
    with pytest.raises(ValueError, match="Name"):
        make()


@pytest.mark.parametrize(
    ("method", "scope", "needed"),
    [
        ("get", "r1 r2", None),
        ("options", "r1 r2", None),
        ("post", "w", None),
        ("get", "w", "r1 r2"),
        ("options", "r1", "r1 r2"),
        ("post", "r1 r2", "w"),
    ],
)
def test_read_and_write(ask, method, scope, needed):
    """By method: safe ones need the scopes to read, others those to write."""
    permission = HasReadWriteScopes(read="r1 r2", write="w")
    answer = ask(permission, {"scope": scope}, method)
    if needed is None:
        assert answer.status_code == 200
    else:
        assert lacks(answer, "insufficient_scope", scope=needed)


@pytest.mark.parametrize("amr", [["otp"], ["pwd", "hwk"]])
def test_has_amr(ask, amr):
    """One of the methods is enough."""
    assert ask(HasAMR("otp", "hwk"), {"amr": amr}).status_code == 200


@pytest.mark.parametrize("claims", [{}, {"amr": ["pwd"]}, {"amr": "otp"}, {"amr": [["otp"]]}])
def test_has_amr_not(ask, claims):
    """RFC 9470, 3: insufficient_user_authentication, also for a claim of another form."""
    assert lacks(ask(HasAMR("otp"), claims), "insufficient_user_authentication")


def test_signed_in_within(ask):
    """A sign-in that has just started, and a time of its own that the sign-in carries."""
    assert ask(SignedInWithin(minutes=10)).status_code == 200
    assert ask(SignedInWithin(minutes=10), {"auth_time": time.time() - 590}).status_code == 200


@pytest.mark.parametrize("auth_time", [0, 1.5, True, -1])
def test_signed_in_within_not(ask, auth_time):
    """RFC 9470, 3: the answer says how old the sign-in may be."""
    answer = ask(SignedInWithin(minutes=10), {"auth_time": auth_time})
    assert lacks(answer, "insufficient_user_authentication", max_age="600")


def test_signing_in_is_not_refreshing(ask, user, time_machine):
    """A refreshed token is as old as its sign-in."""
    time_machine.move_to("2026-11-24T12:00:00+00:00")
    pair = sessions.start(user)
    time_machine.shift(timedelta(minutes=11))
    raw = sessions.refresh(pair.refresh).access

    assert lacks(
        ask(SignedInWithin(minutes=10), raw=raw), "insufficient_user_authentication", max_age="600"
    )
    assert ask(SignedInWithin(minutes=12), raw=raw).status_code == 200


def test_an_api_token_is_no_person_and_no_new_sign_in(ask, user):
    """However new it is: who stole a sign-in would only have to make one."""
    raw = api_tokens.create(user, "script").raw

    assert lacks(ask(IsPerson, raw=raw), "insufficient_user_authentication")
    recent = ask(SignedInWithin(minutes=10), raw=raw)
    assert lacks(recent, "insufficient_user_authentication", max_age="600")
    assert lacks(ask(HasAMR("pwd"), raw=raw), "insufficient_user_authentication")
    assert ask(IsPerson).status_code == 200


@pytest.mark.parametrize(
    "permission",
    [
        HasScopes("a"),
        HasReadWriteScopes(read="a", write="a"),
        HasAMR("otp"),
        SignedInWithin(minutes=10),
        IsPerson,
    ],
    ids=lambda permission: type(permission).__name__,
)
def test_without_a_token_it_is_401(ask, permission):
    """RFC 6750, 3.1: nothing was sent, so nothing is said to be wrong with it."""
    answer = ask(permission, raw="")
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == 'Bearer realm="api"'


def test_who_came_without_a_token_has_no_scopes(user):
    """Somebody whom another class authenticated is refused, without our header."""

    class Session(JWTAuthentication):
        def authenticate(self, request):
            return user, None

    view = RecordView.as_view(authentication_classes=[Session], permission_classes=[HasScopes("a")])
    answer = view(APIRequestFactory().get("/"))
    assert answer.status_code == 403
    assert "WWW-Authenticate" not in answer


# --- composed


A, B = HasScopes("a"), HasScopes("b")

COMPOSITIONS = {
    # By the scopes of the token: whether it passes.
    "A & B": (A & B, {"a b": True, "a": False, "b": False, "": False}),
    "A | B": (A | B, {"a b": True, "a": True, "b": True, "": False}),
    "~A": (~A, {"a": False, "b": True, "": True}),
    "~A & B": (~A & B, {"a b": False, "b": True, "": False}),
    "A & ~B": (A & ~B, {"a b": False, "a": True, "": False}),
    "~(A | B)": (~(A | B), {"a b": False, "a": False, "b": False, "": True}),
    "~(A & B)": (~(A & B), {"a b": False, "a": True, "": True}),
    "A | IsAdminUser": (A | IsAdminUser, {"a": True, "": False}),
    "IsAdminUser | A": (IsAdminUser | A, {"a": True, "": False}),
    "A & IsAuthenticated": (A & IsAuthenticated, {"a": True, "": False}),
    "IsAuthenticated & A": (IsAuthenticated & A, {"a": True, "": False}),
    "A | AllowAny": (A | AllowAny, {"a": True, "": True}),
    "~~A": (~~A, {"a": True, "": False}),
    "~IsPerson | A": (~IsPerson | A, {"a": True, "": False}),
}


@pytest.mark.parametrize(
    ("name", "scope"), [(name, scope) for name, it in COMPOSITIONS.items() for scope in it[1]]
)
def test_compositions(ask, name, scope):
    """With &, | and ~, and DRF's own, each part gets its chance; for objects, too."""
    permission, expected = COMPOSITIONS[name]
    answer = ask(permission, {"scope": scope})
    assert answer.status_code == (200 if expected[scope] else 403)


def test_the_other_half_gets_its_chance(user, ask):
    """``HasScopes("a") | IsAdminUser`` lets an operator pass who lacks the scope."""
    user.is_staff = True
    user.save()
    assert ask(A | IsAdminUser, authentication=JWTAuthentication).status_code == 200
    answer = ask(A | IsAdminUser, raw=None, authentication=JWTAuthentication)
    assert "WWW-Authenticate" not in answer


def test_a_composition_says_no_without_naming_a_part(ask):
    """Which part is missing is not said: another might have done."""
    answer = ask(A | B)
    assert answer.status_code == 403
    assert "WWW-Authenticate" not in answer


def test_in_a_list_each_says_what_is_missing(ask):
    """The first that refuses is reported, after others that were content."""
    answer = ask([IsAuthenticated, A | B, B], {"scope": "a"})
    assert lacks(answer, "insufficient_scope", scope="b")


def test_what_was_missing_before_is_forgotten(ask):
    """A refusal by another permission does not repeat what an earlier one found missing."""

    class Never(AllowAny):
        def has_permission(self, request, view):
            return False

    answer = ask([A | AllowAny, Never])
    assert answer.status_code == 403
    assert "WWW-Authenticate" not in answer


def test_only_the_object_may_be_refused(ask):
    """A view may pass and its object not; the 403 says what is missing as well."""

    class OnObjects(HasScopes):
        def has_permission(self, request, view):
            return True

        def has_object_permission(self, request, view, obj):
            assert isinstance(obj, Record)
            return super().has_permission(request, view)

    assert lacks(ask(OnObjects("a")), "insufficient_scope", scope="a")
    assert ask(OnObjects("a"), {"scope": "a"}).status_code == 200


def test_requests_in_parallel_do_not_mix(rf):
    """One permission serves all requests; each is told what its own token lacks."""
    permission = HasReadWriteScopes(read="r", write="w")
    barrier = Barrier(2)
    told = {}

    def refuse(method):
        request = APIView().initialize_request(rf.generic(method, "/"))
        request.user, request.auth = AnonymousUser(), {"scope": ""}
        for _ in range(50):
            assert not permission.has_permission(request, None)
            barrier.wait(5)
            try:
                permission.message  # noqa: B018
            except Exception as error:
                told.setdefault(method, set()).add(error.auth_header)
            barrier.wait(5)

    threads = [Thread(target=refuse, args=[method]) for method in ("GET", "POST")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert told == {
        "GET": {'Bearer realm="api", error="insufficient_scope", scope="r"'},
        "POST": {'Bearer realm="api", error="insufficient_scope", scope="w"'},
    }


def test_the_base_asks_for_nothing_and_cannot_be_used(rf):
    """A permission of one's own says what is missing, or fails loudly."""
    request = APIView().initialize_request(rf.get("/"))
    request.user, request.auth = AnonymousUser(), {}
    with pytest.raises(NotImplementedError):
        TokenPermission().has_permission(request, None)
