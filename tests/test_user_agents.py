"""What a device is called."""

import pytest

from django_jwtauth.admin import user_agents

IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1"
)


@pytest.mark.parametrize(
    ("user_agent", "words"),
    [(IPHONE, "Mobile Safari 17 (iOS)"), ("nonsense", "nonsense"), ("", "")],
)
def test_a_device_is_named(user_agent, words):
    """Browser and system, where ua-parser is installed and knows them."""
    pytest.importorskip("ua_parser", reason="ua-parser is not installed: devices are shown raw")

    assert user_agents.readable(user_agent) == words


def test_without_the_parser_a_device_is_shown_as_it_came(monkeypatch):
    """Only the prefix that every browser has is left out."""
    monkeypatch.setattr(user_agents, "parse", None)

    assert user_agents.readable(IPHONE) == IPHONE.removeprefix("Mozilla/5.0 ")
