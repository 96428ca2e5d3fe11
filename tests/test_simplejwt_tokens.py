"""simplejwt's token classes: what is issued, read, changed and refused, by the core's rules."""

import asyncio
import threading
from datetime import datetime, timedelta, timezone
from functools import partial

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.core.exceptions import SynchronousOnlyOperation

from django_jwtauth import api_tokens, exceptions, one_time, sessions
from django_jwtauth.contrib.simplejwt import tokens as module
from django_jwtauth.contrib.simplejwt.exceptions import ExpiredTokenError, TokenError, Unsupported
from django_jwtauth.contrib.simplejwt.tokens import AccessToken, RefreshToken, Token, UntypedToken
from django_jwtauth.models import BlacklistedToken, Kind, LoginSession
from tests import forge
from tests.legacy import legacy, moved

pytestmark = pytest.mark.django_db


def test_tokens_for_a_user(user, api):
    """for_user(), access_token and str(), as simplejwt's documentation has it: one sign-in."""
    refresh = RefreshToken.for_user(user)
    body = {"refresh": str(refresh), "access": str(refresh.access_token)}

    assert LoginSession.objects.get().user == user
    assert sessions.authenticate(body["access"])[0] == user
    assert api.refresh(body["refresh"]).status_code == 200
    assert str(refresh.access_token) == body["access"]


def test_claims_of_a_new_token(user, api):
    """What is added before the token is read is in both tokens, and in those that follow."""
    refresh = RefreshToken.for_user(user)
    refresh["name"] = "Anna"
    assert "name" in refresh
    assert refresh.get("nothing") is None
    assert forge.claims_of(str(refresh.access_token))["name"] == "Anna"
    assert forge.claims_of(str(refresh))["name"] == "Anna"

    assert forge.claims_of(api.refresh(str(refresh)).json()["access"])["name"] == "Anna"


def test_claims_of_a_token_that_was_given_out(user, api):
    """Its jti is that of its sign-in; what is changed afterwards is signed when it is next read."""
    refresh = RefreshToken.for_user(user)
    first = str(refresh)
    refresh["name"] = "Anna"

    assert refresh["jti"] == forge.claims_of(first)["jti"]
    assert "name" not in forge.claims_of(first)
    assert forge.claims_of(str(refresh))["name"] == "Anna"
    assert str(refresh) == str(refresh)
    assert LoginSession.objects.count() == 1


@pytest.mark.parametrize("claim", ["sub", "sid", "gen", "iss", "aud", "token_type", "user_id"])
def test_reserved_claims_of_a_new_token(user, claim):
    """A claim that the sign-in decides cannot be set, in neither of its tokens."""
    refresh = RefreshToken.for_user(user)
    for token in (refresh, refresh.access_token):
        token[claim] = "2"
        with pytest.raises(ValueError, match=claim):
            str(token)


def test_an_inactive_user_gets_no_token(user):
    """simplejwt only logged it."""
    user.is_active = False
    with pytest.raises(exceptions.UserInactive):
        str(RefreshToken.for_user(user))


def test_address_and_user_agent(user, rf):
    """Recorded when the request is given."""
    request = rf.get("/", headers={"User-Agent": "curl/8"}, REMOTE_ADDR="192.0.2.7")
    str(RefreshToken.for_user(user, request))

    session = LoginSession.objects.get()
    assert (session.ip_address, session.user_agent) == ("192.0.2.7", "curl/8")


def test_signing_out_as_everybody_wrote_it(user, pair, api):
    """RefreshToken(raw).blacklist() ends the sign-in."""
    RefreshToken(pair.refresh).blacklist()

    assert api.protected(pair.access).status_code == 401
    assert BlacklistedToken.objects.get().token_type == "refresh"
    with pytest.raises(exceptions.TokenError):
        RefreshToken(pair.refresh)


def test_reading_a_refresh_token(user, pair):
    """It is verified, and of the right kind; nothing is exchanged."""
    refresh = RefreshToken(pair.refresh)
    assert (str(refresh), refresh["sub"]) == (pair.refresh, str(user.pk))
    with pytest.raises(KeyError):
        refresh["nothing"]
    with pytest.raises(exceptions.WrongTokenType):
        RefreshToken(pair.access)
    assert sessions.authenticate(str(refresh.access_token))[0] == user
    assert LoginSession.objects.get().generation == 0


def test_reading_an_access_token(user, pair):
    """AccessToken(raw) refuses what a request would be refused for."""
    access = AccessToken(pair.access)
    assert access.payload["sub"] == access.get("sub") == str(user.pk)
    with pytest.raises(exceptions.WrongTokenType):
        AccessToken(pair.refresh)
    access.blacklist()
    with pytest.raises(exceptions.TokenBlacklisted):
        AccessToken(pair.access)


def test_an_access_token_for_a_user(user, api):
    """As tests of projects make them."""
    assert api.protected(str(AccessToken.for_user(user))).status_code == 200


def test_what_is_shown_of_a_token(user, pair):
    """Its jti, never the token."""
    for token in (RefreshToken(pair.refresh), AccessToken(pair.access)):
        assert token["jti"] in repr(token)
        assert str(token) not in repr(token)


# --- what a token is signed with


def test_a_token_lasts_no_longer_than_its_sign_in(user, time_machine):
    """A longer life is cut to SESSION_LIFETIME after the start, and the row says so, too."""
    token = RefreshToken.for_user(user)
    start = LoginSession.objects.get().created_at
    time_machine.move_to(start + timedelta(days=6), tick=False)
    later = RefreshToken(str(token))
    later.set_exp(lifetime=timedelta(days=29))

    end = forge.claims_of(str(later))["exp"]
    assert end == int((start + timedelta(days=30)).timestamp()) == later["exp"]
    assert int(LoginSession.objects.get().expires_at.timestamp()) == end


@pytest.mark.parametrize("kind", [AccessToken, RefreshToken])
def test_what_an_operator_ends_includes_a_token_that_lasts_longer(user, kind):
    """The sign-in counts as live for as long as any token of it is."""
    token = kind.for_user(user)
    token.set_exp(lifetime=timedelta(days=20))
    raw = str(token)

    left = LoginSession.objects.get().expires_at - LoginSession.objects.get().created_at
    assert left > timedelta(days=19)
    assert kind(raw)["exp"] == forge.claims_of(raw)["exp"]


def test_a_shorter_life_does_not_hide_the_sign_in(user):
    """Another token of it, which lasts longer, may have been given out."""
    token = RefreshToken.for_user(user)
    before = LoginSession.objects.get().expires_at
    token.set_exp(lifetime=timedelta(minutes=1))
    str(token)

    assert LoginSession.objects.get().expires_at == before


def test_a_token_of_a_sign_in_that_has_ended_is_not_made_to_last(user):
    token = RefreshToken.for_user(user)
    sessions.end(token["sid"])
    token.set_exp(lifetime=timedelta(days=20))
    with pytest.raises(TokenError):
        str(token)


def test_a_lifetime_that_no_sign_in_has(user):
    """It says which kind of token has one."""
    token = AccessToken.for_user(user)
    token.set_exp(lifetime=timedelta(days=365))
    with pytest.raises(ValueError, match="SESSION_LIFETIME"):
        str(token)


def test_tokens_of_other_rows_keep_their_end(user):
    """An API token is as long good as it was made for, whoever reads it."""
    token = AccessToken(api_tokens.create(user, "ci", lifetime=timedelta(days=1)).raw)
    token.set_exp(lifetime=timedelta(days=20))
    with pytest.raises(ValueError, match="sign-in"):
        str(token)


def test_a_time_may_be_a_datetime(user):
    """As PyJWT takes it."""
    token = AccessToken.for_user(user)
    moment = datetime.now(timezone.utc) + timedelta(hours=1)
    token["exp"] = moment

    assert forge.claims_of(str(token))["exp"] == int(moment.timestamp())


def test_a_nested_claim_that_is_changed_in_place(user):
    """The token that was read is not what it says any more."""
    token = RefreshToken.for_user(user)
    token["perms"] = {"shop": ["see"]}
    read = AccessToken(str(token.access_token))
    read["perms"]["shop"].append("sell")

    assert forge.claims_of(str(read))["perms"] == {"shop": ["see", "sell"]}
    assert AccessToken(str(token.access_token))["perms"] == {"shop": ["see"]}


def test_claims_that_are_no_json(user, settings):
    """JSON_ENCODER of SIMPLE_JWT makes them some."""
    token = RefreshToken.for_user(user)
    token["at"] = datetime(2001, 1, 1)
    with pytest.raises((ValueError, TypeError)):
        str(token)
    settings.SIMPLE_JWT = {"JSON_ENCODER": "django.core.serializers.json.DjangoJSONEncoder"}
    assert forge.claims_of(str(token))["at"] == "2001-01-01T00:00:00"


def test_a_jti_of_another_sign_in_cannot_be_set(user):
    """What an operator finds in a log leads to the sign-in it came from."""
    token = AccessToken.for_user(user)
    token["jti"] = "0" * 32 + ".0123456789abcdef"
    with pytest.raises(ValueError, match="jti"):
        str(token)


def test_a_claim_that_says_nothing_new_is_no_change(user):
    """The user's id as a number is the same user."""
    token = RefreshToken.for_user(user)
    before = str(token)
    token["user_id"] = user.pk

    assert forge.claims_of(str(token)) == forge.claims_of(before)


# --- whose it is


def test_the_user_is_loaded_with_the_token(user, pair, statements):
    """One query, whichever class reads it."""
    for kind, raw in ((AccessToken, pair.access), (RefreshToken, pair.refresh)):
        with statements(1):
            assert kind(raw).loaded_user == user
        with statements(1):
            assert UntypedToken(raw).loaded_user == user


def test_a_user_by_another_field(user, settings):
    """USER_ID_FIELD names what USER_ID_CLAIM is, in every token that is made or read."""
    settings.SIMPLE_JWT = {"USER_ID_FIELD": "email"}
    token = RefreshToken.for_user(user)

    assert token["user_id"] == token.access_token["user_id"] == user.email
    assert AccessToken(str(token.access_token))["user_id"] == user.email
    bare = AccessToken()
    bare["user_id"] = user.email
    assert AccessToken(str(bare)).loaded_user == user


def test_the_claim_that_jwtauth_names(user, settings):
    """It is USER_ID_CLAIM of JWTAUTH, and then it is in the token itself."""
    settings.JWTAUTH = {"USER_ID_CLAIM": "uid"}
    access = RefreshToken.for_user(user).access_token

    assert access["uid"] == forge.claims_of(str(access))["uid"] == str(user.pk)


@pytest.mark.parametrize("name", ["nobody", True, None, [1], {"a": 1}, "1\n"])
def test_a_token_made_for_nobody(user, name):
    """No user, no token: an error, and no row."""
    token = AccessToken()
    token["user_id"] = name
    with pytest.raises((TokenError, Unsupported)):
        str(token)
    assert not LoginSession.objects.exists()


# --- refresh tokens


def test_a_superseded_token_ends_the_sign_in(user, pair, time_machine):
    """As at the refresh endpoint: whoever has a copy is noticed wherever it is shown."""
    second = sessions.refresh(pair.refresh)
    time_machine.move_to(datetime.now(timezone.utc) + timedelta(seconds=31))

    with pytest.raises(TokenError, match="blacklisted") as caught:
        RefreshToken(pair.refresh)
    assert isinstance(caught.value, exceptions.RefreshTokenReused)
    assert LoginSession.objects.get().end_reason == "reused"
    with pytest.raises(TokenError):
        RefreshToken(second.refresh)


def test_a_second_tab_within_the_grace_period(user, pair):
    """It is served as the refresh endpoint serves it: one successor for both."""
    first, second = RefreshToken(pair.refresh), RefreshToken(pair.refresh)
    first.set_jti()
    second.set_jti()

    assert str(first) == str(second)
    assert LoginSession.objects.get().generation == 1


def test_exchanging_by_hand_carries_what_was_changed(user, pair):
    """Claims that were set before set_jti() are in the next token, and those after it."""
    token = RefreshToken(pair.refresh)
    token["a"] = 1
    token.set_jti()
    token["b"] = 2

    claims = forge.claims_of(str(token))
    assert (claims["gen"], claims["a"], claims["b"]) == (1, 1, 2)
    assert sessions.refresh(str(token)).refresh


def test_without_rotation_the_token_stays(user, pair, settings):
    """Where JWTAUTH says that refresh tokens are not rotated, there is no other."""
    settings.JWTAUTH = {"ROTATE_REFRESH_TOKENS": False}
    token = RefreshToken(pair.refresh)
    token.set_jti()

    assert str(token) == pair.refresh
    assert sessions.verify(str(token.access_token))


def test_an_access_token_of_a_read_token_costs_one_query(pair, statements):
    """The same one however often it is asked for, and nothing is written."""
    token = RefreshToken(pair.refresh)
    with statements(2):
        assert str(token.access_token) == str(token.access_token)
    assert LoginSession.objects.get().generation == 0


def test_blacklisting_costs_no_more_for_what_it_returns(pair, statements):
    """The sign-in is looked up when somebody looks at it, of an access token's as well."""
    token, access = RefreshToken(pair.refresh), AccessToken(pair.access)
    with statements(3):
        blacklisted, first = token.blacklist()
    with statements(1):
        assert (blacklisted.pk, first) == (pair.session_id, True)
        assert blacklisted.blacklisted_at
    assert access.blacklist()[0].token.jti == token["jti"]


def test_no_access_token_once_the_token_was_blacklisted(user):
    token = RefreshToken.for_user(user)
    token.blacklist()
    with pytest.raises(TokenError):
        token.access_token  # noqa: B018


def test_a_subclass_that_loosens_what_is_checked(user, pair):
    """What it overrides comes on top: an ended sign-in stays ended."""

    class Loose(RefreshToken):
        def verify(self):
            pass

        def check_blacklist(self):
            pass

    assert Loose(pair.refresh)["sub"] == str(user.pk)
    sessions.end(pair.session_id)
    with pytest.raises(TokenError):
        Loose(pair.refresh)


def test_a_check_of_a_subclass_is_asked_once(pair):
    """When the token is read; each call of its own asks the database."""
    asked = []

    class Counted(RefreshToken):
        def check_blacklist(self):
            asked.append(self["jti"])
            super().check_blacklist()

    token = Counted(pair.refresh)
    assert asked == [token["jti"]]
    sessions.end(pair.session_id)
    with pytest.raises(TokenError):
        token.check_blacklist()


# --- tokens of a kind of their own


class MailToken(Token):
    token_type = "mail"
    lifetime = timedelta(hours=1)


def test_a_token_type_of_ones_own(user, statements):
    """A one-time token: read as often as one likes, until it is blacklisted."""
    with statements(1):
        token = MailToken.for_user(user)
    token["to"] = "a@example.org"
    raw = str(token)

    assert LoginSession.objects.get().kind == Kind.ONE_TIME
    assert [MailToken(raw)["to"] for _ in range(2)] == ["a@example.org"] * 2
    assert MailToken(raw)["token_type"] == "mail"
    MailToken(raw).blacklist()
    with pytest.raises(TokenError):
        MailToken(raw)


def test_a_token_type_is_no_other(user, pair):
    """Neither another type's, nor a token of a sign-in, nor one for another purpose."""

    class Other(MailToken):
        token_type = "other"

    class Loose(MailToken):
        def verify(self):
            pass

    for raw in (str(Other.for_user(user)), pair.access, pair.refresh):
        for kind in (MailToken, Loose):
            with pytest.raises(TokenError):
                kind(raw)
    for kind in (AccessToken, RefreshToken, UntypedToken):
        with pytest.raises(TokenError):
            kind(one_time.create(user, "mail"))


def test_a_token_type_ends_with_the_password(user):
    raw = str(MailToken.for_user(user))
    user.set_password("another")
    user.save()
    with pytest.raises(TokenError):
        MailToken(raw)


def test_a_token_type_that_lasts_too_long(user):
    class Long(MailToken):
        lifetime = timedelta(days=3)

    with pytest.raises(ValueError, match="at most 1 day"):
        Long.for_user(user)


def test_untyped_tokens_are_read_only(user):
    with pytest.raises(Unsupported, match="RefreshToken or AccessToken"):
        UntypedToken.for_user(user)


# --- verify=False


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"token_type": "one_time"},
        {"sub": [1], "exp": "never", "jti": None},
        f'{{"deep": {"[" * 900}{"]" * 900}}}',
    ],
    ids=["empty", "one-time", "odd", "deep"],
)
def test_what_a_stranger_wrote_is_shown_and_not_believed(claims):
    """Whatever it says, it is read or refused, and signs nothing."""
    raw = forge.sign({"alg": "HS256", "typ": "JWT"}, claims, b"not our secret")
    for kind in (AccessToken, RefreshToken, UntypedToken, MailToken):
        try:
            token = kind(raw, verify=False)
        except TokenError:
            continue
        assert str(token) == raw
        for call in (token.blacklist, token.check_blacklist, partial(kind, raw)):
            with pytest.raises(TokenError):
                call()
        token["sub"] = "1"
        with pytest.raises(Unsupported, match="verify=False"):
            str(token)


@pytest.mark.parametrize("raw", ["", "a.b", "x" * 9000, "\ud800", 7, b"\xff\xfe", None.__class__])
def test_what_is_no_token_at_all(raw):
    for verify in (True, False):
        with pytest.raises(TokenError):
            AccessToken(raw, verify=verify)


def test_a_token_that_was_not_verified_signs_out_if_it_is_good(pair):
    """blacklist() checks it then."""
    RefreshToken(pair.refresh, verify=False).blacklist()
    assert LoginSession.objects.get().ended_at


# --- legacy tokens


@pytest.fixture
def while_moving(settings):
    settings.JWTAUTH = moved()


def test_a_legacy_access_token(user, while_moving):
    """It is read like any other; what it says cannot be changed, as nobody here issued it."""
    token = AccessToken(legacy(user, name="Anna"))
    assert (token["user_id"], token["name"], token.loaded_user) == (str(user.pk), "Anna", user)
    assert "legacy" not in token
    token["name"] = "Bert"
    with pytest.raises(ValueError, match="legacy"):
        str(token)


def test_a_legacy_refresh_token(user, while_moving):
    """Access tokens without an exchange, the exchange, and signing out."""
    raw = legacy(user, "refresh")
    token = RefreshToken(raw)
    assert sessions.verify(str(token.access_token))[0] == user
    token.set_jti()
    token["name"] = "Anna"
    assert forge.claims_of(str(token))["gen"] == 1
    RefreshToken(str(token)).blacklist()
    with pytest.raises(TokenError):
        RefreshToken(raw)


def test_legacy_tokens_after_their_time(user):
    with pytest.raises(TokenError):
        AccessToken(legacy(user))


# --- async


def run(function):
    """Run the coroutine in a thread of its own, as the test is not async."""
    found = []

    def target():
        try:
            found.append(asyncio.run(function()))
        except BaseException as error:
            found.append(error)

    thread = threading.Thread(target=target)
    thread.start()
    thread.join()
    return found[0]


def test_what_needs_no_query_in_async_code(user, pair):
    """A token that was made or read in a thread is used as ever."""
    refresh, read = RefreshToken.for_user(user), AccessToken(pair.access)

    async def use():
        refresh["name"] = "Anna"
        access = refresh.access_token
        access.set_exp(lifetime=timedelta(minutes=1))
        read["name"] = "Anna"
        peeked = AccessToken(pair.access, verify=False)
        bare = AccessToken()
        bare["user_id"] = "1"
        return [str(refresh), str(access), str(read), peeked["sub"], bare["exp"]]

    assert len(run(use)) == 5


@pytest.mark.parametrize(
    "call",
    [
        lambda user, pair: RefreshToken.for_user(user),
        lambda user, pair: AccessToken(pair.access),
        lambda user, pair: RefreshToken(pair.refresh),
        lambda user, pair: UntypedToken(pair.refresh),
    ],
    ids=["for_user", "access", "refresh", "untyped"],
)
def test_what_needs_a_query_says_so_in_async_code(user, pair, call):
    """Django's own error, not a refusal of the token."""

    async def use():
        return call(user, pair)

    assert isinstance(run(use), SynchronousOnlyOperation)


@pytest.mark.django_db(transaction=True)
def test_sync_to_async_is_enough(user, pair):
    async def use():
        refresh = await sync_to_async(RefreshToken.for_user)(user)
        return str(refresh), str(refresh.access_token)

    # In the test's own thread, whose connection is closed when the tests end.
    assert len(async_to_sync(use)()) == 2


# --- the class


@pytest.mark.parametrize("name", ["get_token_backend", "token_backend", "_token_backend"])
def test_a_back_end_of_ones_own_is_refused_where_it_is_defined(name):
    with pytest.raises(TypeError, match=f"Mine.{name} would never be used"):
        type("Mine", (AccessToken,), {name: None})


def test_a_refusal_is_of_both_families(user, pair):
    """Whoever catches simplejwt's exceptions, or ours, catches it."""
    with pytest.raises(exceptions.WrongTokenType) as caught:
        RefreshToken(pair.access)
    assert isinstance(caught.value, TokenError)
    assert caught.value.reason == "wrong_type"
    token = AccessToken.for_user(user)
    token.set_exp(lifetime=-timedelta(seconds=1))
    with pytest.raises(ExpiredTokenError) as caught:
        AccessToken(str(token))
    assert isinstance(caught.value, exceptions.ExpiredToken)


def test_a_database_that_is_down_is_no_bad_token(pair, monkeypatch):
    """Unavailable is not a TokenError: nobody is signed out for it."""

    def fail(*args, **kwargs):
        raise exceptions.Unavailable

    monkeypatch.setattr(module.sessions, "authenticate", fail)
    with pytest.raises(exceptions.Unavailable) as caught:
        AccessToken(pair.access)
    assert not isinstance(caught.value, TokenError)


def test_blacklisting_a_token_that_was_never_issued(db):
    """Nothing to refuse, and nothing is issued afterwards: dj-rest-auth does it at each logout."""
    token = RefreshToken(None)
    token.blacklist()
    token["user_id"] = "1"

    with pytest.raises(TokenError, match="Token is blacklisted"):
        str(token)
    assert not LoginSession.objects.exists()


@pytest.mark.parametrize(
    "jti", ["mine", "{sid}.", "{sid}.0123456789abcdeg", "{sid}:1", "{sid}." + "0" * 300]
)
def test_a_jti_of_ones_own_is_refused(user, jti):
    """An access token's jti leads to its sign-in, in the form that logs and the admin know."""
    token = AccessToken.for_user(user)
    token["jti"] = jti.format(sid=token["sid"])

    with pytest.raises(ValueError, match="'jti' of a token cannot be changed"):
        str(token)
