"""The real Sentry SDK with the recipe of docs/security.md: no event carries a secret."""

import json
from unittest.mock import patch

import pytest

from django_jwtauth import sessions
from tests.conftest import PASSWORD
from tests.shell import ROOT
from tests.test_docs import read_blocks
from tests.test_leaks import DOORS, FORM_DOORS, PLACES, assert_hidden, broken, secrets_of

sentry_sdk = pytest.importorskip("sentry_sdk")

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.test_leaks")]


@pytest.fixture
def events(settings):
    """What would have gone to Sentry."""
    settings.JWTAUTH = {"OAUTH_PASSWORD_GRANT": True}
    sent = []
    blocks = read_blocks(ROOT / "docs/security.md")
    (recipe,) = [block.code for block in blocks if "sentry_sdk.init" in block.code]
    init = sentry_sdk.init

    def start(**options):
        options |= {"dsn": "https://key@sentry.invalid/1", "before_send": keep}
        options |= {"transport": lambda event: None, "max_request_body_size": "always"}
        options |= {"send_default_pii": True}
        init(**options)

    def keep(event, hint):
        sent.append(json.dumps(event, default=str))
        return None

    with patch.object(sentry_sdk, "init", start):
        exec(recipe, {})
    yield sent
    init(dsn=None)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_no_event_carries_a_secret(api, user, events):
    """Each door broken at each place: locals, body, headers and cookies are scrubbed."""
    pair = sessions.start(user)
    secrets = secrets_of(pair.access, pair.refresh)
    api.raise_request_exception = False
    seen = 0
    for place in PLACES:
        for name, call in {**DOORS, **FORM_DOORS}.items():
            api.cookies.clear()
            events.clear()
            with patch(place, broken):
                answer = call(api, pair)
            if answer.status_code != 500:
                continue
            seen += 1
            assert events, name
            text = " ".join(events)
            assert "Broken" in text
            assert_hidden(text, {f"{key}, {name} at {place}": s for key, s in secrets.items()})
    assert seen > 10
    assert PASSWORD not in text
