"""Packages that import simplejwt themselves get the modules here, by one line in settings.py."""

import subprocess
import sys

import pytest

from tests.shell import ROOT, environment
from tests.simplejwt_project.process import require_simplejwt

APP = "rest_framework_simplejwt.token_blacklist"
APPS = {"with the app": f"rest_framework_simplejwt {APP}", "without the app": ""}

SETUP = """
import django
from django.core.management import call_command
django.setup()
"""

# As simplejwt's migrations make them, for a project that has left its app out.
TABLES = """
from django.contrib.auth.models import User
from django.db import connection
call_command("migrate", verbosity=0)
made = "token_blacklist_outstandingtoken" in connection.introspection.table_names()
with connection.cursor() as cursor:
    if not made:
        cursor.execute(
            "CREATE TABLE token_blacklist_outstandingtoken (id integer PRIMARY KEY, jti varchar, "
            "token text, created_at datetime, expires_at datetime, user_id integer NULL "
            "REFERENCES auth_user (id) DEFERRABLE INITIALLY DEFERRED)"
        )
        cursor.execute(
            "CREATE TABLE token_blacklist_blacklistedtoken (id integer PRIMARY KEY, "
            "blacklisted_at datetime, token_id integer)"
        )
    users = [User.objects.create_user(name) for name in ("anna", "ben")]
    for user in users:
        cursor.execute(
            "INSERT INTO token_blacklist_outstandingtoken (jti, token, created_at, expires_at, "
            f"user_id) VALUES ('{user.username}', '', '2026-01-01', '2030-01-01', {user.pk})"
        )
def show():
    with connection.cursor() as cursor:
        cursor.execute("SELECT jti, user_id FROM token_blacklist_outstandingtoken ORDER BY id")
        print(cursor.fetchall())
"""


def run(script, apps="", simplejwt="", setup=SETUP):
    """Return what the script prints in a project that has the alias."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", setup + script],
        cwd=ROOT,
        env=environment(
            DJANGO_SETTINGS_MODULE="tests.simplejwt_alias.settings", APPS=apps, SIMPLEJWT=simplejwt
        ),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(params=["there", "missing"])
def simplejwt(request):
    """Simplejwt is installed or not."""
    if request.param == "there":
        require_simplejwt()
    return request.param


@pytest.mark.parametrize("apps", APPS.values(), ids=APPS)
def test_every_module_is_the_one_here(apps, simplejwt):
    """The same object, and it remains what it is."""
    script = """
from importlib import import_module
from tests.simplejwt_idioms.world import MODULES
for name in MODULES:
    here = import_module(f"django_jwtauth.contrib.simplejwt.{name}")
    spec = here.__spec__
    assert import_module(f"rest_framework_simplejwt.{name}") is here, name
    assert here.__spec__ is spec and spec.name == here.__name__, name
import rest_framework_simplejwt
print(rest_framework_simplejwt.__version__, len(MODULES))
from rest_framework_simplejwt.token_blacklist.models import OutstandingToken
from django_jwtauth.contrib.simplejwt import token_blacklist
assert token_blacklist.models.OutstandingToken is OutstandingToken
from rest_framework.settings import api_settings
from django_jwtauth.contrib.simplejwt.authentication import JWTAuthentication
assert api_settings.DEFAULT_AUTHENTICATION_CLASSES == [JWTAuthentication]
"""
    assert run(script, apps, simplejwt) == "5.5.1 11"


@pytest.mark.parametrize("apps", APPS.values(), ids=APPS)
def test_users_can_be_deleted(apps, simplejwt):
    """One by one, through a proxy, and many at once: simplejwt's rows stay, without the user."""
    script = """
class Somebody(User):
    class Meta:
        proxy, app_label = True, "auth"
users[0].delete()
show()
Somebody.objects.get().delete()
show()
cursor = connection.cursor()
more = User.objects.create_user("cleo")
cursor.execute("UPDATE token_blacklist_outstandingtoken SET user_id = %s", [more.pk])
User.objects.all().delete()
show()
"""
    shown = run(TABLES + script, apps, simplejwt).splitlines()

    assert shown == [
        "[('anna', None), ('ben', 2)]",
        "[('anna', None), ('ben', None)]",
        "[('anna', None), ('ben', None)]",
    ]


def test_users_can_be_deleted_where_there_never_were_tables(simplejwt):
    script = """
from django.contrib.auth.models import User
call_command("migrate", verbosity=0)
print(User.objects.create_user("anna").delete()[0])
"""
    assert run(script, simplejwt=simplejwt) == "1"


@pytest.mark.parametrize("apps", [*APPS.values(), f"{APP}.apps.TokenBlacklistConfig"])
def test_the_project_checks_and_its_migrations_are_complete(apps, simplejwt):
    """No migration is missing, and ``check`` finds no error."""
    check = 'call_command("check")'
    script = f'{check}; call_command("makemigrations", "--check", "--dry-run")'
    if apps.endswith("Config") and simplejwt == "there":
        # There, too: the models are abstract unless the app is given by its own name.
        script = check

    assert run(f'{script}; print("passed")', apps, simplejwt).endswith("passed")


def test_the_doctor_knows_it(simplejwt):
    """No path is to be edited: the report says why, and still names what is not here."""
    script = """
from pathlib import Path
from django_jwtauth.contrib.simplejwt.move import source
file = Path("edited.py")
source.find_files = lambda: source.Files([file], True)
text = "from rest_framework_simplejwt.tokens import RefreshToken, SlidingToken".encode()
Path.read_bytes, Path.stat = lambda path: text, lambda path: type("", (), {"st_size": 9})
call_command("jwtauth_doctor", "--from-simplejwt")
"""
    shown = run(script, APPS["with the app"], simplejwt)

    assert "alias.install()\n    -- leads imports of rest_framework_simplejwt here" in shown
    assert "edited.py:1: rest_framework_simplejwt.tokens.SlidingToken\n    -- use a pair" in shown
    assert "->" not in shown
    assert f"INSTALLED_APPS: {APP}\n    -- remove it after" in shown


def test_the_doctor_is_content_with_it(simplejwt):
    """It signs in through the class that the alias leads here."""
    script = 'call_command("migrate", verbosity=0); call_command("jwtauth_doctor", no_color=True)'

    assert run(script, APPS["with the app"], simplejwt).endswith("200 200 200 401: all is well.")


def test_the_tables_are_dropped_as_before():
    """simplejwt's migrations are simplejwt's."""
    require_simplejwt()
    script = """
from django.db import connection
call_command("migrate", verbosity=0)
print("token_blacklist_outstandingtoken" in connection.introspection.table_names())
call_command("migrate", "token_blacklist", "zero", verbosity=0)
print("token_blacklist_outstandingtoken" in connection.introspection.table_names())
"""
    assert run(script, APPS["with the app"]).split() == ["True", "False"]


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("import rest_framework_simplejwt.nothing", "alias.install() in the settings leads"),
        (f"import {APP}.admin", "is not here: the admin has pages for sign-ins"),
        ("from rest_framework_simplejwt.tokens import SlidingToken", "a refresh token does"),
        (
            "from rest_framework_simplejwt.tokens import Nothing",
            "cannot import name 'Nothing' from 'django_jwtauth.contrib.simplejwt.tokens'",
        ),
        (f"import {APP}.migrations.nothing", "is not here"),
    ],
)
def test_a_name_that_is_not_here(statement, told, simplejwt):
    script = f"""
try:
    {statement}
except ImportError as error:
    print(error)
"""
    assert told in run(script, simplejwt=simplejwt)


def test_installing_twice_changes_nothing():
    script = """
import sys
from django_jwtauth.contrib.simplejwt import alias
finders = list(sys.meta_path)
alias.install()
print(alias.is_installed(), sys.meta_path == finders)
"""
    assert run(script) == "True True"


def test_installing_it_too_late():
    """Some classes would be simplejwt's, others not: refused."""
    require_simplejwt()
    script = """
import rest_framework_simplejwt
from django.core.exceptions import ImproperlyConfigured
from django_jwtauth.contrib.simplejwt import alias
try:
    alias.install()
except ImproperlyConfigured as error:
    print(error, alias.is_installed())
"""
    assert "before anything in settings.py imports it. False" in run(script, setup="")


def test_without_it_nothing_is_led_here():
    from django_jwtauth.contrib.simplejwt import alias

    assert not alias.is_installed()
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        alias.import_module("django_jwtauth.contrib.simplejwt").nothing  # noqa: B018
