"""Scopes: granted as asked for and allowed, narrowed by a refresh, never widened."""

import pytest
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from django_jwtauth import scopes, sessions
from django_jwtauth.exceptions import InsufficientScope, MalformedToken
from tests.conftest import PASSWORD
from tests.forge import claims_of

ALLOWED = ["reports:read", "reports:write", "profile"]

granted_by_hook = None


def hook(user, request):
    return granted_by_hook


@pytest.fixture
def allow(settings, monkeypatch):
    """``allow(names)`` is what SCOPES_HOOK returns from now on."""
    settings.JWTAUTH = {"SCOPES_HOOK": "tests.test_scopes.hook"}

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
    assert scopes.narrow(value, None) is None


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
        ("admin", None),
        ('"', None),
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
    """What a client asks for is granted by nobody."""
    answer = api.post(
        reverse("token_obtain_pair"),
        {"username": "anna", "password": PASSWORD, "scope": "admin"},
    )
    assert scope_of(answer.json()["access"]) is None


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
    with pytest.raises(ValueError, match="SCOPES_HOOK"):
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
        given_ = scopes.narrow(" ".join(held), " ".join(asked))
    except InsufficientScope:
        assert not set(asked) <= set(held)
    else:
        assert set((given_ or "").split()) == set(asked or held)
        assert set((given_ or "").split()) <= set(held)
