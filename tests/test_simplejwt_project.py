"""What of simplejwt a project names in its settings, imports and URLs, and what to write there."""

import importlib
import inspect
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from django.test import override_settings
from django.urls import include, path
from django.views import View
from rest_framework.views import APIView

from django_jwtauth.authentication import JWTAuthentication
from django_jwtauth.contrib.simplejwt.move import project, source
from django_jwtauth.contrib.simplejwt.move.advice import advise
from tests.simplejwt_project import process

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
    "nested/api.py": """
def f():
    from rest_framework_simplejwt.serializers import (
        TokenObtainPairSerializer,
    )
class SignIn(TokenObtainPairSerializer):
    lifetime = settings.SIMPLE_JWT["ACCESS_TOKEN_LIFETIME"]
""",
    "tests/test_views.py": "mock.patch('rest_framework_simplejwt.tokens.RefreshToken.for_user')",
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
    """Each import and each path in a text with its line, and what to write; tests, too."""
    settings.ROOT_URLCONF = f"{__name__}"
    told = {
        f"{finding.place}: {finding.name}": finding.advice
        for finding in project.describe()
        if "shop_of_the_doctor" in finding.place
    }

    folder = "shop_of_the_doctor"
    serializer = "rest_framework_simplejwt.serializers.TokenObtainPairSerializer"
    assert told == {
        f"{folder}/nested/api.py:3: {serializer}": (
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
        f"{folder}/tests/test_views.py:1: rest_framework_simplejwt.tokens.RefreshToken.for_user": (
            "-> django_jwtauth.contrib.simplejwt.tokens.RefreshToken"
        ),
    }


def test_what_means_something_else_here(shop):
    """Readers of SIMPLE_JWT keep it, and each idiom that is known has a remark."""
    told = {finding.name: finding.advice for finding in project.describe_idioms()}

    assert told["settings.SIMPLE_JWT"].startswith("-- keep SIMPLE_JWT")
    for kind, name in project.REMARKS:
        place = source.Place(Path("x.py"), 1, kind, name)
        assert project._find_remark(place)


def test_more_files_than_are_read(shop, monkeypatch):
    """What was left out is said: silence would mean that there is nothing."""
    monkeypatch.setattr(source, "_MAX_FILES", 1)
    told = [finding for finding in project.describe() if finding.place == "The source"]

    assert [(finding.name, finding.advice) for finding in told] == [
        ("1 files", "-- only these were read")
    ]


def test_a_urlconf_that_cannot_be_imported(shop):
    """simplejwt may have been uninstalled already: the rest is told all the same."""
    *told, last = project.describe()

    assert any("views.py:3" in finding.place for finding in told)
    assert (last.place, last.name) == ("The URLs", "cannot be looked at")
    assert last.advice.startswith("-- ModuleNotFoundError: ")


class TheirView(APIView):
    pass


class TheirAuthentication:
    pass


class OwnAuthentication(TheirAuthentication):
    pass


class OursByNow(JWTAuthentication):
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


class Moved(Orders):
    authentication_classes = [OursByNow]


class Refunds(APIView):
    authentication_classes = [OursByNow, OwnAuthentication]


class Plain(View):
    pass


urlpatterns = [
    path("token/", TheirView.as_view()),
    path("nested/", include([path("token/", OwnSignIn.as_view())])),
    path("orders/", Orders.as_view()),
    path("invoices/", Invoices.as_view()),
    path("moved/", Moved.as_view()),
    path("refunds/", Refunds.as_view()),
    path("public/", APIView.as_view()),
    path("plain/", Plain.as_view()),
    path("function/", lambda request: None),
    path("api/", include("django_jwtauth.urls")),
]


@pytest.mark.urls(__name__)
def test_urls_and_settings_of_the_project(monkeypatch):
    """Views of simplejwt's, views that name its authentication class, and the settings.

    A class of the project's own is told where simplejwt's is what it is derived from.
    """
    monkeypatch.setattr(source, "find_files", lambda: source.Files([], True))
    classes = [OwnAuthentication, OursByNow, TheirAuthentication]
    monkeypatch.setattr(project, "default_classes", lambda: classes)
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
    told = [(finding.place, finding.name, finding.advice) for finding in project.describe()]

    view = ("rest_framework_simplejwt.views.TokenObtainPairView",)
    view += ("-> django_jwtauth.views.TokenObtainPairView",)
    authentication = ("rest_framework_simplejwt.authentication.JWTAuthentication",)
    authentication += ("-> django_jwtauth.authentication.JWTAuthentication",)
    own = f"{__name__}.OwnAuthentication"
    assert told == [
        ("INSTALLED_APPS", "rest_framework_simplejwt", "-- remove it once nothing imports it"),
        (
            "INSTALLED_APPS",
            "rest_framework_simplejwt.token_blacklist",
            "-- remove it after jwtauth_import_simplejwt, once you will not go back",
        ),
        ("REST_FRAMEWORK['DEFAULT_AUTHENTICATION_CLASSES']", *authentication),
        (f"DEFAULT_AUTHENTICATION_CLASSES: {own}", *authentication),
        ("/token/", *view),
        ("/nested/token/", *view),
        ("/orders/", *authentication),
        ("/invoices/", *authentication),
        ("/refunds/", *authentication),
    ]
