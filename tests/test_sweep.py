"""The sweep: what an UPDATE changed, of which no receiver heard."""

from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.core.management import call_command

from django_jwtauth import sessions
from django_jwtauth.models import Kind, LoginSession
from django_jwtauth.operations.sweep import sweep
from tests.rows import ends


def test_the_sweep_ends_what_no_request_can_use(user, other_user, others):
    """What an UPDATE changed: password, deactivation. Others, and what is over, are left."""
    User.objects.filter(pk=user.pk).update(password="!")
    User.objects.filter(pk=other_user.pk).update(is_active=False)
    gone = get_user_model().objects.create_user("gone")
    sessions.start(gone)
    LoginSession.objects.filter(user=gone).update(user=None)
    sessions.start(get_user_model().objects.create_user("carla"))

    seen = []
    assert sweep(batch_size=2, progress=seen.append) == 6
    assert ends() == [
        ("", ""),
        *[("credentials_changed", "password_change")] * 4,
        ("user_deleted", "deletion"),
        ("user_inactive", "deactivation"),
    ]
    assert seen[-1] == 6
    assert len(seen) == 4
    assert sweep() == 0


def test_the_sweep_leaves_what_outlives_the_password(user, others, settings):
    """API tokens, under API_TOKENS["SURVIVE_PASSWORD_CHANGE"]; of an active user."""
    settings.JWTAUTH = {"API_TOKENS": {"SURVIVE_PASSWORD_CHANGE": True}}
    User.objects.filter(pk=user.pk).update(password="!")
    tokens = LoginSession.objects.of_kind(Kind.API_TOKEN)

    assert sweep() == 3
    assert tokens.live().count() == 1
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert sweep() == 1


def test_purging_sweeps_first(user, pair, capsys):
    """The daily purge does both, and says so."""
    User.objects.update(is_active=False)
    call_command("jwtauth_purge")

    assert ends() == [("user_inactive", "deactivation")]
    assert "Ended 1 sign-in that no request could use" in capsys.readouterr().out
