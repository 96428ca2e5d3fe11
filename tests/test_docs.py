"""The documentation says what the code does, and what it tells people to type works."""

import ast
import json
import re
from contextlib import ExitStack
from dataclasses import fields
from datetime import datetime, timedelta
from importlib import import_module
from inspect import isclass
from pathlib import Path
from typing import Literal

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.core.management import get_commands
from django.dispatch import Signal
from django.http import Http404
from django.test import RequestFactory
from django.urls import URLPattern
from rest_framework.test import APIClient
from rest_framework.views import exception_handler

import django_jwtauth
from django_jwtauth import acting, claims, conf, credentials, exceptions, sessions, signals
from django_jwtauth.checks import project
from django_jwtauth.conf import schema
from django_jwtauth.models import LoginSession
from django_jwtauth.views import TokenRefreshView
from tests.pages import (
    DOCS,
    MARK,
    as_script,
    headings,
    read_blocks,
    read_section,
    read_table,
    shape,
)
from tests.refusals import ORDER, WRONGS
from tests.shell import ROOT, free_port, needs_curl, run_script

PACKAGE = Path(django_jwtauth.__file__).parent
PAGES = sorted(path.relative_to(ROOT).as_posix() for path in DOCS.glob("**/*.md"))

# What each answers in turn: the last two are signing out, and the same access token after it.
QUICK_STARTS = {
    ROOT / "README.md": ["200", "200", "401"],
    DOCS / "quickstart.md": ["200", "401", "200", "200", "401"],
}


# --- the quick starts, typed into a terminal


@needs_curl
@pytest.mark.skipif(bool([*project.check_django()]), reason="The checks warn of this Django.")
@pytest.mark.parametrize("page", QUICK_STARTS, ids=lambda page: page.name)
def test_quick_start_works_as_written(tmp_path, page):
    """Typed literally, in an empty project, each block prints what the page shows below it.

    The access token that was good before signing out is refused after it.
    """
    script, shown = as_script(page, f"127.0.0.1:{free_port()}")
    output = run_script(script, tmp_path)
    printed = output.split(f"{MARK}\n")[1:]

    assert re.findall(r"^\d{3}$", output, re.M) == QUICK_STARTS[page]
    for text, expected in zip(printed, shown, strict=True):
        if expected:
            pattern = re.escape(expected).replace("…", ".*")
            assert re.fullmatch(pattern, text), text


# What Django REST framework's own tutorial has made of a project when it is through.
TUTORIAL = {
    "mysite/settings.py": """
INSTALLED_APPS += ["rest_framework", "snippets"]
REST_FRAMEWORK = {
    "DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.PageNumberPagination",
    "PAGE_SIZE": 10,
}
""",
    "mysite/urls.py": """
from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("", include("snippets.urls")),
    path("api-auth/", include("rest_framework.urls")),
]
""",
    "snippets/models.py": """
from django.db import models


class Snippet(models.Model):
    created = models.DateTimeField(auto_now_add=True)
    code = models.TextField()
    owner = models.ForeignKey("auth.User", related_name="snippets", on_delete=models.CASCADE)

    class Meta:
        ordering = ["created"]
""",
    "snippets/serializers.py": """
from rest_framework import serializers

from .models import Snippet


class SnippetSerializer(serializers.ModelSerializer):
    owner = serializers.ReadOnlyField(source="owner.username")

    class Meta:
        model = Snippet
        fields = ["id", "code", "owner"]
""",
    "snippets/views.py": """
from rest_framework import permissions, viewsets

from .models import Snippet
from .serializers import SnippetSerializer


class SnippetViewSet(viewsets.ModelViewSet):
    queryset = Snippet.objects.all()
    serializer_class = SnippetSerializer
    permission_classes = [permissions.IsAuthenticatedOrReadOnly]

    def perform_create(self, serializer):
        serializer.save(owner=self.request.user)
""",
    "snippets/urls.py": """
from rest_framework.routers import DefaultRouter

from .views import SnippetViewSet

router = DefaultRouter()
router.register("snippets", SnippetViewSet)
urlpatterns = router.urls
""",
}


def as_tutorial():
    """Return a shell script that makes the project of REST framework's tutorial."""
    edits = [
        f"cat {'>>' if file == 'mysite/settings.py' else '>'} {file} <<'EOF'\n{code}EOF"
        for file, code in TUTORIAL.items()
    ]
    start = "django-admin startproject mysite; cd mysite; python manage.py startapp snippets"
    return "\n".join([start, *edits, "python manage.py makemigrations -v 0 snippets"])


def as_additions(script):
    """Return the script of a page for the tutorial's project, whose urls it adds to."""
    _start, _newline, rest = script.partition("cd mysite\n")
    before, urls, after = rest.partition("cat > mysite/urls.py")
    after = after.replace("urlpatterns = [", "urlpatterns += [", 1)
    return "\n".join([as_tutorial(), before]) + urls.replace(">", ">>") + after


SNIPPETS = r"""
PAIR=$(curl -s -d username=alice -d password=wonderland-42 {site}/api/token/)
ACCESS=$(echo "$PAIR" | sed 's/.*"access":"\([^"]*\).*/\1/')
curl -w '\n%{{http_code}}\n' -H "Authorization: Bearer $ACCESS" -d code=x {site}/snippets/
curl -w '\n%{{http_code}}\n' -d code=x {site}/snippets/
curl -w '\n%{{http_code}}\n' {site}/snippets/
"""


@needs_curl
@pytest.mark.parametrize("page", QUICK_STARTS, ids=lambda page: page.name)
def test_quick_start_works_in_a_project_with_rest_framework(tmp_path, page):
    """Nothing of that is undone: its settings stay, and its own views take the token."""
    site = f"127.0.0.1:{free_port()}"
    script, _shown = as_script(page, site)
    output = run_script(as_additions(script) + SNIPPETS.format(site=site), tmp_path)

    statuses = re.findall(r"^\d{3}$", output, re.M)
    assert statuses == [*QUICK_STARTS[page], "201", "401", "200"]
    created, paginated = output.splitlines()[-6], output.splitlines()[-2]
    assert json.loads(created)["owner"] == "alice"
    assert json.loads(paginated)["count"] == 1


def test_quick_starts_have_the_same_settings():
    """The one block that README and quick start share is changed in both."""
    settings = [
        [block.code.partition("\n")[2] for block in read_blocks(page) if "+= [app" in block.code]
        for page in QUICK_STARTS
    ]

    assert len(settings[0]) == 1
    assert settings[0] == settings[1]


@pytest.mark.parametrize("page", QUICK_STARTS, ids=lambda page: page.name)
def test_quick_start_installs_this_package(page):
    """The name to install is the one this package is published under."""
    name = re.search(r'^name = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.M)[1]

    commands = [block.code for block in read_blocks(page) if block.language == "sh"]

    assert f"python -m pip install {name}\n" in commands


@pytest.mark.parametrize("page", ["README.md", *PAGES])
def test_examples_are_what_they_say(page):
    """Every code block says its language, ends, and can at least be read as that language."""
    page = ROOT / page
    blocks = list(read_blocks(page))
    fences = re.findall(r"^ *```", page.read_text(), re.M)

    assert len(fences) == 2 * len(blocks)
    for block in blocks:
        if block.language == "python":
            ast.parse(block.code)
        # A quick start shows lines of output.
        elif block.language == "json" and page not in QUICK_STARTS:
            json.loads(block.code)


# --- settings


KINDS = {
    "Duration": timedelta,
    "Duration or `None`": timedelta | None,
    "Boolean": bool,
    "Whole number": int,
    "Whole number or `None`": int | None,
    "String": str,
    "String or `None`": str | None,
    "Dotted path or `None`": str | None,
    '`"at+jwt"` or `"JWT"`': str,
    '`"Lax"`, `"Strict"` or `"None"`': Literal["Lax", "Strict", "None"],
    "String or list of strings": tuple[str, ...],
    "String, list of strings or `None`": tuple[str, ...],
    "List of dicts": conf.Settings.__annotations__["KEYS"],
    "Dict": conf.Settings.__annotations__["CLIENTS"],
    "Dict of URLs or dicts": conf.Settings.__annotations__["ISSUERS"],
    "Dict of rates": schema.Throttles.__annotations__["RATES"],
    "Dict of durations": conf.Settings.__annotations__["RECENT_SIGN_IN"],
    "Name in `CACHES`": str,
    "Time or `None`": datetime | None,
}
# By heading, each with what it is a part of.
SETTINGS = {
    **{
        item.name: (item, conf.Settings())
        for item in fields(conf.Settings)
        if item.name not in schema.GROUPS
    },
    **{
        f'{name}["{item.name}"]': (item, group())
        for name, group in schema.GROUPS.items()
        for item in fields(group)
    },
}


def test_settings_page_lists_the_settings():
    """Each setting has its heading, and no heading stands for a setting that is gone."""
    assert sorted(SETTINGS) == sorted(headings(DOCS / "settings.md", 3))


@pytest.mark.parametrize("name", SETTINGS)
def test_settings_page_knows_type_and_default(name):
    """The line below a setting's heading gives its type and its default."""
    setting, defaults = SETTINGS[name]
    line = read_section(DOCS / "settings.md", name)[1]
    kind, default = re.fullmatch(r"(.+), default `(.+)`", line).groups()

    assert KINDS[kind] == setting.type
    value = eval(default, {"timedelta": timedelta})
    assert setting.metadata["parse"](value) == getattr(defaults, setting.name)


def test_settings_page_lists_the_claims_that_hooks_cannot_set():
    """The claims named under HOOKS["CLAIMS"] are those that it is refused."""
    text = " ".join(read_section(DOCS / "settings.md", 'HOOKS["CLAIMS"]'))
    sentence = re.search(r"The claims (.+?) cannot be set", text)[1]

    assert set(re.findall(r"`(\w+)`", sentence)) == claims.RESERVED_CLAIMS | claims.SIGN_IN_CLAIMS


# --- errors


def refusals(base):
    """Return the classes that end in an answer: ``base`` and all below it that have a reason."""
    ours = [child for child in base.__subclasses__() if child.__module__ == exceptions.__name__]
    below = {each for child in ours for each in refusals(child)}
    return below | ({base} if "reason" in vars(base) or vars(base).get("default_detail") else set())


TOKEN_ERRORS = refusals(exceptions.TokenError) - {exceptions.TokenError}
OTHER_ERRORS = refusals(exceptions.AuthError) - TOKEN_ERRORS - {exceptions.TokenError}
ARGUMENTS = {exceptions.Throttled: (7,), exceptions.CSRFFailed: ("…",)}


def answer(error):
    """Return what our endpoints answer for a class of refusals."""
    return exception_handler(error(*ARGUMENTS.get(error, ())), {})


def test_errors_page_lists_the_refusals_of_tokens():
    """Reason, code and sentence of each refusal of a token; the status is 401 for all."""
    rows = read_table(read_section(DOCS / "errors.md", "Tokens"))
    documented = [(reason.strip("`"), code.strip("`"), detail) for reason, code, detail, _ in rows]
    answers = [answer(error) for error in TOKEN_ERRORS]

    assert {401} == {each.status_code for each in answers}
    assert {'Bearer realm="api", error="invalid_token"'} == {
        each.headers["WWW-Authenticate"] for each in answers
    }
    assert sorted(
        (each.data["reason"], each.data["code"], each.data["detail"]) for each in answers
    ) == sorted(documented)


def test_errors_page_has_the_order_in_which_refusals_are_reported():
    """The two tests that show it have it from the same lists."""
    rows = read_table(read_section(DOCS / "errors.md", "Tokens"))
    shown = [*ORDER, *WRONGS]

    assert [each[0].strip("`") for each in rows if each[0].strip("`") in shown] == shown


def test_errors_page_lists_the_other_refusals():
    """Reason, status, code and sentence of everything refused for another reason than a token."""
    rows = read_table(read_section(DOCS / "errors.md", "Others"))
    documented = [
        (reason.strip("`"), int(status), code.strip("`"), detail)
        for reason, status, code, detail, _ in rows
    ]
    answers = [answer(error) for error in OTHER_ERRORS]

    assert sorted(
        (each.data["reason"], each.status_code, each.data["code"], each.data["detail"])
        for each in answers
    ) == sorted(documented)


def test_errors_page_knows_the_answer_to_a_refresh_without_a_user():
    """The sentence and the code that only refreshing has, and the reasons they are given for."""
    text = " ".join(read_section(DOCS / "errors.md", "In answer to a refresh"))
    answers = {error.reason: TokenRefreshView().reword(error()).body() for error in TOKEN_ERRORS}
    special = {
        reason: body for reason, body in answers.items() if body["code"] == "no_active_account"
    }

    for reason, body in special.items():
        assert f"`{reason}`" in text
        assert f'"{body["detail"]}"' in text
    assert len(special) == 2


# --- endpoints


URL_MODULES = sorted(
    ".".join(["django_jwtauth.urls", *path.stem.split("__init__")]).rstrip(".")
    for path in (PACKAGE / "urls").glob("*.py")
)
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
ENDPOINTS = {
    "token_obtain_pair": ("Sign in", "post", "/api/token/"),
    "token_refresh": ("Refresh", "post", "/api/token/refresh/"),
    "token_verify": ("Verify", "post", "/api/token/verify/"),
    "token_blacklist": ("Sign out", "post", "/api/token/blacklist/"),
    "jwtauth_me": ("Who am I?", "get", "/api/me/"),
    "jwtauth_session_list": ("My sign-ins", "get", "/api/sessions/"),
    "jwtauth_session_detail": ("One sign-in", "patch", "/api/sessions/{sid}/"),
}


def served(module):
    """Return what a URLconf serves, as people write it: path, name, methods."""
    urlconf = import_module(module)
    namespace = f"{urlconf.app_name}:" if hasattr(urlconf, "app_name") else ""
    for pattern in urlconf.urlpatterns:
        if isinstance(pattern, URLPattern):
            path = str(pattern.pattern).removeprefix("^").removesuffix(r"\Z")
            path = re.sub(r"\(\?P(<\w+>)[^)]*\)", r"\1", path)
            yield path, f"{namespace}{pattern.name}", frozenset(methods_of(pattern.callback))


def methods_of(view):
    """Return the methods that a view answers: of a class by name, of a function by trying."""
    if hasattr(view, "cls"):
        return {method for method in METHODS if hasattr(view.cls, method.lower())}
    return {method for method in METHODS if takes(view, method)}


def takes(view, method):
    try:
        return view(RequestFactory().generic(method, "/")).status_code != 405
    except Http404:
        return True


def test_endpoints_page_lists_the_urls():
    """Each path that our URLconfs serve is in a table once, with methods and name."""
    page = (DOCS / "endpoints.md").read_text()
    rows = re.findall(r"^\| ([A-Z, ]+|any) \| `([^`]+)` \| `([^`]+)` \|", page, re.M)
    documented = [
        (path, name, frozenset(METHODS if methods == "any" else methods.split(", ")))
        for methods, path, name in rows
    ]

    assert set(documented) == {each for module in URL_MODULES for each in served(module)}
    assert len(documented) == len(set(documented))


@pytest.mark.django_db
@pytest.mark.parametrize("name", ENDPOINTS)
def test_endpoints_page_shows_real_bodies(name):
    """Sending the body that the page shows gets an answer with the members that it shows."""
    heading, method, path = ENDPOINTS[name]
    user = get_user_model().objects.create_user("alice", password="wonderland-42")
    pair = sessions.start(user, RequestFactory().post("/"))
    client = APIClient()
    if not path.startswith("/api/token/"):
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {pair.access}")
    blocks = [block for block in read_blocks(DOCS / "endpoints.md") if block.heading == heading]
    *sent, answered = [json.loads(block.code) for block in blocks]
    body = sent[0] if sent else {}
    body.update(dict.fromkeys(body.keys() & {"refresh", "token"}, pair.refresh))
    response = getattr(client, method)(path.format(sid=pair.session_id.hex), body, format="json")

    assert response.status_code == 200
    assert shape(json.loads(response.content)) == shape(answered)


# --- Python


def test_python_page_lists_the_functions_of_sessions():
    """Each function that starts, uses or ends a sign-in is on the page, and so is its twin."""
    page = (DOCS / "python.md").read_text()
    functions = {
        name
        for name, function in vars(sessions).items()
        if callable(function)
        and getattr(function, "__module__", "") == sessions.__name__
        and not isclass(function)
        and name[0] != "_"
    }
    described = set(re.findall(r"autofunction:: django_jwtauth\.sessions\.(\w+)", page))
    [twins] = re.findall(r"asynchronous twin with the same arguments: ([^.]+)", page)

    assert functions == described | set(re.findall(r"`(\w+)`", twins))
    assert {f"a{name}" for name in described} == set(re.findall(r"`(\w+)`", twins))


@pytest.mark.django_db(transaction=True)
def test_signals_are_sent_with_what_they_document():
    """Each of our signals is documented with the arguments that its receivers get."""
    source = (PACKAGE / "signals.py").read_text()
    found = re.findall(r"#: Arguments: ((?:.+\n)+?)(\w+) = _Signal\(\)", source)
    documented = {name: set(re.findall(r"``(\w+)``", arguments)) for arguments, name in found}
    sent = {}
    with ExitStack() as stack:
        for name, signal in vars(signals).items():
            if isinstance(signal, Signal):
                stack.callback(signal.disconnect, dispatch_uid="test_docs")

                def receive(name=name, **arguments):
                    sent[name] = arguments.keys() - {"signal", "sender"}

                signal.connect(receive, weak=False, dispatch_uid="test_docs")
        user = get_user_model().objects.create_user("alice")
        first = sessions.start(user)
        user.user_permissions.add(Permission.objects.get(codename="impersonate_user"))
        customer = get_user_model().objects.create_user("bob")
        acting.start(user, customer, "why", sid=first.session_id.hex)
        sessions.refresh(first.refresh)
        LoginSession.objects.update(networks="192.0.2.1")
        sessions.refresh(first.refresh, RequestFactory().post("/"))
        sessions.blacklist(first.access)
        LoginSession.objects.update(generation=7)
        with pytest.raises(exceptions.RefreshTokenReused):
            sessions.refresh(first.refresh)
        with pytest.raises(exceptions.InvalidCredentials):
            credentials.check(RequestFactory().post("/"), "alice", "wrong")

    assert {n for n, s in vars(signals).items() if isinstance(s, Signal)} == sent.keys()
    assert documented == sent


# --- commands, checks, modules


def test_commands_page_lists_the_commands():
    """Each of our management commands has its heading, and no other has."""
    ours = {name for name, app in get_commands().items() if app == "django_jwtauth"}

    assert ours == set(headings(DOCS / "commands.md", 2))


def test_checks_page_lists_the_checks():
    """Each check id in the code is in a table of the page, and no other is."""
    code = "".join(
        path.read_text() for path in PACKAGE.rglob("*.py") if "checks" in path.as_posix()
    )
    page = DOCS / "checks.md"
    documented = (
        re.findall(r"^\| `(jwtauth\.\w\d+)`", page.read_text(), re.M) if page.exists() else []
    )

    assert set(re.findall(r"jwtauth\.[EW]\d{3}", code)) == set(documented)
    assert len(documented) == len(set(documented))


def test_structure_page_lists_the_files():
    """The structure page has a line for each file that is not empty; for three folders, one."""
    named = {*re.findall(r"`(?!tests/)([\w/]+\.py|\w+/)`", (DOCS / "structure.md").read_text())}
    whole = [name for name in ("contrib/", "management/", "urls/") if name in named]
    files = {
        path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py") if path.read_text()
    }
    alone = {name for name in files if not name.startswith(("migrations/", *whole))}

    assert alone - named == {"admin/__init__.py"}
    assert {name for name in named if name.endswith(".py")} <= files


# --- security


CITED = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")
ANSWERS = {"met", "partly", "not met", "project", "absent"}
# All requirements of chapters 6, 7, 9 and 10, and the sections of the RFCs that have some.
STANDARDS = {
    "ASVS 5.0": "6.1.1 to 6.1.3, 6.2.1 to 6.2.12, 6.3.1 to 6.3.8, 6.4.1 to 6.4.6, 6.5.1 to 6.5.8, "
    "6.6.1 to 6.6.4, 6.7.1 to 6.7.2, 6.8.1 to 6.8.4, 7.1.1 to 7.1.3, 7.2.1 to 7.2.4, "
    "7.3.1 to 7.3.2, 7.4.1 to 7.4.5, 7.5.1 to 7.5.3, 7.6.1 to 7.6.2, 9.1.1 to 9.1.3, "
    "9.2.1 to 9.2.4, 10.1.1 to 10.1.2, 10.2.1 to 10.2.3, 10.3.1 to 10.3.5, 10.4.1 to 10.4.16, "
    "10.5.1 to 10.5.5, 10.6.1 to 10.6.2, 10.7.1 to 10.7.3",
    "RFC 8725": "3.1 to 3.12",
    "RFC 9700": "2.1, 2.2.1 to 2.2.2, 2.3 to 2.6, 4.1 to 4.9, 4.10.1 to 4.10.2, 4.11 to 4.17",
    "RFC 9068": "2.1, 2.2, 2.2.1 to 2.2.3, 3, 4, 5, 6",
}


def spread(ids):
    """Return the ids of a cell one by one: ``1.2, 1.4 to 1.6`` has four."""
    for part in ids.split(", "):
        first, _, last = part.partition(" to ")
        section, dot, number = first.rpartition(".")
        end = (last or first).rpartition(".")[2]
        for each in range(int(number), int(end) + 1):
            yield f"{section}{dot}{each}"


@pytest.mark.parametrize("page", PAGES)
def test_tests_that_a_page_names_exist(page):
    """Whoever looks for the proof finds the file and, in it, the function."""
    for file, name in CITED.findall((ROOT / page).read_text()):
        functions = ast.walk(ast.parse((ROOT / file).read_text()))
        names = {getattr(each, "name", None) for each in functions}
        assert not name or name in names, f"{page}: {file}::{name}"


@pytest.mark.parametrize("standard", STANDARDS)
def test_security_page_answers_each_requirement(standard):
    """Each has one answer, and one that says *met* or *partly* names the test that shows it."""
    rows = read_table(read_section(DOCS / "security.md", standard))

    answered = [each for ids, *_ in rows for each in spread(ids)]
    assert sorted(answered) == sorted(spread(STANDARDS[standard]))
    for ids, answer, _how, tests in rows:
        named = [name for _file, name in CITED.findall(tests) if name]
        assert answer in ANSWERS, ids
        assert named or answer not in ("met", "partly"), f"{ids} names no test."


def test_security_page_names_a_test_for_each_promise():
    """A file of tests, or what to run."""
    for promise, *_, test in read_table(read_section(DOCS / "security.md", "Promises")):
        assert CITED.search(test) or "python -m" in test, promise
