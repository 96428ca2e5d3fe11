"""The cells of the lists: short enough for a row of three lines at 1280 pixels."""

import re
from datetime import datetime

from django.utils.functional import Promise
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.timezone import is_aware, localtime

from .wording import moment

# The longest address that stays on one line.
_SHORT = 20

# Paths of icons, 16 by 16, so that no state is told by its colour alone.
_CIRCLE = "M8 1a7 7 0 1 1 0 14A7 7 0 0 1 8 1z"
_ICONS = {
    # A tick, a square, a clock, a warning, and a sign to stop.
    "live": f"{_CIRCLE}m3.6 3.9L7 9.5 4.6 7.1 3.3 8.4 7 12.1l5.9-5.9z",
    "ended": f"{_CIRCLE}M5.2 5.2v5.6h5.6V5.2z",
    "expired": f"{_CIRCLE}M7.2 3.8v4.8l3.5 2 .8-1.4-2.7-1.5V3.8z",
    "refused": "M8 1l7.5 13.5H.5zM7.2 5.5v5h1.6v-5zm0 6v1.6h1.6v-1.6z",
    "alarm": "M5 1h6l4 4v6l-4 4H5l-4-4V5zM7.2 4v5h1.6V4zm0 6.2v1.8h1.6v-1.8z",
}


def nothing(text: str) -> SafeString:
    """Return the cell of a value that is not known."""
    return format_html('<span class="jwtauth-none">{}</span>', text)


def when(value: datetime) -> SafeString:
    """Return a moment as logs have it, "2026-11-30 20:54", in the operator's time zone.

    It is as wide in every language, and breaks only before the time.
    """
    local = localtime(value) if is_aware(value) else value
    return format_html(
        '<time datetime="{}" title="{}"><span>{}</span> <span>{}</span></time>',
        local.isoformat(timespec="seconds"),
        moment(value),
        f"{local:%Y-%m-%d}",
        f"{local:%H:%M}",
    )


def address(value: str) -> SafeString:
    """Return an IP address that never breaks inside a number: a long one may, once, at a colon."""
    cut = 0
    if len(value) > _SHORT:
        colons = [match.end() for match in re.finditer(":+", value)]
        cut = min(colons, key=lambda at: abs(2 * at - len(value)), default=0)
    parts = [part for part in (value[:cut], value[cut:]) if part]
    numbers = format_html_join("", "<span>{}</span><wbr>", zip(parts))
    return format_html('<span class="jwtauth-address" dir="ltr">{}</span>', numbers)


def status(kind: str, word: str, detail: str = "", story: str = "") -> SafeString:
    """Return a status as a coloured word with an icon, ``detail`` below it.

    ``kind``: "live", "ended", "expired", "refused" or "alarm". ``story``: shown to who points at
    it, and on the page of the sign-in.
    """
    icon = format_html(
        '<svg width="13" height="13" viewBox="0 0 16 16" aria-hidden="true">'
        '<path fill="currentColor" fill-rule="evenodd" d="{}"/></svg>',
        _ICONS[kind],
    )
    below = format_html("<small>{}</small>", detail) if detail else ""
    return format_html(
        '<span class="jwtauth-status jwtauth-{}" title="{}"><b>{}{}</b>{}</span>',
        kind,
        story,
        icon,
        word,
        below,
    )


def cut(text: str) -> SafeString:
    """Return text of which the list shows as many lines as a row has."""
    return format_html('<span class="jwtauth-cut" title="{}">{}</span>', text, text)


def labelled(label: str | Promise, cell: str, *more: str) -> SafeString:
    """Return a cell with the name of its column, for phones, where a row is a card."""
    lines = format_html_join(" ", '<span class="jwtauth-line">{}</span>', zip((cell, *more)))
    return format_html('<span class="jwtauth-label">{}:</span> {}', label, lines)
