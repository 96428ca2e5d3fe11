"""DRF permissions by what the token says, the same for database and stateless users."""

import time
from typing import TYPE_CHECKING, Any

from rest_framework import exceptions
from rest_framework.permissions import SAFE_METHODS, BasePermission, OperationHolderMixin

from . import scopes
from .exceptions import InsufficientScope
from .tokens import API_USE, sign_in_time
from .transport import challenge

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.views import APIView


class Insufficient(exceptions.PermissionDenied):
    """403 that says in ``WWW-Authenticate`` what is missing (RFC 6750, 3.1; RFC 9470, 3)."""

    def __init__(self, code: str, detail: str, **attributes: Any) -> None:
        super().__init__({"detail": detail, "code": code}, code)
        # DRF's exception handler puts it into WWW-Authenticate.
        self.auth_header = challenge(error=code, **attributes)


class TokenPermission(OperationHolderMixin, BasePermission):
    """Base: ready-made with its arguments, so an instance stands where DRF wants a class."""

    def __call__(self) -> "TokenPermission":
        return self

    def has_permission(self, request: "Request", view: "APIView") -> bool:
        """Return whether there is a token at all; raise ``Insufficient`` if it will not do."""
        if not isinstance(request.auth, dict):
            return False
        self.check(request, request.auth)
        return True

    def check(self, request: "Request", claims: dict[str, Any]) -> None:
        """Raise ``Insufficient`` unless the claims will do."""
        raise Insufficient("insufficient_scope", "No permission was named.")


class HasScopes(TokenPermission):
    """``permission_classes = [HasScopes("reports:read")]``: the token has all of them."""

    def __init__(self, *names: str) -> None:
        self.names = names

    def check(self, request: "Request", claims: dict[str, Any]) -> None:
        try:
            scopes.require(claims, self.names)
        except InsufficientScope as error:
            raise Insufficient(
                "insufficient_scope", "The token lacks a scope.", scope=error.scope
            ) from None


class HasReadWriteScopes(TokenPermission):
    """``HasReadWriteScopes(read="reports:read", write="reports:write")``, by method."""

    def __init__(self, *, read: str, write: str) -> None:
        self.read, self.write = HasScopes(*read.split()), HasScopes(*write.split())

    def check(self, request: "Request", claims: dict[str, Any]) -> None:
        needed = self.read if request.method in SAFE_METHODS else self.write
        needed.check(request, claims)


class _IsPerson(TokenPermission):
    """No API token: those must not make others, nor end their owner's sign-ins."""

    def check(self, request: "Request", claims: dict[str, Any]) -> None:
        if claims.get("token_use") == API_USE:
            raise Insufficient("insufficient_user_authentication", "Not with an API token.")


IsPerson = _IsPerson()


class HasAMR(TokenPermission):
    """``HasAMR("otp")``: the user signed in by one of these methods (RFC 8176)."""

    def __init__(self, *methods: str) -> None:
        self.methods = frozenset(methods)

    def check(self, request: "Request", claims: dict[str, Any]) -> None:
        given = claims.get("amr")
        if not isinstance(given, list) or self.methods.isdisjoint(map(str, given)):
            raise Insufficient("insufficient_user_authentication", "Signing in needs another step.")


class SignedInWithin(TokenPermission):
    """``SignedInWithin(minutes=10)``: for what a stolen token must not do (RFC 9470)."""

    def __init__(self, *, minutes: float) -> None:
        self.seconds = int(minutes * 60)

    def check(self, request: "Request", claims: dict[str, Any]) -> None:
        if time.time() - sign_in_time(claims) > self.seconds:
            raise Insufficient(
                "insufficient_user_authentication",
                "Sign in again to do this.",
                max_age=str(self.seconds),
            )
