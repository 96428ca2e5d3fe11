"""Generate a secret for a client in ``JWTAUTH["CLIENTS"]``."""

import secrets
from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.hashers import make_password
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = (
        "Generate a secret for a client of the OAuth endpoints, and print it with the line to "
        "paste into the settings."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("client_id", help="The id that the client sends.")

    def handle(self, *, client_id: str, **options: Any) -> None:
        # It contains nothing that HTTP Basic would have to encode.
        secret = secrets.token_urlsafe(32)
        self.stdout.write(secret)
        self.stdout.write("\nGive this to the client; it is not shown again. In the settings:\n\n")
        self.stdout.write(f'JWTAUTH = {{"CLIENTS": {{{client_id!r}: {make_password(secret)!r}}}}}')
