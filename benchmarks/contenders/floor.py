import functools
import hmac
import json
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

from django.contrib.auth import get_user_model
from django.db import connection
from rest_framework.authentication import BaseAuthentication
from rest_framework.response import Response
from rest_framework.views import APIView

from benchmarks.contender import Calls, Contender, drf_request, make_users
from django_jwtauth import sessions

KEY = b"the least that the promise costs"

FIND = """
SELECT {columns}, s.auth_hash, s.ended_at,
       EXISTS(SELECT 1 FROM django_jwtauth_blacklistedtoken b WHERE b.jti = %s)
FROM {table} u LEFT JOIN django_jwtauth_loginsession s ON s.user_id = u.id AND s.id = %s
WHERE u.id = %s
"""
ADVANCE = """
UPDATE django_jwtauth_loginsession SET generation = generation + 1
WHERE id = %s AND generation = %s AND ended_at IS NULL
"""


def sign(claims: dict[str, Any]) -> str:
    payload = urlsafe_b64encode(json.dumps(claims).encode()).decode()
    return f"{payload}.{hmac.digest(KEY, payload.encode(), 'sha256').hex()}"


def read(raw: str) -> dict[str, Any]:
    payload, _, signature = raw.partition(".")
    if not hmac.compare_digest(hmac.digest(KEY, payload.encode(), "sha256").hex(), signature):
        raise AssertionError("not ours")
    return json.loads(urlsafe_b64decode(payload))


@functools.cache
def prepare() -> tuple[Any, list[str], str]:
    model = get_user_model()
    fields = [field.attname for field in model._meta.concrete_fields]
    columns = ", ".join(f"u.{name}" for name in fields)
    return model, fields, FIND.format(columns=columns, table=model._meta.db_table)


def load_user(raw: str) -> tuple[Any, dict[str, Any]]:
    claims = read(raw)
    model, fields, sql = prepare()
    with connection.cursor() as cursor:
        cursor.execute(sql, [claims["jti"], claims["sid"], claims["sub"]])
        row = cursor.fetchone()
    return model.from_db("default", fields, row[: len(fields)]), claims


class FloorAuthentication(BaseAuthentication):
    def authenticate(self, request):
        return load_user(request.META["HTTP_AUTHORIZATION"])


class FloorRefreshView(APIView):
    authentication_classes = ()

    def post(self, request):
        _, claims = load_user(request.data["refresh"])
        with connection.cursor() as cursor:
            cursor.execute(ADVANCE, [claims["sid"], claims["gen"]])
        claims = {**claims, "gen": claims["gen"] + 1, "iat": int(time.time())}
        return Response({"access": sign(claims), "refresh": sign(claims)})


floor_refresh = FloorRefreshView.as_view()


class Floor(Contender):
    """The limit: the same statements by hand, one HMAC, and no rule of any kind."""

    name = "floor"

    def new_token(self, user: Any) -> str:
        sid = sessions.start(user).session_id.hex
        return sign({"sub": user.pk, "sid": sid, "jti": f"{sid}.0", "gen": 0})

    def authenticate(self, count: int) -> Calls:
        request = drf_request(HTTP_AUTHORIZATION=self.new_token(self.user))
        return [lambda: FloorAuthentication().authenticate(request)] * count

    def request(self, count: int) -> Calls:
        header = {"HTTP_AUTHORIZATION": self.new_token(self.user)}
        return [self.http("GET", "/floor/", **header)] * count

    def refresh(self, count: int) -> Calls:
        tokens = [self.new_token(user) for user in make_users(count)]
        return [self.http("POST", "/floor/refresh/", {"refresh": raw}) for raw in tokens]
