"""The contract of ``tests/users/contract.py`` under every user model of ``tests/users``.

AUTH_USER_MODEL is fixed once Django is set up, so each model gets a process of its own.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

USER_MODELS = [
    "UUIDUser",
    "EmailUser",
    "NumberedUser",
    "CodeUser",
    "IntegerUser",
    "SoftDeletedUser",
    "AlwaysActiveUser",
    "ChildUser",
    "AnnotatedUser",
    "BareUser",
]


@pytest.mark.parametrize("model", USER_MODELS)
def test_every_user_model_keeps_the_contract(model):
    """What holds for auth.User holds for a user model of another shape."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    environment = {**os.environ, "JWTAUTH_TEST_USER": model, "PYTEST_ADDOPTS": ""}

    done = subprocess.run(
        [*command, "--ds=tests.users.settings", "tests/users/contract.py"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
