import socket
from contextlib import contextmanager

import hypothesis
import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.db import connections
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from rest_framework.test import APIClient

from django_jwtauth import api_tokens, one_time, sessions, tokens
from django_jwtauth.checks import project
from django_jwtauth.management.commands import jwtauth_generate_key
from django_jwtauth.models import LoginSession
from django_jwtauth.operations import batches
from django_jwtauth.tokens import keymaterial
from django_jwtauth.tokens.cache import VerifiedTokens

# How long an example takes is the machine's business, not the test's.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

PASSWORD = "correct horse battery staple"

# The rates at which somebody may guess.
GUESSES = ["address", "address_sustained", "account", "account_everywhere"]
REDIS = ("127.0.0.1", 6379)
# What a support desk gets.
DESK = (
    "view_loginsession",
    "end_sessions",
    "view_blacklistedtoken",
    "blacklist_token",
    "view_user",
)


class Client(APIClient):
    """DRF's client, with the few calls that most tests make. Bodies are JSON."""

    default_format = "json"

    def with_token(self, raw, scheme="Bearer"):
        """Send ``raw`` with every request from now on."""
        self.credentials(HTTP_AUTHORIZATION=f"{scheme} {raw}")
        return self

    def obtain(self, username="anna", password=PASSWORD, **extra):
        body = {"username": username, "password": password}
        return self.post(reverse("token_obtain_pair"), body, **extra)

    def refresh(self, raw, **extra):
        return self.post(reverse("token_refresh"), {"refresh": raw}, **extra)

    def verify(self, raw, **extra):
        return self.post(reverse("token_verify"), {"token": raw}, **extra)

    def blacklist(self, **body):
        return self.post(reverse("token_blacklist"), body)

    def protected(self, raw):
        """Call a view of the project with ``raw``, whatever with_token() said."""
        return APIClient().get(reverse("protected"), HTTP_AUTHORIZATION=f"Bearer {raw}")


@pytest.fixture(autouse=True)
def django_without_holes(monkeypatch):
    """The tests run on releases with published ones, too; test_checks says what is told of them."""
    monkeypatch.setattr(project, "DJANGO_HOLES", ())


@pytest.fixture(autouse=True)
def empty_cache():
    """No failed sign-in of an earlier test is counted."""
    cache.clear()


@pytest.fixture
def api():
    return Client()


@pytest.fixture
def user(db):
    return get_user_model().objects.create_user("anna", "anna@example.org", PASSWORD)


@pytest.fixture
def other_user(db):
    return get_user_model().objects.create_user("bert", "bert@example.org", PASSWORD)


@pytest.fixture
def pair(user):
    """The first tokens of a sign-in of ``user``."""
    return sessions.start(user)


@pytest.fixture
def session(pair):
    """The sign-in of ``pair``."""
    return LoginSession.objects.get(pk=pair.session_id)


@pytest.fixture
def statements():
    """``with statements(n) as captured:`` fails unless the block runs n statements."""

    @contextmanager
    def expect(number, using="default"):
        with CaptureQueriesContext(connections[using]) as captured:
            yield captured
        told = "\n".join(query["sql"] for query in captured)
        assert len(captured) == number, f"{len(captured)} statements, not {number}:\n{told}"

    return expect


@pytest.fixture
def limits(settings):
    """``limits(account=3)`` allows three failures for one account from one address."""

    def set_limits(**rates):
        none = dict.fromkeys(GUESSES)
        rates = {name: f"{count}/hour" for name, count in rates.items()}
        settings.JWTAUTH = {**settings.JWTAUTH, "THROTTLES": {"RATES": {**none, **rates}}}

    settings.JWTAUTH = {}
    return set_limits


@pytest.fixture
def redis_cache(settings):
    pytest.importorskip("redis")
    with socket.socket() as probe:
        if probe.connect_ex(REDIS):
            pytest.skip("no Redis on 127.0.0.1:6379")
    settings.CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": "redis://{}:{}/9".format(*REDIS),
            "KEY_PREFIX": f"{__name__}.{id(settings)}",
        }
    }


@pytest.fixture
def no_cryptography(monkeypatch):
    """As where the package is not installed."""
    for module in (keymaterial, jwtauth_generate_key):
        monkeypatch.setattr(module, "CRYPTOGRAPHY", False)


@pytest.fixture
def others(user, other_user, pair):
    """Two further sign-ins of the user, an API token and a link; and one of somebody else."""
    sessions.start(user)
    api_tokens.create(user, "ci")
    one_time.create(user, one_time.SIGN_IN)
    sessions.start(other_user)


@pytest.fixture
def no_pauses(monkeypatch):
    """Retry a failed batch at once; return the pauses that would have been made."""
    pauses = []
    monkeypatch.setattr(batches.time, "sleep", pauses.append)
    return pauses


@pytest.fixture
def nothing_remembered(monkeypatch):
    """No token has been verified before, and no use of an API token written, by this process."""
    monkeypatch.setattr(tokens, "_verified", VerifiedTokens())
    api_tokens._written.clear()


@pytest.fixture
def staff(db):
    """``staff("view_loginsession", ...)`` is a browser in which such an operator is logged in."""
    permissions = apps.get_model("auth.Permission").objects

    def log_in(*codenames, name="olga"):
        operator = get_user_model().objects.create_user(name, is_staff=True)
        operator.user_permissions.set(permissions.filter(codename__in=codenames))
        browser = Browser()
        browser.force_login(operator)
        return browser

    return log_in


@pytest.fixture
def desk(staff):
    return staff(*DESK)


@pytest.fixture
def chief(staff):
    """Who may end everybody's sign-ins."""
    return staff(*DESK, "end_all_sessions", name="carla")


@pytest.fixture
def old(transactional_db):
    """The project that still runs simplejwt."""
    # It asks this module for a password.
    from tests.simplejwt_project import process

    process.require_simplejwt()
    with process.running() as project:
        yield project
