"""Mail the owners of API tokens that will expire soon."""

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from .....conf import get_settings, moments
from .....models import Kind
from .....store import database
from ... import links, mails
from ...models import Done


class Command(BaseCommand):
    help = (
        'Mail the owners of API tokens that expire within JWTAUTH["NOTICES"]["WARN_BEFORE"]. '
        "Run it once a day; nobody gets a mail twice."
    )

    def handle(self, **options: Any) -> None:
        if not mails.is_wanted(mails.EXPIRING):
            raise CommandError('"api_token_expiring" is not in JWTAUTH["NOTICES"]["KINDS"].')
        until = moments.now() + get_settings().NOTICES.WARN_BEFORE
        rows = database.sign_ins().of_kind(Kind.API_TOKEN).live().expired(until)
        sent = 0
        # One by one: each mail writes a row, which would end a cursor that is still read from.
        for key in list(rows.values_list("pk", flat=True)):
            row = rows.select_related("user").filter(pk=key).first()
            if row is not None and row.user is not None:
                sent += mails.about_row(mails.EXPIRING, row)
        kept = max(get_settings().NOTICES.WARN_BEFORE, timedelta(seconds=links.MAX_AGE))
        over = moments.now() - kept - timedelta(days=1)
        Done.objects.filter(done_at__lt=moments.stored(over)).delete()
        self.stdout.write(f"{sent:,} {'notice' if sent == 1 else 'notices'} sent.")
