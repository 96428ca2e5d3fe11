"""The purge as a Django task (Django 6.0 and later; before that, this module is empty)."""

from .operations import purge as purging
from .operations.sweep import sweep

try:
    from django.tasks import task
except ImportError:
    # Task queues look for a module of this name in every app.
    __all__ = []
else:
    __all__ = ["purge"]

    @task
    def purge() -> dict[str, int]:
        """Purge like ``manage.py jwtauth_purge``; return the number of rows by table."""
        return {"ended": sweep(), **purging.purge()._asdict()}
