"""A user known only by a token, for services without the user table."""

from typing import Any

from .claims import Claims
from .conf import get_settings


class TokenUser:
    """The user of a verified access token, as its claims describe them; nothing is looked up.

    ``pk`` and ``id`` are the ``sub`` claim, a string. Groups and permissions come only from the
    claims that the setting ``CLAIMS`` names; for another issuer, only if ``ISSUERS`` says that
    its claims are believed.
    """

    is_authenticated = True
    is_anonymous = False
    is_active = True
    is_staff = False
    is_superuser = False

    def __init__(self, claims: Claims) -> None:
        self.claims = claims

    @property
    def pk(self) -> str:
        return str(self.claims["sub"])

    @property
    def id(self) -> str:
        return self.pk

    @property
    def username(self) -> str:
        """The ``username`` claim, or ``sub`` without one."""
        return str(self.claims.get("username", self.pk))

    def get_username(self) -> str:
        return self.username

    @property
    def group_names(self) -> frozenset[str]:
        """The groups in the claim that ``CLAIMS["GROUPS"]`` names, if the issuer may grant any."""
        return self._names(get_settings().CLAIMS.GROUPS)

    def get_all_permissions(self, obj: Any = None) -> frozenset[str]:
        """Return names like ``"shop.view_order"``; none for a single object."""
        return self._names(get_settings().CLAIMS.PERMISSIONS) if obj is None else frozenset()

    def has_perm(self, perm: str, obj: Any = None) -> bool:
        return perm in self.get_all_permissions(obj)

    def has_perms(self, perm_list: Any, obj: Any = None) -> bool:
        return all(self.has_perm(perm, obj) for perm in perm_list)

    def has_module_perms(self, app_label: str) -> bool:
        return any(name.startswith(f"{app_label}.") for name in self.get_all_permissions())

    def _names(self, claim: str | None) -> frozenset[str]:
        value = self.claims.get(claim) if claim and self._is_believed() else None
        if not isinstance(value, list):
            return frozenset()
        return frozenset(name for name in value if isinstance(name, str))

    def _is_believed(self) -> bool:
        """Return whether the issuer may grant groups and permissions here."""
        conf, issuer = get_settings(), self.claims.get("iss")
        if conf.ISSUER is not None and issuer == conf.ISSUER:
            return True
        trusted = conf.find_trusted(issuer)
        # Without an ISSUER, our own tokens may name any.
        return trusted.claims if trusted is not None else conf.ISSUER is None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TokenUser):
            return NotImplemented
        return (self.pk, self.claims.get("iss")) == (other.pk, other.claims.get("iss"))

    def __hash__(self) -> int:
        return hash((self.pk, self.claims.get("iss")))

    def __str__(self) -> str:
        return self.username

    def __repr__(self) -> str:
        return f"<TokenUser: {self.pk}>"
