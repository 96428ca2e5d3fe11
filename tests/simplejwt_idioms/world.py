"""What the code in the table may name: simplejwt's names, a user, requests, tokens.

``World("rest_framework_simplejwt")`` is simplejwt itself, ``World(OURS)`` the package under the
same module names.
"""

import contextlib
import importlib
from datetime import datetime, timedelta, timezone

from django.contrib.auth import get_user_model
from django.db import connection
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from rest_framework.exceptions import ErrorDetail
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from django_jwtauth.contrib.simplejwt import alias

OURS, THEIRS = "django_jwtauth.contrib.simplejwt", "rest_framework_simplejwt"
# Last: serializers have an AuthenticationFailed of another kind.
MODULES = sorted(alias.MODULES, key="exceptions".__eq__)
PASSWORD = "correct horse battery staple"


class World(dict):
    def __init__(self, package):
        modules = {name: importlib.import_module(f"{package}.{name}") for name in MODULES}
        for module in modules.values():
            # In order: serializers have RefreshToken, too, and it is the same.
            self.update({name: value for name, value in vars(module).items() if name[0] != "_"})
        users = get_user_model().objects
        user = users.create_user("anna", "anna@example.org", PASSWORD)
        refresh = self["RefreshToken"].for_user(user)
        self.update(
            user=user,
            other=users.create_user("bert", "bert@example.org", PASSWORD),
            refresh=str(refresh),
            access=str(refresh.access_token),
            jti=refresh["jti"],
            PASSWORD=PASSWORD,
            datetime=datetime,
            timedelta=timedelta,
            timezone=timezone,
            User=get_user_model(),
            import_module=lambda name: importlib.import_module(f"{package}.{name}"),
            get=self.get_request,
            plain=self.plain_request,
            post=self.post,
            detail_of=self.detail_of,
            swallow=self.swallow,
            statements=self.statements,
            forged=self.forged,
            expired=self.expired,
            works=self.works,
            refreshes=self.refreshes,
        )

    def run(self, code):
        """Return what the last line of the code is, or the exception that it raises."""
        *lines, last = code.split("\n")
        try:
            exec("\n".join(lines), self)
            return eval(last, self)
        except Exception as error:
            return error

    # --- what the code may call

    def get_request(self, token=None, **meta):
        """A request of Django REST framework."""
        return Request(self.plain_request(token, **meta))

    def plain_request(self, token=None, **meta):
        """A request of Django."""
        if token is not None:
            meta["HTTP_AUTHORIZATION"] = f"Bearer {token}"
        return RequestFactory().get("/", **meta)

    def post(self, view, **body):
        """The answer of a view, rendered."""
        request = APIRequestFactory().post("/", body, format="json")
        return view.as_view()(request).render()

    def detail_of(self, call, *args):
        """What the exception of the call has as its ``detail``, as plain values."""
        try:
            call(*args)
        except Exception as error:
            return _plain(error.detail)
        raise AssertionError("nothing was raised")

    def swallow(self, call, *args):
        """What much code does around a sign-out."""
        with contextlib.suppress(Exception):
            call(*args)

    def statements(self, call, *args):
        """How many statements the call runs."""
        with CaptureQueriesContext(connection) as captured:
            call(*args)
        return len(captured)

    def forged(self, raw):
        """The token with another signature."""
        head, _, signature = raw.rpartition(".")
        return f"{head}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"

    def expired(self, token):
        """The encoded token, made to expire in the past."""
        token.set_exp(lifetime=-timedelta(seconds=10))
        return str(token)

    def works(self, raw):
        """Whether a request with this access token is let in."""
        try:
            return self["JWTAuthentication"]().authenticate(self.get_request(raw)) is not None
        except Exception:
            return False

    def refreshes(self, raw):
        """Whether the refresh endpoint takes this token."""
        return self.post(self["TokenRefreshView"], refresh=raw).status_code == 200


def _plain(value):
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, ErrorDetail) else value
