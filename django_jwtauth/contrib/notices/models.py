"""One table: which mails were sent and which links were used, so that nothing happens twice."""

import hashlib
from typing import ClassVar

from django.conf import settings
from django.db import IntegrityError, models, router, transaction
from django.utils import timezone


class Done(models.Model):
    """What was done once, as a digest."""

    key = models.CharField(max_length=64, unique=True)
    done_at = models.DateTimeField(default=timezone.now, db_index=True)

    objects: "ClassVar[models.Manager[Done]]" = models.Manager()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.key


def is_first(kind: str, about: str) -> bool:
    """Record that something is done now; return whether it was not recorded before."""
    using = router.db_for_write(Done)
    try:
        with transaction.atomic(using):
            Done.objects.using(using).create(key=_key(kind, about))
    except IntegrityError:
        return False
    return True


def was_done(kind: str, about: str) -> bool:
    """Return whether is_first() has recorded this."""
    rows = Done.objects.using(router.db_for_write(Done))
    return rows.filter(key=_key(kind, about)).exists()


def _key(kind: str, about: str) -> str:
    return hashlib.sha256(f"{settings.SECRET_KEY}:{kind}:{about}".encode()).hexdigest()
