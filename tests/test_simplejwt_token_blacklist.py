"""OutstandingToken and BlacklistedToken find sign-ins and end them, or say what to write."""

import logging

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from django_jwtauth import api_tokens, one_time, sessions
from django_jwtauth.contrib.simplejwt.authentication import (
    JWTAuthentication,
    JWTStatelessUserAuthentication,
)
from django_jwtauth.contrib.simplejwt.exceptions import TokenError, Unsupported
from django_jwtauth.contrib.simplejwt.move import importer
from django_jwtauth.contrib.simplejwt.state import token_backend
from django_jwtauth.contrib.simplejwt.token_blacklist.models import (
    BlacklistedToken,
    OutstandingToken,
)
from django_jwtauth.contrib.simplejwt.tokens import AccessToken, RefreshToken, UntypedToken
from django_jwtauth.models import LoginSession
from tests import forge
from tests.legacy import legacy, moved
from tests.simplejwt_project import process

pytestmark = pytest.mark.django_db


def live(user):
    return LoginSession.objects.filter(user=user, ended_at=None).count()


# Each is what a project does to sign a user out everywhere.
WAYS = {
    "get_or_create": lambda user: [
        BlacklistedToken.objects.get_or_create(token=token)
        for token in OutstandingToken.objects.filter(user=user)
    ],
    "create": lambda user: [
        BlacklistedToken.objects.create(token=token)
        for token in OutstandingToken.objects.filter(user_id=user.pk)
        if not BlacklistedToken.objects.filter(token=token).exists()
    ],
    "update_or_create": lambda user: [
        BlacklistedToken.objects.update_or_create(token=token)
        for token in OutstandingToken.objects.filter(user__pk=user.pk).iterator()
    ],
    "bulk_create": lambda user: BlacklistedToken.objects.bulk_create(
        [
            BlacklistedToken(token=token)
            for token in OutstandingToken.objects.filter(user=user, blacklistedtoken=None)
        ],
        ignore_conflicts=True,
    ),
    "save": lambda user: [
        BlacklistedToken(token=token).save()
        for token in OutstandingToken.objects.select_related("user").filter(user=user)
    ],
    "blacklist": lambda user: [
        RefreshToken(outstanding.token).blacklist()
        for outstanding in OutstandingToken.objects.filter(
            user=user, expires_at__gt=timezone.now()
        ).exclude(blacklistedtoken__isnull=False)
    ],
}


@pytest.mark.parametrize("way", WAYS)
def test_signing_a_user_out_everywhere(user, other_user, way):
    """Each way ends every sign-in of the user, twice as well, and nobody else's."""
    pairs = [sessions.start(user) for _ in range(3)]
    sessions.start(other_user)
    sessions.end(pairs[0].session_id)
    WAYS[way](user)
    WAYS[way](user)

    assert (live(user), live(other_user)) == (0, 1)
    for pair in pairs:
        for kind, raw in ((AccessToken, pair.access), (RefreshToken, pair.refresh)):
            with pytest.raises(TokenError):
                kind(raw)


@pytest.mark.parametrize("way", WAYS)
def test_signing_out_everywhere_while_moving(transactional_db, user, settings, way):
    """Tokens of simplejwt that have no row here yet are found, too, and end."""
    process.require_simplejwt()
    settings.JWTAUTH = moved()
    settings.SIMPLE_JWT = {}
    with process.running() as old:
        theirs = [old.obtain()["refresh"] for _ in range(2)]
        WAYS[way](user)
        assert live(user) == 0
        for raw in theirs:
            with pytest.raises(TokenError):
                RefreshToken(raw)


@pytest.mark.parametrize(
    "lookups",
    [
        lambda user: {"user": user},
        lambda user: {"user": user.pk},
        lambda user: {"user_id": user.pk},
        lambda user: {"user__in": [user]},
        lambda user: {"user_id__in": [user.pk]},
        lambda user: {"user__email__startswith": "anna"},
    ],
    ids=["user", "key", "user_id", "in", "keys", "by name"],
)
def test_however_the_user_is_named(user, settings, monkeypatch, lookups):
    """The legacy tokens of whoever is asked for are imported, and of nobody without a move."""
    asked = []
    monkeypatch.setattr(importer, "import_some", lambda column, value: asked.append(value))
    OutstandingToken.objects.filter(**lookups(user)).exists()
    assert asked == []
    settings.JWTAUTH = moved()
    OutstandingToken.objects.filter(**lookups(user), user__isnull=False).exists()
    assert asked == [user.pk]


def test_one_legacy_token(transactional_db, user, settings):
    """Found by itself and by its jti, before anybody imported it."""
    process.require_simplejwt()
    settings.JWTAUTH = moved()
    settings.SIMPLE_JWT = {}
    with process.running() as old:
        first, second = (old.obtain()["refresh"] for _ in range(2))
        BlacklistedToken.objects.create(token=OutstandingToken.objects.get(token=first))
        jti = forge.claims_of(second)["jti"]
        BlacklistedToken.objects.create(token=OutstandingToken.objects.get(jti=jti))
        for raw in (first, second):
            with pytest.raises(TokenError):
                RefreshToken(raw)
            old_jti = forge.claims_of(raw)["jti"]
            assert BlacklistedToken.objects.filter(token__jti=old_jti).exists()


def test_other_rows_are_no_outstanding_tokens(user):
    """API tokens and one-time tokens are ended by their own means."""
    api_tokens.create(user, "ci")
    one_time.create(user, "mail")
    assert not OutstandingToken.objects.filter(user=user).exists()
    assert not OutstandingToken.objects.all()


def test_a_token_that_a_stranger_made_up_finds_nothing(user, pair):
    """The id of a sign-in alone is no proof: nobody is signed out by it."""
    claims = forge.claims_of(pair.refresh)
    forged = forge.sign(forge.header_of(pair.refresh), claims, b"a secret of the stranger's")
    for raw in (forged, pair.access, "x", "", b"x", 7, None, "x" * 9000, legacy(user, "refresh")):
        assert not OutstandingToken.objects.filter(token=raw).exists()
        assert not BlacklistedToken.objects.filter(token__token=raw).exists()
    assert OutstandingToken.objects.get(token=pair.refresh).pk == pair.session_id


def test_what_is_known_of_a_token(user, pair):
    token = OutstandingToken.objects.get(user=user)
    session = LoginSession.objects.get()

    assert token.id == token.pk == pair.session_id
    assert (token.user, token.user_id, token.jti) == (user, user.pk, f"{session.sid}:0")
    assert (token.created_at, token.expires_at) == (session.created_at, session.expires_at)
    assert str(token) == f"Token for {user} ({token.jti})"
    assert {token} == {OutstandingToken.objects.get(jti=token.jti)}
    assert not hasattr(token, "blacklistedtoken")
    with pytest.raises(BlacklistedToken.DoesNotExist):
        token.blacklistedtoken  # noqa: B018
    blacklisted, created = BlacklistedToken.objects.get_or_create(token=token)
    assert created
    assert (blacklisted.pk, blacklisted.token_id, blacklisted.id) == (token.pk,) * 3
    assert OutstandingToken.objects.get(user=user).blacklistedtoken.blacklisted_at


def test_the_token_of_a_sign_in_is_none(user, pair):
    """It stands for the refresh token in these classes, and opens nothing."""
    stands_for = OutstandingToken.objects.get().token
    read = RefreshToken(stands_for)

    assert (read["user_id"], read["jti"]) == (str(user.pk), f"{pair.session_id.hex}:0")
    assert UntypedToken(stands_for)["token_type"] == "refresh"
    assert pair.refresh not in (str(stands_for), str(read))
    for call in (
        lambda: AccessToken(stands_for),
        lambda: read.access_token,
        read.set_jti,
        lambda: RefreshToken(str(stands_for) + ""),
    ):
        with pytest.raises(TokenError):
            call()
    read.check_blacklist()
    sessions.end(pair.session_id)
    with pytest.raises(TokenError):
        RefreshToken(OutstandingToken.objects.get().token)


@pytest.mark.parametrize("change", ["inactive", "password", "expired"])
def test_the_token_of_a_sign_in_that_is_over(user, pair, change):
    """It is refused as the real one would be."""
    if change == "inactive":
        get_user_model().objects.update(is_active=False)
    if change == "password":
        get_user_model().objects.update(password="another")
    if change == "expired":
        LoginSession.objects.update(expires_at=timezone.now())
    with pytest.raises(TokenError):
        RefreshToken(OutstandingToken.objects.get().token)


def test_whether_one_token_is_refused(user, pair):
    """By its jti: of a sign-in that ended, superseded, or blacklisted by itself."""

    def refused(jti):
        found = BlacklistedToken.objects.filter(token__jti=jti)
        assert found.exists() == bool(found.count()) == (found.first() is not None)
        return found.exists()

    refresh, access = (forge.claims_of(raw)["jti"] for raw in (pair.refresh, pair.access))
    assert (refused(refresh), refused(access), refused("nothing")) == (False, False, False)
    sessions.blacklist(pair.access)
    assert (refused(refresh), refused(access)) == (False, True)
    second = forge.claims_of(sessions.refresh(pair.refresh).refresh)["jti"]
    assert (refused(refresh), refused(second)) == (True, False)
    sessions.end(pair.session_id)
    assert refused(second)
    assert BlacklistedToken.objects.get(token__jti=second).blacklisted_at
    with pytest.raises(BlacklistedToken.DoesNotExist):
        BlacklistedToken.objects.get(token__jti="nothing")


def test_asking_for_many(user, other_user):
    """Order, slices, values: what code asks a queryset."""
    for who in (user, other_user, user):
        sessions.start(who)
    tokens = OutstandingToken.objects.order_by("created_at")
    jtis = [token.jti for token in tokens]

    assert (tokens.count(), len(tokens), bool(tokens)) == (3, 3, True)
    assert tokens.first().jti == jtis[0]
    assert tokens.last().jti == tokens.latest("created_at").jti == jtis[2]
    assert [token.jti for token in tokens[1:]] == jtis[1:]
    assert tokens[0].jti == jtis[0]
    assert tokens.values_list("jti", flat=True) == jtis
    assert tokens.values_list("user_id", "jti")[1] == (other_user.pk, jtis[1])
    assert [
        t.jti for t in OutstandingToken.objects.filter(jti__in=jtis[:2]).order_by("-created_at")
    ] == [*reversed(jtis[:2])]
    BlacklistedToken.objects.create(token=tokens[0])
    ended = BlacklistedToken.objects.filter(token__in=OutstandingToken.objects.filter(user=user))
    assert [each.token.jti for each in ended] == jtis[:1]
    assert BlacklistedToken.objects.filter(blacklisted_at__lte=timezone.now()).count() == 1
    assert not OutstandingToken.objects.none()


ODD = {
    "filter": lambda: OutstandingToken.objects.filter(token__expires__lt=1),
    "order_by": lambda: OutstandingToken.objects.order_by("token"),
    "delete": lambda: OutstandingToken.objects.filter(expires_at__lt=timezone.now()).delete(),
    "delete one": lambda: OutstandingToken.objects.get().delete(),
    "save": lambda: OutstandingToken.objects.get().save(),
    "create": lambda: OutstandingToken.objects.create(jti="x"),
    "get_or_create": lambda: OutstandingToken.objects.get_or_create(jti="x", defaults={}),
    "make": lambda: OutstandingToken(jti="x", token="y"),
    "aggregate": lambda: OutstandingToken.objects.aggregate(),
    "update": lambda: OutstandingToken.objects.filter(user=None).update(user=1),
    "blacklist a text": lambda: BlacklistedToken.objects.create(token="x"),
    "blacklist a jti": lambda: BlacklistedToken.objects.filter(jti="x"),
    "revive": lambda: BlacklistedToken.objects.filter(token__user=1).delete(),
    "revive one": lambda: BlacklistedToken.objects.filter(token__jti="x").delete(),
    "revive it": lambda: BlacklistedToken(token=OutstandingToken.objects.get()).delete(),
}


@pytest.mark.parametrize("what", ODD)
def test_what_cannot_be_kept_is_said(pair, what, caplog):
    """An error that says what to write, and a line in the log if it is swallowed."""
    with caplog.at_level(logging.ERROR), pytest.raises(Unsupported, match=": "):
        ODD[what]()
    assert caplog.records[-1].event == "simplejwt_unsupported"
    assert LoginSession.objects.get().ended_at is None


def test_the_name_of_a_lookup_may_be_a_strangers(caplog):
    """It is bounded and printable in the log."""
    with pytest.raises(Unsupported):
        OutstandingToken.objects.filter(**{"x\n" * 1000: 1})
    message = caplog.records[-1].getMessage()
    assert len(message) < 300
    assert "\n" not in message


def test_no_token_in_an_error_report(pair, monkeypatch):
    """The frames that an error passes on its way out show none of their locals' text."""

    def shown(call):
        try:
            call()
        except Exception as error:
            trace = error.__traceback__
            while trace := trace.tb_next:
                if "django_jwtauth" in trace.tb_frame.f_code.co_filename:
                    yield repr(list(trace.tb_frame.f_locals.values()))

    def broken(*args, **kwargs):
        raise ValueError

    # A copy whose repr() shows it, as what comes from a request.
    refresh, access = ("".join(raw) for raw in (pair.refresh, pair.access))
    monkeypatch.setattr("django_jwtauth.sessions._decode", broken)
    monkeypatch.setattr("django_jwtauth.contrib.simplejwt.token_blacklist.finding.decode", broken)
    for call in (
        lambda: RefreshToken(refresh),
        lambda: AccessToken(access),
        lambda: AccessToken(access.encode()),
        lambda: UntypedToken(access),
        lambda: JWTAuthentication().get_validated_token(access),
        lambda: JWTAuthentication().get_validated_token(access.encode()),
        lambda: JWTStatelessUserAuthentication().get_validated_token(refresh),
        lambda: token_backend.decode(access),
        lambda: OutstandingToken.objects.get(token=refresh),
        lambda: OutstandingToken.objects.filter(token=refresh),
        lambda: OutstandingToken.objects.exclude(token=refresh),
        lambda: BlacklistedToken.objects.filter(token__token=refresh),
        lambda: BlacklistedToken.objects.get(token__token=refresh),
    ):
        frames = list(shown(call))
        assert frames
        assert not [frame for frame in frames if refresh in frame or access in frame]


def test_getting_one_that_is_there(pair):
    found, created = OutstandingToken.objects.get_or_create(token=pair.refresh)
    assert (found.pk, created) == (pair.session_id, False)
    with pytest.raises(OutstandingToken.DoesNotExist):
        OutstandingToken.objects.get(jti="nothing")


def test_users_from_a_generator(user, settings):
    """It is read once to import, and once to find: whoever signs them out must find them."""
    settings.JWTAUTH = moved()
    RefreshToken.for_user(user)

    assert OutstandingToken.objects.filter(user__in=(each for each in [user])).count() == 1
    assert OutstandingToken.objects.filter(user_id__gt=0).count() == 1


def test_a_refused_jti_is_asked_like_a_queryset(user):
    """What it does not answer is refused with advice; a long number is no number."""
    token = RefreshToken.for_user(user)
    token.blacklist()
    found = BlacklistedToken.objects.filter(token__jti=token["jti"])

    assert found.select_related("token").exists()
    with pytest.raises(Unsupported, match="annotate"):
        found.annotate()
    assert not BlacklistedToken.objects.filter(token__jti=f"{'0' * 32}:{'9' * 5000}").exists()
