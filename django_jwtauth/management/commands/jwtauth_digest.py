"""Print how a user name appears in the log of refused sign-ins."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from ...throttling.accounts import digests_of


class Command(BaseCommand):
    help = (
        "Print the digest that stands for a user name in the log of refused sign-ins, as text to "
        "search for. With SECRET_KEY_FALLBACKS, there is a line for each key."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username", help="The name as it was typed, in any spelling.")

    def handle(self, *, username: str, **options: Any) -> None:
        self.stdout.write("\n".join(digests_of(username)))
