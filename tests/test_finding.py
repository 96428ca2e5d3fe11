"""What is known of a token, an id or a line of a log. ``test_admin_desk`` has the page."""

import uuid

import pytest
from django.db import OperationalError

from django_jwtauth import one_time, sessions
from django_jwtauth.exceptions import ExpiredToken, SessionEnded, Unavailable
from django_jwtauth.models import BlacklistedToken, LoginSession
from django_jwtauth.operations import finding
from tests import forge


def test_a_good_token_is_found_with_all_that_it_stands_for(user, pair):
    """Its user, its sign-in, its times; nothing refuses it."""
    [found] = finding.find(pair.access)
    claims = forge.claims_of(pair.access)

    assert (found.is_token, found.authentic, found.refusal) == (True, True, None)
    assert (found.token_type, found.jti) == ("access", claims["jti"])
    assert (found.user, found.session) == (user, LoginSession.objects.get())
    assert (found.issued_at.timestamp(), found.expires_at.timestamp()) == (
        claims["iat"],
        claims["exp"],
    )


def test_a_one_time_token_is_found_too(user):
    """It is asked about at its own door, and is not used up."""
    raw = one_time.create(user, "download")

    assert [(one.token_type, one.refusal) for one in finding.find(raw)] == [("one_time", None)]
    assert one_time.consume(raw, "download")[0] == user


def test_a_refused_token_says_why(pair):
    """An expired one is as authentic as before, and its sign-in is known."""
    expired = forge.altered(pair.access, exp=1)
    assert isinstance(finding.find(expired)[0].refusal, ExpiredToken)
    sessions.blacklist(pair.refresh)
    [found] = finding.find(pair.access)

    assert isinstance(found.refusal, SessionEnded)
    assert found.authentic
    assert found.session.end_reason == "signed_out"


def test_what_nobody_signed_is_not_authentic(pair):
    """What it claims is shown as such: neither kind nor jti, and no record of blacklisting."""
    forged = forge.sign(forge.header_of(pair.access), forge.claims_of(pair.access), b"x" * 32)
    [found] = finding.find(forged)

    assert (found.is_token, found.authentic) == (True, False)
    assert (found.token_type, found.jti, found.blacklisted) == ("", "", None)
    assert found.session == LoginSession.objects.get()


@pytest.mark.parametrize(
    "line",
    [
        "refused: sid={sid} reason=reused",
        "jti: {sid}.0123456789abcdef",
        '{{"sid": "{dashes}"}}',
        "{upper}",
    ],
)
def test_an_id_in_a_line_of_a_log_is_enough(pair, line):
    """However it is written, and once for each sign-in."""
    sid = pair.session_id
    text = line.format(sid=sid.hex, dashes=sid, upper=sid.hex.upper())

    [found] = finding.find(f"{text} {text}")

    assert found.session.pk == sid
    assert not found.is_token


def test_a_blacklisted_jti_is_found_without_its_token(pair):
    """Of an access token, and of a legacy token, whose jti has any form."""
    sessions.blacklist(pair.access)
    jti = forge.claims_of(pair.access)["jti"]
    BlacklistedToken.objects.filter(jti=jti).update(jti="legacy-7", session=None)

    [found] = finding.find("the jti is 'legacy-7'")

    assert (found.jti, found.token_type) == ("legacy-7", "access")
    assert found.blacklisted == BlacklistedToken.objects.get()


def test_what_is_unknown_is_not_found(pair):
    """Neither an id that no row has, nor a text without any."""
    assert finding.find(uuid.uuid4().hex) == []
    assert finding.find("nothing of the kind") == []


def test_no_more_is_found_than_fits_a_page(user):
    """A whole log is read to its bounds."""
    sids = " ".join(sessions.start(user).session_id.hex for _ in range(finding.MAX_FINDINGS + 2))

    assert len(finding.find(sids)) == finding.MAX_FINDINGS
    assert finding.find(" " * finding.MAX_LENGTH + sids) == []


def test_finding_writes_nothing_and_needs_a_database(user, pair, monkeypatch):
    """Without one it says so: no answer would be the wrong one."""
    before = list(LoginSession.objects.values())
    finding.find(pair.access)
    assert list(LoginSession.objects.values()) == before

    def fail(*args):
        raise OperationalError

    monkeypatch.setattr(finding, "_find_session", fail)
    with pytest.raises(Unavailable):
        finding.find(pair.access)


def test_a_text_holds_a_token_or_not(pair):
    """A good one or a bad one; three words with dots are none."""
    assert finding.holds_token(f"Bearer {pair.access}")
    assert finding.holds_token("eyJhbGciOiJub25lIn0.e30.")
    assert not finding.holds_token("a.b.c")
