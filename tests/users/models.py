"""User models that are awkward for whoever expects ``auth.User``.

Each has EXAMPLES: two names for ``create_user``. The settings beside this file make one of
them the project's user model, and ``contract.py`` says what must hold for all of them.
"""

import uuid
from contextvars import ContextVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.hashers import check_password, make_password
from django.db import models
from django.db.models.functions import Upper
from django.utils import timezone


class UserManager(BaseUserManager):
    def create_user(self, name, password):
        user = self.model(**{self.model.USERNAME_FIELD: name})
        user.set_password(password)
        user.save(using=self._db)
        return user


class User(AbstractBaseUser):
    EXAMPLES = ("anna", "bert")
    USERNAME_FIELD = "username"

    username = models.CharField(max_length=150, unique=True)
    is_active = models.BooleanField(default=True)

    objects = UserManager()

    class Meta:
        abstract = True


class UUIDUser(AbstractBaseUser):
    """Primary key and user name are UUIDs."""

    EXAMPLES = (uuid.UUID(int=1), uuid.UUID(int=2))
    USERNAME_FIELD = "badge"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    badge = models.UUIDField(unique=True, default=uuid.uuid4)
    is_active = models.BooleanField(default=True)

    objects = UserManager()


class EmailUser(AbstractBaseUser):
    """No user name, and so no field called username."""

    EXAMPLES = ("anna@example.org", "bert@example.org")
    USERNAME_FIELD = EMAIL_FIELD = "email"

    email = models.EmailField(unique=True)
    is_active = models.BooleanField(default=True)

    objects = UserManager()


class NumberedUser(User):
    """The primary key has a name of its own."""

    account_no = models.AutoField(primary_key=True)


class CodeUser(AbstractBaseUser):
    """The primary key is text, and the user name as well."""

    EXAMPLES = ("Anna", "Bert")
    USERNAME_FIELD = "code"

    code = models.CharField(max_length=40, primary_key=True)
    is_active = models.BooleanField(default=True)

    objects = UserManager()


class IntegerUser(AbstractBaseUser):
    """The user name is a number, such as a telephone number."""

    EXAMPLES = (4915112345678, 4915187654321)
    USERNAME_FIELD = "phone"

    phone = models.BigIntegerField(unique=True)
    is_active = models.BooleanField(default=True)

    objects = UserManager()


class HidingManager(UserManager):
    def get_queryset(self):
        return super().get_queryset().filter(deleted_at=None)


class SoftDeletedUser(User):
    """Deleting leaves the row, and the default manager hides it."""

    deleted_at = models.DateTimeField(null=True)

    objects = HidingManager()

    def delete(self, *args, **kwargs):
        self.deleted_at = timezone.now()
        self.save(update_fields=["deleted_at"])


class AlwaysActiveUser(AbstractBaseUser):
    """There is no column is_active: AbstractBaseUser says True for everybody."""

    EXAMPLES = ("anna", "bert")
    USERNAME_FIELD = "username"

    username = models.CharField(max_length=150, unique=True)
    last_login = None

    objects = UserManager()


class Person(User):
    pass


class ChildUser(Person):
    """In two tables: the primary key is the link to the parent's row."""

    department = models.CharField(max_length=40, default="sales")


class AnnotatingManager(UserManager):
    def get_queryset(self):
        users = super().get_queryset()
        return users.annotate(shout=Upper("username")).defer("bio").order_by("-username")


class AnnotatedUser(User):
    """The default manager annotates, defers and orders."""

    bio = models.TextField(default="long")

    objects = AnnotatingManager()


class MarkingQuerySet(models.QuerySet):
    """Sees every user that it hands out."""

    def _fetch_all(self):
        super()._fetch_all()
        for row in self._result_cache:
            # Of values_list() they are none.
            if isinstance(row, self.model):
                row.marked = True


class MarkedUser(User):
    """The default manager is Django's own, its queryset class is not."""

    objects = UserManager.from_queryset(MarkingQuerySet)()


tenant = ContextVar("tenant", default="first")


class TenantManager(UserManager):
    def get_queryset(self):
        return super().get_queryset().filter(tenant=tenant.get())


class TenantUser(User):
    """Whom the default manager shows depends on who asks."""

    tenant = models.CharField(max_length=40, default="first")

    objects = TenantManager()


class BareUser(models.Model):
    """Not built on AbstractBaseUser: no session auth hash, no last_login, no is_active."""

    EXAMPLES = ("anna", "bert")
    USERNAME_FIELD = "name"
    REQUIRED_FIELDS = ()
    is_anonymous = False
    is_authenticated = True

    name = models.CharField(max_length=40, unique=True)
    secret = models.CharField(max_length=128)

    objects = UserManager()

    def get_username(self):
        return self.name

    def set_password(self, password):
        self.secret = make_password(password)

    def check_password(self, password):
        return check_password(password, self.secret)
