import time

import pytest

from django_jwtauth import tokens
from django_jwtauth.tokens import ACCESS
from django_jwtauth.verified import Verified, VerifiedTokens
from tests.test_tokens import access_claims


def entry(number=0):
    return Verified(lambda: None, (), b"", {"number": number})


def test_what_is_put_is_found():
    """And what was not is not."""
    known = VerifiedTokens()
    known.put("a", entry(1), 10)

    assert known.get("a").claims == {"number": 1}
    assert known.get("b") is None


@pytest.mark.parametrize("size", [2, 3, 10, 100])
def test_it_is_bounded_and_forgets_the_oldest(size):
    """However many tokens are seen, at most ``size`` stay, and the newest are among them."""
    known = VerifiedTokens()
    for number in range(1000):
        known.put(number, entry(number), size)

    found = [number for number in range(1000) if known.get(number)]
    assert size // 2 <= len(found) <= size
    assert found == list(range(1000 - len(found), 1000))


@pytest.mark.parametrize("size", [0, 1])
def test_it_can_be_switched_off(size):
    """Nothing is kept."""
    known = VerifiedTokens()
    known.put("a", entry(), size)

    assert known.get("a") is None


@pytest.mark.parametrize("size", [0, 2048])
def test_a_token_is_read_alike_with_and_without_it(settings, size):
    """TOKEN_CACHE_SIZE changes the time it takes, not the answer."""
    settings.JWTAUTH = {"TOKEN_CACHE_SIZE": size}
    claims = access_claims(exp=int(time.time()) + 60, tenant={"id": 3})
    raw = tokens.encode(ACCESS, claims)

    for _ in range(3):
        assert tokens.decode(raw, ACCESS) == claims


def test_a_signature_is_checked_once(monkeypatch):
    """Unless it is switched off, a token seen before is not verified again."""
    raw = tokens.encode(ACCESS, access_claims(jti="seen-once"))
    checked = []
    verify = tokens._verify
    monkeypatch.setattr(tokens, "_verify", lambda *args: checked.append(args[0]) or verify(*args))

    for _ in range(3):
        tokens.decode(raw, ACCESS)

    assert checked == [raw]
