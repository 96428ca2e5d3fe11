"""Legacy tokens under another user model: run in a process of its own, like tests/users."""

import time
from datetime import timedelta

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connection, models
from django.utils import timezone

from django_jwtauth import sessions
from django_jwtauth.contrib.simplejwt.move import tables
from django_jwtauth.contrib.simplejwt.move.importer import Imported, import_tokens
from django_jwtauth.models import BlacklistedToken, LoginSession
from tests.legacy import legacy, moved

pytestmark = pytest.mark.django_db(transaction=True)

User = get_user_model()
PASSWORD = "correct horse battery staple"


class OutstandingToken(models.Model):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True)
    jti = models.CharField(unique=True, max_length=255)
    expires_at = models.DateTimeField()

    class Meta:
        app_label = "token_blacklist"


class BlacklistedByThem(models.Model):
    token = models.OneToOneField(OutstandingToken, on_delete=models.CASCADE)
    blacklisted_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        app_label = "token_blacklist"
        db_table = tables.BLACKLISTED


@pytest.fixture(autouse=True)
def their_tables(transactional_db):
    made = (OutstandingToken, BlacklistedByThem)
    with connection.schema_editor() as editor:
        for model in made:
            editor.create_model(model)
    tables.forget_alias()
    yield
    with connection.schema_editor() as editor:
        for model in reversed(made):
            editor.delete_model(model)


@pytest.fixture(autouse=True)
def move(settings):
    settings.JWTAUTH = moved()
    settings.SIMPLE_JWT = {"USER_ID_FIELD": User._meta.pk.attname}


@pytest.fixture
def user():
    return User.objects.create_user(User.EXAMPLES[0], PASSWORD)


def test_tokens_are_accepted(user):
    """A legacy token finds its user by the primary key, whatever that is."""
    assert sessions.authenticate(legacy(user))[0] == user
    pair = sessions.refresh(legacy(user, "refresh"))
    assert sessions.authenticate(pair.access)[0] == user


def test_tables_are_imported(user):
    """An outstanding token leads to its user, whatever the column holds."""
    end = timezone.now() + timedelta(hours=1)
    OutstandingToken.objects.create(user=user, jti="good", expires_at=end)
    refused = OutstandingToken.objects.create(user=user, jti="refused", expires_at=end)
    BlacklistedByThem.objects.create(token=refused)

    assert import_tokens("default") == Imported(imported=1, blacklisted=1)
    assert import_tokens("default") == Imported(already_here=2)
    for row in (LoginSession.objects.get(), BlacklistedToken.objects.get()):
        assert (row.user, row.subject) == (user, str(user.pk))
    raw = legacy(user, "refresh", jti="good", exp=int(time.time()) + 60)
    assert sessions.refresh(raw).session_id == LoginSession.objects.get().pk
