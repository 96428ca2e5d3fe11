"""Make a mail about a sign-in, a password or an API token, and send it once."""

import logging
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils import translation

from ...conf import call_hook, get_settings
from ...models import LoginSession
from . import devices, links
from .models import is_first

logger = logging.getLogger("django_jwtauth")

NEW_DEVICE, PASSWORD_CHANGED, CREATED, EXPIRING = (
    "new_device",
    "password_changed",
    "api_token_created",
    "api_token_expiring",
)


def is_wanted(kind: str) -> bool:
    """Return whether the project wants mails of this kind."""
    conf = get_settings().NOTICES
    return conf.BASE_URL is not None and kind in conf.KINDS


def about_row(kind: str, session: LoginSession) -> bool:
    """Send the mail about a sign-in or an API token to its user; return whether it was sent."""
    link = links.make_url(links.Subject(links.ROW, session.id.hex))
    return send(kind, session.user, session.id.hex, {"session": session, "link": link})


def about_password(user: Any) -> bool:
    """Send the mail about the password that ``user`` now has; return whether it was sent."""
    link = links.make_url(links.of_user(user))
    return send(PASSWORD_CHANGED, user, f"{user.pk}:{user.password}", {"link": link})


def send(kind: str, user: Any, about: str, context: dict[str, Any]) -> bool:
    """Send a mail of this kind about something at most once; return whether it was sent.

    An error is logged, and stops nothing: a server for mail that is down must not stop a sign-in.
    """
    field = getattr(get_user_model(), "get_email_field_name", str)()
    to = getattr(user, field, None) if field else None
    if not to or not is_first(kind, about):
        return False
    with translation.override(_language_of(user)):
        return _send(kind, user, to, context)


def _language_of(user: Any) -> str | None:
    """Return the code of the user's language, or of that of the request if it is not known."""
    try:
        code = call_hook(get_settings().NOTICES.LANGUAGE, user)
    except Exception as error:
        # A mail in a wrong language is better than none.
        logger.error(
            "The hook for the language of notices failed",
            extra={"event": "hook_failed", "error": type(error).__name__},
        )
        code = None
    known = isinstance(code, str) and translation.check_for_language(code)
    return code if known else translation.get_language()


def _send(kind: str, user: Any, to: str, context: dict[str, Any]) -> bool:
    session = context.get("session")
    context = {
        "user": user,
        "device": devices.in_words(session.user_agent) if session else "",
        "name": devices.as_line(session.name) if session else "",
        "language": translation.get_language() or settings.LANGUAGE_CODE,
        "is_bidi": translation.get_language_bidi(),
        "site": get_settings().NOTICES.BASE_URL,
        **context,
    }
    try:
        folder = "django_jwtauth/notices"
        subject = " ".join(render_to_string(f"{folder}/{kind}_subject.txt", context).split())
        mail = EmailMultiAlternatives(
            subject,
            render_to_string(f"{folder}/{kind}.txt", context),
            get_settings().NOTICES.FROM_EMAIL,
            [to],
            # Mail servers and assistants neither answer it nor turn it into a newsletter.
            headers={"Auto-Submitted": "auto-generated"},
        )
        mail.attach_alternative(render_to_string(f"{folder}/{kind}.html", context), "text/html")
        mail.send()
    except Exception as error:
        logger.error(
            "A notice could not be sent",
            extra={"event": "notice_failed", "notice": kind, "error": type(error).__name__},
        )
        return False
    return True
