"""What of simplejwt a project names in its settings, imports and URLs, and what to write there."""

import sys
from pathlib import Path

import pytest
from django.test import override_settings
from django.urls import include, path
from django.views import View
from rest_framework.views import APIView

from django_jwtauth.authentication import JWTAuthentication
from django_jwtauth.contrib.simplejwt.move import names, project, source

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
            "-> django_jwtauth.contrib.simplejwt.serializers.TokenObtainPairSerializer"
        ),
        f"{folder}/views.py:2: rest_framework_simplejwt.views": (
            "-> django_jwtauth.contrib.simplejwt.views"
        ),
        f"{folder}/views.py:3: rest_framework_simplejwt.tokens.RefreshToken": (
            "-> django_jwtauth.contrib.simplejwt.tokens.RefreshToken"
        ),
        f"{folder}/views.py:3: rest_framework_simplejwt.tokens.SlidingToken": (
            f"-- {names.SLIDING}"
        ),
        f"{folder}/views.py:4: rest_framework_simplejwt.utils": (
            "-> django_jwtauth.contrib.simplejwt.utils"
        ),
        f"{folder}/views.py:5: rest_framework_simplejwt.token_blacklist.models": (
            "-> django_jwtauth.contrib.simplejwt.token_blacklist.models"
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
    view += ("-> django_jwtauth.contrib.simplejwt.views.TokenObtainPairView",)
    authentication = ("rest_framework_simplejwt.authentication.JWTAuthentication",)
    authentication += ("-> django_jwtauth.contrib.simplejwt.authentication.JWTAuthentication",)
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
