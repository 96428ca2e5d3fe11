"""The page that shows what is known about a token, an id or a line of a log."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..claims import ACCESS
from ..exceptions import AuthError
from ..models import BlacklistedToken, Kind, Reason, Via
from ..operations.finding import Finding, find, without_tokens
from ..operations.searching import networks_in
from ..redacted import redact_body
from ..store.networks import spell
from .filters import TokenType
from .forms import FindForm
from .incidents import returning
from .wording import label, moment

#: How a request with the token is answered, by the reason of the refusal.
VERDICTS: dict[str, str | Promise] = {
    "": gettext_lazy("Valid: it is accepted."),
    "malformed": gettext_lazy("Damaged, or not a token of this site: it is refused."),
    "bad_signature": gettext_lazy(
        "Bad signature: no key of this site signed it, so it is refused."
    ),
    "expired": gettext_lazy("Expired: it is refused."),
    "not_yet_valid": gettext_lazy("Not valid yet: it is refused for now."),
    "wrong_issuer": gettext_lazy("From another issuer: it is refused."),
    "too_long_lived": gettext_lazy(
        "Valid for longer than its issuer's tokens may be: it is refused."
    ),
    "no_tenant": gettext_lazy("No tenant is active here: it is refused."),
    "wrong_audience": gettext_lazy("For another audience: it is refused."),
    "user_not_found": gettext_lazy("Its user was deleted or is hidden: it is refused."),
    "user_inactive": gettext_lazy("Its user is deactivated: it is refused."),
    "session_ended": gettext_lazy("Its sign-in has ended or is unknown: it is refused."),
    "acting_ended": gettext_lazy("The operator who acted for its user signed out: it is refused."),
    "blacklisted": gettext_lazy("Blacklisted: it is refused."),
    "credentials_changed": gettext_lazy("Issued before the password was changed: it is refused."),
    "reused": gettext_lazy("Superseded by a newer refresh token. Using it ends the sign-in."),
    "generation_unknown": gettext_lazy("Newer than its sign-in: a backup was probably restored."),
}


def find_view(request: HttpRequest, model_admin: Any) -> HttpResponse:
    """Look up what is pasted. Only by POST, so that no part of it ends up in a URL."""
    model_admin.require_permission(request)
    form = FindForm(redact_body(request.POST) if request.method == "POST" else None)
    context: dict[str, Any] = {"title": _("Find a token or a sign-in")}
    if form.is_valid():
        try:
            text = form.cleaned_data.pop("text")
            found = find(text)
        except AuthError as error:
            form.add_error(None, str(error.sentence))
        else:
            context["networks"] = list(_networks(model_admin, text))
            context["stories"] = [_tell(model_admin, request, one) for one in found]
    template = "admin/django_jwtauth/find.html"
    answer: HttpResponse = model_admin.render_form(request, template, form, context)
    return answer


def _networks(model_admin: Any, text: str) -> Iterator[tuple[str, str]]:
    """Yield the URL and the label of a search for each address; nothing else of the text."""
    for network in networks_in(without_tokens(text)):
        name = spell(network)
        url = model_admin.page_url("loginsession_changelist", q=name)
        yield url, _("Show sign-ins from %(address)s") % {"address": name}


def _tell(model_admin: Any, request: HttpRequest, finding: Finding) -> dict[str, Any]:
    """Return a heading, the rows of a table, and the buttons."""
    return {
        "title": _title(finding),
        "unproven": finding.is_token and not finding.authentic,
        "rows": [(name, value) for name, value in _rows(model_admin, request, finding) if value],
        "buttons": list(_buttons(model_admin, request, finding)),
    }


def _title(finding: Finding) -> str:
    if finding.is_token:
        return _("A token")
    return _("A token, by its jti") if finding.jti else _("A sign-in, by its id")


def _rows(model_admin: Any, request: HttpRequest, finding: Finding) -> Iterator[tuple[str, str]]:
    if finding.is_token:
        refusal = finding.refusal
        reason = refusal.reason if refusal else ""
        yield _("State"), str(VERDICTS[reason] if reason in VERDICTS else _("It is refused."))
    yield _("Kind"), label(TokenType, finding.token_type)
    yield _("User"), _user(finding)
    yield _("Issued"), moment(finding.issued_at) if finding.issued_at else ""
    yield _("Expires"), moment(finding.expires_at) if finding.expires_at else ""
    yield "jti", finding.jti
    session = finding.session
    if session:
        url = model_admin.page_url("loginsession_change", session.pk)
        yield _("Sign-in"), format_html('<a href="{}">{}</a>', url, session.sid)
        yield _("Status of the sign-in"), model_admin.status(session)
        yield _("Signed in"), moment(session.created_at)
        yield _("Refreshed"), moment(session.refreshed_at)
        yield _("Device"), model_admin.device(session) or ""
        yield _("Address"), model_admin.address(session) or ""
        if session.ended_at:
            who = (session.ended_by_name, model_admin.via(session), model_admin.reason(session))
            yield _("Ended"), _act(session.ended_at, *who, session.end_note)
    if finding.blacklisted:
        yield _("Blacklisted"), _blacklisting(model_admin, request, finding.blacklisted)


def _user(finding: Finding) -> str:
    if finding.user is not None:
        return str(finding.user.get_username() or finding.user.pk)
    record = finding.session or finding.blacklisted
    return _("%(subject)s (deleted)") % {"subject": record.subject} if record else ""


def _blacklisting(model_admin: Any, request: HttpRequest, record: BlacklistedToken) -> str:
    if not model_admin.has_own_permission(request, "view_blacklistedtoken"):
        return moment(record.blacklisted_at)
    who = (record.blacklisted_by_name, label(Via, record.via), label(Reason, record.reason))
    return _act(record.blacklisted_at, *who, record.note)


def _act(when: datetime, who: str, via: str, why: str, note: str) -> str:
    """Return when, by whom, how and why, in one line."""
    told = ", ".join(filter(None, (moment(when), who, via)))
    return " ".join(filter(None, (f"{told}: {why}." if why else told, note)))


def _buttons(model_admin: Any, request: HttpRequest, finding: Finding) -> Iterator[tuple[str, str]]:
    """Yield the URL and the label of each button that the operator may press."""
    can_end = model_admin.has_own_permission(request, "end_sessions")
    session = finding.session
    if can_end and session and session.ended_at is None:
        incident = returning.keep(request, sid=session.sid)
        more = {**incident, "reason": Reason.STOLEN} if incident else {}
        url = model_admin.page_url("loginsession_end", sid=session.sid, **more)
        yield url, _("End this sign-in")
    if can_end and finding.user:
        text = _("End all sign-ins of %(user)s") % {"user": _user(finding)}
        yield model_admin.page_url("loginsession_end_user", user=finding.user.pk), text
    is_open = session and session.ended_at is None and finding.blacklisted is None
    # Blacklisting a row's only token ends it.
    ends = session and session.kind in (Kind.API_TOKEN, Kind.ACTING)
    if (
        is_open
        and finding.token_type == ACCESS
        and finding.jti
        and (can_end or not ends)
        and model_admin.has_own_permission(request, "blacklist_token")
    ):
        text = _("Blacklist only this token")
        yield model_admin.page_url("blacklistedtoken_add", jti=finding.jti), text
