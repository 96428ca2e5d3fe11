"""Request bodies: JSON and forms, always UTF-8, and nothing in them ends in a 500."""

import json
from collections.abc import Mapping
from typing import IO, Any

from django.http import QueryDict
from django.utils.translation import gettext_lazy as _
from rest_framework import parsers
from rest_framework.exceptions import ParseError


def _read(stream: IO[bytes]) -> str:
    try:
        return stream.read().decode("utf-8")
    except UnicodeDecodeError:
        raise ParseError(_("The body is not UTF-8.")) from None


class JSONParser(parsers.JSONParser):
    """DRF's, but the charset a client names picks no codec, and deep nesting is a 400."""

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        try:
            return json.loads(_read(stream), parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            text = _("JSON parse error - {error}").format(error=type(error).__name__)
            raise ParseError(text) from None


class FormParser(parsers.FormParser):
    """DRF's, always UTF-8."""

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        return QueryDict(_read(stream), encoding="utf-8")


class MultiPartParser(parsers.MultiPartParser):
    """DRF's, always UTF-8. Clients of simplejwt may send it."""

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        context = {**(parser_context or {}), "encoding": "utf-8"}
        return super().parse(stream, media_type, context)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
