"""Clients: who they say they are, how they show it, and what a wrong secret costs."""

from base64 import b64encode
from urllib.parse import quote_plus

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher, make_password
from django.test import override_settings

from django_jwtauth.exceptions import Throttled
from django_jwtauth.views import oauth_clients
from django_jwtauth.views.oauth_clients import InvalidClient, TwoMethods

SECRET = "s3cret-of-the-gateway"


class CountingHasher(MD5PasswordHasher):
    """Counts what it hashes."""

    algorithm = "counting"
    hashed = 0

    def encode(self, password, salt):
        CountingHasher.hashed += 1
        return super().encode(password, salt)


@pytest.fixture(autouse=True)
def counted(settings):
    """Hashing is counted from 0, no secret is remembered, and "gateway" is a client."""
    settings.PASSWORD_HASHERS = [
        "tests.test_oauth_clients.CountingHasher",
        "django.contrib.auth.hashers.MD5PasswordHasher",
    ]
    settings.JWTAUTH = {"CLIENTS": {"gateway": make_password(SECRET)}}
    oauth_clients._remembered.clear()
    CountingHasher.hashed = 0


@pytest.fixture
def ask(rf):
    """``ask(basic=(id, secret), **form)`` is what authenticate() returns for such a request."""

    def ask(basic=None, address="192.0.2.1", **form):
        request = rf.post("/", form, REMOTE_ADDR=address)
        if basic is not None:
            if not isinstance(basic, str):
                basic = basic_of(*basic)
            request.META["HTTP_AUTHORIZATION"] = basic
        return oauth_clients.authenticate(request)

    return ask


def basic_of(client_id, secret):
    pair = f"{quote_plus(client_id)}:{quote_plus(secret)}"
    return "Basic " + b64encode(pair.encode()).decode()


def test_basic_and_form(ask):
    """RFC 6749, 2.3.1: the secret comes in the header or in the form."""
    assert ask(basic=("gateway", SECRET)) == "gateway"
    assert ask(client_id="gateway", client_secret=SECRET) == "gateway"


def test_the_scheme_is_compared_without_case(ask):
    """RFC 9110, 11.1: "basic" is "Basic"."""
    assert ask(basic=basic_of("gateway", SECRET).replace("Basic", "bASIC")) == "gateway"


def test_basic_credentials_are_url_encoded(ask, settings):
    """RFC 6749, 2.3.1: id and secret are form-encoded before they are joined by a colon."""
    name, secret = "gate:way ü", "a+b%20:c ä"
    settings.JWTAUTH = {"CLIENTS": {name: make_password(secret)}}

    assert ask(basic=(name, secret)) == name
    assert ask(client_id=name, client_secret=secret) == name


def test_a_client_id_alone_is_nobody(ask):
    """RFC 6749, 3.2.1: a public client may name itself; that shows nothing."""
    assert ask(client_id="gateway") is None
    assert ask(client_id="gateway", client_secret="") is None
    assert ask(client_id="a phone app") is None
    assert ask() is None
    assert CountingHasher.hashed == 0


def test_another_scheme_is_no_client(ask):
    """A bearer token in the header is not for here, and the form may hold the secret then."""
    assert ask(basic="Bearer abc") is None
    assert ask(basic="Bearer abc", client_id="gateway", client_secret=SECRET) == "gateway"


@pytest.mark.parametrize(
    ("basic", "form"),
    [
        (("gateway", SECRET), {"client_id": "gateway", "client_secret": SECRET}),
        (("gateway", SECRET), {"client_secret": SECRET}),
        (("gateway", SECRET), {"client_id": "another"}),
    ],
)
def test_two_methods_at_once_are_refused(ask, basic, form):
    """RFC 6749, 2.3: one method in a request, and one client."""
    with pytest.raises(TwoMethods):
        ask(basic=basic, **form)
    assert CountingHasher.hashed == 0


def test_the_id_may_be_repeated_in_the_form(ask):
    """Authlib names the client in the form, too; that is no second method."""
    assert ask(basic=("gateway", SECRET), client_id="gateway", client_secret="") == "gateway"


@pytest.mark.parametrize(
    "header",
    [
        "Basic",
        "Basic ",
        "Basic !!!",
        "Basic " + b64encode(b"no-colon").decode(),
        "Basic " + b64encode(b"\xff\xfe:x").decode(),
        "Basic \xe9",
        "Basic " + b64encode(b"gateway:" + SECRET.encode()).decode() + "=",
    ],
)
def test_what_is_no_basic_header_is_refused(ask, header):
    """Anything but the base64 of an id, a colon and a secret in UTF-8."""
    with pytest.raises(InvalidClient):
        ask(basic=header)
    assert CountingHasher.hashed == 0


@pytest.mark.parametrize(
    "presented",
    [
        ("gateway", "wrong"),
        ("gateway", ""),
        ("gateway", SECRET + "\0"),
        ("Gateway", SECRET),
        ("", SECRET),
        ("nobody", SECRET),
        ("\0", "\0"),
        ("\ud7ff\U0010ffff", "\U0001f600"),
    ],
)
def test_a_wrong_secret_and_an_unknown_client_cost_the_same(ask, presented):
    """One hash each, so that time does not tell which clients there are."""
    with pytest.raises(InvalidClient):
        ask(basic=presented)
    assert CountingHasher.hashed == 1


@pytest.mark.parametrize(("client_id", "secret"), [("g" * 501, "x"), ("gateway", "x" * 501)])
def test_what_is_too_long_is_not_hashed(ask, client_id, secret):
    """More than 500 characters are refused before they cost time."""
    with pytest.raises(InvalidClient):
        ask(basic=(client_id, secret))
    assert CountingHasher.hashed == 0


@pytest.mark.parametrize("client_id", ["gateway", "nobody"])
def test_guesses_are_throttled_before_they_are_hashed(ask, settings, client_id):
    """After THROTTLES["RATES"], whether the client exists or not, nothing is hashed any more."""
    settings.JWTAUTH = {**settings.JWTAUTH, "THROTTLES": {"RATES": {"account": "3/min"}}}
    for _ in range(3):
        with pytest.raises(InvalidClient):
            ask(basic=(client_id, "wrong"))

    for _ in range(2):
        with pytest.raises(Throttled):
            ask(basic=(client_id, "wrong"))
    assert CountingHasher.hashed == 3


def test_strangers_do_not_lock_a_client_out(ask, settings):
    """Guesses from many addresses do not matter to the client's own."""
    settings.JWTAUTH = {
        **settings.JWTAUTH,
        "THROTTLES": {"RATES": {"account_everywhere": "3/hour"}},
    }
    for number in range(5):
        with pytest.raises(InvalidClient):
            ask(basic=("gateway", "wrong"), address=f"198.51.100.{number}")

    assert ask(basic=("gateway", SECRET)) == "gateway"


def test_a_right_secret_is_not_counted(ask, settings):
    """The client may come as often as it likes, and from a process that has just started."""
    settings.JWTAUTH = {**settings.JWTAUTH, "THROTTLES": {"RATES": {"account": "1/min"}}}
    for _ in range(3):
        oauth_clients._remembered.clear()
        assert ask(basic=("gateway", SECRET)) == "gateway"


def test_a_right_secret_is_hashed_once(ask):
    """A process remembers it, so that a gateway does not pay for hashing each time."""
    for _ in range(3):
        assert ask(basic=("gateway", SECRET)) == "gateway"
    assert CountingHasher.hashed == 1


def test_what_is_remembered_is_no_way_around_the_secret(ask):
    """A wrong secret is hashed and refused, however often the right one came."""
    ask(basic=("gateway", SECRET))
    for wrong in ("wrong", "", SECRET + "x"):
        with pytest.raises(InvalidClient):
            ask(basic=("gateway", wrong))
    assert CountingHasher.hashed == 4


def test_a_client_that_is_taken_out_is_unknown_at_once(ask, settings):
    """What CLIENTS says now decides, remembered or not."""
    ask(basic=("gateway", SECRET))
    settings.JWTAUTH = {"CLIENTS": {}}

    with pytest.raises(InvalidClient):
        ask(basic=("gateway", SECRET))


def test_a_changed_secret_is_asked_for_at_once(ask):
    """The old one is refused although it is remembered, and good again with the old setting."""
    ask(basic=("gateway", SECRET))
    with override_settings(JWTAUTH={"CLIENTS": {"gateway": make_password("another")}}):
        with pytest.raises(InvalidClient):
            ask(basic=("gateway", SECRET))
        assert ask(basic=("gateway", "another")) == "gateway"
    assert ask(basic=("gateway", SECRET)) == "gateway"


def test_what_is_remembered_is_bounded_and_no_secret(ask):
    """One digest for each client, which is useless without SECRET_KEY."""
    for name in ("wrong", SECRET, "wrong again", SECRET):
        try:
            ask(basic=("gateway", name))
        except InvalidClient:
            continue
    assert len(oauth_clients._remembered) == 1
    assert SECRET not in repr(oauth_clients._remembered)

    [(stored, first)] = oauth_clients._remembered.items()
    with override_settings(SECRET_KEY="another" * 8):
        assert not oauth_clients._is_remembered(stored, SECRET)
        ask(basic=("gateway", SECRET))
    assert oauth_clients._remembered[stored] != first
