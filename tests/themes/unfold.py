"""The test project, its admin dressed by django-unfold."""

from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS as PLAIN

INSTALLED_APPS = ["unfold", *PLAIN]
