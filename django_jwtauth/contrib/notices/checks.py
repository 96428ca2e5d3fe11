"""What is missing before a mail can be sent."""

from typing import Any

from django.core import checks
from django.urls import NoReverseMatch, reverse

from ...conf import get_settings

NO_BASE_URL = "jwtauth.E012"
NO_PAGE = "jwtauth.E013"


def register() -> None:
    checks.register(check_notices, checks.Tags.security)


def check_notices(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    if get_settings().NOTICES.BASE_URL is None:
        return [
            checks.Error(
                'JWTAUTH["NOTICES"]["BASE_URL"] is not set, so no notice can be sent.',
                hint='Set it to the origin of this site, like "https://example.com".',
                id=NO_BASE_URL,
            )
        ]
    try:
        reverse("jwtauth_notice", args=["x"])
    except NoReverseMatch:
        return [
            checks.Error(
                "The links in notices lead to no page.",
                hint='Add path("notices/", include("django_jwtauth.contrib.notices.urls")).',
                id=NO_PAGE,
            )
        ]
    return []
