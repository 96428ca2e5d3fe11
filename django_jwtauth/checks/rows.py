"""Checks that read the database: with ``check --database`` and in ``migrate`` only."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.checks import Tags, Warning, register
from django.db import Error as DatabaseFailure
from django.db.models import Min

from ..conf import moments
from ..models import Kind
from ..signins import rules
from ..store import database, identity
from .configuration import sound_settings
from .ids import NOT_IMPORTED, STILL_ISSUED, SUBJECTS_LOST, TOKENS_OF_FALLBACK
from .project import subject_problem

# The most rows that one check reads, and how many are enough to see what became of all.
MAX_CHECKED = 10_000
SAMPLE = 100
# While a project moves, old processes may run beside new ones for this long.
DEPLOYMENT = timedelta(hours=1)


# Not under our tag as well: with ``--tag`` Django would run it unasked.
@register(Tags.database)
def check_api_tokens(databases: Sequence[str] | None = None, **kwargs: Any) -> Iterable[Warning]:
    """Check whether API tokens still need a fallback of ``SECRET_KEY``, and until when."""
    config, using = sound_settings(), database.alias()
    if config is None or not settings.SECRET_KEY_FALLBACKS or using not in (databases or ()):
        return
    tokens = database.sign_ins().of_kind(Kind.API_TOKEN).live()
    newest = tokens.exclude(user=None).select_related("user").order_by("-expires_at")
    try:
        rows = newest[:MAX_CHECKED].iterator()
        until = next((row.expires_at for row in rows if rules.needs_fallback(row)), None)
    # The tables may not have been created yet.
    except DatabaseFailure:
        return
    if until:
        yield Warning(
            f"API tokens that expire as late as {until:%Y-%m-%d} were created under a SECRET_KEY "
            "that is now a fallback: they are refused once it leaves SECRET_KEY_FALLBACKS.",
            hint=(
                "Keep the fallback until then, or have them created anew. API tokens that are "
                "signed with a key in JWTAUTH['KEYS'] do not depend on SECRET_KEY."
            ),
            id=TOKENS_OF_FALLBACK,
        )


@register(Tags.database)
def check_legacy_sign_ins(
    databases: Sequence[str] | None = None, **kwargs: Any
) -> Iterable[Warning]:
    """Check whether simplejwt's sign-ins have been imported, and whether it still adds more."""
    config, using = sound_settings(), database.alias()
    if config is None or not config.legacy_until() or using not in (databases or ()):
        return
    # Imported here, so that a project that never had simplejwt does not load it.
    from ..contrib.simplejwt.move import importer, tables

    try:
        theirs = tables.find_alias()
        if theirs is None:
            return
        left = importer.count_unimported(theirs)
        begun = database.sign_ins().of_kind(Kind.SIGN_IN)
        first = begun.aggregate(first=Min("created_at"))["first"]
        since = moments.aware(first) + DEPLOYMENT if first else None
        issued = tables.count_issued(theirs, since) if since else 0
    except DatabaseFailure:
        return
    if left:
        number = f"At least {left}" if left == importer.BATCH_SIZE else f"{left}"
        yield Warning(
            f"{number} live tokens of simplejwt are not imported: a changed password does not "
            "end these sign-ins, and neither users nor operators see them.",
            hint="Run `python manage.py jwtauth_import_simplejwt` as soon as this is deployed, "
            "and again when the last process that runs the old code is gone.",
            id=NOT_IMPORTED,
        )
    if since and issued:
        yield Warning(
            f"simplejwt has issued tokens ({issued}) since {since:%Y-%m-%d %H:%M} UTC, an hour "
            "after sign-ins began here: some code, or an old process, still calls it. "
            'They are refused once LEGACY["UNTIL"] has passed.',
            hint="`python manage.py jwtauth_doctor --from-simplejwt` lists the code.",
            id=STILL_ISSUED,
        )


@register(Tags.database)
def check_subjects(databases: Sequence[str] | None = None, **kwargs: Any) -> Iterable[Warning]:
    """Check whether the newest live sign-ins have a ``sub`` that still names their user."""
    config, using = sound_settings(), database.alias()
    if config is None or using not in (databases or ()) or subject_problem(config):
        return
    live = database.sign_ins().live().exclude(user=None).select_related("user")
    try:
        rows = list(live.order_by("-created_at")[:SAMPLE])
    # The tables may not have been created yet.
    except DatabaseFailure:
        return
    lost = sum(row.subject not in identity.texts_of(row.user) for row in rows)
    if lost:
        yield Warning(
            f"The tokens of {lost} of the {len(rows)} newest live sign-ins are refused: their "
            "`sub` is no longer what JWTAUTH['SUBJECT_FIELD'] or the primary key says.",
            hint=(
                "If you have changed SUBJECT_FIELD or removed it, these users must sign in again, "
                "unless you set it back. If values of the field were changed, they must, too."
            ),
            id=SUBJECTS_LOST,
        )


#: Checks that read the database, if ``databases`` names it.
DATABASE_CHECKS = (check_api_tokens, check_legacy_sign_ins, check_subjects)
