"""The purge as a task, where Django has tasks; before that the module is empty."""

from datetime import timedelta

import django
import pytest
from django.utils import timezone

from django_jwtauth import sessions, tasks
from django_jwtauth.models import LoginSession

has_tasks = django.VERSION >= (6, 0)


@pytest.mark.skipif(not has_tasks, reason="needs Django 6.0")
def test_the_task_deletes_what_the_command_deletes(settings, user):
    """Enqueued, it runs at once in the default back end, and its result is what was deleted."""
    old = sessions.start(user).session_id
    new = sessions.start(user).session_id
    LoginSession.objects.filter(pk=old).update(created_at=timezone.now() - timedelta(days=999))

    result = tasks.purge.enqueue()

    assert result.return_value == {"ended": 0, "sessions": 1, "blacklisted_tokens": 0}
    assert [session.pk for session in LoginSession.objects.all()] == [new]


def test_the_task_is_there_only_where_django_has_tasks():
    """A queue that imports every `tasks` module finds one, and nothing wrong in it."""
    assert tasks.__all__ == (["purge"] if has_tasks else [])
    assert hasattr(tasks, "purge") == has_tasks
