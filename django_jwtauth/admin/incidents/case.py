"""One incident, as the query string of its page names it: whose, from where, since when.

A case knows what can be seen in the tables, and which pages the operator may open.
"""

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.contrib.auth import get_backends
from django.http import HttpRequest
from django.utils.text import get_text_list
from django.utils.translation import gettext as _

from ...claims import parse_sid
from ...conf import moments
from ...models import Kind, LoginSession, LoginSessionQuerySet, Reason
from ...operations import searching
from ...operations.periods import Period
from ...operations.searching import Search
from ...store import database, identity, users
from ...store.networks import Network
from .. import user_page
from .returning import PARAMETER

#: The most rows that the page lists, and that it looks at.
MAX_ROWS = 20
MAX_SEEN = 200
MAX_NAMES = 3
DAY = timedelta(days=1)


class Button(NamedTuple):
    """A link to a page or, without a ``url``, whom to ask as the operator may not open it."""

    label: str
    url: str = ""
    ask: str = ""


class Case:
    """``given``: the valid values of the page's form."""

    def __init__(self, request: HttpRequest, model_admin: Any, given: dict[str, Any]) -> None:
        self.request, self.model_admin = request, model_admin
        self.user: Any = users.find(request.GET["user"]) if "user" in request.GET else None
        self.network: Network | None = given.get("address")
        self.since: datetime | None = given.get("since")
        self.kid: str = given.get("kid") or ""
        sid = parse_sid(request.GET.get("sid", ""))
        self.session = database.sign_ins().filter(pk=sid).first() if sid else None

    @property
    def user_name(self) -> str:
        return str(self.user.get_username() or self.user.pk)

    # --- pages

    def button(self, label: str, page: str, permission: str = "", **query: Any) -> Button:
        """Return a link to one of our pages, which leads back here."""
        if permission and not self.model_admin.has_own_permission(self.request, permission):
            return Button(label, ask=whom_to_ask(f"django_jwtauth.{permission}"))
        query[PARAMETER] = self.request.GET.urlencode()
        return Button(label, self.model_admin.page_url(f"loginsession_{page}", **query))

    def list_of(self, label: str, **query: Any) -> Button:
        """Return a link to the list of sign-ins."""
        return Button(label, self.model_admin.page_url("loginsession_changelist", **query))

    def incident(self, label: str, what: str, **query: Any) -> Button:
        """Return a link to another incident."""
        return Button(
            label, self.model_admin.page_url("loginsession_incidents", what=what, **query)
        )

    def user_page(self) -> Button:
        """Return a link to the page where the user's password is changed."""
        label = _("Open the page of %(user)s") % {"user": self.user_name}
        site, opts = self.model_admin.admin_site, self.user._meta
        if url := user_page.find_url(site, self.request, self.user):
            return Button(label, url)
        if not site.is_registered(type(self.user)):
            return Button(label, ask=_("This admin has no users: ask whoever looks after them."))
        return Button(label, ask=whom_to_ask(f"{opts.app_label}.change_{opts.model_name}"))

    # --- what can be seen

    def of_user(self) -> LoginSessionQuerySet:
        """Return the live rows of the user: sign-ins, API tokens and one-time tokens."""
        rows = database.sign_ins().filter(user_id=identity.saved_key(self.user))
        return rows.live().order_by("-created_at")

    def of_network(self, network: Network) -> LoginSessionQuerySet:
        """Return what was started or used from there, started since the time or in 30 days."""
        since = moments.aware(self.since) if self.since else None
        search = Search(networks=(network,), period=Period(since, None))
        rows: LoginSessionQuerySet = searching.narrow(
            database.sign_ins(), search if since else search.bounded()
        )
        return rows.order_by("-created_at")

    def before(self, kind: Kind) -> LoginSessionQuerySet:
        """Return the live rows of a kind that were started before the time, the newest first."""
        rows = database.sign_ins().of_kind(kind).live().order_by("-created_at")
        if self.since:
            rows = rows.filter(created_at__lt=moments.stored(moments.aware(self.since)))
        return rows

    def last_end(self, *reasons: Reason) -> LoginSession | None:
        """Return the user's sign-in that last ended for one of the reasons, within a day."""
        rows = database.sign_ins().filter(
            user_id=identity.saved_key(self.user),
            end_reason__in=reasons,
            ended_at__gt=moments.stored(moments.now() - DAY),
        )
        return rows.order_by("-ended_at").first()


def whom_to_ask(permission: str) -> str:
    """Return a sentence that names who has the permission, or the permission if that is unknown."""
    names = _who_may(permission)
    if not names:
        return _("You may not do this. Ask somebody with the permission %(permission)s.") % {
            "permission": permission
        }
    return _("You may not do this. Ask %(names)s.") % {"names": get_text_list(names, _("or"))}


def _who_may(permission: str) -> list[str]:
    """Return the names of staff with the permission, as far as the back ends can tell."""
    found: dict[Any, str] = {}
    for backend in get_backends():
        # A back end of the project may raise anything; the page then names the permission.
        with suppress(Exception):
            staff = backend.with_perm(permission).filter(is_staff=True)  # type: ignore[attr-defined]
            found |= {user.pk: str(user.get_username()) for user in staff[:MAX_NAMES]}
    return sorted(found.values())[:MAX_NAMES]
