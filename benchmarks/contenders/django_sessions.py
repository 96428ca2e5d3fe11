from importlib import import_module

from django.conf import settings
from django.contrib.auth import get_user, login
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest
from django.test import override_settings

from benchmarks.contender import Calls, Contender, make_users

SessionStore = import_module(settings.SESSION_ENGINE).SessionStore
BACKEND = "django.contrib.auth.backends.ModelBackend"


class DjangoSessions(Contender):
    """Rows in the database, a cookie, no API token."""

    name = "Django sessions"

    def __init__(self) -> None:
        super().__init__()
        middleware = [
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
        ]
        with override_settings(MIDDLEWARE=middleware):
            self.server = WSGIHandler()
        self.session_key = self.new_session(self.user)

    def new_session(self, user) -> str:
        request = HttpRequest()
        request.session = SessionStore()
        login(request, user, BACKEND)
        request.session.save()
        return request.session.session_key

    def cookie(self, session_key: str) -> dict[str, str]:
        return {"HTTP_COOKIE": f"{settings.SESSION_COOKIE_NAME}={session_key}"}

    def _load_user(self) -> object:
        request = HttpRequest()
        request.session = SessionStore(self.session_key)
        return get_user(request)

    def authenticate(self, count: int) -> Calls:
        return [self._load_user] * count

    def request(self, count: int) -> Calls:
        return [self.http("GET", "/sessions/", **self.cookie(self.session_key))] * count

    def obtain(self, count: int) -> Calls:
        users = make_users(count)
        return [self.http("POST", "/sessions/login/", self.credentials(user)) for user in users]

    def sign_out(self, count: int) -> Calls:
        keys = [self.new_session(user) for user in make_users(count)]
        return [self.http("POST", "/sessions/logout/", **self.cookie(key)) for key in keys]
