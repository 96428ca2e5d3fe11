"""The modules of the package, by their dotted names."""

from pathlib import Path

PACKAGE = "django_jwtauth"
ROOT = Path(__file__).parent.parent / PACKAGE


def find_modules():
    for path in sorted(ROOT.rglob("*.py")):
        relative = path.relative_to(ROOT)
        if "migrations" in relative.parts:
            continue
        name = ".".join(relative.with_suffix("").parts).removesuffix("__init__").rstrip(".")
        # An empty __init__.py is a folder, not a module.
        if path.read_text().strip():
            yield name or "__init__", path


MODULES = dict(find_modules())


def is_within(name, package):
    return name == package or name.startswith(f"{package}.")
