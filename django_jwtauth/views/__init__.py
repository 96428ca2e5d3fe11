"""The JSON endpoints for a project's own front ends.

They override what a project may set globally, so that its defaults cannot break its login. They
write outside ``ATOMIC_REQUESTS`` and return their refusals, because a rollback would revive a
sign-in that was just ended.
"""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, ClassVar, cast

from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import RequestDataTooBig
from django.db import Error as DatabaseFailure
from django.http import Http404, HttpRequest, HttpResponseBase
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from rest_framework import status
from rest_framework.authentication import BaseAuthentication
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView, exception_handler

from .. import credentials, one_time, scopes, sessions, throttling
from ..authentication import JWTAuthentication, JWTCookieAuthentication
from ..claims import REFRESH, Claims, is_acting, is_sid
from ..conf import get_settings, moments, one_tenancy, project_code
from ..exceptions import (
    AuthError,
    BodyTooLarge,
    InvalidCredentials,
    UserInactive,
    UserNotFound,
    challenge,
)
from ..http import bodies
from ..http.refusals import refusal_headers
from ..models import Cause, Kind, LoginSession, LoginSessionQuerySet, Via
from ..permissions import IsPerson, MayManage, SignedInWithin
from ..redacted import redact_body
from ..serializers import (
    ActingSerializer,
    LoginSessionSerializer,
    MeSerializer,
    TokenBlacklistSerializer,
    TokenObtainPairSerializer,
    TokenRefreshSerializer,
    TokenVerifySerializer,
)
from ..signins import endings, legacy
from ..store import database
from ..tokens import MAX_LENGTH, TokenPair
from .parsers import FormParser, JSONParser, MultiPartParser

if TYPE_CHECKING:
    from django.contrib.auth.models import User

logger = logging.getLogger("django_jwtauth")

# The list of a user's sign-ins is for people, who do not read more than this.
MAX_LISTED_SESSIONS = 200


class JSONAlways(DefaultContentNegotiation):
    """Answer JSON whatever ``Accept`` says, as the endpoints have no other format."""

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> Any:
        return renderers[0], renderers[0].media_type


class JWTView(APIView):
    """Base of the endpoints: fixed policies, refusals as answers, no caching."""

    authentication_classes: Sequence[type[BaseAuthentication]] = ()
    permission_classes: Sequence[type[BasePermission]] = ()
    parser_classes = (JSONParser, FormParser, MultiPartParser)
    renderer_classes = (JSONRenderer,)
    content_negotiation_class = JSONAlways
    versioning_class = None

    serializer_class: ClassVar[type[BaseSerializer[Any]]]

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Any:
        view = sensitive_post_parameters()(super().as_view(**initkwargs))
        return database.non_atomic(bodies.bounded(view))

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        with one_tenancy(*self.get_kinds()):
            return super().dispatch(request, *args, **kwargs)

    def get_kinds(self) -> list[type]:
        """Return the classes that answer: the view, and those that as_view() may be given."""
        serializer = getattr(self, "serializer_class", None)
        return [type(self), *self.authentication_classes, *filter(None, [serializer])]

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, DatabaseFailure):
            exc = database.refusal_of(exc)
        if isinstance(exc, RequestDataTooBig):
            # The project's DATA_UPLOAD_MAX_MEMORY_SIZE may be lower, and is checked first.
            exc = BodyTooLarge()
        if isinstance(exc, AuthError):
            exc = self.reword(exc)
        with database.nothing_rolled_back():
            response = super().handle_exception(exc)
        for name, value in refusal_headers(exc).items():
            response.headers.setdefault(name, value)
        return response

    def get_exception_handler(self) -> Any:
        """Return the project's handler, with DRF's for errors that it does not answer."""
        handler = super().get_exception_handler()

        def handle(exc: Exception, context: dict[str, Any]) -> Any:
            try:
                with project_code():
                    response = handler(exc, context)
                if isinstance(response, HttpResponseBase):
                    return response
            except Exception as error:
                # Some handlers raise errors that they do not know again.
                if error is not exc:
                    logger.exception(
                        "EXCEPTION_HANDLER failed",
                        extra={"event": "exception_handler_failed", "error": type(error).__name__},
                    )
            return exception_handler(exc, context)

        return handle

    def reword(self, error: AuthError) -> AuthError:
        """Return the refusal that is answered instead of ``error``."""
        return error

    def finalize_response(
        self, request: Request, response: Response, *args: Any, **kwargs: Any
    ) -> Response:
        response = super().finalize_response(request, response, *args, **kwargs)
        response["Cache-Control"] = "no-store"
        return response

    def read_body(self, request: Request) -> Any:
        """Return the body, redacted in error reports; raises ``ParseError``."""
        body = redact_body(request.data)
        credentials.keep_sent(request._request, body)
        return body

    def read(self, request: Request) -> BaseSerializer[Any]:
        """Return the serializer of a valid body; raises DRF's ``ValidationError``."""
        context = {"request": request, "view": self}
        serializer = self.serializer_class(data=self.read_body(request), context=context)
        serializer.is_valid(raise_exception=True)
        return serializer

    def validated(self, request: Request) -> dict[str, Any]:
        """Return the validated body; raises DRF's ``ValidationError``."""
        data: dict[str, Any] = self.read(request).validated_data
        return data


class ActingView(JWTView):
    """Base of the endpoints that do what a body asks for."""

    def post(self, request: Request) -> Response:
        serializer = self.read(request)
        if isinstance(serializer, ActingSerializer):
            return self.answer(serializer)
        return self.act(serializer.validated_data)

    def act(self, data: dict[str, Any]) -> Response:
        """Do what the valid body asks for, and answer it."""
        raise NotImplementedError

    def answer(self, serializer: ActingSerializer) -> Response:
        """Answer for a serializer that has done it by itself."""
        return Response(serializer.validated_data)

    def get_authenticate_header(self, request: Request) -> str:
        # A serializer may refuse by DRF's exception, which would be a 403 without this.
        return challenge()


class GrantView(ActingView):
    """Base of the endpoints that issue tokens."""

    #: The longest token that the answer can carry, in bytes.
    max_token_length = MAX_LENGTH
    #: Whether the sign-in that starts outlasts the browser's session.
    remember = True

    def start(self, user: AbstractBaseUser, claims: Claims) -> Response:
        """Sign ``user`` in and return the answer with the pair."""
        request = self.request._request
        pair = sessions.start(
            user, request, claims, remember=self.remember, max_length=self.max_token_length
        )
        response = self.grant(pair)
        throttling.remember_device(request, response, pair.session_id)
        return response

    def grant(self, pair: TokenPair) -> Response:
        """Return the answer with a pair."""
        body = {
            "access": pair.access,
            "refresh": pair.refresh,
            "token_type": get_settings().AUTH_HEADER_TYPES[0],
            "expires_in": pair.expires_in,
            "refresh_expires_in": pair.refresh_expires_in,
        }
        return Response({name: value for name, value in body.items() if value is not None})

    def answer(self, serializer: ActingSerializer) -> Response:
        response = super().answer(serializer)
        if serializer.pair is None:
            return response
        try:
            granted = self.grant(serializer.pair)
        except ValueError:
            # A token does not fit, so nobody gets it.
            sessions.end(serializer.pair.session_id)
            raise
        # A token is in the body if both put it there: the serializer, and a view that may.
        out = {"access", "refresh"} - (granted.data.keys() & response.data.keys())
        both = {**granted.data, **response.data}
        granted.data = {name: value for name, value in both.items() if name not in out}
        return granted


class TokenObtainPairView(GrantView):
    """Sign in with name and password."""

    serializer_class = TokenObtainPairSerializer

    def post(self, request: Request) -> Response:
        serializer = self.read(request)
        if isinstance(serializer, ActingSerializer):
            return self.answer(serializer)
        data = serializer.validated_data
        self.remember = data.get("remember", True)
        field = getattr(serializer, "username_field", get_user_model().USERNAME_FIELD)
        # An error report would show it among the locals, with what was sent in its repr().
        del serializer
        http_request = request._request
        user, claims = credentials.check(
            http_request, data[field], data["password"], data.get("scope"), field=field
        )
        return self.start(user, claims)

    def answer(self, serializer: ActingSerializer) -> Response:
        response = super().answer(serializer)
        if serializer.pair is not None:
            sid = serializer.pair.session_id
            throttling.remember_device(self.request._request, response, sid)
        return response


class TokenRefreshView(GrantView):
    """Exchange a refresh token for the next pair."""

    serializer_class = TokenRefreshSerializer

    def act(self, data: dict[str, Any]) -> Response:
        request, longest = self.request._request, self.max_token_length
        return self.grant(sessions.refresh(data["refresh"], request, max_length=longest))

    def reword(self, error: AuthError) -> AuthError:
        if isinstance(error, (UserInactive, UserNotFound)):
            error.sentence = _("No active account found for the given token.")
            error.code = InvalidCredentials.code
        return error


class TokenVerifyView(ActingView):
    """Answer whether a token of any kind would be accepted now."""

    serializer_class = TokenVerifySerializer

    def act(self, data: dict[str, Any]) -> Response:
        sessions.verify(data["token"])
        return Response({})


class TokenBlacklistView(ActingView):
    """Sign out: blacklist a token; a refresh token ends its sign-in."""

    serializer_class = TokenBlacklistSerializer

    def act(self, data: dict[str, Any]) -> Response:
        request = self.request._request
        if "refresh" in data:
            sessions.blacklist(data["refresh"], REFRESH, via=Via.API, request=request)
        else:
            sessions.blacklist(data["token"], via=Via.API, request=request)
        return Response({})


class OwnView(JWTView):
    """Base of the endpoints that a signed-in user calls about themselves."""

    authentication_classes = (JWTAuthentication,)
    permission_classes: Sequence[Any] = (IsAuthenticated,)

    request: Request

    @property
    def claims(self) -> Claims:
        """The verified claims of the request's access token.

        In a project's test, ``force_authenticate()`` sets a user without a token, or any token.
        """
        return dict(self.request.auth) if isinstance(self.request.auth, Mapping) else {}

    @property
    def sid(self) -> str | None:
        """The id of the access token's sign-in, 32 hex digits; None without one."""
        sid = self.claims.get("sid")
        return sid if is_sid(sid) else None

    @property
    def user(self) -> AbstractBaseUser:
        return cast(AbstractBaseUser, self.request.user)

    def own_rows(self, *kinds: Kind) -> LoginSessionQuerySet:
        return database.sign_ins().filter(user_id=self.user.pk, kind__in=kinds)


class MeView(OwnView):
    """Who the token says you are."""

    serializer_class = MeSerializer

    def get(self, request: Request) -> Response:
        exp = self.claims.get("exp")
        me = {
            "user_id": self.claims.get("sub", str(self.user.pk)),
            "username": self.user.get_username(),
            "session_id": self.sid,
            "scopes": sorted(scopes.of(self.claims)),
            "expires_at": datetime.fromtimestamp(exp, timezone.utc) if exp else None,
        }
        if is_acting(self.claims):
            me["act"] = self.claims["act"]
        return Response(self.serializer_class(me).data)


class PersonView(OwnView):
    """Base of the endpoints for people: no API tokens, and other tokens within their scopes."""

    permission_classes: Sequence[Any] = (IsAuthenticated, IsPerson, MayManage)

    def end_own(self, sid: str, *kinds: Kind) -> Response:
        """End one of the caller's rows, which may already have ended; 404 if there is none."""
        if not self.own_rows(*kinds).filter(pk=sid).exists():
            raise Http404
        sessions.end(sid, via=Via.API, by=self.user)
        return Response(status=status.HTTP_204_NO_CONTENT)

    def require_recent(self) -> None:
        """Raise unless the user has signed in as recently as ``RECENT_SIGN_IN`` requires.

        Whoever finds an open browser, or steals a token, must not lock its owner out.
        """
        by_cookie = isinstance(self.request.successful_authenticator, JWTCookieAuthentication)
        limit = get_settings().RECENT_SIGN_IN["cookie" if by_cookie else "header"]
        if limit is not None:
            within = SignedInWithin(minutes=limit.total_seconds() / 60)
            if missing := within.find_missing(self.request, self.claims):
                raise missing


class SessionView(PersonView):
    """Base of the endpoints for the caller's sign-ins, and for operators who act for the caller."""

    kinds = (Kind.SIGN_IN, Kind.ACTING)

    def own_sessions(self) -> LoginSessionQuerySet:
        return self.own_rows(*self.kinds)

    def is_over(self, session: LoginSession) -> bool:
        """Return whether an operator can no longer act; of a sign-in, the token was just checked.

        One query for each operator who acts.
        """
        session.user = cast("User", self.user)
        return session.kind == Kind.ACTING and endings.why_over(session) is not None


class SessionListView(SessionView):
    """The caller's live sign-ins, newest first; DELETE ends all but the current one.

    This also ends sign-in links that were not used yet; whoever has one could sign in again.
    """

    serializer_class = LoginSessionSerializer

    def get(self, request: Request) -> Response:
        rows = self.own_sessions().live().order_by("-created_at", "-id")[:MAX_LISTED_SESSIONS]
        context = {"sid": self.sid}
        listed = [session for session in rows if not self.is_over(session)]
        return Response(LoginSessionSerializer(listed, many=True, context=context).data)

    def delete(self, request: Request) -> Response:
        self.require_recent()
        links = self.own_rows(Kind.ONE_TIME).filter(purpose=one_time.SIGN_IN)
        others = self.own_sessions().exclude(pk__in=[self.sid] if self.sid else [])
        cause = Cause(via=Via.API, by=self.user)
        (others | links).end_for(cause)
        legacy.refuse(str(self.user.pk), moments.now(), cause)
        return Response(status=status.HTTP_204_NO_CONTENT)


class SessionDetailView(SessionView):
    """One of the caller's sign-ins: rename it, or end it (also if it has already ended)."""

    serializer_class = LoginSessionSerializer

    def patch(self, request: Request, sid: str) -> Response:
        session = self.own_rows(Kind.SIGN_IN).live().filter(pk=sid).first()
        if session is None:
            raise Http404
        serializer = LoginSessionSerializer(
            session, data=self.read_body(request), partial=True, context={"sid": self.sid}
        )
        serializer.is_valid(raise_exception=True)
        throttling.count_made("rename", self.user)
        # Only this column, because a parallel refresh may be writing others.
        session.name = serializer.validated_data.get("name", session.name)
        session.save(update_fields=["name"])
        return Response(serializer.data)

    def delete(self, request: Request, sid: str) -> Response:
        if sid != self.sid:
            self.require_recent()
        return self.end_own(sid, *self.kinds)
