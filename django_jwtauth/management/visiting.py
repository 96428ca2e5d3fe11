"""Send requests to the project like a client, and explain wrong answers."""

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.mail import EmailMessage
from django.core.management.base import CommandError
from django.db import Error as DatabaseFailure
from django.db import connections, transaction
from django.test import Client
from django.test.client import ClientHandler
from django.urls import (
    NoReverseMatch,
    URLResolver,
    get_resolver,
    path,
    resolve,
    reverse,
)
from rest_framework.response import Response
from rest_framework.views import APIView

from .. import sessions
from ..authentication import JWTStatelessUserAuthentication
from ..conf import get_settings
from ..contrib.simplejwt.move import project
from ..http.transport import header_name
from ..store import database
from .temporary import OTHER_USER

OBTAIN, ME, BLACKLIST = ENDPOINTS = ("token_obtain_pair", "jwtauth_me", "token_blacklist")
#: The path of a temporary view with the project's default authentication classes.
PROBE = "/jwtauth-doctor/"
PROBE_SHOWN = "(default classes)"

NO_DATABASE = "The database does not answer. Is it running, and have you run `manage.py migrate`?"
NOT_OURS = (
    "A middleware, or an earlier pattern in the URLconf, answers instead of django-jwtauth's view."
)
ADVICE = {
    400: "Does ALLOWED_HOSTS name a host, and does django-jwtauth's view answer here?",
    403: "A middleware or another view forbids it.",
    404: NOT_OURS,
    405: NOT_OURS,
    429: "A throttle refuses it. Try again later.",
    503: NO_DATABASE,
}


class Visitor:
    """A client of the project that prints each answer and stops at a wrong one."""

    def __init__(self, paths: Mapping[str, str], write: Any) -> None:
        self.paths = paths
        self.write = write
        self.client = make_client()

    def visit(
        self,
        method: str,
        endpoint: str,
        *,
        expect: int,
        token: str | None = None,
        body: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        path = self.paths[endpoint]
        response = request(self.client, method, path, token=token, body=body)
        self.note(method, path, response)
        if response.status_code != expect:
            raise CommandError(
                f"{path} should answer {expect}. {explain(endpoint, response)}\n"
                f"The view is {name_view(path)}."
            )
        return read_json(response)

    def note(self, method: str, path: str, response: Any) -> None:
        self.write(f"{method:4} {path:24} {response.status_code}")


class _Handler(ClientHandler):
    """Serves one more path than the project, behind all of its middleware."""

    def get_response(self, request: Any) -> Any:
        if request.path == PROBE:
            request.urlconf = make_urlconf()
        return super().get_response(request)


def make_client() -> Client:
    client = Client(raise_request_exception=False, SERVER_NAME=allowed_host())
    client.handler = _Handler(enforce_csrf_checks=False)
    return client


def make_urlconf() -> Any:
    """Return a URLconf with one view, which returns whom the default classes authenticate."""

    class WhoAmI(APIView):
        authentication_classes = project.default_classes()
        permission_classes = ()
        throttle_classes = ()

        def get(self, request: Any) -> Response:
            return Response({"user": None if request.user is None else str(request.user.pk)})

    return type("URLConf", (), {"urlpatterns": [path(PROBE[1:], WhoAmI.as_view())]})


def request(
    client: Client,
    method: str,
    path: str,
    *,
    token: str | None = None,
    body: dict[str, Any] | None = None,
) -> Any:
    headers = {"Accept": "application/json"}
    if token is not None:
        headers[header_name()] = f"{get_settings().AUTH_HEADER_TYPES[0]} {token}"
    return client.generic(
        method,
        path,
        json.dumps(body) if body else "",
        content_type="application/json",
        secure=True,
        headers=headers,
    )


def allowed_host() -> str:
    hosts = [host.lstrip(".") for host in settings.ALLOWED_HOSTS if host != "*"]
    return hosts[0] if hosts else "localhost"


def read_json(response: Any) -> dict[str, Any]:
    try:
        body = json.loads(response.content)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


# --- the story


def tell_story(visitor: Visitor, user: Any, password: str) -> list[str]:
    """Sign in, call, sign out and call again; return what else is wrong.

    Raises ``CommandError`` if one of these endpoints gives a wrong answer.
    """
    pair = sign_in(visitor, user, password)
    visitor.visit("GET", ME, token=pair["access"], expect=200)
    accepted = is_default() and probe(visitor, user, pair["access"], expect=True)
    visitor.visit("POST", BLACKLIST, body={"refresh": pair["refresh"]}, expect=200)
    visitor.visit("GET", ME, token=pair["access"], expect=401)
    wrong = [accepted] if accepted else []
    if is_default() and not accepted and not is_stateless():
        refused = probe(visitor, user, pair["access"], expect=False)
        wrong += [refused] if refused else []
    return wrong


def sign_in(visitor: Visitor, user: Any, password: str) -> Mapping[str, str]:
    if OBTAIN not in visitor.paths:
        started = sessions.start(user)
        return {"access": started.access, "refresh": str(started.refresh)}
    name = str(user.get_username())
    body = {type(user).USERNAME_FIELD: name, "password": password}
    pair = visitor.visit("POST", OBTAIN, body=body, expect=200)
    if "access" not in pair or "refresh" not in pair:
        raise CommandError(f"No tokens in this answer. {NOT_OURS}")
    return pair


def probe(visitor: Visitor, user: Any, token: str, *, expect: bool) -> str | None:
    """Call the view with the default classes; return what is wrong with its answer."""
    response = request(visitor.client, "GET", PROBE, token=token)
    visitor.note("GET", PROBE_SHOWN, response)
    known = read_json(response).get("user") == str(user.pk)
    if known is expect:
        return None
    if known:
        return (
            "DEFAULT_AUTHENTICATION_CLASSES still accept the access token of a sign-in that has "
            f"ended: {name_classes()}."
        )
    return (
        f"DEFAULT_AUTHENTICATION_CLASSES do not accept the token: {name_classes()}. "
        f"{explain(PROBE, response)}"
    )


def is_default() -> bool:
    """Return whether one of the default classes accepts tokens that are issued here."""
    return any(project.is_ours(each) for each in project.default_classes())


def is_stateless() -> bool:
    """Return whether the default classes use no database, so cannot see that a sign-in ended."""
    ours = [each for each in project.default_classes() if project.is_ours(each)]
    return all(issubclass(each, JWTStatelessUserAuthentication) for each in ours)


def name_classes() -> str:
    return ", ".join(name_class(each) for each in project.default_classes())


# --- what a wrong answer may come from


def explain(endpoint: str, response: Any) -> str:
    """Explain what may have caused a wrong answer. Of its body, only a reason is shown."""
    if response.status_code in (301, 302, 303, 307, 308):
        return f"It redirects to {urlsplit(response['Location']).path}. {NOT_OURS}"
    if response.status_code == 401:
        return explain_refusal(endpoint, str(read_json(response).get("reason", "")))
    if response.status_code == 500:
        error = response.exc_info[1] if response.exc_info else None
        if isinstance(error, ImproperlyConfigured):
            return f"It raised ImproperlyConfigured: {error}"
        return f"It raised {type(error).__name__}. {OTHER_USER}"
    if response.status_code == 200 and endpoint == PROBE:
        return "They authenticate nobody."
    if response.status_code == 200:
        return "The sign-in has ended, but its access token is still accepted."
    return ADVICE.get(response.status_code, NOT_OURS)


def explain_refusal(endpoint: str, reason: str) -> str:
    if endpoint == OBTAIN and reason == "invalid_credentials":
        backends = ", ".join(settings.AUTHENTICATION_BACKENDS)
        return (
            f"The name and the password are right, but the authentication back ends ({backends}) "
            "refuse them: the user may be inactive, locked out, or known by another name. "
            f"{OTHER_USER}"
        )
    if endpoint == OBTAIN and reason in ("sign_in_refused", "mfa_required"):
        return f'HOOKS["SIGN_IN"] requires more than a password. {OTHER_USER}'
    # Only the package's own words are shown, because the view may be the project's.
    told = f"Reason: {reason if reason.isidentifier() else 'none given'}."
    # A class of the project's may have a rule that a temporary user does not meet.
    return f"{told} {OTHER_USER}" if endpoint == PROBE else told


def name_view(path: str) -> str:
    view = resolve(path).func
    return name_class(getattr(view, "cls", getattr(view, "view_class", view)))


def name_class(view: Any) -> str:
    return f"{view.__module__}.{getattr(view, '__qualname__', type(view).__qualname__)}"


# --- where things are, and that nothing stays


def find_paths() -> dict[str, str]:
    """Return the path of each endpoint, in whatever namespace the project included them.

    The path to sign in is missing with ``django_jwtauth.urls.sessions``.
    """
    for namespace in _find_namespaces(get_resolver()):
        paths = {}
        for endpoint in ENDPOINTS:
            try:
                paths[endpoint] = reverse(f"{namespace}{endpoint}")
            except NoReverseMatch:
                continue
        if ME in paths and BLACKLIST in paths:
            return paths
    raise CommandError(
        f"{settings.ROOT_URLCONF} has no {ME}, {BLACKLIST}. Add this to its urlpatterns:\n"
        '    path("api/", include("django_jwtauth.urls")),\n'
        "or, if the project has its own login, django_jwtauth.urls.sessions."
    )


def _find_namespaces(resolver: URLResolver, prefix: str = "") -> Iterator[str]:
    yield prefix
    for name, (_, nested) in resolver.namespace_dict.items():
        yield from _find_namespaces(nested, f"{prefix}{name}:")


@contextmanager
def nothing_kept() -> Iterator[None]:
    """Roll back all writes to any database, send no mail, and do not log the expected 401."""
    with ExitStack() as stack:
        stack.enter_context(mock.patch.object(EmailMessage, "send", lambda *args, **kwargs: 0))
        stack.enter_context(_quiet_log())
        for alias in filter(database.is_configured, connections):
            try:
                connections[alias].ensure_connection()
            # Then nothing can be written there, either.
            except DatabaseFailure:
                continue
            stack.enter_context(transaction.atomic(alias))
            stack.callback(transaction.set_rollback, True, alias)
        yield


@contextmanager
def _quiet_log() -> Iterator[None]:
    """Keep Django from logging the 401 that we expect."""
    logger = logging.getLogger("django.request")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
