"""Text and bytes that no error report shows."""


class Redacted(str):
    """A token or a password: text as ever, but for its ``repr()``.

    Error pages, error mails and services like Sentry show the ``repr()`` of local
    variables. (``sensitive_variables`` helps against the first two and hands the last
    the arguments of its own wrapper.)
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return "<redacted>"


class RedactedBytes(bytes):
    """The same for bytes."""

    def __repr__(self) -> str:
        return "<redacted>"
