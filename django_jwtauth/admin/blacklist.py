"""Blacklisted tokens: the list, one record, and blacklisting a token that is pasted."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from .. import sessions
from ..claims import find_sid
from ..conf import moments
from ..exceptions import AuthError, WrongTokenType
from ..models import BlacklistedToken, Reason, Via
from ..operations import revocation
from ..operations.revocation import log_text
from ..redacted import redact_body
from . import cells
from .filters import ReasonFilter, TokenType, TokenTypeFilter, UserFilter, ViaFilter
from .forms import BlacklistTokenForm, RevokeForm
from .records import RecordAdmin, make_cause
from .wording import label


class BlacklistedTokenAdmin(RecordAdmin):
    list_display = (
        "short_jti",
        "kind",
        "user_name",
        "blacklisted",
        "story",
        "expires",
    )
    list_filter = (UserFilter, TokenTypeFilter, ReasonFilter, ViaFilter)
    # In the order of blacklisting, because blacklisted_at has no index.
    ordering = ("-pk",)
    sortable_by = ()
    search_help_text = gettext_lazy(
        "Search for a user name, or for an exact jti, sign-in id (sid), e-mail address or user id."
    )
    fieldsets = (
        (None, {"fields": ("jti", "kind", "user", "subject", "session", "expires_at")}),
        (
            gettext_lazy("Blacklisting"),
            {"fields": ("blacklisted_at", "why", "blacklisted_by_name", "note")},
        ),
    )
    readonly_fields = ("kind", "why")
    export_columns = (
        "jti",
        "token_type",
        "session_id",
        "subject",
        "user",
        "expires_at",
        "blacklisted_at",
        "reason",
        "via",
        "blacklisted_by_name",
        "note",
    )

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

    @admin.display(description=gettext_lazy("sign-in"))
    def session_sid(self, record: BlacklistedToken) -> str:
        """The id, for who may not see the page of the sign-in."""
        return record.session.sid if record.session else str(self.get_empty_value_display())

    @admin.display(description=gettext_lazy("blacklisted"))
    def blacklisted(self, record: BlacklistedToken) -> str:
        return cells.labelled(gettext_lazy("blacklisted"), cells.when(record.blacklisted_at))

    @admin.display(description=gettext_lazy("why"))
    def why(self, record: BlacklistedToken) -> str:
        return f"{label(Reason, record.reason)} ({label(Via, record.via)})"

    @admin.display(description=gettext_lazy("why"))
    def story(self, record: BlacklistedToken) -> str:
        return cells.cut(", ".join(filter(None, (self.why(record), record.blacklisted_by_name))))

    @admin.display(description=gettext_lazy("expires"))
    def expires(self, record: BlacklistedToken) -> str:
        return cells.labelled(gettext_lazy("expires"), cells.when(record.expires_at))

    def _may_end(self, request: HttpRequest) -> bool:
        return self.has_own_permission(request, "end_sessions")

    # --- adding one: by pasting it

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Blacklist the pasted token, of which only the ``jti`` is kept."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        is_post = request.method == "POST"
        jti = request.GET.get("jti")
        form: RevokeForm
        record = None
        if jti is None:
            form = paste = BlacklistTokenForm(redact_body(request.POST) if is_post else None)
            if paste.is_valid():
                record = self._blacklist(request, paste)
        else:
            self._require_permission_for(request, jti)
            form = RevokeForm(request.POST if is_post else None)
            if form.is_valid():
                record = self._refuse(request, jti, form)
        if record is not None:
            return self.response_post_save_add(request, record)
        context = {
            "add": True,
            "title": _("Blacklist a token"),
            "jti": jti,
            **(extra_context or {}),
        }
        return self.render_form(request, "admin/django_jwtauth/blacklist_token.html", form, context)

    def _blacklist(self, request: HttpRequest, form: BlacklistTokenForm) -> BlacklistedToken | None:
        """Return the record of the token, or None with the reason in ``form``."""
        raw = form.cleaned_data.pop("token")
        cause = make_cause(request, form.cleaned_data)
        began = moments.now()
        try:
            claims = sessions.blacklist(
                raw,
                reason=cause.reason,
                via=cause.via,
                by=cause.by,
                note=cause.note,
                may_end=self._may_end(request),
            )
        except WrongTokenType:
            form.add_error(
                "token",
                _(
                    "Blacklisting this token would end a sign-in. You do not have permission to "
                    "end sign-ins."
                ),
            )
            return None
        except AuthError as error:
            form.add_error("token", f"{error.sentence} ({error.reason})")
            return None
        rows: QuerySet[BlacklistedToken] = self.get_queryset(request)
        record = rows.filter(jti=claims["jti"]).first()
        if record is None:
            form.add_error(
                "token", _("This token belongs to no sign-in here, so it is refused anyway.")
            )
            return None
        is_new = moments.aware(record.blacklisted_at) >= began
        if is_new:
            self.log_addition(request, record, log_text(cause))
        self._tell(request, is_new)
        return record

    def _refuse(self, request: HttpRequest, jti: str, form: RevokeForm) -> BlacklistedToken:
        """Blacklist the token that was found by its ``jti``."""
        record, is_new = revocation.refuse(jti, make_cause(request, form.cleaned_data))
        self._tell(request, is_new)
        return record

    def _require_permission_for(self, request: HttpRequest, jti: str) -> None:
        """Raise unless the ``jti`` is known and the operator may end the row that ends with it."""
        try:
            ends = revocation.ends_sign_in(jti)
        except revocation.UnknownToken as error:
            raise Http404 from error
        if ends and not self._may_end(request):
            raise PermissionDenied

    def _tell(self, request: HttpRequest, is_new: bool) -> None:
        if is_new:
            text = _("The token is blacklisted: it is refused from the next request on.")
            self.message_user(request, text, messages.SUCCESS)
        else:
            text = _("This token was already blacklisted.")
            self.message_user(request, text, messages.INFO)
