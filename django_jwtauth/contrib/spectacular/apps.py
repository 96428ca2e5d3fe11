"""For ``INSTALLED_APPS``: drf-spectacular knows an extension once it is imported."""

from importlib import import_module

from django.apps import AppConfig


class SpectacularConfig(AppConfig):
    name = "django_jwtauth.contrib.spectacular"
    label = "django_jwtauth_spectacular"
    verbose_name = "django-jwtauth for drf-spectacular"

    def ready(self) -> None:
        import_module(f"{self.name}.endpoints")
        import_module(f"{self.name}.schemes")
