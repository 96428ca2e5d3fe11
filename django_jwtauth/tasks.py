"""What a worker may do, as a task of Django's (6.0 and later; before that, nothing is here)."""

from . import purge as purging

try:
    from django.tasks import task
except ImportError:
    # Task queues look for a module of this name in every app.
    __all__ = []
else:
    __all__ = ["purge"]

    @task
    def purge() -> dict[str, int]:
        """Delete what ``manage.py jwtauth_purge`` deletes; return how many rows of what."""
        return purging.purge()._asdict()
