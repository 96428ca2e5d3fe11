"""What the project promises of its own checks."""

import re

from tests.shell import ROOT

SCRIPT = (ROOT / ".ci" / "run").read_text()


def read_steps():
    return set(re.search(r"set -- (.+)", SCRIPT)[1].split())


def test_every_step_runs():
    """A step that is defined is among those that run without being named."""
    assert set(re.findall(r"^step_(\w+)\(\)", SCRIPT, re.MULTILINE)) == read_steps()


def test_the_workflow_runs_the_same_steps():
    """What decides here is what decides on GitHub."""
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text()
    listed = re.findall(r"step: \[(.+)\]|^ {10}- (\w+)$", workflow, re.MULTILINE)

    assert {name for line in listed for name in re.findall(r"\w+", " ".join(line))} == (
        read_steps() - {"system"}
    )
