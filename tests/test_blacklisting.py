"""Blacklisting a token, and ending the sign-in that it stands for."""

from datetime import datetime, timedelta, timezone

import pytest
import time_machine

from django_jwtauth import sessions
from django_jwtauth.claims import MAX_NUMERIC_DATE
from django_jwtauth.models import BlacklistedToken, LoginSession, Reason
from tests import forge
from tests.calls import reason_of


def test_a_blacklisted_access_token_is_refused_alone(user, pair):
    """Its sign-in goes on: the refresh token and other access tokens are good."""
    claims = sessions.blacklist(pair.access, reason=Reason.STOLEN, via="admin", note="lost phone")

    assert claims == forge.claims_of(pair.access)
    assert reason_of(sessions.authenticate, pair.access) == "blacklisted"
    assert reason_of(sessions.verify, pair.access) == "blacklisted"
    assert sessions.authenticate(sessions.refresh(pair.refresh).access)
    row = BlacklistedToken.objects.get()
    assert (row.jti, row.token_type, row.user) == (claims["jti"], "access", user)
    assert (row.subject, row.session_id) == (str(user.pk), pair.session_id)
    assert row.expires_at == datetime.fromtimestamp(claims["exp"], timezone.utc)
    assert (row.reason, row.via, row.note) == ("stolen", "admin", "lost phone")
    assert (row.blacklisted_by, row.blacklisted_by_name) == (None, "")


def test_a_blacklisted_refresh_token_ends_its_sign_in(user, other_user, pair):
    """Every token of the sign-in is refused; the row says who did it, when and why."""
    second = sessions.refresh(pair.refresh)
    sessions.blacklist(second.refresh, reason="compromised", via="admin", by=other_user, note="x")

    for raw in (pair.access, second.access):
        assert reason_of(sessions.authenticate, raw) == "session_ended"
    for raw in (pair.refresh, second.refresh):
        assert reason_of(sessions.refresh, raw) == "session_ended"
    row = LoginSession.objects.get()
    assert (row.end_reason, row.ended_via, row.end_note) == ("compromised", "admin", "x")
    assert (row.ended_by, row.ended_by_name) == (other_user, "bert")
    assert BlacklistedToken.objects.get().blacklisted_by == other_user


def test_a_superseded_refresh_token_signs_out_as_well(pair):
    """The client may have lost the newest token."""
    second = sessions.refresh(pair.refresh)

    sessions.blacklist(pair.refresh)

    assert LoginSession.objects.get().end_reason == "signed_out"
    assert reason_of(sessions.refresh, second.refresh) == "session_ended"


@pytest.mark.parametrize("kind", ["access", "refresh"])
def test_signing_out_twice_changes_nothing(user, pair, kind):
    """One row however often it is sent, and the first reason stays."""
    raw = getattr(pair, kind)
    with time_machine.travel(datetime.now(timezone.utc), tick=False) as clock:
        sessions.blacklist(raw, reason="stolen", by=user)
        before = BlacklistedToken.objects.values().get(), LoginSession.objects.values().get()
        clock.shift(timedelta(seconds=10))
        for _ in range(3):
            assert sessions.blacklist(raw, reason="other")["token_type"] == kind

    assert before == (BlacklistedToken.objects.values().get(), LoginSession.objects.values().get())


def test_an_expired_token_still_signs_out(user):
    """Authentic but late: the sign-in ends, also when the client slept."""
    with time_machine.travel(datetime(2027, 1, 15, tzinfo=timezone.utc), tick=False) as clock:
        pair = sessions.start(user)
        clock.shift(timedelta(days=7))
        assert reason_of(sessions.refresh, pair.refresh) == "expired"

        sessions.blacklist(pair.refresh)

    assert LoginSession.objects.get().end_reason == "signed_out"


def test_a_token_of_an_unknown_sign_in_leaves_no_row(user, pair):
    """Nothing accepts it anyway, so the table does not grow."""
    LoginSession.objects.all().delete()

    for raw in (pair.access, pair.refresh):
        assert sessions.blacklist(raw) == forge.claims_of(raw)
    assert not BlacklistedToken.objects.exists()


def test_a_token_that_names_another_user_leaves_no_row(pair, other_user):
    """Only an authentic token of the sign-in's own user ends it."""
    for raw in (pair.access, pair.refresh):
        sessions.blacklist(forge.altered(raw, sub=str(other_user.pk)))

    assert LoginSession.objects.get().ended_at is None
    assert not BlacklistedToken.objects.exists()


def test_only_the_allowed_kinds_can_be_blacklisted(pair):
    """An endpoint for refresh tokens refuses an access token, and writes nothing."""
    assert reason_of(sessions.blacklist, pair.access, "refresh") == "wrong_type"
    assert reason_of(sessions.blacklist, pair.refresh, "access") == "wrong_type"
    assert LoginSession.objects.get().ended_at is None
    assert not BlacklistedToken.objects.exists()


def test_a_token_of_the_last_second_can_be_blacklisted(pair, settings):
    """exp may be the end of the year 9999, in any time zone."""
    sessions.blacklist(forge.altered(pair.access, exp=MAX_NUMERIC_DATE))

    assert BlacklistedToken.objects.get().expires_at.year == 9999


def test_a_sign_out_by_the_api_is_the_users_own(user, pair):
    """via="api" without an actor records the user of the sign-in."""
    sessions.blacklist(pair.refresh, via="api")

    assert LoginSession.objects.get().ended_by == user
    assert BlacklistedToken.objects.get().blacklisted_by_name == "anna"


def test_a_user_who_is_gone_can_still_sign_out(user, pair):
    """The record is written without a user."""
    user.delete()

    sessions.blacklist(pair.refresh, via="api")

    assert LoginSession.objects.get().ended_at is not None
    assert BlacklistedToken.objects.get().user is None


def test_the_second_spelling_of_a_signature_is_blacklisted_too(user, settings):
    """Every ES256 signature has a twin (r, n - s): the blacklist goes by jti, not by token."""
    pytest.importorskip("cryptography")
    from cryptography.hazmat.primitives import serialization as s
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption()).decode()
    settings.JWTAUTH = {"KEYS": [{"algorithm": "ES256", "private_key": pem}]}
    pair = sessions.start(user)
    head, _, signature = pair.access.rpartition(".")
    r, second = forge.unsegment(signature)[:32], forge.unsegment(signature)[32:]
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    other = (order - int.from_bytes(second, "big")).to_bytes(32, "big")
    twin = f"{head}.{forge.segment(r + other)}"

    assert twin != pair.access
    assert sessions.authenticate(twin)[0] == user
    sessions.blacklist(twin)
    assert reason_of(sessions.authenticate, twin) == "blacklisted"
    assert reason_of(sessions.authenticate, pair.access) == "blacklisted"
