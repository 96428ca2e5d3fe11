"""Beside the real django-axes: whoever is locked out is told to wait."""

import pytest

pytest.importorskip("axes")

from django.conf import settings as configured
from django.urls import reverse

from tests.conftest import PASSWORD

if "axes" not in configured.INSTALLED_APPS:
    pytest.skip("needs tests.beside.settings", allow_module_level=True)

from axes.models import AccessAttempt, AccessLog

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("name", ["anna", "nobody"])
def test_a_locked_out_user_is_told_to_wait(api, user, name):
    """After three wrong passwords 429 with Retry-After, the right password or not."""
    answers = [api.obtain(name, "wrong").status_code for _ in range(2)]
    assert answers == [401, 401]
    for password in ("wrong", PASSWORD, PASSWORD):
        answer = api.obtain(name, password)

        assert answer.status_code == 429
        assert answer.json()["reason"] == "throttled"
        assert int(answer["Retry-After"]) > 0


def test_a_lock_out_is_no_wrong_password_at_the_oauth_door(api, user):
    """The same in OAuth's words."""
    for _ in range(3):
        api.obtain("anna", "wrong")

    body = {"grant_type": "password", "username": "anna", "password": PASSWORD}
    answer = api.post(reverse("jwtauth_oauth_token"), body, format="multipart")

    assert (answer.status_code, answer.json()["error_description"]) == (429, "throttled")


def test_signing_in_resets_the_failures(api, user, settings):
    """AXES_RESET_ON_SUCCESS works, as user_logged_in is sent: twice two lock nobody."""
    settings.AXES_RESET_ON_SUCCESS = True

    for _ in range(2):
        answers = [api.obtain("anna", given) for given in ("wrong", "wrong", PASSWORD)]

        assert [answer.status_code for answer in answers] == [401, 401, 200]
    assert not AccessAttempt.objects.exists()
    assert AccessLog.objects.filter(username="anna").count() == 2


def test_others_and_tokens_go_on(api, user, other_user, pair):
    """A lock-out touches no other account, and no token that was given before."""
    for _ in range(4):
        api.obtain("anna", "wrong")

    assert api.obtain("bert").status_code == 200
    assert api.protected(pair.access).status_code == 200
    assert api.refresh(pair.refresh).status_code == 200
