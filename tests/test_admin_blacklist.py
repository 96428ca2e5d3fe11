"""Blacklisting a token that an operator pastes."""

import pytest
from django.contrib.admin.models import LogEntry
from django.views.debug import ExceptionReporter

from django_jwtauth.admin import BlacklistedTokenAdmin
from django_jwtauth.models import BlacklistedToken, LoginSession, Reason, Via
from tests import forge
from tests.conftest import DESK
from tests.desk import BLACKLIST, PASTE, WHY, page_of, text_of


def test_a_pasted_access_token_is_refused_from_the_next_call_on(desk, api, pair):
    """Only that token: the sign-in goes on."""
    answer = desk.post(PASTE, {"token": pair.access, **WHY}, follow=True)

    assert answer.redirect_chain == [(BLACKLIST, 302)]
    assert "The token is blacklisted" in text_of(answer)
    assert api.protected(pair.access).json()["reason"] == "blacklisted"
    assert api.refresh(pair.refresh).status_code == 200


def test_a_pasted_refresh_token_ends_its_sign_in(desk, api, pair, session):
    """Every token of the sign-in is refused, the access tokens as well."""
    desk.post(PASTE, {"token": pair.refresh, **WHY})
    session.refresh_from_db()

    assert api.protected(pair.access).json()["reason"] == "session_ended"
    assert (session.end_reason, session.ended_via) == (Reason.STOLEN, Via.ADMIN)
    assert (session.ended_by_name, session.end_note) == ("olga", "Ticket 4711")


def test_the_record_says_who_blacklisted_it_when_and_why(desk, user, session, pair):
    """The list and the page show it; the admin's log has it, too."""
    desk.post(PASTE, {"token": pair.access, **WHY})
    record = BlacklistedToken.objects.get()

    assert (record.reason, record.via, record.note) == ("stolen", "admin", "Ticket 4711")
    assert (record.blacklisted_by.username, record.blacklisted_by_name) == ("olga", "olga")
    row = text_of(desk.get(BLACKLIST))
    assert f"...{record.jti[-16:]} Access anna" in row
    assert "Token or device stolen (Admin), olga" in row
    page = text_of(desk.get(page_of(record)))
    for words in (record.jti, session.sid, "Ticket 4711"):
        assert words in page
    entry = LogEntry.objects.get()
    assert (entry.object_id, entry.user.username) == (str(record.pk), "olga")
    assert entry.get_change_message() == "Revoked: Token or device stolen. Ticket 4711"


def test_a_token_that_was_broken_into_lines_is_read(desk, api, pair):
    """Terminals and mail programs wrap what is copied from them."""
    lines = "\r\n  ".join(pair.access[i : i + 60] for i in range(0, len(pair.access), 60))
    desk.post(PASTE, {"token": f"\n{lines}\n", **WHY})

    assert api.protected(pair.access).status_code == 401


def test_an_expired_token_can_be_put_on_record(desk, pair):
    """A token found in an old log is worth a record, and harms nobody."""
    raw = forge.altered(pair.access, exp=1)
    desk.post(PASTE, {"token": raw, **WHY})

    assert BlacklistedToken.objects.count() == 1


def test_pasting_again_keeps_the_first_record(desk, staff, pair):
    """Who was second is told so, and leaves no trace."""
    desk.post(PASTE, {"token": pair.access, **WHY})
    before = BlacklistedToken.objects.values().get()
    second = staff(*DESK, name="otto")
    answer = second.post(PASTE, {"token": pair.access, "reason": "other", "note": "x"}, follow=True)

    assert BlacklistedToken.objects.values().get() == before
    assert "was already blacklisted" in text_of(answer)
    assert LogEntry.objects.count() == 1


def forged(pair):
    return forge.sign(forge.header_of(pair.access), forge.claims_of(pair.access), b"x" * 32)


def of_unknown_sign_in(pair):
    LoginSession.objects.all().delete()
    return pair.access


REFUSED = {
    "garbage": (lambda pair: "very-secret-garbage", {}, "Token is invalid (malformed)"),
    "a forgery": (forged, {}, "Token is invalid (bad_signature)"),
    "an unknown sign-in": (of_unknown_sign_in, {}, "This token belongs to no sign-in here"),
    "no reason given": (lambda pair: pair.access, {"reason": ""}, "This field is required"),
    "no note given": (lambda pair: pair.refresh, {"note": ""}, "This field is required"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_token_that_is_not_blacklisted_is_forgotten(desk, pair, caplog, case):
    """The form says what is wrong; nothing pasted comes back, is stored or is logged."""
    make, missing, words = REFUSED[case]
    raw = make(pair)
    caplog.set_level("DEBUG", logger="django_jwtauth")
    answer = desk.post(PASTE, {"token": raw, **WHY, **missing})
    page = answer.content.decode()

    assert words in page
    for part in raw.split("."):
        assert part not in page
        assert part not in caplog.text
    assert not BlacklistedToken.objects.exists()
    assert not LogEntry.objects.exists()


def test_a_token_that_is_blacklisted_is_forgotten(desk, pair, caplog):
    """Neither the answer nor any row holds a part of it that could be used."""
    caplog.set_level("DEBUG", logger="django_jwtauth")
    answer = desk.post(PASTE, {"token": pair.access, **WHY}, follow=True)
    rows = [str(list(model.objects.values())) for model in (BlacklistedToken, LogEntry)]

    for part in pair.access.split("."):
        assert part not in answer.content.decode()
        assert part not in caplog.text
        assert part not in str(rows) + str(answer.wsgi_request.session.items())


def test_a_report_of_an_error_does_not_quote_the_token(desk, pair, monkeypatch):
    """Should the page fail, the mail to the admins shows stars."""

    def fail(*args):
        raise RuntimeError

    monkeypatch.setattr(BlacklistedTokenAdmin, "get_queryset", fail)
    with pytest.raises(RuntimeError) as caught:
        desk.post(PASTE, {"token": pair.access, **WHY})
    reporter = ExceptionReporter(None, caught.type, caught.value, caught.tb)
    ours = [
        frame for frame in reporter.get_traceback_frames() if "jwtauth/admin" in frame["filename"]
    ]

    assert [frame["function"] for frame in ours] == ["add_view", "_blacklist"]
    assert pair.access not in str(ours)
    request = dict(ours[0]["vars"])["request"]
    assert reporter.filter.get_post_parameters(request)["token"] != pair.access


def test_the_form_says_what_goes_on_working(desk, settings):
    """Services that only verify take an access token until it expires."""
    settings.JWTAUTH = {"ACCESS_TOKEN_LIFETIME": 600}

    assert "until it expires, up to 10 minutes after it was issued." in text_of(desk.get(PASTE))
