"""All spellings of one account are counted together, and none tells whether it exists."""

from itertools import product
from types import SimpleNamespace
from unittest.mock import patch

import pytest
from django.contrib.auth import get_user_model
from django.db import DatabaseError, connection, models

from django_jwtauth.throttling import spellings

mysql = pytest.mark.skipif(connection.vendor != "mysql", reason="only there names are weighed")

COLLATIONS = [
    "utf8mb4_general_ci",
    "utf8mb4_unicode_ci",
    "utf8mb4_unicode_520_ci",
    "utf8mb4_turkish_ci",
    "utf8mb4_bin",
    "utf8mb3_general_ci",
    "utf8mb3_unicode_ci",
    "utf8mb3_bin",
    "latin1_swedish_ci",
    "latin1_german2_ci",
    "latin1_bin",
    "ascii_general_ci",
    "utf8mb4_unicode_nopad_ci",
    "utf8mb4_uca1400_ai_ci",
    "utf8mb4_uca1400_ai_cs",
    "utf8mb4_0900_ai_ci",
]
NAMES = [
    *("anna", "ánna", "ANNA", "Ännä", "anna ", "anna  ", "an na", "a\u200bnna", "anna\u200b"),
    *("anna \u200b", "anna\u0301", "ⓐnna", "\uff21\uff2e\uff2e\uff21", "annb", "anna\U0001f600"),
    *("straße", "strasse", "strase", "STRASSE", "iris", "Iris", "\u0131ris", "\u0130ris", "łukas"),
    *("lukas", "ﷺ", "a" * 150, "á" * 150, "a" * 400, "", " ", "ÿves", "yves", "100%", "'\\"),
]


@pytest.fixture
def column(db):
    """``column(collation)`` is a field like that of a user name, in a table without rows."""

    def make(collation):
        charset = collation.partition("_")[0]
        with connection.cursor() as cursor:
            try:
                cursor.execute("DROP TEMPORARY TABLE IF EXISTS weighed")
                cursor.execute(
                    "CREATE TEMPORARY TABLE weighed (`the%name` varchar(300) "
                    f"CHARACTER SET {charset} COLLATE {collation})"
                )
            except DatabaseError as error:
                pytest.skip(str(error))
        field = models.CharField(max_length=300)
        field.column = "the%name"
        field.model = SimpleNamespace(_meta=SimpleNamespace(db_table="weighed"))
        return field

    return make


def finds(cursor, stored, name):
    """Whether the table with this one name is said to have the other."""
    cursor.execute("DELETE FROM weighed")
    cursor.execute("INSERT IGNORE INTO weighed VALUES (%s)", [stored])
    cursor.execute("SELECT * FROM weighed")
    if cursor.fetchone() != (stored,):
        return False
    try:
        cursor.execute("SELECT 1 FROM weighed WHERE `the%%name` = %s", [name])
    except DatabaseError:
        return False
    return cursor.fetchone() is not None


def fold_in(field):
    """``spellings.fold`` of every name, for a user name in that field."""
    users = SimpleNamespace(USERNAME_FIELD="name", _meta=SimpleNamespace(get_field=lambda _: field))
    with patch.object(spellings, "get_user_model", lambda: users):
        return {name: spellings.fold(name) for name in NAMES}


@mysql
@pytest.mark.parametrize("collation", COLLATIONS)
def test_what_a_collation_takes_for_the_same_is_counted_together(column, collation):
    """Whatever is found by another spelling has the same text, row or no row."""
    field = column(collation)

    folded = fold_in(field)
    with connection.cursor() as cursor:
        for stored, name in product(NAMES, NAMES):
            if finds(cursor, stored, name):
                assert folded[name] == folded[stored], (stored, name)

    assert folded["anna"] == folded["ANNA"] == folded["anna "]
    assert folded["anna"] != folded["annb"] != folded["iris"]
    # The table has a row now.
    assert fold_in(field) == folded


@pytest.mark.parametrize("name", ["anna", "ánna", "nobody", "nóbody", "anna\U0001f600", "\udcff"])
def test_a_name_costs_the_same_whether_it_exists_or_not(user, statements, name):
    """One statement where collations differ, none elsewhere, nor for what is no name."""
    with statements(1 if connection.vendor == "mysql" and name != "\udcff" else 0):
        spellings.fold(name)


@pytest.mark.parametrize("spelling", ["álice", "ALICE", "alice ", "ⓐlice", "alíce", "Älice"])
def test_a_row_changes_nothing(db, spelling):
    """Which spellings are merged does not depend on the account."""
    before = spellings.fold(spelling) == spellings.fold("alice")
    get_user_model().objects.create_user("alice")

    assert (spellings.fold(spelling) == spellings.fold("alice")) is before


@pytest.mark.parametrize("name", ["ánna", "An.na", "ANNA\u200b", "a\u0301nna"])
def test_a_collation_of_the_project_is_taken_for_a_loose_one(db, monkeypatch, name):
    """An ICU collation may leave out accents, case and punctuation: PostgreSQL tells no key."""
    if connection.vendor == "mysql":
        pytest.skip("it is asked there")
    field = get_user_model()._meta.get_field("username")
    monkeypatch.setattr(field, "db_collation", "people")

    assert spellings.fold(name) == spellings.fold("anna")
    assert spellings.fold("...") != spellings.fold("---")


def test_numbers_have_one_spelling(db, monkeypatch):
    """What the field takes for the same value is the same account."""
    field = get_user_model()._meta.get_field("username")
    monkeypatch.setattr(field, "to_python", int)

    assert spellings.fold("007") == spellings.fold("7")
