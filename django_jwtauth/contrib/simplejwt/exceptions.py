"""simplejwt's exceptions, which are caught, raised and read as in simplejwt.

Each that is raised here is also one of ``django_jwtauth.exceptions``, and has a ``reason``.
"""

import functools
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn, cast

from django.utils.translation import gettext_lazy as _
from rest_framework import exceptions as drf

from ... import exceptions as core
from .move.names import GONE

logger = logging.getLogger("django_jwtauth")


class Unsupported(NotImplementedError):
    """A feature of simplejwt that is not supported; the text says what to write instead.

    It is also logged, because code that ends sign-ins is often inside ``except Exception: pass``.
    """

    def __init__(self, what: str, instead: str) -> None:
        # The name of a lookup may have come from a client.
        what = ascii(what)[1:-1][:100]
        super().__init__(f"{what}: {instead}")
        logger.error("%s: %s", what, instead, extra={"event": "simplejwt_unsupported"})


def refuse_name(module: str, name: str) -> NoReturn:
    """Raise the error for an import of a name that is not here."""
    instead = GONE.get(f"{module.rpartition('.')[2]}.{name}")
    if instead is None:
        raise AttributeError(f"module {module!r} has no attribute {name!r}")
    raise ImportError(f"{name} of simplejwt is not here: {instead}")


class TokenError(core.TokenError):
    """A token is refused. A project may raise it, too, with a text, a dict, or nothing.

    ``str()`` and ``args[0]`` are the sentence. The answer is 401 unless a view catches it.
    """

    reason = "refused"

    def __init__(self, *args: Any) -> None:
        super().__init__(args[0] if args else None)
        self.args = args

    def __str__(self) -> str:
        return Exception.__str__(self)

    def body(self) -> dict[str, Any]:
        if not isinstance(self.sentence, dict):
            return super().body()
        plain = {"detail": str(self.default_detail), "code": self.code, "reason": self.reason}
        return {**plain, **self.sentence}


class ExpiredTokenError(core.ExpiredToken, TokenError):
    """The token has expired."""


class TokenBackendError(TokenError):
    """The same from ``token_backend``."""


class TokenBackendExpiredToken(core.ExpiredToken, TokenBackendError):
    """The same from ``token_backend``: it has expired."""


@contextmanager
def as_theirs(base: type[TokenError] = TokenError) -> Iterator[None]:
    """Turn refusals of tokens into these exceptions, for code that catches them."""
    try:
        yield
    except TokenError:
        raise
    except core.TokenError as error:
        pair: Any = type(error), base
        kind = _derive(*pair)
        theirs = kind.__new__(kind)
        vars(theirs).update(vars(error))
        theirs.args = (error.sentence,)
        raise theirs from None


@functools.cache
def _derive(kind: Any, base: Any) -> type[TokenError]:
    """Return the class of this kind of refusal that is ``base`` as well."""
    if kind is core.ExpiredToken:
        return ExpiredTokenError if base is TokenError else TokenBackendExpiredToken
    return cast("type[TokenError]", type(kind.__name__, (kind, base), {"__module__": __name__}))


class DetailDictMixin:
    """An exception of Django REST framework whose ``detail`` is a dict with a ``code``."""

    default_detail: Any
    default_code: str

    def __init__(self, detail: Any = None, code: str | None = None) -> None:
        body: dict[str, Any] = {"detail": self.default_detail, "code": self.default_code}
        if isinstance(detail, dict):
            body.update(detail)
        elif detail is not None:
            body["detail"] = detail
        if code is not None:
            body["code"] = code
        super().__init__(body)  # type: ignore[call-arg]


class AuthenticationFailed(DetailDictMixin, drf.AuthenticationFailed):
    """401 with a ``code``."""


class InvalidToken(AuthenticationFailed):
    """401: the token of the request is refused."""

    default_detail = _("Token is invalid or expired")
    default_code = "token_not_valid"
