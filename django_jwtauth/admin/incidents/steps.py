"""Steps that several incidents have, and the sentences that say what can be seen of them."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ...conf import moments
from ...models import Kind, LoginSession, Reason
from ...signins import rules
from ..wording import amount, label, moment
from .case import MAX_SEEN, Button, Case


class Row(NamedTuple):
    """A sign-in to choose: the cells that the lists show, and what to do with it."""

    cells: dict[str, Any]
    url: str
    button: Button


@dataclass(frozen=True)
class Step:
    title: str
    text: str = ""
    #: Whether it is done, as far as the page can see; None if it cannot.
    done: bool | None = None
    #: What the page sees, as a sentence.
    seen: str = ""
    command: str = ""
    buttons: list[Button] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)

    @property
    def can_end(self) -> bool:
        """Whether the operator may end the rows."""
        return any(row.button.url for row in self.rows)


@dataclass(frozen=True)
class Plan:
    """What an incident endangers, what it does not, and what to do."""

    dangers: list[str]
    safe: list[str]
    steps: list[Step]


def end_all(case: Case, reason: Reason) -> Step:
    """Return the step that ends all sign-ins of the user."""
    live = case.of_user()[: MAX_SEEN + 1].count() if case.user else 0
    return Step(
        _("End all sign-ins of the user"),
        _("This includes API tokens and one-time tokens."),
        done=not live if case.user else None,
        seen=live_text(case, live) if case.user else "",
        buttons=[end_all_button(case, reason)] if live else [],
    )


def change_password(case: Case, title: str, text: str) -> Step:
    """Return a step that is seen to be done if the user is deactivated or has a new password."""
    if not case.user:
        return Step(title, text)
    changed = case.last_end(Reason.CREDENTIALS_CHANGED)
    if not rules.is_active(case.user):
        done, seen = True, _("%(user)s is deactivated.")
    elif changed and changed.ended_at:
        done, seen = True, _("The password of %(user)s was changed (%(time)s).")
    else:
        done, seen = None, ""
    words = {"user": case.user_name}
    if changed and changed.ended_at:
        words["time"] = moment(changed.ended_at)
    return Step(title, text, done, seen % words, buttons=[case.user_page()])


def replace_api_tokens(case: Case, text: str, *, stay: bool = False) -> Step:
    """Return the step that has API tokens created anew, if they were created before the time.

    ``stay``: whether some of them stay valid, so that the page cannot see what is left to do.
    """
    tokens = case.before(Kind.API_TOKEN)[: MAX_SEEN + 1].count()
    query = {"kind": Kind.API_TOKEN, "status": "live"}
    if case.since:
        query["created_at__lt"] = moments.aware(case.since).isoformat()
    return Step(
        _("Have API tokens created anew"),
        text,
        done=not tokens if not tokens or (case.since and not stay) else None,
        seen=tokens_text(tokens),
        buttons=[case.list_of(_("Show the API tokens"), **query)] if tokens else [],
    )


def make_row(case: Case, session: LoginSession, reason: Reason) -> Row:
    admin = case.model_admin
    url = admin.page_url("loginsession_change", session.pk)
    return Row(admin.as_row(session), url, end_button(case, session, reason))


# --- buttons


def end_button(case: Case, session: LoginSession, reason: Reason) -> Button:
    text = _("End this sign-in")
    return case.button(text, "end", "end_sessions", sid=session.sid, reason=reason)


def end_all_button(case: Case, reason: Reason) -> Button:
    text = _("End all sign-ins of %(user)s") % {"user": case.user_name}
    return case.button(text, "end_user", "end_sessions", user=case.user.pk, reason=reason)


def end_before_button(case: Case) -> Button:
    query: dict[str, Any] = {"reason": Reason.COMPROMISED}
    if case.since:
        query["before"] = case.since.isoformat()
    return case.button(_("End all before a time"), "end_before", "end_all_sessions", **query)


# --- sentences


def live_text(case: Case, count: int) -> str:
    if not count:
        return _("No sign-in of %(user)s is live.") % {"user": case.user_name}
    text = ngettext(
        "%(count)s sign-in of %(user)s is live.", "%(count)s sign-ins of %(user)s are live.", count
    )
    return text % {"count": amount(count, MAX_SEEN), "user": case.user_name}


def tokens_text(count: int) -> str:
    if not count:
        return _("No API token is live.")
    text = ngettext("%(count)s API token is live.", "%(count)s API tokens are live.", count)
    return text % {"count": amount(count, MAX_SEEN)}


def end_text(session: LoginSession) -> str:
    """Return when, by whom and why a sign-in ended, or that it is live."""
    if session.ended_at is None:
        return _("The sign-in has not been ended.")
    parts = (moment(session.ended_at), session.ended_by_name, label(Reason, session.end_reason))
    return _("Ended: %(how)s.") % {"how": ", ".join(filter(None, parts))}
