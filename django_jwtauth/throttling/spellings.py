"""One text for all spellings of a user name that the database treats as the same account.

Attempts are counted by that text, whether or not there is such a user. If the count depended on
a row, it would reveal which accounts exist.
"""

import unicodedata
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import FieldDoesNotExist
from django.db import DatabaseError, connections, router

from ..store import database, identity

# A name longer than any column is cut before it is normalised, which costs time.
_NAME_LENGTH = 300
# Texts that the collation compares as equal have the same weight string. In a UNION a literal
# gets the collation of the column, and no row is read.
_WEIGHTS = """
SELECT HEX(WEIGHT_STRING(name)) FROM (
    SELECT 0 AS place, {column} AS name FROM {table} WHERE 1 = 0
    UNION ALL SELECT 1, %s
    UNION ALL SELECT 2, ' ' UNION ALL SELECT 3, 'a' UNION ALL SELECT 4, 'A'
) AS spellings ORDER BY place
"""


def normalize(username: str) -> str:
    """Return the name as Django's form passes it to the back ends (``UsernameField``)."""
    return unicodedata.normalize("NFKC", username.strip())


def fold(username: str) -> str:
    """Return one text for all spellings of a user name; at most one statement, on MySQL.

    A number can be written "7" and "007". Raises ``Unavailable``.
    """
    username = username[:_NAME_LENGTH]
    model = get_user_model()
    try:
        field = identity.username_field(model)
    except FieldDoesNotExist:
        return _fold_text(username)
    parsed = identity.parse(field, username, connections[router.db_for_read(model)])
    if parsed is None:
        return _fold_text(username)
    username = str(parsed)
    if connections[router.db_for_read(model)].vendor == "mysql":
        weight = _fold_by_weight(username, field)
        return _fold_loosely(username) if weight is None else weight
    # PostgreSQL has no key for such a collation, which may ignore accents and punctuation.
    return _fold_loosely(username) if getattr(field, "db_collation", None) else _fold_text(username)


def _fold_text(username: str) -> str:
    # Upper case first, as in the SQL of iexact, which treats "\u0131", the dotless i, as an i.
    return unicodedata.normalize("NFKC", username).upper().casefold().rstrip()


def _fold_loosely(username: str) -> str:
    """Keep only letters and digits, which every collation distinguishes at least as well."""
    decomposed = unicodedata.normalize("NFKD", _fold_text(username))
    return "".join(_base(c) for c in decomposed if c.isalnum()) or username.strip()


def _base(character: str) -> str:
    """Return the base letter of one that Unicode does not decompose: "l" for "\u0142"."""
    name, stroke, _ = unicodedata.name(character, "").partition(" WITH ")
    try:
        return unicodedata.lookup(name) if stroke else character
    except KeyError:
        return character


def _fold_by_weight(username: str, field: Any) -> str | None:
    """Return the weight by which the column's collation compares the name.

    None if the column cannot hold the name, or if case matters: then the name is looked up as it
    is, or by a back end that ignores case itself.
    """
    connection = connections[router.db_for_read(field.model)]
    quoted = {
        "column": connection.ops.quote_name(field.column).replace("%", "%%"),
        "table": connection.ops.quote_name(field.model._meta.db_table).replace("%", "%%"),
    }
    name = unicodedata.normalize("NFKC", username).rstrip()
    with database.reporting_unavailable():
        try:
            with connection.cursor() as cursor:
                cursor.execute(_WEIGHTS.format(**quoted), [name])
                weight, space, small, capital = (str(row[0]) for row in cursor.fetchall())
        except DatabaseError as error:
            if database.is_unstorable(error):
                return None
            raise
    if small != capital:
        return None
    # Most collations compare "anna " and "anna" as equal.
    while space and weight.endswith(space):
        weight = weight.removesuffix(space)
    return weight
