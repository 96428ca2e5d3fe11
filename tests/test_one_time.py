"""One-time tokens, as Python makes and uses them; ``test_portal`` has the endpoints."""

from datetime import timedelta
from functools import partial

import pytest
import time_machine
from asgiref.sync import async_to_sync
from django.urls import include, path
from django.utils import timezone

from django_jwtauth import exceptions, one_time, sessions
from django_jwtauth.models import Kind, LoginSession, Reason
from tests.racing import race
from tests.urls import urlpatterns as project

urlpatterns = [
    *project,
    path("api/", include("django_jwtauth.urls.portal")),
    path("oauth/", include("django_jwtauth.urls.oauth")),
]
pytestmark = [pytest.mark.urls(__name__), pytest.mark.django_db]


def test_it_is_good_once(user):
    """The first consume() gives the user and the claims, the second is refused."""
    raw = one_time.create(user, "download", claims={"file": "report.pdf"})

    assert one_time.consume(raw, "download") == (user, {"file": "report.pdf"})
    with pytest.raises(exceptions.SessionEnded):
        one_time.consume(raw, "download")
    row = LoginSession.objects.get()
    assert (row.kind, row.purpose, row.end_reason) == (Kind.ONE_TIME, "download", Reason.USED)


def test_it_is_good_for_its_purpose_only(user):
    """For another purpose it is refused, and is still good for its own."""
    raw = one_time.create(user, "download")

    with pytest.raises(exceptions.WrongTokenType):
        one_time.consume(raw, one_time.SIGN_IN)
    assert one_time.consume(raw, "download")[0] == user


@pytest.mark.django_db(transaction=True)
def test_sixteen_consumers_one_winner(user):
    """Of sixteen parallel consumers exactly one gets through, twenty times over."""
    for _ in range(20):
        raw = one_time.create(user, "download")

        results = race([partial(one_time.consume, raw, "download")] * 16)

        won = [result for result in results if isinstance(result, tuple)]
        lost = [result for result in results if isinstance(result, exceptions.SessionEnded)]
        assert (len(won), len(lost)) == (1, 15)


def test_it_lives_shortly(user):
    """After its lifetime it is refused; by default, ten minutes at most (ASVS 5.0, 6.5.5)."""
    assert timedelta(minutes=10) >= one_time.LIFETIME
    with time_machine.travel(timezone.now(), tick=False) as clock:
        raw = one_time.create(user, "download")
        long = one_time.create(user, "download", lifetime=one_time.MAX_LIFETIME)
        clock.shift(one_time.LIFETIME)
        with pytest.raises(exceptions.ExpiredToken):
            one_time.consume(raw, "download")
        clock.shift(one_time.MAX_LIFETIME - one_time.LIFETIME)
        with pytest.raises(exceptions.ExpiredToken):
            one_time.consume(long, "download")


@pytest.mark.parametrize(
    "lifetime", [timedelta(0), -timedelta(seconds=1), timedelta(days=1, seconds=1)]
)
def test_another_lifetime_is_refused(user, lifetime):
    """Over a day, or none: neither is made into one that nobody asked for."""
    for issue in (one_time.create, async_to_sync(one_time.acreate)):
        with pytest.raises(ValueError, match="A one-time token m"):
            issue(user, "download", lifetime=lifetime)
    assert not LoginSession.objects.exists()


def test_a_changed_password_ends_it(user):
    """A link from before the password change opens nothing."""
    raw = one_time.create(user, one_time.SIGN_IN)
    user.set_password("another")
    user.save()

    with pytest.raises(exceptions.CredentialsChanged):
        one_time.consume(raw, one_time.SIGN_IN)


def test_inactive_users_neither_get_nor_use_one(user):
    """Deactivation refuses both ends."""
    raw = one_time.create(user, "download")
    user.is_active = False
    user.save()

    with pytest.raises(exceptions.UserInactive):
        one_time.create(user, "download")
    with pytest.raises(exceptions.UserInactive):
        one_time.consume(raw, "download")


def test_reserved_claims_are_refused(user):
    """claims= cannot say whose token it is; no row is left."""
    with pytest.raises(ValueError, match="sub"):
        one_time.create(user, "download", claims={"sub": "1"})
    assert not LoginSession.objects.exists()


def test_its_purpose_cannot_be_set_by_a_claim(user):
    """A claim named purpose does not change what the token is for."""
    raw = one_time.create(user, "download", claims={"purpose": one_time.SIGN_IN})

    with pytest.raises(exceptions.WrongTokenType):
        one_time.consume(raw, one_time.SIGN_IN)


def test_it_is_no_other_kind_of_token(user, pair):
    """It neither authenticates nor refreshes nor verifies, and other kinds are not consumed."""
    raw = one_time.create(user, one_time.SIGN_IN)

    for call in (sessions.authenticate, sessions.refresh, sessions.verify):
        with pytest.raises(exceptions.WrongTokenType):
            call(raw)
    for other in (pair.access, pair.refresh):
        with pytest.raises(exceptions.WrongTokenType):
            one_time.consume(other, one_time.SIGN_IN)


def test_it_can_be_given_up(user):
    """Blacklisted, it is used up: the row ends, and consume() refuses it."""
    raw = one_time.create(user, "download")

    sessions.blacklist(raw, reason=Reason.STOLEN)

    with pytest.raises(exceptions.SessionEnded):
        one_time.consume(raw, "download")
    assert LoginSession.objects.get().end_reason == Reason.STOLEN


def test_async_twins(user):
    """acreate() and aconsume() do the same."""
    raw = async_to_sync(one_time.acreate)(user, "download", claims={"file": "a"})

    assert async_to_sync(one_time.aconsume)(raw, "download") == (user, {"file": "a"})


@pytest.mark.parametrize("purpose", ["", "x" * 65])
def test_a_purpose_that_fits_no_column_is_a_mistake(user, purpose):
    """In Python it is a ValueError on every database, and no row is left."""
    with pytest.raises(ValueError, match="purpose"):
        one_time.create(user, purpose)
    assert not LoginSession.objects.exists()


# --- what is made from a sign-in


END_PARENT = {
    "signed out": lambda user, pair: sessions.blacklist(pair.refresh),
    "ended elsewhere": lambda user, pair: LoginSession.objects.filter(pk=pair.session_id).end(),
    "replayed": lambda user, pair: replay(pair),
    "deleted": lambda user, pair: LoginSession.objects.filter(pk=pair.session_id).delete(),
    "expired": lambda user, pair: LoginSession.objects.filter(pk=pair.session_id).update(
        expires_at=timezone.now()
    ),
}


def replay(pair):
    sessions.refresh(sessions.refresh(pair.refresh).refresh)
    with pytest.raises(exceptions.RefreshTokenReused):
        sessions.refresh(pair.refresh)


@pytest.mark.parametrize("how", END_PARENT)
@pytest.mark.parametrize("purpose", ["download", one_time.SIGN_IN])
def test_a_token_dies_with_the_sign_in_it_was_made_from(user, how, purpose):
    """Whoever was signed out because a token was stolen left no door behind."""
    pair, other = sessions.start(user), sessions.start(user)
    raw, others = (
        one_time.create(user, purpose, parent=sessions.authenticate(one.access)[1])
        for one in (pair, other)
    )

    END_PARENT[how](user, pair)

    with pytest.raises(exceptions.SessionEnded):
        one_time.consume(raw, purpose)
    assert one_time.consume(others, purpose) == (user, {})


def test_a_token_lives_on_through_the_refreshes_of_its_sign_in(user, pair):
    """And after the access token it was made with has been blacklisted alone."""
    raw = one_time.create(user, "download", parent=sessions.authenticate(pair.access)[1])
    sessions.refresh(pair.refresh)
    sessions.blacklist(pair.access)

    assert one_time.consume(raw, "download") == (user, {})


def test_what_is_made_without_a_sign_in_has_none_to_die_with(user, pair):
    """A mailed link is good after everything else of its user ended."""
    raw = one_time.create(user, "download")
    sessions.blacklist(pair.refresh)

    assert one_time.consume(raw, "download") == (user, {})


def test_nobody_sets_the_parent_by_hand(user):
    """It is a claim of this package."""
    with pytest.raises(ValueError, match="parent_sid"):
        one_time.create(user, "download", claims={"parent_sid": "x"})


def test_the_first_names_still_work():
    """Projects written before the first release call ``issue`` and ``aissue``."""
    assert (one_time.issue, one_time.aissue) == (one_time.create, one_time.acreate)


@pytest.mark.parametrize("read", [one_time.verify, lambda raw: one_time.consume(raw, "other")])
def test_no_error_report_shows_the_token(user, monkeypatch, read):
    """Whatever fails underneath, the text of the token is in no frame of the package."""
    # As a client sends it, a plain string.
    raw = "".join(one_time.create(user, "download"))

    def fail(token, *args):
        raise RuntimeError

    monkeypatch.setattr(one_time.tokens, "decode", fail)
    with pytest.raises(RuntimeError) as caught:
        read(raw)
    frames = [entry for entry in caught.traceback if "django_jwtauth" in str(entry.path)]
    assert frames
    assert raw not in "".join(repr(entry.frame.raw.f_locals) for entry in frames)
