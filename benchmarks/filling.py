"""Fills PostgreSQL's tables by the million, each with one INSERT ... SELECT."""

import functools
import time
from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.db import connection
from django.db.models import Model
from django.utils import timezone
from rest_framework_simplejwt.token_blacklist import models as simplejwt

from django_jwtauth.models import BlacklistedToken, LoginSession

from .contender import PASSWORD

# Sign-ins, and how long ago the ones were made that a purge deletes.
OLD = timedelta(days=200)

JTI = "lpad(to_hex(n), 32, '0') || '.' || left(md5(n::text), 16)"
# As long as a refresh token of simplejwt, and as hard to compress.
RAW = "(SELECT string_agg(md5((n * 7 + part)::text), '') FROM generate_series(1, 7) part)"


def fill(users: int, sign_ins: int) -> None:
    """Make as many blacklisted tokens as sign-ins, and the same number for simplejwt."""
    add_users(users)
    now = timezone.now()
    add_sign_ins(1, sign_ins, created_at=now - timedelta(days=20), expires_at=now + OLD)
    add_simplejwt(1, sign_ins, expires_at=now + OLD)
    vacuum()


def add_users(count: int) -> None:
    # One password, so one auth_hash.
    user = get_user_model()(password=make_password(PASSWORD))
    _insert(user, 1, count, username="'filled' || n")


def add_sign_ins(first: int, last: int, *, created_at: Any, expires_at: Any) -> None:
    """One in ten has ended; each has one blacklisted access token."""
    users = get_user_model().objects.filter(username__startswith="filled")
    auth_hash = users[0].get_session_auth_hash()
    whose = {"user_id": owner(users), "subject": f"({owner(users)})::text"}
    session = LoginSession(
        auth_hash=auth_hash, refreshed_at=created_at, expires_at=expires_at, ip_address="192.0.2.1"
    )
    session.user_agent = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
    moment = f"'{created_at.isoformat()}'::timestamptz + n * interval '1 millisecond'"
    ended = f"CASE WHEN n % 10 = 0 THEN {moment} END"
    _insert(session, first, last, id=sid(), created_at=moment, ended_at=ended, **whose)
    token = BlacklistedToken(token_type="access", reason="signed_out", via="api")
    expiry = f"'{expires_at.isoformat()}'::timestamptz + n * interval '1 millisecond'"
    _insert(token, first, last, jti=JTI, session_id=sid(), expires_at=expiry, **whose)


def add_simplejwt(first: int, last: int, *, expires_at: Any) -> None:
    """What as many refreshes with rotation and blacklisting leave behind."""
    users = get_user_model().objects.filter(username__startswith="filled")
    outstanding = simplejwt.OutstandingToken(created_at=timezone.now(), expires_at=expires_at)
    _insert(outstanding, first, last, jti="md5(n::text)", token=RAW, user_id=owner(users))
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {simplejwt.BlacklistedToken._meta.db_table} (token_id, blacklisted_at) "
            f"SELECT id, now() FROM {simplejwt.OutstandingToken._meta.db_table} t WHERE NOT EXISTS "
            f"(SELECT 1 FROM {simplejwt.BlacklistedToken._meta.db_table} WHERE token_id = t.id)"
        )


def vacuum() -> None:
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


def table_bytes(*models: type[Model]) -> int:
    """Return the size of the tables with their indexes."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sum(pg_total_relation_size(name::regclass)) FROM unnest(%s::text[]) name",
            [[model._meta.db_table for model in models]],
        )
        return int(cursor.fetchone()[0])


def sid(n: str = "n") -> str:
    """Return SQL for the id of a sign-in: a time-ordered UUID for each number, of 20 days ago."""
    began = _began()
    return f"('{began[:8]}-{began[8:]}-7000-8000-' || lpad(to_hex({n}), 12, '0'))::uuid"


@functools.cache
def _began() -> str:
    """Return how the ids begin: read from the clock once, so that a run agrees with itself."""
    return f"{(int(time.time()) - 20 * 86400) * 1000:012x}"


def owner(users: Any, n: str = "n") -> str:
    """Return SQL for the primary key of who owns it."""
    first, count = users.order_by("pk")[0].pk, users.count()
    return f"{first} + {n} % {count}"


def _insert(template: Model, first: int, last: int, **expressions: str) -> None:
    """Insert a row for each n: ``template``, with SQL for some of the columns."""
    fields = [f for f in template._meta.concrete_fields if f is not template._meta.auto_field]
    values = [expressions.get(f.attname, f"%({f.attname})s") for f in fields]
    params = {
        f.attname: f.get_db_prep_save(getattr(template, f.attname), connection)
        for f in fields
        if f.attname not in expressions
    }
    text = ", ".join(value if "%(" in value else value.replace("%", "%%") for value in values)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {template._meta.db_table} ({', '.join(f.column for f in fields)}) "
            f"SELECT {text} FROM generate_series({first}, {last}) n",
            params,
        )
