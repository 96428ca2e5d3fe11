"""The cells of the lists."""

import re
from datetime import datetime, timezone
from functools import partial

import pytest

from django_jwtauth.admin import cells

FULL = "2001:db8:85a3:8d3:1319:8a2e:370:7348"


def lines_of(cell):
    """Where the browser may break, and nowhere else."""
    parts = re.findall(r"<span>([^<]*)</span><wbr>", cell)
    assert "".join(parts) == re.sub(r"<[^>]+>", "", cell)
    return parts


@pytest.mark.parametrize(
    ("ip", "lines"),
    [
        ("192.0.2.17", ["192.0.2.17"]),
        ("2001:db8::1", ["2001:db8::1"]),
        (FULL, ["2001:db8:85a3:8d3:", "1319:8a2e:370:7348"]),
        ("2001:db8:85a3::8a2e:370:7334", ["2001:db8:85a3::", "8a2e:370:7334"]),
        ("::ffff:203.0.113.255", ["::ffff:203.0.113.255"]),
        ("x" * 39, ["x" * 39]),
    ],
)
def test_an_address_breaks_at_a_colon_or_not_at_all(ip, lines):
    """Never inside a number, and once at most."""
    assert lines_of(cells.address(ip)) == lines


def test_a_moment_is_written_as_in_a_log(settings):
    """In the operator's time zone, with the form of the language for who points at it."""
    settings.TIME_ZONE = "Europe/Berlin"
    cell = cells.when(datetime(2026, 11, 30, 22, 5, tzinfo=timezone.utc))

    assert re.sub(r"<[^>]+>", "", cell) == "2026-11-30 23:05"
    assert 'datetime="2026-11-30T23:05:00+01:00"' in cell
    assert 'title="Nov.\xa030,\xa02026 23:05"' in cell


def test_a_moment_without_a_time_zone(settings):
    """A project may have USE_TZ = False."""
    settings.USE_TZ = False

    assert 'datetime="2026-11-30T22:05:00"' in cells.when(datetime(2026, 11, 30, 22, 5))


@pytest.mark.parametrize(
    "make",
    [
        cells.address,
        cells.cut,
        cells.nothing,
        partial(cells.status, "live", "Live", "Person left"),
        partial(cells.status, "ended"),
        partial(cells.labelled, "address"),
    ],
    ids=["address", "cut", "nothing", "story", "word", "line"],
)
def test_no_cell_is_html_of_somebody_else(make):
    """Names, addresses and user agents are text."""
    cell = make('"><script>x</script>')

    assert "<script" not in cell
    assert "&quot;&gt;" in cell
