"""Encode, sign, read and verify the compact form of a token (RFC 7515, 7.1).

``tokens`` checks what the claims mean. PyJWT's algorithms create and verify the signature. The
form is read here, because some versions of PyJWT from 2.10 to 2.15 accept what RFC 8725 refuses:
padding, UTF-16, duplicate members, ``crit``, unlimited size.
"""

import functools
import json
import re
from base64 import urlsafe_b64encode
from binascii import a2b_base64
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from ..exceptions import BadSignature, MalformedToken
from ..redacted import Redacted, RedactedBytes
from .keymaterial import Key

#: The longest token issued or read, in bytes.
MAX_LENGTH = 8192

_FORM = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
# RFC 4648, 3.5: spare bits of the last character are zero.
_LAST_CHARACTERS = {2: "AQgw", 3: "AEIMQUYcgkosw048"}
_STANDARD = bytes.maketrans(b"-_", b"+/")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("duplicate member")
    return members


def _refuse_constant(name: str) -> None:
    raise ValueError("NaN and Infinity are not JSON")


_json = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse_constant)


def sign(claims: dict[str, Any], key: Key, typ: str) -> str:
    """Return the token for ``claims``; raises TypeError or ValueError if they are not JSON."""
    import jwt

    header = {"alg": key.algorithm, "typ": typ, **({"kid": key.kid} if key.kid else {})}
    signed = f"{_encode_object(header)}.{_encode_object(claims)}"
    algorithm = jwt.get_algorithm_by_name(key.algorithm)
    signature = RedactedBytes(algorithm.sign(signed.encode(), key.signing))
    return Redacted(f"{signed}.{_encode_segment(signature)}")


def split(raw: str) -> tuple[bytes, bytes]:
    """Return the decoded header and payload; the signature stays out of local variables."""
    if not _FORM.fullmatch(raw):
        raise MalformedToken
    header, payload, _ = raw.split(".")
    return _decode_segment(header), _decode_segment(payload)


@functools.lru_cache(maxsize=64)
def read_header(encoded: bytes) -> dict[str, Any]:
    """Return the header. It is cached, as few different ones occur: do not change it."""
    header = read_object(encoded)
    # RFC 7515, 4.1.11: no critical extension is supported, so all are refused (b64: RFC 7797).
    if "crit" in header or "b64" in header or not isinstance(header.get("alg"), str):
        raise MalformedToken
    # Not every version of PyJWT refuses null.
    if not all(isinstance(header.get(name, ""), str) for name in ("typ", "kid")):
        raise MalformedToken
    return {"typ": None, "kid": None, **header}


def _decode_segment(segment: str) -> bytes:
    """Decode canonical base64url only, so that a token has one spelling."""
    spare = len(segment) % 4
    if spare == 1 or (spare and segment[-1] not in _LAST_CHARACTERS[spare]):
        raise MalformedToken
    return a2b_base64(segment.encode().translate(_STANDARD) + b"=" * (-spare % 4))


def _encode_segment(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _encode_object(value: dict[str, Any]) -> str:
    return _encode_segment(json.dumps(value, separators=(",", ":"), allow_nan=False).encode())


def read_object(encoded: bytes) -> dict[str, Any]:
    """Return the JSON object of a decoded segment (RFC 8725, 2.4: UTF-8, nothing twice)."""
    value = None
    # The error contains the decoded text, so it must not become the context of another.
    with suppress(ValueError, RecursionError):
        value = _json.decode(encoded.decode("utf-8"))
    if not isinstance(value, dict):
        raise MalformedToken
    return value


def verify(raw: str, candidates: list[Key]) -> None:
    """Raise ``BadSignature`` unless one of the keys made the signature."""
    import jwt

    signed, _, encoded = raw.rpartition(".")
    for key in candidates:
        algorithm = jwt.get_algorithm_by_name(key.algorithm)
        try:
            signature = RedactedBytes(_decode_segment(encoded))
            if algorithm.verify(signed.encode(), key.verifying, signature):
                return
        # On hostile input, PyJWT raises more than its own exceptions.
        except (jwt.PyJWTError, ValueError, TypeError, AttributeError):
            continue
    raise BadSignature


def read_foreign(raw: str, find_keys: Callable[[dict[str, Any]], list[Key]]) -> dict[str, Any]:
    """Return the claims of a token of any kind that one of the keys signed, without checking them.

    ``find_keys`` gets the header and returns the keys that may have signed. Raises a
    ``TokenError``.
    """
    if len(raw) > MAX_LENGTH:
        raise MalformedToken
    header, payload = split(raw)
    verify(raw, find_keys(read_header(header)))
    return read_object(payload)
