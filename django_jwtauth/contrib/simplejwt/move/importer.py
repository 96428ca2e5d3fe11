"""Import the records of simplejwt's blacklist app into our tables.

An outstanding token becomes a sign-in, so that operators see it and can end it, and so that a
later change of the password ends it. A blacklisted token becomes a row of our blacklist. The
import may run during traffic, be interrupted, and run again.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from django.contrib.auth import get_user_model
from django.db import connections, reset_queries, transaction

from ....claims import REFRESH
from ....conf import get_settings, moments
from ....models import BlacklistedToken, Cause, Reason, Via
from ....operations import batches
from ....signins.rules import auth_hash, make_legacy_session
from ....store import database, identity, users
from .configuration import get, get_leeway, uses_sliding_tokens
from .decoder import session_id
from .tables import Row, count, find_alias, get_last_id, read_after, read_newest

BATCH_SIZE = 1000
_CAUSE = Cause(Reason.OTHER, Via.COMMAND, note="Imported from djangorestframework-simplejwt.")


class Imported(NamedTuple):
    """The outstanding tokens by result; each is counted once."""

    imported: int = 0
    expired: int = 0
    blacklisted: int = 0
    userless: int = 0
    already_here: int = 0


class NotReconciled(Exception):
    """The number of outstanding tokens that were read differs from the number there are now."""

    def __init__(self, done: Imported, found: int) -> None:
        self.done, self.found = done, found
        super().__init__(f"{sum(done)} read, {found} found")


def import_tokens(
    using: str,
    *,
    batch_size: int = BATCH_SIZE,
    dry_run: bool = False,
    progress: Callable[[Imported], None] | None = None,
) -> Imported:
    """Import from the tables in database ``using``; with ``dry_run``, only count.

    ``progress`` is called after each batch. Raises ``NotReconciled`` if the numbers do not
    add up, because rows were added or deleted meanwhile.
    """
    last_id = get_last_id(using)
    done = Imported()
    for batch in _import_batches(using, last_id, batch_size, dry_run):
        done = Imported(*map(sum, zip(done, batch, strict=True)))
        # With DEBUG on, Django keeps the text of each statement.
        reset_queries()
        if progress:
            progress(done)
    found = count(using, last_id)
    if sum(done) != found:
        raise NotReconciled(done, found)
    return done


def import_some(column: str, value: Any) -> None:
    """Import those with this "user_id" or "jti", if legacy tokens are accepted at all.

    Called before they are ended, as a token without a row cannot be found.
    """
    using = find_alias() if get_settings().legacy_until() else None
    if using is None:
        return
    if column == "user_id":
        value = get_user_model()._meta.pk.get_db_prep_value(value, connections[using])
    some = {"column": column, "value": value}
    for _ in _import_batches(using, get_last_id(using), BATCH_SIZE, dry_run=False, **some):
        pass


def count_unimported(using: str) -> int:
    """Return how many of the newest live tokens, at most ``BATCH_SIZE``, are not imported."""
    rows = read_newest(using, moments.now() - _get_extension(), batches.bounded(BATCH_SIZE))
    return _import_batch(rows, dry_run=True).imported


def _import_batches(
    using: str, last_id: int, size: int, dry_run: bool, **some: Any
) -> Iterator[Imported]:
    """Import those up to that id, or ``some`` of them; yield what became of each batch."""
    size = batches.bounded(size)
    return batches.through(
        lambda reached: read_after(reached, using, last_id, size, **some),
        lambda rows: _import_batch(rows, dry_run),
    )


def _import_batch(rows: Sequence[Row], dry_run: bool) -> Imported:
    extension = _get_extension()
    now = moments.now()
    alive = [row for row in rows if row.expires_at + extension > now]
    refused = [row for row in alive if row.blacklisted_at is not None]
    good = [row for row in alive if row.blacklisted_at is None]
    users = _find_users(alive)
    known = [row for row in good if _parse_id(row.user_id) in users]
    new_tokens = _leave_out(refused, _find_blacklisted(refused))
    new_sessions = _leave_out(known, _find_sessions(known))
    if not dry_run:
        # All or nothing, so that a batch that is done again is counted once.
        with transaction.atomic(database.alias()):
            _blacklist(new_tokens, users, extension)
            _start(new_sessions, users, extension)
    return Imported(
        imported=len(new_sessions),
        expired=len(rows) - len(alive),
        blacklisted=len(new_tokens),
        userless=len(good) - len(known),
        already_here=len(alive) - len(new_tokens) - len(new_sessions) - (len(good) - len(known)),
    )


def _get_extension() -> timedelta:
    """Return for how much longer a token may be accepted than its row says.

    The row of a sliding token has its first expiry: simplejwt moves ``exp`` in the token, up to
    ``refresh_exp``, but not in the row.
    """
    sliding = get("SLIDING_TOKEN_REFRESH_LIFETIME") if uses_sliding_tokens() else None
    # With anything else simplejwt issued no sliding token.
    longer = sliding if isinstance(sliding, timedelta) else timedelta(0)
    return timedelta(seconds=get_leeway()) + max(longer, timedelta(0))


def _find_users(rows: list[Row]) -> dict[Any, Any]:
    """Return users by primary key, without those that the default manager hides."""
    return dict(users.visible().in_bulk({_parse_id(row.user_id) for row in rows} - {None}))


def _parse_id(value: Any) -> Any:
    # Text, if the database has no UUID type.
    field = identity.key_field(get_user_model())
    return identity.parse(field, value, connections[database.alias()])


def _find_blacklisted(rows: list[Row]) -> set[str]:
    found = database.blacklisted_tokens().in_bulk([row.jti for row in rows], field_name="jti")
    return set(found)


def _find_sessions(rows: list[Row]) -> set[str]:
    by_id = {session_id(row.jti): row.jti for row in rows}
    found = database.sign_ins().only("id").in_bulk(list(by_id))
    return {by_id[pk] for pk in found}


def _leave_out(rows: list[Row], known: set[str]) -> list[Row]:
    return [row for row in rows if row.jti not in known]


def _blacklist(rows: list[Row], users: dict[Any, Any], extension: timedelta) -> None:
    records = []
    for row in rows:
        # Older releases of simplejwt blacklisted a token without its user.
        user = users.get(_parse_id(row.user_id))
        columns = _CAUSE.blacklist_columns()
        if row.blacklisted_at:
            columns["blacklisted_at"] = moments.stored(row.blacklisted_at)
        records.append(
            BlacklistedToken(
                jti=row.jti,
                token_type=REFRESH,
                user=user,
                subject=identity.subject_of(user) if user else "",
                expires_at=moments.stored(row.expires_at + extension),
                **columns,
            )
        )
    database.blacklisted_tokens().bulk_create(records, ignore_conflicts=True)
    # Those that were imported before, and blacklisted since.
    database.sign_ins().filter(pk__in=[session_id(row.jti) for row in rows]).end_for(_CAUSE)


def _start(rows: list[Row], users: dict[Any, Any], extension: timedelta) -> None:
    hashes = {pk: auth_hash(user) for pk, user in users.items()}
    sessions = []
    for row in rows:
        pk = _parse_id(row.user_id)
        end = (row.expires_at + extension).timestamp()
        sessions.append(make_legacy_session(session_id(row.jti), users[pk], end, hashes[pk]))
    database.sign_ins().bulk_create(sessions, ignore_conflicts=True)
