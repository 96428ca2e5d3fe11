"""Make an API token for a user: the token alone on standard output, so that it can be piped."""

from argparse import ArgumentTypeError
from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser

from ... import api_tokens
from ...conf import durations
from ...exceptions import AuthError, InsufficientScope
from ...store import database
from ..terminal import find_user


def duration(text: str) -> timedelta:
    try:
        return durations.parse(text)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from None


class Command(BaseCommand):
    help = (
        "Make an API token for a user. Prints the token alone to standard output; it is not "
        "shown again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username", metavar="USERNAME", help="Whose token it will be.")
        parser.add_argument("--name", required=True, help="What the token is for.")
        parser.add_argument(
            "--scope",
            nargs="+",
            action="extend",
            help="What it may be used for; no token is made that lacks one of these. Without "
            'it, all that HOOKS["SCOPES"] allows the user; "" for a token without scopes.',
        )
        parser.add_argument(
            "--expires-in",
            metavar="TIME",
            type=duration,
            help='Seconds, or a time like "90d", "12h" or "30m"; without it '
            'API_TOKENS["MAX_LIFETIME"], and never more.',
        )

    def handle(self, *, username: str, name: str, **options: Any) -> None:
        name = name.strip()
        if not name or not name.isprintable():
            raise CommandError("--name must say in one line what the token is for.")
        try:
            with database.reporting_unavailable():
                # One whom a manager hides could not use a token.
                users = get_user_model()._default_manager.using(database.alias())
                user = find_user("USERNAME", username, users)
            new = api_tokens.create(
                user,
                name,
                scope=None if options["scope"] is None else " ".join(options["scope"]),
                exact=True,
                lifetime=options["expires_in"],
            )
        except InsufficientScope as error:
            lacking = error.scope or "what is no name of a scope"
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
