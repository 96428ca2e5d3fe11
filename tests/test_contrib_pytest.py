"""The fixtures for pytest; ``test_testing`` has the clients that they give."""

import subprocess
import sys

from tests.shell import ROOT, environment


def test_the_plugin_imports_nothing_of_django():
    """pytest loads it before there are settings."""
    program = (
        "import sys, django_jwtauth.contrib.pytest\n"
        "print([name for name in sys.modules if name.startswith(('django.', 'rest_framework'))])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"
