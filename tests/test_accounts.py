"""The digest that stands for a user name in counters and in the log."""

import re

from django_jwtauth.throttling import spellings
from django_jwtauth.throttling.accounts import digest, digests_of


def test_all_spellings_of_an_account_have_one_digest(db):
    """As the database and Django's form treat them."""
    [anna] = digests_of("anna")

    assert re.fullmatch(r"[0-9a-f]{32}", anna)
    for name in ("Anna", " anna ", "\uff21nna", "ANNA"):
        assert digests_of(name) == [anna]
    assert digests_of("bert") != [anna]


def test_it_is_found_after_a_change_of_the_key(db, settings):
    """A line that was written before the change has the digest of the key that was current."""
    [before] = digests_of("anna")
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY, ""]
    settings.SECRET_KEY = "another secret of more than thirty-two bytes"

    now, old = digests_of("anna")
    assert old == before != now
    assert digest(spellings.fold("anna")) == now


def test_it_proves_nothing_without_the_key(db, settings):
    """Nobody can compute it from a list of names."""
    before = digests_of("anna")
    settings.SECRET_KEY = "another secret of more than thirty-two bytes"

    assert digests_of("anna") != before
