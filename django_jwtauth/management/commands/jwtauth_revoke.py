"""End sign-ins or blacklist tokens from a terminal, like the admin but without its limit."""

import json
from argparse import Action, ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable
from datetime import datetime
from datetime import timezone as tz
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError
from django.utils import timezone

from ...claims import parse_sid
from ...conf import get_settings, moments
from ...conf.durations import words
from ...models import Cause, Via
from ...operations import revocation
from ...operations.revocation import OPERATOR_REASONS, Target, UnknownToken
from ..terminal import (
    add_search,
    confirm,
    find_user,
    moment,
    overwrite,
    search_of,
    system_user,
)


def sign_in_id(text: str) -> UUID:
    sid = parse_sid(text)
    if sid is None:
        raise ArgumentTypeError("must be 32 hexadecimal digits, the claim sid of a token")
    return sid


def past(text: str) -> datetime:
    """Read a time that has passed, aware."""
    value = moment(text)
    if value > moments.now():
        raise ArgumentTypeError(f"{value} is in the future")
    return value


def describe(value: datetime) -> str:
    """Return the time with its zone, and what it is in UTC."""
    local, utc = timezone.localtime(value), value.astimezone(tz.utc)
    return f"{local:%Y-%m-%d %H:%M:%S %Z} ({utc:%Y-%m-%d %H:%M:%S} UTC)"


class DryRun(Action):
    """A flag that waives the arguments for the record, because a dry run leaves none."""

    def __init__(self, waives: list[Action], **kwargs: Any) -> None:
        super().__init__(nargs=0, default=False, **kwargs)
        self.waives = waives

    def __call__(
        self, parser: ArgumentParser, namespace: Namespace, values: Any, option: str | None = None
    ) -> None:
        setattr(namespace, self.dest, True)
        for action in self.waives:
            action.required = False


class Command(BaseCommand):
    help = (
        "End sign-ins, or blacklist tokens by their jti. Works in chunks, and can be interrupted "
        "and started again. A sign-in that has already ended keeps its record."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--user", metavar="NAME", help="All sign-ins of this user.")
        what.add_argument("--all", action="store_true", help="Everybody's sign-ins.")
        what.add_argument(
            "--session",
            metavar="SID",
            type=sign_in_id,
            nargs="+",
            help="The sign-ins with these ids.",
        )
        what.add_argument(
            "--jti",
            nargs="+",
            help="The tokens with these ids. That of a refresh token ends its sign-in.",
        )
        parser.add_argument(
            "--before",
            metavar="TIME",
            type=past,
            help="With --user or --all: only sign-ins that started before this time, no matter "
            'when they were refreshed. "14:00" is today, in TIME_ZONE; or '
            '"2026-11-24T14:00+01:00".',
        )
        add_search(parser)
        record = [
            parser.add_argument(
                "--reason",
                choices=[reason.value for reason in OPERATOR_REASONS],
                required=True,
                help="For the record. Not needed with --dry-run.",
            ),
            parser.add_argument(
                "--note",
                required=True,
                help="For the record: who asked, a ticket number. Not needed with --dry-run.",
            ),
        ]
        parser.add_argument(
            "--by",
            metavar="NAME",
            help="The user who acts. Without it, the operating system's user is recorded.",
        )
        parser.add_argument(
            "--dry-run",
            action=DryRun,
            waives=record,
            help="Count what would end, and end nothing.",
        )
        parser.add_argument(
            "--no-input",
            "--noinput",
            "--yes",
            action="store_false",
            dest="interactive",
            help="With --all, --ip, --agent, --since or --until: do not ask for confirmation.",
        )
        parser.add_argument("--json", action="store_true", help="Print the result as JSON.")

    def handle(self, *, dry_run: bool, **options: Any) -> None:
        self.check_options(options)
        if options["before"] and not (options["user"] is not None or options["all"]):
            raise CommandError("--before needs --user or --all.")
        note = (options["note"] or "").strip()
        if not dry_run and not (options["reason"] and note):
            raise CommandError("--reason and --note must not be empty: they are recorded.")
        by = find_user("--by", options["by"]) if options["by"] else system_user()
        cause = Cause(options["reason"], Via.COMMAND, by, note)
        try:
            if options["jti"]:
                self.refuse(options["jti"], cause, dry_run, options["json"])
            else:
                self.end(self.find_target(options), cause, dry_run, options)
        except DatabaseError as error:
            raise CommandError(
                f"The database failed: {type(error).__name__}\n"
                "What has ended stays ended. Run the command again to continue."
            ) from error

    def check_options(self, options: dict[str, Any]) -> None:
        """Raise ``CommandError`` for options that do not fit together."""
        by_id = options["session"] or options["jti"]
        by_place = options["ip"] or options["agent"]
        by_time = options["since"] or options["until"]
        by_user = options["user"] is not None
        if not (by_id or by_place or by_user or options["all"]):
            raise CommandError(
                "one of the arguments --user --all --session --jti --ip --agent is required"
            )
        if by_id and (by_place or by_time):
            raise CommandError("--session and --jti allow no --ip, --agent, --since or --until.")
        if options["all"] and by_place:
            raise CommandError("--all means everybody: leave it out to use --ip or --agent.")
        if options["before"] and (by_place or by_time):
            raise CommandError("Use --until instead of --before.")

    def find_target(self, options: dict[str, Any]) -> Target:
        if options["session"]:
            target = revocation.named(options["session"])
            known = set(target.rows.values_list("pk", flat=True))
            for sid in options["session"]:
                if sid not in known:
                    raise CommandError(f"There is no sign-in {sid.hex}. Nothing was ended.")
            return target
        name = options["user"]
        user = None if name is None else find_user("--user", name)
        if is_search(options):
            return revocation.matching(search_of(options), user)
        if user is None:
            return revocation.everybody(options["before"])
        return revocation.of_user(user, options["before"])

    def end(self, target: Target, cause: Cause, dry_run: bool, options: dict[str, Any]) -> None:
        counted = revocation.count(target)
        times = {name: options[name] for name in ("before", "since", "until") if options[name]}
        if not options["json"]:
            for name, value in times.items():
                word = "since" if name == "since" else "before"
                self.stdout.write(f"Started {word} {describe(value)}.")
        result: dict[str, Any] = {
            "dry_run": dry_run,
            "ended": counted.ended,
            "already_ended": counted.before,
            **{name: value.isoformat() for name, value in times.items()},
        }
        if dry_run and not options["json"]:
            self.stdout.write(
                f"Would end {sign_ins(counted.ended)}; {counted.before:,} had already ended."
            )
        if not dry_run:
            if options["interactive"] and (options["all"] or is_search(options)):
                phrase, whose = "everybody", f"everybody's sign-ins, {counted.ended:,} in total"
                if is_search(options):
                    phrase, whose = "yes", sign_ins(counted.ended)
                question = f"This ends {whose}. To confirm, type: {phrase}\n"
                confirm(question, phrase, "Nothing was ended.")
            result["ended"] = self.end_all(target, cause, counted.ended)
        if options["json"]:
            self.stdout.write(json.dumps(result))
        elif not dry_run:
            ended = sign_ins(result["ended"])
            self.stdout.write(f"{ended} ended, {counted.before:,} had already ended.")
            self.warn(legacy=target.named or bool(target.criteria))

    def end_all(self, target: Target, cause: Cause, total: int) -> int:
        """End the sign-ins and return how many; show the progress in a terminal."""
        done = 0
        show = self.show_progress(total) if self.stderr.isatty() else None

        def progress(number: int) -> None:
            nonlocal done
            done = number
            if show:
                show(number)

        try:
            ended = revocation.end(target, cause, progress)
        except KeyboardInterrupt:
            raise CommandError(
                f"Interrupted: {sign_ins(done)} ended. Run the command again to continue."
            ) from None
        if show:
            overwrite(self.stderr, "")
        return ended

    def refuse(self, jtis: list[str], cause: Cause, dry_run: bool, as_json: bool) -> None:
        tokens = []
        for jti in jtis:
            try:
                session, token_type = revocation.find_issuer(jti)
            except UnknownToken:
                # Not quoted: somebody may have passed a whole token by mistake.
                raise CommandError("No token with this jti was issued here.") from None
            name = f"{token_type} token of sign-in {session.sid}"
            is_new = False if dry_run else revocation.refuse(jti, cause)[1]
            tokens.append({"sid": session.sid, "token_type": token_type, "blacklisted": is_new})
            if as_json:
                continue
            if dry_run:
                self.stdout.write(f"Would blacklist the {name}.")
                continue
            how = "is blacklisted" if is_new else "was already blacklisted"
            self.stdout.write(f"The {name} {how}.")
        if as_json:
            self.stdout.write(json.dumps({"dry_run": dry_run, "tokens": tokens}))
        elif not dry_run:
            self.warn(legacy=True)

    def warn(self, *, legacy: bool) -> None:
        """Print which tokens still work; with ``legacy``, also those without a sign-in."""
        conf = get_settings()
        self.stdout.write(
            "This project refuses their tokens from now on. Services that only verify tokens "
            f"accept access tokens for up to {words(conf.ACCESS_TOKEN_LIFETIME)}, and API tokens "
            "until they expire."
        )
        until = conf.legacy_until()
        if legacy and until:
            self.stdout.write(
                "Legacy tokens that were not exchanged yet belong to no sign-in: they are "
                f'accepted until {describe(until)} (LEGACY["UNTIL"]).'
            )

    def show_progress(self, total: int) -> Callable[[int], None]:
        def show(number: int) -> None:
            overwrite(self.stderr, f"{number:,} of {total:,} ended")

        return show


def is_search(options: dict[str, Any]) -> bool:
    """Return whether the options choose by where or by when, other than ``--before``."""
    return any(options[name] for name in ("ip", "agent", "since", "until"))


def sign_ins(number: int) -> str:
    return f"{number:,} {'sign-in' if number == 1 else 'sign-ins'}"
