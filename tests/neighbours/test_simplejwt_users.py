"""Packages that import simplejwt, with the alias and without it: a process for each."""

import pytest

from tests.subproject import run_pytest

SETTINGS = "tests.neighbours.simplejwt_users.settings"


@pytest.mark.parametrize("alias", ["1", "0"], ids=["alias", "contrib"])
@pytest.mark.parametrize("package", ["dj_rest_auth", "djoser"])
def test_a_package_that_imports_simplejwt(package, alias):
    run_pytest(SETTINGS, f"tests/neighbours/simplejwt_users/test_{package}.py", ALIAS=alias)


def test_contrib_dj_rest_auth():
    """What it does that dj-rest-auth's own views do not."""
    run_pytest(SETTINGS, "tests/neighbours/simplejwt_users/test_contrib_dj_rest_auth.py", ALIAS="0")
