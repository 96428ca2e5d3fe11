"""User agents in words: "Chrome 129 on Android". Better ones with ua-parser, if it is installed."""

import re
from importlib import import_module
from typing import Any

from django.utils.translation import gettext as _

try:
    parse: Any = import_module("ua_parser").parse
except ImportError:
    parse = None

# What the parser returns for an unknown browser or system.
_UNKNOWN = (None, "Other")

# Without the parser, what most people use. The first that matches: browsers name those they
# descend from, too.
_BROWSERS = (
    ("Edge", re.compile(r"Edg(?:e|A|iOS)?/(\d+)")),
    ("Opera", re.compile(r"(?:OPR|Opera|OPiOS)/(\d+)")),
    ("Samsung Internet", re.compile(r"SamsungBrowser/(\d+)")),
    ("Firefox", re.compile(r"(?:Firefox|FxiOS)/(\d+)")),
    ("Chrome", re.compile(r"(?:Chrome|CriOS|Chromium)/(\d+)")),
    ("Safari", re.compile(r"Version/(\d+)(?:\.[\d.]*)? (?:Mobile/\S+ )?Safari/")),
)
_SYSTEMS = (
    ("iOS", re.compile(r"\((?:iPhone|iPad|iPod)")),
    ("Android", re.compile(r"Android")),
    ("Windows", re.compile(r"Windows")),
    ("ChromeOS", re.compile(r"\bCrOS\b")),
    ("macOS", re.compile(r"Macintosh")),
    ("Linux", re.compile(r"Linux|X11")),
)
# A client that is no browser begins with its own name: "okhttp/4.12.0".
_CLIENT = re.compile(r"(?!Mozilla/)([\w.-]{1,40})/v?(\d+)")


def readable(user_agent: str) -> str:
    """Return the names of browser and system, or the header itself if they are unknown."""
    return recognise(user_agent) or user_agent.removeprefix("Mozilla/5.0 ")


def recognise(user_agent: str) -> str:
    """Return the names of browser and system, or that of a client, "" if they are unknown."""
    browser, system = (_parsed if parse else _guessed)(user_agent)
    if not (browser and system):
        return browser
    return _("%(browser)s on %(system)s") % {"browser": browser, "system": system}


def _parsed(user_agent: str) -> tuple[str, str]:
    result = parse(user_agent) if user_agent else None
    if result is None or result.user_agent is None or result.user_agent.family in _UNKNOWN:
        return "", ""
    browser = " ".join(filter(None, (result.user_agent.family, result.user_agent.major)))
    system = result.os.family if result.os else None
    return browser, "" if system in _UNKNOWN else system


def _guessed(user_agent: str) -> tuple[str, str]:
    client = _CLIENT.match(user_agent)
    if client:
        return " ".join(client.groups()), ""
    found = ((name, pattern.search(user_agent)) for name, pattern in _BROWSERS)
    browser = next((f"{name} {match[1]}" for name, match in found if match), "")
    systems = (name for name, pattern in _SYSTEMS if pattern.search(user_agent))
    return browser, next(systems, "")
