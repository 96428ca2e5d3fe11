"""No token, signature, password or key in a log, an error page, an error mail or a repr."""

import json
import logging
import pickle
from unittest.mock import patch

import pytest
from django.conf import settings as django_settings
from django.urls import include, path, reverse
from django.utils.log import AdminEmailHandler

from django_jwtauth import keys, sessions, transport
from django_jwtauth.conf import get_settings
from django_jwtauth.keymaterial import CRYPTOGRAPHY
from django_jwtauth.redacted import Redacted
from tests import urls
from tests.conftest import PASSWORD
from tests.keypairs import make_pem
from tests.refusals import REFUSALS

pytestmark = pytest.mark.urls(__name__)

urlpatterns = [
    *urls.urlpatterns,
    path("oauth/", include("django_jwtauth.urls.oauth")),
    path("browser/", include("django_jwtauth.urls.browser")),
]

HASHED = "pbkdf2_sha256$1$salt$"


class Broken(Exception):
    """Something that nobody has thought of."""


def broken(*args, **kwargs):
    raise Broken


@pytest.fixture
def signing_key(settings):
    if not CRYPTOGRAPHY:
        settings.JWTAUTH = {"OAUTH_PASSWORD_GRANT": True}
        return None
    pem = make_pem()
    settings.JWTAUTH = {
        "KEYS": [{"algorithm": "ES256", "private_key": pem}],
        "OAUTH_PASSWORD_GRANT": True,
    }
    return pem


def mailer():
    handlers = logging.getLogger("django").handlers
    return next(item for item in handlers if isinstance(item, AdminEmailHandler))


@pytest.fixture(autouse=True)
def mails(monkeypatch):
    """What the handler of Django's default logging would have mailed to the admins."""
    sent = []

    def send(self, subject, message, *args, html_message=None, **kwargs):
        sent.append(f"{subject}{message}{html_message}")

    monkeypatch.setattr(AdminEmailHandler, "send_mail", send)
    return sent


def secrets_of(*tokens, pem=None):
    """What must not be shown anywhere, by name."""
    rings = [keys.get_access_ring(), keys.get_refresh_ring()]
    derived = [key.verifying for ring in rings for key in ring.keys if key.symmetric]
    found = {"password": PASSWORD, "SECRET_KEY": django_settings.SECRET_KEY}
    for number, token in enumerate(tokens):
        found[f"token {number}"] = token
        found[f"signature {number}"] = token.rpartition(".")[2]
    for number, secret in enumerate(derived):
        found[f"derived {number}"] = secret.hex()
        found[f"derived {number} as bytes"] = repr(secret)[2:-1]
    if pem:
        found["private key"] = pem.splitlines()[1]
    return found


def assert_hidden(text, secrets):
    shown = [name for name, secret in secrets.items() if secret in text]
    assert shown == [], shown


def form(api, name, pair=None, **body):
    return api.post(reverse(name), body, format="multipart")


DOORS = {
    "obtain": lambda api, pair: api.obtain(),
    "refresh": lambda api, pair: api.refresh(pair.refresh),
    "verify": lambda api, pair: api.verify(pair.access),
    "sign out": lambda api, pair: api.blacklist(refresh=pair.refresh),
    "blacklist": lambda api, pair: api.blacklist(token=pair.access),
    "protected": lambda api, pair: api.get(
        reverse("protected"), HTTP_AUTHORIZATION=f"Bearer {pair.access}"
    ),
    "me": lambda api, pair: api.get(
        reverse("jwtauth_me"), HTTP_AUTHORIZATION=f"Bearer {pair.access}"
    ),
    "gateway": lambda api, pair: api.get(
        reverse("jwtauth_check"), HTTP_AUTHORIZATION=f"Bearer {pair.access}"
    ),
    "browser sign-in": lambda api, pair: api.post(
        "/browser/token/", {"username": "anna", "password": PASSWORD}
    ),
    "browser refresh": lambda api, pair: browser(api, "/browser/token/refresh/", pair),
    "browser sign-out": lambda api, pair: browser(api, "/browser/token/blacklist/", pair),
}
FORM_DOORS = {
    "form sign-in": lambda api, pair: form(
        api, "token_obtain_pair", username="anna", password=PASSWORD
    ),
    "form refresh": lambda api, pair: form(api, "token_refresh", refresh=pair.refresh),
    "oauth password": lambda api, pair: form(
        api, "jwtauth_oauth_token", grant_type="password", username="anna", password=PASSWORD
    ),
    "oauth refresh": lambda api, pair: form(
        api, "jwtauth_oauth_token", grant_type="refresh_token", refresh_token=pair.refresh
    ),
    "oauth revoke": lambda api, pair: form(api, "jwtauth_oauth_revoke", token=pair.refresh),
}


def browser(api, url, pair):
    api.cookies["__Secure-jwtauth_refresh"] = pair.refresh
    api.cookies["__Host-jwtauth_access"] = pair.access
    return api.post(url, {})


# Where it breaks: what a project plugs in, the database layer, the keys, and the signature.
PLACES = [
    "django_jwtauth.lookup._find",
    "django_jwtauth.rotation._swap",
    "django_jwtauth.tokens._find_keys",
    "django_jwtauth.tokens._check_times",
    "django_jwtauth.pairs.call_hook",
    "django_jwtauth.credentials.authenticate",
    "django_jwtauth.credentials.call_hook",
    "django_jwtauth.models.LoginSessionQuerySet.end",
    "jwt.algorithms.HMACAlgorithm.verify",
    "jwt.algorithms.HMACAlgorithm.sign",
    "django_jwtauth.transport._set_cookie",
]


def break_everywhere(api, pair, doors):
    """Yield the answers to each door while each place is broken, where that is a 500."""
    api.raise_request_exception = False
    count = 0
    for place in PLACES:
        for name, call in doors.items():
            api.cookies.clear()
            with patch(place, broken):
                answer = call(api, pair)
            if answer.status_code == 500:
                count += 1
                yield f"{name} at {place}", answer
    assert count >= len(doors)


def test_an_error_page_shows_none(api, user, settings, signing_key):
    """The yellow page lists all local variables of all frames: no token or password is there."""
    pair = sessions.start(user)
    secrets = secrets_of(pair.access, pair.refresh, pem=signing_key)
    settings.DEBUG = True
    for where, answer in break_everywhere(api, pair, DOORS):
        text = answer.content.decode()
        assert "Broken" in text, where
        assert_hidden(text, {f"{name}, {where}": value for name, value in secrets.items()})


@pytest.mark.parametrize("html", [True, False])
def test_an_error_mail_shows_none(api, user, settings, signing_key, mails, monkeypatch, html):
    """Nor the mail to the admins, with or without its HTML part, for JSON and for forms."""
    settings.ADMINS = ["root@example.org"]
    monkeypatch.setattr(mailer(), "include_html", html)
    pair = sessions.start(user)
    secrets = secrets_of(pair.access, pair.refresh, pem=signing_key)
    for where, _ in break_everywhere(api, pair, {**DOORS, **FORM_DOORS}):
        (text,) = mails
        mails.clear()
        assert "Broken" in text, where
        assert ("</html>" in text) is html
        assert_hidden(text, {f"{name}, {where}": value for name, value in secrets.items()})


def test_no_log_of_any_level_holds_one(api, user, settings, signing_key, caplog):
    """A whole story with every refusal, at level DEBUG, statements included."""
    caplog.set_level(logging.DEBUG)
    settings.DEBUG = True
    tokens = []
    for door in {**DOORS, **FORM_DOORS}.values():
        pair = sessions.start(user)
        tokens += [pair.access, pair.refresh]
        answer = door(api, pair)
        api.cookies.clear()
        if answer["Content-Type"] == "application/json":
            body = json.loads(answer.content or b"{}")
            tokens += [body[name] for name in ("access", "refresh") if body.get(name)]
    api.obtain(password=PASSWORD + "x")
    for refusal in REFUSALS.values():
        type(user).objects.all().delete()
        user = type(user).objects.create_user("anna", password=PASSWORD)
        pair = sessions.start(user)
        for call, raw in ((api.protected, pair.access), (api.refresh, pair.refresh)):
            bad = refusal.make(raw)
            call(bad)
            tokens += [item for item in (raw, bad) if "." in item]

    assert len(caplog.records) > 60
    assert len(tokens) > 60
    tokens = [token for token in tokens if len(token.rpartition(".")[2]) > 20]
    assert_hidden(caplog.text, secrets_of(*tokens, pem=signing_key))


def test_no_repr_shows_one(user, signing_key):
    """Pairs, keys, key rings, settings and errors are printed without what they hold."""
    pair = sessions.start(user)
    shown = [pair, get_settings(), keys.get_access_ring(), keys.get_refresh_ring()]
    shown += [key for ring in shown[2:] for key in ring.keys]
    shown += [Redacted(pair.access), [Redacted(PASSWORD)], {"password": Redacted(PASSWORD)}]

    text = "".join(f"{item!r} {item!s}" for item in shown if not isinstance(item, Redacted))

    assert_hidden(text + repr(Redacted(pair.access)), secrets_of(pair.access, pair.refresh))


def test_what_is_redacted_is_text_all_the_same():
    """Equality, hash, JSON, pickling, encoding and formatting are those of the text."""
    hidden = Redacted("abc.def")

    assert repr(hidden) == "<redacted>"
    assert (hidden, hash(hidden), str(hidden)) == ("abc.def", hash("abc.def"), "abc.def")
    assert json.dumps({"x": hidden}) == '{"x": "abc.def"}'
    assert pickle.loads(pickle.dumps(hidden)) == "abc.def"
    assert repr(pickle.loads(pickle.dumps(hidden))) == "<redacted>"
    assert f"{hidden}" == "abc.def"
    assert hidden.split(".") == ["abc", "def"]
    assert not Redacted("")


def test_a_request_gives_its_tokens_redacted(rf):
    """Header and cookies alike; a missing cookie is None."""
    request = rf.get("/", HTTP_AUTHORIZATION="Bearer abc")
    request.COOKIES["__Host-jwtauth_access"] = "abc"

    for raw in (transport.get_header_token(request), transport.get_cookie_token(request)):
        assert (raw, repr(raw)) == ("abc", "<redacted>")
    assert transport.get_refresh_cookie(request) is None
