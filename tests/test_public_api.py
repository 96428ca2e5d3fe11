"""What projects may import stands on one page, docs/python.md: what is promised, and no more."""

import ast
import inspect
import re
from importlib import import_module
from importlib.util import find_spec
from textwrap import dedent

import pytest
from django.core.exceptions import ImproperlyConfigured

from tests.pages import DOCS
from tests.shell import ROOT

PACKAGE = "django_jwtauth"
REFERENCE, ELSEWHERE = (DOCS / "python.md").read_text().split("## Described on other pages")
_DIRECTIVE = re.compile(r"^\.\. auto(\w+):: ([\w.]+)[^\n]*\n((?:   :[^\n]*\n)*)", re.M)
_SNIPPET = re.compile(r"^( *)```(?:python|py)\n(.*?)^\1```", re.M | re.S)
_PATH = rf"{PACKAGE}(?:\.\w+)+"


def snippets():
    """Yield where Python code of the documentation and of the example stands, and the code."""
    for page in [ROOT / "README.md", *DOCS.rglob("*.md")]:
        for match in _SNIPPET.finditer(page.read_text()):
            yield page.name, dedent(match[2])
    for path in (ROOT / "example_project").rglob("*.py"):
        yield str(path.relative_to(ROOT)), path.read_text()


def find_names(code):
    """Yield each dotted name of the package that the code imports, takes off a module or quotes."""
    tree, modules = ast.parse(code), {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and f"{node.module}.".startswith(f"{PACKAGE}."):
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                if is_module(name):
                    modules[alias.asname or alias.name] = name
                else:
                    yield name
        # A dotted path in settings.
        elif isinstance(node, ast.Constant) and re.fullmatch(_PATH, str(node.value)):
            yield node.value
    for node in ast.walk(tree):
        # ``sessions.start``
        if isinstance(node, ast.Attribute) and getattr(node.value, "id", None) in modules:
            yield f"{modules[node.value.id]}.{node.attr}"


def is_module(name):
    try:
        return find_spec(name) is not None
    # ImproperlyConfigured: dj-rest-auth is installed, but is no app of this project.
    except (ModuleNotFoundError, ImproperlyConfigured):
        return False


def resolve(name):
    """Return what has this dotted name, in a module or in a class."""
    module = name
    while not is_module(module):
        module = module.rpartition(".")[0]
    found = import_module(module)
    for part in name[len(module) :].split(".")[1:]:
        found = getattr(found, part)
    return found


def find_promised():
    """Return the names that the page shows by directives, with the members that it lists."""
    names = set()
    for kind, name, options in _DIRECTIVE.findall(REFERENCE):
        if kind == "module":
            module = import_module(name)
            hidden = " ".join(re.findall(r"exclude-members: (.+)", options))
            shown = (item for item in vars(module) if is_shown(module, item) and item not in hidden)
            names |= {f"{name}.{item}" for item in shown}
        else:
            listed = re.findall(r":members: (.+)", options)
            names |= {name, *(f"{name}.{item}" for line in listed for item in line.split(", "))}
    return sorted(names)


def is_shown(module, name):
    """Return whether ``:members:`` of a module shows it."""
    item = vars(module)[name]
    if is_described_by_docstring(item):
        return item.__module__ == module.__name__ and name[0] != "_"
    return has_comment(module, name)


def is_described_by_docstring(item):
    return inspect.isclass(item) or inspect.isfunction(item) or isinstance(item, property)


def has_comment(module, name):
    return re.search(rf"^#:.*\n{name}\b", inspect.getsource(module), re.M) is not None


PROMISED = find_promised()
ON_OTHER_PAGES = re.findall(rf"`({_PATH})`", ELSEWHERE)
FUNCTIONS = [name for name in PROMISED if inspect.isfunction(resolve(name))]
USED = sorted({(name, where) for where, code in snippets() for name in find_names(code)})


def test_names_are_found_in_code():
    """In imports, as attributes of modules, and in settings."""
    code = """
from django_jwtauth import sessions as s
from django_jwtauth.models import Kind
X = "django_jwtauth.tasks.purge", s.start(user)
"""
    found = {name.removeprefix(f"{PACKAGE}.") for name in find_names(code)}
    assert found == {"models.Kind", "tasks.purge", "sessions.start"}


@pytest.mark.parametrize(("name", "where"), USED)
def test_what_is_used_is_promised(name, where):
    """A name in a snippet of the documentation, or in the example, is on the page."""
    known = [*PROMISED, *ON_OTHER_PAGES]
    assert any(f"{name}.".startswith(f"{other}.") for other in known), where


@pytest.mark.parametrize("name", ON_OTHER_PAGES)
def test_what_other_pages_describe_is_used_there(name):
    """A snippet imports it, or something in it, or a directive shows it."""
    pages = [page.read_text() for page in DOCS.rglob("*.md")]
    shown = {name for page in pages for _kind, name, _options in _DIRECTIVE.findall(page)}
    used = {name for name, _where in USED}
    assert any(f"{other}.".startswith(f"{name}.") for other in used | shown)


@pytest.mark.parametrize("name", PROMISED)
def test_what_is_promised_is_public_and_described(name):
    """No underscore begins a part of its path; it has a docstring, or a constant its comment."""
    (owner, _, last), found = name.rpartition("."), resolve(name)
    assert "._" not in name
    if is_described_by_docstring(found):
        assert found.__doc__
    else:
        assert has_comment(import_module(owner), last)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_is_promised_is_typed(name):
    """Each parameter, and what is returned."""
    signature = inspect.signature(resolve(name))
    assert signature.return_annotation is not signature.empty
    for parameter in signature.parameters.values():
        assert parameter.name == "self" or parameter.annotation is not parameter.empty, parameter


@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_is_measured_is_described(name):
    """The docstring names each number and each duration that is asked for."""
    function = resolve(name)
    for parameter in inspect.signature(function).parameters.values():
        if re.search(r"\b(int|float|timedelta)\b", str(parameter.annotation)):
            assert f"``{parameter.name}``" in function.__doc__
