"""simplejwt's names: each is here under the same module, or it is said what to write."""

import importlib
import json
import subprocess
import sys

import pytest

from django_jwtauth.contrib.simplejwt.move import names
from tests.shell import ROOT, environment
from tests.simplejwt_idioms.world import MODULES
from tests.simplejwt_project.process import require_simplejwt

# The package's own names, and constants, which have no module.
LISTING = """
import importlib, json, django
django.setup()
found = []
for module in %r:
    for name, value in vars(importlib.import_module("rest_framework_simplejwt." + module)).items():
        origin = getattr(value, "__module__", None) or ""
        own = origin.startswith("rest_framework_simplejwt") or name.isupper()
        if own and name[0] != "_" and name not in ("TYPE_CHECKING", "HTTP_HEADER_ENCODING", "T"):
            found.append(f"{module}.{name}")
print(json.dumps(found))
"""


def test_every_name_that_projects_import():
    """What simplejwt's modules define can be imported from ours, unless it is told to be gone."""
    require_simplejwt()
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", LISTING % (MODULES,)],
        cwd=ROOT,
        env=environment(DJANGO_SETTINGS_MODULE="tests.simplejwt_project.settings"),
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout)

    assert len(found) > 80
    for name in found:
        module, _, attribute = name.rpartition(".")
        if name not in names.GONE:
            assert hasattr(importlib.import_module(f"{names.HERE}.{module}"), attribute), name


@pytest.mark.parametrize("name", [name for name in names.GONE if ".admin" not in name])
def test_a_name_that_is_gone_says_what_to_write(name):
    """Where it is imported, not where it would be used."""
    module, _, attribute = name.rpartition(".")
    with pytest.raises(ImportError, match=f"{attribute} of simplejwt is not here: ") as caught:
        getattr(importlib.import_module(f"{names.HERE}.{module}"), attribute)

    assert str(caught.value).endswith(names.GONE[name])


def test_a_name_that_simplejwt_has_not_either():
    for module in ("authentication", "backends", "serializers", "settings", "tokens", "views"):
        with pytest.raises(AttributeError, match="no attribute 'nothing'"):
            importlib.import_module(f"{names.HERE}.{module}").nothing  # noqa: B018


@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("", "-> django_jwtauth.contrib.simplejwt"),
        (".utils", "-> django_jwtauth.contrib.simplejwt.utils"),
        (".tokens.RefreshToken", "-> django_jwtauth.contrib.simplejwt.tokens.RefreshToken"),
        (
            ".tokens.RefreshToken.for_user",
            "-> django_jwtauth.contrib.simplejwt.tokens.RefreshToken",
        ),
        (
            ".token_blacklist.models.OutstandingToken.objects",
            "-> django_jwtauth.contrib.simplejwt.token_blacklist.models.OutstandingToken",
        ),
        (".tokens.SlidingToken", f"-- {names.SLIDING}"),
        (".token_blacklist.admin.OutstandingTokenAdmin", f"-- {names._ADMIN}"),
        (".tokens.Nothing", f"-- {names.UNKNOWN}"),
        (".nothing", f"-- {names.UNKNOWN}"),
    ],
)
def test_what_to_write_instead(name, instead):
    """The same name under another prefix, or a sentence."""
    assert names.instead_of(f"rest_framework_simplejwt{name}") == instead
