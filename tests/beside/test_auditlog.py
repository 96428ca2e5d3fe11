"""Beside the real django-auditlog: what is done with a token has its actor."""

import pytest

pytest.importorskip("auditlog")

from django.conf import settings as configured
from django.contrib.auth.models import User
from django.urls import path
from rest_framework.response import Response
from rest_framework.views import APIView

from tests.beside.urls import urlpatterns as theirs

if "auditlog" not in configured.INSTALLED_APPS:
    pytest.skip("needs tests.beside.settings", allow_module_level=True)

from auditlog.models import LogEntry
from auditlog.registry import auditlog

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]


class RenameView(APIView):
    def post(self, request):
        request.user.first_name = "Anna"
        request.user.save()
        return Response({})


urlpatterns = [*theirs, path("rename/", RenameView.as_view())]


@pytest.fixture(autouse=True)
def audited():
    auditlog.register(User, mask_fields=["password"])
    yield
    auditlog.unregister(User)


def test_last_login_is_logged_once(api, user):
    """Signing in is one entry for the user, whichever receiver listens."""
    before = LogEntry.objects.count()

    assert api.obtain().status_code == 200

    [entry] = LogEntry.objects.all()[: LogEntry.objects.count() - before]
    assert list(entry.changes) == ["last_login"]


def test_the_actor_is_the_user_of_the_token(api, user, pair):
    """With our middleware before auditlog's: DRF finds out too late for it."""
    answer = api.with_token(pair.access).post("/rename/")

    assert answer.status_code == 200
    assert LogEntry.objects.first().actor == user
    assert "first_name" in LogEntry.objects.first().changes
