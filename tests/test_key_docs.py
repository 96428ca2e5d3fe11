"""What the pages about keys print is what happens."""

from datetime import datetime, timezone

import pytest
import time_machine
from django.core.management import call_command

from django_jwtauth import conf, tokens
from django_jwtauth.authentication import JWTStatelessUserAuthentication
from django_jwtauth.tokens import keyrings, remote_keys
from django_jwtauth.views import well_known
from tests.pages import DOCS, block

pytest.importorskip("cryptography")


@pytest.fixture
def deploy(settings, tmp_path):
    """``deploy(page, first_line)``: use the printed settings, with keys that exist."""

    def deploy(page, first_line):
        code = block(page, first_line).replace("/etc/mysite", str(tmp_path))
        for name in ("jwt-2026-05.pem", "jwt-2026-11.pem", "jwt-new.pem"):
            if not (tmp_path / name).exists():
                call_command("jwtauth_generate_key", "--output", str(tmp_path / name), verbosity=0)
        module = {}
        exec(code, module)
        settings.JWTAUTH = module["JWTAUTH"]

    return deploy


def at(hour, minute, second=0):
    return datetime(2026, 11, 1, hour, minute, second, tzinfo=timezone.utc)


def signer():
    """The file of the key that signs now."""
    ring = keyrings.get_access_ring()
    entry = conf.get_settings().KEYS[ring.keys.index(ring.signer())]
    return entry["private_key"].name


def test_the_rotation_goes_by_the_timetable(deploy, capsys):
    """Under the printed settings the old key signs until 12:30, the new one from then on."""
    deploy("keys.md", "# mysite/settings.py, deployed from 12:00 to 12:10")
    claims = {"sub": "1", "sid": "0" * 32, "jti": "x", "iat": 1, "exp": 2**32}
    with time_machine.travel(at(12, 29, 59), tick=False) as clock:
        assert signer() == "jwt-2026-05.pem"
        old = tokens.encode("access", claims)
        clock.move_to(at(12, 30))
        assert signer() == "jwt-2026-11.pem"
        assert tokens.decode(old, "access") == {"token_type": "access", **claims}


def test_a_replaced_key_verifies_nothing(deploy, capsys):
    """Under the settings printed for an emergency, the new key is the only one there is."""
    deploy("keys.md", "# mysite/settings.py, deployed from 12:00 to 12:10")
    deploy("keys.md", "# mysite/settings.py\nfrom pathlib import Path\n\nJWTAUTH = {\n")
    assert signer() == "jwt-new.pem"
    assert [key.algorithm for key in keyrings.get_access_ring().keys] == ["ES256", "HS256"]


def test_the_pages_know_how_long_a_key_set_is_kept():
    """The five minutes on the page are those of the header."""
    assert well_known.MAX_AGE == 5 * 60
    assert "Copies may be kept for five minutes" in (DOCS / "keys.md").read_text()


def test_the_page_about_services_knows_the_limits():
    """The numbers in the table are those in the code."""
    page = (DOCS / "stateless.md").read_text()
    for told in (
        f"between {remote_keys.MIN_MAX_AGE} and {remote_keys.MAX_MAX_AGE} seconds; "
        f"{remote_keys.MAX_AGE} seconds without it",
        f"at most once in {remote_keys.COOLDOWN} seconds",
        f"kept for {remote_keys.STALE_LIMIT // 3600} hours, and asked for every "
        f"{remote_keys.COOLDOWN} seconds",
        f"{remote_keys.TIMEOUT:g} seconds, {remote_keys.MAX_BYTES} bytes and "
        f"{remote_keys.MAX_KEYS} keys",
    ):
        assert told in page


def test_the_printed_class_takes_api_tokens():
    """A service for scripts accepts what others, which cannot see it revoked, refuse."""
    module = {}
    exec(block("stateless.md", "# orders/authentication.py"), module)

    assert module["ScriptAuthentication"].accepts_api_tokens
    assert not JWTStatelessUserAuthentication.accepts_api_tokens
