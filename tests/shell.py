"""Types for people: runs what the documentation prints, on a port that is free."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DEADLINE = 60

needs_curl = pytest.mark.skipif(
    not (shutil.which("sh") and shutil.which("curl") and shutil.which("sed")),
    reason="needs sh, curl and sed",
)


def environment(**extra):
    """Return what a terminal with this virtualenv activated has, and nothing of the test run."""
    inherited = ("HOME", "LANG", "SYSTEMROOT", "TMPDIR")
    paths = [str(Path(sys.executable).parent), os.environ["PATH"]]
    return {
        **{name: os.environ[name] for name in inherited if name in os.environ},
        "PATH": os.pathsep.join(paths),
        "PYTHONPATH": str(ROOT),
        **extra,
    }


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def listens(port):
    """Return whether something answers there."""
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def running(command, **options):
    """Start ``command``, and end it with all that it started."""
    with subprocess.Popen(command, start_new_session=True, text=True, **options) as process:
        try:
            yield process
        finally:
            # The group may have ended by itself.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def run_script(script, cwd):
    """Run ``script`` in sh, which stops at the first command that fails; return what it prints."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with running(["sh", "-eu", "-c", script], cwd=cwd, env=environment(), **pipes) as process:
        output, errors = process.communicate(timeout=DEADLINE)
    assert process.returncode == 0, output + errors
    return output
