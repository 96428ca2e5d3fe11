"""What error reports show, and what they would show if anything broke just now."""

import linecache
import logging
import re
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

from django.core.signals import got_request_exception
from django.db.models import Manager, QuerySet
from django.views.debug import ExceptionReporter

import django_jwtauth

PACKAGE = str(Path(django_jwtauth.__file__).parent)
#: Catches what a view raises, and so is the first frame of a report.
_HANDLER = str(Path("django", "core", "handlers", "exception.py"))
_THREADS = str(Path("asgiref", "sync.py"))
# Where the hiding is done, nothing of others is called. And what Django's own frames hold
# while it parses a multipart body is read through the stream of this package.
_UNWATCHED = ("redacted.py", "bodies.py")
# How pprint() folds long bytes, in HTML and in text.
_FOLD = re.compile(r"(?:'|&#x27;)\s*\n\s*b?(?:'|&#x27;)")
# What the package hands to it is hidden in the first line, which calls nothing else.
_HIDES = re.compile(r"(\w+) = redact(_body)?\(\1\)")


def find(text, secrets):
    """Return the names of the secrets in ``text``, also in bytes that were folded."""
    text = _FOLD.sub("", text)
    return [name for name, secret in secrets.items() if secret in text]


@contextmanager
def reporting():
    """Collect Django's reports of what views raise and of what is logged, HTML and text."""
    reports = []

    def report(request, info):
        reporter = ExceptionReporter(request, *info, is_email=True)
        texts = reporter.get_traceback_html(), reporter.get_traceback_text(), describe(info[1])
        reports.append("".join(texts))

    def keep(sender, request=None, **kwargs):
        report(request, sys.exc_info())

    class Handler(logging.Handler):
        def emit(self, record):
            # Those of requests are the same as above.
            if record.exc_info and record.name != "django.request":
                report(None, record.exc_info)

    handler = Handler()
    logging.getLogger().addHandler(handler)
    got_request_exception.connect(keep)
    try:
        yield reports
    finally:
        got_request_exception.disconnect(keep)
        logging.getLogger().removeHandler(handler)


def describe(error):
    """Return what an exception and those that led to it hold, also where a report stops."""
    parts, seen = [], set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        held = [getattr(error, name, None) for name in ("args", "object", "doc", "pattern")]
        parts.append(repr((held, vars(error))))
        error = error.__cause__ or error.__context__
    return "\n".join(parts)


class Watch:
    """Looks at the local variables of all frames of a request before each line of the package.

    ``found`` has what a report would show if that line, or what it calls, raised: the name
    of the secret, and the place.
    """

    def __init__(self, secrets):
        self.secrets = secrets
        self.found = set()
        self.lines = set()
        self._checked = {}

    def __enter__(self):
        self._before = threading.gettrace(), sys.gettrace()
        threading.settrace(self._trace)
        sys.settrace(self._trace)
        return self

    def __exit__(self, *error):
        # Whoever traced before, as coverage does, goes on.
        threading.settrace(self._before[0])
        sys.settrace(self._before[1])

    def _trace(self, frame, event, arg):
        name = frame.f_code.co_filename
        if not name.startswith(PACKAGE) or name.endswith(_UNWATCHED):
            return None
        return self._trace_line

    def _trace_line(self, frame, event, arg):
        code = linecache.getline(frame.f_code.co_filename, frame.f_lineno).strip()
        if event in ("line", "return") and not _HIDES.fullmatch(code):
            self.lines.add((frame.f_code.co_filename, frame.f_lineno))
            self._look(frame)
        return self._trace_line

    def _look(self, frame):
        frames = []
        while frame is not None and not frame.f_code.co_filename.endswith(_HANDLER):
            frames.append(frame)
            frame = frame.f_back
        # Without a handler below it is no request, but a client of the test, or a thread.
        threads = any(one.f_code.co_filename.endswith(_THREADS) for one in frames)
        for one in frames if frame is not None or threads else ():
            values = dict(one.f_locals)
            state = (one.f_code, one.f_lasti, {name: id(item) for name, item in values.items()})
            if self._checked.get(id(one)) != state:
                self._checked[id(one)] = state
                for name, value in values.items():
                    self._look_at(one, name, value)

    def _look_at(self, frame, name, value):
        # Their repr() asks the database.
        if isinstance(value, (QuerySet, Manager)):
            return
        try:
            text = repr(value)
        except Exception:
            return
        for secret in find(text, self.secrets):
            where = f"{frame.f_code.co_filename.rpartition('site-packages/')[2]}"
            self.found.add(f"{secret} in {name} at {where}:{frame.f_lineno}")
