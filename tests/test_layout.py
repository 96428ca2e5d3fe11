"""Where tests are: each module has a test file of its name, and no test file is a library."""

import ast
from itertools import combinations
from pathlib import Path

import pytest

from tests.modules import MODULES, is_within

HERE = Path(__file__).parent
# The other folders test what modules do together.
FILES = [*HERE.glob("test_*.py"), *HERE.glob("neighbours/test_*.py")]

# Modules, or whole folders, that are tested with something else, and where.
ELSEWHERE = {
    # A line or two, which every test needs.
    "apps": "test_checks",
    **{
        f"checks.{name}": "test_checks"
        for name in ("configuration", "deployment", "ids", "keys", "project", "rows")
    },
    # urls/x.py names what views/x.py answers.
    "urls": "test_views",
    # One endpoint, which does what acting.py does.
    "views.acting": "test_acting",
    # What it says of each setting is a rule of conf.values.
    "conf.schema": "test_values",
    "signins.refreshing": "test_rotation",
    "admin.forms": "test_admin_bulk",
    "contrib.activity": "test_activity_counting",
    "contrib.notices.apps": "test_notices",
    "contrib.notices.checks": "test_notices",
    "contrib.notices.devices": "test_notices",
    "contrib.notices.links": "test_notices",
    "contrib.notices.mails": "test_notices",
    "contrib.notices.management": "test_notices",
    "contrib.notices.models": "test_notices",
    "contrib.notices.receivers": "test_notices",
    "contrib.notices.signals": "test_notices",
    "contrib.notices.tasks": "test_notices",
    "contrib.notices.urls": "test_notices",
    "contrib.notices.views": "test_notices",
    # One page, whatever the incident.
    "admin.incidents.case": "test_admin_incidents",
    "admin.incidents.returning": "test_admin_incidents",
    "admin.incidents.steps": "test_admin_incidents",
    # The classes as projects call them, all in one file.
    "contrib.simplejwt": "test_simplejwt_tokens",
    "contrib.simplejwt.move.configuration": "test_simplejwt_advice",
    "contrib.simplejwt.move.tables": "test_simplejwt_importer",
    "management.logins": "test_jwtauth_doctor",
    "management.temporary": "test_jwtauth_doctor",
    "management.visiting": "test_jwtauth_doctor",
    "management.commands.jwtauth_import_simplejwt": "test_simplejwt_importer",
    # The one document that they make together.
    "contrib.spectacular": "neighbours/test_spectacular",
    # The project with djoser and dj-rest-auth, which needs settings of its own.
    "contrib.dj_rest_auth": "neighbours/test_simplejwt_users",
    "contrib.djoser": "neighbours/test_simplejwt_users",
}


def names_of(module):
    """Yield what a test file of the module may be called: its name, with folders before it."""
    *folders, last = module.split(".")
    for number in range(len(folders) + 1):
        for some in combinations(folders, number):
            yield "_".join([*some, last])


def is_elsewhere(module):
    return any(is_within(module, name) for name in ELSEWHERE)


def find_module(name):
    """Return the module that the file ``test_<name>.py`` is about, None without one."""
    called_so = [module for module in MODULES if name in names_of(module)]
    # "sessions" is sessions.py, not admin/sessions.py.
    return min(
        called_so, key=lambda module: (module.count("."), is_elsewhere(module)), default=None
    )


TESTED = {find_module(path.stem.removeprefix("test_")) for path in FILES}


@pytest.mark.parametrize("module", sorted(MODULES))
def test_each_module_has_its_test_file(module):
    """Whoever changes a module knows where its tests are, or finds the place named above."""
    assert module in TESTED or is_elsewhere(module)


@pytest.mark.parametrize("name", ELSEWHERE)
def test_each_exception_is_one(name):
    """The module is there, has no test file of its own, and the file that is named exists."""
    module, file = name, ELSEWHERE[name]

    assert any(is_within(known, module) for known in MODULES)
    assert module not in TESTED
    assert (HERE / f"{file}.py").exists()


def test_no_test_file_is_imported():
    """What several files need stands in a module that is named for it, or is a fixture."""
    imported = {
        f"{path.relative_to(HERE)}: {node.module}"
        for path in HERE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom)
        if (node.module or "").rpartition(".")[2].startswith("test_")
    }

    assert imported == set()
