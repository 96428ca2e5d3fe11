"""The clients that may ask about tokens: ``JWTAUTH["CLIENTS"]``, ids with hashed secrets.

They are in the settings and not in a table, because they are few and belong to the deployment:
nobody can add one through a leaked database or a staff account.
"""

from base64 import b64decode, b64encode
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus

from django.contrib.auth.hashers import check_password, make_password
from django.utils.crypto import constant_time_compare, salted_hmac

from ..conf import get_settings
from ..redacted import Redacted, RedactedBytes
from ..throttling import count_attempt

if TYPE_CHECKING:
    from django.http import HttpRequest

# Longer secrets are refused before they are hashed.
MAX_LENGTH = 500


class InvalidClient(Exception):
    """The client is not in ``CLIENTS``, or its secret is wrong."""


class TwoMethods(InvalidClient):
    """Credentials in the header and in the form (RFC 6749, 2.3)."""


def authenticate(request: "HttpRequest") -> str | None:
    """Return the id of the client that sent the request, or None if it does not claim to be one.

    A client authenticates by HTTP Basic, or by ``client_id`` and ``client_secret`` in the form
    (RFC 6749, 2.3.1). An id without a secret is a public client, which has no rights. Raises
    ``InvalidClient``, and ``Throttled`` after too many failed attempts.
    """
    header, form = _basic(request), _form(request)
    if header and (form or request.POST.get("client_id", header[0]) != header[0]):
        raise TwoMethods
    presented = header or form
    if presented is None:
        return None
    client_id, secret = presented
    if len(client_id) > MAX_LENGTH or len(secret) > MAX_LENGTH:
        raise InvalidClient
    stored = get_settings().CLIENTS.get(client_id)
    if stored and _is_remembered(stored, secret):
        return client_id
    # Not everywhere, because the secret cannot be guessed, and strangers must not lock it out.
    attempt = count_attempt(request, f"client:{client_id}", everywhere=False)
    if stored is None:
        # Takes as long as for a client that exists.
        make_password(secret)
        raise InvalidClient
    if not check_password(secret, stored):
        raise InvalidClient
    attempt.forgive()
    _remembered[stored] = _fingerprint(secret)
    return client_id


# Digests of correct secrets, as a gateway asks often and hashing takes long.
_remembered: dict[str, str] = {}


def _is_remembered(stored: str, secret: str) -> bool:
    return constant_time_compare(_remembered.get(stored, ""), _fingerprint(secret))


def _fingerprint(secret: str) -> str:
    return salted_hmac("django_jwtauth.clients", secret, algorithm="sha256").hexdigest()


def _basic(request: "HttpRequest") -> tuple[str, str] | None:
    scheme, _, encoded = Redacted(request.META.get("HTTP_AUTHORIZATION", "")).partition(" ")
    if scheme.lower() != "basic":
        return None
    # Each error contains what was sent, so it must not become the context of another.
    with suppress(ValueError):
        decoded = RedactedBytes(b64decode(encoded, validate=True))
        client_id, separator, secret = decoded.decode().partition(":")
        # Python 3.10 accepts more padding than is allowed.
        if separator and b64encode(decoded).decode() == encoded:
            return Redacted(unquote_plus(client_id)), Redacted(unquote_plus(secret))
    raise InvalidClient


def _form(request: "HttpRequest") -> tuple[str, str] | None:
    secret = Redacted(request.POST.get("client_secret", ""))
    return (Redacted(request.POST.get("client_id", "")), secret) if secret else None
