"""User agents in words: "Firefox 140 on Windows", if ua-parser is installed."""

from importlib import import_module
from typing import Any

try:
    parse: Any = import_module("ua_parser").parse
except ImportError:
    parse = None

# What the parser returns for an unknown browser or system.
_UNKNOWN = (None, "Other")


def readable(user_agent: str) -> str:
    """Return the names of browser and system, or the header itself if they are unknown."""
    raw = user_agent.removeprefix("Mozilla/5.0 ")
    result = parse(user_agent) if parse and user_agent else None
    browser = _named(result.user_agent) if result else ""
    system = result.os.family if result and result.os else None
    if not browser:
        return raw
    return browser if system in _UNKNOWN else f"{browser} ({system})"


def _named(user_agent: Any) -> str:
    if user_agent is None or user_agent.family in _UNKNOWN:
        return ""
    return " ".join(filter(None, (user_agent.family, user_agent.major)))
