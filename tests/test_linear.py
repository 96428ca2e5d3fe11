"""What is done with foreign text costs no more than in proportion to its length."""

import ast
import importlib
import io
import json
import re
import time
from base64 import urlsafe_b64encode
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlencode

import pytest
from django.test import RequestFactory
from rest_framework.exceptions import APIException

import django_jwtauth
from django_jwtauth import claims, scopes
from django_jwtauth.admin import export
from django_jwtauth.exceptions import AuthError
from django_jwtauth.http import device, transport
from django_jwtauth.operations import finding
from django_jwtauth.serializers import TokenObtainPairSerializer, TokenVerifySerializer
from django_jwtauth.tokens import jws, remote_keys
from django_jwtauth.views import oauth, oauth_clients, parsers

PACKAGE = Path(django_jwtauth.__file__).parent
SHORT, TIMES = 8192, 8
# What is linear takes 8 times as long, what is quadratic 64 times.
MOST = 24
# Below this, clocks and caches are what is measured.
NOISE = 0.03


def measure(work, text):
    best = float("inf")
    for _ in range(5):
        began = time.process_time()
        work(text)
        best = min(best, time.process_time() - began)
        if best > 1:
            break
    return best


def assert_linear(work, make, attempts=3):
    """``make(length)`` gives the text; ``work`` is what is done with it."""
    short = measure(work, make(SHORT))
    long = measure(work, make(SHORT * TIMES))
    if long < max(short, NOISE / TIMES) * MOST:
        return
    # A busy machine is slow now and then, what is quadratic always.
    assert attempts > 1, f"{short:.6f} s, then {long:.6f} s"
    assert_linear(work, make, attempts - 1)


# --- every pattern

# How each is applied: the name of the method, and what it might choke on besides the usual.
PATTERNS = {
    "admin.cells.address": ("finditer", [":", "a:"]),
    "conf.values._DOMAIN": ("fullmatch", ["a.", "a-", "-a"]),
    "conf.values._HIDDEN_HEADER": ("search", ["X-", "a-", "token"]),
    "http.user_agents._BROWSERS": ("search", ["Edg/", "Version/1", "Version/1.", "Mobile/"]),
    "http.user_agents._SYSTEMS": ("search", ["(i", "Cr"]),
    "http.user_agents._CLIENT": ("match", ["a/", "a-", "Mozilla/"]),
    "admin.export._FORMULA": ("sub", [";", ";=", "=;", " =", '"', " ;", "\ufeff"]),
    "contrib.notices.devices._family": ("sub", ["1.", "1 "]),
    "http.device._WITH_PORT": ("fullmatch", ["1.", "[", "::", ":1"]),
    "tokens.jws._FORM": ("fullmatch", ["a.", "aaa."]),
    "store.compiled._PLACEHOLDER": ("sub", ["%", "%%s"]),
    "store.identity._UNSTORABLE": ("search", ["\ud7ff"]),
    "operations.finding._BETWEEN_WORDS": ("split", [" =", "a;", "{}"]),
    "operations.finding._SCHEME": ("sub", ["authorization:", "Bearer ", "eyJ "]),
    "operations.finding._TOKEN": (
        "finditer",
        ["eyJ", "eyJ.", "eyJ.a", "eyJa.a.", "eyJ eyJ.", "a.", "a.a"],
    ),
    "operations.periods._PERIOD": (
        "finditer",
        [
            "14:00 ",
            "14:00:",
            "2026-11-20",
            "2026-11-20 1:00",
            "from ",
            "last 9",
            "1h",
            "1",
            "since now ",
        ],
    ),
    "operations.searching._UNPRINTABLE": ("sub", ["\ud7ff"]),
    "operations.searching.PREFIXED": ("sub", ["user:", 'ip:"', " ip:", "user:a "]),
    "operations.searching._WHOLE_AGENT": ("sub", ["Mozilla/5", " Mozilla/"]),
    "operations.searching._AGENT": ("fullmatch", ["a/1", "a/", "-", "firefox"]),
    "operations.searching._BETWEEN": ("split", ["=;", "{}"]),
    "operations.periods._MOMENT": ("fullmatch", ["1", "14:00", "2026-11-20 ", "+01"]),
    "tokens.keymaterial._KEY_TEXT": ("search", ["-", "----", "-----BEGIN", "ssh-"]),
    "conf.durations.parse": ("fullmatch", ["1s"]),
    "store.database._NOT_IN_SQLITE": ("match", ["table ", "no such ", "table x", " has no column"]),
    "management.logins._LOGIN": ("search", ["login", "/log-", "-", "sign_"]),
    "management.logins._PLAIN_PATH": ("fullmatch", ["a/", "<"]),
    "tokens.remote_keys._max_age": ("search", ["max-age=", "max-age=1", " max-age"]),
    "scopes._SCOPE": ("fullmatch", ["!"]),
    "conf.values._DOTTED_PATH": ("fullmatch", ["a.", "a_.1"]),
    "conf.values._HTTP_TOKEN": ("fullmatch", ["!"]),
    "conf.values._RATE": ("fullmatch", ["1/", "1/s"]),
    "claims._NOT_IN_A_LINE": ("search", ["\ud7ff"]),
    "claims._JTI": ("finditer", ["0" * 32 + ".", "0" * 32 + ":1"]),
    "claims._SID": ("fullmatch", ["0" * 32]),
    "claims._SID_IN_TEXT": ("finditer", ["0" * 31, "0000-", "0" * 33]),
}

USUAL = ["a", "0", "f", ".", "-", "_", " ", "\n", "\0", "é", "a.", "0-", "0:", "a ", "=", "%s", '"']


def _value(module, name, node):
    """The pattern; one that is put together has a name, and is what the module made of it."""
    if isinstance(node, ast.Constant):
        return node.value
    return getattr(importlib.import_module(f"django_jwtauth.{module}"), name).pattern


def find_patterns():
    """Yield name, pattern and flags of every regular expression in the package."""
    for path in sorted(PACKAGE.rglob("*.py")):
        module = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
        tree = ast.parse(path.read_text())
        for node in tree.body:
            name = getattr(node, "name", None)
            if isinstance(node, ast.Assign):
                name = node.targets[0].id if isinstance(node.targets[0], ast.Name) else None
            for call in ast.walk(node):
                if (
                    isinstance(call, ast.Call)
                    and isinstance(call.func, ast.Attribute)
                    and isinstance(call.func.value, ast.Name)
                    and call.func.value.id == "re"
                ):
                    pattern = _value(module, name, call.args[0])
                    ignoring_case = "IGNORECASE" in ast.unparse(call)
                    yield f"{module}.{name}", pattern, re.IGNORECASE if ignoring_case else 0


FOUND = list(find_patterns())


def test_every_pattern_is_in_the_table():
    """A new one needs a line, with how it is applied and what it might choke on."""
    assert {name for name, _, _ in FOUND} == PATTERNS.keys()
    for module in {name.rpartition(".")[0] for name in PATTERNS}:
        for name, value in vars(importlib.import_module(f"django_jwtauth.{module}")).items():
            if isinstance(value, re.Pattern):
                assert f"{module}.{name}" in PATTERNS


@pytest.mark.parametrize(
    ("name", "pattern", "flags"),
    FOUND,
    ids=[f"{name}-{at}" for at, (name, _, _) in enumerate(FOUND)],
)
def test_every_pattern_is_linear(name, pattern, flags):
    """Whatever is repeated in the text, and wherever it comes to an end."""
    method, own = PATTERNS[name]
    compiled = re.compile(pattern, flags)

    def apply(text):
        text = text.encode("utf-8", "replace") if isinstance(pattern, bytes) else text
        if method == "finditer":
            return list(compiled.finditer(text))
        return compiled.sub(" ", text) if method == "sub" else getattr(compiled, method)(text)

    for unit in [*USUAL, *own]:
        for first, last in (("", ""), (" ", "!"), ("eyJ", " "), ("a.", "\n")):
            assert_linear(
                apply, lambda length, u=unit, a=first, z=last: a + u * (length // len(u)) + z
            )


# --- every loop


def repeat(unit, *, before="", after=""):
    return lambda length: before + unit * (length // len(unit)) + after


def request_with(**meta):
    return RequestFactory().get("/", **meta)


def parse_form(text):
    with suppress(APIException):
        parsers.FormParser().parse(io.BytesIO(text.encode()))


def parse_json(text):
    with suppress(APIException):
        parsers.JSONParser().parse(io.BytesIO(text.encode()))


def refused(function, *errors):
    def work(text):
        with suppress(AuthError, *errors):
            function(text)

    return work


def unsigned(claim):
    """Return a maker of tokens that nobody signed."""
    return lambda length: "e30." + urlsafe_b64encode(claim(length).encode()).decode().rstrip("=")


LOOPS = {
    "spans of eyJ": (finding._TOKEN.findall, repeat("eyJ")),
    "a sign-in's id": (claims.parse_sid, repeat("0000-")),
    "a jti": (claims.parse_jti, repeat("0" * 32 + ":")),
    "a token's form": (refused(jws.split), repeat("a.")),
    "a token's segments": (refused(jws.split), repeat("aaaa", before="a.", after=".a")),
    "unproven claims": (
        finding._read_unproven,
        unsigned(lambda length: "[" * length),
    ),
    "an object": (
        refused(lambda text: jws.read_object(text.encode())),
        lambda length: json.dumps({str(number): number for number in range(length // 16)}),
    ),
    "scopes": (refused(scopes.parse), lambda length: " ".join(map(str, range(length // 6)))),
    "scopes in a claim": (lambda text: scopes.of({"scope": text}), repeat("a ")),
    "scopes of a query": (
        refused(lambda text: oauth._needed(request_with(QUERY_STRING=text)), ValueError),
        repeat("scope=a&"),
    ),
    "words of Authorization": (
        refused(lambda text: transport.get_header_token(request_with(HTTP_AUTHORIZATION=text))),
        repeat(" a", before="Bearer"),
    ),
    "Basic": (
        refused(
            lambda text: oauth_clients._basic(request_with(HTTP_AUTHORIZATION=text)),
            oauth_clients.InvalidClient,
        ),
        repeat("JTQx", before="Basic "),
    ),
    "X-Forwarded-For": (
        lambda text: device.get_ip_address(request_with(HTTP_X_FORWARDED_FOR=text)),
        repeat("1.2.3.4,"),
    ),
    "User-Agent": (
        lambda text: device.get_user_agent(request_with(HTTP_USER_AGENT=text)),
        repeat("\x01"),
    ),
    "a form's names": (
        parse_form,
        lambda length: urlencode({f"n{number}": 1 for number in range(length // 8)}),
    ),
    "a form's values": (parse_form, repeat("a=1&")),
    "nested JSON": (parse_json, repeat("[")),
    "broken JSON": (parse_json, repeat("\n", before='{"a":', after="x")),
    "JSON numbers": (parse_json, repeat("9", before="[", after="]")),
    "a cell": (export.cell, repeat(";=")),
    "a cell of spaces": (export.cell, repeat(" ", after="=")),
    "a cell's lines": (export.cell, repeat("\n")),
    "Cache-Control": (remote_keys._max_age, repeat("max-age=")),
}


@pytest.mark.parametrize(("work", "make"), LOOPS.values(), ids=LOOPS)
def test_every_loop_over_foreign_text_is_linear(settings, work, make):
    """From what a stranger sends, or what an operator pastes."""
    settings.REST_FRAMEWORK = {"NUM_PROXIES": 1}
    assert_linear(work, make)


@pytest.mark.parametrize(
    "unit", ["eyJ", "eyJ.", "eyJ.a", "eyJ.a.", "a.eyJ.", "0" * 32 + ":1 ", "0000-", "=", " "]
)
def test_finding_is_linear(db, unit):
    """What an attacker wrote into a message that an operator pastes, up to the limit."""
    short = measure(finding.find, unit * (finding.MAX_LENGTH // 8 // len(unit)))
    long = measure(finding.find, unit * (finding.MAX_LENGTH // len(unit)))

    assert long < max(short, 0.05) * MOST


@pytest.mark.parametrize("field", ["username", "password", "scope", "token"])
def test_a_field_that_is_too_long_is_refused_before_it_is_read(db, field, monkeypatch):
    """DRF strips it and looks at every character before it asks how long it is."""
    looked = []
    monkeypatch.setattr(
        "rest_framework.fields.ProhibitSurrogateCharactersValidator.__call__",
        lambda self, value: looked.append(len(value)),
    )
    kind = TokenVerifySerializer if field == "token" else TokenObtainPairSerializer
    data = {"username": "a", "password": "b", "token": "c", field: "x" * 1_000_000}

    assert kind(data=data).is_valid() is (field == "token")
    assert all(length < 10_000 for length in looked)
