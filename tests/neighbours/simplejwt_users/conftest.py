"""Run by tests/neighbours/test_simplejwt_users.py, in a process for each of the settings."""

from django.conf import settings

if settings.ROOT_URLCONF != "tests.neighbours.simplejwt_users.urls":
    collect_ignore_glob = ["test_*.py"]
