import pytest
from django.core.management import call_command
from django.db import connection

from django_jwtauth.models import BlacklistedToken, LoginSession


@pytest.mark.django_db
def test_the_models_have_their_migrations():
    """makemigrations finds nothing to do, so no project gets a migration for our app."""
    call_command("makemigrations", "django_jwtauth", check=True, dry_run=True, verbosity=0)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("model", "indexed"),
    [
        (
            LoginSession,
            {("id",), ("user_id",), ("ended_by_id",), ("created_at",), ("ended_at",)}
            # Written by a replay from elsewhere alone.
            | {("replayed_at",)},
        ),
        (
            BlacklistedToken,
            {("id",), ("jti",), ("user_id",), ("session_id",), ("blacklisted_by_id",)}
            | {("expires_at",)},
        ),
    ],
)
def test_a_refresh_writes_no_indexed_column(model, indexed):
    """These indexes and no others: PostgreSQL then updates a refreshed row in place."""
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, model._meta.db_table)
    columns = [tuple(item["columns"]) for item in found.values() if item["index"] or item["unique"]]

    # SQLite reports the primary key as a constraint only.
    primary = [tuple(item["columns"]) for item in found.values() if item["primary_key"]]
    assert {*columns, *primary} == indexed
    # One index for each: a unique column has no second one for LIKE.
    assert columns.count(("jti",)) <= 1
