from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error as DatabaseFailure

from ...operations import batches
from ...operations.sweep import sweep
from ..terminal import batch_size, swept


class Command(BaseCommand):
    help = (
        "End the sign-ins of users who were deactivated or deleted, or whose password was changed "
        "by an UPDATE. Their tokens are refused anyway; afterwards the sign-ins are not shown as "
        "live, and cannot be revived. jwtauth_purge begins with the same sweep."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--batch-size",
            type=batch_size,
            default=batches.SIZE,
            help="Sign-ins examined in one step (default: %(default)s).",
        )

    def handle(self, *, batch_size: int, **options: Any) -> None:
        try:
            ended = sweep(batch_size=batch_size)
        except DatabaseFailure as error:
            raise CommandError(
                f"The database failed: {error}\nRun the command again to continue."
            ) from error
        if options["verbosity"] > 0:
            self.stdout.write(swept(ended))
