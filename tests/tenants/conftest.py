"""These tests need django-tenants and PostgreSQL: see `.ci/run postgres`."""

from django.conf import settings

if settings.ROOT_URLCONF != "tests.tenants.urls":
    collect_ignore_glob = ["test_*.py"]
