"""docs/coming-from-simplejwt.md: what it lists, and the code that it shows."""

import re
import subprocess
from importlib.util import find_spec
from pathlib import Path

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.urls import path
from django.utils.module_loading import import_string

from django_jwtauth import sessions
from django_jwtauth.conf import find_problems
from django_jwtauth.contrib.simplejwt.move import advice, names
from django_jwtauth.contrib.simplejwt.move.decoder import session_id
from django_jwtauth.contrib.simplejwt.move.names import THEIRS
from django_jwtauth.contrib.simplejwt.tokens import AccessToken
from django_jwtauth.models import LoginSession
from django_jwtauth.signins import rules
from tests import forge
from tests.legacy import moved
from tests.shell import ROOT
from tests.simplejwt_idioms import page
from tests.simplejwt_idioms.world import MODULES
from tests.simplejwt_project import process

PAGE = Path(ROOT, "docs", "coming-from-simplejwt.md").read_text()


def section(heading):
    return re.split(r"^#+ ", PAGE.split(f"# {heading}\n")[1], maxsplit=1, flags=re.M)[0]


def rows(heading):
    """The rows of the table below a heading, as lists of cells."""
    lines = [line for line in section(heading).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def code(heading):
    """The first Python block below a heading."""
    return re.search(r"^```python\n(.*?)^```", section(heading), re.M | re.S)[1]


def test_settings_table():
    """Each setting of simplejwt has a row that says what the doctor says."""
    table = {name.strip("`"): text for name, text in rows("Settings")}

    assert sorted(table) == sorted(
        [*advice.SAME, *advice.MOVED, *advice.KEPT, *advice.NO_EQUIVALENT]
    )
    assert {name for name, text in table.items() if text.startswith("the same")} == {*advice.SAME}
    for name, ours in advice.MOVED.items():
        assert f"`{ours}`" in table[name]
    for name in advice.KEPT:
        assert table[name].startswith("stays in `SIMPLE_JWT`")
    for name in advice.NO_EQUIVALENT:
        assert table[name].startswith(("none", "always on"))


def test_the_prefix_that_is_replaced(tmp_path):
    """The command changes every module that is here, and neither the app nor what is gone."""
    command = re.search(r"^```sh\n(.*?)^```", section("Imports"), re.M | re.S)[1]
    kept = ["'rest_framework_simplejwt.token_blacklist'", "'rest_framework_simplejwt'"]
    changed = [f"from rest_framework_simplejwt.{module} import x" for module in MODULES]
    changed += ["from rest_framework_simplejwt import tokens"]
    file = tmp_path / "shop.py"
    file.write_text("\n".join([*changed, *kept]))
    subprocess.run(["sh", "-c", command], cwd=tmp_path, check=True)

    lines = file.read_text().split("\n")
    assert lines[-2:] == kept
    assert not [line for line in lines[:-2] if THEIRS in line]
    assert all(find_spec(line.split()[1]) for line in lines[:-2])


def test_what_is_not_carried_over():
    """Names that are called gone are those that cannot be imported."""
    assert "`SlidingToken`" in section("Not supported")
    assert "tokens.SlidingToken" in names.GONE


def test_the_page_of_names():
    """Its tables are the idioms that are tested, and its modules those that are here."""
    text = page.PAGE.read_text()

    assert text.endswith(page.render()), "run python -m tests.simplejwt_idioms.page"
    assert all(f"`{module}`" in text.partition("## Tokens")[0] for module in MODULES)
    read = text.partition("## Settings")[2].partition("\n## ")[0]
    assert "TOKEN_..._SERIALIZER" in read
    assert all(f"`{name}`" in read for name in advice.KEPT if not name.endswith("_SERIALIZER"))


def test_the_settings_that_are_pasted(settings):
    """Those of the second step are what the doctor prints for a project that set nothing."""
    settings.SIMPLE_JWT = {}
    names = {}
    exec(code("2. Paste the settings"), names)
    printed = {name: eval(text, names) for name, text in advice.advise().lines.items()}

    settings.JWTAUTH = names["JWTAUTH"]
    assert find_problems() == []
    del printed["LEGACY"]["UNTIL"], names["JWTAUTH"]["LEGACY"]["UNTIL"]
    assert printed == names["JWTAUTH"]


@pytest.mark.django_db
def test_tokens_in_python(user):
    """The lines that make, read and blacklist tokens run as they are."""
    user.first_name = "Anna"
    names = {"user": user}
    exec(code("Imports"), names)

    assert forge.claims_of(names["body"]["access"])["name"] == "Anna"
    assert LoginSession.objects.get().ended_at


urlpatterns = []


@pytest.mark.django_db
def test_the_serializer_that_is_shown(user, api, monkeypatch, settings):
    """It adds the claim and the member of the answer that it says."""
    names = {}
    exec(code("Your own serializer"), names)
    monkeypatch.setitem(globals(), "urlpatterns", [path("t/", names["SignInView"].as_view())])
    settings.ROOT_URLCONF = __name__
    user.first_name = "Anna"
    user.save()
    body = api.post("/t/", {"username": "anna", "password": "correct horse battery staple"}).json()

    assert body["email"] == "anna@example.org"
    assert forge.claims_of(body["access"])["name"] == "Anna"


@pytest.mark.django_db
def test_the_strategy_for_djoser(user, api):
    """It hands out a pair of a sign-in that starts, as djoser's own does of simplejwt's."""
    names = {}
    *_, setting = re.findall(r"^```python\n(.*?)^```", section("djoser"), re.M | re.S)
    exec(setting, names)
    pair = import_string(names["DJOSER"]["SOCIAL_AUTH_TOKEN_STRATEGY"]).obtain(user)

    assert pair["user"] == user
    assert api.protected(pair["access"]).status_code == 200
    assert api.refresh(pair["refresh"]).status_code == 200
    assert LoginSession.objects.get().user == user


@pytest.mark.django_db
def test_the_routes_for_djoser(user, api, monkeypatch, settings):
    """The paths and names are those of djoser's own URLconf."""
    names = {}
    exec(code("djoser"), names)
    monkeypatch.setitem(globals(), "urlpatterns", names["urlpatterns"])
    settings.ROOT_URLCONF = __name__
    body = {"username": "anna", "password": "correct horse battery staple"}
    pair = api.post("/auth/jwt/create/", body).json()

    assert api.post("/auth/jwt/refresh/", {"refresh": pair["refresh"]}).status_code == 200
    assert api.post("/auth/jwt/verify/", {"token": pair["access"]}).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_a_token_in_async_code(user):
    """Wrapped as the page says, reading a token asks the database from an ``async def``."""
    (line,) = code("Async code and WebSockets").splitlines()
    raw = sessions.start(user).access
    names = {"database_sync_to_async": sync_to_async, "AccessToken": AccessToken, "raw": raw}
    program = f"async def main():\n    {line}\n    return token"
    exec(program, names)

    assert async_to_sync(names["main"])()["sub"] == str(user.pk)


@pytest.mark.parametrize("alias", ["", "1"], ids=["", "with the alias"])
def test_rolling_back(transactional_db, user, api, settings, alias):
    """The lines tell simplejwt what was ended or exchanged here; the rest works as before."""
    process.require_simplejwt()
    settings.JWTAUTH = moved()
    settings.SIMPLE_JWT = {}
    with process.running() as old:
        untouched, exchanged, signed_out, ended = (old.obtain()["refresh"] for _ in range(4))
        api.refresh(exchanged)
        api.blacklist(refresh=signed_out)
        claims = forge.claims_of(ended)
        rules.make_legacy_session(session_id(claims["jti"]), user, claims["exp"], "").save(
            force_insert=True
        )
        LoginSession.objects.filter(generation=0).end()
        api.verify(untouched)
        lines = code("Rolling back")
        process.manage("shell", "--no-imports", "-c", lines, database=True, ALIAS=alias)

        assert old.refresh(untouched)["status"] == 200
        for raw in (exchanged, signed_out, ended):
            assert old.refresh(raw)["body"]["detail"] == "Token is blacklisted"
