"""DRF permissions by what the token says, the same for database and stateless users.

They compose with ``&``, ``|`` and ``~``, so they answer True or False and do not raise.
"""

import time
from collections.abc import Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy as _
from rest_framework.permissions import SAFE_METHODS, BasePermission, OperationHolderMixin

from . import scopes
from .claims import is_api_token, sign_in_time
from .exceptions import AuthError, InsufficientScope, InsufficientUserAuthentication

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.views import APIView

# What the last permission asked found missing. Not on the permission: requests share it.
_missing: ContextVar[AuthError | None] = ContextVar("django_jwtauth.permissions", default=None)


class TokenPermission(OperationHolderMixin, BasePermission):
    """Base: ready-made with its arguments, so an instance stands where DRF wants a class."""

    def __call__(self) -> "TokenPermission":
        return self

    def has_permission(self, request: "Request", view: "APIView") -> bool:
        """Return whether the request came with a token, and the token will do."""
        claims: Any = request.auth
        if not isinstance(claims, Mapping):
            _missing.set(None)
            return False
        missing = self.find_missing(request, dict(claims))
        _missing.set(missing)
        return missing is None

    def has_object_permission(self, request: "Request", view: "APIView", obj: Any) -> bool:
        # DRF's default, True, would make ``~`` refuse every object.
        return self.has_permission(request, view)

    @property
    def message(self) -> None:
        """Raise what is missing.

        DRF asks for the message when the denial is final, a part of a composition is not
        asked: this is where the 403 gets its header, and ``|`` still its other half.
        """
        missing = _missing.get()
        if missing is not None:
            raise missing

    def find_missing(self, request: "Request", claims: dict[str, Any]) -> AuthError | None:
        """Return the refusal that the claims deserve; None if they will do."""
        raise NotImplementedError


class HasScopes(TokenPermission):
    """``permission_classes = [HasScopes("reports:read")]``: the token has all of them."""

    def __init__(self, *names: str) -> None:
        # Named as a class in permission_classes, it is made without: nobody may pass then.
        if not names or not all(map(scopes.is_name, names)):
            raise ValueError(f"Name the scopes one by one, like 'reports:read'; not {names}.")
        self.names = names

    def find_missing(self, request: "Request", claims: dict[str, Any]) -> AuthError | None:
        try:
            scopes.require(claims, self.names)
        except InsufficientScope as error:
            return error.with_traceback(None)
        return None


class HasReadWriteScopes(TokenPermission):
    """``HasReadWriteScopes(read="reports:read", write="reports:write")``, by method."""

    def __init__(self, *, read: str, write: str) -> None:
        self.read, self.write = HasScopes(*read.split()), HasScopes(*write.split())

    def find_missing(self, request: "Request", claims: dict[str, Any]) -> AuthError | None:
        needed = self.read if request.method in SAFE_METHODS else self.write
        return needed.find_missing(request, claims)


class _IsPerson(TokenPermission):
    def find_missing(self, request: "Request", claims: dict[str, Any]) -> AuthError | None:
        if is_api_token(claims):
            return InsufficientUserAuthentication(_("An API token is not accepted here."))
        return None


#: No API token: those must not make others, nor end their owner's sign-ins.
IsPerson = _IsPerson()


class _MayManage(TokenPermission):
    def find_missing(self, request: "Request", claims: dict[str, Any]) -> AuthError | None:
        if request.method in SAFE_METHODS or scopes.may_manage(claims):
            return None
        return InsufficientScope([scopes.MANAGE])


#: A token without scopes, or with ``jwtauth:manage`` among them; whoever only reads needs none.
MayManage = _MayManage()


class HasAMR(TokenPermission):
    """``HasAMR("otp")``: the user signed in by one of these methods (RFC 8176)."""

    def __init__(self, *methods: str) -> None:
        if not methods:
            raise ValueError("Name at least one method, like 'otp'.")
        self.methods = frozenset(methods)

    def find_missing(self, request: "Request", claims: dict[str, Any]) -> AuthError | None:
        given = claims.get("amr")
        if not isinstance(given, list) or self.methods.isdisjoint(map(str, given)):
            return InsufficientUserAuthentication(_("Signing in needs another step"))
        return None


class SignedInWithin(TokenPermission):
    """``SignedInWithin(minutes=10)``: for what a stolen token must not do (RFC 9470).

    An API token will not do, however new: making one proves nothing again.
    """

    def __init__(self, *, minutes: float) -> None:
        self.seconds = int(minutes * 60)

    def find_missing(self, request: "Request", claims: dict[str, Any]) -> AuthError | None:
        recent = time.time() - sign_in_time(claims) <= self.seconds
        if recent and not is_api_token(claims):
            return None
        return InsufficientUserAuthentication(max_age=self.seconds)
