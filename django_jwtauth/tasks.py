"""What a worker may do, as a task of Django's (6.0 and later; before that, nothing is here)."""

from .operations import purge as purging
from .signins import endings

try:
    from django.tasks import task
except ImportError:
    # Task queues look for a module of this name in every app.
    __all__ = []
else:
    __all__ = ["purge"]

    @task
    def purge() -> dict[str, int]:
        """Do what ``manage.py jwtauth_purge`` does; return how many rows of what."""
        return {"ended": endings.sweep(), **purging.purge()._asdict()}
