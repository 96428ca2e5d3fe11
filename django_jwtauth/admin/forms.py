"""The forms of the operators' pages."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from django import forms
from django.contrib.admin.widgets import (
    AdminIntegerFieldWidget,
    AdminSplitDateTime,
    AdminTextareaWidget,
    AdminTextInputWidget,
)
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from .. import acting
from ..api_tokens import MAX_NAME_LENGTH, MAX_SCOPE_LENGTH
from ..conf import get_settings, moments
from ..operations.finding import MAX_LENGTH
from ..operations.revocation import OPERATOR_REASONS
from ..operations.searching import read_network
from ..redacted import Redacted
from ..store.networks import Network
from .wording import moment, zone_name


class RevokeForm(forms.Form):
    reason = forms.ChoiceField(
        label=_("Reason"),
        choices=[("", "---------"), *((reason.value, reason.label) for reason in OPERATOR_REASONS)],
    )
    note = forms.CharField(
        label=pgettext_lazy("of an operator", "Note"),
        max_length=1000,
        widget=AdminTextareaWidget(attrs={"rows": 3}),
        help_text=_(
            "For the record, such as who asked, what happened, or a ticket number. Never a token."
        ),
    )


class ForgetfulTextarea(AdminTextareaWidget):
    """A text area that never shows again what was typed."""

    def format_value(self, value: Any) -> None:
        return None


PASTED = {"autocomplete": "off", "autocapitalize": "off", "spellcheck": "false", "dir": "auto"}


class BlacklistTokenForm(RevokeForm):
    token = forms.CharField(
        label=_("Token"),
        widget=ForgetfulTextarea(attrs={"rows": 5, **PASTED}),
        help_text=_("The whole token, of any kind. It is checked and not stored."),
    )
    field_order = ("token", "reason", "note")

    def clean_token(self) -> Redacted:
        # A terminal or a mail program may have broken the line.
        return Redacted("".join(self.cleaned_data["token"].split()))


class FindForm(forms.Form):
    text = forms.CharField(
        label=_("Token, id or log line"),
        max_length=MAX_LENGTH,
        widget=ForgetfulTextarea(attrs={"rows": 5, "autofocus": True, **PASTED}),
        help_text=_(
            "A token, even if it is expired or forged; a jti; a sign-in id (sid); or a line of a "
            "log that contains one of them. It is looked up and not stored."
        ),
    )

    def clean_text(self) -> Redacted:
        return Redacted(self.cleaned_data["text"])


class NewTokenForm(RevokeForm):
    """The name, the scopes and the lifetime of an API token."""

    reason = None  # type: ignore[assignment]
    name = forms.CharField(
        label=_("Name"),
        max_length=MAX_NAME_LENGTH,
        widget=AdminTextInputWidget,
        help_text=_("What the token is for. Its owner sees this name in a list."),
    )
    scope = forms.CharField(
        label=_("Scopes"),
        required=False,
        max_length=MAX_SCOPE_LENGTH,
        widget=AdminTextInputWidget(attrs=PASTED),
        help_text=_(
            "Separate scopes with spaces. The user must be allowed to have them. Leave empty for "
            "no scopes."
        ),
    )

    def __init__(self, data: Any = None, *, allowed: str | None, **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        self.fields["scope"].initial = allowed
        if allowed is None:
            self.fields["scope"].help_text = _("This project has no scopes: leave this empty.")
        longest = max(get_settings().API_TOKENS.MAX_LIFETIME.days, 1)
        self.fields["days"] = forms.IntegerField(
            label=_("Lifetime in days"),
            min_value=1,
            max_value=longest,
            initial=min(30, longest),
            widget=AdminIntegerFieldWidget,
        )
        self.order_fields(("name", "scope", "days", "note"))


class ActingForm(forms.Form):
    """Why an operator acts for a user, and for how long."""

    reason = forms.CharField(
        label=_("Reason"),
        max_length=acting.MAX_REASON_LENGTH,
        widget=AdminTextInputWidget,
        help_text=_("For the record, such as who asked, or a ticket number."),
    )
    minutes = forms.IntegerField(
        label=_("Minutes"),
        min_value=1,
        max_value=int(acting.MAX_LIFETIME.total_seconds()) // 60,
        initial=int(acting.LIFETIME.total_seconds()) // 60,
        widget=AdminIntegerFieldWidget,
    )


class EndBeforeForm(RevokeForm):
    """Which sign-ins to end, by the time when they started."""

    before = forms.SplitDateTimeField(label=_("Started before"), widget=AdminSplitDateTime)
    field_order = ("before", "reason", "note")

    def __init__(self, data: Any = None, **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        self.fields["before"].help_text = _say_which_clock()

    def clean_before(self) -> datetime:
        before: datetime = self.cleaned_data["before"]
        if moments.aware(before) > moments.now():
            raise forms.ValidationError(_("This time is in the future."))
        return before


class IncidentForm(forms.Form):
    """Whose, where or when, sent by GET; ``asks`` names the fields of the incident."""

    who = forms.CharField(
        label=_("Whose?"),
        required=False,
        max_length=255,
        widget=AdminTextInputWidget(attrs=PASTED),
        help_text=_("A user name, an e-mail address or a user id."),
    )
    address = forms.CharField(
        label=_("Address"),
        required=False,
        max_length=100,
        widget=AdminTextInputWidget(attrs=PASTED),
        help_text=_("An IP address, or a network such as 203.0.113.0/24."),
    )
    kid = forms.CharField(
        label=_("Leaked key"),
        required=False,
        max_length=255,
        widget=AdminTextInputWidget(attrs=PASTED),
        help_text=_("The kid of the key. “Keys” lists those of this project."),
    )
    since = forms.SplitDateTimeField(label=_("Since"), required=False, widget=AdminSplitDateTime)

    def __init__(self, data: Any, *, asks: Collection[str], **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        for name in self.fields.keys() - set(asks):
            del self.fields[name]
        if "since" in asks:
            since = self.fields["since"]
            if "address" in asks:
                text = _("Without it, what started in the last 30 days is shown.")
            else:
                since.label = _("New key deployed")
                text = _("Leave it empty until then. With it, the page sees what is older.")
            since.help_text = f"{text} {_say_which_clock()}"

    def clean_address(self) -> Network | None:
        text: str = self.cleaned_data["address"]
        try:
            return read_network(text) if text else None
        except ValueError as error:
            raise forms.ValidationError(_("Enter a valid IP address or network.")) from error

    def clean_since(self) -> datetime | None:
        since: datetime | None = self.cleaned_data["since"]
        # A column cannot hold the first and the last hours of the calendar.
        if since and not 2000 <= since.year < 9999:
            raise forms.ValidationError(_("Enter a valid date."))
        return since


class ConfirmEndBeforeForm(EndBeforeForm):
    """The same choices, which cannot be changed any more, and the word that confirms them."""

    confirm = forms.CharField(
        widget=AdminTextInputWidget(attrs={"autocomplete": "off", "autocapitalize": "off"})
    )

    def __init__(self, data: Any = None, *, phrase: str, **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        self.phrase = phrase
        for name in ("before", "reason", "note"):
            self.fields[name].widget = self.fields[name].hidden_widget()
        self.fields["confirm"].label = _("To confirm, type: %(phrase)s") % {"phrase": phrase}

    def clean_confirm(self) -> str:
        if self.cleaned_data["confirm"].strip() != self.phrase:
            raise forms.ValidationError(_("The word doesn't match."))
        return self.phrase


def _say_which_clock() -> str:
    """Return the time zone in which a time is entered, and what a clock there shows now."""
    words = {"zone": zone_name(), "now": moment(moments.now())}
    return _("Time zone: %(zone)s. It is now %(now)s there.") % words
