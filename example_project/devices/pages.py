"""The base of the pages for people: a strict policy, and a user signed in by a cookie."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.timesince import timesince
from django.utils.timezone import now
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from rest_framework.exceptions import AuthenticationFailed

from django_jwtauth.authentication import JWTCookieAuthentication
from django_jwtauth.claims import Claims, is_api_token

# Scripts and styles only from our own files. Django 6.0 and later can set it for a whole site:
# ContentSecurityPolicyMiddleware with SECURE_CSP.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)

cookie = JWTCookieAuthentication()

Page = Callable[[HttpRequest, AbstractBaseUser, Claims], HttpResponse]


def show(
    request: HttpRequest, template: str, context: dict[str, Any] | None = None, status: int = 200
) -> HttpResponse:
    """Return the page, with a policy that allows only our own scripts."""
    response = render(request, template, context, status=status)
    response["Content-Security-Policy"] = POLICY
    return response


def who(request: HttpRequest) -> tuple[AbstractBaseUser, Claims] | None:
    """Return the user and the claims of the token in the cookie, or None without a valid one."""
    try:
        known = cookie.authenticate(request)
    except AuthenticationFailed:
        return None
    # An API token is for the header; a browser that signed in has none in its cookie.
    return None if known is None or is_api_token(known[1]) else known


def for_people(page: Page) -> Callable[[HttpRequest], HttpResponse]:
    """Turn a page into a view that shows the form to sign in to anonymous visitors."""

    @require_safe
    @never_cache
    @wraps(page)
    def view(request: HttpRequest) -> HttpResponse:
        known = who(request)
        if known:
            return page(request, *known)
        response = show(request, "devices/sign_in.html", status=401)
        response["WWW-Authenticate"] = cookie.authenticate_header(request)
        return response

    return view


def ago(moment: datetime) -> str:
    """Return how long ago it was, in words."""
    return "just now" if now() - moment < timedelta(minutes=1) else f"{timesince(moment)} ago"
