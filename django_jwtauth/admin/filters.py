"""The filters of the lists. None of them queries the database for its values."""

from typing import Any, cast

from django.contrib.admin import ModelAdmin, SimpleListFilter
from django.db.models import QuerySet, TextChoices
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from ..claims import ACCESS, ONE_TIME, REFRESH
from ..models import Kind, LoginSessionQuerySet, Reason, Via
from ..operations.finding import find_user


class Status(TextChoices):
    LIVE = "live", pgettext_lazy("status of a sign-in", "Live")
    ENDED = "ended", pgettext_lazy("status of a sign-in", "Ended")
    EXPIRED = "expired", pgettext_lazy("status of a sign-in", "Expired")


class TokenType(TextChoices):
    ACCESS = ACCESS, pgettext_lazy("kind of token", "Access")
    REFRESH = REFRESH, pgettext_lazy("kind of token", "Refresh")
    ONE_TIME = ONE_TIME, pgettext_lazy("kind of token", "One-time")


class StatusFilter(SimpleListFilter):
    title = _("status")
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: "ModelAdmin[Any]") -> Any:
        return Status.choices

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        rows = cast(LoginSessionQuerySet, queryset)
        if self.value() == Status.LIVE:
            return rows.live()
        if self.value() == Status.ENDED:
            return rows.exclude(ended_at=None)
        if self.value() == Status.EXPIRED:
            return rows.expired()
        return rows


class ChoicesFilter(SimpleListFilter):
    """Filter by a text column with one of ``choices``; the parameter is the column's name."""

    choices_class: type[TextChoices]

    def lookups(self, request: HttpRequest, model_admin: "ModelAdmin[Any]") -> Any:
        return self.choices_class.choices

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() is None:
            return queryset
        return queryset.filter(**{str(self.parameter_name): self.value()})


class KindFilter(ChoicesFilter):
    title = _("kind")
    parameter_name = "kind"
    choices_class = Kind


class EndReasonFilter(ChoicesFilter):
    title = _("reason")
    parameter_name = "end_reason"
    choices_class = Reason


class EndedViaFilter(ChoicesFilter):
    title = _("ended via")
    parameter_name = "ended_via"
    choices_class = Via


class TokenTypeFilter(ChoicesFilter):
    title = _("kind")
    parameter_name = "token_type"
    choices_class = TokenType


class ReasonFilter(ChoicesFilter):
    title = _("reason")
    parameter_name = "reason"
    choices_class = Reason


class ViaFilter(ChoicesFilter):
    title = _("via")
    parameter_name = "via"
    choices_class = Via


class UserFilter(SimpleListFilter):
    """Filter by one user; shown only if it is in use, as a list of all users would be too long."""

    title = _("user")
    parameter_name = "user"

    def lookups(self, request: HttpRequest, model_admin: "ModelAdmin[Any]") -> Any:
        value = self.value()
        if value is None:
            return ()
        self.user = find_user(value)
        return ((value, self.user.get_username() if self.user else value),)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() is None:
            return queryset
        return queryset.filter(user=self.user) if self.user else queryset.none()
