"""The module map of ``django_jwtauth``, enforced.

Read MAP from the top: a module may import the modules named beside it, and those all
stand above it. A new module needs a line here first.
"""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = "django_jwtauth"
ROOT = Path(__file__).parent.parent / PACKAGE

MAP = {
    # What things are called
    "redacted": "",
    "durations": "",
    "setting_values": "durations redacted",
    "tenants": "",
    "conf": "durations setting_values tenants",
    "exceptions": "conf",
    "signals": "exceptions",
    "moments": "",
    # What a token is
    "weak_rsa": "",
    "keymaterial": "redacted weak_rsa",
    "keys": "conf exceptions keymaterial redacted",
    "remote_keys": "exceptions keymaterial keys",
    "verified": "",
    "compact": "exceptions keymaterial redacted",
    "tokens": "compact conf exceptions keys moments remote_keys setting_values verified",
    # What a sign-in is
    "models": "conf moments signals",
    "compiled": "models",
    "lookup": "compiled exceptions models tokens",
    "writing": "",
    "rules": "conf exceptions lookup models moments tokens",
    "client": "conf",
    "device_cookies": "conf lookup models redacted rules",
    "spellings": "lookup",
    "throttling": "client conf device_cookies exceptions lookup models spellings",
    "new_rows": "client exceptions lookup models moments rules signals writing",
    "pairs": "conf models moments tokens",
    "rotation": "client conf exceptions lookup models moments pairs rules signals tokens writing",
    "legacy": "conf keys lookup models moments tokens",
    "endings": "conf exceptions legacy lookup models moments rules signals tokens writing",
    "scopes": "conf exceptions tokens",
    "api_tokens": "client conf durations exceptions lookup models new_rows pairs rules scopes "
    "signals",
    "one_time": "conf durations endings exceptions lookup models new_rows pairs redacted rules "
    "setting_values tokens",
    "sessions": "api_tokens client conf endings exceptions legacy lookup models moments new_rows "
    "pairs redacted rotation rules scopes signals throttling tokens writing",
    "revocation": "conf legacy lookup models moments new_rows pairs tokens",
    "finding": "exceptions lookup models one_time pairs redacted sessions tokens",
    "credentials": "conf exceptions lookup models redacted rules scopes signals throttling tokens",
    "clients": "conf redacted throttling",
    # Who is asking
    "transport": "conf exceptions keys pairs redacted sessions setting_values",
    "users": "conf tokens",
    "authentication": "exceptions models redacted rules sessions signals tokens transport users",
    "middleware": "exceptions scopes tokens transport",
    "decorators": "exceptions scopes transport",
    # What the project serves
    "bodies": "exceptions redacted transport",
    "parsers": "bodies redacted",
    "permissions": "exceptions scopes tokens transport",
    "serializers": "compact credentials models redacted",
    "views": "authentication bodies conf credentials exceptions legacy lookup models moments "
    "one_time pairs parsers permissions redacted scopes serializers sessions throttling tokens "
    "transport",
    "urls": "views",
    "portal": "api_tokens conf credentials exceptions lookup models one_time permissions rules "
    "scopes serializers setting_values throttling tokens views",
    "urls.portal": "portal",
    "browser": "authentication exceptions lookup models pairs scopes sessions tokens "
    "transport views",
    "urls.browser": "authentication browser views",
    "well_known": "conf exceptions keymaterial keys transport",
    "urls.well_known": "well_known",
    "oauth": "bodies clients conf credentials exceptions lookup models pairs redacted scopes "
    "sessions tokens transport",
    "urls.oauth": "oauth",
    # What runs beside it
    "checks": "authentication conf keymaterial keys lookup models rules",
    "apps": "checks endings",
    "purge": "lookup models moments",
    "tasks": "endings purge",
    "testing": "conf models pairs sessions tokens transport",
    "admin.wording": "durations",
    "admin.devices": "",
    "admin.user_page": "",
    "admin.filters": "finding models tokens",
    "admin.forms": "admin.wording api_tokens conf finding redacted revocation",
    "admin.export": "admin.wording",
    "admin.overview": "admin.wording conf lookup models",
    "admin.records": "admin.export admin.overview admin.wording conf finding lookup models",
    "admin.keys": "admin.records admin.wording conf keymaterial keys",
    "admin.find": "admin.filters admin.forms admin.wording exceptions finding models redacted "
    "tokens",
    "admin.api_tokens": "admin.forms admin.records admin.wording api_tokens conf exceptions "
    "finding lookup redacted scopes",
    "admin.bulk": "admin.forms admin.records admin.wording finding models revocation",
    "admin.blacklist": "admin.filters admin.forms admin.records admin.wording exceptions finding "
    "models redacted revocation sessions",
    "admin.sessions": "admin.api_tokens admin.bulk admin.devices admin.filters admin.find "
    "admin.forms admin.keys admin.records admin.user_page admin.wording compiled exceptions "
    "finding lookup models revocation rules",
    "admin": "admin.blacklist admin.sessions models",
    # For optional neighbours; but for the commands, nothing imports them
    "contrib.allauth": "credentials exceptions lookup models moments redacted rules sessions "
    "tokens",
    "contrib.channels": "conf exceptions redacted sessions transport",
    "contrib.ninja": "exceptions redacted scopes tokens transport",
    "contrib.pytest": "testing",
    "contrib.simplejwt.configuration": "",
    "contrib.simplejwt.tables": "conf lookup",
    "contrib.simplejwt.decoder": "compact conf contrib.simplejwt.configuration "
    "contrib.simplejwt.tables exceptions keymaterial lookup models redacted remote_keys tokens",
    "contrib.simplejwt": "contrib.simplejwt.decoder",
    "contrib.simplejwt.project": "contrib.simplejwt.configuration",
    "contrib.simplejwt.advice": "conf contrib.simplejwt.configuration contrib.simplejwt.project "
    "keymaterial",
    "contrib.simplejwt.importer": "contrib.simplejwt.configuration contrib.simplejwt.decoder "
    "contrib.simplejwt.tables lookup models rules tokens",
    "contrib.simplejwt.tokens": "exceptions pairs redacted sessions tokens",
    "contrib.simplejwt.serializers": "contrib.simplejwt.tokens credentials pairs redacted "
    "serializers",
    "contrib.simplejwt.views": "contrib.simplejwt.serializers views",
    "contrib.spectacular.schemes": "authentication conf transport",
    "contrib.spectacular.refusals": "authentication conf exceptions permissions scopes tokens "
    "views",
    "contrib.spectacular.operations": "browser contrib.spectacular.refusals exceptions portal "
    "serializers views",
    "contrib.spectacular.endpoints": "authentication browser conf contrib.spectacular.operations "
    "contrib.spectacular.refusals contrib.spectacular.schemes exceptions permissions portal "
    "transport views",
    "contrib.spectacular.apps": "contrib.spectacular.endpoints contrib.spectacular.schemes",
    # The commands, and what they have in common
    "management.terminal": "",
    "management.commands.jwtauth_create_api_token": "api_tokens durations exceptions lookup "
    "management.terminal",
    "management.commands.jwtauth_doctor": "authentication checks conf contrib.simplejwt.advice "
    "lookup",
    "management.commands.jwtauth_export_keys": "keys well_known",
    "management.commands.jwtauth_generate_client": "",
    "management.commands.jwtauth_generate_key": "keymaterial",
    "management.commands.jwtauth_import_simplejwt": "contrib.simplejwt.importer "
    "contrib.simplejwt.tables management.terminal",
    "management.commands.jwtauth_purge": "durations endings management.terminal purge",
    "management.commands.jwtauth_sweep": "endings management.terminal",
    "management.commands.jwtauth_revoke": "conf durations lookup management.terminal models "
    "revocation",
}

# A library, and the only modules that may know it.
KNOWN_TO = {
    "allauth": {"contrib.allauth"},
    "channels": {"contrib.channels"},
    "drf_spectacular": {
        "contrib.spectacular.endpoints",
        "contrib.spectacular.operations",
        "contrib.spectacular.refusals",
        "contrib.spectacular.schemes",
    },
    "ninja": {"contrib.ninja"},
    "pytest": {"contrib.pytest"},
    "rest_framework": {
        "authentication",
        "browser",
        "checks",
        "contrib.simplejwt.views",
        "contrib.spectacular.endpoints",
        "contrib.spectacular.operations",
        "contrib.spectacular.refusals",
        "contrib.spectacular.schemes",
        "exceptions",
        "management.commands.jwtauth_doctor",
        "parsers",
        "permissions",
        "portal",
        "serializers",
        "testing",
        "views",
    },
    "jwt": {
        "compact",
        "contrib.simplejwt.decoder",
        "keymaterial",
        "management.commands.jwtauth_generate_key",
    },
    "cryptography": {
        "keymaterial",
        "management.commands.jwtauth_export_keys",
        "management.commands.jwtauth_generate_key",
    },
}

# What a module must stay clear of, whoever else may use it.
UNKNOWN_TO = {
    # A token is a token without a database.
    "compact": ("django.db", "django.contrib", "django.http"),
    "conf": ("django.db", "django.contrib"),
    "exceptions": ("django.db", "django.contrib", "django.http", "rest_framework.views"),
    "keymaterial": ("django.db", "django.contrib", "django.http", "django.conf"),
    "keys": ("django.db", "django.contrib", "django.http"),
    "tokens": ("django.db", "django.contrib", "django.http"),
    # The class body of APIView imports the authentication classes.
    "authentication": (
        "rest_framework.decorators",
        "rest_framework.generics",
        "rest_framework.views",
        "django.db",
    ),
}


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


def find_imports(path):
    """Yield every dotted name that the file imports, anywhere in it, made absolute."""
    parents = (PACKAGE, *path.relative_to(ROOT).parent.parts)
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = parents[: len(parents) - node.level + 1] if node.level else ()
            origin = ".".join([*base, *filter(None, [node.module])])
            yield from (f"{origin}.{alias.name}" for alias in node.names)


def is_within(name, package):
    return name == package or name.startswith(f"{package}.")


def test_every_module_is_on_the_map_and_nothing_else_is():
    """A file that the map does not name, or a name without a file, is a mistake."""
    assert set(MODULES) == set(MAP)


def test_the_map_reads_from_the_top():
    """A module depends on what stands above it, so there is no cycle."""
    above = set()
    for module, allowed in MAP.items():
        assert set(allowed.split()) <= above, module
        above.add(module)


@pytest.mark.parametrize("module", sorted(MODULES))
def test_a_module_imports_what_the_map_allows(module):
    """No import, not even inside a function, goes beyond the map."""
    names = set(find_imports(MODULES[module]))
    ours = {name for name in names if is_within(name, PACKAGE)}
    used = {
        max(found, key=len)
        for name in ours
        if (found := [other for other in MODULES if is_within(name, f"{PACKAGE}.{other}")])
    }

    assert used <= set(MAP.get(module, "").split())


@pytest.mark.parametrize("module", sorted(MAP))
def test_the_map_allows_no_more_than_is_used(module):
    """A line of the map that has grown too long is shortened."""
    names = set(find_imports(MODULES[module])) if module in MODULES else set()

    for allowed in MAP[module].split():
        assert any(is_within(name, f"{PACKAGE}.{allowed}") for name in names), allowed


@pytest.mark.parametrize("module", sorted(MODULES))
def test_libraries_stay_where_they_belong(module):
    """DRF, PyJWT and cryptography are known to few modules; a token knows no database."""
    for name in find_imports(MODULES[module]):
        for library, homes in KNOWN_TO.items():
            assert not is_within(name, library) or module in homes, name
        for library in UNKNOWN_TO.get(module, ()):
            assert not is_within(name, library), name


def test_the_authentication_module_can_be_imported_first():
    """DRF imports it while it defines APIView; imported before DRF, it must not fail either."""
    program = "import django; django.setup(); import django_jwtauth.authentication"
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"}

    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT.parent,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
