import uuid

from django.contrib.auth.models import AbstractUser
from django.db import models


class Account(AbstractUser):
    """Known to clients by a UUID; the primary key, a number, stays inside."""

    public_id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
