"""DRF permissions by the claims of the token, the same for database and stateless users.

They compose with ``&``, ``|`` and ``~``, so they return True or False and do not raise.
"""

import time
from collections.abc import Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy as _
from rest_framework.permissions import SAFE_METHODS, BasePermission, OperationHolderMixin

from . import scopes
from .claims import is_acting, is_api_token, sign_in_time
from .exceptions import AuthError, InsufficientScope, InsufficientUserAuthentication

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.views import APIView

# What the last permission found missing. Not on the permission, which requests share.
_missing: ContextVar[AuthError | None] = ContextVar("django_jwtauth.permissions", default=None)


class TokenPermission(OperationHolderMixin, BasePermission):
    """Base: an instance already has its arguments, and stands where DRF expects a class."""

    def __call__(self) -> "TokenPermission":
        return self

    def has_permission(self, request: "Request", view: "APIView") -> bool:
        """Return whether the request has a token, and the token is sufficient."""
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

        DRF asks for the message only when the denial is final, not for a part of a composition.
        Here the 403 gets its header, while ``|`` can still try its other half.
        """
        missing = _missing.get()
        if missing is not None:
            raise missing

    def find_missing(self, request: "Request", claims: dict[str, Any]) -> AuthError | None:
        """Return why the claims are not sufficient, or None if they are."""
        raise NotImplementedError


class HasScopes(TokenPermission):
    """``permission_classes = [HasScopes("reports:read")]``: the token has all of them."""

    def __init__(self, *names: str) -> None:
        # A class in permission_classes is called without arguments: nobody may pass then.
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
        if is_acting(claims):
            text = _("This cannot be done while acting for another user.")
            return InsufficientUserAuthentication(text)
        return None


#: Refuses API tokens, which must not create others or end their owner's sign-ins, and whoever
#: acts for another user.
IsPerson = _IsPerson()


class _MayManage(TokenPermission):
    def find_missing(self, request: "Request", claims: dict[str, Any]) -> AuthError | None:
        if request.method in SAFE_METHODS or scopes.may_manage(claims):
            return None
        return InsufficientScope([scopes.MANAGE])


#: Allows tokens without scopes, or with ``jwtauth:manage`` among them; reading needs no scope.
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

    An API token, and that of somebody who acts for the user, is refused, however new it is:
    creating one does not prove that the user is there.
    """

    def __init__(self, *, minutes: float) -> None:
        self.seconds = int(minutes * 60)

    def find_missing(self, request: "Request", claims: dict[str, Any]) -> AuthError | None:
        recent = time.time() - sign_in_time(claims) <= self.seconds
        if recent and not is_api_token(claims) and not is_acting(claims):
            return None
        return InsufficientUserAuthentication(max_age=self.seconds)
