"""The user model of the profile ``manager``: AUTH_USER_MODEL names it only there."""

from django.contrib.auth.models import AbstractUser, UserManager


class ManagerWithQueryset(UserManager["ManagedUser"]):
    def get_queryset(self):
        return super().get_queryset().filter(is_staff=False)


class ManagedUser(AbstractUser):
    objects = ManagerWithQueryset()

    class Meta:
        swappable = "AUTH_USER_MODEL"
