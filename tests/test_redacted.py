"""Text, bytes, numbers and bodies whose ``repr()`` shows nothing, nor what they make."""

import copy
import json
import pickle

import pytest
from django.http import QueryDict

from django_jwtauth.redacted import Redacted, RedactedBytes, redact, redact_body

SECRET = "abc.def"
HIDDEN = "<redacted>"

MADE = {
    "str()": lambda text: str(text),
    "slice": lambda text: text[1:],
    "letter": lambda text: text[0],
    "strip": lambda text: text.strip(),
    "case": lambda text: text.upper(),
    "added": lambda text: text + "x",
    "added to text": lambda text: "x" + text,
    "encoded": lambda text: text.encode(),
    "decoded": lambda text: text.encode().decode(),
    "replaced": lambda text: text.replace("a", "b"),
    "copied": copy.deepcopy,
    "pickled": lambda text: pickle.loads(pickle.dumps(text)),
}


@pytest.mark.parametrize("make", MADE.values(), ids=MADE)
def test_what_is_made_of_it_is_hidden_and_right(make):
    """Each method gives what it gives of plain text, hidden."""
    made = make(Redacted(SECRET))

    assert made == make(SECRET)
    assert repr(made) == HIDDEN


@pytest.mark.parametrize("whole", [SECRET, SECRET.encode()], ids=["text", "bytes"])
def test_the_parts_of_it_are_hidden(whole):
    """Of text and of bytes."""
    dot = whole[3:4]
    hidden = redact(whole)

    for parts, plain in [
        (hidden.split(dot), whole.split(dot)),
        (hidden.partition(dot), whole.partition(dot)),
        (hidden.rpartition(dot), whole.rpartition(dot)),
    ]:
        assert parts == plain
        assert [repr(part) for part in parts] == [HIDDEN] * len(parts)


def test_a_number_is_hidden_and_so_is_its_text():
    """A code that came as a number; truth values are none."""
    code = redact(482913)

    assert (code, repr(code), str(code), repr(str(code))) == (482913, HIDDEN, "482913", HIDDEN)
    assert json.dumps(code) == "482913"
    assert redact(True) is True


@pytest.mark.parametrize(
    "body",
    [
        {"password": SECRET, "otp": 1, "more": {"x": SECRET}, "list": [SECRET]},
        QueryDict(f"password={SECRET}&otp=1&otp=2"),
    ],
    ids=["JSON", "form"],
)
def test_a_body_is_equal_and_hidden(body):
    """As a whole, and each name and value of it; a form stays one. Once is enough."""
    hidden = redact_body(body)

    assert hidden == body
    assert isinstance(hidden, type(body))
    assert {repr(hidden), *map(repr, hidden), *map(repr, hidden.values())} == {HIDDEN}
    assert redact_body(hidden) is hidden
    if isinstance(body, QueryDict):
        assert hidden.getlist("otp") == ["1", "2"]
        assert repr(hidden.copy()) == HIDDEN


@pytest.mark.parametrize("body", [SECRET, [SECRET], 7, None, True, 1.5])
def test_of_what_is_no_object_the_type_is_left(body):
    """So that the refusal names it as ever."""
    hidden = redact_body(body)

    assert SECRET not in repr(hidden)
    assert type(hidden) is type(body)


def test_bytes_are_bytes_all_the_same():
    """Equality, hash and what reads a buffer."""
    hidden = RedactedBytes(b"abc")

    assert (hidden, hash(hidden), b"".join([hidden])) == (b"abc", hash(b"abc"), b"abc")
    assert repr(hidden) == HIDDEN
