import pytest
from django.test import RequestFactory

from django_jwtauth import client


def request_with(**meta):
    request = RequestFactory().get("/")
    request.META.update(meta)
    return request


def hook(request):
    return request.META.get("HTTP_X_REAL_IP")


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("192.0.2.7", "192.0.2.7"),
        (" 192.0.2.7 ", "192.0.2.7"),
        ("2001:DB8::1", "2001:db8::1"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("fe80::1%eth0", "fe80::1"),
        ("fe80::1%" + "x" * 5000, "fe80::1"),
        ("", None),
        ("unix:", None),
        ("192.0.2.7, 10.0.0.1", None),
        ("192.0.2.7:8000", None),
        ("192.0.2.300", None),
        ("1", None),
        ("\x00", None),
        ("\ud800", None),
        ("x" * 100_000, None),
    ],
)
def test_the_address_is_one_that_the_column_holds(address, expected):
    """One spelling for each address; what is none is not written."""
    assert client.get_ip_address(request_with(REMOTE_ADDR=address)) == expected


def test_a_missing_address_is_none():
    """A request over a socket has no address."""
    request = request_with()
    del request.META["REMOTE_ADDR"]

    assert client.get_ip_address(request) is None


def test_a_proxy_header_counts_only_through_the_hook(settings):
    """X-Forwarded-For is anybody's word; CLIENT_IP_HOOK says which header is trusted."""
    request = request_with(
        REMOTE_ADDR="10.0.0.1", HTTP_X_FORWARDED_FOR="192.0.2.9", HTTP_X_REAL_IP="192.0.2.7"
    )

    assert client.get_ip_address(request) == "10.0.0.1"
    settings.JWTAUTH = {"CLIENT_IP_HOOK": "tests.test_client.hook"}
    assert client.get_ip_address(request) == "192.0.2.7"


@pytest.mark.parametrize("value", [None, "", "nonsense", "\x00"])
def test_a_hook_that_knows_no_address_leaves_it_empty(settings, value):
    """No fallback to the proxy's own address, which would be wrong."""
    settings.JWTAUTH = {"CLIENT_IP_HOOK": "tests.test_client.hook"}
    request = request_with(REMOTE_ADDR="10.0.0.1")
    if value is not None:
        request.META["HTTP_X_REAL_IP"] = value

    assert client.get_ip_address(request) is None


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("Mozilla/5.0 (X11; Linux)", "Mozilla/5.0 (X11; Linux)"),
        ("a\r\nX-Injected: 1\x00\x1b[31m", "aX-Injected: 1[31m"),
        ("\ud800b\udfff", "b"),
        ("\u202egpj.exe", "gpj.exe"),
        ("Ünï 😀", "Ünï 😀"),
        ("x" * 100_000, "x" * 255),
        ("\x00" * 300 + "x" * 300, "x" * 210),
        ("", ""),
    ],
)
def test_the_user_agent_is_printable_and_short(header, expected):
    """No control character, no surrogate, no direction override, at most 255 characters."""
    assert client.get_user_agent(request_with(HTTP_USER_AGENT=header)) == expected


def test_a_missing_user_agent_is_empty():
    """The column is never null."""
    assert client.get_user_agent(request_with()) == ""
