"""What is read of a project's source, and what is passed over."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.test import override_settings

from django_jwtauth.contrib.simplejwt.move import source

THEIRS = "rest_framework_simplejwt"


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A project with a manage.py, an app below it, and a folder that is not an app."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.syspath_prepend(tmp_path / "site")
    monkeypatch.chdir(tmp_path)
    for name in ("manage.py", "app_of_the_source/__init__.py", "app_of_the_source/urls.py"):
        write(tmp_path / "site" / name, "")
    with override_settings(
        INSTALLED_APPS=["rest_framework", "django_jwtauth", "app_of_the_source"],
        ROOT_URLCONF="app_of_the_source.urls",
    ):
        yield tmp_path / "site"
    sys.modules.pop("app_of_the_source", None)


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(text, bytes):
        path.write_bytes(text)
    else:
        path.write_text(text)
    return path


def names(site):
    paths, _ = source.find_files()
    return {str(path.relative_to(site)) for path in paths if path.is_relative_to(site)}


def read(tmp_path, text):
    """Return the kind, the name and the line of each place in a file of that text."""
    file = write(tmp_path / "read.py", text)
    return [(place.kind, place.name, place.line) for place in source.find_places([file])]


def test_files_from_manage_py_down(site):
    """Whatever is no app: tests, scripts. Not what was installed or made, nor migrations."""
    for kept in ("tests/test_x.py", "scripts/deep/er.py", "lib/x.py"):
        write(site / kept, "")
    for left in (
        "node_modules/x/y.py",
        ".hidden/x.py",
        "env/lib/x.py",
        "app_of_the_source/migrations/0001_initial.py",
        "lib/site-packages/x.py",
        "notes.txt",
    ):
        write(site / left, "")
    write(site / "env" / "pyvenv.cfg", "")

    assert names(site) == {
        "manage.py",
        "app_of_the_source/__init__.py",
        "app_of_the_source/urls.py",
        "tests/test_x.py",
        "scripts/deep/er.py",
        "lib/x.py",
    }


def test_without_a_manage_py(site):
    """The folders of the apps and of the URLconf are what there is."""
    (site / "manage.py").unlink()
    write(site / "scripts/x.py", "")

    assert names(site) == {"app_of_the_source/__init__.py", "app_of_the_source/urls.py"}


def test_the_package_itself_is_no_part_of_the_project(site):
    """It has simplejwt's paths in many places."""
    ours = Path(source.__file__).parents[3]
    paths, _ = source.find_files()

    assert not any(path.is_relative_to(ours) for path in paths)


def test_no_more_files_than_the_bound(site, monkeypatch):
    """A home directory with a manage.py in it is not read for an hour."""
    monkeypatch.setattr(source, "_MAX_FILES", 2)
    paths, whole = source.find_files()

    assert (len(paths), whole) == (2, False)


@pytest.mark.parametrize(
    "content",
    [
        f"print 'Python 2', {THEIRS}",
        f"from {THEIRS} import (",
        f"# {THEIRS}".encode() + b"\xff\xfe",
        f"x = '{THEIRS}'\0",
        f"# {THEIRS}\nx = " + "(" * 5000 + ")" * 5000,
        f"import {THEIRS}\n" + "#" * 1_000_001,
    ],
    ids=["python2", "unfinished", "encoding", "nul", "nested", "large"],
)
def test_files_that_cannot_be_read(tmp_path, content):
    """They are passed over, and the next one is read."""
    broken = write(tmp_path / "broken.py", content)
    good = write(tmp_path / "good.py", f"import {THEIRS}")

    places = list(source.find_places([broken, tmp_path / "gone.py", good]))
    assert [place.path.name for place in places] == ["good.py"]


READ = {
    "imports": (
        f"import {THEIRS}.utils, os\nfrom {THEIRS}.tokens import AccessToken as T, RefreshToken",
        [
            ("import", f"{THEIRS}.utils", 1),
            ("import", f"{THEIRS}.tokens.AccessToken", 2),
            ("import", f"{THEIRS}.tokens.RefreshToken", 2),
        ],
    ),
    "others": (
        f"import {THEIRS}_more\nfrom .{THEIRS} import x\nfrom . import y\nfrom a.{THEIRS} import z",
        [],
    ),
    "texts": (
        f"A = '{THEIRS}.views.TokenVerifyView'\nB = '{THEIRS}'\nC = 'see {THEIRS}.views'\n"
        f"D = '{THEIRS}.views.X y'\nE = '{THEIRS}.token_blacklist'",
        [
            ("text", f"{THEIRS}.views.TokenVerifyView", 1),
            ("text", f"{THEIRS}.token_blacklist", 5),
        ],
    ),
    "settings that stay": (
        f"SIMPLE_JWT = {{'AUTH_TOKEN_CLASSES': ('{THEIRS}.tokens.AccessToken',)}}\n"
        f"SIMPLE_JWT: dict = {{'A': '{THEIRS}.a.B'}}\nOTHER = '{THEIRS}.a.B'\n"
        f"def SIMPLE_JWT(self): return {{'A': '{THEIRS}.a.B'}}",
        [("text", f"{THEIRS}.a.B", 3)],
    ),
    "settings": (
        "a = settings.SIMPLE_JWT['X']\nb = getattr(settings, 'SIMPLE_JWT', {})\nSIMPLE_JWT = {}",
        [("setting", "settings.SIMPLE_JWT", 1), ("setting", "settings.SIMPLE_JWT", 2)],
    ),
    "subclasses": (
        f"from {THEIRS} import views as v\nclass A(v.TokenRefreshView, B): pass\nclass C(A): pass",
        [("import", f"{THEIRS}.views", 1), ("class", f"{THEIRS}.views.TokenRefreshView", 2)],
    ),
    "calls": (
        f"from {THEIRS}.token_blacklist.models import OutstandingToken as O\n"
        "O.objects.filter(user=1)\nt.check_blacklist()\nX.objects.all()\nt.set_exp()",
        [
            ("import", f"{THEIRS}.token_blacklist.models.OutstandingToken", 1),
            ("call", "OutstandingToken.objects", 2),
            ("call", "check_blacklist", 3),
            ("call", "set_exp", 5),
        ],
    ),
    "tokens of nobody": (
        f"from {THEIRS}.tokens import AccessToken, Token\n"
        "class Ticket(Token):\n"
        "    @classmethod\n"
        "    def make(cls): return cls()\n"
        "    def read(cls, raw): return cls(raw)\n"
        "class Other:\n"
        "    def make(cls): return cls()\n"
        "AccessToken(), AccessToken(raw)",
        [
            ("import", f"{THEIRS}.tokens.AccessToken", 1),
            ("import", f"{THEIRS}.tokens.Token", 1),
            ("class", f"{THEIRS}.tokens.Token", 2),
            ("userless", "cls()", 4),
            ("userless", "AccessToken()", 8),
        ],
    ),
    "calls of others": ("# SIMPLE_JWT\nt.check_blacklist()\nt.set_exp()", []),
    "async": (
        f"import {THEIRS}.tokens\nfrom {THEIRS}.tokens import AccessToken\n"
        "async def a(raw):\n"
        f"    {THEIRS}.tokens.UntypedToken(raw)\n"
        "    await sync_to_async(AccessToken)(raw)\n"
        "    AccessToken.for_user(user)\n"
        "    Other.for_user(user)\n"
        "    self.auth.get_validated_token(raw)\n"
        "    await sync_to_async(AccessToken.for_user)(user)\n"
        "    def inner(): AccessToken(raw)\n"
        "def b(raw): AccessToken(raw), AccessToken.for_user(user)",
        [
            ("import", f"{THEIRS}.tokens", 1),
            ("import", f"{THEIRS}.tokens.AccessToken", 2),
            ("async", "UntypedToken", 4),
            ("async", "AccessToken.for_user", 6),
            ("async", "get_validated_token", 8),
        ],
    ),
    "sockets": (
        f"from channels.db import database_sync_to_async\nfrom {THEIRS}.tokens import AccessToken",
        [("socket", "channels", 1), ("import", f"{THEIRS}.tokens.AccessToken", 2)],
    ),
}


@pytest.mark.parametrize("name", READ)
def test_places(tmp_path, name):
    """Imports under any name, paths in texts, subclasses, and calls where simplejwt is named."""
    text, expected = READ[name]

    assert read(tmp_path, text) == expected


@pytest.mark.parametrize(
    ("path", "kind", "name", "expected"),
    [
        ("shop/views.py", "import", f"{THEIRS}.views", True),
        ("shop/contests.py", "import", f"{THEIRS}.views", True),
        ("shop/settings.py", "text", f"{THEIRS}.authentication.JWTAuthentication", True),
        ("shop/settings.py", "text", f"{THEIRS}.token_blacklist", False),
        ("shop/views.py", "setting", "settings.SIMPLE_JWT", False),
        ("shop/views.py", "call", "set_exp", False),
        ("shop/tests/users.py", "import", f"{THEIRS}.views", False),
        ("shop/tests.py", "import", f"{THEIRS}.views", False),
        ("shop/test_users.py", "import", f"{THEIRS}.views", False),
        ("conftest.py", "import", f"{THEIRS}.views", False),
    ],
)
def test_what_makes_a_project_use_simplejwt(path, kind, name, expected):
    """A test that does fails by itself, and INSTALLED_APPS has it until its tables are gone."""
    assert source.Place(Path(path), 1, kind, name).is_in_use() is expected


def test_whether_simplejwt_itself_is_there(monkeypatch):
    """What stands in for it under its name is not simplejwt."""
    real = SimpleNamespace(
        RefreshToken=type("RefreshToken", (), {"__module__": f"{THEIRS}.tokens"})
    )
    ours = SimpleNamespace(
        RefreshToken=type("RefreshToken", (), {"__module__": "django_jwtauth.x"})
    )

    monkeypatch.setitem(sys.modules, THEIRS, SimpleNamespace(__path__=[]))
    monkeypatch.setitem(sys.modules, f"{THEIRS}.tokens", real)
    assert source.is_present()
    monkeypatch.setitem(sys.modules, f"{THEIRS}.tokens", ours)
    assert not source.is_present()
    monkeypatch.setitem(sys.modules, f"{THEIRS}.tokens", None)
    assert not source.is_present()
