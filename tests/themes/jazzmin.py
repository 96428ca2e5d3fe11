"""The test project, its admin dressed by django-jazzmin."""

from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS as PLAIN

INSTALLED_APPS = ["jazzmin", *PLAIN]
