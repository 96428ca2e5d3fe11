"""simplejwt's names as projects use them: the table of idioms, here and against simplejwt."""

import json
import subprocess
import sys
from collections import Counter

import pytest

from tests.shell import ROOT, environment
from tests.simplejwt_idioms.table import TABLE
from tests.simplejwt_idioms.world import OURS, World
from tests.simplejwt_project.process import require_simplejwt


@pytest.mark.django_db
@pytest.mark.parametrize("idiom", TABLE, ids=lambda idiom: f"{idiom.kind}: {idiom.code}")
def test_an_idiom(idiom, settings):
    """What the code comes to here is what the table says."""
    settings.SIMPLE_JWT = {"ROTATE_REFRESH_TOKENS": True, "BLACKLIST_AFTER_ROTATION": True}
    assert idiom.find_difference(World(OURS), idiom.ours) is None


def test_simplejwt_itself():
    """What the table says of simplejwt 5.5.1 is so."""
    require_simplejwt()
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.simplejwt_idioms"],
        cwd=ROOT,
        env=environment(DATABASE_URL="sqlite:///:memory:"),
        capture_output=True,
        text=True,
        check=False,
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]

    assert lines == ["done"], done.stderr


def test_the_table_is_complete():
    """At least a hundred rows, some of each kind, and a reason wherever the two differ."""
    kinds = Counter(idiom.kind for idiom in TABLE)
    assert sum(kinds.values()) >= 100
    assert min(kinds.values()) >= 15
    assert all(bool(idiom.here) == bool(idiom.why) for idiom in TABLE)
