"""Works on sign-ins picked at random from a filled table, as the requests of a day would."""

import random
import time
from functools import partial
from uuid import UUID

from django.conf import settings
from django.contrib.auth import get_user_model, login
from django.contrib.sessions.backends.db import SessionStore
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest
from django.test import override_settings

from django_jwtauth import sessions, tokens
from django_jwtauth.claims import ACCESS, REFRESH, TokenType
from django_jwtauth.models import LoginSession

from .contender import Calls, Contender

NUMBER = 0xFFFFFFFF


class Sample(Contender):
    """Makes no user: it works with those that ``filling`` has made."""

    name = "django-jwtauth"

    def __init__(self, part: int = 0, parts: int = 1) -> None:
        self.server = WSGIHandler()
        self.part, self.parts = part, parts

    def pick(self, count: int) -> list[LoginSession]:
        """Return live sign-ins from all over the table: ``filling`` numbers their ids.

        Of ``parts`` samples none has a sign-in of another.
        """
        newest = LoginSession.objects.order_by("-id")[:1].get().id.int
        numbers = range(1 + self.part, newest & NUMBER, self.parts)
        # One in ten has ended.
        chosen = [n for n in random.sample(numbers, min(2 * count, len(numbers))) if n % 10]
        ids = [UUID(int=newest & ~NUMBER | n) for n in chosen[:count]]
        return list(LoginSession.objects.filter(id__in=ids))

    def authenticate(self, count: int) -> Calls:
        raws = [access_token(session) for session in self.pick(count)]
        for raw in raws:
            # Verified before: what differs is the query.
            tokens.decode(raw, ACCESS)
        return [partial(sessions.authenticate, raw) for raw in raws]

    def refresh(self, count: int) -> Calls:
        bodies = [{"refresh": refresh_token(session)} for session in self.pick(count)]
        return [self.http("POST", "/jwtauth/token/refresh/", body) for body in bodies]

    def list_sign_ins(self, count: int) -> Calls:
        headers = [
            {"HTTP_AUTHORIZATION": f"Bearer {access_token(session)}"}
            for session in self.pick(count)
        ]
        return [self.http("GET", "/jwtauth/sessions/", **header) for header in headers]


class Desk(Contender):
    """An operator in the admin."""

    name = "admin"

    def __init__(self) -> None:
        middleware = [
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
        ]
        with override_settings(MIDDLEWARE=middleware):
            self.server = WSGIHandler()

    def look_at(self, path: str, count: int) -> Calls:
        model = get_user_model()
        user = model.objects.get_or_create(username="olga", is_staff=True, is_superuser=True)[0]
        request = HttpRequest()
        request.session = SessionStore()
        login(request, user, settings.AUTHENTICATION_BACKENDS[0])
        request.session.save()
        cookie = f"{settings.SESSION_COOKIE_NAME}={request.session.session_key}"
        return [self.http("GET", path, HTTP_COOKIE=cookie)] * min(count, 3)


def access_token(session: LoginSession) -> str:
    return _sign(ACCESS, session, jti=f"{session.sid}.{random.randbytes(8).hex()}")


def refresh_token(session: LoginSession) -> str:
    jti = f"{session.sid}:{session.generation}"
    return _sign(REFRESH, session, gen=session.generation, jti=jti)


def _sign(token_type: TokenType, session: LoginSession, **claims: object) -> str:
    now = int(time.time())
    common = {"sub": session.subject, "sid": session.sid, "iat": now, "exp": now + 300}
    return tokens.encode(token_type, {**common, **claims})


_sample, _desk = Sample(), Desk()
_ADMIN = "/admin/django_jwtauth"

WORKS = {
    "authenticate": _sample.authenticate,
    "refresh": _sample.refresh,
    "list one's sign-ins": _sample.list_sign_ins,
    "admin: sign-ins": partial(_desk.look_at, f"{_ADMIN}/loginsession/"),
    "admin: sign-ins of a user": partial(_desk.look_at, f"{_ADMIN}/loginsession/?q=filled77"),
    "admin: blacklisted tokens": partial(_desk.look_at, f"{_ADMIN}/blacklistedtoken/"),
}
