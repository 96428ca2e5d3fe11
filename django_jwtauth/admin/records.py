"""What both lists have in common: nobody edits a record, and no page reads a whole table."""

import re
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from django.contrib import admin
from django.contrib.admin import helpers
from django.contrib.auth import get_user_model
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from .. import lookup
from ..models import BlacklistedToken, LoginSession

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

    BasePaginator = Paginator[Any]
    ModelAdmin = admin.ModelAdmin[Any]
else:
    BasePaginator = Paginator
    ModelAdmin = admin.ModelAdmin

_SID = re.compile(r"(?<![0-9a-f])[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}(?![0-9a-f])")


class BoundedPaginator(BasePaginator):
    """Counts up to a limit and lists no further: a full COUNT(*) reads the whole table."""

    limit = 10_000

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return int(rows.order_by()[: self.limit].count())

    @property
    def is_cut(self) -> bool:
        return self.count == self.limit


class RecordAdmin(ModelAdmin):
    """Base of the admin pages for rows that are an audit record, each with a ``user``."""

    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    list_select_related = ("user",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        # A replica that lags would show a sign-in as live that was just ended.
        return super().get_queryset(request).using(lookup.alias())

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_own_permission(self, request: HttpRequest, codename: str) -> bool:
        """Return whether the operator has one of this app's own permissions."""
        return request.user.has_perm(f"{self.opts.app_label}.{codename}")

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        return (f"user__{get_user_model().USERNAME_FIELD}",)

    @admin.display(description=gettext_lazy("user"))
    def user_name(self, record: LoginSession | BlacklistedToken) -> str:
        if record.user is None:
            return _("%(subject)s (deleted)") % {"subject": record.subject}
        return str(record.user.get_username() or record.subject)

    def render_form(
        self, request: HttpRequest, template: str, form: Any, context: dict[str, Any]
    ) -> TemplateResponse:
        """Return a page that shows ``form`` the way the admin shows a form of its own."""
        adminform = helpers.AdminForm(
            form, [(None, {"fields": list(form.fields)})], {}, model_admin=self
        )
        request.current_app = self.admin_site.name
        return TemplateResponse(
            request,
            template,
            {
                **self.admin_site.each_context(request),
                "opts": self.opts,
                "adminform": adminform,
                "errors": helpers.AdminErrorList(form, []),
                "media": self.media + adminform.media,
                "has_view_permission": self.has_view_permission(request),
                "preserved_filters": self.get_preserved_filters(request),
                **context,
            },
        )


def find_sid(text: str) -> UUID | None:
    """Return the first sign-in id in ``text``, bare or within a jti; None without one."""
    match = _SID.search(text.lower())
    return UUID(match.group()) if match else None


def operator(request: HttpRequest) -> "AbstractBaseUser":
    """Return who acts: the admin lets nobody in who is not signed in."""
    return cast("AbstractBaseUser", request.user)
