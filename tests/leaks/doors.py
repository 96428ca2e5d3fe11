"""Every door with every secret that it takes, and every call of foreign code behind them."""

import base64
from contextlib import ExitStack, contextmanager
from unittest.mock import patch
from urllib.parse import quote_plus

from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import MD5PasswordHasher, make_password
from django.contrib.auth.models import PermissionsMixin
from django.contrib.auth.signals import user_login_failed
from django.db.backends.utils import CursorWrapper
from django.test import override_settings
from rest_framework.response import Response

from django_jwtauth import api_tokens, one_time, sessions, signals
from tests.leaks.project import Broken, broken

PASSWORD = "PASSWORD-in-clear-77"
CLIENT_SECRET = "CLIENT-secret+of 99"
# Longer than codes are: six digits are in some address or time of a report by chance.
CODE = "482913760251948"

JWTAUTH = {
    "OAUTH_PASSWORD_GRANT": True,
    "ONE_TIME": {"PURPOSES": ["download"]},
    "CLIENTS": {"gateway": make_password(CLIENT_SECRET, hasher="md5")},
}


class Secrets:
    """What a client may send, and what must not be shown of it."""

    def __init__(self, user):
        pair = sessions.start(user)
        # As plain as they come from a client.
        self.access, self.refresh = f"{pair.access}", f"{pair.refresh}"
        self.api = f"{api_tokens.create(user, 'script').raw}"
        self.download = f"{one_time.create(user, 'download')}"
        self.link = f"{one_time.create(user, one_time.SIGN_IN)}"
        # RFC 6749, 2.3.1: quoted as in a form.
        basic = f"gateway:{quote_plus(CLIENT_SECRET)}"
        self.basic = base64.b64encode(basic.encode()).decode()

    def shown(self):
        """Return the texts to look for, by name."""
        texts = {"password": PASSWORD, "client secret": CLIENT_SECRET, "code": CODE}
        texts |= {"quoted": quote_plus(CLIENT_SECRET), "Basic": self.basic}
        for name in ("access", "refresh", "api", "download", "link"):
            raw = getattr(self, name)
            texts[name] = raw
            signature = raw.rpartition(".")[2]
            texts[f"signature of {name}"] = signature
            decoded = base64.urlsafe_b64decode(signature + "==")
            texts[f"bytes of {name}"] = repr(decoded)[2:-1]
        return texts


def bearer(raw):
    return {"HTTP_AUTHORIZATION": f"Bearer {raw}"}


def cookies(api, s):
    api.cookies["__Secure-jwtauth_refresh"] = s.refresh
    api.cookies["__Host-jwtauth_access"] = s.access
    return api


def sign_in(**more):
    return {"username": "anna", "password": PASSWORD, "otp": CODE, **more}


def form(api, url, body, **headers):
    return api.post(url, body, format="multipart", **headers)


def oauth(api, name, body, **headers):
    return form(api, f"/oauth/{name}/", body, **headers)


def by_form(**body):
    return {"client_id": "gateway", "client_secret": CLIENT_SECRET, **body}


def basic(s):
    return {"HTTP_AUTHORIZATION": f"Basic {s.basic}"}


#: What comes through each door, by name.
DOORS = {
    "obtain": lambda api, s: api.post("/api/token/", sign_in()),
    "obtain, a form": lambda api, s: form(api, "/api/token/", sign_in()),
    "obtain, numbers": lambda api, s: api.post(
        "/project/own/", {"username": "anna", "password": int(CODE), "otp": int(CODE)}
    ),
    "obtain, no JSON": lambda api, s: api.generic(
        "POST", "/api/token/", f'{{"password": "{PASSWORD}"', content_type="application/json"
    ),
    "obtain, no UTF-8": lambda api, s: api.generic(
        "POST", "/api/token/", f"{PASSWORD}\xff".encode("latin-1"), content_type="application/json"
    ),
    "obtain, a list": lambda api, s: api.post("/api/token/", [PASSWORD]),
    "obtain, the project's serializer": lambda api, s: api.post("/project/plain/", sign_in()),
    "obtain, simplejwt's serializer": lambda api, s: api.post("/project/own/", sign_in()),
    "obtain, by hand": lambda api, s: api.post("/project/by-hand/", sign_in()),
    "refresh": lambda api, s: api.post("/api/token/refresh/", {"refresh": s.refresh}),
    "refresh, by hand": lambda api, s: api.put("/project/by-hand/", {"refresh": s.refresh}),
    "verify": lambda api, s: api.post("/api/token/verify/", {"token": s.access}),
    "sign out": lambda api, s: api.post("/api/token/blacklist/", {"refresh": s.refresh}),
    "blacklist": lambda api, s: api.post("/api/token/blacklist/", {"token": s.access}),
    "protected": lambda api, s: api.get("/protected/", **bearer(s.access)),
    "protected, an API token": lambda api, s: api.get("/protected/", **bearer(s.api)),
    "protected, a refresh token": lambda api, s: api.get("/protected/", **bearer(s.refresh)),
    "stateless": lambda api, s: api.get("/project/stateless/", **bearer(s.access)),
    "cookie": lambda api, s: cookies(api, s).get("/project/cookie/"),
    "middleware": lambda api, s: api.get("/project/middleware/", **bearer(s.access)),
    "decorator": lambda api, s: api.get("/project/decorated/", **bearer(s.access)),
    "me": lambda api, s: api.get("/api/me/", **bearer(s.access)),
    "sessions": lambda api, s: api.delete("/api/sessions/", **bearer(s.access)),
    "API token": lambda api, s: api.post("/api/api-tokens/", {"name": "x"}, **bearer(s.access)),
    "one-time": lambda api, s: api.post(
        "/api/one-time-tokens/", {"purpose": "download"}, **bearer(s.access)
    ),
    "consume": lambda api, s: api.post(
        "/api/one-time-tokens/consume/", {"token": s.download, "purpose": "download"}
    ),
    "one-time sign-in": lambda api, s: api.post("/api/token/one-time/", {"token": s.link}),
    "browser sign-in": lambda api, s: cookies(api, s).post("/browser/token/", sign_in()),
    "browser sign-in, a form": lambda api, s: form(api, "/browser/token/", sign_in()),
    "browser refresh": lambda api, s: cookies(api, s).post("/browser/token/refresh/", {}),
    "browser sign-out": lambda api, s: cookies(api, s).post("/browser/token/blacklist/", {}),
    "OAuth password": lambda api, s: oauth(api, "token", sign_in(grant_type="password")),
    "OAuth refresh, Basic": lambda api, s: oauth(
        api, "token", {"grant_type": "refresh_token", "refresh_token": s.refresh}, **basic(s)
    ),
    "OAuth revoke, form": lambda api, s: oauth(api, "revoke", by_form(token=s.refresh)),
    "OAuth introspect, Basic": lambda api, s: oauth(
        api, "introspect", {"token": s.access}, **basic(s)
    ),
    "OAuth introspect, token": lambda api, s: oauth(
        api, "introspect", {"token": s.refresh}, **bearer(s.access)
    ),
    "gateway": lambda api, s: api.get("/oauth/check/", **bearer(s.access)),
    "admin, find": lambda api, s: form(
        api, "/admin/django_jwtauth/loginsession/find/", {"text": s.refresh}
    ),
    "admin, blacklist": lambda api, s: form(
        api,
        "/admin/django_jwtauth/blacklistedtoken/add/",
        {"token": s.refresh, "reason": "compromised", "note": "x"},
    ),
}


@contextmanager
def hook(name, **jwtauth):
    hooks = {"HOOKS": {name: "tests.leaks.project.broken"}}
    with override_settings(JWTAUTH={**JWTAUTH, **hooks, **jwtauth}):
        yield


@contextmanager
def receiver(signal):
    signal.connect(broken, weak=False)
    try:
        yield
    finally:
        signal.disconnect(broken)


def of_user(name):
    return patch.object(get_user_model(), name, broken)


def project(name):
    def check(value):
        if value == name:
            raise Broken

    return patch("tests.leaks.project.check", check)


#: Every call of code that is not ours: a way to have it raise.
CALLS = {
    "hook TENANT": lambda: hook("TENANT"),
    "hook CLIENT_IP": lambda: hook("CLIENT_IP"),
    "hook SIGN_IN": lambda: hook("SIGN_IN"),
    "hook SCOPES": lambda: hook("SCOPES"),
    "hook CLAIMS": lambda: hook("CLAIMS"),
    "authentication back end": lambda: override_settings(
        AUTHENTICATION_BACKENDS=["tests.leaks.project.BrokenBackend"]
    ),
    "receiver of user_login_failed": lambda: refused(receiver(user_login_failed)),
    "user manager": lambda: patch("django.db.models.Manager.get_queryset", broken),
    "user.is_active": lambda: patch.object(
        get_user_model(), "is_active", property(broken, lambda user, value: None)
    ),
    "user.check_password": lambda: of_user("check_password"),
    "user.get_username": lambda: of_user("get_username"),
    "user.get_session_auth_hash": lambda: of_user("get_session_auth_hash"),
    "user.has_perm": lambda: patch.object(PermissionsMixin, "has_perm", broken),
    "password hasher": lambda: patch.object(MD5PasswordHasher, "encode", broken),
    "serializer.validate": lambda: project("validate"),
    "serializer.validate_<field>": lambda: project("validate_password"),
    "EXCEPTION_HANDLER": lambda: patch(
        "rest_framework.views.APIView.get_exception_handler", lambda view: broken
    ),
    "database router": lambda: override_settings(
        DATABASE_ROUTERS=["tests.leaks.project.BrokenRouter"]
    ),
    "database": lambda: patch.object(CursorWrapper, "execute", broken),
    "receiver of session_started": lambda: receiver(signals.session_started),
    "receiver of token_refused": lambda: receiver(signals.token_refused),
    "signing": lambda: patch("jwt.algorithms.HMACAlgorithm.sign", broken),
    "verifying": lambda: patch("jwt.algorithms.HMACAlgorithm.verify", broken),
    "cookies": lambda: patch("django.http.HttpResponse.set_cookie", broken),
    "renderer": lambda: patch.object(Response, "rendered_content", property(broken)),
    "JSON answer": lambda: patch("django.core.serializers.json.DjangoJSONEncoder.encode", broken),
}


@contextmanager
def both(*contexts):
    with ExitStack() as stack:
        for context in contexts:
            stack.enter_context(context)
        yield


def refused(context):
    """With no back end that finds anybody, so that Django tells of the failure."""
    return both(
        override_settings(
            AUTHENTICATION_BACKENDS=["django.contrib.auth.backends.AllowAllUsersRemoteUserBackend"]
        ),
        context,
    )
