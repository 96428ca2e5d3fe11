"""Why an operator revokes, and the token that is pasted."""

from typing import Any

from django import forms
from django.contrib.admin.widgets import AdminTextareaWidget
from django.utils.translation import gettext_lazy as _

from ..models import Reason

# The other reasons are found by the project itself.
OPERATOR_REASONS = (Reason.STOLEN, Reason.COMPROMISED, Reason.LEFT, Reason.OTHER)


class RevokeForm(forms.Form):
    reason = forms.ChoiceField(
        label=_("Reason"),
        choices=[("", "---------"), *((reason.value, reason.label) for reason in OPERATOR_REASONS)],
    )
    note = forms.CharField(
        label=_("Note"),
        max_length=1000,
        widget=AdminTextareaWidget(attrs={"rows": 3}),
        help_text=_("For the record: who asked, what was seen, a ticket number. Never a token."),
    )


class ForgetfulTextarea(AdminTextareaWidget):
    """Never shows what was typed before."""

    def format_value(self, value: Any) -> None:
        return None


class BlacklistTokenForm(RevokeForm):
    token = forms.CharField(
        label=_("Token"),
        widget=ForgetfulTextarea(
            attrs={"rows": 5, "autocomplete": "off", "autocapitalize": "off", "spellcheck": "false"}
        ),
        help_text=_("The whole access or refresh token. It is checked and then forgotten."),
    )
    field_order = ("token", "reason", "note")

    def clean_token(self) -> str:
        # A terminal or a mail program may have broken the line.
        return "".join(self.cleaned_data["token"].split())
