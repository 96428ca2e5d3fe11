"""For ``INSTALLED_APPS``: imports the extensions, so that drf-spectacular finds them."""

from django.apps import AppConfig


class SpectacularConfig(AppConfig):
    name = "django_jwtauth.contrib.spectacular"
    label = "django_jwtauth_spectacular"
    verbose_name = "django-jwtauth for drf-spectacular"

    def ready(self) -> None:
        from . import endpoints, schemes, simplejwt  # noqa: F401
