"""These tests need packages that `make test` does not install: see `.ci/run neighbours`."""

from django.conf import settings

if settings.ROOT_URLCONF != "tests.neighbours.urls":
    collect_ignore_glob = ["test_*.py"]
