"""The app that mails users, in a project that has installed it."""

from tests.subproject import run_pytest


def test_the_app_in_a_project():
    run_pytest("tests.notices.settings", "tests/notices/contract.py")
