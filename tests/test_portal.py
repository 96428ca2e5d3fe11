"""The endpoints of a developer portal: API tokens, one-time tokens, signing in by link."""

from datetime import timedelta
from functools import partial

import pytest
import time_machine
from django.urls import include, path
from django.utils import timezone

from django_jwtauth import api_tokens, conf, one_time, sessions
from django_jwtauth.models import Cause, Kind, LoginSession, Reason, Via
from django_jwtauth.operations import finding, revocation
from tests.changes import change_password, deactivate
from tests.conftest import PASSWORD, Client
from tests.forge import claims_of
from tests.hooks import many_scopes
from tests.racing import SlowBody, race
from tests.urls import urlpatterns as project

urlpatterns = [
    *project,
    path("api/", include("django_jwtauth.urls.portal")),
    path("oauth/", include("django_jwtauth.urls.oauth")),
]
pytestmark = [pytest.mark.urls(__name__), pytest.mark.django_db]


def used_hook(user, request):
    return {"amr": ["otp"]}


@pytest.fixture
def owner(pair, settings):
    """The user, signed in, where one-time tokens for one purpose may be made."""
    settings.JWTAUTH = {"ONE_TIME": {"PURPOSES": ["download"]}}
    return Client().with_token(pair.access)


def make(owner, **body):
    return owner.post("/api/api-tokens/", {"name": "deploy", **body})


def script(raw):
    return Client().with_token(raw)


# --- API tokens


@pytest.mark.django_db(transaction=True)
def test_made_listed_used_revoked(owner, user):
    """The whole life: shown once, listed without its text, its use seen, revoked, refused."""
    made = make(owner, expires_in=3600)
    assert made.status_code == 201
    raw, sid = made.json()["token"], made.json()["id"]

    assert script(raw).get("/api/me/", REMOTE_ADDR="192.0.2.7").json()["username"] == "anna"
    (listed,) = owner.get("/api/api-tokens/").json()
    assert listed["id"] == sid
    assert listed["last_used_ip"] == "192.0.2.7"
    assert raw not in str(listed)
    assert set(made.json()) == {*listed, "token"}

    assert owner.delete(f"/api/api-tokens/{sid}/").status_code == 204
    assert script(raw).get("/api/me/").json()["reason"] == "session_ended"
    assert owner.get("/api/api-tokens/").json() == []
    assert owner.delete(f"/api/api-tokens/{sid}/").status_code == 204


@pytest.mark.parametrize("url", ["/api/token/blacklist/", "/oauth/revoke/"])
def test_whoever_has_it_can_revoke_it(owner, url):
    """A script gives its token up at either door, and the list of live ones has it no more."""
    raw = make(owner).json()["token"]

    assert Client().post(url, {"token": raw}, format="multipart").status_code == 200

    assert script(raw).get("/api/me/").json()["reason"] == "session_ended"
    assert owner.get("/api/api-tokens/").json() == []


def test_its_jti_is_enough_to_revoke_it(owner):
    """An operator who has only the jti of a log line ends the row as well."""
    raw = make(owner).json()["token"]

    revocation.refuse(claims_of(raw)["jti"], Cause(reason="stolen", via=Via.COMMAND, note="x"))

    assert owner.get("/api/api-tokens/").json() == []


def test_signing_out_leaves_it_alone(owner, pair):
    """Neither signing out nor ending the other sign-ins touches API tokens."""
    raw = make(owner).json()["token"]

    assert owner.delete("/api/sessions/").status_code == 204
    assert Client().blacklist(refresh=pair.refresh).status_code == 200

    assert script(raw).get("/api/me/").status_code == 200


def test_it_is_not_among_the_sign_ins(owner):
    """The list of sign-ins has none, and an API token's id is unknown there."""
    sid = make(owner).json()["id"]

    assert len(owner.get("/api/sessions/").json()) == 1
    assert owner.delete(f"/api/sessions/{sid}/").status_code == 404


def test_a_script_manages_nothing(owner):
    """With an API token one makes no other, revokes none, and sees no sign-ins."""
    made = make(owner).json()
    bot = script(made["token"])

    answers = [
        make(bot),
        bot.get("/api/api-tokens/"),
        bot.delete(f"/api/api-tokens/{made['id']}/"),
        bot.get("/api/sessions/"),
        bot.delete("/api/sessions/"),
    ]

    assert [answer.status_code for answer in answers] == [403] * 5


def test_making_one_needs_a_recent_sign_in(user):
    """Fifteen minutes after signing in, a stolen access token makes no token any more."""
    with time_machine.travel(timezone.now(), tick=False) as clock:
        pair = sessions.start(user)
        clock.shift(timedelta(minutes=16))
        later = script(sessions.refresh(pair.refresh).access)
        answer = make(later)

        assert answer.status_code == 403
        assert answer.json()["code"] == "insufficient_user_authentication"
        assert later.get("/api/api-tokens/").status_code == 200


def test_too_many_are_refused(owner, settings):
    """One more than the limit is 409 with a stable reason, and leaves no live row."""
    settings.JWTAUTH = {"API_TOKENS": {"MAX_PER_USER": 1}}
    assert make(owner).status_code == 201

    answer = make(owner)

    assert answer.status_code == 409
    assert answer.json()["reason"] == "too_many_tokens"
    assert len(owner.get("/api/api-tokens/").json()) == 1


def test_making_them_is_limited(owner, settings, other_user):
    """One more than the rate is 429 with Retry-After and makes none; others are not affected."""
    settings.JWTAUTH = {"THROTTLES": {"RATES": {"api_token": "2/hour"}}}
    assert [make(owner).status_code for _ in range(2)] == [201, 201]

    answer = make(owner)

    assert (answer.status_code, answer.json()["reason"]) == (429, "throttled")
    assert 0 < int(answer.headers["Retry-After"]) <= 3601
    assert len(owner.get("/api/api-tokens/").json()) == 2
    assert make(Client().with_token(sessions.start(other_user).access)).status_code == 201


def test_revoking_makes_no_room(owner, settings):
    """Who makes and revokes all the time is limited as well: each leaves a row."""
    settings.JWTAUTH = {"THROTTLES": {"RATES": {"api_token": "2/hour"}}}
    for _ in range(2):
        owner.delete(f"/api/api-tokens/{make(owner).json()['id']}/")

    assert make(owner).status_code == 429


def test_without_a_rate_nothing_is_limited(owner, settings):
    """None is no limit."""
    settings.JWTAUTH = {"THROTTLES": {"RATES": {"api_token": None}}}

    assert {make(owner).status_code for _ in range(31)} == {201}


def test_a_form_that_is_wrong_is_not_counted(owner, settings):
    """What made no token uses nothing up."""
    settings.JWTAUTH = {"THROTTLES": {"RATES": {"api_token": "1/hour"}}}
    assert make(owner, expires_in=0).status_code == 400

    assert make(owner).status_code == 201


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "nul\0"}, "name"),
        ({"expires_in": 0}, "expires_in"),
        ({"expires_in": "soon"}, "expires_in"),
        ({"scope": "x" * 256}, "scope"),
    ],
)
def test_bad_bodies_are_told_by_field(owner, body, field):
    """What cannot be is 400 and names the field."""
    answer = make(owner, **body)

    assert answer.status_code == 400
    assert list(answer.json()) == [field]


@pytest.mark.parametrize("asked", [{}, {"scope": "reports:read reports:write"}])
def test_no_more_scopes_than_the_asking_token_has(user, settings, asked):
    """A narrowed access token, or one without scopes, cannot make an API token that has more."""
    settings.JWTAUTH = {"HOOKS": {"SCOPES": "tests.hooks.two_scopes"}}
    wide = sessions.start(user, claims={"scope": "jwtauth:manage reports:read reports:write"})
    narrow = sessions.refresh(wide.refresh, scope="jwtauth:manage reports:read")
    bare = sessions.start(user)

    for pair, scopes in ((narrow, ["reports:read"]), (bare, [])):
        answer = make(Client().with_token(pair.access), **asked).json()
        assert answer["scopes"] == scopes
        assert claims_of(answer["token"]).get("scope", "").split() == scopes


def test_too_many_scopes_are_a_400(user, settings):
    """Scopes that cannot be listed are the client's to narrow."""
    settings.JWTAUTH = {"HOOKS": {"SCOPES": "tests.hooks.many_scopes"}}
    names = " ".join(many_scopes(user, None))
    claims = {"scope": f"jwtauth:manage {names}"}
    owner = Client().with_token(sessions.start(user, claims=claims).access)

    answer = make(owner)

    assert answer.status_code == 400
    assert list(answer.json()) == ["scope"]


def test_foreign_tokens_are_not_found(owner, other_user):
    """Nobody revokes, or learns of, another user's token."""
    foreign = api_tokens.create(other_user, "deploy")

    assert owner.delete(f"/api/api-tokens/{foreign.session.sid}/").status_code == 404
    assert sessions.authenticate(foreign.raw)


def test_an_ended_sign_in_makes_none(user, owner):
    """Nor one that ends while the body is on its way: a thief who is cut off sends it slowly."""

    def cut_off():
        user.jwtauth_sessions.all().end(reason=Reason.STOLEN)

    body = SlowBody({"name": "deploy"}, meanwhile=cut_off)
    answer = owner.post("/api/api-tokens/", **body.sent)

    assert (answer.status_code, answer.json()["reason"]) == (401, "session_ended")
    assert not user.jwtauth_sessions.all().live().exists()


def test_it_needs_a_token(db):
    """Without signing in there is nothing to see or make."""
    assert make(Client()).status_code == 401
    assert Client().get("/api/api-tokens/").status_code == 401


def test_a_password_gives_no_api_token(user):
    """The endpoint takes no name and password: sign in first."""
    answer = Client().post(
        "/api/api-tokens/", {"name": "deploy", "username": "anna", "password": PASSWORD}
    )

    assert answer.status_code == 401


# --- signing in by link


def enter(raw):
    return Client().post("/api/token/one-time/", {"token": raw})


def test_a_magic_link_signs_in(user):
    """A token for signing in buys a pair; used again it is 401."""
    raw = one_time.create(user, one_time.SIGN_IN)

    answer = enter(raw)

    assert answer.status_code == 200
    assert Client().protected(answer.json()["access"]).json() == {"user": "anna"}
    assert Client().refresh(answer.json()["refresh"]).status_code == 200
    assert enter(raw).json()["reason"] == "session_ended"


@pytest.mark.parametrize(("body", "expected"), [({}, 3600), ({"remember": True}, 604800)])
def test_a_magic_link_may_be_remembered(user, settings, body, expected):
    """As at the form for name and password."""
    settings.JWTAUTH = {"SESSION_LIFETIME_NOT_REMEMBERED": 3600}
    raw = one_time.create(user, one_time.SIGN_IN)

    answer = Client().post("/api/token/one-time/", {"token": raw, **body})

    assert answer.json()["refresh_expires_in"] == expected


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
    """HOOKS["SCOPES"] may take away of the scopes that the token was issued with, and adds none."""
    settings.JWTAUTH = {"HOOKS": {"SCOPES": "tests.hooks.two_scopes"}}
    raw = one_time.create(
        user, one_time.SIGN_IN, claims=None if issued is None else {"scope": issued}
    )

    access = enter(raw).json()["access"]

    assert sessions.authenticate(access)[1].get("scope") == granted


def test_without_a_hook_a_link_opens_what_it_was_issued_for(user):
    """Where no hook says which scopes there are, those of the token are carried."""
    raw = one_time.create(user, one_time.SIGN_IN, claims={"scope": "reports:read"})

    access = enter(raw).json()["access"]

    assert sessions.authenticate(access)[1]["scope"] == "reports:read"


def test_other_purposes_do_not_sign_in(user):
    """A token for a download opens no session."""
    answer = enter(one_time.create(user, "download"))

    assert answer.status_code == 401
    assert answer.json()["reason"] == "wrong_type"


def test_the_sign_in_hook_has_its_say(user, settings):
    """What HOOKS["SIGN_IN"] refuses to a password it refuses to a link; its claims are carried."""
    settings.JWTAUTH = {"HOOKS": {"SIGN_IN": "tests.hooks.refuse"}}
    assert enter(one_time.create(user, one_time.SIGN_IN)).json()["reason"] == "sign_in_refused"

    settings.JWTAUTH = {"HOOKS": {"SIGN_IN": f"{__name__}.used_hook"}}
    answer = enter(one_time.create(user, one_time.SIGN_IN))
    assert sessions.authenticate(answer.json()["access"])[1]["amr"] == ["otp"]


@pytest.mark.parametrize(
    ("happens", "reason"),
    [(change_password, "credentials_changed"), (deactivate, "user_inactive")],
)
def test_a_link_from_before_opens_nothing(user, happens, reason):
    """Whoever changes the password, or deactivates the user, need not think of links."""
    raw = one_time.create(user, one_time.SIGN_IN)
    happens(user)

    answer = enter(raw)

    assert (answer.status_code, answer.json()["reason"]) == (401, reason)
    assert not LoginSession.objects.filter(kind=Kind.SIGN_IN).exists()


def test_signing_out_everywhere_ends_links(user, pair, other_user):
    """With the other sign-ins go links to sign in that were not used; nothing else does."""
    link, download = one_time.create(user, one_time.SIGN_IN), one_time.create(user, "download")
    foreign, other = one_time.create(other_user, one_time.SIGN_IN), sessions.start(user)
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
    raw = one_time.create(user, one_time.SIGN_IN)

    answers = [Client().post(url, {"token": raw}, format="multipart") for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert enter(raw).json()["reason"] == "session_ended"


@pytest.mark.parametrize("raw", ["x", "a.b.c", "é", "x" * 10_000])
def test_garbage_costs_no_query(db, statements, raw):
    """What is no token is 401 before the database is asked."""
    with statements(0):
        answer = enter(raw)

    assert answer.status_code == 401


# --- one-time tokens for other purposes


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
    raw = one_time.create(user, "confirm", claims={"email": "new@example.org"})

    assert use_up(raw, "confirm").json()["claims"] == {"email": "new@example.org"}


@pytest.mark.django_db(transaction=True)
def test_sixteen_requests_one_winner(user):
    """Of sixteen parallel requests one is 200, the others are 401; none is an error."""
    for _ in range(5):
        raw = one_time.create(user, "download")

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
    settings.JWTAUTH = {"ONE_TIME": {"PURPOSES": ["download", "sign_in"]}}

    (problem,) = conf.find_problems()
    assert problem.where == ("ONE_TIME", "PURPOSES")


def test_a_link_is_not_used_up_by_consuming(user):
    """At the endpoint for other purposes a sign-in link is refused, and is good afterwards."""
    raw = one_time.create(user, one_time.SIGN_IN)

    assert use_up(raw, one_time.SIGN_IN).json()["reason"] == "wrong_type"
    assert use_up(raw).json()["reason"] == "wrong_type"
    assert enter(raw).status_code == 200


def test_it_says_which_scopes_it_was_asked_for_with(user, settings):
    """What is asked for with a narrowed token must not open more than that."""
    settings.JWTAUTH = {"ONE_TIME": {"PURPOSES": ["download"]}}
    wide = sessions.start(user, claims={"scope": "jwtauth:manage reports:read reports:write"})
    narrow = sessions.refresh(wide.refresh, scope="jwtauth:manage reports:read")

    raw = ask(Client().with_token(narrow.access), scope="reports:write").json()["token"]

    assert use_up(raw).json()["claims"] == {"scope": "jwtauth:manage reports:read"}


def test_more_scopes_than_fit_are_no_error(user, settings):
    """A token whose scopes just fit is told so; it is no error of the server."""
    settings.JWTAUTH = {"ONE_TIME": {"PURPOSES": ["p" * 64]}}
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
    assert ask(Client().with_token(one_time.create(user, "download"))).status_code == 401


def test_an_ended_sign_in_makes_no_one_time_token(user, owner):
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
    body = {"token": one_time.create(user, "download"), "purpose": "download"}
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


def test_making_one_time_tokens_is_limited(owner, settings, other_user):
    """One more than the rate is 429 with Retry-After and makes none; others are not affected."""
    settings.JWTAUTH = {**settings.JWTAUTH, "THROTTLES": {"RATES": {"one_time": "2/hour"}}}
    assert [ask(owner).status_code for _ in range(2)] == [201, 201]

    answer = ask(owner)

    assert (answer.status_code, answer.json()["reason"]) == (429, "throttled")
    assert 0 < int(answer.headers["Retry-After"]) <= 3601
    assert LoginSession.objects.filter(kind=Kind.ONE_TIME).count() == 2
    assert ask(Client().with_token(sessions.start(other_user).access)).status_code == 201


def test_a_one_time_token_dies_with_its_sign_in(user, pair, settings):
    """Also the finding page says that it is refused."""
    settings.JWTAUTH = {"ONE_TIME": {"PURPOSES": ["download"]}}
    raw = ask(Client().with_token(pair.access)).json()["token"]
    assert finding.find(raw)[0].refusal is None

    sessions.blacklist(pair.refresh)

    assert use_up(raw).json()["reason"] == "session_ended"
    assert finding.find(raw)[0].refusal.reason == "session_ended"


def quoting_hook(user, request):
    raise ValueError("cannot reach postgres://root:secret@db")


def test_a_hook_that_fails_is_quoted_to_nobody(owner, settings):
    """Its ValueError is the project's mistake, not the client's."""
    settings.JWTAUTH = {"HOOKS": {"SCOPES": f"{__name__}.quoting_hook"}}

    with pytest.raises(ValueError, match="secret"):
        make(owner)
