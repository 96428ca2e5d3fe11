"""What a request tells of the device behind it: address and user agent."""

import ipaddress
from typing import TYPE_CHECKING

from .conf import call_hook, get_settings

if TYPE_CHECKING:
    from django.http import HttpRequest

USER_AGENT_LENGTH = 255


def get_ip_address(request: "HttpRequest") -> str | None:
    """Return the client's address, None when it is not known.

    ``REMOTE_ADDR``, or what ``CLIENT_IP_HOOK(request)`` returns: which proxy header
    can be trusted only the project knows.
    """
    if get_settings().CLIENT_IP_HOOK:
        value = call_hook("CLIENT_IP_HOOK", request)
    else:
        value = request.META.get("REMOTE_ADDR")
    try:
        address = ipaddress.ip_address(str(value).strip().partition("%")[0])
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)


def get_user_agent(request: "HttpRequest") -> str:
    """Return the ``User-Agent`` header without control characters, at most 255 characters."""
    value = request.META.get("HTTP_USER_AGENT", "")[: USER_AGENT_LENGTH * 2]
    return "".join(c for c in value if c.isprintable())[:USER_AGENT_LENGTH]
