"""What a request tells of the device behind it: address and user agent."""

import ipaddress
from typing import TYPE_CHECKING

from django.conf import settings

from .conf import call_hook, get_settings

if TYPE_CHECKING:
    from django.http import HttpRequest

USER_AGENT_LENGTH = 255


def get_ip_address(request: "HttpRequest") -> str | None:
    """Return the client's address, None when it is not known.

    What ``CLIENT_IP_HOOK(request)`` returns; else, with DRF's ``NUM_PROXIES`` set, what
    the outermost of so many proxies wrote into ``X-Forwarded-For``; else ``REMOTE_ADDR``.
    """
    if get_settings().CLIENT_IP_HOOK:
        value = call_hook("CLIENT_IP_HOOK", request)
    else:
        value = _forwarded_for(request) or request.META.get("REMOTE_ADDR")
    try:
        address = ipaddress.ip_address(str(value).strip().partition("%")[0])
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)


def _forwarded_for(request: "HttpRequest") -> str | None:
    proxies = getattr(settings, "REST_FRAMEWORK", {}).get("NUM_PROXIES")
    addresses = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
    return addresses[-min(proxies, len(addresses))] if proxies else None


def get_user_agent(request: "HttpRequest") -> str:
    """Return the ``User-Agent`` header without control characters, at most 255 characters."""
    value = request.META.get("HTTP_USER_AGENT", "")[: USER_AGENT_LENGTH * 2]
    return "".join(c for c in value if c.isprintable())[:USER_AGENT_LENGTH]
