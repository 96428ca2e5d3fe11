import pytest
from django.db import transaction
from django.test import RequestFactory
from django.urls import include, path

from django_jwtauth import sessions, signals
from django_jwtauth.conf import moments
from django_jwtauth.exceptions import RefreshTokenReused
from django_jwtauth.models import BlacklistedToken, LoginSession

pytestmark = pytest.mark.urls(__name__)

urlpatterns = [
    path("api/", include("django_jwtauth.urls")),
    path("auth/", include("django_jwtauth.urls.browser")),
    path("oauth/", include("django_jwtauth.urls.oauth")),
    path("portal/", include("django_jwtauth.urls.portal")),
]

SIGNALS = [
    "session_started",
    "session_refreshed",
    "sessions_ended",
    "refresh_token_reused",
    "token_blacklisted",
]


@pytest.fixture
def heard():
    """What was sent, as (name, sender, arguments), in order."""
    log = []
    receivers = {}
    for name in SIGNALS:

        def receive(sender, signal, name=name, **arguments):
            log.append((name, sender, arguments))

        receivers[name] = receive
        getattr(signals, name).connect(receive)
    yield log
    for name, receive in receivers.items():
        getattr(signals, name).disconnect(receive)


@pytest.mark.django_db(transaction=True)
class TestWithoutTransaction:
    def test_a_sign_in_is_told(self, user, heard, rf):
        """session_started has the sign-in, the user and the request."""
        request = rf.post("/")

        pair = sessions.start(user, request)

        session = LoginSession.objects.get(pk=pair.session_id)
        assert heard == [
            (
                "session_started",
                LoginSession,
                {"session": session, "user": user, "request": request},
            )
        ]

    def test_a_refresh_is_told(self, user, heard):
        """session_refreshed has the sign-in's id and the user."""
        pair = sessions.start(user)
        heard.clear()

        sessions.refresh(pair.refresh)

        assert heard == [
            ("session_refreshed", LoginSession, {"session_id": pair.session_id, "user": user})
        ]

    def test_an_end_is_told_once(self, user, heard):
        """sessions_ended counts what was ended, and is not sent when there was nothing to end."""
        pairs = [sessions.start(user), sessions.start(user)]
        heard.clear()
        rows = LoginSession.objects.filter(id__in=[pair.session_id for pair in pairs])

        assert rows.end(reason="stolen", via="admin", by=user) == 2
        assert rows.end(reason="stolen", via="admin", by=user) == 0

        told = {"count": 2, "reason": "stolen", "via": "admin", "by": user}
        assert heard == [("sessions_ended", LoginSession, told)]

    def test_reuse_is_told_once(self, user, heard):
        """The end comes first, then refresh_token_reused, for the first replay only."""

        def at(address, agent):
            return RequestFactory(REMOTE_ADDR=address, HTTP_USER_AGENT=agent).post("/")

        pair = sessions.start(user)
        second = sessions.refresh(pair.refresh)
        sessions.refresh(second.refresh, at("203.0.113.7", "Firefox"))
        heard.clear()

        for _ in range(2):
            with pytest.raises(Exception, match=r"reused|session_ended"):
                sessions.refresh(pair.refresh, at("198.51.100.66", "curl"))

        assert [name for name, *_ in heard] == ["sessions_ended", "refresh_token_reused"]
        assert heard[0][2] == {
            "count": 1,
            "reason": "reused",
            "via": "reuse_detection",
            "by": None,
        }
        assert heard[1][2] == {
            "session_id": pair.session_id,
            "subject": str(user.pk),
            "presented": 0,
            "ip_address": "198.51.100.66",
            "user_agent": "curl",
            "refreshed_at": moments.aware(LoginSession.objects.get().refreshed_at),
            "refreshed_ip": "203.0.113.7",
            "refreshed_agent": "Firefox",
        }

    def test_a_blacklisted_token_is_told(self, user, heard):
        """token_blacklisted names the token by its jti, never by the token itself."""
        pair = sessions.start(user)
        heard.clear()

        claims = sessions.blacklist(pair.access, reason="stolen", via="admin", by=user)

        told = {"jti": claims["jti"], "token_type": "access", "reason": "stolen", "via": "admin"}
        assert heard == [("token_blacklisted", BlacklistedToken, {**told, "by": user})]

    def test_a_receiver_that_fails_changes_nothing(self, user, caplog):
        """Signing in, refreshing and ending go through; Django logs the error."""

        def fail(**kwargs):
            raise RuntimeError("from the project")

        for name in SIGNALS:
            getattr(signals, name).connect(fail)
        try:
            pair = sessions.start(user)
            second = sessions.refresh(pair.refresh)
            third = sessions.refresh(second.refresh)
            with pytest.raises(RefreshTokenReused):
                sessions.refresh(pair.refresh)
            sessions.blacklist(third.access)
        finally:
            for name in SIGNALS:
                getattr(signals, name).disconnect(fail)

        assert LoginSession.objects.get().end_reason == "reused"
        assert "from the project" in caplog.text

    def test_nothing_is_told_of_what_was_rolled_back(self, user, heard):
        """Receivers run after the commit; without one they do not run."""
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            pair = sessions.start(user)
            sessions.refresh(pair.refresh)
            sessions.blacklist(pair.refresh)
            assert heard == []
            raise ZeroDivisionError

        assert heard == []
        with transaction.atomic():
            sessions.start(user)
            assert heard == []
        assert [name for name, *_ in heard] == ["session_started"]
