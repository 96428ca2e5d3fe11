"""The page that leads an operator through an incident, and ticks off what it sees done.

``docs/operators.md`` has the same incidents and steps in prose; a test compares them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ...store import users
from ..forms import FindForm, IncidentForm
from ..records import has_token
from . import accounts, leaks
from .case import MAX_NAMES, Case
from .steps import Plan

if TYPE_CHECKING:
    from ..records import RecordAdmin

TEMPLATE = "admin/django_jwtauth/incidents.html"


@dataclass(frozen=True)
class Incident:
    title: str | Promise
    plan: Callable[[Case], Plan]
    #: The fields of the form in which the operator says whose, where or when.
    asks: tuple[str, ...] = ()
    #: Whether it begins with a pasted token, which the page of the findings answers.
    finds: bool = False


INCIDENTS = {
    "device": Incident(
        gettext_lazy("A device was stolen or lost"), accounts.stolen_device, ("who",)
    ),
    "taken_over": Incident(
        gettext_lazy("An account was taken over"), accounts.taken_over, ("who",)
    ),
    "left": Incident(gettext_lazy("A person left"), accounts.person_left, ("who",)),
    "token": Incident(gettext_lazy("A token leaked"), accounts.leaked_token, finds=True),
    "signing_key": Incident(
        gettext_lazy("A signing key leaked"), leaks.signing_key, ("kid", "since")
    ),
    "database": Incident(gettext_lazy("The database or a backup leaked"), leaks.database),
    "secret_key": Incident(gettext_lazy("SECRET_KEY leaked"), leaks.secret_key, ("since",)),
    "address": Incident(
        gettext_lazy("An address is suspicious"),
        accounts.suspicious_address,
        ("address", "since"),
    ),
}


def incidents_view(request: HttpRequest, model_admin: "RecordAdmin") -> HttpResponse:
    """Show the incidents or, with ``what``, what to do in one. It changes nothing."""
    model_admin.require_permission(request)
    if has_token(request):
        return model_admin.forget(request)
    incident = INCIDENTS.get(request.GET.get("what", ""))
    if incident is None:
        user = {"user": request.GET["user"]} if "user" in request.GET else {}
        pages = [
            (one.title, model_admin.page_url("loginsession_incidents", what=code, **user))
            for code, one in INCIDENTS.items()
        ]
        context = {"title": _("What happened?"), "pages": pages}
        return model_admin.render_page(request, TEMPLATE, context)
    return _show(request, model_admin, incident)


def _show(request: HttpRequest, model_admin: "RecordAdmin", incident: Incident) -> HttpResponse:
    form = IncidentForm(request.GET, asks=incident.asks)
    if kids := leaks.find_kids() if "kid" in incident.asks else []:
        form.fields["kid"].help_text = _("Its kid. This project has: %(kids)s.") % {
            "kids": ", ".join(kids)
        }
    given: dict[str, Any] = form.cleaned_data if form.is_valid() else {}
    people = users.find_by_anything(given["who"], MAX_NAMES) if given.get("who") else []
    what = request.GET["what"]
    if len(people) == 1:
        return HttpResponseRedirect(
            model_admin.page_url("loginsession_incidents", what=what, user=people[0].pk)
        )
    case = Case(request, model_admin, given)
    unknown = "user" in request.GET and not case.user
    if "who" in incident.asks and (unknown or (given.get("who") and not people)):
        form.add_error("who", _("No user was found."))
    plan = incident.plan(case)
    context: dict[str, Any] = {
        "title": str(incident.title),
        "what": what,
        "case": case,
        "people": [case.incident(str(one.get_username()), what, user=one.pk) for one in people],
        "plan": plan,
        "asks": incident.asks,
        "list_url": model_admin.page_url("loginsession_incidents"),
    }
    if incident.finds:
        context["find_url"] = case.button("", "find").url
        return model_admin.render_form(request, TEMPLATE, FindForm(), context)
    return model_admin.render_form(request, TEMPLATE, form, context)
