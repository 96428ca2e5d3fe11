"""What the project promises of its own checks."""

import os
import re
import shutil
import subprocess
import sys

import pytest

from tests.shell import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
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


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_every_action_is_pinned_by_hash(path):
    """A tag can be moved to other code; the comment says which version it is, for Dependabot."""
    used = re.findall(r"^ +(?:- )?uses: (.+)$", path.read_text(), re.MULTILINE)

    assert used
    for action in used:
        pinned = r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+"
        assert re.fullmatch(rf"{pinned}|\./\.github/workflows/\w+\.yml", action)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_has_no_permission_but_for_a_job(path):
    """What a job does not need it does not get, and no token stays behind in a checkout."""
    text = path.read_text()

    assert re.search(r"^permissions: {}$", text, re.MULTILINE)
    assert text.count("actions/checkout@") == text.count("persist-credentials: false")


def test_what_builds_a_release_cannot_publish_it():
    """A job that may write has installed nothing; the checks come before it."""
    text = (ROOT / ".github" / "workflows" / "release.yml").read_text()
    jobs = dict(re.findall(r"^  (\w+):\n((?:    .*\n|\n)+)", text, re.MULTILINE))
    writing = {name for name, job in jobs.items() if re.search(r"^ +[\w-]+: write$", job, re.M)}

    assert writing == {"publish", "announce"}
    assert not re.search("pip|python|build|make", jobs["publish"].partition("steps:")[2])
    assert "needs: [checks, build]" in jobs["publish"]
    assert "needs: publish" in jobs["announce"]


# --- the changelog, on GitHub

CHANGELOG = """\
# Changelog

## Unreleased

### Added

- Tomorrow's.

## 1.10.0 (2027-02-01)

Contains a migration.

### Fixed

- One thing.

## 1.1.0 (2027-01-15)

- The first.
"""


@pytest.fixture
def release_notes(tmp_path):
    """``release_notes(tag, version, changelog)`` is what the script prints, and its exit code."""
    (tmp_path / ".ci").mkdir()
    script = shutil.copy(ROOT / ".ci" / "release-notes", tmp_path / ".ci")

    def run(tag, version, changelog=CHANGELOG):
        (tmp_path / "pyproject.toml").write_text(f'[project]\nversion = "{version}"\n')
        (tmp_path / "CHANGELOG.md").write_text(changelog)
        done = subprocess.run(
            [sys.executable, script, tag], capture_output=True, text=True, check=False
        )
        return done.stdout or done.stderr, done.returncode

    return run


def test_a_release_says_what_the_changelog_says(release_notes):
    """Its own section without the heading, whole, and nothing of the others."""
    notes, code = release_notes("v1.10.0", "1.10.0")

    assert (notes, code) == ("Contains a migration.\n\n### Fixed\n\n- One thing.\n", 0)
    assert release_notes("v1.1.0", "1.1.0") == ("- The first.\n", 0)


@pytest.mark.parametrize(
    ("tag", "version", "changelog", "message"),
    [
        ("v1.1.1", "1.1.0", CHANGELOG, "the tag must be v1.1.0, not v1.1.1"),
        ("1.1.0", "1.1.0", CHANGELOG, "the tag must be v1.1.0, not 1.1.0"),
        ("v1.1.1", "1.1.1", CHANGELOG, "has no section '## 1.1.1"),
        ("v1.1.0", "1.1.0", CHANGELOG.replace("1.1.0", "1x1x0"), "has no section"),
        ("v2.0.0", "2.0.0", "## 2.0.0\n\n- No date.\n", "has no section"),
        ("v2.0.0", "2.0.0", "## 2.0.0 (2027-03-01)\n\n## 1.1.0 (2027-01-15)\n", "has no section"),
    ],
)
def test_what_is_not_in_the_changelog_is_not_released(
    release_notes, tag, version, changelog, message
):
    """It stops before anything is built."""
    printed, code = release_notes(tag, version, changelog)

    assert message in printed
    assert code != 0


def test_the_changelog_has_the_form_that_is_cut():
    """ "Unreleased" alone has no date."""
    headings = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)

    for heading in headings:
        assert re.fullmatch(r"Unreleased|\d+\.\d+\.\d+ \(\d{4}-\d\d-\d\d\)", heading)


# --- what is built upon

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
