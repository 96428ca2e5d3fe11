"""What a device is called."""

import pytest

from django_jwtauth.http import user_agents

IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1"
)


@pytest.mark.parametrize(
    ("user_agent", "words"),
    [(IPHONE, "Mobile Safari 17 on iOS"), ("nonsense", "nonsense"), ("", "")],
)
def test_a_device_is_named(user_agent, words):
    """Browser and system, where ua-parser is installed and knows them."""
    pytest.importorskip("ua_parser", reason="ua-parser is not installed: devices are shown raw")

    assert user_agents.readable(user_agent) == words


CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/129.0.0.0"
MAC = "Macintosh; Intel Mac OS X 10_15_7"


@pytest.mark.parametrize(
    ("user_agent", "words"),
    [
        (IPHONE, "Safari 17 on iOS"),
        (
            f"Mozilla/5.0 (Linux; Android 14; Pixel 8) {CHROME} Mobile Safari/537.36",
            "Chrome 129 on Android",
        ),
        (
            f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {CHROME} Safari/537.36 Edg/128.0.0.0",
            "Edge 128 on Windows",
        ),
        (f"Mozilla/5.0 ({MAC}) {CHROME} Safari/537.36 OPR/113.0.0.0", "Opera 113 on macOS"),
        (
            f"Mozilla/5.0 (Linux; Android 13) {CHROME} SamsungBrowser/25.0 Mobile Safari/537.36",
            "Samsung Internet 25 on Android",
        ),
        (
            "Mozilla/5.0 (X11; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0",
            "Firefox 131 on Linux",
        ),
        (
            IPHONE.replace("Version/17.5", "CriOS/129.0.1"),
            "Chrome 129 on iOS",
        ),
        (
            f"Mozilla/5.0 ({MAC}) AppleWebKit/605.1.15 Version/17.4.1 Safari/605.1.15",
            "Safari 17 on macOS",
        ),
        (
            f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {CHROME} Safari/537.36",
            "Chrome 129 on ChromeOS",
        ),
        ("okhttp/4.12.0", "okhttp 4"),
        ("python-requests/2.32.3 (+https://example.com)", "python-requests 2"),
        ("Mozilla/5.0 (Windows NT 10.0) Gecko/20100101 Firefox/153.0", "Firefox 153 on Windows"),
        ("Mozilla/5.0 Firefox/153.0", "Firefox 153"),
        ("Mozilla/5.0 (nobody knows)", "(nobody knows)"),
        ("nonsense", "nonsense"),
        ("", ""),
    ],
)
def test_without_the_parser_the_usual_devices_are_named(monkeypatch, user_agent, words):
    """Those that most people use; others are shown as they came, less what every browser says."""
    monkeypatch.setattr(user_agents, "parse", None)

    assert user_agents.readable(user_agent) == words
