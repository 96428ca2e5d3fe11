"""Read one entry of ``JWTAUTH["KEYS"]`` into a :class:`Key`: PEM, JWK or secret.

Every message says what to change and shows no part of the key.
"""

import hashlib
import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from django.utils.dateparse import parse_datetime

from ..redacted import RedactedBytes, redact
from .weak_rsa import find_weakness

# Each takes some time and memory to import, so this is left to the functions that need it: a
# command without a token needs neither.
CRYPTOGRAPHY = find_spec("cryptography") is not None

# RFC 7518, 3.2: the key has at least the size of the hash, in bytes.
HMAC_SECRET_BYTES = {"HS256": 32, "HS384": 48, "HS512": 64}
RSA_ALGORITHMS = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})
CURVES = {"ES256": "secp256r1", "ES384": "secp384r1", "ES512": "secp521r1"}
ALGORITHMS = frozenset({*HMAC_SECRET_BYTES, *RSA_ALGORITHMS, *CURVES, "EdDSA"})

RSA_MIN_BITS = 2048
RSA_MAX_BITS = 8192
# With fewer different characters, it is a password, not a secret (RFC 8725, 3.5).
SECRET_MIN_VARIETY = 10

# In bytes: half of the shortest secret, for one that is written in hexadecimal.
_LEAST_FORM = 16

_MATERIAL = ("private_key", "public_key", "secret", "jwk")
_MEMBERS = ("algorithm", *_MATERIAL, "kid", "active_from")
# RFC 7638, 3.2: the members that a thumbprint covers.
_THUMBPRINT_MEMBERS = {"EC": ("crv", "x", "y"), "RSA": ("e", "n"), "OKP": ("crv", "x")}
# RFC 7517, 4.3: the operations of a key for signatures.
_OPERATIONS = frozenset({"sign", "verify"})
# PEM and SSH: the headers of their text, and the names inside their binary form.
_KEY_TEXT = re.compile(rb"-{4,5} ?BEGIN |ssh-(rsa|dss|ed25519)|ecdsa-sha2-|openssh-key-v1")


@dataclass(frozen=True, slots=True)
class Key:
    """One key, parsed. ``signing`` is None for a key that only verifies."""

    algorithm: str
    kid: str | None
    verifying: Any = field(repr=False)
    signing: Any = field(repr=False, default=None)
    active_from: datetime | None = None

    @property
    def symmetric(self) -> bool:
        return self.algorithm in HMAC_SECRET_BYTES


class KeyProblem(ValueError):
    """An entry of ``KEYS`` that cannot be used."""


def load_key(entry: Mapping[str, Any]) -> Key:
    """Parse one entry of ``JWTAUTH["KEYS"]``.

    Raises :class:`KeyProblem`.
    """
    unknown = sorted(str(name) for name in entry.keys() - {*_MEMBERS})
    if unknown:
        close = get_close_matches(unknown[0], _MEMBERS, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(_MEMBERS)}."
        raise KeyProblem(f"has the unknown member {unknown[0]!r}: {hint}")
    given = [name for name in _MATERIAL if name in entry]
    if len(given) != 1:
        raise KeyProblem(f"needs exactly one of {', '.join(_MATERIAL)}.")
    algorithm = entry.get("algorithm") or _jwk_member(entry, "alg")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise KeyProblem(f'needs an "algorithm", one of {", ".join(sorted(ALGORITHMS))}.')
    kid = _load_kid(entry["kid"] if "kid" in entry else _jwk_member(entry, "kid"))
    active_from = _load_active_from(entry.get("active_from"))
    if algorithm in HMAC_SECRET_BYTES:
        secret = _load_secret(given[0], entry[given[0]], algorithm)
        if kid and _is_part(secret, kid.encode()):
            raise KeyProblem('"kid" must not be the secret, because every token contains it.')
        signs = "sign" in _operations(entry.get("jwk"))
        return Key(algorithm, kid, secret, secret if signs else None, active_from)
    if not CRYPTOGRAPHY:
        raise KeyProblem(f"{algorithm} needs cryptography: pip install django-jwtauth[crypto].")
    private, public = _load_pair(given[0], entry[given[0]], algorithm)
    _check_fits(public, algorithm)
    return Key(algorithm, kid or thumbprint(public), public, private, active_from)


def find_conflict(one: Key, other: Key) -> str | None:
    """Return why two keys must not be in the same set, or None if they may."""
    if one.algorithm != other.algorithm and _material(one) == _material(other):
        return "one key under two algorithms; use a separate key for each (RFC 8725, 3.1)."
    if one.symmetric == other.symmetric:
        return None
    from cryptography.hazmat.primitives import serialization

    secret, pair = (one, other) if one.symmetric else (other, one)
    public = pair.verifying.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    published = b" ".join([public, thumbprint(pair.verifying).encode(), str(pair.kid).encode()])
    if _is_part(secret.verifying, published):
        return "the secret of one is in the public key of the other, which everybody can read."
    return None


def _material(key: Key) -> Any:
    return key.verifying if key.symmetric else thumbprint(key.verifying)


def _is_part(secret: bytes, published: bytes) -> bool:
    """Return whether public data contain a secret, also in base64 or hexadecimal."""
    try:
        unhexed = bytes.fromhex(secret.decode())
    except ValueError:
        unhexed = b""
    forms = (secret, _lenient_base64(secret), unhexed)
    # Without the first byte, which says how the point of a curve is written.
    return any(form[1:] in published for form in forms if len(form) >= _LEAST_FORM)


def public_jwk(key: Key) -> dict[str, Any]:
    """Return the public JWK of an asymmetric key (RFC 7517), never with a private member."""
    numbers = _jwk_members(key.verifying)
    return {**numbers, "kid": key.kid, "use": "sig", "alg": key.algorithm}


def thumbprint(public_key: Any) -> str:
    """Return the RFC 7638 thumbprint (SHA-256, base64url) of a public key."""
    canonical = json.dumps(_jwk_members(public_key), sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(canonical.encode()).digest()
    return urlsafe_b64encode(digest).rstrip(b"=").decode()


def _jwk_members(public_key: Any) -> dict[str, str]:
    import jwt

    algorithm = jwt.get_algorithm_by_name(_default_algorithm(public_key))
    jwk: dict[str, str] = algorithm.to_jwk(public_key, as_dict=True)
    return {name: jwk[name] for name in ("kty", *_THUMBPRINT_MEMBERS[jwk["kty"]])}


def _default_algorithm(public_key: Any) -> str:
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    if isinstance(public_key, rsa.RSAPublicKey):
        return "RS256"
    if isinstance(public_key, ec.EllipticCurvePublicKey):
        return next(name for name, curve in CURVES.items() if curve == public_key.curve.name)
    return "EdDSA"


def _jwk_member(entry: Mapping[str, Any], name: str) -> Any:
    jwk = entry.get("jwk")
    return jwk.get(name) if isinstance(jwk, Mapping) else None


def _load_kid(kid: Any) -> str | None:
    if kid is None:
        return None
    if not isinstance(kid, str) or not kid.isprintable() or not 0 < len(kid) <= 200:
        raise KeyProblem('"kid" must be a printable string of 1 to 200 characters.')
    return kid


def _load_active_from(value: Any) -> datetime | None:
    if value is None:
        return None
    try:
        moment = parse_datetime(value) if isinstance(value, str) else value
    except ValueError:
        moment = None
    if not isinstance(moment, datetime) or moment.utcoffset() is None:
        raise KeyProblem(
            '"active_from" must be a time with a time zone, like "2026-11-01T00:00:00Z".'
        )
    return moment


def _read(name: str, path: Path) -> bytes:
    try:
        return RedactedBytes(path.read_bytes())
    # The path is not quoted, because it may be the key itself by mistake.
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "not a path"
        raise KeyProblem(f'"{name}": cannot read the file: {why}.') from None


def _encode(name: str, text: str) -> bytes:
    try:
        return RedactedBytes(text.encode())
    except UnicodeEncodeError:
        pass
    # Not in the block above, where the context would be an error that contains the key.
    raise KeyProblem(f'"{name}" is not valid text.')


def _load_pem(name: str, value: Any) -> bytes:
    if isinstance(value, Path):
        value = _read(name, value)
    if isinstance(value, str):
        value = _encode(name, value)
    if not isinstance(value, bytes):
        raise KeyProblem(f'"{name}" must be PEM text, or a pathlib.Path to it.')
    # Environment variables often carry a PEM on one line with \n spelled out.
    return value.strip().replace(b"\\n", b"\n")


def _load_secret(name: str, value: Any, algorithm: str) -> bytes:
    if name == "jwk":
        secret: bytes = redact(_from_jwk(value, algorithm))
    elif name == "secret":
        secret = _secret_bytes(value)
    else:
        raise KeyProblem(f'{algorithm} is symmetric: give a "secret", not a "{name}".')
    if _is_key(secret) or _is_key(_lenient_base64(secret)):
        raise KeyProblem(f'"{name}" holds a key, a certificate or JSON, not a secret.')
    least = HMAC_SECRET_BYTES[algorithm]
    if len(secret) < least:
        raise KeyProblem(f'"{name}" is shorter than the {least} bytes that {algorithm} needs.')
    if len(set(secret)) < SECRET_MIN_VARIETY:
        raise KeyProblem(f'"{name}" can be guessed: generate one with secrets.token_urlsafe(64).')
    return secret


def _secret_bytes(value: Any) -> bytes:
    """Return the secret exactly as given, because others hold the same one."""
    if isinstance(value, Path):
        # Editors and shells end a file with a line break that is not part of the secret.
        return _read("secret", value).rstrip(b"\r\n")
    if isinstance(value, str):
        return _encode("secret", value)
    if isinstance(value, bytes):
        return RedactedBytes(value)
    raise KeyProblem('"secret" must be text, bytes, or a pathlib.Path to them.')


def _is_key(data: bytes) -> bool:
    """Whether this is a key, a certificate or a JWK rather than a random secret."""
    return bool(_KEY_TEXT.search(data)) or _is_der(data) or _is_json_object(data)


def _is_der(data: bytes) -> bool:
    """Whether this is a SEQUENCE of exactly this size that begins with a SEQUENCE or an INTEGER.

    Keys and certificates are; a random secret is with a probability of one in millions.
    """
    if len(data) < 8 or data[0] != 0x30:
        return False
    start, length = 2, data[1]
    if length & 0x80:
        start += length & 0x7F
        length = int.from_bytes(data[2:start], "big")
    # The last bytes of a file may have been removed as a line break.
    cut = start + length - len(data)
    return 0 <= cut <= 2 and data[start : start + 1] in (b"\x30", b"\x02")


def _is_json_object(data: bytes) -> bool:
    try:
        return isinstance(json.loads(data), dict)
    except (ValueError, RecursionError):
        return False


def _lenient_base64(data: bytes) -> bytes:
    """Decode either alphabet, with or without padding and line breaks; otherwise b""."""
    compact = b"".join(data.split()).rstrip(b"=").replace(b"+", b"-").replace(b"/", b"_")
    try:
        return urlsafe_b64decode(compact + b"=" * (-len(compact) % 4))
    except ValueError:
        return b""


def _load_pair(name: str, value: Any, algorithm: str) -> tuple[Any, Any]:
    if name == "secret":
        raise KeyProblem(f'{algorithm} is asymmetric: give a "private_key" or a "public_key".')
    if name == "jwk":
        key = _from_jwk(value, algorithm)
        if "d" not in value:
            return None, key
        return (key if "sign" in _operations(value) else None), key.public_key()
    pem = _load_pem(name, value)
    if name == "private_key":
        private = _load_private_pem(pem)
        return private, private.public_key()
    return None, _load_public_pem(pem)


def _load_private_pem(pem: bytes) -> Any:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization

    if b"PRIVATE KEY-----" not in pem:
        raise KeyProblem('"private_key" is not a private key in PEM; a pathlib.Path names a file.')
    try:
        return serialization.load_pem_private_key(pem, password=None)
    except TypeError:
        raise KeyProblem('"private_key" is encrypted: store it without a passphrase.') from None
    except (ValueError, UnsupportedAlgorithm):
        raise KeyProblem('"private_key" cannot be read: truncated or damaged PEM?') from None


def _load_public_pem(pem: bytes) -> Any:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization

    if b"PRIVATE KEY-----" in pem:
        raise KeyProblem('"public_key" holds a private key: give the public half.')
    if b"-----BEGIN" not in pem:
        raise KeyProblem('"public_key" is not PEM; a pathlib.Path names a file.')
    try:
        return serialization.load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        raise KeyProblem('"public_key" cannot be read: a "BEGIN PUBLIC KEY" PEM?') from None


def _from_jwk(jwk: Any, algorithm: str) -> Any:
    from jwt import PyJWK

    if not isinstance(jwk, Mapping):
        raise KeyProblem('"jwk" must be a dict.')
    if jwk.get("alg") not in (None, algorithm):
        raise KeyProblem('"jwk" is for another algorithm than "algorithm" says.')
    _check_operations(jwk)
    if jwk.get("kty") != _key_type(algorithm):
        raise KeyProblem(f'"jwk" is of a kind that {algorithm} cannot use.')
    try:
        return PyJWK(dict(jwk), algorithm).key
    # For a bad JWK, PyJWT also raises AttributeError, TypeError and others.
    except Exception:
        raise KeyProblem('"jwk" cannot be read.') from None


def _check_operations(jwk: Mapping[str, Any]) -> None:
    """Refuse a key that is not for signatures (RFC 7517, 4.2 and 4.3).

    A key that only signs must be private, because its public half is another key, which
    verifies. With a secret that only signs, our own tokens would be refused.
    """
    if jwk.get("use", "sig") != "sig":
        raise KeyProblem('"jwk" is not for signatures: its "use" is not "sig".')
    operations = jwk.get("key_ops", ["verify"])
    if not isinstance(operations, (list, tuple)) or not all(
        isinstance(name, str) for name in operations
    ):
        raise KeyProblem('"jwk": its "key_ops" must be a list of names.')
    if not operations or len(set(operations)) < len(operations):
        raise KeyProblem('"jwk": its "key_ops" must not be empty, nor name one twice.')
    if not _OPERATIONS.issuperset(operations):
        raise KeyProblem('"jwk": its "key_ops" must contain only "sign" and "verify".')
    if "verify" not in operations and ("d" not in jwk or jwk.get("kty") == "oct"):
        raise KeyProblem('"jwk": its "key_ops" must contain "verify".')


def _operations(jwk: Any) -> frozenset[str]:
    """Return what a key may do: everything, if it does not say."""
    return frozenset((jwk or {}).get("key_ops", _OPERATIONS))


def _key_type(algorithm: str) -> str:
    if algorithm in HMAC_SECRET_BYTES:
        return "oct"
    if algorithm in RSA_ALGORITHMS:
        return "RSA"
    return "EC" if algorithm in CURVES else "OKP"


def _check_fits(public_key: Any, algorithm: str) -> None:
    from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa

    if algorithm in RSA_ALGORITHMS:
        fits = isinstance(public_key, rsa.RSAPublicKey)
        if fits and not RSA_MIN_BITS <= public_key.key_size <= RSA_MAX_BITS:
            raise KeyProblem(f"an RSA key must have {RSA_MIN_BITS} to {RSA_MAX_BITS} bits.")
        if fits:
            numbers = public_key.public_numbers()
            if weakness := find_weakness(numbers.n, numbers.e):
                raise KeyProblem(f"the RSA key is weak: {weakness}.")
    elif algorithm in CURVES:
        fits = isinstance(public_key, ec.EllipticCurvePublicKey)
        if fits and public_key.curve.name != CURVES[algorithm]:
            raise KeyProblem(f"{algorithm} needs a key on the curve {CURVES[algorithm]}.")
    else:
        fits = isinstance(public_key, (ed25519.Ed25519PublicKey, ed448.Ed448PublicKey))
    if not fits:
        raise KeyProblem(f"the key is of a kind that {algorithm} cannot use.")
