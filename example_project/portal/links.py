"""Links that sign in, sent by mail."""

import logging
from concurrent.futures import ThreadPoolExecutor

from django.contrib.auth.models import User
from django.core.mail import send_mail
from django.db import connections
from django.http import HttpRequest
from django.template.loader import render_to_string

from django_jwtauth import one_time
from django_jwtauth.models import Kind, LoginSession

logger = logging.getLogger(__name__)

# For each user at a time, so that nobody can fill another user's mailbox.
MAX_UNUSED = 3

# The answer must not wait for looking the account up, signing and sending, because the time
# would reveal whether there is an account. A real project uses its queue (Celery,
# django.tasks), which also tries again if the mail server is down.
queue = ThreadPoolExecutor(max_workers=1)


def send_links(request: HttpRequest, email: str, page: str) -> None:
    """Mail a link to ``page`` to each active user with this address.

    The mail goes to the stored address, not to the one that was typed: they may differ in letters
    that a database treats as equal.
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
                # The row of the token has the address that the request came from.
                "address": sent.latest("created_at").ip_address,
            }
            text = render_to_string("portal/mail.txt", context)
            send_mail("Your link to sign in", text, None, [user.email])
    except Exception as error:
        # Only the kind of error, as the message of a mail server may quote the mail.
        logger.error("The link was not sent: %s", type(error).__name__)
    finally:
        connections.close_all()
