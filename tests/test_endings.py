from types import SimpleNamespace
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError, connection, models, transaction
from django.test import Client as Browser
from django.test.utils import isolate_apps, override_settings
from django.urls import include, path

from django_jwtauth import api_tokens, one_time, sessions, testing
from django_jwtauth.models import Kind, LoginSession
from django_jwtauth.signins import endings
from django_jwtauth.views.portal import MakingView
from tests.calls import reason_of
from tests.changes import change_password, deactivate
from tests.conftest import PASSWORD, Client
from tests.forge import claims_of
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
