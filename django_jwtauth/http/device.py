"""The device that sent a request: its address and user agent."""

import ipaddress
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from django.conf import settings

from ..conf import call_hook, get_settings

if TYPE_CHECKING:
    from django.http import HttpRequest

USER_AGENT_LENGTH = 255

# The networks of proxies. Not ``is_private``, which includes the networks for documentation.
_PRIVATE = [
    ipaddress.ip_network(network)
    for network in (
        "127.0.0.0/8",
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "169.254.0.0/16",
        "100.64.0.0/10",
        "::1/128",
        "fc00::/7",
        "fe80::/10",
    )
]
# A request that has one of these came through a proxy.
_PROXY_HEADERS = ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_X_REAL_IP")
# "192.0.2.7:51234" and "[2001:db8::7]:51234", as some proxies write; the port is ignored.
_WITH_PORT = re.compile(r"(?:\[([^\[\]]*)\]|([^:]*))(?::[0-9]{1,5})?")
# The longest address, with its zone, brackets, quotes and port, is far shorter.
_ADDRESS_LENGTH = 200


class Device(NamedTuple):
    """What is recorded of the device behind a request."""

    ip_address: str | None = None
    user_agent: str = ""


def get_device(request: "HttpRequest | None") -> Device:
    """Return the device of a request; empty without a request."""
    if request is None:
        return Device()
    return Device(get_ip_address(request), get_user_agent(request))


def get_network(address: str | None) -> str | None:
    """Return the network that one client controls: its IPv4 address or IPv6 /64; None for None."""
    if address is None or ":" not in address:
        return address
    return str(ipaddress.ip_network(f"{address}/64", strict=False))


def get_ip_address(request: "HttpRequest") -> str | None:
    """Return the client's address, or None if it is not known.

    The address is what ``HOOKS["CLIENT_IP"](request)`` returns. Without the hook, if DRF's
    ``NUM_PROXIES`` is set, it is what the outermost of that many proxies wrote into
    ``X-Forwarded-For``. Otherwise it is ``REMOTE_ADDR``, unless that seems to be a proxy: a
    private address, with a header that proxies add. Attempts from the address of a proxy would
    be counted for everybody.
    """
    hook = get_settings().HOOKS.CLIENT_IP
    if hook:
        return _parse(call_hook(hook, request))
    proxies = (getattr(settings, "REST_FRAMEWORK", None) or {}).get("NUM_PROXIES")
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR")
    if proxies and forwarded is not None:
        addresses = forwarded.split(",")
        return _parse(addresses[-min(proxies, len(addresses))])
    address = _parse(request.META.get("REMOTE_ADDR"))
    return None if proxies is None and _is_proxy(address, request) else address


def _is_proxy(address: str | None, request: "HttpRequest") -> bool:
    if address is None or not any(name in request.META for name in _PROXY_HEADERS):
        return False
    parsed = ipaddress.ip_address(address)
    return any(parsed in network for network in _PRIVATE)


def _parse(value: Any) -> str | None:
    """Return the address in its canonical form, without port and zone, or None."""
    text = str(value).strip().strip('"') if len(str(value)) <= _ADDRESS_LENGTH else ""
    found = _WITH_PORT.fullmatch(text)
    bare = (found[1] or found[2] or "") if found else text
    try:
        address = ipaddress.ip_address(bare.strip().partition("%")[0])
    except ValueError:
        return None
    return str(getattr(address, "ipv4_mapped", None) or address)


def get_user_agent(request: "HttpRequest") -> str:
    """Return at most 255 characters of the ``User-Agent`` header.

    Control characters, and those that a column in three-byte utf8 cannot hold, are removed.
    """
    value = request.META.get("HTTP_USER_AGENT", "")[: USER_AGENT_LENGTH * 2]
    return "".join(c for c in value if c.isprintable() and c <= "\uffff")[:USER_AGENT_LENGTH]
