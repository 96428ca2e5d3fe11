"""Parse request bodies: JSON and forms, always in UTF-8; no body causes a 500."""

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import IO, Any, cast

from django.core.exceptions import SuspiciousOperation
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _
from rest_framework import parsers
from rest_framework.exceptions import ParseError

from ..http.bodies import Bounded
from ..redacted import RedactedBytes


def _read(stream: IO[bytes]) -> str:
    # A middleware may have read the body before it was bounded.
    body = RedactedBytes(Bounded(stream).read())
    # The error contains the body, so it must not become the context of another.
    with suppress(UnicodeDecodeError):
        return body.decode("utf-8")
    raise ParseError(_("The body is not UTF-8."))


class JSONParser(parsers.JSONParser):
    """DRF's parser, but always UTF-8 whatever the client names, and deep nesting is a 400."""

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        try:
            return json.loads(_read(stream), parse_constant=_refuse_constant)
        except RecursionError:
            problem = "nested too deeply"
        except json.JSONDecodeError as error:
            # Says where parsing failed, and does not repeat the body.
            problem = str(error)
        except ValueError:
            problem = "a number with too many digits"
        raise ParseError(_("JSON parse error - {error}").format(error=problem))


class FormParser(parsers.FormParser):
    """DRF's parser, always UTF-8."""

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        try:
            return QueryDict(_read(stream), encoding="utf-8")
        except SuspiciousOperation:
            raise ParseError(_("The form has too many fields.")) from None


class MultiPartParser(parsers.MultiPartParser):
    """DRF's parser, always UTF-8. Clients of simplejwt may send such bodies."""

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        context = {**(parser_context or {}), "encoding": "utf-8"}
        try:
            return super().parse(cast(IO[bytes], Bounded(stream)), media_type, context)
        except SuspiciousOperation:
            raise ParseError(_("The form has too many fields.")) from None


def _refuse_constant(name: str) -> None:
    raise ParseError(_("JSON parse error - {error}").format(error=f"{name} is not JSON"))
