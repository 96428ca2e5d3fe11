"""Coverage-guided fuzzing of what reads hostile bytes: tokens, signed headers and claims, JSON.

``python tests/fuzz/fuzz_tokens.py -max_total_time=60``. Needs atheris. Anything but the
documented refusals is a find, and so is a token that was accepted.
"""

import io
import os
import sys
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).parents[2]))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")

with atheris.instrument_imports(include=["django_jwtauth"]):
    import django

    django.setup()
    from django.test import RequestFactory
    from rest_framework.exceptions import ParseError

    from django_jwtauth import tokens
    from django_jwtauth.claims import ACCESS, REFRESH
    from django_jwtauth.exceptions import BadAuthorizationHeader, TokenError
    from django_jwtauth.http import transport
    from django_jwtauth.views import parsers
    from tests import forge

FACTORY = RequestFactory()
HEADER = {"alg": "HS256", "typ": "at+jwt"}
REFRESH_HEADER = {"alg": "HS256", "typ": "rt+jwt"}


def read_token(data: bytes) -> None:
    """Any text as a token is refused."""
    try:
        tokens.decode(data.decode("utf-8", "surrogateescape"), ACCESS, REFRESH)
    except TokenError:
        return
    raise AssertionError("a token that nobody signed was accepted")


def read_claims(data: bytes) -> None:
    """Any bytes under a good signature are refused or read, for both kinds."""
    for header in (HEADER, REFRESH_HEADER):
        try:
            tokens.decode(forge.sign(header, data), ACCESS, REFRESH)
        except TokenError:
            continue


def read_header(data: bytes) -> None:
    """Any bytes as the signed header of a token are refused."""
    secret = forge.secret_for(HEADER)
    try:
        tokens.decode(forge.sign(data, b"{}", secret), ACCESS, REFRESH)
    except TokenError:
        return
    raise AssertionError("a token without claims was accepted")


def read_authorization(data: bytes) -> None:
    """Any Authorization header has one token, none, or is refused."""
    request = FACTORY.get("/", HTTP_AUTHORIZATION=data.decode("latin-1"))
    try:
        raw = transport.get_header_token(request)
    except BadAuthorizationHeader:
        return
    if raw is not None and " " in raw:
        raise AssertionError("two tokens in one")


def read_body(data: bytes) -> None:
    """Any body is parsed or a 400."""
    for parser in (parsers.JSONParser(), parsers.FormParser()):
        try:
            parser.parse(io.BytesIO(data), parser.media_type)
        except ParseError:
            continue


TARGETS = [read_token, read_claims, read_header, read_authorization, read_body]


def fuzz(data: bytes) -> None:
    if data:
        TARGETS[data[0] % len(TARGETS)](data[1:])


if __name__ == "__main__":
    atheris.Setup(sys.argv, fuzz)
    atheris.Fuzz()
