"""How a request carries a token, as OpenAPI's security schemes.

A view with several of our classes lists them as alternatives. Subclasses are documented like
their base; a project's own extension takes precedence.
"""

from typing import Any

from django.conf import settings
from django.utils.translation import gettext_lazy as _
from drf_spectacular.drainage import set_override
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.plumbing import build_bearer_security_scheme_object
from rest_framework.permissions import SAFE_METHODS

from ...authentication import JWTAuthentication
from ...conf import get_settings
from ...http.transport import access_cookie_name, refresh_cookie_name

HEADER = "jwtAuth"  # drf-spectacular's name for simplejwt's
COOKIE = "jwtCookieAuth"
REFRESH_COOKIE = "jwtRefreshCookie"
CSRF = "csrfToken"

# A project that subclasses ours has two classes with one scheme.
set_override(JWTAuthentication, "suppress_collision_warning", True)


class HeaderScheme(OpenApiAuthenticationExtension):
    target_class = "django_jwtauth.authentication.JWTAuthentication"
    match_subclasses = True
    priority = -2
    name = HEADER

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        words = get_settings().AUTH_HEADER_TYPES
        # RFC 9110, 11.1: schemes are compared without case. Tools know this spelling.
        word = "Bearer" if "bearer" in map(str.lower, words) else words[0]
        scheme: dict[str, Any] = build_bearer_security_scheme_object(
            header_name=get_settings().AUTH_HEADER_NAME, token_prefix=word, bearer_format="JWT"
        )
        return {"description": _("An access token or an API token."), **scheme}


class CookieScheme(OpenApiAuthenticationExtension):
    """Comes before ``HeaderScheme``, whose target is the base class of this one's target."""

    target_class = "django_jwtauth.authentication.JWTCookieAuthentication"
    match_subclasses = True
    priority = -1
    name = (COOKIE, CSRF)

    def get_security_requirement(self, auto_schema: Any) -> dict[str, list[Any]]:
        return {COOKIE: []} if auto_schema.method in SAFE_METHODS else {COOKIE: [], CSRF: []}

    def get_security_definition(self, auto_schema: Any) -> list[dict[str, Any]]:
        text = _("The access token, in a cookie that no script can read.")
        return [_in_cookie(access_cookie_name(), text), csrf_definition()]


def refresh_cookie_definition() -> dict[str, Any]:
    text = _(
        "The refresh token, in a cookie that is sent to few paths and that no script can read."
    )
    return _in_cookie(refresh_cookie_name(), text)


def _in_cookie(name: str, description: Any) -> dict[str, Any]:
    return {"type": "apiKey", "in": "cookie", "name": name, "description": description}


def csrf_definition() -> dict[str, Any]:
    """Return the scheme of Django's CSRF header, which browsers need to change anything."""
    header = settings.CSRF_HEADER_NAME.removeprefix("HTTP_").replace("_", "-")
    text = _("Django's CSRF token: the value of the cookie {name}, which must be sent, too.")
    return {
        "type": "apiKey",
        "in": "header",
        "name": header,
        "description": text.format(name=settings.CSRF_COOKIE_NAME),
    }
