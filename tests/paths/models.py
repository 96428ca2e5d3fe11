"""User models that a query of our own could read wrongly, beside those of ``tests.users``."""

import json

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.db import models

from tests.users.models import User

SQLITE = settings.DATABASES["default"]["ENGINE"].endswith("sqlite3")


class PrefixedKey(models.IntegerField):
    """A number in the table, text like "u-7" in Python."""

    def to_python(self, value):
        return value if value is None or isinstance(value, str) else f"u-{value}"

    def from_db_value(self, value, expression, connection):
        return self.to_python(value)

    def get_prep_value(self, value):
        return int(value.removeprefix("u-")) if isinstance(value, str) else value


class SettingsField(models.TextField):
    """A dict, kept as text."""

    def from_db_value(self, value, expression, connection):
        return json.loads(value)

    def get_prep_value(self, value):
        return json.dumps(value)


class ConvertedUser(User):
    """Every kind of column that some database returns as something else."""

    id = PrefixedKey(primary_key=True)
    preferences = SettingsField(default=dict)
    extra = models.JSONField(default=dict)
    balance = models.DecimalField(max_digits=12, decimal_places=3, default=0)
    born = models.DateField(null=True)
    wakes = models.TimeField(null=True)
    patience = models.DurationField(null=True)
    token = models.UUIDField(null=True)
    picture = models.BinaryField(null=True)
    score = models.FloatField(null=True)
    address = models.GenericIPAddressField(null=True)
    # On other databases Django cannot write to such a column.
    share = models.IntegerField(default=0, db_column="share % of us" if SQLITE else None)

    def save(self, **kwargs):
        # No database makes this key.
        if self.pk is None:
            self.pk = f"u-{type(self).objects.count() + 1}"
        super().save(**kwargs)


class LoadedUser(User):
    """Sees how it is loaded."""

    @classmethod
    def from_db(cls, db, field_names, values, **kwargs):
        user = super().from_db(db, field_names, values, **kwargs)
        user.loaded = (db, tuple(field_names), len(values))
        return user


class Staff(AbstractUser):
    EXAMPLES = ("anna", "bert")

    class Meta:
        ordering = ("-username",)


class GrandchildUser(Staff):
    """In two tables; the second adds a column with a name that this package uses, too."""

    generation = models.IntegerField(default=0)
    auth_hash = models.CharField(max_length=5, default="mine")

    class Meta:
        ordering = ("generation", "username")
