"""The recipes of docs/observability.md with the real prometheus_client and OpenTelemetry."""

from functools import partial

import prometheus_client
import pytest
from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from prometheus_client import CollectorRegistry, Counter, generate_latest

from django_jwtauth import sessions, signals
from django_jwtauth.exceptions import AuthError
from django_jwtauth.models import LoginSession
from tests.pages import read_blocks
from tests.shell import ROOT

pytestmark = pytest.mark.django_db(transaction=True)


def read_recipe(name):
    [code] = [
        block.code
        for block in read_blocks(ROOT / "docs/observability.md")
        if block.code.startswith(f"# shop/{name}.py\n")
    ]
    return code


@pytest.fixture
def receivers():
    """Disconnect whatever a recipe connected."""
    ours = [it for it in vars(signals).values() if isinstance(it, signals.Signal)]
    before = {signal: list(signal.receivers) for signal in ours}
    yield
    for signal, known in before.items():
        signal.receivers = known
        signal.sender_receivers_cache.clear()


def live_a_life(user):
    """One of everything that is counted; two sign-ins end at once."""
    first, second, third = (sessions.start(user) for _ in range(3))
    sessions.refresh(first.refresh)
    sessions.blacklist(second.access)
    LoginSession.objects.filter(pk=third.session_id).update(generation=5)
    for refused in (
        lambda: sessions.refresh(third.refresh),
        lambda: sessions.authenticate(second.access),
        lambda: sessions.authenticate("a.b.c"),
    ):
        with pytest.raises(AuthError):
            refused()
    LoginSession.objects.end(reason="stolen")


def test_prometheus(user, receivers, monkeypatch):
    """What Prometheus scrapes has one series for each kind, with what was counted."""
    registry = CollectorRegistry()
    monkeypatch.setattr(prometheus_client, "Counter", partial(Counter, registry=registry))
    recipe = {}
    exec(read_recipe("metrics"), recipe)
    live_a_life(user)

    scraped = generate_latest(registry).decode()
    for line in (
        'jwtauth_started_total{kind="sign_in"} 3.0',
        "jwtauth_refreshed_total 1.0",
        'jwtauth_ended_total{reason="reused",via="reuse_detection"} 1.0',
        'jwtauth_ended_total{reason="stolen",via="code"} 2.0',
        "jwtauth_reused_total 1.0",
        'jwtauth_blacklisted_total{reason="signed_out",token_type="access"} 1.0',
        'jwtauth_refused_total{reason="reused",token_type="refresh"} 1.0',
        'jwtauth_refused_total{reason="blacklisted",token_type="access"} 1.0',
        'jwtauth_refused_total{reason="malformed",token_type="access"} 1.0',
    ):
        assert line in scraped.splitlines(), scraped


def test_opentelemetry(user, receivers):
    """What is exported has a counter for each signal, with the labels of the page."""
    reader = InMemoryMetricReader()
    metrics.set_meter_provider(MeterProvider([reader]))
    exec(read_recipe("telemetry"), {})
    live_a_life(user)

    counted = {
        (metric.name, *sorted(point.attributes.values())): point.value
        for resource in reader.get_metrics_data().resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        for point in metric.data.data_points
    }
    assert counted == {
        ("jwtauth.session_refreshed",): 1,
        ("jwtauth.sessions_ended", "reuse_detection", "reused"): 1,
        ("jwtauth.sessions_ended", "code", "stolen"): 2,
        ("jwtauth.refresh_token_reused",): 1,
        ("jwtauth.token_blacklisted", "access", "signed_out"): 1,
        ("jwtauth.token_refused", "refresh", "reused"): 1,
        ("jwtauth.token_refused", "access", "blacklisted"): 1,
        ("jwtauth.token_refused", "access", "malformed"): 1,
    }
