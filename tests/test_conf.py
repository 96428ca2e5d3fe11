from datetime import timedelta
from pathlib import Path

import pytest
from django.test import override_settings

from django_jwtauth.conf import Settings, call_hook, find_problems, get_settings


def test_no_setting_is_needed(settings):
    """A project without JWTAUTH gets the defaults, and nothing is wrong with them."""
    assert not hasattr(settings, "JWTAUTH")
    assert get_settings() == Settings()
    assert find_problems() == []


# --- freshness


def test_override_settings_takes_effect_at_once():
    """Settings are not frozen when first read, and come back after an override."""
    before = get_settings()
    with override_settings(JWTAUTH={"LEEWAY": 7}):
        during = get_settings()

    assert timedelta(seconds=7) == during.LEEWAY
    assert get_settings() == before


def test_settings_are_parsed_once():
    """Reading them is cheap: the same object comes back."""
    assert get_settings() is get_settings()


def test_a_misspelt_attribute_is_an_error():
    """Code that reads a setting there is not fails at that line."""
    with pytest.raises(AttributeError):
        get_settings().LEEWEY  # noqa: B018


# --- hooks


def test_without_a_hook_nothing_is_called():
    """A hook that is not set gives None."""
    assert call_hook(None, "a", "b") is None


def test_a_hook_gets_the_arguments(settings):
    """A dotted path is imported and called."""
    settings.JWTAUTH = {"HOOKS": {"CLAIMS": "json.loads"}}

    assert call_hook(get_settings().HOOKS.CLAIMS, '{"a": 1}') == {"a": 1}


def test_a_hook_whose_module_fails_is_told(settings, tmp_path, monkeypatch):
    """Whatever a module of the project raises on import becomes a problem of the setting."""
    Path(tmp_path, "broken_hooks.py").write_text("1 / 0")
    monkeypatch.syspath_prepend(tmp_path)
    settings.JWTAUTH = {"HOOKS": {"CLAIMS": "broken_hooks.claims"}}
    (problem,) = find_problems()

    assert "cannot be imported: ZeroDivisionError: division by zero" in problem.message
