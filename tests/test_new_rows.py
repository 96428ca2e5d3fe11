"""Every new row says whose it is, from where and until when; who may not sign in gets none."""

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.test import RequestFactory

from django_jwtauth import api_tokens, new_rows, one_time, sessions
from django_jwtauth.exceptions import UserInactive
from django_jwtauth.models import Kind, LoginSession

pytestmark = pytest.mark.django_db

MAKERS = [
    sessions.start,
    lambda user: api_tokens.create(user, "deploy"),
    lambda user: one_time.issue(user, "download"),
]
NAMES = ["sign-in", "API token", "one-time token"]


def test_a_row_says_whose_it_is_from_where_and_until_when(user):
    request = RequestFactory(REMOTE_ADDR="192.0.2.7", HTTP_USER_AGENT="curl/8").get("/")

    row = new_rows.make_session(user, request, timedelta(hours=1), kind=Kind.API_TOKEN)

    assert (row.user_id, row.subject) == (user.pk, str(user.pk))
    assert row.auth_hash == user.get_session_auth_hash()
    assert (row.ip_address, row.user_agent, row.kind) == ("192.0.2.7", "curl/8", Kind.API_TOKEN)
    assert row.expires_at - row.created_at == timedelta(hours=1)
    assert row.refreshed_at == row.created_at
    assert not LoginSession.objects.exists()


@pytest.mark.parametrize("make", MAKERS, ids=NAMES)
def test_a_user_who_is_not_saved_gets_none(make):
    with pytest.raises(ValueError, match="saved user"):
        make(get_user_model()(username="nobody"))

    assert not LoginSession.objects.exists()


@pytest.mark.parametrize("make", MAKERS, ids=NAMES)
def test_an_inactive_user_gets_none(user, make):
    user.is_active = False

    with pytest.raises(UserInactive):
        make(user)

    assert not LoginSession.objects.exists()
