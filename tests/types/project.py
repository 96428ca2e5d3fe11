"""A project's code, which mypy reads as that of whoever installs the package.

``make types`` checks it. A function of the public API that loses a type, or returns another,
fails here before it fails in a project.
"""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest, HttpResponse
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from typing_extensions import assert_type

from django_jwtauth import api_tokens, one_time, sessions
from django_jwtauth.authentication import JWTAuthentication
from django_jwtauth.decorators import jwt_required
from django_jwtauth.exceptions import AuthError, TokenError
from django_jwtauth.models import LoginSession, LoginSessionQuerySet
from django_jwtauth.permissions import HasScopes
from django_jwtauth.sessions import TokenPair
from django_jwtauth.tokens import Claims


def sign_in(user: AbstractBaseUser, request: HttpRequest) -> dict[str, Any]:
    pair = sessions.start(user, request, claims={"plan": "pro"})
    assert_type(pair, TokenPair)
    assert_type(pair.access, str)
    assert_type(pair.refresh, str | None)
    assert_type(pair.expires_in, int)
    assert_type(pair.session_id, UUID)
    return {"access": pair.access, "refresh": pair.refresh}


def refresh(raw: str, request: HttpRequest) -> str:
    try:
        return sessions.refresh(raw, request, scope="notes:read").access
    except TokenError as error:
        assert_type(error.reason, str)
        raise


def who(raw: str) -> str:
    user, claims = sessions.authenticate(raw)
    assert_type(user, AbstractBaseUser)
    assert_type(claims, Claims)
    assert_type(sessions.verify(raw), tuple[AbstractBaseUser, Claims])
    assert_type(sessions.blacklist(raw, reason="leaked", note="found in a log"), Claims)
    return user.get_username()


async def who_later(raw: str) -> AbstractBaseUser:
    user, _claims = await sessions.aauthenticate(raw)
    return user


def make_tokens(user: AbstractBaseUser) -> tuple[str, str]:
    made = api_tokens.create(user, "deploy", scope="deploy", lifetime=timedelta(days=90))
    assert_type(made.raw, str)
    assert_type(made.session, LoginSession)
    link = one_time.create(user, "download", claims={"file": "report.pdf"})
    assert_type(one_time.consume(link, "download"), tuple[AbstractBaseUser, Claims])
    return made.raw, link


def live_sign_ins() -> LoginSessionQuerySet:
    return LoginSession.objects.live()


class OwnAuthentication(JWTAuthentication):
    def get_user(self, validated_token: Any) -> Any:
        user = super().get_user(validated_token)
        if user.get_username() == "banned":
            raise AuthError
        return user


class Notes(APIView):
    authentication_classes = [OwnAuthentication]
    permission_classes = [IsAuthenticated & HasScopes("notes:read")]

    def get(self, request: Request) -> Response:
        return Response({"claims": request.auth})


@jwt_required(scopes=["notes:read"])
def plain(request: HttpRequest) -> HttpResponse:
    return HttpResponse(request.user.get_username())
