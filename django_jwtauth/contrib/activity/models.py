"""One table: how often something happened in an hour."""

from typing import ClassVar

from django.db import models


class Tally(models.Model):
    """How often ``event`` happened, for ``reason``, in the hour that begins at ``hour``."""

    hour = models.DateTimeField()
    event = models.CharField(max_length=16)
    reason = models.CharField(max_length=64)
    count = models.PositiveBigIntegerField()

    objects: "ClassVar[models.Manager[Tally]]" = models.Manager()

    class Meta:
        default_permissions = ()
        constraints = (
            models.UniqueConstraint(fields=["hour", "event", "reason"], name="jwtauth_tally_once"),
        )

    def __str__(self) -> str:
        return f"{self.hour:%Y-%m-%d %H}:00 {self.event} {self.reason}".rstrip()
