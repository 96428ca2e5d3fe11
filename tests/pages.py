"""What the pages of the documentation show, for tests to compare it and to run it."""

import re
from itertools import takewhile
from pathlib import Path
from types import NoneType
from typing import NamedTuple

DOCS = Path(__file__).parent.parent / "docs"


class Block(NamedTuple):
    """A fenced code block, and the heading it stands under."""

    heading: str
    language: str
    code: str


def read_blocks(page):
    pattern = re.compile(
        r"^#+ (?P<heading>[^\n]+)$|^```(?P<language>\S+)[^\n]*\n(?P<code>.*?)^```$", re.M | re.S
    )
    heading = ""
    for match in pattern.finditer(page.read_text()):
        if match["heading"]:
            heading = match["heading"]
        else:
            yield Block(heading, match["language"], match["code"])


def block(page, first_line):
    """Return the fenced block of ``page`` that starts with ``first_line``."""
    codes = (block.code for block in read_blocks(DOCS / page))
    found = next((code for code in codes if code.startswith(first_line)), None)
    assert found, f"{page} has no block that starts with {first_line!r}."
    return found


def read_section(page, heading):
    """Return the text between a heading and the next, in lines."""
    lines = iter(page.read_text().splitlines())
    for line in lines:
        if line.lstrip("#").strip() == heading and line.startswith("#"):
            return list(takewhile(lambda line: not line.startswith("#"), lines))
    raise AssertionError(f"{page.name} has no heading {heading!r}.")


def read_table(lines):
    """Return the rows of the first table in ``lines``, each a list of cells."""
    rows = [line for line in lines if line.startswith("|")]
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows[2:]]


def headings(page, level):
    return re.findall(rf"^{'#' * level} (.+)$", page.read_text(), re.M)


MARK = "-- next block --"
# Waits until the server answers, and fails if it ends before that.
SERVE = """\
python manage.py runserver --noreload {site} >&2 &
trap 'kill $!' EXIT
until curl -s -o /dev/null {site}; do kill -0 $!; sleep 0.1; done
"""


def as_script(page, site):
    """Return a shell script that does what the page says, and what it shows for each block.

    Nothing is installed, the server runs in the background on ``site``, and an empty project
    is made if the page makes none. Python blocks are edits of the file that they name first.
    """
    blocks = list(read_blocks(page))
    script, shown = [], []
    if not any("startproject" in block.code for block in blocks):
        script.append("django-admin startproject mysite; cd mysite")
    for block in blocks:
        if block.language in ("json", "text"):
            shown[-1] = block.code
        elif block.language == "python":
            first, *_ = block.code.splitlines()
            file, at_the_end = re.fullmatch(
                r"# (?:mysite/)?(\w+\.py)(, at the end)?", first
            ).groups()
            redirection = ">>" if at_the_end else ">"
            script.append(f"cat {redirection} mysite/{file} <<'EOF'\n{block.code}EOF")
        elif block.language == "sh":
            code = re.sub(r"^(python -m pip install|make) .*\n", "", block.code, flags=re.M)
            code = code.replace("python manage.py runserver\n", SERVE.format(site=site))
            script.append(f"echo '{MARK}'\n{code}".replace("127.0.0.1:8000", site))
            shown.append(None)
    return "\n".join(script), shown


def shape(value):
    """Return the names and kinds in a JSON value, without the values."""
    if isinstance(value, dict):
        return {name: shape(item) for name, item in value.items()}
    if isinstance(value, list):
        return [shape(item) for item in value]
    return NoneType if value is None else type(value)
