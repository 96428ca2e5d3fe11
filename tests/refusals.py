"""Everything that can be wrong with a token: how it comes about, and what is answered."""

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from django_jwtauth import sessions, tokens
from django_jwtauth.claims import ACCESS, REFRESH
from django_jwtauth.exceptions import TokenError
from django_jwtauth.models import BlacklistedToken, LoginSession
from tests import forge

INVALID = "Token is invalid"


class Refusal(NamedTuple):
    """``make(raw)`` gives what to send in place of the good token ``raw``, of either kind."""

    make: Callable[[str], Any]
    reason: str
    detail: str = INVALID
    code: str = "token_not_valid"

    @property
    def body(self):
        return {"detail": self.detail, "code": self.code, "reason": self.reason}

    @property
    def request_body(self):
        """The body for a request that carried the token, as simplejwt wraps it."""
        if self.code != "token_not_valid" or "identification" in self.detail:
            return self.body
        message = {"token_class": "AccessToken", "token_type": "access", "message": self.detail}
        return {
            **self.body,
            "detail": "Given token not valid for any token type",
            "messages": [message],
        }


def refusal(raw, *allowed):
    """The TokenError that decode() raises; any other exception fails the test."""
    with pytest.raises(TokenError) as caught:
        tokens.decode(raw, *(allowed or (ACCESS, REFRESH)))
    return caught.value


def altered(**changes):
    return lambda raw: forge.altered(raw, **changes)


def without(name):
    return lambda raw: forge.altered(raw, without=[name])


def foreign(raw):
    return forge.sign(forge.header_of(raw), forge.claims_of(raw), b"x" * 32)


def twice(raw):
    claims = forge.unsegment(raw.split(".")[1])[:-1] + b',"sub":"1"}'
    return forge.sign(forge.header_of(raw), claims)


def end_sign_in(raw):
    LoginSession.objects.all().end()
    return raw


def forget_sign_in(raw):
    LoginSession.objects.all().delete()
    return raw


def blacklist(raw):
    claims = forge.claims_of(raw)
    BlacklistedToken.objects.create(
        jti=claims["jti"],
        token_type=claims["token_type"],
        subject=claims["sub"],
        expires_at=timezone.now(),
        reason="other",
        via="code",
    )
    return raw


def deactivate(raw):
    User.objects.update(is_active=False)
    return raw


def change_password(raw):
    User.objects.update(password="!")
    return raw


def delete_user(raw):
    User.objects.all().delete()
    return raw


NO_USER = {"detail": "User not found", "code": "user_not_found"}

# What the token alone tells: no query.
UNVERIFIED = {
    "garbage": Refusal(lambda raw: "nonsense", "malformed"),
    "three words": Refusal(lambda raw: "not.a.token", "malformed"),
    "padding": Refusal(lambda raw: raw + "=", "malformed"),
    "over 8 KB": Refusal(lambda raw: raw + "A" * 8192, "malformed"),
    "no signature": Refusal(lambda raw: raw.rpartition(".")[0] + ".", "malformed"),
    "alg none": Refusal(altered(header={"alg": "none"}), "bad_signature"),
    "another alg": Refusal(altered(header={"alg": "RS256"}), "bad_signature"),
    "unknown kid": Refusal(altered(header={"kid": "x"}), "bad_signature"),
    "crit": Refusal(altered(header={"crit": ["exp"]}), "malformed"),
    "bad signature": Refusal(foreign, "bad_signature"),
    "a member twice": Refusal(twice, "malformed"),
    "expired": Refusal(altered(exp=1), "expired", "Token is expired"),
    "no exp": Refusal(without("exp"), "malformed", "Token has no 'exp' claim"),
    "exp as text": Refusal(altered(exp="9999999999"), "malformed"),
    "exp beyond all time": Refusal(altered(exp=10**18), "malformed"),
    "no iat": Refusal(without("iat"), "malformed"),
    "not yet valid": Refusal(altered(nbf=2**40), "not_yet_valid"),
    "no type": Refusal(without("token_type"), "wrong_type", "Token has no type"),
    "unknown type": Refusal(altered(token_type="x"), "wrong_type", "Token has wrong type"),
    "no jti": Refusal(without("jti"), "malformed", "Token has no id"),
    "no sub": Refusal(
        without("sub"), "malformed", "Token contained no recognizable user identification"
    ),
    "sub a list": Refusal(altered(sub=["1"]), "malformed"),
    "no sid": Refusal(without("sid"), "malformed"),
}
# What only the database can tell.
REFUSED = {
    "nobody's sub": Refusal(altered(sub="999999"), "user_not_found", **NO_USER),
    "sub not a number": Refusal(altered(sub="abc"), "user_not_found", **NO_USER),
    "deleted user": Refusal(delete_user, "user_not_found", **NO_USER),
    "unknown sign-in": Refusal(forget_sign_in, "session_ended", "Token is blacklisted"),
    "another's sid": Refusal(altered(sid="0" * 32), "session_ended", "Token is blacklisted"),
    "ended": Refusal(end_sign_in, "session_ended", "Token is blacklisted"),
    "blacklisted": Refusal(blacklist, "blacklisted", "Token is blacklisted"),
    "inactive user": Refusal(deactivate, "user_inactive", "User is inactive", "user_inactive"),
    "password changed": Refusal(
        change_password,
        "credentials_changed",
        "The user's password has been changed.",
        "password_changed",
    ),
}
REFUSALS = {**UNVERIFIED, **REFUSED}


# What may be wrong with a token by itself, in the order in which it is reported; the last is
# that of the other claims.
ORDER = ["malformed", "bad_signature", "wrong_type", "expired", "not_yet_valid"]
ORDER += ["wrong_issuer", "wrong_audience", "malformed"]
# What may be wrong with a good token, in the order in which it is reported.
WRONGS = {
    "user_not_found": lambda user, pair: {"sub": "999999"},
    "user_inactive": lambda user, pair: User.objects.update(is_active=False) and {},
    "credentials_changed": lambda user, pair: User.objects.update(password="!") and {},
    "session_ended": lambda user, pair: LoginSession.objects.all().end() and {},
    "blacklisted": lambda user, pair: sessions.blacklist(pair.access) and {},
}
