"""simplejwt's authentication classes: the same steps, and ``request.auth`` a token object.

Must not import ``rest_framework.views``, as ``django_jwtauth.authentication`` must not.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.utils.translation import gettext_lazy as _

from ... import authentication as core
from ...exceptions import BadAuthorizationHeader, UserInactive, UserNotFound
from ...http.refusals import request_refusal
from ...http.transport import parse_header
from ...redacted import RedactedBytes, redact
from ...signins.rules import is_active
from ...store import database
from .backends import read_text
from .exceptions import AuthenticationFailed, InvalidToken, TokenError, refuse_name
from .models import TokenUser as TokenUser
from .move.decoder import find_user
from .settings import api_settings
from .tokens import AuthUser as AuthUser
from .tokens import CheckedToken, Token
from .utils import get_md5_hash_password as get_md5_hash_password

if TYPE_CHECKING:
    from django.http import HttpRequest
    from rest_framework.request import Request


def default_user_authentication_rule(user: Any) -> bool:
    """Return whether there is a user who is active."""
    return user is not None and is_active(user)


class JWTAuthentication(core.JWTAuthentication):
    """Sets ``request.auth`` to a token of one of ``AUTH_TOKEN_CLASSES``.

    ``get_validated_token()`` makes one query, which loads the user, and also checks the user and
    the sign-in.
    """

    media_type = "application/json"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user_model = get_user_model()

    def get_header(self, request: "Request | HttpRequest") -> bytes | None:
        """Return the header that ``AUTH_HEADER_NAME`` names, or None without one."""
        header = redact(request.META.get(api_settings.AUTH_HEADER_NAME))
        return header.encode("latin-1", "replace") if isinstance(header, str) else header

    def get_raw_token(self, header: bytes) -> bytes | None:
        """Return the encoded token of the header, or None if it has another scheme."""
        header = redact(header)
        try:
            raw = parse_header(read_text(header, "latin-1"))
        except BadAuthorizationHeader as error:
            raise AuthenticationFailed(error.body()) from None
        return None if raw is None else RedactedBytes(raw.encode("latin-1"))

    def get_validated_token(self, raw_token: Any) -> Any:
        """Return the token as the first of ``AUTH_TOKEN_CLASSES`` that accepts it.

        Raises ``InvalidToken``, whose ``detail`` has a message for each.
        """
        raw_token = redact(raw_token)
        errors: list[tuple[Any, TokenError]] = []
        for kind in api_settings.AUTH_TOKEN_CLASSES:
            try:
                return kind(raw_token)
            except TokenError as error:
                errors.append((kind, error))
        raise InvalidToken(_refusal(errors)) from None

    def get_user(self, validated_token: Any) -> Any:
        """Return the user, who was loaded with the token unless a subclass created it."""
        if isinstance(validated_token, Token) and not validated_token.is_made_here:
            if validated_token.loaded_user is None:
                # It was read with verify=False, and is not checked yet.
                token = validated_token.token
                validated_token = JWTAuthentication.get_validated_token(self, token)
            return validated_token.loaded_user
        if isinstance(validated_token, Mapping) and "sid" in validated_token:
            return super().get_user(dict(validated_token))
        return _find_named(validated_token)


def _find_named(claims: Any) -> Any:
    """Return the user of claims that a subclass has checked, of another issuer's token say."""
    try:
        with database.reporting_unavailable():
            user = find_user(claims[api_settings.USER_ID_CLAIM])
    except (KeyError, TypeError):
        raise InvalidToken(_("Token contained no recognizable user identification")) from None
    except UserNotFound as error:
        raise AuthenticationFailed(error.body()) from None
    if not is_active(user):
        raise AuthenticationFailed(UserInactive().body())
    return user


def _refusal(errors: list[tuple[Any, TokenError]]) -> dict[str, Any]:
    body = request_refusal(errors[0][1])
    if "messages" in body:
        body["messages"] = [
            {"token_class": kind.__name__, "token_type": kind.token_type, "message": str(error)}
            for kind, error in errors
        ]
    return body


class JWTStatelessUserAuthentication(JWTAuthentication, core.JWTStatelessUserAuthentication):
    """No query: ``TOKEN_USER_CLASS`` creates ``request.user`` from the token."""

    def get_validated_token(self, raw_token: Any) -> Any:
        """Return the token, once everything is checked that needs no database."""
        raw_token = redact(raw_token)
        try:
            claims = core.JWTStatelessUserAuthentication.get_validated_token(self, raw_token)
        except core.InvalidToken as error:
            raise InvalidToken(error.detail) from None
        checked = CheckedToken(raw_token if isinstance(raw_token, bytes) else raw_token.encode())
        checked.answer = None, claims
        return super().get_validated_token(checked)

    def get_user(self, validated_token: Any) -> Any:
        """Return a ``TOKEN_USER_CLASS`` for the token."""
        if api_settings.USER_ID_CLAIM not in validated_token:
            raise InvalidToken(_("Token contained no recognizable user identification"))
        return api_settings.TOKEN_USER_CLASS(validated_token)


JWTTokenUserAuthentication = JWTStatelessUserAuthentication


def __getattr__(name: str) -> Any:
    # These are constants in simplejwt; here they are read on access.
    if name == "AUTH_HEADER_TYPES":
        return api_settings.AUTH_HEADER_TYPES
    if name == "AUTH_HEADER_TYPE_BYTES":
        return {scheme.encode() for scheme in api_settings.AUTH_HEADER_TYPES}
    refuse_name(__name__, name)
