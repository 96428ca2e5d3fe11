"""Whether an address is in a network: every database agrees with Python."""

import ipaddress
import random

import pytest

from django_jwtauth.models import LoginSession
from django_jwtauth.store.networks import IsWithin, is_within, spell
from tests.rows import DAY, make_sessions

pytestmark = pytest.mark.django_db

CORNERS = [
    "0.0.0.0",
    "255.255.255.255",
    "203.0.113.0",
    "203.0.113.255",
    "203.0.112.255",
    "203.0.114.0",
    "9.0.0.1",
    "99.0.0.1",
    "::",
    "::1",
    "2001:db8::",
    "2001:db8::1:0:0:1",
    "2001:db8:0:ff::",
    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    # In bytes, it begins like 203.0.113.7.
    "cb00:7107::",
    "fe80::1",
]


def addresses(chance):
    yield from map(ipaddress.ip_address, CORNERS)
    for _ in range(60):
        yield ipaddress.IPv4Address(chance.getrandbits(32))
        yield ipaddress.IPv6Address(chance.getrandbits(128))
        # Near the others, so that long prefixes divide them.
        yield ipaddress.IPv4Address("203.0.113.0") + chance.getrandbits(9)
        yield ipaddress.IPv6Address("2001:db8::") + chance.getrandbits(chance.randrange(1, 90))


def networks(chance, known):
    for address in chance.sample(known, 40):
        bits = chance.randrange(address.max_prefixlen + 1)
        yield ipaddress.ip_network((address, bits), strict=False)
    for text in ("0.0.0.0/0", "::/0", "203.0.113.0/24", "203.0.113.128/25", "2001:db8::/33"):
        yield ipaddress.ip_network(text)


@pytest.mark.parametrize("seed", range(3))
def test_the_database_finds_what_python_finds(seed):
    """Of both families, with masks of any length, also such as end within a byte."""
    chance = random.Random(seed)
    known = [*addresses(chance)]
    for address in known:
        make_sessions(DAY, ip_address=str(address))
    make_sessions(DAY, ip_address=None)

    for network in networks(chance, known):
        rows = LoginSession.objects.filter(IsWithin("ip_address", network))
        found = sorted(map(str, rows.values_list("ip_address", flat=True)))
        assert found == sorted(str(one) for one in known if one in network), network


def test_no_address_is_in_no_network():
    """NULL, and what another program may have written."""
    assert not is_within(None, "0.0.0.0/0")
    assert not is_within("nonsense", "::/0")
    assert not is_within("10.0.0.1", "::/0")
    assert is_within("10.0.0.1", "10.0.0.0/8")


@pytest.mark.parametrize("text", ["203.0.113.7", "203.0.113.0/24", "2001:db8::1", "2001:db8::/32"])
def test_one_address_is_written_without_a_mask(text):
    assert spell(ipaddress.ip_network(text)) == text
