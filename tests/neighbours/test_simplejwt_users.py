"""Packages that import simplejwt, with the alias and without it: a process for each."""

import pytest

from tests.subproject import run_pytest

SETTINGS = "tests.neighbours.simplejwt_users.settings"


@pytest.mark.parametrize("alias", ["1", "0"], ids=["alias", "contrib"])
@pytest.mark.parametrize("package", ["djoser"])
def test_a_package_that_imports_simplejwt(package, alias):
    pytest.importorskip(package)

    run_pytest(SETTINGS, f"tests/neighbours/simplejwt_users/test_{package}.py", ALIAS=alias)
