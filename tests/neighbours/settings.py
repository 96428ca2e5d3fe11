"""The test project with what contrib works with beside it."""

from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS]
ROOT_URLCONF = "tests.neighbours.urls"
