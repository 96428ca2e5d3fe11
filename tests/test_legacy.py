"""Tokens that another package issued, whatever it is; ``test_simplejwt_decoder`` has one."""

from datetime import datetime, timedelta, timezone
from functools import partial

import pytest
import time_machine
from django.db import OperationalError

from django_jwtauth import sessions
from django_jwtauth.claims import ACCESS, REFRESH
from django_jwtauth.exceptions import ExpiredToken, Unavailable
from django_jwtauth.models import BlacklistedToken, Cause, LoginSession
from django_jwtauth.signins import legacy
from tests.calls import run_command
from tests.racing import race

NOW = datetime(2027, 3, 1, tzinfo=timezone.utc)
UNTIL = NOW + timedelta(days=30)
HOUR = timedelta(hours=1)
ISSUED = int(NOW.timestamp())


def decoder(raw, allowed, allow_expired):
    """Reads ``"7"``: an access token of user 7, and ``"7@…"``, issued at that time."""
    if raw == "expired" and not allow_expired:
        raise ExpiredToken
    subject, _, issued = raw.partition("@")
    if not subject.isdecimal() or ACCESS not in allowed:
        return None
    return {"sub": subject, "token_type": ACCESS, **({"iat": int(issued)} if issued else {})}


@pytest.fixture(autouse=True)
def moving(settings):
    settings.JWTAUTH = {
        "LEGACY": {"DECODER": f"{__name__}.decoder", "UNTIL": UNTIL},
    }
    with time_machine.travel(NOW, tick=False):
        yield


def refuse(subject, before, **cause):
    legacy.refuse(subject, before, Cause(**cause))


def is_legacy(raw):
    """What the claim ``legacy`` says: issued after whatever ended the user's sign-ins."""
    return legacy.decode(raw, (ACCESS,), False)["legacy"]


def test_what_the_decoder_reads_is_a_legacy_token(db):
    """Its claims, with one of the package's own; None for what it does not know."""
    assert legacy.decode("7", (ACCESS,), False) == {
        "sub": "7",
        "token_type": ACCESS,
        "legacy": True,
    }
    assert legacy.decode("seven", (ACCESS,), False) is None
    assert legacy.decode("7", (REFRESH,), False) is None


def test_a_refusal_of_the_decoder_is_the_answer(db):
    """The caller learns that the token has expired, or gets it all the same."""
    with pytest.raises(ExpiredToken):
        legacy.decode("expired", (ACCESS,), False)
    assert legacy.decode("expired", (ACCESS,), True) is None


@pytest.mark.parametrize("missing", ["DECODER", "UNTIL"])
def test_without_both_settings_no_decoder_is_called(settings, missing):
    """Nor from ``LEGACY["UNTIL"]`` on; the database is not asked, either."""
    with time_machine.travel(UNTIL):
        assert legacy.decode("7", (ACCESS,), False) is None
    given = settings.JWTAUTH["LEGACY"].items()
    settings.JWTAUTH = {"LEGACY": {name: value for name, value in given if name != missing}}
    assert legacy.decode("7", (ACCESS,), False) is None


def accepted(user, chief):
    return legacy.decode("7", (ACCESS,), False) is not None


def told_by_the_admin(user, chief):
    sid = sessions.start(user).session_id.hex
    page = chief.get("/admin/django_jwtauth/loginsession/end/", {"sid": sid})
    return "Legacy tokens that were not exchanged" in page.content.decode()


def told_by_the_command(user, chief):
    sid = sessions.start(user).session_id.hex
    output = run_command("jwtauth_revoke", "--session", sid, "--reason", "left", "--note", "n")
    return "Legacy tokens that were not exchanged" in output


def refused_for_the_record(user, chief):
    refuse("7", NOW)
    return BlacklistedToken.objects.filter(token_type=legacy.LEGACY).exists()


def kept_for_their_sake(user, chief):
    sessions.start(user)
    LoginSession.objects.update(created_at=NOW - 400 * 24 * HOUR)
    return not LoginSession.objects.purgeable().exists()


CALLERS = [
    accepted,
    told_by_the_admin,
    told_by_the_command,
    refused_for_the_record,
    kept_for_their_sake,
]


@pytest.mark.parametrize(
    ("names", "at", "expected"),
    [
        ("DECODER UNTIL", NOW, True),
        ("DECODER UNTIL", UNTIL, False),
        ("DECODER", NOW, False),
        ("UNTIL", NOW, False),
        ("", NOW, False),
    ],
    ids=["both", "too late", "no time", "no decoder", "neither"],
)
@pytest.mark.parametrize("ask", CALLERS, ids=lambda ask: ask.__name__)
def test_all_agree_whether_they_are_accepted(user, staff, settings, names, at, expected, ask):
    """What is said of legacy tokens, kept and written for them goes by what is accepted."""
    given = settings.JWTAUTH["LEGACY"]
    settings.JWTAUTH = {"LEGACY": {name: given[name] for name in names.split()}}

    with time_machine.travel(at, tick=False):
        chief = staff("end_sessions", "view_loginsession")
        assert ask(user, chief) is expected


def test_a_user_refuses_what_was_issued_before(db):
    """Theirs alone; a token that does not say when it was issued may be of any time."""
    refuse("7", NOW)

    assert not is_legacy(f"7@{ISSUED}")
    assert not is_legacy("7")
    assert is_legacy(f"7@{ISSUED + 1}")
    assert is_legacy("8")


def test_everybody_can_be_refused(db):
    """One record does it, whoever the tokens are for."""
    refuse(None, NOW)

    assert not is_legacy(f"7@{ISSUED}")
    assert not is_legacy(f"8@{ISSUED}")
    assert is_legacy(f"8@{ISSUED + 1}")


def test_the_latest_time_counts(db):
    """An earlier one, told later, opens nothing again: one record, which only moves on."""
    for before in (NOW - HOUR, NOW, NOW - 2 * HOUR):
        refuse("7", before)

    assert BlacklistedToken.objects.get().blacklisted_at == NOW
    assert not is_legacy(f"7@{ISSUED}")


def test_the_record_is_kept_until_no_legacy_token_is_accepted(db):
    """It says why and through what; a subject of any length fits its columns."""
    refuse("x" * 255, NOW, via="admin", reason="stolen", by="root", note="Ticket 4711")

    row = BlacklistedToken.objects.get()
    row.full_clean(exclude=["user", "session", "blacklisted_by"])
    assert (row.token_type, row.subject, row.expires_at) == ("legacy", "x" * 255, UNTIL)
    assert (row.reason, row.via, row.blacklisted_by_name) == ("stolen", "admin", "root")
    assert row.note == "Ticket 4711"


def test_nothing_is_recorded_where_none_is_accepted(db, settings):
    """Nobody has such a token any more."""
    settings.JWTAUTH = {}
    refuse("7", NOW)

    assert not BlacklistedToken.objects.exists()


def test_a_database_that_cannot_say_refuses(monkeypatch):
    """Not asked is not accepted."""

    def fail(claims):
        raise OperationalError

    monkeypatch.setattr(legacy, "_is_refused", fail)
    with pytest.raises(Unavailable):
        legacy.decode("7", (ACCESS,), False)


@pytest.mark.django_db(transaction=True)
def test_a_sign_in_is_adopted_once(user):
    """However many exchange its token at once, and none of them gets an error."""
    row = LoginSession(user=user, subject=str(user.pk), refreshed_at=NOW, expires_at=UNTIL)

    assert race([partial(legacy.adopt, row)] * 8) == [None] * 8
    assert LoginSession.objects.get() == row
