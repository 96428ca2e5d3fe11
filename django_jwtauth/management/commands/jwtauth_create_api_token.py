"""Create an API token for a user; only the token goes to standard output, so it can be piped."""

from argparse import ArgumentTypeError
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ... import api_tokens
from ...conf import durations
from ...exceptions import AuthError, InsufficientScope
from ...store import database, users
from ..terminal import find_user


def duration(text: str) -> timedelta:
    try:
        return durations.parse(text)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from None


class Command(BaseCommand):
    help = (
        "Create an API token for a user. Only the token is printed to standard output; it is not "
        "shown again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username", metavar="USERNAME", help="The owner of the token.")
        parser.add_argument("--name", required=True, help="What the token is for.")
        parser.add_argument(
            "--scope",
            nargs="+",
            action="extend",
            help='The scopes of the token, which HOOKS["SCOPES"] must allow the user. Without '
            'this option, all that the hook allows; "" for a token without scopes.',
        )
        parser.add_argument(
            "--expires-in",
            metavar="TIME",
            type=duration,
            help='Seconds, or a time like "90d", "12h" or "30m". The default and the maximum is '
            'API_TOKENS["MAX_LIFETIME"].',
        )

    def handle(self, *, username: str, name: str, **options: Any) -> None:
        name = name.strip()
        if not name or not name.isprintable():
            raise CommandError("--name must say what the token is for, in one line.")
        try:
            with database.reporting_unavailable():
                # A user whom a manager hides could not use a token.
                user = find_user("USERNAME", username, users.visible())
            new = api_tokens.create(
                user,
                name,
                scope=None if options["scope"] is None else " ".join(options["scope"]),
                exact=True,
                lifetime=options["expires_in"],
            )
        except InsufficientScope as error:
            lacking = error.scope or "a name that no scope can have"
            raise CommandError(f"--scope: the user may not have {lacking}.") from None
        except AuthError as error:
            raise CommandError(f"{error.sentence} ({error.reason})") from None
        except ValueError as error:
            raise CommandError(str(error)) from None
        self.stdout.write(new.raw)
        session = new.session
        until = session.expires_at.isoformat(" ", "minutes")
        self.stderr.write(
            f"API token {name!r} of {user.get_username()}, sign-in id {session.sid}, "
            f"scopes: {session.scope or 'none'}, until {until}.\n"
            "It is not shown again.",
            style_func=str,
        )
