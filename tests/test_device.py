import pytest
from django.test import RequestFactory

from django_jwtauth.http import device


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
        ("fe80::1%" + "x" * 100, "fe80::1"),
        ("fe80::1%" + "x" * 5000, None),
        ("192.0.2.7:8000", "192.0.2.7"),
        ("[2001:db8::7]:8000", "2001:db8::7"),
        ("[2001:db8::7]", "2001:db8::7"),
        ('"[2001:db8::7]:8000"', "2001:db8::7"),
        ("[fe80::1%eth0]:8000", "fe80::1"),
        ("[::ffff:192.0.2.7]:8000", "192.0.2.7"),
        ("[192.0.2.7]:8000", "192.0.2.7"),
        ("192.0.2.7:", None),
        ("192.0.2.7:http", None),
        ("192.0.2.7:8000:8000", None),
        ("192.0.2.7:" + "1" * 100, None),
        ("[2001:db8::7", None),
        ("[]:8000", None),
        (":8000", None),
        ("unknown", None),
        ("_hidden", None),
        ("", None),
        ("unix:", None),
        ("192.0.2.7, 10.0.0.1", None),
        ("192.0.2.300", None),
        ("1", None),
        ("\x00", None),
        ("\ud800", None),
        ("x" * 100_000, None),
    ],
)
def test_the_address_is_one_that_the_column_holds(address, expected):
    """One spelling for each address; what is none is not written."""
    assert device.get_ip_address(request_with(REMOTE_ADDR=address)) == expected


def test_a_missing_address_is_none():
    """A request over a socket has no address."""
    request = request_with()
    del request.META["REMOTE_ADDR"]

    assert device.get_ip_address(request) is None


def test_a_proxy_header_counts_only_through_the_hook(settings):
    """X-Forwarded-For is anybody's word; HOOKS["CLIENT_IP"] says which header is trusted."""
    request = request_with(
        REMOTE_ADDR="198.51.100.1", HTTP_X_FORWARDED_FOR="192.0.2.9", HTTP_X_REAL_IP="192.0.2.7"
    )

    assert device.get_ip_address(request) == "198.51.100.1"
    settings.JWTAUTH = {"HOOKS": {"CLIENT_IP": "tests.test_device.hook"}}
    assert device.get_ip_address(request) == "192.0.2.7"


PROXIES = ["127.0.0.1", "10.1.2.3", "172.18.0.1", "192.168.0.9", "100.64.0.1", "::1", "fd00::1"]


@pytest.mark.parametrize("header", ["X_FORWARDED_FOR", "FORWARDED", "X_REAL_IP"])
@pytest.mark.parametrize("proxy", [*PROXIES, "::ffff:10.0.0.1", "fe80::1%eth0", ""])
def test_the_address_of_a_proxy_is_nobodys(proxy, header):
    """Behind a proxy that the settings do not mention, no client has an address."""
    request = request_with(REMOTE_ADDR=proxy, **{f"HTTP_{header}": "192.0.2.9"})

    assert device.get_ip_address(request) is None


@pytest.mark.parametrize("address", ["192.0.2.7", "203.0.113.9", "8.8.8.8", "172.32.0.1"])
def test_a_client_does_not_hide_behind_a_header(address):
    """Whoever comes from a public address and invents the header keeps their address."""
    request = request_with(REMOTE_ADDR=address, HTTP_X_FORWARDED_FOR="127.0.0.1")

    assert device.get_ip_address(request) == address


@pytest.mark.parametrize("address", PROXIES[:2])
def test_a_private_address_without_a_proxy_is_a_clients(address):
    """Without a header, the address is as good as any: development, an intranet."""
    assert device.get_ip_address(request_with(REMOTE_ADDR=address)) == address


@pytest.mark.parametrize(
    ("proxies", "forwarded", "expected"),
    [
        (0, "192.0.2.9", "10.0.0.1"),
        (1, None, "10.0.0.1"),
        (1, "192.0.2.9", "192.0.2.9"),
        (1, "8.8.8.8, 192.0.2.9:4000", "192.0.2.9"),
        (2, "8.8.8.8, 192.0.2.9, 10.0.0.2", "192.0.2.9"),
        (3, "192.0.2.9", "192.0.2.9"),
        (1, '8.8.8.8, "[2001:db8::9]:4000" ', "2001:db8::9"),
        (1, "192.0.2.9, unknown", None),
        (1, "192.0.2.9, ", None),
        (1, "", None),
    ],
)
def test_num_proxies_tells_who_wrote_the_address(settings, proxies, forwarded, expected):
    """Counted from the right: what stands further left, the client may have written."""
    settings.REST_FRAMEWORK = {"NUM_PROXIES": proxies}
    request = request_with(REMOTE_ADDR="10.0.0.1")
    if forwarded is not None:
        request.META["HTTP_X_FORWARDED_FOR"] = forwarded

    assert device.get_ip_address(request) == expected


@pytest.mark.parametrize("value", [None, "", "nonsense", "\x00"])
def test_a_hook_that_knows_no_address_leaves_it_empty(settings, value):
    """No fallback to the proxy's own address, which would be wrong."""
    settings.JWTAUTH = {"HOOKS": {"CLIENT_IP": "tests.test_device.hook"}}
    request = request_with(REMOTE_ADDR="10.0.0.1")
    if value is not None:
        request.META["HTTP_X_REAL_IP"] = value

    assert device.get_ip_address(request) is None


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("Mozilla/5.0 (X11; Linux)", "Mozilla/5.0 (X11; Linux)"),
        ("a\r\nX-Injected: 1\x00\x1b[31m", "aX-Injected: 1[31m"),
        ("\ud800b\udfff", "b"),
        ("\u202egpj.exe", "gpj.exe"),
        ("Ünï 😀", "Ünï "),
        ("x" * 100_000, "x" * 255),
        ("\x00" * 300 + "x" * 300, "x" * 210),
        ("", ""),
    ],
)
def test_the_user_agent_is_printable_and_short(header, expected):
    """At most 255 characters; none that controls anything, or that utf8mb3 has no room for."""
    assert device.get_user_agent(request_with(HTTP_USER_AGENT=header)) == expected


def test_a_missing_user_agent_is_empty():
    """The column is never null."""
    assert device.get_user_agent(request_with()) == ""
