"""``TokenUser``: a user known only by a token, with simplejwt's attributes. No database model."""

from typing import Any, NoReturn

from django.contrib.auth import models as auth_models
from django.db.models.manager import EmptyManager
from django.utils.functional import cached_property

from ...users import TokenUser as CoreTokenUser
from .settings import api_settings


class TokenUser(CoreTokenUser):
    """The user of ``JWTStatelessUserAuthentication``; a claim is an attribute, or None without it.

    Permissions come from the claims that ``JWTAUTH`` names for them, ``is_staff`` and
    ``is_superuser`` from the claims of that name, of an issuer that is believed.
    """

    _groups = EmptyManager(auth_models.Group)
    _user_permissions = EmptyManager(auth_models.Permission)

    def __init__(self, token: Any) -> None:
        super().__init__(token)
        self.token = token

    def __str__(self) -> str:
        return f"TokenUser {self.id}"

    @cached_property
    def id(self) -> Any:
        return self.token[api_settings.USER_ID_CLAIM]

    @cached_property
    def pk(self) -> Any:
        return self.id

    @cached_property
    def username(self) -> str:
        return str(self.token.get("username", ""))

    @cached_property
    def is_staff(self) -> bool:  # type: ignore[override]
        return self._is_believed() and self.token.get("is_staff") is True

    @cached_property
    def is_superuser(self) -> bool:  # type: ignore[override]
        return self._is_believed() and self.token.get("is_superuser") is True

    @property
    def groups(self) -> Any:
        return self._groups

    @property
    def user_permissions(self) -> Any:
        return self._user_permissions

    def get_group_permissions(self, obj: Any = None) -> set[str]:
        return set()

    def save(self) -> NoReturn:
        raise NotImplementedError("Token users have no DB representation")

    def delete(self) -> NoReturn:
        raise NotImplementedError("Token users have no DB representation")

    def set_password(self, raw_password: str) -> NoReturn:
        raise NotImplementedError("Token users have no DB representation")

    def check_password(self, raw_password: str) -> NoReturn:
        raise NotImplementedError("Token users have no DB representation")

    def __getattr__(self, attr: str) -> Any:
        # copy and pickle read such names before there is a token.
        if attr.startswith("_") or attr == "token":
            raise AttributeError(attr)
        return self.token.get(attr)
