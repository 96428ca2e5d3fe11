"""The project's own views that sign in, tried with a name and a password."""

import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework.views import APIView

from ..contrib.simplejwt.move.source import is_theirs
from ..store import database
from ..views import TokenObtainPairView
from .visiting import (
    OBTAIN,
    PROBE,
    Visitor,
    explain,
    is_default,
    make_client,
    name_class,
    name_classes,
    name_view,
    read_json,
    request,
)

# A view that signs in, by the end of its path or the name of its URL: not google-login.
_LOGIN = re.compile(r"(?:^|/)(?:(?:user|api|rest|auth)[-_])?(?:log|sign)[-_]?in$", re.IGNORECASE)
_PLAIN_PATH = re.compile(r"[\w./~-]*")
_MAX_LOGINS = 5


def try_logins(visitor: Visitor, user: Any, password: str, given: list[str]) -> Iterator[str]:
    """Sign in at ``given`` paths, or at those that look like a login; yield what is wrong."""
    taken = {visitor.paths.get(OBTAIN)}
    found = (each for each in find_logins(get_resolver()) if each not in taken)
    for path in dict.fromkeys(given or list(islice(found, _MAX_LOGINS))):
        wrong = try_login(visitor, path, user, password)
        if wrong:
            yield f"{path}: {wrong}"


def try_login(visitor: Visitor, path: str, user: Any, password: str) -> str | None:
    """Sign in at a path and send what it gives through the view with the default classes.

    Returns what is wrong, None if nothing is. What asks for more than a name and a password
    cannot be tried, and is only noted.
    """
    client = make_client()
    name = str(user.get_username())
    names = {type(user).USERNAME_FIELD: name, "username": name}
    email = getattr(user, type(user).get_email_field_name(), None)
    body = {**({"email": email} if email else {}), **names, "password": password}
    rows = database.sign_ins().filter(user_id=user.pk)
    before = rows.count()
    response = request(client, "POST", path, body=body)
    visitor.note("POST", path, response)
    if response.status_code in (404, 405):
        return "no view answers a POST at this path."
    if response.status_code >= 500:
        return f"{explain(OBTAIN, response)} The view is {name_view(path)}."
    tokens = [*find_texts(read_json(response)), *(each.value for each in client.cookies.values())]
    tokens = [each for each in tokens if looks_like_token(each)]
    if response.status_code >= 300 or not tokens:
        visitor.write("     it asks for more than a name and a password, or gives no token")
        return None
    if rows.count() == before:
        return (
            "the tokens that it gives are not issued by django-jwtauth. "
            f"The view is {name_view(path)}."
        )
    if is_default() and not any(is_accepted(client, each, user) for each in tokens):
        return (
            f"the default authentication classes do not accept its token: {name_classes()}. "
            f"The view is {name_view(path)}."
        )
    return None


def is_accepted(client: Client, token: str, user: Any) -> bool:
    """Return whether the view with the default classes knows who sent the token."""
    response = request(client, "GET", PROBE, token=token)
    return read_json(response).get("user") == str(user.pk)


def find_texts(value: Any) -> Iterator[str]:
    """Yield every text in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        for each in value.values() if isinstance(value, dict) else value:
            yield from find_texts(each)


def looks_like_token(text: str) -> bool:
    return text.startswith("eyJ") and text.count(".") == 2


def find_logins(resolver: URLResolver, prefix: str = "/") -> Iterator[str]:
    """Yield the paths of DRF views that sign in: by their class, or by their name."""
    for pattern in resolver.url_patterns:
        path = f"{prefix}{pattern.pattern}".replace("^", "").replace("$", "").replace("\\Z", "")
        if isinstance(pattern, URLResolver):
            yield from find_logins(pattern, path)
        elif isinstance(pattern, URLPattern) and _PLAIN_PATH.fullmatch(path):
            named = _LOGIN.search(path.rstrip("/")) or _LOGIN.search(str(pattern.name or ""))
            if signs_in(pattern.callback, named=bool(named)):
                yield path


def signs_in(view: Any, *, named: bool) -> bool:
    """Return whether a view takes a name and a password, as far as can be told from outside."""
    cls: Any = getattr(view, "cls", object)
    bases = [name_class(base) for base in cls.__mro__]
    # Those for browsers ask for Django's CSRF token.
    if any(base.startswith("django_jwtauth.views.browser.") for base in bases):
        return False
    if TokenObtainPairView in cls.__mro__ or "dj_rest_auth.views.LoginView" in bases:
        return True
    if any(is_theirs(base) and "Obtain" in base for base in bases):
        return True
    methods = [*(getattr(view, "actions", None) or dir(cls))]
    return named and issubclass(cls, APIView) and "post" in methods
