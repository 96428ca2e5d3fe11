"""The page that shows which key signs, which will, and which only verify. No key material."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from ..conf import get_settings, moments
from ..models import Kind
from ..store import database
from ..tokens.keymaterial import Key
from ..tokens.keyrings import KeyRing, get_access_ring, get_refresh_ring
from .wording import amount, in_words, moment

if TYPE_CHECKING:
    from .records import RecordAdmin

#: When this process, or the one that it was forked from, read its settings.
STARTED = moments.now()
#: How many API tokens of earlier keys are counted.
MAX_COUNTED = 200


def keys_view(request: HttpRequest, model_admin: "RecordAdmin") -> HttpResponse:
    """Show the keys of this process, and until when tokens of earlier ones can be alive."""
    model_admin.require_permission(request)
    context: dict[str, Any] = {"title": _("Keys"), "started": moment(STARTED)}
    try:
        access = get_access_ring()
    except ImproperlyConfigured as error:
        context["problem"] = str(error)
    else:
        context["rows"] = [
            *_describe(access, pgettext("kind of token", "Access")),
            *_describe(get_refresh_ring(), pgettext("kind of token", "Refresh")),
        ]
        for row in context["rows"]:
            if row["kid"]:
                query = {"what": "signing_key", "kid": row["kid"]}
                row["leaked"] = model_admin.page_url("loginsession_incidents", **query)
        context["issuers"] = list(get_settings().ISSUERS)
        context["earlier"] = list(_tell_of_earlier(access.find_signer()))
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
            "published": _("No: it is secret") if key.symmetric else _("Yes"),
        }
        for number, key in enumerate(ring.keys)
    ]


def _tell_of_earlier(signer: Key | None) -> Iterator[str]:
    """Yield until when access tokens and API tokens of earlier keys are alive. One query."""
    conf = get_settings()
    tokens = database.sign_ins().of_kind(Kind.API_TOKEN).live()
    since = signer.active_from if signer else None
    if since:
        # The clocks of the processes that signed with the earlier key may differ from this one.
        last = since + conf.ACCESS_TOKEN_LIFETIME + conf.LEEWAY
        yield _("Access tokens of keys that signed earlier expire by %(time)s at the latest.") % {
            "time": moment(last)
        }
        tokens = tokens.filter(created_at__lt=moments.stored(since))
    else:
        yield _(
            "The settings do not say since when the key signs. Access tokens of keys that signed "
            "earlier expire %(time)s after they were replaced."
        ) % {"time": in_words(conf.ACCESS_TOKEN_LIFETIME + conf.LEEWAY)}
    newest = tokens.order_by("-expires_at").values_list("expires_at", flat=True)
    ends = list(newest[: MAX_COUNTED + 1])
    if not ends:
        yield _("No API token depends on an earlier key.")
        return
    text = ngettext(
        "%(count)s API token may be signed with an earlier key. It expires on %(time)s.",
        "%(count)s API tokens may be signed with an earlier key. The last expires on %(time)s.",
        len(ends),
    )
    yield text % {"count": amount(len(ends), MAX_COUNTED), "time": moment(ends[0])}


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
