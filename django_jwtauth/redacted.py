"""Values that no error report shows.

Error pages, error mails and services like Sentry show the ``repr()`` of local variables.
(``sensitive_variables`` protects the first two, but shows Sentry the arguments of its own
wrapper.) Code that reads a secret therefore wraps it in one of these at once, and values that
are made from it are redacted, too.
"""

from collections.abc import Callable, Mapping
from typing import Any

from django.http import QueryDict

_SHOWN = "<redacted>"


class Redacted(str):
    """A token or a password: ordinary text, except for its ``repr()``."""

    __slots__ = ()

    def __repr__(self) -> str:
        return _SHOWN

    def __str__(self) -> str:
        # str() would make a copy that is not redacted.
        return self

    def __radd__(self, other: str) -> str:
        return Redacted(str.__add__(other, self))


class RedactedBytes(bytes):
    """The same for bytes: a signature, a secret, an encoded password."""

    def __repr__(self) -> str:
        return _SHOWN


class RedactedNumber(int):
    """A code that came as a number."""

    def __repr__(self) -> str:
        return _SHOWN

    def __str__(self) -> str:
        return Redacted(int.__repr__(self))


class RedactedDict(dict[Any, Any]):
    """A JSON object, or an entry of the settings."""

    def __repr__(self) -> str:
        return _SHOWN

    # Sentry's SDK prints the items of a mapping and does not call repr().
    __sentry_repr__ = __repr__


class RedactedList(list[Any]):
    """A list in a body."""

    def __repr__(self) -> str:
        return _SHOWN

    __sentry_repr__ = __repr__


class RedactedForm(QueryDict):
    """The fields of a form."""

    def __repr__(self) -> str:
        return _SHOWN

    __sentry_repr__ = __repr__


def redact(value: Any) -> Any:
    """Return an equal value whose ``repr()`` hides it, for text, bytes and whole numbers.

    A dict or a list is hidden as a whole, but not its items. Anything else is returned
    unchanged.
    """
    kind = _KINDS.get(type(value))
    return value if kind is None else kind(value)


_KINDS: dict[type, Callable[[Any], Any]] = {
    str: Redacted,
    bytes: RedactedBytes,
    int: RedactedNumber,
    dict: RedactedDict,
    list: RedactedList,
}


def redact_body(body: Any) -> Any:
    """Return the body of a request, JSON or form, with it and all its values redacted.

    Of anything but an object or a form, which no endpoint accepts, only the type is kept.
    """
    if isinstance(body, (RedactedDict, RedactedForm)):
        return body
    if isinstance(body, QueryDict):
        form = RedactedForm(mutable=True, encoding=body.encoding)
        for name, values in body.lists():
            form.setlist(redact(name), [redact(value) for value in values])
        return form
    if isinstance(body, Mapping):
        return RedactedDict((redact(name), redact(value)) for name, value in body.items())
    return type(body)() if type(body) in _KINDS else body


def _hide_results(kind: type, names: str) -> None:
    """Make the methods of ``kind`` return redacted values, unlike those of ``str`` or ``bytes``."""
    for name in names.split():
        setattr(kind, name, _hiding(getattr(kind, name)))


def _hiding(method: Callable[..., Any]) -> Callable[..., Any]:
    def hiding(*args: Any, **kwargs: Any) -> Any:
        result = method(*args, **kwargs)
        if isinstance(result, (list, tuple)):
            return type(result)(map(redact, result))
        return redact(result)

    return hiding


_COMMON = (
    "__add__ __getitem__ lower lstrip partition removeprefix removesuffix replace rpartition "
    "rsplit rstrip split splitlines strip translate upper"
)
_hide_results(Redacted, f"{_COMMON} casefold encode")
_hide_results(RedactedBytes, f"{_COMMON} decode")
