"""The desk in the clothes of others: the three incidents, walked there as in the plain admin."""

from importlib.util import find_spec

import pytest

from tests.subproject import run_pytest

THEMES = ["unfold", "jazzmin"]


@pytest.mark.parametrize("theme", THEMES)
def test_the_incidents_can_be_walked_in_a_theme(theme):
    """Every button is there and does what it says, in Chromium, scripts of the theme and all."""
    if not find_spec(theme):
        pytest.skip(f"django-{theme} is not installed: tox run -e themes")

    run_pytest(f"tests.themes.{theme}", "tests/browser/test_incidents.py", JWTAUTH_THEME=theme)
