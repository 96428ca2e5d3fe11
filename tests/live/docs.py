"""What the documentation prints, for programs to run it."""

import re
from pathlib import Path

DOCS = Path(__file__).parent.parent.parent / "docs"


def block(page, first_line):
    """Return the fenced block of ``page`` that starts with ``first_line``."""
    text = (DOCS / page).read_text()
    found = re.search(rf"^```\w+\n({re.escape(first_line)}.*?)^```$", text, re.M | re.S)
    assert found, f"{page} has no block that starts with {first_line!r}."
    return found[1]
