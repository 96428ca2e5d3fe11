"""The page that shows which key signs, which will, and which only verify. No key material."""

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from ..conf import get_settings, moments
from ..tokens.keymaterial import Key
from ..tokens.keyrings import KeyRing, get_access_ring, get_refresh_ring
from .wording import moment

if TYPE_CHECKING:
    from .records import RecordAdmin

#: When this process, or the one that it was forked from, read its settings.
STARTED = datetime.now(timezone.utc)


def keys_view(request: HttpRequest, model_admin: "RecordAdmin") -> HttpResponse:
    """Show the keys of this process."""
    model_admin.require_permission(request)
    context: dict[str, Any] = {"title": _("Keys")}
    try:
        access = get_access_ring()
    except ImproperlyConfigured as error:
        context["problem"] = str(error)
    else:
        context["rows"] = [
            *_describe(access, pgettext("kind of token", "Access")),
            *_describe(get_refresh_ring(), pgettext("kind of token", "Refresh")),
        ]
        context["issuers"] = list(get_settings().ISSUERS)
    return model_admin.render_page(request, "admin/django_jwtauth/keys.html", context)


def _describe(ring: KeyRing, kind: str) -> list[dict[str, str]]:
    signer = ring.find_signer()
    # The derived keys come last: that of SECRET_KEY, then those of its fallbacks.
    derived = 1 + sum(1 for old in settings.SECRET_KEY_FALLBACKS if old)
    first = len(ring.keys) - derived
    return [
        {
            "kid": key.kid or "",
            "algorithm": key.algorithm,
            "kind": kind,
            "origin": _origin(number - first),
            "state": _state(key, signer),
            "active_from": moment(key.active_from) if key.active_from else "",
        }
        for number, key in enumerate(ring.keys)
    ]


def _origin(number: int) -> str:
    if number < 0:
        return "KEYS"
    # Names of settings are the same in every language.
    return "SECRET_KEY" if number == 0 else "SECRET_KEY_FALLBACKS"


def _state(key: Key, signer: Key | None) -> str:
    if key is signer:
        return pgettext("state of a key", "Signing")
    if key.signing and key.active_from and key.active_from > moments.now():
        return _("Next: signs later, verifies now")
    return _("Verifies only")
