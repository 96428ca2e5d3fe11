from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ActivityConfig(AppConfig):
    name = "django_jwtauth.contrib.activity"
    label = "jwtauth_activity"
    verbose_name = _("JWT activity")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from . import counting

        counting.connect()
