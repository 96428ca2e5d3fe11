"""Tokens that the package itself would never issue, signed with its own secrets."""

import hashlib
import hmac
import json
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode

from django_jwtauth.tokens import keyrings

SID = "0192f0c1a2b37c4d8e5f60718293a4b5"
OPEN_HEADER = {"alg": "HS256", "typ": "at+jwt"}
REFRESH_HEADER = {"alg": "HS256", "typ": "rt+jwt"}


def segment(value):
    """One segment of a token: base64url of bytes, of text, or of anything as JSON."""
    if not isinstance(value, (bytes, str)):
        value = json.dumps(value, separators=(",", ":"))
    if isinstance(value, str):
        value = value.encode()
    return urlsafe_b64encode(value).rstrip(b"=").decode()


def unsegment(text):
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def header_of(raw):
    return json.loads(unsegment(raw.split(".")[0]))


def claims_of(raw):
    return json.loads(unsegment(raw.split(".")[1]))


def secret_for(header):
    """The derived secret that verifies a token with this header."""
    typ = header.get("typ") if isinstance(header, dict) else None
    rings = {"rt+jwt": keyrings.get_refresh_ring, "ot+jwt": keyrings.get_one_time_ring}
    ring = rings.get(typ, keyrings.get_access_ring)()
    return next(key.verifying for key in ring.keys if key.kid is None and key.symmetric)


def sign(header, claims, secret=None):
    """A token with a correct HS256 signature over whatever header and claims are given."""
    signed = f"{segment(header)}.{segment(claims)}"
    digest = hmac.new(secret or secret_for(header), signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{segment(digest)}"


def altered(raw, *, without=(), header=None, **claims):
    """The token ``raw``, signed again with claims changed or left out, and header members."""
    head = {**header_of(raw), **(header or {})}
    body = {name: value for name, value in claims_of(raw).items() if name not in without}
    return sign(head, {**body, **claims}, secret_for(header_of(raw)))


def access_claims(**changes):
    """The claims of a good access token."""
    now = int(time.time())
    claims = {"token_type": "access", "sub": "1", "sid": SID, "jti": f"{SID}.0123456789abcdef"}
    return {**claims, "iat": now, "exp": now + 300, **changes}


def refresh_claims(**changes):
    """The claims of a good refresh token."""
    now = int(time.time())
    claims = {"token_type": "refresh", "sub": "1", "sid": SID, "gen": 0, "jti": f"{SID}:0"}
    return {**claims, "iat": now, "exp": now + 300, **changes}


def signed(header=OPEN_HEADER, **changes):
    """An access token, good but for the changes."""
    return sign(header, access_claims(**changes))
