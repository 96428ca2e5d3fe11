"""The filters of the lists. None of them queries the database for its values.

Their parameters, which any page may put into a link, and which combine with each other and with
the search (``q``):

| list | parameter | value |
|---|---|---|
| both | ``user`` | the user's primary key |
| sign-ins | ``status`` | ``live``, ``ended``, ``expired`` |
| | ``kind`` | ``sign_in``, ``api_token``, ``one_time``, ``acting`` |
| | ``end_reason``, ``ended_via`` | a value of ``Reason`` or ``Via`` |
| | ``created_at__gte``, ``created_at__lt`` | started from, and before: a time |
| | ``ended_at__gte``, ``ended_at__lt`` | ended from, and before |
| | ``replayed_at__gte``, ``replayed_at__lt`` | a superseded token came back from, and before |
| blacklist | ``token_type`` | ``access``, ``refresh``, ``one_time`` |
| | ``reason``, ``via`` | a value of ``Reason`` or ``Via`` |

A time is whatever ``operations.periods.read_moment`` reads: ``2026-11-24T14:00+01:00`` (quote the
"+" as ``%2B``), ``yesterday``, ``24h`` for 24 hours ago. Only these three columns have an index.
"""

from collections.abc import Iterator
from typing import Any

from django.contrib.admin import ListFilter, ModelAdmin, SimpleListFilter
from django.contrib.admin.options import IncorrectLookupParameters
from django.db.models import QuerySet, TextChoices
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from ..claims import ACCESS, ONE_TIME, REFRESH
from ..conf import moments
from ..models import Kind, Reason, Via
from ..operations.periods import read_moment
from ..operations.searching import of_status
from ..store import users
from .wording import moment


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
        narrowed: QuerySet[Any] = of_status(queryset, self.value())
        return narrowed


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


class PeriodFilter(ListFilter):
    """Filter by a column with an index: from a time, and before another."""

    column: str

    @property
    def field_path(self) -> str:
        """The name by which django-unfold looks for options, and fails without one."""
        return self.column

    #: The periods to choose from; without, the filter is shown only if it is in use.
    periods: tuple[tuple[str | Promise, dict[str, str]], ...] = ()

    def __init__(
        self,
        request: HttpRequest,
        params: dict[str, Any],
        model: Any,
        model_admin: "ModelAdmin[Any]",
    ) -> None:
        super().__init__(request, params, model, model_admin)
        values = {name: params.pop(name, [""])[-1] for name in self._names()}
        self.chosen: dict[str, str] = {name: value for name, value in values.items() if value}
        self.used_parameters.update(self.chosen)

    def expected_parameters(self) -> list[str | None]:
        return [*self._names()]

    def _names(self) -> list[str]:
        return [f"{self.column}__gte", f"{self.column}__lt"]

    def has_output(self) -> bool:
        return bool(self.periods or self.chosen)

    def choices(self, changelist: Any) -> Iterator[dict[str, Any]]:
        names = self._names()
        every = [(_("Any time"), {}), *self.periods]
        choices = [
            (text, {f"{self.column}__{lookup}": value for lookup, value in period.items()})
            for text, period in every
        ]
        if self.chosen not in [period for _text, period in choices]:
            choices.append((self._in_words(), self.chosen))
        for text, period in choices:
            yield {
                "selected": period == self.chosen,
                "query_string": changelist.get_query_string(period, remove=names),
                "display": text,
            }

    def _in_words(self) -> str:
        since, until = (
            moment(read_moment(value)) if value else "…"
            for value in map(self.chosen.get, self._names())
        )
        return f"{since} \N{EN DASH} {until}"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        try:
            limits = {
                name: moments.stored(read_moment(value)) for name, value in self.chosen.items()
            }
        except ValueError as error:
            raise IncorrectLookupParameters(error) from error
        return queryset.filter(**limits)


class StartedFilter(PeriodFilter):
    title = _("start")
    column = "created_at"
    periods = (
        (_("Last hour"), {"gte": "1h"}),
        (_("Today"), {"gte": "today"}),
        (_("Yesterday"), {"gte": "yesterday", "lt": "today"}),
        (_("Last 7 days"), {"gte": "7d"}),
        (_("Last 30 days"), {"gte": "30d"}),
    )


class EndedFilter(PeriodFilter):
    title = _("ended")
    column = "ended_at"


class ReplayedFilter(PeriodFilter):
    title = _("superseded token came back")
    column = "replayed_at"


class UserFilter(SimpleListFilter):
    """Filter by one user; shown only if it is in use, as a list of all users would be too long."""

    title = _("user")
    parameter_name = "user"

    def lookups(self, request: HttpRequest, model_admin: "ModelAdmin[Any]") -> Any:
        value = self.value()
        if value is None:
            return ()
        self.user = users.find(value)
        return ((value, self.user.get_username() if self.user else value),)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() is None:
            return queryset
        return queryset.filter(user=self.user) if self.user else queryset.none()
