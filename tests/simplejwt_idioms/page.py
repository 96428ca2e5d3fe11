"""The tables of docs/simplejwt-names.md: ``python -m tests.simplejwt_idioms.page`` writes them."""

from pathlib import Path

from tests.simplejwt_idioms.table import TABLE

PAGE = Path(__file__).parents[2] / "docs" / "simplejwt-names.md"
DIFFERENT, ALL = "## What differs\n", "## Every idiom\n"


def code(text):
    """A cell: each line as code, an exception as words."""
    if text.startswith("raises "):
        kind, _, told = text.removeprefix("raises ").partition(": ")
        return f"raises {code(kind)}" + (f", “{told}”" if told else "")
    return "<br>".join(f"``{line}``" for line in text.replace("|", r"\|").split("\n"))


def render():
    """Return what follows the text of the page: what differs, then all of it by kind."""
    lines = [DIFFERENT, "| code | simplejwt | here | why |", "|---|---|---|---|"]
    for idiom in TABLE:
        if idiom.here:
            cells = [code(idiom.code), code(idiom.theirs), code(idiom.here), idiom.why]
            lines.append(f"| {' | '.join(cells)} |")
    lines += ["", ALL, "Where simplejwt does something else, that is shown in brackets."]
    for kind in dict.fromkeys(idiom.kind for idiom in TABLE):
        lines += ["", f"### {kind.capitalize()}", "", "| code | here |", "|---|---|"]
        for idiom in TABLE:
            if idiom.kind == kind:
                theirs = f" ({code(idiom.theirs)})" if idiom.here else ""
                lines.append(f"| {code(idiom.code)} | {code(idiom.ours)}{theirs} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(PAGE.read_text().partition(DIFFERENT)[0] + render())
