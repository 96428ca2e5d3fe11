"""Limit what is read of a request's body: 64 KB, and no files.

The limit is set before anything reads the body, because Django's CSRF check parses a form itself
and would write the files of a multipart body to the disk.
"""

from collections.abc import Callable
from functools import partial, wraps
from typing import Any, NoReturn

from django.core.files.uploadhandler import FileUploadHandler, SkipFile
from django.http import HttpRequest

from ..exceptions import BodyTooLarge
from ..redacted import RedactedBytes
from .refusals import refusal_response

#: The longest body, in bytes. Two tokens of 8 KB and a password fit several times.
MAX_LENGTH = 65_536


class Bounded:
    """A stream of at most ``MAX_LENGTH`` bytes; reading beyond raises ``BodyTooLarge``.

    Counts what is read, whatever ``Content-Length`` says, and reads at most one byte more.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._left = MAX_LENGTH

    def read(self, size: int | None = -1) -> bytes:
        if size is None or size < 0:
            return b"".join(iter(partial(self._take, self._stream.read, MAX_LENGTH + 1), b""))
        return self._take(self._stream.read, size)

    def readline(self, size: int | None = -1) -> bytes:
        return self._take(self._stream.readline, size)

    def seekable(self) -> bool:
        # Django looks for the end of a seekable stream.
        return False

    def close(self) -> None:
        self._stream.close()

    def _take(self, read: Callable[[int], bytes], size: int | None) -> bytes:
        most = self._left + 1
        data = RedactedBytes(read(most if size is None or size < 0 else min(size, most)))
        self._left -= len(data)
        if self._left < 0:
            raise BodyTooLarge
        return data


class NoFiles(FileUploadHandler):
    """Skips the files of a multipart body; its other fields are read as usual."""

    def new_file(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise SkipFile

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Never called, as no file begins."""

    def file_complete(self, file_size: int) -> None:
        """Never called, as no file begins."""


def bounded(view: Callable[..., Any]) -> Callable[..., Any]:
    """Make a view read a bounded body, and no files.

    Reading more raises ``BodyTooLarge``, which is answered here unless the view answers it.
    """

    @wraps(view)
    def wrapper(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        bound(request)
        try:
            return view(request, *args, **kwargs)
        except BodyTooLarge as error:
            return refusal_response(error)

    return wrapper


def bound(request: Any) -> None:
    """Limit what is read of the body of a Django request from now on."""
    if not str(request.META.get("CONTENT_LENGTH") or 0).isdecimal():
        # Django's handlers treat it so; Django 5.2 fails when it reads the header again.
        request.META["CONTENT_LENGTH"] = "0"
    if hasattr(request, "_stream"):
        request._stream = Bounded(request._stream)
    # If a middleware of the project has already read the form, there is nothing to upload.
    if not hasattr(request, "_files"):
        request.upload_handlers = [NoFiles(request)]
