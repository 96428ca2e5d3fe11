"""The columns of the list of sign-ins, which other pages show, too."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.http import HttpRequest, HttpResponse
from django.utils.functional import Promise
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..exceptions import ActingEnded, CredentialsChanged, TokenError, UserInactive, UserNotFound
from ..http.user_agents import readable
from ..models import Kind, LoginSession, Reason, Via
from ..operations.searching import status_of
from ..signins import rules
from ..store import compiled, users
from . import cells
from .filters import Status
from .records import RecordAdmin
from .timeline import ALARMING
from .wording import label, moment

#: Why a sign-in that has neither ended nor expired would be refused, in few words.
REFUSED: dict[type[TokenError], str | Promise] = {
    UserNotFound: gettext_lazy("User deleted"),
    UserInactive: Reason.USER_INACTIVE.label,
    CredentialsChanged: Reason.CREDENTIALS_CHANGED.label,
    ActingEnded: Reason.ACTING_ENDED.label,
}

#: The columns of a list that is filtered by a kind.
OF_KIND: dict[str, tuple[str, ...]] = {
    Kind.API_TOKEN: ("token_name", "user_name", "state", "scopes", "used", "expires"),
    Kind.ONE_TIME: ("purpose_name", "user_name", "state", "address", "signed_in", "expires"),
}

KINDS = (
    (Kind.SIGN_IN, gettext_lazy("Sign-ins")),
    (Kind.API_TOKEN, gettext_lazy("API tokens")),
    (Kind.ONE_TIME, gettext_lazy("One-time tokens")),
    (Kind.ACTING, gettext_lazy("Operators acting for users")),
)


class SignInColumns(RecordAdmin):
    """What the admin of sign-ins shows of each, as text or as a cell."""

    list_display = ("user_name", "state", "device", "address", "signed_in", "used")

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context = {"kinds": _links_to_kinds(request), **(extra_context or {})}
        return super().changelist_view(request, context)

    def get_list_display(self, request: HttpRequest) -> Any:
        return OF_KIND.get(request.GET.get("kind", ""), self.list_display)

    @admin.display(description=gettext_lazy("status"))
    def status(self, session: LoginSession) -> str:
        return self._look(session)[1]

    def _look(self, session: LoginSession) -> tuple[str, str]:
        """Return the kind of status, for its icon, and the word."""
        status = Status(status_of(session))
        if status != Status.LIVE:
            kind = "alarm" if session.end_reason in ALARMING else status.value
            return kind, str(status.label)
        # The list has queried all of its rows at once.
        hidden = getattr(session, "user_is_hidden", None)
        if session.user_id in _hidden_users([session]) if hidden is None else hidden:
            return "refused", _("User hidden")
        try:
            rules.check_row(session)
        except TokenError as error:
            return "refused", str(REFUSED.get(type(error), error.sentence))
        return status.value, str(status.label)

    @admin.display(description=gettext_lazy("status"))
    def state(self, session: LoginSession) -> str:
        """The status and, if it has ended, why; who points at it sees when, how and by whom."""
        kind, word = self._look(session)
        if session.ended_at is None:
            return cells.status(kind, word)
        how = (moment(session.ended_at), self.via(session), session.ended_by_name)
        return cells.status(kind, word, self.reason(session), ", ".join(filter(None, how)))

    @admin.display(description=gettext_lazy("device"))
    def device(self, session: LoginSession) -> str | None:
        if session.kind == Kind.ACTING:
            return cells.cut(session.describe_acting())
        device = Truncator(session.name or readable(session.user_agent)).chars(60)
        kind = "" if session.kind == Kind.SIGN_IN else label(Kind, session.kind)
        text = ", ".join(part for part in (kind, device) if part)
        return cells.cut(text) if text else None

    @admin.display(description=gettext_lazy("address"))
    def address(self, session: LoginSession) -> str | None:
        return cells.address(session.ip_address) if session.ip_address else None

    @admin.display(description=gettext_lazy("name"))
    def token_name(self, session: LoginSession) -> str:
        return cells.cut(session.name)

    @admin.display(description=gettext_lazy("purpose"))
    def purpose_name(self, session: LoginSession) -> str:
        return cells.cut(session.purpose)

    @admin.display(description=gettext_lazy("scopes"))
    def scopes(self, session: LoginSession) -> str | None:
        return cells.cut(session.scope) if session.scope else None

    @admin.display(description=gettext_lazy("kind"))
    def kind_in_words(self, session: LoginSession) -> str:
        if session.kind == Kind.ACTING:
            return session.describe_acting()
        more = filter(None, (session.purpose, session.scope))
        return ": ".join((label(Kind, session.kind), *more))

    def as_row(self, session: LoginSession) -> dict[str, Any]:
        """Return the cells of a table beside the list."""
        return {
            "user": self.user_name(session),
            "device": self.device(session),
            "address": self.address(session),
            "started": cells.when(session.created_at),
            "used": self._last_use(session),
        }

    @admin.display(description=gettext_lazy("last used"))
    def used(self, session: LoginSession) -> str:
        return cells.labelled(gettext_lazy("last used"), *self._last_use(session))

    def _last_use(self, session: LoginSession) -> list[str]:
        """Return when a client was last seen with it, and from where.

        A sign-in is seen when it is refreshed.
        """
        at, ip = session.last_used_at, session.last_used_ip
        if session.kind in (Kind.SIGN_IN, Kind.ACTING):
            at, ip = session.refreshed_at, session.refreshed_ip or session.ip_address
        if at is None:
            return [_("Never used")]
        return [cells.when(at), *([cells.address(ip)] if ip else [])]

    # The list cannot be sorted by other columns, which have no index.
    @admin.display(description=gettext_lazy("started"), ordering="created_at")
    def signed_in(self, session: LoginSession) -> str:
        return cells.labelled(gettext_lazy("started"), cells.when(session.created_at))

    @admin.display(description=gettext_lazy("expires"))
    def expires(self, session: LoginSession) -> str:
        return cells.labelled(gettext_lazy("expires"), cells.when(session.expires_at))

    @admin.display(description=gettext_lazy("reason"))
    def reason(self, session: LoginSession) -> str:
        return label(Reason, session.end_reason)

    @admin.display(description=gettext_lazy("via"))
    def via(self, session: LoginSession) -> str:
        return label(Via, session.ended_via)

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        changelist = super().get_changelist_instance(request)
        # One query for all rows, and none for a manager that hides nobody.
        hidden = _hidden_users(changelist.result_list)
        for session in changelist.result_list:
            session.user_is_hidden = session.user_id in hidden
        return changelist


def _links_to_kinds(request: HttpRequest) -> list[tuple[str, str, bool]]:
    """Return URL and text of the list of each kind, and whether it is shown, with its filters."""
    query = request.GET.copy()
    # Another kind has other pages, and other columns to sort by.
    chosen, *_rest = (query.pop(name, [""])[0] for name in ("kind", "o", "p"))
    links = []
    for kind, text in (("", _("All")), *KINDS):
        query["kind"] = kind
        if not kind:
            del query["kind"]
        links.append((f"?{query.urlencode()}", str(text), kind == chosen))
    return links


def _hidden_users(sessions: Iterable[LoginSession]) -> set[Any]:
    """Return the keys of the users whom the project's manager hides, and who are refused."""
    if compiled.is_plain(get_user_model()):
        return set()
    keys = {session.user_id for session in sessions if session.user_id is not None}
    visible = users.visible().filter(pk__in=keys)
    return keys - set(visible.values_list("pk", flat=True))
