"""The operators' pages: where they are, what is posted there and how they read."""

import re

from django.urls import reverse
from django.utils import timezone

LIST = reverse("admin:django_jwtauth_loginsession_changelist")
FIND = reverse("admin:django_jwtauth_loginsession_find")
END = reverse("admin:django_jwtauth_loginsession_end")
END_USER = reverse("admin:django_jwtauth_loginsession_end_user")
END_BEFORE = reverse("admin:django_jwtauth_loginsession_end_before")
ACTIVITY = reverse("admin:django_jwtauth_loginsession_activity")
KEYS = reverse("admin:django_jwtauth_loginsession_keys")
INCIDENTS = reverse("admin:django_jwtauth_loginsession_incidents")
EXPORT = reverse("admin:django_jwtauth_loginsession_export")
BLACKLIST = reverse("admin:django_jwtauth_blacklistedtoken_changelist")
# Of a token that is pasted, or of its jti.
PASTE = reverse("admin:django_jwtauth_blacklistedtoken_add")
EXPORT_BLACKLIST = reverse("admin:django_jwtauth_blacklistedtoken_export")
WHY = {"reason": "stolen", "note": "Ticket 4711"}


def page_of(record, name="change"):
    return reverse(f"admin:django_jwtauth_{record._meta.model_name}_{name}", args=[record.pk])


def text_of(answer):
    """The page as read: no tags, one space."""
    page = re.sub(r"<[^>]+>", " ", answer.content.decode()).replace("\xa0", " ")
    return " ".join(page.replace("&#x27;", "'").split())


def select(*records, **extra):
    """The body that the list posts for its action."""
    ids = [record.pk for record in records]
    return {"action": "end_selected", "index": "0", "_selected_action": ids, **extra}


def listed(answer):
    return list(answer.context["cl"].result_list)


def before(moment, **extra):
    """The body of the page that ends what started before, as the operator's time zone has it."""
    local = timezone.localtime(moment)
    return {"before_0": f"{local:%Y-%m-%d}", "before_1": f"{local:%H:%M:%S}", **WHY, **extra}
