"""A thief who keeps step with the owner, against a running server: real addresses, real time."""

import http.client
import json
from urllib.parse import urlsplit

import pytest

from tests.conftest import PASSWORD
from tests.live.servers import USERNAME

# Every one is the loopback interface, and another client for the server.
WIFI, MOBILE, THIEF = "127.0.0.2", "127.0.0.3", "127.0.0.4"
AGENT = "Mozilla/5.0 (the owner's)"
ROUNDS = 20


@pytest.fixture
def post(make_server, database):
    server = make_server("tests.live.auth_settings")
    server.deploy(database=database, JWTAUTH={})
    host = urlsplit(server.url)

    def send(path, place, **body):
        connection = http.client.HTTPConnection(
            host.hostname, host.port, source_address=(place, 0), timeout=30
        )
        headers = {"Content-Type": "application/json", "User-Agent": AGENT}
        connection.request("POST", f"/api/token/{path}", json.dumps(body), headers)
        response = connection.getresponse()
        answer = json.loads(response.read())
        connection.close()
        return response.status, answer

    return send


def sign_in(post, place=WIFI):
    status, pair = post("", place, username=USERNAME, password=PASSWORD)
    assert status == 200, pair
    return pair["refresh"]


def refresh(post, raw, place=WIFI):
    status, answer = post("refresh/", place, refresh=raw)
    return answer["refresh"] if status == 200 else answer["reason"]


@pytest.mark.parametrize("oracle", [True, False], ids=["asks verify", "by the clock"])
def test_a_thief_who_keeps_step_is_ended_at_the_second_replay(post, oracle):
    """From another network, with the owner's own user agent."""
    owner = stolen = sign_in(post)
    replays = 0
    for _ in range(ROUNDS):
        owner = refresh(post, owner)
        if owner == "session_ended":
            break
        if oracle:
            status, _answer = post("verify/", THIEF, token=stolen)
            # Within the grace period verify does not tell that the owner has refreshed.
            assert status == 200
        stolen = refresh(post, stolen, THIEF)
        replays += 1
        if stolen == "reused":
            break

    assert (replays, stolen) == (2, "reused")
    assert refresh(post, owner) == "session_ended"


def test_the_honest_retries_of_an_owner_end_nothing(post):
    """Twenty rounds each: lost answers, two tabs, wifi to mobile in between."""
    raw = sign_in(post)
    for _ in range(ROUNDS):
        lost = refresh(post, raw)
        assert refresh(post, raw) == lost
        raw = lost
    for _ in range(ROUNDS):
        one, other = refresh(post, raw), refresh(post, raw)
        assert one == other
        raw = one
    # On the way: once from either, then to and fro with the answer lost each time.
    raw = refresh(post, raw, MOBILE)
    for number in range(ROUNDS):
        here, there = (WIFI, MOBILE) if number % 2 else (MOBILE, WIFI)
        lost = refresh(post, raw, here)
        assert refresh(post, raw, there) == lost
        raw = lost


def test_an_answer_lost_before_the_phone_was_known_is_given_again(post):
    """The first refresh from the mobile network may already be such a retry."""
    raw = sign_in(post)
    for number in range(ROUNDS):
        here, there = (WIFI, MOBILE) if number % 2 == 0 else (MOBILE, WIFI)
        lost = refresh(post, raw, here)
        assert refresh(post, raw, there) == lost
        raw = lost
