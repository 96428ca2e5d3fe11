"""Find simplejwt in a project's source, which is read as text and never imported.

It reads from the folder of ``manage.py`` down, including tests, and wherever else the project's
apps are, but not installed packages. Files that are not valid Python are skipped.
"""

import ast
import os
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from django.apps import apps
from django.conf import settings

from .names import THEIRS

# A file without any of these is not parsed.
_MARKS = (THEIRS.encode(), b"SIMPLE_JWT")
_MAX_FILES = 20_000
_MAX_BYTES = 1_000_000
_SKIPPED = {"node_modules", "site-packages", "dist-packages", "migrations", "build", "dist"}
#: Methods whose meaning depends on the class they are called on or defined in.
METHODS = frozenset(
    {
        "check_blacklist",
        "outstand",
        "set_exp",
        "set_iat",
        "set_jti",
    }
)
#: Classes that ask the database when they are given a token.
_ASKING = frozenset({"AccessToken", "RefreshToken", "SlidingToken", "UntypedToken"})
#: What ``INSTALLED_APPS`` keeps until the tables are dropped.
APPS = (THEIRS, f"{THEIRS}.token_blacklist")
_TABLES = frozenset({"OutstandingToken", "BlacklistedToken"})


class Place(NamedTuple):
    """Where ``name`` stands in the source; ``kind`` says as what.

    ``import``, ``text`` and ``class`` have a dotted path of simplejwt's, ``class`` of the one
    it is derived from; ``call`` has a name of METHODS, or ``Model.objects``; ``async`` what
    asks the database where no query may be made; ``userless`` what makes a token of nobody;
    ``setting`` is a reader of ``SIMPLE_JWT``, ``socket`` a file that speaks to Channels.
    """

    path: Path
    line: int
    kind: str
    name: str

    def is_in_use(self) -> bool:
        """Return whether this makes the project use simplejwt itself, not its tests alone."""
        uses = self.kind == "import" or (self.kind == "text" and self.name not in APPS)
        return uses and not self._is_test()

    def _is_test(self) -> bool:
        name = self.path.name
        return name.startswith(("test_", "tests", "conftest")) or bool(
            {"test", "tests"}.intersection(self.path.parts)
        )


class Finding(NamedTuple):
    """Something to change or to know: where it is, what is there, and what to do."""

    place: str
    name: str
    advice: str

    def __str__(self) -> str:
        return f"{self.place}: {self.name}\n    {self.advice}"


class Files(NamedTuple):
    """The source files of a project; ``whole`` is False if there were more than are read."""

    paths: list[Path]
    whole: bool


def is_theirs(name: str) -> bool:
    """Return whether a dotted path is simplejwt's."""
    return name == THEIRS or name.startswith(f"{THEIRS}.")


def is_present() -> bool:
    """Return whether simplejwt itself can be imported, not something that stands in for it."""
    found = _find_origin()
    return found is not None and is_theirs(found)


def is_led_here() -> bool:
    """Return whether imports of simplejwt get the modules here, by ``alias.install()``."""
    found = _find_origin()
    return found is not None and not is_theirs(found)


def _find_origin() -> str | None:
    """Return the module in which what is imported as simplejwt is defined, None without it."""
    try:
        origin: str = import_module(f"{THEIRS}.tokens").RefreshToken.__module__
    # Importing it asks for its settings, which may be wrong by now.
    except Exception:
        return None
    return origin


def find_files() -> Files:
    """Return the source files of the project."""
    ours = Path(__file__).parents[3]
    found: dict[Path, None] = {}
    for root in _find_roots():
        for path in _walk(root, ours):
            found[path] = None
            if len(found) >= _MAX_FILES:
                return Files(sorted(found), False)
    return Files(sorted(found), True)


def find_places(paths: list[Path]) -> Iterator[Place]:
    """Yield each place that names simplejwt, or does what is done otherwise here."""
    here = Path.cwd()
    for path in paths:
        try:
            if path.stat().st_size > _MAX_BYTES:
                continue
            text = path.read_bytes()
            if not any(mark in text for mark in _MARKS):
                continue
            tree = ast.parse(text)
        # RecursionError: a literal nested a thousand deep.
        except (SyntaxError, ValueError, OSError, RecursionError, MemoryError):
            continue
        shown = path.relative_to(here) if path.is_relative_to(here) else path
        yield from sorted(_Reader(shown).read(tree), key=lambda place: place.line)


def _find_roots() -> list[Path]:
    names = [settings.ROOT_URLCONF, getattr(settings, "SETTINGS_MODULE", None)]
    # Not imported: simplejwt may have been uninstalled.
    specs = [find_spec(name) for name in names if isinstance(name, str)]
    folders = [Path(spec.origin).parent for spec in specs if spec and spec.origin]
    folders += [Path(config.path) for config in apps.get_app_configs()]
    installed = {"site-packages", "dist-packages"}
    own = [folder.resolve() for folder in folders if not installed.intersection(folder.parts)]
    return [_find_manage(folder) or folder for folder in own]


def _find_manage(folder: Path) -> Path | None:
    return next((each for each in (folder, *folder.parents) if (each / "manage.py").exists()), None)


def _walk(root: Path, ours: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(root):
        # A virtual environment says so by this file.
        if "pyvenv.cfg" in files or Path(folder).is_relative_to(ours):
            folders.clear()
            continue
        folders[:] = [name for name in folders if name not in _SKIPPED and name[0] != "."]
        yield from (Path(folder, name) for name in files if name.endswith(".py"))


class _Reader:
    """One file, read by what its names were imported as."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.names: dict[str, str] = {}
        self.modules: set[str] = set()

    def read(self, tree: ast.Module) -> Iterator[Place]:
        nodes = list(ast.walk(tree))
        for node in nodes:
            yield from self._read_import(node)
        concerned = bool(self.names)
        waiting = {id(call) for call in _find_unwrapped_calls(nodes)}
        kept = {id(each) for node in nodes if _is_simple_jwt(node) for each in ast.walk(node)}
        for node in nodes:
            if id(node) not in kept:
                yield from self._read_text(node)
            yield from self._read_setting(node)
            if concerned:
                yield from self._read_class(node)
                yield from self._read_call(node, id(node) in waiting)
        if concerned and "channels" in self.modules:
            yield Place(self.path, 1, "socket", "channels")

    def _read_import(self, node: ast.AST) -> Iterator[Place]:
        if isinstance(node, ast.Import):
            for alias in node.names:
                self.modules.add(alias.name.partition(".")[0])
                if is_theirs(alias.name):
                    self.names[alias.asname or THEIRS] = alias.name if alias.asname else THEIRS
                    yield self._place(node, "import", alias.name)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            self.modules.add(node.module.partition(".")[0])
            for alias in node.names:
                name = f"{node.module}.{alias.name}".removesuffix(".*")
                if is_theirs(name):
                    self.names[alias.asname or alias.name] = name
                    yield self._place(node, "import", name)

    def _read_text(self, node: ast.AST) -> Iterator[Place]:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            path = node.value.split(".")
            if path[0] == THEIRS and len(path) > 1 and all(part.isidentifier() for part in path):
                yield self._place(node, "text", node.value)

    def _read_setting(self, node: ast.AST) -> Iterator[Place]:
        read = isinstance(node, ast.Attribute) and node.attr == "SIMPLE_JWT"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            asked = node.func.id == "getattr" and len(node.args) > 1
            read = asked and getattr(node.args[1], "value", None) == "SIMPLE_JWT"
        if read:
            yield self._place(node, "setting", "settings.SIMPLE_JWT")

    def _read_class(self, node: ast.AST) -> Iterator[Place]:
        if isinstance(node, ast.ClassDef):
            for base in node.bases:
                name = self._resolve(base)
                if name and is_theirs(name):
                    yield self._place(node, "class", name)
                    if f"{THEIRS}.tokens." in name:
                        made = [each for each in ast.walk(node) if _makes_itself(each)]
                        yield from (self._place(each, "userless", "cls()") for each in made)

    def _read_call(self, node: ast.AST, waited_for: bool) -> Iterator[Place]:
        if isinstance(node, ast.Attribute) and node.attr in ("objects", "_default_manager"):
            last = (self._resolve(node.value) or "").rpartition(".")[2]
            if last in _TABLES:
                yield self._place(node, "call", f"{last}.objects")
        if not isinstance(node, ast.Call):
            return
        method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        last = (self._resolve(node.func) or "").rpartition(".")[2]
        if last in _ASKING and not node.args and not node.keywords:
            yield self._place(node, "userless", f"{last}()")
        if method in METHODS:
            yield self._place(node, "call", method)
        elif waited_for and (asking := self._find_asking(node, method)):
            yield self._place(node, "async", asking)

    def _find_asking(self, call: ast.Call, method: str) -> str | None:
        """Return what asks the database: a token that is read or made, a request's token."""
        *_, before, last = ("", *(self._resolve(call.func) or "").split("."))
        if last in _ASKING and call.args:
            return last
        if method == "for_user" and before in _ASKING:
            return f"{before}.for_user"
        return method if method == "get_validated_token" else None

    def _resolve(self, node: ast.AST) -> str | None:
        """Return the dotted path that an expression names, by the imports of the file."""
        if isinstance(node, ast.Name):
            return self.names.get(node.id)
        if isinstance(node, ast.Attribute):
            outer = self._resolve(node.value)
            return f"{outer}.{node.attr}" if outer else None
        return None

    def _place(self, node: ast.AST, kind: str, name: str) -> Place:
        return Place(self.path, getattr(node, "lineno", 1), kind, name)


def _makes_itself(node: ast.AST) -> bool:
    """Return whether this is ``cls()``, as in a class method that makes a token."""
    called = isinstance(node, ast.Call) and not node.args and not node.keywords
    return called and getattr(getattr(node, "func", None), "id", None) == "cls"


def _is_simple_jwt(node: ast.AST) -> bool:
    """Return whether a statement says what ``SIMPLE_JWT`` is: its paths mean the same here."""
    # A property, in class-based settings.
    if isinstance(node, ast.FunctionDef):
        return node.name == "SIMPLE_JWT"
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return any(getattr(target, "id", None) == "SIMPLE_JWT" for target in targets)


def _find_unwrapped_calls(nodes: list[ast.AST]) -> Iterator[ast.Call]:
    """Yield the calls that an ``async def`` makes itself, not in a function of its own."""
    for node in nodes:
        if isinstance(node, ast.AsyncFunctionDef):
            todo: list[ast.AST] = list(node.body)
            while todo:
                each = todo.pop()
                if isinstance(each, ast.Call):
                    yield each
                if not isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
                    todo += ast.iter_child_nodes(each)
