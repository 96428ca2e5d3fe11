"""Runs tests under settings of their own, in a process of their own."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
# Those of tests/users/models.py.
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
    "MarkedUser",
    "TenantUser",
    "BareUser",
]


def run_pytest(settings, path, **environment):
    """Run the tests in ``path`` under the settings module; fails with what they printed."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--ds={settings}", path],
        cwd=ROOT,
        env={
            **os.environ,
            "PYTEST_ADDOPTS": "",
            # See name_for_tests() in tests/settings.py.
            "JWTAUTH_TEST_SUBPROJECT": "1",
            **environment,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
