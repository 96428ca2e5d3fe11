"""Installed packages that use simplejwt themselves."""

from types import SimpleNamespace

import pytest

from django_jwtauth.contrib.simplejwt.move import neighbours


@pytest.fixture
def told(monkeypatch, settings):
    """Return what is told of a project with these apps and settings."""

    def tell(*names, needing=(), **given):
        configs = [SimpleNamespace(name=name) for name in names]
        monkeypatch.setattr(neighbours.apps, "get_app_configs", lambda: configs)
        packages = {name: [f"dist-{name}"] for name in [*names, "elsewhere"]}
        monkeypatch.setattr(neighbours.metadata, "packages_distributions", lambda: packages)
        monkeypatch.setattr(
            neighbours.metadata,
            "requires",
            lambda name: (
                ["Django>=5", "djangorestframework_simplejwt<6,>=5.0 ; extra == 'jwt'"]
                if name.removeprefix("dist-") in needing
                else None
            ),
        )
        for name, value in given.items():
            setattr(settings, name, value)
        return {finding.name: finding.advice for finding in neighbours.describe()}

    return tell


def test_projects_without_such_packages(told):
    """Nothing is told of what does not matter."""
    assert told("shop", "rest_framework", "django_jwtauth") == {}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, False),
        ({"REST_AUTH": {"USE_JWT": False}}, False),
        ({"REST_AUTH": {"USE_JWT": True}}, True),
        ({"REST_USE_JWT": True}, True),
        (
            {
                "REST_AUTH": {
                    "USE_JWT": True,
                    "JWT_TOKEN_CLAIMS_SERIALIZER": "rest_framework_simplejwt.serializers.X",
                }
            },
            True,
        ),
        ({"REST_AUTH": {"USE_JWT": True, "JWT_TOKEN_CLAIMS_SERIALIZER": "shop.Ours"}}, False),
    ],
    ids=str,
)
def test_dj_rest_auth_with_and_without_tokens(told, given, expected):
    """Only its JWT mode makes tokens; older releases had a setting of their own for it."""
    assert ("dj_rest_auth" in told("dj_rest_auth.registration", **given)) is expected


def test_djoser_and_its_social_strategy(told):
    """The strategy that it takes by itself makes simplejwt's tokens until they all expire."""
    assert "SOCIAL_AUTH_TOKEN_STRATEGY" in told("djoser")["djoser"]
    own = {"SOCIAL_AUTH_TOKEN_STRATEGY": "shop.tokens.Strategy"}
    assert "SOCIAL_AUTH_TOKEN_STRATEGY" not in told("djoser", DJOSER=own)["djoser"]


def test_drf_spectacular(told, monkeypatch):
    """Without our app for it, no view says how it is authenticated."""
    assert "contrib.spectacular" in told("drf_spectacular")["drf_spectacular"]
    monkeypatch.setattr(
        neighbours.apps, "is_installed", "django_jwtauth.contrib.spectacular".__eq__
    )
    assert told("drf_spectacular") == {}


def test_any_package_that_needs_simplejwt(told):
    """By what its distribution says; those that are not installed as an app do not count."""
    found = told("shop", "social", "other", needing=["social", "elsewhere"])

    assert list(found) == ["social"]
    assert "imports simplejwt itself" in found["social"]


def test_with_the_alias(told, monkeypatch):
    """Imports are led here; only dj-rest-auth's logout asks for an app by its name."""
    monkeypatch.setattr(neighbours.source, "is_led_here", lambda: True)
    found = told("dj_rest_auth", "djoser", "social", needing=["social"], REST_USE_JWT=True)

    assert list(found) == ["dj_rest_auth"]
    assert "rest_framework_simplejwt.token_blacklist" in found["dj_rest_auth"]
    monkeypatch.setattr(
        neighbours.apps, "is_installed", "rest_framework_simplejwt.token_blacklist".__eq__
    )
    assert told("dj_rest_auth", REST_USE_JWT=True) == {}


def test_with_the_alias_but_without_tokens(told, monkeypatch):
    monkeypatch.setattr(neighbours.source, "is_led_here", lambda: True)

    assert told("dj_rest_auth") == {}
