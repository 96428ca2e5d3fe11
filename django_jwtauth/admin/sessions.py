"""Sign-ins: the list, one sign-in, and ending them."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.admin.templatetags.admin_urls import add_preserved_filters
from django.core.exceptions import BadRequest
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..claims import parse_sid
from ..models import BlacklistedToken, Kind, LoginSession
from ..operations import revocation, searching
from ..store import database
from ..throttling.accounts import digests_of
from . import searched, timeline, user_page
from .acting import act_view
from .activity import activity_view
from .api_tokens import create_api_token_view
from .bulk import end_before_view, end_user_view
from .columns import SignInColumns
from .filters import (
    EndedFilter,
    EndedViaFilter,
    EndReasonFilter,
    KindFilter,
    ReplayedFilter,
    StartedFilter,
    StatusFilter,
    UserFilter,
)
from .find import find_view
from .forms import RevokeForm
from .incidents import incidents_view, returning
from .keys import keys_view
from .records import make_cause
from .wording import ended_text

#: The most sign-ins that one confirmation can end, as the page lists each of them.
MAX_ENDED_AT_ONCE = 500


class LoginSessionAdmin(SignInColumns):
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
        "Search for a user name, e-mail address, user id, sign-in id (sid), jti, IP address or "
        "network, user agent or time, such as: 203.0.113.0/24 yesterday"
    )
    actions = ("end_selected",)
    fieldsets = (
        (None, {"fields": ("user", "status", "kind_in_words", "name", "what_happened")}),
        (gettext_lazy("Identifiers"), {"fields": ("sid", "subject", "account")}),
    )
    readonly_fields = ("status", "kind_in_words", "what_happened", "sid", "account")
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
        "actor_subject",
        "actor_name",
        "acting_reason",
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
            "incidents": partial(incidents_view, model_admin=self),
            "create_api_token": partial(create_api_token_view, model_admin=self),
            "act": partial(act_view, model_admin=self),
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
        search = searched.search_of(request.GET, search_term)
        return searching.narrow(queryset, search), False

    def describe_search(self, request: HttpRequest) -> dict[str, Any] | None:
        return searched.describe(request.GET)

    # --- one sign-in

    @admin.display(description=gettext_lazy("what happened"))
    def what_happened(self, session: LoginSession) -> str:
        return timeline.render(session, getattr(session, "told_tokens", ()))

    @admin.display(description=gettext_lazy("in the log of refused sign-ins"))
    def account(self, session: LoginSession) -> str:
        if session.user is None:
            return str(self.get_empty_value_display())
        return ", ".join(digests_of(str(session.user.get_username())))

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        context = {"can_end": self.has_end_sessions_permission(request), **(extra_context or {})}
        return super().change_view(request, object_id, form_url, context)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        session = context["original"]
        # The field that shows them knows no request.
        session.told_tokens = self._find_tokens(request, session)
        return super().render_change_form(request, context, *args, **kwargs)

    def _find_tokens(
        self, request: HttpRequest, session: LoginSession
    ) -> list[tuple[BlacklistedToken, str]]:
        """Return the first blacklisted tokens, with the URLs of those that may be seen."""
        rows = session.blacklisted_tokens.using(database.alias()).order_by("pk")
        may_see = self.has_own_permission(request, "view_blacklistedtoken")
        return [
            (record, self.page_url("blacklistedtoken_change", record.pk) if may_see else "")
            for record in rows[: timeline.MAX_TOKENS]
        ]

    # --- ending

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
        form = RevokeForm(request.POST if is_post else None, initial=returning.chosen(request))
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
            "list_url": self._back(request),
            "ending": [(one, self.as_row(one)) for one in ending],
            "api_tokens": any(one.kind == Kind.API_TOKEN for one in ending),
            "user_count": len({one.user_id or one.subject for one in ending}),
            "ended_count": len(chosen) - len(ending),
        }
        return self.render_form(request, "admin/django_jwtauth/end_sessions.html", form, context)

    def _end(self, request: HttpRequest, chosen: list[LoginSession], data: dict[str, Any]) -> None:
        sids = [session.pk for session in _not_ended(chosen)]
        count = revocation.end(revocation.named(sids), make_cause(request, data))
        self.message_user(request, ended_text(count, len(chosen) - count), messages.SUCCESS)

    def _back_to_list(self, request: HttpRequest) -> HttpResponse:
        return HttpResponseRedirect(self._back(request))

    def _back(self, request: HttpRequest) -> str:
        return returning.back_url(request, self) or self._url(request, "changelist")

    def _url(self, request: HttpRequest, name: str) -> str:
        """Return the URL of one of our pages, with the filters of the list."""
        url = self.page_url(f"loginsession_{name}", **returning.keep(request))
        filters = self.get_preserved_filters(request)
        return add_preserved_filters({"opts": self.opts, "preserved_filters": filters}, url)


def _read_sids(values: list[str]) -> list[UUID]:
    sids = [sid for value in values if (sid := parse_sid(value))]
    if len(sids) < len(values):
        raise BadRequest("Not a sign-in id.")
    if len(sids) > MAX_ENDED_AT_ONCE:
        raise BadRequest("Too many sign-ins.")
    return sids


def _not_ended(sessions: Iterable[LoginSession]) -> list[LoginSession]:
    return [session for session in sessions if session.ended_at is None]
