"""Which module stands on which, enforced.

ORDER lists the floors of a folder from the ground up, "/" between two: a module may import what
stands on a floor below its own, never what stands beside it or above. Each folder is a wing:
seen from outside, all of it stands on one floor. A folder without a line has one floor.
"""

import ast
import os
import subprocess
import sys

import pytest

from django_jwtauth.tokens.keymaterial import CRYPTOGRAPHY
from tests.modules import MODULES, PACKAGE, ROOT, is_within

# Before you add to a line, read docs/structure.md. "." is the folder's own __init__.py.
ORDER = {
    "": "claims redacted / conf / exceptions users / scopes signals tokens / http models /"
    " permissions store / signins / acting api_tokens one_time throttling / credentials sessions /"
    " authentication decorators middleware operations serializers testing /"
    " admin tasks views / contrib urls / checks / apps management",
    "checks": "ids / configuration / keys / project / deployment rows / .",
    "conf": "durations moments / values / schema / reading tenants / .",
    "tokens": "cache weak_rsa / keymaterial / jws keyrings / remote_keys / .",
    "store": "database networks writing / identity / compiled users / lookup",
    "http": "cookies device refusals user_agents / transport / bodies",
    "signins": "erasing lifetimes / django_signals issuing legacy rules / endings rotation rows /"
    " blacklisting refreshing",
    "operations": "activity batches periods / searching / finding purge revocation sweep",
    "throttling": "counters device_cookies refused spellings / accounts / .",
    "views": "oauth_clients parsers / . oauth well_known / browser portal / acting",
    "admin": "user_page wording / cells export filters forms overview searched /"
    " records timeline / keys / incidents /"
    " acting activity api_tokens blacklist bulk columns find / sessions / .",
    "admin.incidents": "returning / case / steps / accounts leaks / .",
    "contrib": "activity allauth channels ninja notices pytest simplejwt spectacular /"
    " dj_rest_auth djoser",
    "contrib.activity": "models / counting / apps",
    "contrib.notices": "devices links models signals / mails / checks tasks / receivers views /"
    " urls / apps management",
    "contrib.dj_rest_auth": "jwt_auth / views / urls",
    "contrib.simplejwt": "move / alias decoder exceptions utils / backends settings /"
    " issuing models state token_blacklist / tokens / authentication / serializers /"
    " views / checks .",
    "contrib.simplejwt.token_blacklist": "finding / rows / models",
    "contrib.simplejwt.move": "configuration names tables / decoder source / neighbours project /"
    " advice importer",
    "contrib.spectacular": "refusals schemes simplejwt / operations / endpoints / apps",
    "management": "temporary terminal / visiting / logins / commands",
    "urls": "acting browser oauth portal sessions well_known / .",
}

# A library, and all that may know it, with what stands inside.
KNOWN_TO = {
    "allauth": "contrib.allauth",
    "channels": "contrib.channels",
    "dj_rest_auth": "contrib.dj_rest_auth",
    "drf_spectacular": "contrib.spectacular",
    "ninja": "contrib.ninja",
    "pytest": "contrib.pytest",
    "rest_framework": "authentication checks contrib.dj_rest_auth contrib.simplejwt"
    " contrib.spectacular exceptions management.logins management.visiting permissions"
    " serializers testing views",
    "jwt": "contrib.simplejwt.move.decoder management.commands.jwtauth_generate_key"
    " tokens.jws tokens.keymaterial",
    "cryptography": "management.commands.jwtauth_export_keys"
    " management.commands.jwtauth_generate_key tokens.keymaterial",
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


def floor(folder, name):
    """Return how high ``name``, a file or folder, stands in ``folder``; 0 where all stand level."""
    floors = [words.split() for words in ORDER.get(folder, name).split("/")]
    found = [height for height, names in enumerate(floors) if name in names]
    assert found, f"{folder or PACKAGE}: where does {name} stand?"
    return found[0]


def meet(one, other):
    """Return the folder in which both modules are, and what of it each is, or is in."""
    first, second = [*one.split("."), "."], [*other.split("."), "."]
    apart = next(at for at, pair in enumerate(zip(first, second, strict=False)) if len({*pair}) > 1)
    return ".".join(first[:apart]), first[apart], second[apart]


def test_every_name_on_the_map_is_a_module():
    """A name without a file is a mistake; a file without a name fails where it imports."""
    for folder, words in ORDER.items():
        for name in words.replace("/", " ").split():
            module = ".".join(filter(None, [folder, name])).removesuffix("..")
            assert any(is_within(known, module) for known in MODULES), module


@pytest.mark.parametrize("module", sorted(MODULES))
def test_a_module_imports_only_what_stands_below_it(module):
    """No import, not even inside a function, goes sideways or up."""
    used = set()
    for name in find_imports(MODULES[module]):
        found = [other for other in MODULES if is_within(name, f"{PACKAGE}.{other}")]
        used |= {max(found, key=len)} if found else set()

    for other in used:
        folder, own, theirs = meet(module, other)
        assert floor(folder, theirs) < floor(folder, own), f"{module} imports {other}"


@pytest.mark.parametrize("module", sorted(MODULES))
def test_libraries_stay_where_they_belong(module):
    """DRF, PyJWT and cryptography are known to few modules; a token knows no database."""
    for name in find_imports(MODULES[module]):
        for library, homes in KNOWN_TO.items():
            known = any(is_within(module, home) for home in homes.split())
            assert known or not is_within(name, library), name
        for library in UNKNOWN_TO.get(module, ()):
            assert not is_within(name, library), name


def run(program):
    """Run a program after ``django.setup()``, and return what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", f"import django; django.setup(); {program}"],
        cwd=ROOT.parent,
        # On SQLite: some checks connect to the other databases, which need not be there.
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings", "DATABASE_URL": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("module", ["authentication", "contrib.simplejwt.authentication"])
@pytest.mark.parametrize("first", ["authentication", "contrib.simplejwt.tokens", ""])
def test_the_authentication_modules_can_be_default_classes(module, first):
    """DRF imports them while it defines APIView, and so may whatever was imported before."""
    run(
        f"from django.conf import settings; settings.REST_FRAMEWORK = "
        f"{{'DEFAULT_AUTHENTICATION_CLASSES': ['{PACKAGE}.{module}.JWTAuthentication']}}; "
        f"import {PACKAGE}.{first or module}; import rest_framework.views"
    )


@pytest.mark.parametrize("keys", ["derived", "HS256", "ES256"])
def test_cryptography_is_imported_for_a_key_that_needs_it(keys):
    """Not to start and to check a project that signs with a secret; PyJWT would import it, too."""
    entry = {
        "HS256": "{'algorithm': 'HS256', 'secret': __import__('secrets').token_urlsafe(64)}",
        "ES256": "{'algorithm': 'ES256', 'public_key': 'no PEM -----BEGIN'}",
    }.get(keys, "")
    found = run(
        "from django.test import override_settings; from django.core.checks import run_checks\n"
        f"with override_settings(JWTAUTH={{'KEYS': [{entry}]}}): run_checks()\n"
        "import sys; print(*sys.modules)"
    ).split()

    assert ("cryptography" in found) is (keys == "ES256" and CRYPTOGRAPHY)
    assert "jwt" not in found


def test_what_is_off_is_not_imported():
    """A process that only authenticates loads nothing of what no setting and no URL turns on."""
    loaded = run("import sys; import django_jwtauth.authentication; print(*sys.modules)").split()
    off = ["tokens.remote_keys", "contrib.simplejwt", "contrib.allauth", "views", "middleware"]

    assert f"{PACKAGE}.authentication" in loaded
    assert not {f"{PACKAGE}.{name}" for name in off} & {*loaded}
