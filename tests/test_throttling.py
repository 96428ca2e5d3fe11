import logging
import multiprocessing
from contextlib import suppress
from functools import partial
from unittest.mock import patch

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.core.cache import cache, caches
from django.core.cache.backends.locmem import LocMemCache
from django.core.management import call_command
from django.db import OperationalError, connection, connections
from django.test import RequestFactory, override_settings
from django.test.utils import CaptureQueriesContext
from django.urls import include, path, reverse
from rest_framework.test import APIClient

from django_jwtauth import one_time, sessions
from django_jwtauth.exceptions import Throttled
from django_jwtauth.models import BlacklistedToken, LoginSession, Via
from django_jwtauth.throttling import Attempt, count_attempt
from django_jwtauth.throttling.counters import Counter
from tests import urls
from tests.conftest import PASSWORD, Client
from tests.racing import race

urlpatterns = [
    *urls.urlpatterns,
    path("oauth/", include("django_jwtauth.urls.oauth")),
    path("browser/", include("django_jwtauth.urls.browser")),
]

ASKED = "django.contrib.auth.backends.ModelBackend.authenticate"
HOME, STRANGER = "192.0.2.1", "198.51.100.9"


class UnwritableCache(LocMemCache):
    """A cache server that can only be read, as when its memory is full."""

    def add(self, *args, **kwargs):
        raise ConnectionError("redis://:swordfish@cache refused")

    incr = decr = add


class BrokenCache(UnwritableCache):
    """A cache server that went away."""

    get_many = UnwritableCache.add


def statuses(api, count, username="anna", password="wrong", address=STRANGER):
    return [api.obtain(username, password, REMOTE_ADDR=address).status_code for _ in range(count)]


# --- what is counted


def test_guesses_at_one_account_are_limited_by_default(api, user):
    """Without any setting, the twenty-first guess in a minute from one address is 429."""
    with time_machine.travel(1_800_000_000, tick=False):
        assert statuses(api, 21) == [401] * 20 + [429]


def test_guesses_at_many_accounts_are_limited_by_default(api, db):
    """Without any setting, an address has sixty failures a minute, whatever the names."""
    with time_machine.travel(1_800_000_000, tick=False):
        answers = [statuses(api, 1, username=f"user{number}")[0] for number in range(61)]

    assert answers == [401] * 60 + [429]


def test_guesses_that_go_on_are_limited_by_default(api, db):
    """Without any setting, an address has 200 failures an hour, however slow it is."""
    with time_machine.travel(1_800_000_000, tick=False) as clock:
        answers = []
        for number in range(250):
            answers += statuses(api, 1, username=f"user{number}")
            clock.shift(10)

    assert answers == [401] * 200 + [429] * 50


def test_an_account_that_is_guessed_at_elsewhere_is_open(api, user, limits):
    """Strangers use up their own attempts: the owner signs in from another address."""
    limits(account=3)
    assert statuses(api, 4) == [401, 401, 401, 429]

    assert statuses(api, 1, password=PASSWORD) == [429]
    assert statuses(api, 1, password=PASSWORD, address=HOME) == [200]


@pytest.mark.parametrize(
    ("first", "later", "expected"),
    [
        (HOME, HOME, 200),
        (HOME, "192.0.2.2", 429),
        ("2001:db8:1:2::1", "2001:db8:1:2:aaaa:bbbb:cccc:dddd", 200),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", 429),
    ],
)
def test_strangers_everywhere_do_not_lock_out_the_owner(api, user, limits, first, later, expected):
    """Past the limit from everywhere, networks that the owner has signed in from are open."""
    limits(account_everywhere=3)
    assert statuses(api, 1, password=PASSWORD, address=first) == [200]
    api.cookies.clear()
    for number in range(5):
        statuses(api, 1, address=f"203.0.113.{number}")

    assert statuses(api, 1, password=PASSWORD, address=later) == [expected]


def test_a_one_time_token_makes_no_network_known(api, user, limits, rf):
    """Anybody may ask for a sign-in link to be sent: that does not make them the owner."""
    limits(account_everywhere=3)
    one_time.create(user, one_time.SIGN_IN, request=rf.post("/", REMOTE_ADDR=STRANGER))
    assert LoginSession.objects.get().ip_address == STRANGER

    assert statuses(api, 4) == [401, 401, 401, 429]


def test_an_ipv6_client_is_its_network(api, user, limits):
    """Another address of the same /64 is no new client."""
    limits(account=2)
    answers = [statuses(api, 1, address=f"2001:db8::{number}")[0] for number in range(1, 4)]

    assert answers == [401, 401, 429]
    assert statuses(api, 1, address="2001:db8:0:1::1") == [401]


@pytest.mark.parametrize("proxy", ["127.0.0.1", "10.0.0.1", "fd00::1", ""])
@pytest.mark.parametrize("header", ["X_FORWARDED_FOR", "FORWARDED", "X_REAL_IP"])
def test_one_client_behind_a_proxy_does_not_lock_out_all(api, user, limits, proxy, header):
    """The proxy's address is everybody's, so nothing is counted by it."""
    limits(address=2, account=2)
    behind = {"REMOTE_ADDR": proxy, f"HTTP_{header}": STRANGER}
    for number in range(5):
        assert api.obtain(f"nobody{number}", "wrong", **behind).status_code == 401
        assert api.obtain(password="wrong", **behind).status_code == 401

    assert api.obtain(**behind).status_code == 200


def test_a_proxy_makes_no_network_known(api, user, limits):
    """Behind a proxy that the settings do not mention, strangers are not taken for the owner."""
    limits(account_everywhere=3)
    behind = {"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": HOME}
    assert api.obtain(**behind).status_code == 200
    assert LoginSession.objects.get().ip_address is None
    api.cookies.clear()

    answers = [api.obtain(password="wrong", **behind).status_code for _ in range(4)]

    assert answers == [401, 401, 401, 429]


def test_a_forwarded_address_may_have_a_port(api, user, limits, settings):
    """Each connection has a port of its own, and is no new client."""
    limits(address=2)
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "NUM_PROXIES": 1}

    def attempt(forwarded):
        return api.obtain(
            password="wrong", REMOTE_ADDR="10.0.0.1", HTTP_X_FORWARDED_FOR=forwarded
        ).status_code

    answers = [attempt(f"{STRANGER}:{port}") for port in (1, 2, 3)]

    assert answers == [401, 401, 429]
    assert attempt(f"{HOME}:1") == 401


@pytest.mark.parametrize("spelling", ["ANNA", "Anna", "\uff21\uff2e\uff2e\uff21", "ⓐⓝⓝⓐ"])
def test_other_spellings_are_the_same_account(api, user, limits, spelling):
    """Compatibility forms and letter case open no second count."""
    limits(account=2)
    statuses(api, 2)

    assert statuses(api, 1, username=spelling) == [429]


def test_what_upper_case_makes_the_same_is_one_account(api, db, limits):
    """Where names are looked up with iexact, PostgreSQL finds nina by n\u0131na, too."""
    limits(account=2)
    statuses(api, 2, username="nina")

    assert statuses(api, 1, username="n\u0131na") == [429]


@pytest.mark.parametrize("spelling", ["ánna", "ANNÄ", "anna ", "ånnå"])
def test_what_the_database_takes_for_the_same_name_is_one_account(api, user, limits, spelling):
    """MariaDB finds anna by ánna, so guesses at either are counted together."""
    found = get_user_model().objects.filter(username=spelling).exists()
    limits(account=2)
    statuses(api, 2)

    assert statuses(api, 1, username=spelling) == [429 if found or spelling == "anna " else 401]


def test_the_right_password_is_not_counted_and_forgives_nothing_else(api, user, limits):
    """Signing in any number of times is fine, and makes no room for guesses in between."""
    limits(address=3)
    get_user_model().objects.create_user("mallory", password=PASSWORD)
    assert statuses(api, 10, password=PASSWORD, address=STRANGER) == [200] * 10

    answers = []
    for _ in range(4):
        answers += statuses(api, 1)
        statuses(api, 1, username="mallory", password=PASSWORD)
    assert answers == [401, 401, 401, 429]


def test_a_counter_whose_interval_has_ended_keeps_no_other(caplog):
    """While the password was hashed, the shortest interval may have ended: that is no fault."""
    cache.set("longer", 3)
    Attempt([Counter("gone", 60), Counter("longer", 3600)]).forgive()

    assert cache.get("longer") == 2
    assert not caplog.records


def test_a_second_factor_cannot_be_guessed_at_will(api, user, limits, settings):
    """What HOOKS["SIGN_IN"] refuses stays counted, right password or not."""
    limits(account=3)
    settings.JWTAUTH = {**settings.JWTAUTH, "HOOKS": {"SIGN_IN": "tests.hooks.refuse"}}

    assert statuses(api, 4, password=PASSWORD) == [401, 401, 401, 429]


def test_what_nobody_could_check_is_not_counted(api, user, limits):
    """Attempts while the database was down cost the user nothing."""
    limits(account=1)
    with patch(ASKED, side_effect=OperationalError):
        assert statuses(api, 5) == [503] * 5

    assert statuses(api, 1, password=PASSWORD) == [200]


def test_none_is_no_limit(api, user, limits):
    """A rate of None counts nothing."""
    limits()
    assert statuses(api, 70) == [401] * 70


# --- caches that throw entries away


class SmallCache(LocMemCache):
    """Local memory as Django makes it without OPTIONS: 300 entries."""


SMALL = {
    "database": "django.core.cache.backends.db.DatabaseCache",
    "files": "django.core.cache.backends.filebased.FileBasedCache",
    "local memory": f"{__name__}.SmallCache",
}


@pytest.mark.parametrize("others", ["many", "few"])
@pytest.mark.parametrize("backend", SMALL)
def test_one_address_cannot_push_out_the_counters(db, settings, tmp_path, backend, others):
    """Other names that it tries make room for no more guesses at one account."""
    location = "jwtauth_small" if backend == "database" else str(tmp_path / "small")
    settings.CACHES = {"default": {"BACKEND": SMALL[backend], "LOCATION": location}}
    if backend == "database":
        call_command("createcachetable")
    request = RequestFactory(REMOTE_ADDR=STRANGER).post("/")
    guesses = number = 0
    start = 1_900_000_800 // 3600 * 3600 + 1
    with time_machine.travel(start, tick=False) as clock:
        for _ in range(30):
            with suppress(Throttled):
                for _ in range(5 if others == "many" else 50):
                    count_attempt(request, "anna")
                    guesses += 1
            with suppress(Throttled):
                while True:
                    number += 1
                    count_attempt(request, f"other{number}")
            clock.shift(60)

    assert 0 < guesses <= 200


# --- what users write


def test_sign_ins_of_one_user_are_limited(api, user, other_user, limits):
    """Whoever knows a password fills no table with it; others are not affected."""
    limits(sign_in=3)
    assert statuses(api, 4, password=PASSWORD) == [200, 200, 200, 429]
    assert LoginSession.objects.count() == 3

    assert statuses(api, 1, username="bert", password=PASSWORD) == [200]


def test_renaming_is_limited(api, user, pair, limits):
    """429, and the name stays."""
    limits(rename=2)
    url = reverse("jwtauth_session_detail", args=[pair.session_id.hex])
    api.with_token(pair.access)
    answers = [api.patch(url, {"name": f"phone {number}"}).status_code for number in range(3)]

    assert answers == [200, 200, 429]
    assert LoginSession.objects.get().name == "phone 1"


def make_access(pair, number):
    """Return so many access tokens of a sign-in."""
    for _ in range(number):
        pair = sessions.refresh(pair.refresh)
        yield pair.access


def test_blacklisting_writes_a_limited_number_of_rows_and_refuses_all(api, user, pair, limits):
    """Beyond the limit the sign-in ends, which needs no row: no token stays good."""
    limits(blacklist=2)
    tokens = list(make_access(pair, 4))
    for raw in tokens[:2]:
        assert api.blacklist(token=raw).status_code == 200
    assert api.protected(tokens[2]).status_code == 200

    assert api.blacklist(token=tokens[2]).status_code == 200

    assert BlacklistedToken.objects.count() == 2
    assert [api.protected(raw).status_code for raw in tokens] == [401] * 4
    assert LoginSession.objects.get().ended_at is not None


def test_signing_out_is_never_refused(api, user, limits):
    """Beyond the limit the sign-in ends as before; only the record of the token is left out."""
    limits(blacklist=1)
    pairs = [sessions.start(user) for _ in range(3)]
    for pair in pairs:
        assert api.blacklist(refresh=pair.refresh).status_code == 200

    assert BlacklistedToken.objects.count() == 1
    assert not LoginSession.objects.live().exists()
    assert [api.protected(pair.access).status_code for pair in pairs] == [401] * 3


def test_a_token_sent_again_or_expired_ends_no_sign_in(api, user, limits):
    """Whoever finds a used token in a log cannot sign the user out with it."""
    limits(blacklist=1)
    with time_machine.travel(1_900_000_800 // 3600 * 3600, tick=False) as clock:
        pair = sessions.start(user)
        second = sessions.refresh(pair.refresh)
        for _ in range(5):
            assert api.blacklist(token=pair.access).status_code == 200
        clock.shift(600)
        assert api.blacklist(token=second.access).status_code == 200

    assert BlacklistedToken.objects.count() == 1
    assert LoginSession.objects.get().ended_at is None


def test_what_operators_blacklist_is_not_limited(user, pair, limits):
    """Only what users send over HTTP is counted."""
    limits(blacklist=1)
    for raw in make_access(pair, 3):
        sessions.blacklist(raw, via=Via.ADMIN)

    assert BlacklistedToken.objects.count() == 3


# --- what is answered


def test_too_many_are_told_when_to_come_back(api, user, limits):
    """429 in the shape of every refusal, with the seconds until the count starts anew."""
    limits(account=1)
    with time_machine.travel(1_800_000_000 // 3600 * 3600 + 600, tick=False) as clock:
        statuses(api, 1)
        answer = api.obtain(password="wrong", REMOTE_ADDR=STRANGER)

        assert answer.status_code == 429
        assert answer.json() == {
            "detail": "Too many attempts, try again later",
            "code": "throttled",
            "reason": "throttled",
        }
        assert int(answer["Retry-After"]) == 3001
        assert answer["Cache-Control"] == "no-store"
        clock.shift(3001)
        assert statuses(api, 1, password=PASSWORD) == [200]


def test_nothing_is_hashed_and_nobody_is_looked_up_past_the_limit(api, user, limits):
    """A refused guess costs no hash; where names have one spelling, no query either."""
    limits(address=1)
    statuses(api, 1)

    with (
        patch(ASKED) as authenticate,
        CaptureQueriesContext(connection) as captured,
    ):
        assert statuses(api, 5) == [429] * 5
    authenticate.assert_not_called()
    assert len(captured) == (5 if connection.vendor == "mysql" else 0)


@pytest.mark.parametrize("limit", ["account", "account_everywhere"])
def test_whether_an_account_exists_is_not_told(api, user, limits, limit):
    """Past the limit, a name that exists and one that does not are alike, statements too."""
    limits(**{limit: 2})
    seen = []
    for username in ("anna", "nobody"):
        for _ in range(3):
            with CaptureQueriesContext(connection) as captured:
                answer = api.obtain(username, "wrong", REMOTE_ADDR=STRANGER)
        seen.append((answer.status_code, answer.content, dict(answer.headers), len(captured)))
    assert seen[0][0] == 429
    seen = [(*item[:2], {**item[2], "Retry-After": None}, item[3]) for item in seen]
    assert seen[0] == seen[1]


@pytest.mark.urls(__name__)
@pytest.mark.parametrize("door", ["obtain", "oauth", "browser"])
def test_every_door_counts_together(api, user, limits, settings, door):
    """Attempts at one door are refused at the others: JSON, OAuth and browser."""
    limits(account=2)
    settings.JWTAUTH = {**settings.JWTAUTH, "OAUTH_PASSWORD_GRANT": True}
    body = {"username": "anna", "password": PASSWORD}
    doors = {
        "obtain": lambda: api.post(reverse("token_obtain_pair"), body, REMOTE_ADDR=STRANGER),
        "oauth": lambda: api.post(
            reverse("jwtauth_oauth_token"),
            {"grant_type": "password", **body},
            format="multipart",
            REMOTE_ADDR=STRANGER,
        ),
        "browser": lambda: api.post("/browser/token/", body, REMOTE_ADDR=STRANGER),
    }
    statuses(api, 2)

    answer = doors[door]()

    assert answer.status_code == 429, answer.content
    assert int(answer["Retry-After"]) > 0


@pytest.mark.urls(__name__)
def test_client_secrets_cannot_be_guessed(api, db, limits, settings):
    """A client of the OAuth endpoints is limited like an account, known or not."""
    limits(account=2)
    settings.JWTAUTH = {**settings.JWTAUTH, "CLIENTS": {"gateway": make_password("right")}}
    for client in ("gateway", "unknown"):
        body = {"client_id": client, "client_secret": "wrong", "token": "x"}
        answers = [
            api.post(reverse("jwtauth_oauth_introspect"), body, format="multipart").status_code
            for _ in range(3)
        ]
        assert answers == [401, 401, 429]


# --- where it is counted


def test_the_cache_holds_no_name_and_no_address(api, user):
    """Keys are digests under SECRET_KEY: a cache that others read tells nothing."""
    statuses(api, 1)

    text = " ".join(cache._cache)
    assert len(cache._cache) == 4
    assert "anna" not in text
    assert STRANGER not in text


def test_attempts_that_meet_are_all_counted(transactional_db, limits):
    """Of twelve guesses at the same moment, as many as allowed are looked at."""
    limits(account=4)
    client = APIClient(REMOTE_ADDR=STRANGER)
    body = {"username": "anna", "password": "wrong"}

    answers = race([partial(client.post, reverse("token_obtain_pair"), body)] * 12)

    assert sorted(answer.status_code for answer in answers) == [401] * 4 + [429] * 8


@pytest.mark.parametrize("broken", [BrokenCache, UnwritableCache])
@pytest.mark.parametrize("password", [PASSWORD, "wrong"])
def test_a_cache_that_is_down_stops_nobody(api, user, limits, settings, caplog, password, broken):
    """It is logged, without a word of what the client said, and the sign-in is answered."""
    caplog.set_level(logging.DEBUG)
    settings.CACHES = {"default": {"BACKEND": f"{__name__}.{broken.__name__}"}}
    limits(account=1)

    expected = 200 if password == PASSWORD else 401
    assert statuses(api, 3, password=password) == [expected] * 3
    assert "The cache cannot count attempts: ConnectionError" in caplog.text
    assert "swordfish" not in caplog.text


def test_a_cache_that_is_flushed_revokes_nothing_and_revives_nothing(api, user, pair):
    """Only attempts are counted there: tokens are as good or bad as before."""
    ended = api.obtain().json()
    api.blacklist(refresh=ended["refresh"])

    cache.clear()

    assert api.protected(pair.access).status_code == 200
    assert api.protected(ended["access"]).status_code == 401
    assert api.refresh(ended["refresh"]).status_code == 401


BACKENDS = {
    "local memory": "django.core.cache.backends.locmem.LocMemCache",
    "files": "django.core.cache.backends.filebased.FileBasedCache",
}


@pytest.mark.parametrize("backend", BACKENDS)
def test_it_counts_in_every_cache(api, user, limits, settings, tmp_path, backend):
    """One after the other, every cache of Django counts right."""
    settings.CACHES = {"default": {"BACKEND": BACKENDS[backend], "LOCATION": str(tmp_path)}}
    limits(account=2)

    assert statuses(api, 3) == [401, 401, 429]


def test_the_dummy_cache_counts_nothing(api, user, limits, settings):
    """Nobody is stopped; a check says so before production."""
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
    limits(account=2)

    assert statuses(api, 4) == [401] * 4


def test_another_cache_can_be_named(api, user, limits, settings):
    """THROTTLES["CACHE"]: the counts leave the project's own cache alone."""
    settings.CACHES = {
        name: {"BACKEND": BACKENDS["local memory"], "LOCATION": name}
        for name in ("default", "counts")
    }
    limits(account=2)
    settings.JWTAUTH["THROTTLES"]["CACHE"] = "counts"
    settings.JWTAUTH = {**settings.JWTAUTH}
    caches["counts"].clear()

    assert statuses(api, 3) == [401, 401, 429]
    assert caches["counts"]._cache
    assert not caches["default"]._cache


def test_who_lost_the_last_attempt_to_another_is_refused_and_not_counted(api, user, limits):
    """Both saw that one was left: the second is refused before anything is hashed."""
    limits(address=5, account=1)
    statuses(api, 1)
    seen = [[0, 0], [1, 1]]

    with patch("django_jwtauth.throttling.counters.read", side_effect=seen), patch(ASKED) as asked:
        assert statuses(api, 1) == [429]

    asked.assert_not_called()
    assert sorted(map(cache.get, cached_keys())) == [1, 1]


def test_who_never_sees_that_nothing_is_left_is_refused_all_the_same(api, user, limits):
    """What decides is the count with one's own, whatever was read before."""
    limits(account=1)
    statuses(api, 1)

    with patch("django_jwtauth.throttling.counters.read", return_value=[0]):
        assert statuses(api, 2, password=PASSWORD) == [429, 429]

    assert statuses(api, 1, username="bert") == [401]


def cached_keys():
    return [key.removeprefix(":1:") for key in cache._cache]


# --- what it costs


class CountingCache(LocMemCache):
    """Counts what it is asked."""

    asked = 0

    def count(name):
        def ask(self, *args, **kwargs):
            CountingCache.asked += 1
            return getattr(LocMemCache, name)(self, *args, **kwargs)

        return ask

    add, incr, touch = count("add"), count("incr"), count("touch")

    def get_many(self, *args, **kwargs):
        CountingCache.asked += 1
        before = CountingCache.asked
        found = super().get_many(*args, **kwargs)
        CountingCache.asked = before
        return found


def asked_of_the_cache(api, **attempt):
    before = CountingCache.asked
    status = statuses(api, 1, **attempt)
    return *status, CountingCache.asked - before


def test_how_often_a_cache_is_asked(api, user, settings):
    """All counters are read at once, each is increased once, and decreased once if forgiven."""
    settings.CACHES = {"default": {"BACKEND": f"{__name__}.CountingCache"}}
    settings.JWTAUTH = {"THROTTLES": {"RATES": {"account": "2/hour"}}}
    statuses(api, 1, password=PASSWORD)

    assert asked_of_the_cache(api, password=PASSWORD) == (200, 1 + 4 + 1 + 4)
    api.cookies.clear()
    assert asked_of_the_cache(api) == (401, 1 + 4)
    statuses(api, 1)
    # Nothing is written for who has used up the attempts.
    assert asked_of_the_cache(api) == (429, 1)


def test_redis_makes_four_round_trips_for_a_sign_in(api, user, settings, redis_cache):
    """What is sent between two waits is sent together: two for a guess, one past the limit."""
    from redis.connection import Connection

    settings.JWTAUTH = {"THROTTLES": {"RATES": {"account": "2/hour"}}}
    statuses(api, 1, password=PASSWORD)

    def round_trips(**attempt):
        send = Connection.send_packed_command
        with patch.object(
            Connection, "send_packed_command", autospec=True, side_effect=send
        ) as sent:
            return *statuses(api, 1, **attempt), sent.call_count

    assert round_trips(password=PASSWORD) == (200, 4)
    api.cookies.clear()
    assert round_trips() == (401, 2)
    assert round_trips() == (401, 2)
    assert round_trips() == (429, 1)


# --- across processes


def guess_in_process(queue, count):
    connections.close_all()
    queue.put(statuses(Client(), count))


def test_processes_count_together_in_redis(transactional_db, limits, redis_cache):
    """Four processes with ten guesses each: as many as allowed are looked at, exactly."""
    limits(account=7)
    connections.close_all()
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    processes = [context.Process(target=guess_in_process, args=(queue, 10)) for _ in range(4)]
    for process in processes:
        process.start()
    answers = [status for _ in processes for status in queue.get(timeout=60)]
    for process in processes:
        process.join()

    assert sorted(answers) == [401] * 7 + [429] * 33


def test_redis_that_went_away_stops_nobody(api, user, limits, settings, redis_cache, caplog):
    """The connection is refused: logged, answered, and counted again when it is back."""
    limits(account=2)
    down = {"default": {**settings.CACHES["default"], "LOCATION": "redis://127.0.0.1:9/9"}}
    with override_settings(CACHES=down):
        assert statuses(api, 3) == [401] * 3
    assert "The cache cannot count attempts: ConnectionError" in caplog.text

    assert statuses(api, 3) == [401, 401, 429]
