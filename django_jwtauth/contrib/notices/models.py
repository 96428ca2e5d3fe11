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
    key = hashlib.sha256(f"{settings.SECRET_KEY}:{kind}:{about}".encode()).hexdigest()
    try:
        with transaction.atomic(using):
            Done.objects.using(using).create(key=key)
    except IntegrityError:
        return False
    return True
