import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error as DatabaseFailure

from ...conf.durations import words
from ...operations import batches
from ...operations.purge import Purged, purge
from ...operations.sweep import sweep
from ..terminal import batch_size, overwrite, swept


class Command(BaseCommand):
    help = (
        "Delete sign-ins and blacklisted tokens that no token needs any more and that are past "
        "AUDIT_RETENTION. Run it daily; it is safe at any time."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--dry-run",
            action="store_true",
            help="Count what would be deleted, and delete nothing.",
        )
        parser.add_argument(
            "--batch-size",
            type=batch_size,
            default=batches.SIZE,
            help="Rows deleted in one transaction (default: %(default)s).",
        )

    def handle(self, *, dry_run: bool, batch_size: int, **options: Any) -> None:
        terminal = self.stderr.isatty() and not dry_run
        try:
            ended = 0 if dry_run else sweep()
            done = purge(
                batch_size=batch_size,
                dry_run=dry_run,
                progress=self.show_progress() if terminal else None,
            )
        except DatabaseFailure as error:
            raise CommandError(
                f"The database failed: {error}\n"
                "What has been deleted stays deleted. Run the command again to continue."
            ) from error
        if terminal:
            overwrite(self.stderr, "")
        if options["verbosity"] > 0:
            if ended:
                self.stdout.write(swept(ended))
            verb = "Would delete" if dry_run else "Deleted"
            self.stdout.write(f"{verb} {describe(done)}.")

    def show_progress(self) -> Callable[[Purged], None]:
        """Return a function that shows the progress; counts the rows first, by an index."""
        total = sum(purge(dry_run=True))
        start = time.monotonic()

        def show(done: Purged) -> None:
            rate = sum(done) / max(time.monotonic() - start, 0.001)
            # Another purge may delete some of them, and more may become due.
            left = timedelta(seconds=round(max(0, total - sum(done)) / rate))
            overwrite(
                self.stderr,
                f"{sum(done):,} of {total:,} rows deleted, {rate:,.0f} per second, "
                f"{words(left)} left",
            )

        return show


def describe(counts: Purged) -> str:
    sessions = "sign-in" if counts.sessions == 1 else "sign-ins"
    tokens = "blacklisted token" if counts.blacklisted_tokens == 1 else "blacklisted tokens"
    return f"{counts.sessions:,} {sessions} and {counts.blacklisted_tokens:,} {tokens}"
