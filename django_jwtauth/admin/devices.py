"""What a user agent says, for people: "Firefox 140 on Windows" where ua-parser is installed."""

from importlib import import_module
from typing import Any

try:
    parse: Any = import_module("ua_parser").parse
except ImportError:
    parse = None

# What the parser makes of what it does not know.
_UNKNOWN = (None, "Other")


def readable(user_agent: str) -> str:
    """Return browser and system by name; the header as it came where they are not known."""
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
