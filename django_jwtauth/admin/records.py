"""The base of both lists: nobody edits a record, and no page reads a whole table."""

from functools import partial
from typing import TYPE_CHECKING, Any, cast

from django.contrib import admin, messages
from django.contrib.admin import helpers
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import DatabaseError
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.functional import cached_property
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters

from ..conf import get_settings
from ..models import BlacklistedToken, Cause, LoginSession, Via
from ..operations.finding import holds_token
from ..operations.searching import MAX_LENGTH, of_users
from ..store import database, users
from . import cells, overview
from .export import export_view
from .wording import amount, in_words, moment, zone_name

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

    BasePaginator = Paginator[Any]
    ModelAdmin = admin.ModelAdmin[Any]
else:
    BasePaginator = Paginator
    ModelAdmin = admin.ModelAdmin


class BoundedPaginator(BasePaginator):
    """Counts and lists only up to a limit, because a full COUNT(*) reads the whole table."""

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
    change_list_template = "admin/django_jwtauth/change_list.html"
    # Shows the search field; get_search_results() looks up the users.
    search_fields = ("user",)

    #: The columns of the CSV file: attributes of a row, and "user", the user's name.
    export_columns: tuple[str, ...] = ()

    @property
    def urls(self) -> list[URLPattern]:
        patterns = self.get_urls()
        for pattern in patterns:
            # Outermost, because a pasted token must stay hidden even if authentication fails.
            pattern.callback = sensitive_post_parameters()(pattern.callback)
        return patterns

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(partial(export_view, model_admin=self))
        name = f"django_jwtauth_{self.opts.model_name}_export"
        return [path("export/", view, name=name), *super().get_urls()]

    def get_empty_value_display(self) -> SafeString:
        # Marked, so that a card on a phone has no line for what is not known.
        return cells.nothing(super().get_empty_value_display())

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        # A replica that lags would show a sign-in as live that was just ended.
        return super().get_queryset(request).using(database.alias())

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if has_token(request):
            return self.forget(request)
        if len(request.GET.get("q", "")) > MAX_LENGTH:
            return self._shorten(request)
        user = users.find(request.GET["user"]) if "user" in request.GET else None
        context = {
            # Not in a search or a filtered list, as the operator has already seen it.
            "overview": overview.numbers() if not request.GET and self._may_see(request) else None,
            "can_end": self.has_own_permission(request, "end_sessions"),
            "can_end_all": self.has_own_permission(request, "end_all_sessions"),
            "can_find": self._may_see(request),
            "can_create_token": self.has_own_permission(request, "create_api_token"),
            "user_filter": user,
            "understood": self.describe_search(request),
            "user_query": urlencode({"user": user.pk}) if user else "",
            "zone": zone_name(),
            **(extra_context or {}),
        }
        return super().changelist_view(request, context)

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        try:
            return super().get_changelist_instance(request)
        except (DatabaseError, ValueError) as error:
            if isinstance(error, DatabaseError) and not database.is_unstorable(error):
                raise
            # Django finds most of what is no value of a column before the query is run; PostgreSQL
            # and its driver refuse more.
            raise IncorrectLookupParameters from error

    def forget(self, request: HttpRequest) -> HttpResponse:
        """Show the list without a token that was searched for, which its links would repeat."""
        kept = request.GET.copy()
        for name, values in request.GET.lists():
            if any(map(holds_token, values)):
                del kept[name]
        text = _(
            "A token must not become part of a URL, so nothing was searched for. Paste it into "
            "“Find a token”."
        )
        self.message_user(request, text, messages.WARNING)
        return HttpResponseRedirect(f"{request.path}?{kept.urlencode()}" if kept else request.path)

    def _shorten(self, request: HttpRequest) -> HttpResponse:
        """Show the list without a search that is too long, which its links would repeat."""
        text = _(
            "A search has at most %(limit)s characters, so nothing was searched for. Paste a "
            "longer text into “Find a token”."
        )
        self.message_user(request, text % {"limit": amount(MAX_LENGTH)}, messages.WARNING)
        return HttpResponseRedirect(request.path)

    def get_preserved_filters(self, request: HttpRequest) -> str:
        filters = str(super().get_preserved_filters(request))
        return "" if holds_token(filters) else filters

    def _may_see(self, request: HttpRequest) -> bool:
        return self.has_own_permission(request, "view_loginsession")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return the fieldsets without links to pages that answer 403 to the operator.

        The admin links a user and a sign-in to their pages, whoever looks.
        """
        texts: dict[Any, str] = {}
        if not self._may_open(request, get_user_model()):
            texts["user"] = "user_name"
        if not self._may_open(request, LoginSession):
            texts["session"] = "session_sid"
        return [
            (heading, {**options, "fields": [texts.get(one, one) for one in options["fields"]]})
            for heading, options in super().get_fieldsets(request, obj)
        ]

    def _may_open(self, request: HttpRequest, model: type[Model]) -> bool:
        """Return whether the operator may see pages of ``model``, or the admin has none."""
        if not self.admin_site.is_registered(model):
            return True
        return self.admin_site.get_model_admin(model).has_view_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_own_permission(self, request: HttpRequest, codename: str) -> bool:
        """Return whether the operator has one of this app's own permissions."""
        return request.user.has_perm(f"{self.opts.app_label}.{codename}")

    def require_permission(self, request: HttpRequest, codename: str = "") -> None:
        """Raise ``PermissionDenied`` unless the operator may see these rows, and do that."""
        if not self.has_view_permission(request) or (
            codename and not self.has_own_permission(request, codename)
        ):
            raise PermissionDenied

    def page_url(self, page: str, *args: Any, **query: Any) -> str:
        """Return the URL of one of our pages, like "loginsession_end", on this operator's site."""
        name = f"admin:django_jwtauth_{page}"
        url = reverse(name, args=args, current_app=self.admin_site.name)
        return f"{url}?{urlencode(query, doseq=True)}" if query else url

    def describe_search(self, request: HttpRequest) -> dict[str, Any] | None:
        """Return what the search was understood as, for the template."""
        return None

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        return of_users(queryset, [search_term]), False

    @admin.display(description=gettext_lazy("user"))
    def user_name(self, record: LoginSession | BlacklistedToken) -> str:
        if record.user is None:
            return cells.cut(_("%(subject)s (deleted)") % {"subject": record.subject})
        return cells.cut(str(record.user.get_username() or record.subject))

    def render_form(
        self, request: HttpRequest, template: str, form: Any, context: dict[str, Any]
    ) -> TemplateResponse:
        """Return a page that shows ``form`` like the admin's own forms."""
        shown = [name for name, field in form.fields.items() if not field.widget.is_hidden]
        adminform = helpers.AdminForm(form, [(None, {"fields": shown})], {}, model_admin=self)
        context = {
            "adminform": adminform,
            "errors": helpers.AdminErrorList(form, []),
            "media": self.media + adminform.media,
            **context,
        }
        return self.render_page(request, template, context)

    def render_page(
        self, request: HttpRequest, template: str, context: dict[str, Any]
    ) -> TemplateResponse:
        """Return one of our pages within the admin."""
        conf = get_settings()
        legacy_until = conf.legacy_until()
        request.current_app = self.admin_site.name
        return TemplateResponse(
            request,
            template,
            {
                **self.admin_site.each_context(request),
                "opts": self.opts,
                "media": self.media,
                # The last of the breadcrumbs.
                "original": context["title"],
                "nothing_known": self.get_empty_value_display(),
                "access_lifetime": in_words(conf.ACCESS_TOKEN_LIFETIME),
                "api_lifetime": in_words(conf.API_TOKENS.MAX_LIFETIME),
                "legacy_until": legacy_until and moment(legacy_until),
                "has_view_permission": self.has_view_permission(request),
                "preserved_filters": self.get_preserved_filters(request),
                **context,
            },
        )


def has_token(request: HttpRequest) -> bool:
    """Return whether the query string contains a token."""
    return any(holds_token(value) for _name, values in request.GET.lists() for value in values)


def get_user(pk: str) -> "AbstractBaseUser":
    """Return the user; 404 also for a user whom a manager hides, who could not use a token."""
    user = users.find(pk)
    if user is None or not users.visible().filter(pk=user.pk).exists():
        raise Http404
    return user


def operator(request: HttpRequest) -> "AbstractBaseUser":
    """Return the signed-in user, whom the admin requires."""
    return cast("AbstractBaseUser", request.user)


def make_cause(request: HttpRequest, data: dict[str, Any]) -> Cause:
    """Return the cause to record: the reason and note of a valid form, and who sent it."""
    return Cause(data["reason"], Via.ADMIN, operator(request), data["note"])
