"""Blacklisted tokens: the list, one record, and blacklisting a token that is pasted."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables

from .. import sessions
from ..conf import get_settings
from ..exceptions import AuthError
from ..models import BlacklistedToken, Reason, Via
from .filters import ReasonFilter, TokenType, TokenTypeFilter, UserFilter, ViaFilter
from .forms import BlacklistTokenForm
from .records import RecordAdmin, find_sid, operator
from .wording import in_words, label, log_text, moment


class BlacklistedTokenAdmin(RecordAdmin):
    list_display = (
        "short_jti",
        "kind",
        "user_name",
        "blacklisted",
        "why",
        "blacklisted_by_name",
        "expires",
    )
    list_filter = (UserFilter, TokenTypeFilter, ReasonFilter, ViaFilter)
    # In the order of blacklisting; blacklisted_at carries no index.
    ordering = ("-pk",)
    sortable_by = ()
    search_help_text = gettext_lazy("User name, or the exact jti or sign-in id (sid).")
    fieldsets = (
        (None, {"fields": ("jti", "kind", "user", "subject", "session", "expires_at")}),
        (
            gettext_lazy("Blacklisting"),
            {"fields": ("blacklisted_at", "why", "blacklisted_by_name", "note")},
        ),
    )
    readonly_fields = ("kind", "why")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.has_own_permission(request, "blacklist_token")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        exact = queryset.filter(jti=search_term)
        sid = find_sid(search_term)
        if sid and not exact.exists():
            exact = queryset.filter(session=sid)
        if exact.exists():
            return exact, False
        return super().get_search_results(request, queryset, search_term)

    # --- columns

    @admin.display(description="jti")
    def short_jti(self, record: BlacklistedToken) -> str:
        # The end: a jti begins with its sign-in's id, which begins with the time.
        return f"...{record.jti[-16:]}" if len(record.jti) > 20 else record.jti

    @admin.display(description=gettext_lazy("kind"))
    def kind(self, record: BlacklistedToken) -> str:
        return label(TokenType, record.token_type)

    @admin.display(description=gettext_lazy("blacklisted"))
    def blacklisted(self, record: BlacklistedToken) -> str:
        return moment(record.blacklisted_at)

    @admin.display(description=gettext_lazy("why"))
    def why(self, record: BlacklistedToken) -> str:
        return f"{label(Reason, record.reason)} ({label(Via, record.via)})"

    @admin.display(description=gettext_lazy("expires"))
    def expires(self, record: BlacklistedToken) -> str:
        return moment(record.expires_at)

    # --- adding one: by pasting it

    @method_decorator(sensitive_post_parameters("token"))
    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Blacklist the token that is pasted; nothing of it is kept but its ``jti``."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = BlacklistTokenForm(request.POST if request.method == "POST" else None)
        record = self._blacklist(request, form) if form.is_valid() else None
        if record is not None:
            return self.response_post_save_add(request, record)
        context = {
            "add": True,
            "title": _("Blacklist a token"),
            "access_lifetime": in_words(get_settings().ACCESS_TOKEN_LIFETIME),
            **(extra_context or {}),
        }
        return self.render_form(request, "admin/django_jwtauth/blacklist_token.html", form, context)

    @sensitive_variables("raw")
    def _blacklist(self, request: HttpRequest, form: BlacklistTokenForm) -> BlacklistedToken | None:
        """Return the record of the token; without one, ``form`` says why."""
        data = form.cleaned_data
        raw = data.pop("token")
        began = timezone.now()
        try:
            claims = sessions.blacklist(
                raw,
                reason=data["reason"],
                via=Via.ADMIN,
                by=operator(request),
                note=data["note"],
            )
        except AuthError as error:
            form.add_error("token", f"{error.detail} ({error.reason})")
            return None
        record = self.get_queryset(request).filter(jti=claims["jti"]).first()
        if record is None:
            form.add_error(
                "token", _("No sign-in here has issued this token: it is refused anyway.")
            )
        elif record.blacklisted_at < began:
            self.message_user(request, _("This token had been blacklisted before."), messages.INFO)
        else:
            self.log_addition(request, record, log_text(data))
            text = _("The token is blacklisted: it is refused from the next request on.")
            self.message_user(request, text, messages.SUCCESS)
        return record
