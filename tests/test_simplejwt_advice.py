"""``jwtauth_doctor --from-simplejwt``: what it tells of a project's settings and code."""

import importlib
import inspect
import re
import sys
from datetime import datetime, timedelta, timezone
from importlib.util import find_spec
from io import StringIO

import pytest
from django.core.management import call_command
from django.test import override_settings
from django.urls import include, path
from django.views import View
from rest_framework.views import APIView

from django_jwtauth import conf
from django_jwtauth.contrib.simplejwt.move import advice, configuration, project
from django_jwtauth.contrib.simplejwt.move.advice import MOVED, NO_EQUIVALENT, SAME, advise, render
from django_jwtauth.tokens import keyrings
from django_jwtauth.tokens.keymaterial import CRYPTOGRAPHY
from tests.legacy import OWN_KEY, pem
from tests.simplejwt_project import process

NOW = datetime(2026, 11, 24, 15, tzinfo=timezone.utc)


def run():
    out = StringIO()
    call_command("jwtauth_doctor", "--from-simplejwt", stdout=out, no_color=True)
    return out.getvalue()


def read_lines(printed, simple_jwt):
    """Return JWTAUTH as it would be after pasting the lines that were printed."""
    pasted = printed.split("# Settings")[1].split("Keep SIMPLE_JWT")[0]
    names = {"SIMPLE_JWT": simple_jwt}
    exec(pasted, names)
    return names["JWTAUTH"]


# --- the mapping


def test_every_setting_of_simplejwt_has_its_place():
    """Each of the 34 has an equivalent, went into another, or is listed with the reason."""
    process.require_simplejwt()
    from rest_framework_simplejwt.settings import DEFAULTS

    assert len(DEFAULTS) == 34
    assert sorted([*SAME, *MOVED, *NO_EQUIVALENT]) == sorted(DEFAULTS)
    assert set(SAME) | set(MOVED.values()) <= set(advice._OURS)
    assert all(NO_EQUIVALENT.values())


def test_the_defaults_of_simplejwt_are_known(settings):
    """What simplejwt does with a setting that is not set is what we take it for."""
    process.require_simplejwt()
    from rest_framework_simplejwt.settings import DEFAULTS

    settings.SIMPLE_JWT = {}
    assert {name: configuration.get(name) for name in DEFAULTS} == {
        **DEFAULTS,
        "SIGNING_KEY": settings.SECRET_KEY,
    }
    del settings.SIMPLE_JWT
    assert configuration.get("ALGORITHM") == "HS256"
    settings.SIMPLE_JWT = None
    assert configuration.get("ALGORITHM") == "HS256"


DEFAULT_LINES = {
    "REFRESH_TOKEN_LIFETIME": timedelta(days=1),
    "ROTATE_REFRESH_TOKENS": False,
    "USER_ID_CLAIM": "user_id",
    "UPDATE_LAST_LOGIN": False,
    "LEGACY": {"DECODER": "django_jwtauth.contrib.simplejwt.decode"},
}


def test_a_project_that_set_nothing(settings):
    """simplejwt's defaults differ from ours, so a project without settings has lines, too."""
    settings.SIMPLE_JWT = {}
    lines = read_lines(run(), {})

    until = lines["LEGACY"].pop("UNTIL")
    assert lines == DEFAULT_LINES
    until = datetime.fromisoformat(until.replace("Z", "+00:00"))
    assert timedelta(days=1) < until - datetime.now(timezone.utc) <= timedelta(days=2)


EQUIVALENTS = {
    "lifetimes": (
        {
            "ACCESS_TOKEN_LIFETIME": timedelta(minutes=90),
            "REFRESH_TOKEN_LIFETIME": timedelta(days=90),
        },
        {
            "ACCESS_TOKEN_LIFETIME": timedelta(minutes=90),
            "REFRESH_TOKEN_LIFETIME": timedelta(days=90),
            "SESSION_LIFETIME": timedelta(days=90),
        },
    ),
    "as ours": (
        {
            "REFRESH_TOKEN_LIFETIME": timedelta(days=7),
            "ROTATE_REFRESH_TOKENS": True,
            "UPDATE_LAST_LOGIN": True,
            "USER_ID_CLAIM": "sub",
        },
        {name: None for name in DEFAULT_LINES if name != "LEGACY"},
    ),
    "parties": (
        {"ISSUER": 'a"b\\', "AUDIENCE": ["a", "b"], "AUTH_HEADER_TYPES": ("JWT",)},
        {"ISSUER": 'a"b\\', "AUDIENCE": ["a", "b"], "AUTH_HEADER_TYPES": ["JWT"]},
    ),
    "leeway": ({"LEEWAY": 10}, {"LEEWAY": timedelta(seconds=10)}),
    "leeway too long": ({"LEEWAY": timedelta(hours=1)}, {"LEEWAY": None}),
    "claim": ({"USER_ID_CLAIM": "uid"}, {"USER_ID_CLAIM": "uid"}),
    "another field": ({"USER_ID_FIELD": "email"}, {"USER_ID_CLAIM": None}),
    "the key by another name": ({"USER_ID_FIELD": "pk"}, {"USER_ID_CLAIM": "user_id"}),
    "own secret": (
        {"SIGNING_KEY": OWN_KEY, "ALGORITHM": "HS512"},
        {"KEYS": [{"algorithm": "HS512", "secret": OWN_KEY}]},
    ),
    "short secret": ({"SIGNING_KEY": "short"}, {"KEYS": None}),
    "remote keys": (
        {"ALGORITHM": "ES256", "JWK_URL": "https://a.example/jwks", "ISSUER": "https://a.example"},
        {"ISSUERS": {"https://a.example": "https://a.example/jwks"}, "ISSUER": "https://a.example"},
    ),
}


@pytest.mark.parametrize("name", EQUIVALENTS)
def test_lines_can_be_pasted(settings, name):
    """The lines are Python, the settings are sound, and mean what SIMPLE_JWT meant."""
    settings.SIMPLE_JWT, changed = EQUIVALENTS[name]
    lines = read_lines(run(), settings.SIMPLE_JWT)
    with override_settings(JWTAUTH=lines):
        assert conf.find_problems() == []
        assert keyrings.find_problems() == []
    del lines["LEGACY"]["UNTIL"]
    expected = {**DEFAULT_LINES, **changed}
    assert lines == {name: value for name, value in expected.items() if value is not None}


@pytest.mark.skipif(not CRYPTOGRAPHY, reason="needs cryptography")
@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_key_pairs_are_taken_over(settings, algorithm):
    """The private key stays where it is; the lines refer to it."""
    settings.SIMPLE_JWT = pem(algorithm)
    lines = read_lines(run(), settings.SIMPLE_JWT)

    private = settings.SIMPLE_JWT["SIGNING_KEY"]
    assert lines["KEYS"] == [{"algorithm": algorithm, "private_key": private}]
    with override_settings(JWTAUTH=lines):
        assert keyrings.get_access_ring().signer().algorithm == algorithm


SECRETS = [
    {"SIGNING_KEY": "s3cret-which-is-long-enough-to-be-taken-over"},
    {"SIGNING_KEY": "s3cret"},
    {"SIGNING_KEY": ["s3cret"]},
    {"ALGORITHM": "RS256", "SIGNING_KEY": "s3cret", "VERIFYING_KEY": "s3cret"},
    {"ALGORITHM": "s3cret", "SIGNING_KEY": "s3cret"},
]


@pytest.mark.parametrize("simple_jwt", SECRETS, ids=range(len(SECRETS)))
def test_no_secret_is_shown(settings, simple_jwt):
    """Neither a key that fits nor one that does not."""
    settings.SIMPLE_JWT = simple_jwt
    printed = run()

    assert "s3cret" not in printed.replace('"algorithm": "s3cret"', "")
    assert settings.SECRET_KEY not in printed
    assert "PRIVATE" not in printed


def test_remarks(settings):
    """What has no equivalent is named with the reason, and so is what never had an effect."""
    settings.SIMPLE_JWT = {
        **dict.fromkeys(NO_EQUIVALENT, None),
        "AUTH_TOKEN_CLASSES": ("shop.tokens.Token",),
        "SLIDING_TOKEN_REFRESH_LIFETIME": timedelta(days=30),
        "USER_ID_FIELD": "email",
        "LEEWAY ": 10,
    }
    printed = run()

    for name, reason in NO_EQUIVALENT.items():
        assert f"- {name}: {reason}." in printed
    assert "- LEEWAY : simplejwt has no such setting: it never had an effect." in printed
    assert 'let HOOKS["CLAIMS"] return {"user_id": str(user.email)}.' in printed
    assert ".." not in printed


def test_default_values_need_no_remark(settings):
    """A setting that the project did not set is not talked about."""
    settings.SIMPLE_JWT = {"REFRESH_TOKEN_LIFETIME": timedelta(days=2)}

    assert set(advise().remarks) == {"KEYS", "ROTATE_REFRESH_TOKENS"}


@pytest.mark.parametrize(
    "simple_jwt, until",
    [
        ({}, "2026-11-26"),
        ({"REFRESH_TOKEN_LIFETIME": timedelta(days=90)}, "2027-02-23"),
        ({"ACCESS_TOKEN_LIFETIME": timedelta(days=7)}, "2026-12-02"),
        ({"SLIDING_TOKEN_REFRESH_LIFETIME": timedelta(days=30)}, "2026-11-26"),
        (
            {
                "SLIDING_TOKEN_REFRESH_LIFETIME": timedelta(days=30),
                "AUTH_TOKEN_CLASSES": ["rest_framework_simplejwt.tokens.SlidingToken"],
            },
            "2026-12-25",
        ),
        ({"REFRESH_TOKEN_LIFETIME": timedelta(days=36500000)}, "2036-11-22"),
    ],
    ids=["default", "refresh", "access", "no-sliding", "sliding", "for-ever"],
)
def test_until_outlives_every_token(settings, simple_jwt, until):
    """The midnight after the last token of simplejwt's; ten years are for ever."""
    settings.SIMPLE_JWT = simple_jwt

    assert f'"UNTIL": "{until}T00:00:00Z",' in advise(NOW).lines["LEGACY"]


@pytest.mark.parametrize(
    "value, source",
    [
        (timedelta(days=2), "timedelta(days=2)"),
        (timedelta(hours=36), "timedelta(hours=36)"),
        (timedelta(minutes=90), "timedelta(minutes=90)"),
        (timedelta(seconds=90), "timedelta(seconds=90)"),
        (timedelta(milliseconds=1500), "timedelta(seconds=1.5)"),
        (timedelta(0), "timedelta(seconds=0)"),
        (["a", ("b",)], '["a", ["b"]]'),
        (True, "True"),
    ],
)
def test_values_as_people_write_them(value, source):
    """Durations in the largest unit that fits."""
    assert render(value) == source


# --- imports, settings, URLs


MODULES = ["authentication", "exceptions", "serializers", "tokens", "views"]


def test_everything_that_projects_import_has_an_answer():
    """Each public name of simplejwt's modules is replaced, or it is said what to do."""
    process.require_simplejwt()
    for module_name in MODULES:
        module = importlib.import_module(f"rest_framework_simplejwt.{module_name}")
        for name, value in vars(module).items():
            theirs = getattr(value, "__module__", "") == module.__name__
            if name[0] != "_" and (inspect.isclass(value) or callable(value)) and theirs:
                answer = project.instead_of(f"{module.__name__}.{name}")
                assert project._UNKNOWN not in answer, name


@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("TokenObtainPairView", "django_jwtauth.contrib.simplejwt.views.TokenObtainPairView"),
        ("TokenRefreshView", "django_jwtauth.views.TokenRefreshView"),
        ("TokenVerifyView", "django_jwtauth.views.TokenVerifyView"),
        ("TokenBlacklistView", "django_jwtauth.views.TokenBlacklistView"),
    ],
)
def test_a_view_with_a_serializer_of_the_settings(settings, name, instead):
    """Its setting is not read here, so the plain view would do without what that one adds."""
    theirs = f"views.{name}"
    setting = project.SERIALIZERS[theirs]
    settings.SIMPLE_JWT = {setting: "shop.serializers.SignIn"}

    assert project.instead_of(theirs) == f"-> a subclass of {instead}, see {setting}"
    assert setting in advise().remarks


@pytest.mark.parametrize("name", project.REPLACED)
def test_replacements_exist(name):
    """What is told to be imported can be."""
    target = project.REPLACED[name]
    module, _, attribute = target.rpartition(".")

    assert (
        find_spec(target)
        if "." not in name
        else hasattr(importlib.import_module(module), attribute)
    )


SHOP = {
    "views.py": """
from rest_framework_simplejwt import views as jwt
from rest_framework_simplejwt.tokens import RefreshToken, SlidingToken
import rest_framework_simplejwt.utils
from rest_framework_simplejwt.token_blacklist.models import *
from .rest_framework_simplejwt import nothing
import rest_framework_simplejwt_more
""",
    "nested/api.py": "def f():\n    from rest_framework_simplejwt.serializers import (\n"
    "        TokenObtainPairSerializer,\n    )\n",
    "broken.py": "from rest_framework_simplejwt import (",
    "node_modules/x.py": "import rest_framework_simplejwt",
}


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """An app of the project, whose code says nothing that can be imported."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    for name, text in {"__init__.py": "", **SHOP}.items():
        file = tmp_path / "shop_of_the_doctor" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    with override_settings(
        INSTALLED_APPS=["rest_framework", "django_jwtauth", "shop_of_the_doctor"],
        ROOT_URLCONF="shop_of_the_doctor.urls",
    ):
        yield tmp_path
    sys.modules.pop("shop_of_the_doctor", None)


def test_imports_of_the_project(shop, settings):
    """Each import with its line, and what to write; files that are no Python are left out."""
    settings.ROOT_URLCONF = f"{__name__}"
    found = [line for line in project.describe() if "shop_of_the_doctor" in line]
    lines = list(project.describe())
    told = {line: lines[lines.index(line) + 1].strip() for line in found}

    folder = "shop_of_the_doctor"
    serializer = "rest_framework_simplejwt.serializers.TokenObtainPairSerializer"
    assert told == {
        f"{folder}/nested/api.py:2: {serializer}": (
            "-> django_jwtauth.contrib.simplejwt.serializers.TokenObtainPairSerializer "
            "(its view: django_jwtauth.contrib.simplejwt.views.TokenObtainPairView)"
        ),
        f"{folder}/views.py:2: rest_framework_simplejwt.views": "-> django_jwtauth.views",
        f"{folder}/views.py:3: rest_framework_simplejwt.tokens.RefreshToken": (
            "-> django_jwtauth.contrib.simplejwt.tokens.RefreshToken"
        ),
        f"{folder}/views.py:3: rest_framework_simplejwt.tokens.SlidingToken": (
            f"-- {project._SLIDING}"
        ),
        f"{folder}/views.py:4: rest_framework_simplejwt.utils": f"-- {project._UNKNOWN}",
        f"{folder}/views.py:5: rest_framework_simplejwt.token_blacklist.models": (
            "-> django_jwtauth.models"
        ),
    }


def test_a_urlconf_that_cannot_be_imported(shop):
    """simplejwt may have been uninstalled already: the rest is told all the same."""
    told = list(project.describe())

    assert any("views.py:3" in line for line in told)
    assert told[-1].startswith("The URLs cannot be looked at: ")


class TheirView(APIView):
    pass


class TheirAuthentication:
    pass


for each, where in ((TheirView, "views"), (TheirAuthentication, "authentication")):
    each.__module__ = f"rest_framework_simplejwt.{where}"
TheirView.__qualname__ = "TokenObtainPairView"
TheirAuthentication.__qualname__ = "JWTAuthentication"


class OwnSignIn(TheirView):
    pass


class Orders(APIView):
    authentication_classes = [TheirAuthentication]


class Invoices(Orders):
    pass


class Plain(View):
    pass


urlpatterns = [
    path("token/", TheirView.as_view()),
    path("nested/", include([path("token/", OwnSignIn.as_view())])),
    path("orders/", Orders.as_view()),
    path("invoices/", Invoices.as_view()),
    path("public/", APIView.as_view()),
    path("plain/", Plain.as_view()),
    path("function/", lambda request: None),
    path("api/", include("django_jwtauth.urls")),
]


@pytest.mark.urls(__name__)
def test_urls_and_settings_of_the_project(settings, tmp_path, monkeypatch):
    """Views of simplejwt's, views that name its authentication class, and the settings."""
    monkeypatch.setattr(project, "_find_files", set)
    # Without the signal: these apps and classes are not there.
    monkeypatch.setattr(
        project,
        "settings",
        type(
            "Settings",
            (),
            {
                "INSTALLED_APPS": [
                    "rest_framework_simplejwt",
                    "rest_framework_simplejwt.token_blacklist",
                    "shop",
                ],
                "REST_FRAMEWORK": {
                    "DEFAULT_AUTHENTICATION_CLASSES": (
                        "rest_framework.authentication.SessionAuthentication",
                        "rest_framework_simplejwt.authentication.JWTAuthentication",
                    ),
                    "PAGE_SIZE": 10,
                },
            },
        ),
    )
    told = list(project.describe())

    view = "rest_framework_simplejwt.views.TokenObtainPairView"
    authentication = "rest_framework_simplejwt.authentication.JWTAuthentication"
    instead = "    -> django_jwtauth.authentication.JWTAuthentication"
    assert told == [
        "INSTALLED_APPS: rest_framework_simplejwt",
        "    -- remove it once nothing imports it",
        "INSTALLED_APPS: rest_framework_simplejwt.token_blacklist",
        "    -- remove it after jwtauth_import_simplejwt, once you will not go back",
        f"REST_FRAMEWORK['DEFAULT_AUTHENTICATION_CLASSES']: {authentication}",
        instead,
        f"/token/: {view}",
        "    -> django_jwtauth.views.TokenObtainPairView",
        f"/nested/token/: {view}",
        "    -> django_jwtauth.views.TokenObtainPairView",
        f"/orders/: {authentication}",
        instead,
        f"/invoices/: {authentication}",
        instead,
    ]


@pytest.mark.urls("tests.urls")
def test_a_project_that_has_moved(settings, monkeypatch):
    """Nothing is left to do; and nothing else is checked, nor anybody signed in."""
    monkeypatch.setattr(project, "_find_files", set)

    assert run().endswith("# Imports, settings and URLs\n\nNothing of simplejwt is left.\n")


def test_a_real_project():
    """The project of the tests: its settings, imports and URLs are all found."""
    process.require_simplejwt()
    done = process.manage("jwtauth_doctor", "--from-simplejwt")

    assert '"UPDATE_LAST_LOGIN": False' in done
    assert "REST_FRAMEWORK['DEFAULT_AUTHENTICATION_CLASSES']: rest_framework_simplejwt" in done
    assert re.search(r"tests/simplejwt_project/urls\.py:\d+: rest_framework_simplejwt\.views", done)
    assert "/api/token/blacklist/: rest_framework_simplejwt.views.TokenBlacklistView" in done
    assert "-> django_jwtauth.views.TokenBlacklistView" in done
