"""End all sign-ins of a user, or those that started before a given time."""

import shlex
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from ..operations import revocation
from ..operations.revocation import Tally, Target
from ..store import users
from . import user_page
from .forms import ConfirmEndBeforeForm, EndBeforeForm, RevokeForm
from .incidents import returning
from .records import make_cause, operator
from .wording import amount, ended_text, moment, zone_name

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

    from .records import RecordAdmin

#: The most sign-ins that one request ends; for more, use the command.
MAX_IN_REQUEST = 10_000


def end_user_view(request: HttpRequest, model_admin: "RecordAdmin") -> HttpResponse:
    """End all sign-ins of the user in ``user``: GET shows how many, and asks for a reason."""
    model_admin.require_permission(request, "end_sessions")
    user = _get_user(request)
    if user is None:
        raise Http404
    target = revocation.of_user(user)
    counted = revocation.count(target, MAX_IN_REQUEST)
    data = request.POST if request.method == "POST" else None
    form = RevokeForm(data, initial=returning.chosen(request))
    if counted.ended <= MAX_IN_REQUEST and form.is_valid():
        return _end(model_admin, request, target, counted, form.cleaned_data)
    title = _("End all sign-ins of %(user)s") % {"user": user.get_username()}
    context = {
        "title": title,
        "of_user": user,
        "user_page": user_page.find_url(model_admin.admin_site, request, user),
        **_effect(model_admin, request, target, counted, form),
    }
    return model_admin.render_form(request, "admin/django_jwtauth/end_many.html", form, context)


def end_before_view(request: HttpRequest, model_admin: "RecordAdmin") -> HttpResponse:
    """End everybody's sign-ins that started before a time, or those of one ``user``.

    The first POST counts; the second, with the confirmation, ends them.
    """
    user = _get_user(request)
    codename = "end_all_sessions" if user is None else "end_sessions"
    model_admin.require_permission(request, codename)
    # The text that confirms; a user may have no name.
    phrase = str(user.get_username() or user.pk) if user else _("everybody")
    form, form_of_choice = _read(request, phrase)
    title = _("End sign-ins started before a given time")
    context: dict[str, Any] = {"title": title, "zone": zone_name(), "of_user": user}
    context["user_page"] = (
        user_page.find_url(model_admin.admin_site, request, user) if user else None
    )
    if form_of_choice.is_bound and form_of_choice.is_valid():
        chosen = form_of_choice.cleaned_data
        before = chosen["before"]
        target = revocation.of_user(user, before) if user else revocation.everybody(before)
        counted = revocation.count(target, MAX_IN_REQUEST)
        if counted.ended <= MAX_IN_REQUEST and form.is_bound and form.is_valid():
            return _end(model_admin, request, target, counted, chosen)
        if not form.is_bound:
            form = ConfirmEndBeforeForm(phrase=phrase, initial=chosen)
        context.update(
            _effect(model_admin, request, target, counted, form_of_choice), before=moment(before)
        )
    else:
        form = form_of_choice
        context["list_url"] = _back(request, model_admin, user)
    return model_admin.render_form(request, "admin/django_jwtauth/end_many.html", form, context)


def _read(request: HttpRequest, phrase: str) -> tuple[Any, EndBeforeForm]:
    """Return the form of the second step, bound if it was sent, and that of the first."""
    data = request.POST if request.method == "POST" else None
    second = data if data is not None and "confirm" in data else None
    first = EndBeforeForm(data, initial=returning.chosen(request))
    return ConfirmEndBeforeForm(second, phrase=phrase), first


def _end(
    model_admin: "RecordAdmin",
    request: HttpRequest,
    target: Target,
    counted: Tally,
    data: dict[str, Any],
) -> HttpResponse:
    ended = revocation.end(target, make_cause(request, data))
    text = ended_text(ended, counted.before, MAX_IN_REQUEST)
    model_admin.message_user(request, text, messages.SUCCESS)
    return HttpResponseRedirect(_back(request, model_admin, target.user))


def _effect(
    model_admin: "RecordAdmin",
    request: HttpRequest,
    target: Target,
    counted: Tally,
    form: RevokeForm,
) -> dict[str, Any]:
    """Return what the page says about the effect."""
    too_many = counted.ended > MAX_IN_REQUEST
    data = form.cleaned_data if form.is_bound and form.is_valid() else {}
    return {
        "list_url": _back(request, model_admin, target.user),
        "counted": True,
        "nothing": counted.ended == 0,
        "api_tokens": counted.api_tokens,
        "ending": amount(counted.ended, MAX_IN_REQUEST),
        "ended_before": amount(counted.before, MAX_IN_REQUEST),
        "limit": amount(MAX_IN_REQUEST),
        "command": command_line(target, data, operator(request)) if too_many else "",
    }


def command_line(target: Target, data: dict[str, Any], by: "AbstractBaseUser") -> str:
    """Return the command that does the same in a terminal."""
    words = ["python", "manage.py", "jwtauth_revoke"]
    words += ["--user", str(target.user.get_username())] if target.user else ["--all"]
    if target.before is not None:
        words += ["--before", localtime(target.before).isoformat()]
    words += ["--reason", data.get("reason", "REASON"), "--note", data.get("note", "NOTE")]
    words += ["--by", str(by.get_username())]
    return shlex.join(" ".join(word.split()) for word in words)


def _get_user(request: HttpRequest) -> "AbstractBaseUser | None":
    """Return the user named in the query string, or None without one."""
    if "user" not in request.GET:
        return None
    user = users.find(request.GET["user"])
    # If the user is not found, it must not mean everybody.
    if user is None:
        raise Http404
    return user


def _back(request: HttpRequest, model_admin: "RecordAdmin", user: "AbstractBaseUser | None") -> str:
    """Return the incident that this page was opened from, or the list."""
    query = {"user": user.pk} if user else {}
    return returning.back_url(request, model_admin) or model_admin.page_url(
        "loginsession_changelist", **query
    )
