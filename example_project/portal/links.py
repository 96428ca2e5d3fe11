"""Links that sign in, sent by mail."""

import logging
from concurrent.futures import ThreadPoolExecutor

from django.contrib.auth.models import User
from django.core.mail import send_mail
from django.db import connections
from django.http import HttpRequest
from django.template.loader import render_to_string

from django_jwtauth import one_time
from django_jwtauth.http.device import get_ip_address
from django_jwtauth.models import Kind, LoginSession

logger = logging.getLogger(__name__)

# Of one user, at a time: whoever asks in another's name cannot fill that mailbox.
MAX_UNUSED = 3

# Looking for the account, signing and sending take time that would tell whether there is one:
# the answer must not wait for them. A real project puts this into its queue (Celery,
# django.tasks), which also tries again when the mail server is down.
queue = ThreadPoolExecutor(max_workers=1)


def send_links(request: HttpRequest, email: str, page: str) -> None:
    """Mail a link to each active user with this address; ``page`` is where the link leads.

    To the address that is stored, not the one that was typed: they may differ by letters
    that a database takes for the same.
    """
    try:
        for user in User.objects.filter(email__iexact=email, is_active=True):
            sent = LoginSession.objects.live().of_kind(Kind.ONE_TIME).filter(user_id=user.pk)
            if sent.filter(purpose=one_time.SIGN_IN).count() >= MAX_UNUSED:
                continue
            raw = one_time.create(user, one_time.SIGN_IN, request=request)
            context = {
                "username": user.get_username(),
                "link": f"{page}#{raw}",
                "address": get_ip_address(request),
            }
            text = render_to_string("portal/mail.txt", context)
            send_mail("Your link to sign in", text, None, [user.email])
    except Exception as error:
        # Only what kind: the message of a mail server may quote the mail.
        logger.error("The link was not sent: %s", type(error).__name__)
    finally:
        connections.close_all()
