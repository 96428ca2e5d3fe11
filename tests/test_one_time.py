"""One-time tokens, in Python and over HTTP (``portal``)."""

from datetime import timedelta
from functools import partial

import pytest
import time_machine
from asgiref.sync import async_to_sync
from django.urls import include, path
from django.utils import timezone

from django_jwtauth import api_tokens, conf, exceptions, one_time, sessions
from django_jwtauth.models import Kind, LoginSession, Reason
from django_jwtauth.operations import finding
from tests.conftest import Client
from tests.racing import SlowBody, race
from tests.urls import urlpatterns as project

urlpatterns = [
    *project,
    path("api/", include("django_jwtauth.urls.portal")),
    path("oauth/", include("django_jwtauth.urls.oauth")),
]
pytestmark = [pytest.mark.urls(__name__), pytest.mark.django_db]


def refuse_everybody(user, request):
    raise exceptions.SignInRefused


def two_scopes(user, request):
    return ["reports:read", "reports:write"]


def used_hook(user, request):
    return {"amr": ["otp"]}


def test_it_is_good_once(user):
    """The first consume() gives the user and the claims, the second is refused."""
    raw = one_time.issue(user, "download", claims={"file": "report.pdf"})

    assert one_time.consume(raw, "download") == (user, {"file": "report.pdf"})
    with pytest.raises(exceptions.SessionEnded):
        one_time.consume(raw, "download")
    row = LoginSession.objects.get()
    assert (row.kind, row.purpose, row.end_reason) == (Kind.ONE_TIME, "download", Reason.USED)


def test_it_is_good_for_its_purpose_only(user):
    """For another purpose it is refused, and is still good for its own."""
    raw = one_time.issue(user, "download")

    with pytest.raises(exceptions.WrongTokenType):
        one_time.consume(raw, one_time.SIGN_IN)
    assert one_time.consume(raw, "download")[0] == user


@pytest.mark.django_db(transaction=True)
def test_sixteen_consumers_one_winner(user):
    """Of sixteen parallel consumers exactly one gets through, twenty times over."""
    for _ in range(20):
        raw = one_time.issue(user, "download")

        results = race([partial(one_time.consume, raw, "download")] * 16)

        won = [result for result in results if isinstance(result, tuple)]
        lost = [result for result in results if isinstance(result, exceptions.SessionEnded)]
        assert (len(won), len(lost)) == (1, 15)


def test_it_lives_shortly(user):
    """After its lifetime it is refused; by default, ten minutes at most (ASVS 5.0, 6.5.5)."""
    assert timedelta(minutes=10) >= one_time.LIFETIME
    with time_machine.travel(timezone.now(), tick=False) as clock:
        raw = one_time.issue(user, "download")
        long = one_time.issue(user, "download", lifetime=one_time.MAX_LIFETIME)
        clock.shift(one_time.LIFETIME)
        with pytest.raises(exceptions.ExpiredToken):
            one_time.consume(raw, "download")
        clock.shift(one_time.MAX_LIFETIME - one_time.LIFETIME)
        with pytest.raises(exceptions.ExpiredToken):
            one_time.consume(long, "download")


@pytest.mark.parametrize(
    "lifetime", [timedelta(0), -timedelta(seconds=1), timedelta(days=1, seconds=1)]
)
def test_another_lifetime_is_refused(user, lifetime):
    """Over a day, or none: neither is made into one that nobody asked for."""
    for issue in (one_time.issue, async_to_sync(one_time.aissue)):
        with pytest.raises(ValueError, match="A one-time token m"):
            issue(user, "download", lifetime=lifetime)
    assert not LoginSession.objects.exists()


def test_a_changed_password_ends_it(user):
    """A link from before the password change opens nothing."""
    raw = one_time.issue(user, one_time.SIGN_IN)
    user.set_password("another")
    user.save()

    with pytest.raises(exceptions.CredentialsChanged):
        one_time.consume(raw, one_time.SIGN_IN)


def test_inactive_users_neither_get_nor_use_one(user):
    """Deactivation refuses both ends."""
    raw = one_time.issue(user, "download")
    user.is_active = False
    user.save()

    with pytest.raises(exceptions.UserInactive):
        one_time.issue(user, "download")
    with pytest.raises(exceptions.UserInactive):
        one_time.consume(raw, "download")


def test_reserved_claims_are_refused(user):
    """claims= cannot say whose token it is; no row is left."""
    with pytest.raises(ValueError, match="sub"):
        one_time.issue(user, "download", claims={"sub": "1"})
    assert not LoginSession.objects.exists()


def test_its_purpose_cannot_be_set_by_a_claim(user):
    """A claim named purpose does not change what the token is for."""
    raw = one_time.issue(user, "download", claims={"purpose": one_time.SIGN_IN})

    with pytest.raises(exceptions.WrongTokenType):
        one_time.consume(raw, one_time.SIGN_IN)


def test_it_is_no_other_kind_of_token(user, pair):
    """It neither authenticates nor refreshes nor verifies, and other kinds are not consumed."""
    raw = one_time.issue(user, one_time.SIGN_IN)

    for call in (sessions.authenticate, sessions.refresh, sessions.verify):
        with pytest.raises(exceptions.WrongTokenType):
            call(raw)
    for other in (pair.access, pair.refresh):
        with pytest.raises(exceptions.WrongTokenType):
            one_time.consume(other, one_time.SIGN_IN)


def test_it_can_be_given_up(user):
    """Blacklisted, it is used up: the row ends, and consume() refuses it."""
    raw = one_time.issue(user, "download")

    sessions.blacklist(raw, reason=Reason.STOLEN)

    with pytest.raises(exceptions.SessionEnded):
        one_time.consume(raw, "download")
    assert LoginSession.objects.get().end_reason == Reason.STOLEN


def test_async_twins(user):
    """aissue() and aconsume() do the same."""
    raw = async_to_sync(one_time.aissue)(user, "download", claims={"file": "a"})

    assert async_to_sync(one_time.aconsume)(raw, "download") == (user, {"file": "a"})


# --- over HTTP


def enter(raw):
    return Client().post("/api/token/one-time/", {"token": raw})


def test_a_magic_link_signs_in(user):
    """A token for signing in buys a pair; used again it is 401."""
    raw = one_time.issue(user, one_time.SIGN_IN)

    answer = enter(raw)

    assert answer.status_code == 200
    assert Client().protected(answer.json()["access"]).json() == {"user": "anna"}
    assert Client().refresh(answer.json()["refresh"]).status_code == 200
    assert enter(raw).json()["reason"] == "session_ended"


@pytest.mark.parametrize(
    ("issued", "granted"),
    [
        (None, "reports:read reports:write"),
        ("reports:read", "reports:read"),
        ("reports:read users:delete", "reports:read"),
        ("users:delete", ""),
        ("", ""),
    ],
)
def test_a_link_opens_no_more_than_it_was_issued_for(user, settings, issued, granted):
    """SCOPES_HOOK may take away of the scopes that the token was issued with, and adds none."""
    settings.JWTAUTH = {"SCOPES_HOOK": f"{__name__}.two_scopes"}
    raw = one_time.issue(
        user, one_time.SIGN_IN, claims=None if issued is None else {"scope": issued}
    )

    access = enter(raw).json()["access"]

    assert sessions.authenticate(access)[1].get("scope") == granted


def test_without_a_hook_a_link_opens_what_it_was_issued_for(user):
    """Where no hook says which scopes there are, those of the token are carried."""
    raw = one_time.issue(user, one_time.SIGN_IN, claims={"scope": "reports:read"})

    access = enter(raw).json()["access"]

    assert sessions.authenticate(access)[1]["scope"] == "reports:read"


def test_other_purposes_do_not_sign_in(user):
    """A token for a download opens no session."""
    answer = enter(one_time.issue(user, "download"))

    assert answer.status_code == 401
    assert answer.json()["reason"] == "wrong_type"


def test_the_sign_in_hook_has_its_say(user, settings):
    """What SIGN_IN_HOOK refuses to a password it refuses to a link; its claims are carried."""
    settings.JWTAUTH = {"SIGN_IN_HOOK": f"{__name__}.refuse_everybody"}
    assert enter(one_time.issue(user, one_time.SIGN_IN)).json()["reason"] == "sign_in_refused"

    settings.JWTAUTH = {"SIGN_IN_HOOK": f"{__name__}.used_hook"}
    answer = enter(one_time.issue(user, one_time.SIGN_IN))
    assert sessions.authenticate(answer.json()["access"])[1]["amr"] == ["otp"]


def change_password(user):
    user.set_password("another")
    user.save()


def deactivate(user):
    user.is_active = False
    user.save()


@pytest.mark.parametrize(
    ("happens", "reason"),
    [(change_password, "credentials_changed"), (deactivate, "user_inactive")],
)
def test_a_link_from_before_opens_nothing(user, happens, reason):
    """Whoever changes the password, or deactivates the user, need not think of links."""
    raw = one_time.issue(user, one_time.SIGN_IN)
    happens(user)

    answer = enter(raw)

    assert (answer.status_code, answer.json()["reason"]) == (401, reason)
    assert not LoginSession.objects.filter(kind=Kind.SIGN_IN).exists()


def test_signing_out_everywhere_ends_links(user, pair, other_user):
    """With the other sign-ins go links to sign in that were not used; nothing else does."""
    link, download = one_time.issue(user, one_time.SIGN_IN), one_time.issue(user, "download")
    foreign, other = one_time.issue(other_user, one_time.SIGN_IN), sessions.start(user)
    api = Client().with_token(pair.access)

    assert api.delete("/api/sessions/").status_code == 204

    assert enter(link).json()["reason"] == "session_ended"
    assert Client().protected(other.access).json()["reason"] == "session_ended"
    assert Client().protected(pair.access).status_code == 200
    assert one_time.consume(download, "download")[0] == user
    assert enter(foreign).status_code == 200


@pytest.mark.parametrize("url", ["/api/token/blacklist/", "/oauth/revoke/"])
def test_a_link_can_be_revoked(user, url):
    """At either door it is 200 without a word, twice as well, and the link opens nothing."""
    raw = one_time.issue(user, one_time.SIGN_IN)

    answers = [Client().post(url, {"token": raw}, format="multipart") for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert enter(raw).json()["reason"] == "session_ended"


@pytest.mark.parametrize("raw", ["x", "a.b.c", "é", "x" * 10_000])
def test_garbage_costs_no_query(db, statements, raw):
    """What is no token is 401 before the database is asked."""
    with statements(0):
        answer = enter(raw)

    assert answer.status_code == 401


# --- other purposes over HTTP


@pytest.fixture
def owner(pair, settings):
    """The user, signed in, where tokens for one purpose may be made."""
    settings.JWTAUTH = {"ONE_TIME_PURPOSES": ["download"]}
    return Client().with_token(pair.access)


def ask(api, **body):
    return api.post("/api/one-time-tokens/", {"purpose": "download", **body})


def use_up(raw, purpose="download"):
    body = {"token": raw, "purpose": purpose}
    return Client().post("/api/one-time-tokens/consume/", body)


def test_made_and_used_up_over_http(owner, user):
    """Its owner makes one; whoever holds it uses it up, once, and is told whose it is."""
    made = ask(owner, expires_in=60)
    assert made.status_code == 201
    raw = made.json()["token"]
    assert made.json() == {"token": raw, "purpose": "download", "expires_in": 60}

    answer = use_up(raw)

    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json() == {
        "user_id": str(user.pk),
        "username": "anna",
        "purpose": "download",
        "claims": {},
    }
    again = use_up(raw)
    assert (again.status_code, again.json()["reason"]) == (401, "session_ended")


def test_what_the_project_put_in_comes_out(user):
    """A token that was issued in Python is used up over HTTP, its claims are in the answer."""
    raw = one_time.issue(user, "confirm", claims={"email": "new@example.org"})

    assert use_up(raw, "confirm").json()["claims"] == {"email": "new@example.org"}


@pytest.mark.django_db(transaction=True)
def test_sixteen_requests_one_winner(user):
    """Of sixteen parallel requests one is 200, the others are 401; none is an error."""
    for _ in range(5):
        raw = one_time.issue(user, "download")

        results = race([partial(use_up, raw)] * 16)

        assert sorted(answer.status_code for answer in results) == [200] + [401] * 15


@pytest.mark.parametrize("purpose", ["confirm", "sign_in", "Download", ""])
def test_only_listed_purposes_can_be_asked_for(owner, purpose):
    """Above all not signing in: who has an access token must not get a new sign-in for it."""
    answer = ask(owner, purpose=purpose)

    assert answer.status_code == 400
    assert list(answer.json()) == ["purpose"]
    assert not LoginSession.objects.filter(kind=Kind.ONE_TIME).exists()


@pytest.mark.parametrize("purpose", [r"\ud800", "x" * 50_000])
def test_what_was_asked_for_is_not_repeated(owner, purpose):
    """Not every text fits into an answer: a lone surrogate was a 500."""
    body = f'{{"purpose": "{purpose}"}}'
    answer = owner.post("/api/one-time-tokens/", body, content_type="application/json")

    assert answer.status_code == 400
    assert set(answer.json()) == {"purpose"}
    assert len(answer.content) < 200


def test_without_the_setting_none_can_be_asked_for(pair):
    """A project that lists nothing opens nothing."""
    assert ask(Client().with_token(pair.access)).status_code == 400


def test_signing_in_cannot_be_listed(settings):
    """The setting itself refuses it."""
    settings.JWTAUTH = {"ONE_TIME_PURPOSES": ["download", "sign_in"]}

    (problem,) = conf.find_problems()
    assert problem.setting == "ONE_TIME_PURPOSES"


def test_a_link_is_not_used_up_by_consuming(user):
    """At the endpoint for other purposes a sign-in link is refused, and is good afterwards."""
    raw = one_time.issue(user, one_time.SIGN_IN)

    assert use_up(raw, one_time.SIGN_IN).json()["reason"] == "wrong_type"
    assert use_up(raw).json()["reason"] == "wrong_type"
    assert enter(raw).status_code == 200


def test_it_says_which_scopes_it_was_asked_for_with(user, settings):
    """What is asked for with a narrowed token must not open more than that."""
    settings.JWTAUTH = {"ONE_TIME_PURPOSES": ["download"]}
    wide = sessions.start(user, claims={"scope": "jwtauth:manage reports:read reports:write"})
    narrow = sessions.refresh(wide.refresh, scope="jwtauth:manage reports:read")

    raw = ask(Client().with_token(narrow.access), scope="reports:write").json()["token"]

    assert use_up(raw).json()["claims"] == {"scope": "jwtauth:manage reports:read"}


def test_more_scopes_than_fit_are_no_error(user, settings):
    """A token whose scopes just fit is told so; it is no error of the server."""
    settings.JWTAUTH = {"ONE_TIME_PURPOSES": ["p" * 64]}
    api = Client()
    for length in range(5950, 5700, -10):
        scope = " ".join(f"{number:099}" for number in range(length // 100)) + "x" * (length % 100)
        try:
            claims = {"scope": f"jwtauth:manage {scope}"}
            api.with_token(sessions.start(user, claims=claims).access)
        except ValueError:
            continue
        answer = ask(api, purpose="p" * 64)
        break

    assert (answer.status_code, list(answer.json())) == (400, ["purpose"])


def test_only_a_person_makes_one(owner, user, pair):
    """No token: 401. An API token, or a one-time token, makes none."""
    script = api_tokens.create(user, "deploy").raw

    assert ask(Client()).status_code == 401
    assert ask(Client().with_token(script)).status_code == 403
    assert ask(Client().with_token(one_time.issue(user, "download"))).status_code == 401


def test_an_ended_sign_in_makes_none(user, owner):
    """Nor one that ends while the body is on its way: a thief who is cut off sends it slowly."""

    def cut_off():
        user.jwtauth_sessions.all().end(reason=Reason.STOLEN)

    body = SlowBody({"purpose": "download"}, meanwhile=cut_off)
    answer = owner.post("/api/one-time-tokens/", **body.sent)

    assert (answer.status_code, answer.json()["reason"]) == (401, "session_ended")
    assert not user.jwtauth_sessions.all().live().exists()


@pytest.mark.parametrize("field", ["token", "purpose"])
@pytest.mark.parametrize("value", [None, "", 7, [], {}, "nul\0", "x" * 65, "é"])
def test_bad_bodies_are_no_error(user, field, value):
    """Whatever is sent is told to be wrong, in 4xx."""
    body = {"token": one_time.issue(user, "download"), "purpose": "download"}
    answer = Client().post("/api/one-time-tokens/consume/", {**body, field: value})

    assert answer.status_code in (400, 401)


@pytest.mark.parametrize("value", [0, -1, "soon", 10**10, 1.5, None])
def test_bad_lifetimes_are_no_error(owner, value):
    """The field is named."""
    answer = ask(owner, expires_in=value)

    assert (answer.status_code, list(answer.json())) == (400, ["expires_in"])


def test_nobody_asks_for_more_than_a_day(owner):
    """The field is named; a day itself is fine."""
    answer = ask(owner, expires_in=24 * 3600 + 1)
    assert (answer.status_code, list(answer.json())) == (400, ["expires_in"])
    assert ask(owner, expires_in=24 * 3600).json()["expires_in"] == 24 * 3600


def test_making_them_is_limited(owner, settings, other_user):
    """One more than the rate is 429 with Retry-After and makes none; others are not affected."""
    settings.JWTAUTH = {**settings.JWTAUTH, "THROTTLE_RATES": {"one_time": "2/hour"}}
    assert [ask(owner).status_code for _ in range(2)] == [201, 201]

    answer = ask(owner)

    assert (answer.status_code, answer.json()["reason"]) == (429, "throttled")
    assert 0 < int(answer.headers["Retry-After"]) <= 3601
    assert LoginSession.objects.filter(kind=Kind.ONE_TIME).count() == 2
    assert ask(Client().with_token(sessions.start(other_user).access)).status_code == 201


@pytest.mark.parametrize("purpose", ["", "x" * 65])
def test_a_purpose_that_fits_no_column_is_a_mistake(user, purpose):
    """In Python it is a ValueError on every database, and no row is left."""
    with pytest.raises(ValueError, match="purpose"):
        one_time.issue(user, purpose)
    assert not LoginSession.objects.exists()


# --- what is made from a sign-in


END_PARENT = {
    "signed out": lambda user, pair: sessions.blacklist(pair.refresh),
    "ended elsewhere": lambda user, pair: LoginSession.objects.filter(pk=pair.session_id).end(),
    "replayed": lambda user, pair: replay(pair),
    "deleted": lambda user, pair: LoginSession.objects.filter(pk=pair.session_id).delete(),
    "expired": lambda user, pair: LoginSession.objects.filter(pk=pair.session_id).update(
        expires_at=timezone.now()
    ),
}


def replay(pair):
    sessions.refresh(sessions.refresh(pair.refresh).refresh)
    with pytest.raises(exceptions.RefreshTokenReused):
        sessions.refresh(pair.refresh)


@pytest.mark.parametrize("how", END_PARENT)
@pytest.mark.parametrize("purpose", ["download", one_time.SIGN_IN])
def test_a_token_dies_with_the_sign_in_it_was_made_from(user, how, purpose):
    """Whoever was signed out because a token was stolen left no door behind."""
    pair, other = sessions.start(user), sessions.start(user)
    raw, others = (
        one_time.issue(user, purpose, parent=sessions.authenticate(one.access)[1])
        for one in (pair, other)
    )

    END_PARENT[how](user, pair)

    with pytest.raises(exceptions.SessionEnded):
        one_time.consume(raw, purpose)
    assert one_time.consume(others, purpose) == (user, {})


def test_one_made_over_http_dies_with_its_sign_in(user, pair, settings):
    """Also the finding page says that it is refused."""
    settings.JWTAUTH = {"ONE_TIME_PURPOSES": ["download"]}
    raw = ask(Client().with_token(pair.access)).json()["token"]
    assert finding.find(raw)[0].refusal is None

    sessions.blacklist(pair.refresh)

    assert use_up(raw).json()["reason"] == "session_ended"
    assert finding.find(raw)[0].refusal.reason == "session_ended"


def test_a_token_lives_on_through_the_refreshes_of_its_sign_in(user, pair):
    """And after the access token it was made with has been blacklisted alone."""
    raw = one_time.issue(user, "download", parent=sessions.authenticate(pair.access)[1])
    sessions.refresh(pair.refresh)
    sessions.blacklist(pair.access)

    assert one_time.consume(raw, "download") == (user, {})


def test_what_is_made_without_a_sign_in_has_none_to_die_with(user, pair):
    """A mailed link is good after everything else of its user ended."""
    raw = one_time.issue(user, "download")
    sessions.blacklist(pair.refresh)

    assert one_time.consume(raw, "download") == (user, {})


def test_nobody_sets_the_parent_by_hand(user):
    """It is a claim of this package."""
    with pytest.raises(ValueError, match="parent_sid"):
        one_time.issue(user, "download", claims={"parent_sid": "x"})
