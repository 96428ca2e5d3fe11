import io
import re

import pytest
from django.http import QueryDict
from rest_framework import parsers
from rest_framework.exceptions import ParseError

from django_jwtauth.views.parsers import FormParser, JSONParser, MultiPartParser

# Whatever codec a client names in Content-Type.
CONTEXT = {"encoding": "bz2_codec"}


def parse_json(body):
    return JSONParser().parse(io.BytesIO(body), "application/json", CONTEXT)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"a": [1, null, true, "x"]}', {"a": [1, None, True, "x"]}),
        ('{"a": "Ünï😀"}'.encode(), {"a": "Ünï😀"}),
        (b'{"a": "\\ud83d\\ude00"}', {"a": "😀"}),
        (b"[]", []),
        (b'"x"', "x"),
        (b"1e400", float("inf")),
        (b"9" * 4000, int("9" * 4000)),
    ],
)
def test_json_is_read_as_utf_8(body, expected):
    """Whatever charset the client names."""
    assert parse_json(body) == expected


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"nonsense",
        b"{",
        b"{'a': 1}",
        b'{"a": 1} x',
        b'{"a": NaN}',
        b"Infinity",
        b"-Infinity",
        b"\xff\xfe",
        b'{"a": "\xff"}',
        b'\xef\xbb\xbf{"a": 1}',
        '{"a": 1}'.encode("utf-16"),
        b'{"a": "\xed\xa0\x80"}',
        b"9" * 5000,
        b"[1," * 20_000,
        b"[" * 30_000 + b"]" * 30_000,
        b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    ],
    ids=lambda body: repr(body[:12]),
)
def test_what_is_not_json_is_a_400(body):
    """Encodings, NaN, numbers without end and any depth; nothing of the body is repeated."""
    with pytest.raises(ParseError) as caught:
        parse_json(body)

    said = str(caught.value.detail)
    assert said in TOLD or re.fullmatch(
        r"JSON parse error - [^'\"]+: line 1 column \d+ \(char \d+\)", said
    )


TOLD = {
    "The body is not UTF-8.",
    "JSON parse error - NaN is not JSON",
    "JSON parse error - Infinity is not JSON",
    "JSON parse error - -Infinity is not JSON",
    "JSON parse error - nested too deeply",
    "JSON parse error - a number with too many digits",
}


@pytest.mark.parametrize(
    "body", [b"", b"nonsense", b"{", b"{'a': 1}", b'{"a": 1} x', b'{"a":\n\n,}', b'{"a": "\n"}']
)
def test_broken_json_is_told_where_as_by_simplejwt(body):
    """Line and column, in the words of DRF's parser, which clients may know."""
    with pytest.raises(ParseError) as theirs:
        parsers.JSONParser().parse(io.BytesIO(body), "application/json", {"encoding": "utf-8"})
    with pytest.raises(ParseError) as ours:
        parse_json(body)

    assert str(ours.value.detail) == str(theirs.value.detail)


def test_a_form_is_read_as_utf_8():
    """Whatever charset the client names; values may repeat."""
    form = FormParser().parse(
        io.BytesIO(b"a=%C3%9C&a=2&b="), "application/x-www-form-urlencoded", CONTEXT
    )

    assert isinstance(form, QueryDict)
    assert dict(form) == {"a": ["Ü", "2"], "b": [""]}


def test_a_form_that_is_not_utf_8_is_a_400():
    """Raw bytes are refused, escaped ones replaced."""
    with pytest.raises(ParseError):
        FormParser().parse(io.BytesIO(b"a=\xff"), None, CONTEXT)
    assert FormParser().parse(io.BytesIO(b"a=%FF"), None, CONTEXT)["a"] == "\ufffd"


def test_a_multipart_form_is_read_as_utf_8(rf):
    """Whatever charset the client names, and without one."""
    request = rf.post("/", {"a": "Ü"})
    for context in ({"request": request, "encoding": "rot13"}, {"request": request}):
        body = io.BytesIO(request.body)
        parsed = MultiPartParser().parse(body, request.META["CONTENT_TYPE"], context)
        assert parsed.data["a"] == "Ü"


def test_a_broken_multipart_form_is_a_400(rf):
    """No boundary, or none that can be."""
    request = rf.post("/", {"a": "Ü"})
    for media_type in ("multipart/form-data", "multipart/form-data; boundary=\x00"):
        with pytest.raises(ParseError):
            MultiPartParser().parse(io.BytesIO(b"x"), media_type, {"request": request})
