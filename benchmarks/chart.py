"""A bar chart in SVG, in colours that can be read on white and on black."""

from collections.abc import Sequence
from html import escape
from typing import Any

from .report import BY_NAME
from .works import OURS

CHARTED = ("authenticate", "request", "obtain", "refresh", "sign_out")
COLOURS = {
    OURS: "#2f9e6e",
    "simplejwt": "#d9772b",
    "knox": "#8a8f98",
    "DRF TokenAuthentication": "#8a8f98",
    "Django sessions": "#8a8f98",
}
LEFT, WIDTH, BAR, GAP = 190, 430, 13, 26
TEXT = 'font-family="sans-serif" font-size="12" fill="#808080"'


def draw(results: Sequence[dict[str, Any]]) -> str:
    """Return the chart of the time of each contender, simplejwt's being 1."""
    shown = [
        result
        for result in results
        if result["profile"] == "HS256" and result["contender"] in COLOURS
    ]
    rows = [(work, result) for work in CHARTED for result in shown if result["work"] == work]
    scale = WIDTH / max(result["ratio"]["median"] for _, result in rows)
    parts: list[str] = []
    y, current = 0, ""
    for work, result in rows:
        if work != current:
            current, y = work, y + GAP
            parts.append(text(0, y, BY_NAME[work].title, 'font-weight="bold"'))
            y += 8
        ratio = result["ratio"]["median"]
        parts.append(text(LEFT - 8, y + BAR - 3, result["contender"], 'text-anchor="end"'))
        parts.append(
            f'<rect x="{LEFT}" y="{y}" width="{ratio * scale:.1f}" height="{BAR - 2}" '
            f'fill="{COLOURS[result["contender"]]}"/>'
        )
        parts.append(text(LEFT + ratio * scale + 6, y + BAR - 3, f"{ratio:.2f}"))
        y += BAR + 2
    size = f'width="{LEFT + WIDTH + 50}" height="{y + 10}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>\n' + "\n".join(parts) + "\n</svg>\n"


def text(x: float, y: float, words: str, extra: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" {TEXT} {extra}>{escape(words)}</text>'
