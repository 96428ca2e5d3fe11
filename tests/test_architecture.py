# ruff: noqa: E501
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
    "conf.durations": "",
    "conf.values": "conf.durations redacted",
    "conf.tenants": "",
    "conf": "conf.durations conf.values conf.tenants",
    "exceptions": "conf",
    "signals": "exceptions",
    "conf.moments": "",
    # What a token is
    "tokens.weak_rsa": "",
    "tokens.keymaterial": "redacted tokens.weak_rsa",
    "tokens.keyrings": "conf exceptions tokens.keymaterial redacted",
    "tokens.remote_keys": "exceptions tokens.keymaterial tokens.keyrings",
    "tokens.cache": "",
    "tokens.jws": "exceptions tokens.keymaterial redacted",
    "tokens": "tokens.jws conf exceptions tokens.keyrings conf.moments tokens.remote_keys conf.values tokens.cache",
    # What a sign-in is
    "models": "conf conf.moments signals",
    "store.compiled": "models",
    "store.lookup": "store.compiled exceptions models tokens",
    "store.writing": "",
    "signins.rules": "conf exceptions store.lookup models conf.moments tokens",
    "http.device": "conf",
    "throttling.device_cookies": "conf store.lookup models redacted signins.rules",
    "throttling.spellings": "store.lookup",
    "throttling": "http.device conf throttling.device_cookies exceptions store.lookup models throttling.spellings",
    "signins.rows": "http.device exceptions store.lookup models conf.moments signins.rules signals store.writing",
    "signins.issuing": "conf models conf.moments tokens",
    "signins.rotation": "http.device conf exceptions store.lookup models conf.moments signins.issuing signins.rules signals tokens store.writing",
    "signins.legacy": "conf tokens.keyrings store.lookup models conf.moments tokens",
    "signins.endings": "conf exceptions signins.legacy store.lookup models conf.moments signins.rules signals tokens store.writing",
    "scopes": "conf exceptions tokens",
    "api_tokens": "http.device conf conf.durations exceptions store.lookup models signins.rows signins.issuing signins.rules scopes "
    "signals",
    "one_time": "conf conf.durations signins.endings exceptions store.lookup models signins.rows signins.issuing redacted signins.rules "
    "conf.values tokens",
    "sessions": "api_tokens http.device conf signins.endings exceptions signins.legacy store.lookup models conf.moments signins.rows "
    "signins.issuing redacted signins.rotation signins.rules scopes signals throttling tokens store.writing",
    "operations.revocation": "conf signins.legacy store.lookup models conf.moments signins.rows signins.issuing tokens",
    "operations.finding": "exceptions store.lookup models one_time signins.issuing redacted sessions tokens",
    "credentials": "conf exceptions store.lookup models redacted signins.rules scopes signals throttling tokens",
    "views.oauth_clients": "conf redacted throttling",
    # Who is asking
    "http.transport": "conf exceptions tokens.keyrings signins.issuing redacted sessions conf.values",
    "users": "conf tokens",
    "authentication": "exceptions models redacted signins.rules sessions signals tokens http.transport users",
    "middleware": "exceptions scopes tokens http.transport",
    "decorators": "exceptions scopes http.transport",
    # What the project serves
    "http.bodies": "exceptions redacted http.transport",
    "views.parsers": "http.bodies redacted",
    "permissions": "exceptions scopes tokens http.transport",
    "serializers": "tokens.jws credentials models redacted",
    "views": "authentication http.bodies conf credentials exceptions signins.legacy store.lookup models conf.moments "
    "one_time signins.issuing views.parsers permissions redacted scopes serializers sessions throttling tokens "
    "http.transport",
    "urls": "views",
    "views.portal": "api_tokens conf credentials exceptions store.lookup models one_time permissions signins.rules "
    "scopes serializers conf.values throttling tokens views",
    "urls.portal": "views.portal",
    "views.browser": "authentication exceptions store.lookup models signins.issuing scopes sessions tokens "
    "http.transport views",
    "urls.browser": "authentication views.browser views",
    "views.well_known": "conf exceptions tokens.keymaterial tokens.keyrings http.transport",
    "urls.well_known": "views.well_known",
    "views.oauth": "http.bodies views.oauth_clients conf credentials exceptions store.lookup models signins.issuing redacted scopes "
    "sessions tokens http.transport",
    "urls.oauth": "views.oauth",
    # What runs beside it
    "checks": "authentication conf tokens.keymaterial tokens.keyrings store.lookup models signins.rules",
    "apps": "checks signins.endings",
    "operations.purge": "store.lookup models conf.moments",
    "tasks": "signins.endings operations.purge",
    "testing": "conf models signins.issuing sessions tokens http.transport",
    "admin.wording": "conf.durations",
    "admin.devices": "",
    "admin.user_page": "",
    "admin.filters": "operations.finding models tokens",
    "admin.forms": "admin.wording api_tokens conf operations.finding redacted operations.revocation",
    "admin.export": "admin.wording",
    "admin.overview": "admin.wording conf store.lookup models",
    "admin.records": "admin.export admin.overview admin.wording conf operations.finding store.lookup models",
    "admin.keys": "admin.records admin.wording conf tokens.keymaterial tokens.keyrings",
    "admin.find": "admin.filters admin.forms admin.wording exceptions operations.finding models redacted "
    "tokens",
    "admin.api_tokens": "admin.forms admin.records admin.wording api_tokens conf exceptions "
    "operations.finding store.lookup redacted scopes",
    "admin.bulk": "admin.forms admin.records admin.wording operations.finding models operations.revocation",
    "admin.blacklist": "admin.filters admin.forms admin.records admin.wording exceptions operations.finding "
    "models redacted operations.revocation sessions",
    "admin.sessions": "admin.api_tokens admin.bulk admin.devices admin.filters admin.find "
    "admin.forms admin.keys admin.records admin.user_page admin.wording store.compiled exceptions "
    "operations.finding store.lookup models operations.revocation signins.rules",
    "admin": "admin.blacklist admin.sessions models",
    # For optional neighbours; but for the commands, nothing imports them
    "contrib.allauth": "credentials exceptions store.lookup models conf.moments redacted signins.rules sessions "
    "tokens",
    "contrib.channels": "conf exceptions redacted sessions http.transport",
    "contrib.ninja": "exceptions redacted scopes tokens http.transport",
    "contrib.pytest": "testing",
    "contrib.simplejwt.configuration": "",
    "contrib.simplejwt.tables": "conf store.lookup",
    "contrib.simplejwt.decoder": "tokens.jws conf contrib.simplejwt.configuration "
    "contrib.simplejwt.tables exceptions tokens.keymaterial store.lookup models redacted tokens.remote_keys tokens",
    "contrib.simplejwt": "contrib.simplejwt.decoder",
    "contrib.simplejwt.project": "contrib.simplejwt.configuration",
    "contrib.simplejwt.advice": "conf contrib.simplejwt.configuration contrib.simplejwt.project "
    "tokens.keymaterial",
    "contrib.simplejwt.importer": "contrib.simplejwt.configuration contrib.simplejwt.decoder "
    "contrib.simplejwt.tables store.lookup models signins.rules tokens",
    "contrib.simplejwt.tokens": "exceptions signins.issuing redacted sessions tokens",
    "contrib.simplejwt.serializers": "contrib.simplejwt.tokens credentials signins.issuing redacted "
    "serializers",
    "contrib.simplejwt.views": "contrib.simplejwt.serializers views",
    "contrib.spectacular.schemes": "authentication conf http.transport",
    "contrib.spectacular.refusals": "authentication conf exceptions permissions scopes tokens "
    "views",
    "contrib.spectacular.operations": "views.browser contrib.spectacular.refusals exceptions views.portal "
    "serializers views",
    "contrib.spectacular.endpoints": "authentication views.browser conf contrib.spectacular.operations "
    "contrib.spectacular.refusals contrib.spectacular.schemes exceptions permissions views.portal "
    "http.transport views",
    "contrib.spectacular.apps": "contrib.spectacular.endpoints contrib.spectacular.schemes",
    # The commands, and what they have in common
    "management.terminal": "",
    "management.commands.jwtauth_create_api_token": "api_tokens conf.durations exceptions store.lookup "
    "management.terminal",
    "management.commands.jwtauth_doctor": "authentication checks conf contrib.simplejwt.advice "
    "store.lookup",
    "management.commands.jwtauth_export_keys": "tokens.keyrings views.well_known",
    "management.commands.jwtauth_generate_client": "",
    "management.commands.jwtauth_generate_key": "tokens.keymaterial",
    "management.commands.jwtauth_import_simplejwt": "contrib.simplejwt.importer "
    "contrib.simplejwt.tables management.terminal",
    "management.commands.jwtauth_purge": "conf.durations signins.endings management.terminal operations.purge",
    "management.commands.jwtauth_sweep": "signins.endings management.terminal",
    "management.commands.jwtauth_revoke": "conf conf.durations store.lookup management.terminal models "
    "operations.revocation",
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
        "views.browser",
        "checks",
        "contrib.simplejwt.views",
        "contrib.spectacular.endpoints",
        "contrib.spectacular.operations",
        "contrib.spectacular.refusals",
        "contrib.spectacular.schemes",
        "exceptions",
        "management.commands.jwtauth_doctor",
        "views.parsers",
        "permissions",
        "views.portal",
        "serializers",
        "testing",
        "views",
    },
    "jwt": {
        "tokens.jws",
        "contrib.simplejwt.decoder",
        "tokens.keymaterial",
        "management.commands.jwtauth_generate_key",
    },
    "cryptography": {
        "tokens.keymaterial",
        "management.commands.jwtauth_export_keys",
        "management.commands.jwtauth_generate_key",
    },
}

# What a module must stay clear of, whoever else may use it.
UNKNOWN_TO = {
    # A token is a token without a database.
    "tokens.jws": ("django.db", "django.contrib", "django.http"),
    "conf": ("django.db", "django.contrib"),
    "exceptions": ("django.db", "django.contrib", "django.http", "rest_framework.views"),
    "tokens.keymaterial": ("django.db", "django.contrib", "django.http", "django.conf"),
    "tokens.keyrings": ("django.db", "django.contrib", "django.http"),
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
