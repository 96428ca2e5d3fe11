"""System checks: report what is wrong with the project's settings before a request meets it.

No message shows a key or a secret.
"""

from . import configuration, deployment, keys, project, rows  # noqa: F401
from .ids import TAG as TAG
from .rows import DATABASE_CHECKS as DATABASE_CHECKS
