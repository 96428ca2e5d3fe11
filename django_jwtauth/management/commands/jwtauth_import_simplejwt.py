"""Import the records of simplejwt's blacklist app: see ``contrib.simplejwt.move.importer``."""

import time
from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from ...contrib.simplejwt.move.importer import BATCH_SIZE, Imported, NotReconciled, import_tokens
from ...contrib.simplejwt.move.tables import OUTSTANDING, find_alias
from ..terminal import batch_size, overwrite

MEANINGS = {
    "imported": "imported: each is a sign-in now",
    "expired": "expired",
    "blacklisted": "blacklisted: they stay refused",
    "userless": "without a user who may sign in",
    "already_here": "already imported",
}
AGAIN = "What has been imported stays imported. Run the command again to continue."


class Command(BaseCommand):
    help = (
        "Import the outstanding and the blacklisted tokens of djangorestframework-simplejwt. "
        "Only who signed in, and until when, is read; the tokens are neither read nor copied. "
        "Safe at any time, and as often as you like."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--dry-run",
            action="store_true",
            help="Count what would be imported, and write nothing.",
        )
        parser.add_argument(
            "--batch-size",
            type=batch_size,
            default=BATCH_SIZE,
            help="Rows read and written at a time (default: %(default)s).",
        )

    def handle(self, *, dry_run: bool, batch_size: int, **options: Any) -> None:
        terminal = self.stderr.isatty()
        try:
            using = find_alias()
            if using is None:
                raise CommandError(
                    f"No database has the table {OUTSTANDING}: the blacklist app was never "
                    "migrated, or its tables were dropped. There is nothing to import."
                )
            done = import_tokens(
                using,
                batch_size=batch_size,
                dry_run=dry_run,
                progress=self.show_progress() if terminal else None,
            )
        except NotReconciled as error:
            raise CommandError(
                f"{sum(error.done):,} outstanding tokens were read, but there are "
                f"{error.found:,}: some were added or deleted meanwhile. {AGAIN}"
            ) from error
        except DatabaseError as error:
            raise CommandError(f"The database failed: {error}\n{AGAIN}") from error
        finally:
            if terminal:
                overwrite(self.stderr, "")
        if options["verbosity"] > 0:
            self.show(done, dry_run)

    def show(self, done: Imported, dry_run: bool) -> None:
        note = ", nothing was written" if dry_run else ""
        self.stdout.write(f"{sum(done):,} outstanding tokens of simplejwt{note}:")
        width = max(len(f"{number:,}") for number in done)
        for name, number in done._asdict().items():
            self.stdout.write(f"  {number:>{width},} {MEANINGS[name]}")

    def show_progress(self) -> Callable[[Imported], None]:
        start = time.monotonic()

        def show(done: Imported) -> None:
            rate = sum(done) / max(time.monotonic() - start, 0.001)
            overwrite(self.stderr, f"{sum(done):,} tokens read, {rate:,.0f} per second")

        return show
