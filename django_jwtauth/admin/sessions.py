"""Sign-ins: the list, one sign-in, and ending them."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.admin.templatetags.admin_urls import add_preserved_filters
from django.contrib.auth import get_user_model
from django.core.exceptions import BadRequest
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path
from django.utils.functional import Promise
from django.utils.html import format_html, format_html_join
from django.utils.safestring import mark_safe
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from ..claims import find_sid, parse_sid
from ..exceptions import CredentialsChanged, TokenError, UserInactive, UserNotFound
from ..models import Kind, LoginSession, Reason, Via
from ..operations import revocation
from ..signins import rules
from ..store import compiled, database
from . import user_page
from .activity import activity_view
from .api_tokens import create_api_token_view
from .bulk import end_before_view, end_user_view
from .filters import (
    EndedFilter,
    EndedViaFilter,
    EndReasonFilter,
    KindFilter,
    ReplayedFilter,
    StartedFilter,
    Status,
    StatusFilter,
    UserFilter,
)
from .find import find_view
from .forms import RevokeForm
from .keys import keys_view
from .records import RecordAdmin, make_cause
from .user_agents import readable
from .wording import ended_text, label, moment

#: The most sign-ins that one confirmation can end, as the page lists each of them.
MAX_ENDED_AT_ONCE = 500

#: Why a sign-in that has neither ended nor expired would be refused, in few words.
REFUSED: dict[type[TokenError], str | Promise] = {
    UserNotFound: gettext_lazy("User deleted"),
    UserInactive: Reason.USER_INACTIVE.label,
    CredentialsChanged: Reason.CREDENTIALS_CHANGED.label,
}


class LoginSessionAdmin(RecordAdmin):
    list_display = (
        "user_name",
        "state",
        "device",
        "signed_in",
        "refreshed",
        "expires",
    )
    list_filter = (
        UserFilter,
        StatusFilter,
        KindFilter,
        StartedFilter,
        EndedFilter,
        ReplayedFilter,
        EndReasonFilter,
        EndedViaFilter,
    )
    ordering = ("-created_at",)
    search_help_text = gettext_lazy(
        "Search for a user name, or for an exact sign-in id (sid), jti, e-mail address or user id."
    )
    actions = ("end_selected",)
    fieldsets = (
        (None, {"fields": ("user", "status", "kind_in_words", "name", "user_agent", "ip_address")}),
        (
            pgettext_lazy("of a sign-in", "Life"),
            {
                "fields": (
                    "created_at",
                    "refreshed_at",
                    "refreshed_ip",
                    "refreshed_agent",
                    "generation",
                    "last_used",
                    "expires_at",
                )
            },
        ),
        (
            gettext_lazy("A superseded refresh token was used again"),
            {"fields": ("replayed_at", "replayed_ip", "replayed_agent")},
        ),
        (
            pgettext_lazy("of a sign-in", "End"),
            {"fields": ("ended_at", "reason", "via", "ended_by_name", "end_note")},
        ),
        (gettext_lazy("Identifiers"), {"fields": ("sid", "subject")}),
    )
    readonly_fields = ("status", "kind_in_words", "last_used", "reason", "via", "sid")
    export_columns = (
        "sid",
        "kind",
        "subject",
        "user",
        "created_at",
        "refreshed_at",
        "expires_at",
        "ended_at",
        "end_reason",
        "ended_via",
        "ended_by_name",
        "end_note",
        "ip_address",
        "user_agent",
        "name",
        "last_used_at",
        "last_used_ip",
        "refreshed_ip",
        "refreshed_agent",
        "replayed_at",
        "replayed_ip",
        "replayed_agent",
    )

    def get_urls(self) -> list[URLPattern]:
        # A site asks for URLs once all admin modules are imported, in any order.
        user_page.add_link(self.admin_site)
        views: dict[str, Callable[..., HttpResponseBase]] = {
            "find": partial(find_view, model_admin=self),
            "end": self.end_view,
            "end_user": partial(end_user_view, model_admin=self),
            "end_before": partial(end_before_view, model_admin=self),
            "keys": partial(keys_view, model_admin=self),
            "activity": partial(activity_view, model_admin=self),
            "create_api_token": partial(create_api_token_view, model_admin=self),
        }
        pages = [
            path(
                f"{name.replace('_', '-')}/",
                self.admin_site.admin_view(view),
                name=f"django_jwtauth_loginsession_{name}",
            )
            for name, view in views.items()
        ]
        return [*pages, *super().get_urls()]

    def has_end_sessions_permission(self, request: HttpRequest) -> bool:
        return self.has_own_permission(request, "end_sessions")

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        # It is not shown, and must not be guessed letter by letter in the query string.
        return not lookup.startswith("auth_hash") and super().lookup_allowed(lookup, value, request)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        sid = find_sid(search_term)
        if sid and queryset.filter(pk=sid).exists():
            return queryset.filter(pk=sid), False
        return super().get_search_results(request, queryset, search_term)

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        changelist = super().get_changelist_instance(request)
        # One query for all rows, and none for a manager that hides nobody.
        hidden = _hidden_users(changelist.result_list)
        for session in changelist.result_list:
            session.user_is_hidden = session.user_id in hidden
        return changelist

    # --- columns

    @admin.display(description=gettext_lazy("status"))
    def status(self, session: LoginSession) -> str:
        if session.ended_at is not None:
            return str(Status.ENDED.label)
        if not session.is_live():
            return str(Status.EXPIRED.label)
        # The list has queried all of its rows at once.
        hidden = getattr(session, "user_is_hidden", None)
        if session.user_id in _hidden_users([session]) if hidden is None else hidden:
            return _("User hidden")
        try:
            rules.check_row(session)
        except TokenError as error:
            return str(REFUSED.get(type(error), error.sentence))
        return str(Status.LIVE.label)

    @admin.display(description=gettext_lazy("status"))
    def state(self, session: LoginSession) -> str:
        """The status and, if it has ended, when, how and why."""
        if session.ended_at is None:
            return self.status(session)
        how = filter(None, (self.reason(session), self.via(session), session.ended_by_name))
        lines = (self.status(session), moment(session.ended_at), ", ".join(how))
        return format_html("{}<br>{}<br>{}", *lines)

    @admin.display(description=gettext_lazy("device"))
    def device(self, session: LoginSession) -> str | None:
        device = Truncator(session.name or readable(session.user_agent)).chars(60)
        kind = "" if session.kind == Kind.SIGN_IN else label(Kind, session.kind)
        parts = [part for part in (kind, device) if part]
        if session.ip_address:
            # A long address may be wrapped, so that the columns beside it fit.
            groups = format_html_join(mark_safe(":<wbr>"), "{}", zip(session.ip_address.split(":")))
            parts.append(groups if len(session.ip_address) > 20 else session.ip_address)
        return format_html_join(", ", "{}", zip(parts)) or None

    @admin.display(description=gettext_lazy("kind"))
    def kind_in_words(self, session: LoginSession) -> str:
        more = filter(None, (session.purpose, session.scope))
        return ": ".join((label(Kind, session.kind), *more))

    @admin.display(description=gettext_lazy("last used"))
    def last_used(self, session: LoginSession) -> str:
        """Only the use of an API token is recorded."""
        if session.last_used_at is None:
            return str(self.get_empty_value_display())
        return " ".join(filter(None, (moment(session.last_used_at), session.last_used_ip)))

    # The list cannot be sorted by other columns, which have no index.
    @admin.display(description=gettext_lazy("signed in"), ordering="created_at")
    def signed_in(self, session: LoginSession) -> str:
        return moment(session.created_at)

    @admin.display(description=gettext_lazy("refreshed"))
    def refreshed(self, session: LoginSession) -> str:
        return moment(session.refreshed_at)

    @admin.display(description=gettext_lazy("expires"))
    def expires(self, session: LoginSession) -> str:
        return moment(session.expires_at)

    @admin.display(description=gettext_lazy("reason"))
    def reason(self, session: LoginSession) -> str:
        return label(Reason, session.end_reason)

    @admin.display(description=gettext_lazy("via"))
    def via(self, session: LoginSession) -> str:
        return label(Via, session.ended_via)

    # --- ending

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        context = {"can_end": self.has_end_sessions_permission(request), **(extra_context or {})}
        return super().change_view(request, object_id, form_url, context)

    @admin.action(permissions=["end_sessions"], description=gettext_lazy("End selected sign-ins"))
    def end_selected(
        self, request: HttpRequest, queryset: QuerySet[LoginSession]
    ) -> HttpResponse | None:
        chosen = list(queryset[: MAX_ENDED_AT_ONCE + 1])
        if len(chosen) > MAX_ENDED_AT_ONCE:
            text = _("Select at most %(limit)d sign-ins. None was ended.")
            self.message_user(request, text % {"limit": MAX_ENDED_AT_ONCE}, messages.WARNING)
            return None
        return self._confirm(request, chosen, RevokeForm())

    def end_view(self, request: HttpRequest) -> HttpResponse:
        """End the sign-ins in ``sid``: GET asks for confirmation and a reason."""
        self.require_permission(request, "end_sessions")
        is_post = request.method == "POST"
        sids = _read_sids((request.POST if is_post else request.GET).getlist("sid"))
        chosen = list(self.get_queryset(request).select_related("user").filter(pk__in=sids))
        if not chosen:
            raise Http404
        form = RevokeForm(request.POST if is_post else None)
        if not form.is_valid():
            return self._confirm(request, chosen, form)
        self._end(request, chosen, form.cleaned_data)
        return self._back_to_list(request)

    def _confirm(
        self, request: HttpRequest, chosen: list[LoginSession], form: RevokeForm
    ) -> HttpResponse:
        ending = _not_ended(chosen)
        if not ending:
            self.message_user(request, _("Already ended: nothing was changed."), messages.INFO)
            return self._back_to_list(request)
        context = {
            "title": _("End sign-ins"),
            "form_url": self._url(request, "end"),
            "list_url": self._url(request, "changelist"),
            "ending": [(one, self.user_name(one), self.device(one)) for one in ending],
            "user_count": len({one.user_id or one.subject for one in ending}),
            "ended_count": len(chosen) - len(ending),
        }
        return self.render_form(request, "admin/django_jwtauth/end_sessions.html", form, context)

    def _end(self, request: HttpRequest, chosen: list[LoginSession], data: dict[str, Any]) -> None:
        sids = [session.pk for session in _not_ended(chosen)]
        count = revocation.end(revocation.named(sids), make_cause(request, data))
        self.message_user(request, ended_text(count, len(chosen) - count), messages.SUCCESS)

    def _back_to_list(self, request: HttpRequest) -> HttpResponse:
        return HttpResponseRedirect(self._url(request, "changelist"))

    def _url(self, request: HttpRequest, name: str) -> str:
        """Return the URL of one of our pages, with the filters of the list."""
        url = self.page_url(f"loginsession_{name}")
        filters = self.get_preserved_filters(request)
        return add_preserved_filters({"opts": self.opts, "preserved_filters": filters}, url)


def _hidden_users(sessions: Iterable[LoginSession]) -> set[Any]:
    """Return the keys of the users whom the project's manager hides, and who are refused."""
    model = get_user_model()
    if compiled.is_plain(model):
        return set()
    keys = {session.user_id for session in sessions if session.user_id is not None}
    visible = model._default_manager.using(database.alias()).filter(pk__in=keys)
    return keys - set(visible.values_list("pk", flat=True))


def _read_sids(values: list[str]) -> list[UUID]:
    sids = [sid for value in values if (sid := parse_sid(value))]
    if len(sids) < len(values):
        raise BadRequest("Not a sign-in id.")
    if len(sids) > MAX_ENDED_AT_ONCE:
        raise BadRequest("Too many sign-ins.")
    return sids


def _not_ended(sessions: Iterable[LoginSession]) -> list[LoginSession]:
    return [session for session in sessions if session.ended_at is None]
