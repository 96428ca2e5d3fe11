"""What the project promises of its own checks."""

import os
import re

import pytest

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


def test_the_weekly_workflow_runs_the_weekly_script():
    """What runs by the calendar can be run by hand."""
    workflow = (ROOT / ".github" / "workflows" / "weekly.yml").read_text()

    assert re.findall(r"^ +- run: (.+)$", workflow, re.MULTILINE) == [".ci/weekly"]
    assert "schedule:" in workflow
    assert os.access(ROOT / ".ci" / "weekly", os.X_OK)


def test_the_weekly_script_tests_and_audits_the_lowest_versions():
    """Those that tox installs, by the step that decides otherwise, too."""
    script = (ROOT / ".ci" / "weekly").read_text()
    named = re.findall(r"^\.ci/run (\w+)$", script, re.MULTILINE)

    assert named == ["lowest"] and set(named) <= read_steps()
    assert "pip-audit" in script


def test_the_lowest_versions_are_those_of_the_package():
    """What tox calls the lowest is what pyproject.toml demands, to the letter."""
    project = (ROOT / "pyproject.toml").read_text()
    bounds = re.search(r"^dependencies = \[(.+)\]$", project, re.MULTILINE)[1]
    bounds += re.search(r"^crypto = \[(.+)\]$", project, re.MULTILINE)[1]
    installed = re.findall(
        r"^ +lowest: (\S+)==(\S+)$", (ROOT / "tox.ini").read_text(), re.MULTILINE
    )

    assert dict(re.findall(r'"(\w+)>=([\d.]+)"', bounds)) == dict(installed)


# Releases in which a hole was published, of what we build on: one of each.
HOLES = {
    "djangorestframework": ["3.17.0", "3.17.1", "3.18.1"],
    "pyjwt": ["2.10.0", "2.11.0", "2.13.0", "2.14.0"],
    "cryptography": ["42.0.0", "44.0.0", "46.0.4", "48.0.0", "49.0.0"],
}


@pytest.mark.parametrize("name", HOLES)
def test_no_release_with_a_known_hole_is_allowed(name):
    """A bound that is lowered again fails here; no bound is a cap."""
    project = (ROOT / "pyproject.toml").read_text()
    for bound in re.findall(rf'"{name}([>=][^"]*)"', project):
        least = re.fullmatch(r">=([\d.]+)", bound)[1]
        for hole in HOLES[name]:
            assert [*map(int, least.split("."))] > [*map(int, hole.split("."))]


def test_the_readme_names_the_bound():
    """Who reads it must not be told by pip."""
    bound = re.search(r'"djangorestframework>=([\d.]+)"', (ROOT / "pyproject.toml").read_text())[1]

    assert f"DRF {bound} and newer" in (ROOT / "README.md").read_text()
