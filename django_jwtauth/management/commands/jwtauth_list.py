"""List sign-ins in a terminal, with the search and the filters of the admin."""

import json
from argparse import ArgumentTypeError
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from ...conf import moments
from ...http.user_agents import readable
from ...models import Kind, LoginSession
from ...operations.finding import holds_token
from ...operations.searching import (
    MAX_LENGTH,
    STATUSES,
    narrow,
    of_status,
    status_of,
    understand,
)
from ...store import database
from ..terminal import add_search, find_user, search_of

#: The columns of the table, and how wide each is; the last has room.
WIDTHS = {
    "sid": 32,
    "user": 20,
    "device": 30,
    "address": 15,
    "started": 19,
    "last used": 19,
    "status": 0,
}


def limit(text: str) -> int:
    """Read a number of rows."""
    if not text.isdecimal() or len(text) > 9:
        raise ArgumentTypeError("must be a whole number; 0 lists all")
    return int(text)


class Command(BaseCommand):
    help = "List sign-ins, the latest first. Shows no token."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "text",
            nargs="*",
            help="What the search field of the admin understands: 203.0.113.0/24 yesterday.",
        )
        parser.add_argument("--user", metavar="NAME", help="Only sign-ins of this user.")
        add_search(parser)
        parser.add_argument("--status", choices=STATUSES)
        parser.add_argument("--kind", choices=Kind.values)
        parser.add_argument(
            "--limit", type=limit, default=100, help="The most rows; 0 lists all. Default: 100."
        )
        parser.add_argument("--json", action="store_true", help="Print one object a line.")

    def handle(self, **options: Any) -> None:
        rows, most = self.find(options), options["limit"]
        found = rows[: most + 1] if most else rows
        if not options["json"]:
            self.write({name: name for name in WIDTHS})
        for number, row in enumerate(found.iterator(chunk_size=2000), start=1):
            if most and number > most:
                self.stderr.write(f"There are more: only the latest {most:,} are listed.")
            elif options["json"]:
                self.stdout.write(json.dumps(_object(row)))
            else:
                self.write(_cells(row))

    def find(self, options: dict[str, Any]) -> Any:
        """Return the rows that are meant."""
        text = " ".join(options["text"])
        if holds_token(text):
            raise CommandError("A token must not become part of a command line.")
        if len(text) > MAX_LENGTH:
            raise CommandError(f"A search has at most {MAX_LENGTH:,} characters.")
        rows: Any = database.sign_ins().select_related("user")
        if options["user"] is not None:
            rows = rows.filter(user=find_user("--user", options["user"]).pk)
        if options["kind"]:
            rows = rows.filter(kind=options["kind"])
        rows = of_status(rows, options["status"])
        return narrow(rows, search_of(options, understand(text))).order_by("-created_at", "-pk")

    def write(self, cells: dict[str, str]) -> None:
        padded = [cells[name][: width or None].ljust(width) for name, width in WIDTHS.items()]
        self.stdout.write("  ".join(padded).rstrip())


def _cells(row: LoginSession) -> dict[str, str]:
    status = status_of(row)
    if row.ended_at:
        status = f"{status} ({_printable(row.end_reason)})"
    return {
        "sid": row.sid,
        "user": _printable(_user(row)),
        "device": _printable(row.name or readable(row.user_agent)),
        "address": row.ip_address or "",
        "started": _clock(row.created_at),
        "last used": _clock(row.last_used_at or row.refreshed_at),
        "status": status,
    }


def _object(row: LoginSession) -> dict[str, Any]:
    return {
        "sid": row.sid,
        "kind": row.kind,
        "user": _user(row),
        "subject": row.subject,
        "device": row.name or readable(row.user_agent),
        "user_agent": row.user_agent,
        "address": row.ip_address,
        "started": _iso(row.created_at),
        "last_used": _iso(row.last_used_at or row.refreshed_at),
        "last_used_address": row.last_used_ip or row.refreshed_ip or row.ip_address,
        "expires": _iso(row.expires_at),
        "status": status_of(row),
        "ended": _iso(row.ended_at),
        "end_reason": row.end_reason,
        "ended_by": row.ended_by_name,
    }


def _user(row: LoginSession) -> str:
    return str(row.user.get_username()) if row.user else ""


def _printable(text: str) -> str:
    # A terminal would carry out the others.
    return "".join(c if c.isprintable() else "?" for c in text)


def _clock(moment: datetime) -> str:
    return f"{timezone.localtime(moments.aware(moment)):%Y-%m-%d %H:%M:%S}"


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moments.aware(moment).isoformat()
