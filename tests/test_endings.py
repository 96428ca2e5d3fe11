from functools import partial
from types import SimpleNamespace
from uuid import UUID

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.db import DatabaseError, OperationalError, connection, models, transaction
from django.test import Client as Browser
from django.test.utils import isolate_apps, override_settings
from django.urls import include, path

from django_jwtauth import api_tokens, one_time, sessions, testing
from django_jwtauth.authentication import JWTAuthentication, JWTCookieAuthentication
from django_jwtauth.exceptions import AuthError, InsufficientUserAuthentication
from django_jwtauth.models import Kind, LoginSession
from django_jwtauth.signins import endings
from django_jwtauth.views.portal import MakingView
from tests.calls import reason_of
from tests.changes import change_password, deactivate
from tests.conftest import PASSWORD, Client
from tests.forge import claims_of
from tests.pages import DOCS, read_blocks
from tests.racing import race
from tests.rows import ends
from tests.urls import urlpatterns as project

urlpatterns = [
    *project,
    path("browser/", include("django_jwtauth.urls.browser")),
    path("portal/", include("django_jwtauth.urls.portal")),
]


# --- one row


def sign_out(user, pair):
    """A browser that has only the access cookie left, as behind a proxy that changes paths."""
    browser = Browser()
    browser.cookies["__Host-jwtauth_access"] = pair.access
    assert browser.post("/browser/token/blacklist/").status_code == 200


def delete_api_token(user, pair):
    sid = api_tokens.create(user, "ci").session.sid
    client = Client().with_token(pair.access)
    assert client.delete(f"/portal/api-tokens/{sid}/").status_code == 204


def make_too_many(user, pair):
    api_tokens.create(user, "ci")
    with override_settings(JWTAUTH={"API_TOKENS": {"MAX_PER_USER": 1}}):
        assert reason_of(api_tokens.create, user, "ci") == "too_many_tokens"


def make_while_ended(user, pair):
    """The caller's own sign-in ends after it was checked."""
    link = one_time.create(user, "export")
    view = MakingView(request=SimpleNamespace(auth=claims_of(pair.access)))
    User.objects.update(password="!")
    assert reason_of(view.confirm, claims_of(link)["sid"]) == "credentials_changed"


ONE_ROW = {
    "project code": lambda user, pair: sessions.end(pair.session_id),
    "sign-out": lambda user, pair: sessions.blacklist(pair.refresh),
    "sign-out of a browser": sign_out,
    "own list": lambda user, pair: (
        Client().with_token(pair.access).delete(f"/api/sessions/{pair.session_id.hex}/")
    ),
    "API token deleted": delete_api_token,
    "too many API tokens": make_too_many,
    "made while the caller's own ended": make_while_ended,
    "used": lambda user, pair: one_time.consume(one_time.create(user, "export"), "export"),
    "password changed": lambda user, pair: (
        User.objects.update(password="!") and reason_of(sessions.refresh, pair.refresh)
    ),
    "test of a project": lambda user, pair: testing.make_revoked_token(user),
}


@pytest.mark.urls(__name__)
@pytest.mark.parametrize("door", ONE_ROW.values(), ids=ONE_ROW)
def test_what_ends_one_row_ends_it_in_one_place(user, pair, monkeypatch, door):
    """Whichever door it came through, the row, its record and the signal are written alike."""
    ended, real = [], endings.end_one

    def end_one(sid, cause, **more):
        ended.append(UUID(str(sid)))
        return real(sid, cause, **more)

    monkeypatch.setattr(endings, "end_one", end_one)

    door(user, pair)

    [row] = LoginSession.objects.exclude(ended_at=None)
    assert ended == [row.pk]


# --- a user is saved or deleted


def deactivate_only(user):
    user.is_active = False
    user.save(update_fields=["is_active"])


def set_password_only(user):
    user.set_password("another")
    user.save(update_fields=["password"])


def lock_password(user):
    user.set_unusable_password()
    user.save()


class Proxy(User):
    class Meta:
        proxy = True
        app_label = "auth"


CHANGES = {
    "deactivated": (deactivate, ("user_inactive", "deactivation")),
    "deactivated, one field": (deactivate_only, ("user_inactive", "deactivation")),
    "password": (change_password, ("credentials_changed", "password_change")),
    "password, one field": (set_password_only, ("credentials_changed", "password_change")),
    "unusable password": (lock_password, ("credentials_changed", "password_change")),
    "deleted": (lambda user: user.delete(), ("user_deleted", "deletion")),
    "deleted, as a queryset": (
        lambda user: User.objects.filter(pk=user.pk).delete(),
        ("user_deleted", "deletion"),
    ),
}


@pytest.mark.parametrize(("change", "end"), CHANGES.values(), ids=CHANGES)
def test_a_change_of_the_user_ends_all_of_theirs_at_once(user, others, change, end):
    """Sign-ins, API tokens and links, before anybody uses one; nobody else's."""
    change(user)

    assert ends() == [("", ""), end, end, end, end]


@pytest.mark.parametrize(("change", "end"), CHANGES.values(), ids=CHANGES)
def test_a_change_by_a_proxy_ends_them_as_well(user, others, change, end):
    """Django sends the signal for the class that was saved, and no other."""
    endings.post_save.connect(endings.after_save, Proxy, dispatch_uid="test")
    endings.pre_delete.connect(endings.before_delete, Proxy, dispatch_uid="test")
    try:
        change(Proxy.objects.get(pk=user.pk))
    finally:
        endings.post_save.disconnect(sender=Proxy, dispatch_uid="test")
        endings.pre_delete.disconnect(sender=Proxy, dispatch_uid="test")

    assert ends() == [("", ""), end, end, end, end]


@isolate_apps()
def test_a_subclass_with_a_key_of_its_own_ends_what_its_user_has(user, other_user, others):
    """Not those of whoever has that key among the users (multi-table inheritance)."""

    class Clerk(User):
        number = models.AutoField(primary_key=True)
        base = models.OneToOneField(User, models.CASCADE, parent_link=True)

        class Meta:
            app_label = "auth"

    clerk = Clerk(
        number=other_user.pk,
        base=user,
        **{field.attname: getattr(user, field.attname) for field in User._meta.concrete_fields},
    )
    clerk._state.adding = False
    clerk.is_active = False
    endings.after_save(clerk, created=False, raw=False)

    end = ("user_inactive", "deactivation")
    assert ends() == [("", ""), end, end, end, end]


def test_other_changes_cost_no_statement_and_end_nothing(user, others, statements):
    """A name, a last login: one UPDATE, the user's own."""
    for fields in (["first_name"], ["last_login"], None):
        user.first_name = "Anna"
        with statements(1):
            user.save(update_fields=fields)
    assert ends() == [("", "")] * 5


def test_saving_the_same_password_again_keeps_what_matches(user, others):
    """What can still sign a request goes on."""
    hashed = user.password
    user.set_password(PASSWORD)
    user.password = hashed
    user.save()

    assert ends() == [("", "")] * 5


def test_api_tokens_may_survive_the_password_but_no_deactivation(user, others, settings):
    """API_TOKENS["SURVIVE_PASSWORD_CHANGE"] is about passwords."""
    settings.JWTAUTH = {"API_TOKENS": {"SURVIVE_PASSWORD_CHANGE": True}}
    change_password(user)
    living = LoginSession.objects.filter(ended_at=None, user=user)
    assert [session.kind for session in living] == [Kind.API_TOKEN]

    deactivate(user)
    assert not living.all().exists()


@pytest.mark.parametrize("change", [deactivate, deactivate_only])
def test_reactivating_revives_nothing(user, pair, change):
    """No token from before is good again."""
    change(user)
    user.is_active = True
    user.save()

    assert reason_of(sessions.authenticate, pair.access) == "session_ended"
    assert reason_of(sessions.refresh, pair.refresh) == "session_ended"


USES = {
    "access token": lambda tokens: sessions.authenticate(tokens["pair"].access),
    "refresh token": lambda tokens: sessions.refresh(tokens["pair"].refresh),
    "API token": lambda tokens: sessions.authenticate(tokens["api"]),
    "link": lambda tokens: one_time.consume(tokens["link"], one_time.SIGN_IN),
}


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_an_update_that_deactivates_is_found_at_the_next_use(user, pair, use):
    """One token that is used ends all that the user has; reactivating revives none."""
    tokens = {
        "pair": pair,
        "api": api_tokens.create(user, "ci").raw,
        "link": one_time.create(user, one_time.SIGN_IN),
    }
    User.objects.update(is_active=False)
    assert reason_of(use, tokens) == "user_inactive"
    assert ends() == [("user_inactive", "deactivation")] * 3

    User.objects.update(is_active=True)
    for other in USES.values():
        assert reason_of(other, tokens) == "session_ended"


def test_a_database_that_cannot_write_still_refuses(user, pair):
    """401 it is, also within a transaction, which goes on."""
    User.objects.update(is_active=False)

    def fail(execute, sql, params, many, context):
        if sql.startswith("UPDATE"):
            raise DatabaseError("read-only")
        return execute(sql, params, many, context)

    with transaction.atomic(), connection.execute_wrapper(fail):
        assert reason_of(sessions.authenticate, pair.access) == "user_inactive"
        assert User.objects.count() == 1
    assert ends() == [("", "")]


def test_a_request_with_another_secret_key_ends_nothing(user, pair, settings):
    """During a deploy, a process of the release before refuses what a new one has written."""
    claims = sessions.authenticate(pair.access)[1]
    LoginSession.objects.update(auth_hash="made under another key")

    assert reason_of(endings.load_user, claims) == "credentials_changed"
    assert ends() == [("", "")]


# --- one is kept


def recipes():
    """Return the names that the page about the Python API defines for changing a password."""
    names = {"__name__": __name__}
    for block in read_blocks(DOCS / "python.md"):
        if block.heading == "Change a password" and "allauth" not in block.code:
            exec(block.code, names)
    return names


RECIPES = recipes()
NEW_PASSWORD = "wonderland-43"
FIELDS = {
    "old_password": PASSWORD,
    "new_password1": NEW_PASSWORD,
    "new_password2": NEW_PASSWORD,
}
urlpatterns += [
    path(
        "password/",
        RECIPES["ChangePasswordView"].as_view(
            authentication_classes=[JWTAuthentication, JWTCookieAuthentication]
        ),
    ),
    path("django/", RECIPES["KeepingPasswordChangeView"].as_view(success_url="/done/")),
]


def requesting(pair, user=None):
    """A request that is signed in with the access token of ``pair``."""
    return SimpleNamespace(auth=claims_of(pair.access))


@pytest.fixture
def left(user):
    """What ends with the password: another sign-in, an API token and a link."""
    api_tokens.create(user, "ci")
    one_time.create(user, "export")
    sessions.start(user)
    return lambda: {kind: LoginSession.objects.live().of_kind(kind).count() for kind in Kind}


ONLY_ONE = {**dict.fromkeys(Kind, 0), Kind.SIGN_IN: 1}


@pytest.mark.urls(__name__)
@pytest.mark.parametrize("door", ["DRF, header", "DRF, cookie", "Django, header"])
def test_changing_the_password_keeps_the_current_sign_in(user, pair, left, settings, door):
    """As the documentation shows it: both tokens go on, everything else is over."""
    settings.MIDDLEWARE = [
        *settings.MIDDLEWARE,
        "django_jwtauth.middleware.JWTAuthenticationMiddleware",
    ]
    client = Browser()
    address = "/django/" if "Django" in door else "/password/"
    if "cookie" in door:
        client.cookies["__Host-jwtauth_access"] = pair.access
        answer = client.post(address, FIELDS)
    else:
        answer = client.post(address, FIELDS, headers={"Authorization": f"Bearer {pair.access}"})

    assert (answer.status_code, answer.get("Location")) in [(200, None), (302, "/done/")]
    user.refresh_from_db()
    assert user.check_password(NEW_PASSWORD)
    assert left() == ONLY_ONE
    assert sessions.authenticate(pair.access)[0] == user
    assert sessions.authenticate(sessions.refresh(pair.refresh).access)[0] == user
    row = LoginSession.objects.get(pk=pair.session_id)
    assert (row.end_reason, row.ended_via, row.ended_by, row.end_note) == ("", "", None, "")


@pytest.mark.urls(__name__)
def test_a_page_for_sessions_needs_no_token(user, pair, settings):
    """Django's view changes the password of who is signed in by a session; no sign-in is kept."""
    client = Browser()
    client.force_login(user)

    assert client.post("/django/", FIELDS).status_code == 302
    assert client.get("/django/").status_code == 200
    assert not LoginSession.objects.live().exists()


@pytest.mark.urls(__name__)
def test_a_wrong_old_password_changes_nothing(pair, left):
    """400 from the form, and every sign-in goes on."""
    before = left()
    answer = Client().with_token(pair.access).post("/password/", {**FIELDS, "old_password": "x"})

    assert (answer.status_code, [*answer.json()]) == (400, ["old_password"])
    assert left() == before


@pytest.mark.urls(__name__)
def test_an_api_token_changes_no_password(user):
    """403; a view without IsPerson gets the same answer from keep(), and rolls back."""
    raw = api_tokens.create(user, "ci").raw
    client = Client().with_token(raw)
    assert client.post("/password/", FIELDS).json()["code"] == "insufficient_user_authentication"

    request = SimpleNamespace(auth=claims_of(raw))
    with pytest.raises(InsufficientUserAuthentication), transaction.atomic():
        change_password(user)
        sessions.keep(request, user)
    assert sessions.authenticate(raw)


def test_who_acts_for_the_user_keeps_nothing(user, pair):
    """An operator's token is not the user's, whatever view it has reached."""
    request = SimpleNamespace(auth={**claims_of(pair.access), "act": {"sub": "2"}})
    change_password(user)

    assert reason_of(sessions.keep, request, user) == "insufficient_user_authentication"


def test_a_change_by_an_update_keeps_and_ends_as_well(user, pair, left):
    """No receiver has heard of it, so keep() ends the others."""
    User.objects.filter(pk=user.pk).update(password=make_password("another"))
    user.refresh_from_db()

    sessions.keep(requesting(pair), user)
    assert left() == ONLY_ONE
    assert sessions.refresh(pair.refresh)


def test_keeping_without_a_change_ends_nothing(user, pair, left):
    """Nothing is stale."""
    before = left()
    sessions.keep(requesting(pair), user)

    assert left() == before


def test_api_tokens_that_survive_a_password_survive_this(user, pair, settings):
    """The setting holds, whoever ends the others."""
    settings.JWTAUTH = {"API_TOKENS": {"SURVIVE_PASSWORD_CHANGE": True}}
    raw = api_tokens.create(user, "ci").raw
    change_password(user)
    sessions.keep(requesting(pair), user)

    assert sessions.authenticate(raw)
    assert sessions.authenticate(pair.access)


def test_what_keeping_costs(user, pair, statements):
    """The user, the row, the other rows."""
    change_password(user)
    with statements(3):
        sessions.keep(requesting(pair), user)


def test_keeping_from_async_code(user, pair):
    """akeep() is the same."""
    change_password(user)
    async_to_sync(sessions.akeep)(requesting(pair), user)

    assert sessions.authenticate(pair.access)


WITHOUT_A_SIGN_IN = {
    "no claims": SimpleNamespace(),
    "anonymous": SimpleNamespace(auth=None),
    "another package's token": SimpleNamespace(auth=object()),
    "another package's claims": SimpleNamespace(auth={"sub": "1"}),
    "a refresh token": SimpleNamespace(auth={"token_type": "refresh", "sid": "0" * 32}),
    "an odd sid": SimpleNamespace(auth={"token_type": "access", "sid": "x' OR 1"}),
    "another issuer": SimpleNamespace(
        auth={"token_type": "access", "sid": "0" * 32, "sub": "1", "iss": "https://b.example"}
    ),
}


@pytest.mark.parametrize("request_", WITHOUT_A_SIGN_IN.values(), ids=WITHOUT_A_SIGN_IN)
def test_a_request_without_a_sign_in_keeps_none(user, request_):
    """A mistake of the project, not a refusal."""
    change_password(user)

    with pytest.raises(ValueError, match="no access token of a sign-in"):
        sessions.keep(request_, user)


def test_only_ones_own_sign_in_is_kept(user, other_user, pair):
    """An operator who sets somebody's password keeps neither."""
    change_password(other_user)
    with pytest.raises(ValueError, match="request's own user"):
        sessions.keep(requesting(pair), other_user)


def test_the_password_must_be_saved_first(user, pair):
    """Otherwise the sign-in would match a password that nobody has."""
    user.set_password("another")
    with pytest.raises(ValueError, match=r"call user\.save\(\) before keep"):
        sessions.keep(requesting(pair), user)
    assert sessions.authenticate(pair.access)

    user._password = None
    assert reason_of(sessions.keep, requesting(pair), user) == "credentials_changed"
    assert sessions.authenticate(pair.access)


NOT_REVIVED = {
    "signed out": lambda user, pair: sessions.end(pair.session_id),
    "ended by an operator": lambda user, pair: sessions.end(
        pair.session_id, reason="stolen", via="admin"
    ),
    "ended by an earlier change": lambda user, pair: change_password(User.objects.get(pk=user.pk)),
    "purged": lambda user, pair: LoginSession.objects.all().delete(),
}


@pytest.mark.parametrize("before", NOT_REVIVED.values(), ids=NOT_REVIVED)
def test_what_had_ended_before_stays_ended(user, pair, before):
    """Only what this very save() has ended is revived; a thief's request in flight gets nothing."""
    before(user, pair)
    user.set_password("third")
    user.save()

    assert reason_of(sessions.keep, requesting(pair), user) == "session_ended"
    assert not LoginSession.objects.live().exists()


def test_what_ended_meanwhile_stays_ended(user, pair):
    """Between save() and keep(), an operator found the sign-in and wrote down why it ends."""
    change_password(user)
    LoginSession.objects.update(ended_at=None)
    sessions.end(pair.session_id, reason="stolen", via="admin")

    assert reason_of(sessions.keep, requesting(pair), user) == "session_ended"
    assert LoginSession.objects.get().end_reason == "stolen"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda user: change_password(User.objects.get(pk=user.pk)), "credentials_changed"),
        (lambda user: User.objects.update(password="!"), "credentials_changed"),
        (lambda user: User.objects.update(is_active=False), "user_inactive"),
        (lambda user: User.objects.all().delete(), "user_not_found"),
    ],
    ids=["changed again", "changed again, unheard", "deactivated", "deleted"],
)
def test_a_change_between_save_and_keep_prevails(user, pair, change, reason):
    """What the database says of the user counts, not the object."""
    change_password(user)
    change(user)

    assert reason_of(sessions.keep, requesting(pair), user) == reason
    assert not accepted(pair)


def test_a_blacklisted_access_token_keeps_nothing(user, pair):
    """It was refused since the request began."""
    change_password(user)
    sessions.blacklist(pair.access)

    assert reason_of(sessions.keep, requesting(pair), user) == "blacklisted"


@pytest.mark.django_db(transaction=True)
def test_two_password_changes_at_once_keep_one(user):
    """Two devices, each with the old password: one change wins, and its sign-in alone is live."""
    for _ in range(5):
        LoginSession.objects.all().delete()
        user.set_password(PASSWORD)
        user.save()
        pairs = [sessions.start(user) for _ in range(2)]

        # Both have read the user, and found the old password right, before either saves.
        read = [User.objects.get(pk=user.pk) for _ in pairs]

        def change(mine, pair, password):
            with transaction.atomic():
                mine.set_password(password)
                mine.save()
                sessions.keep(requesting(pair), mine)
            return password

        results = race([partial(change, read[n], pair, f"new-{n}") for n, pair in enumerate(pairs)])
        user.refresh_from_db()
        works = [pair for pair in pairs if accepted(pair)]
        won = [n for n in range(2) if user.check_password(f"new-{n}")]
        assert works == [pairs[n] for n in won]
        refused = [result for result in results if not isinstance(result, str)]
        assert all(isinstance(one, (AuthError, OperationalError)) for one in refused), refused
        assert len(refused) < 2


def accepted(pair):
    try:
        return bool(sessions.authenticate(pair.access))
    except AuthError:
        return False
