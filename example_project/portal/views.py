"""A page for API tokens, and signing in with a mailed link.

The pages only read; their scripts do the rest through the endpoints below.
"""

from typing import NamedTuple

from django import forms
from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from devices.pages import ago, for_people, show, who
from django_jwtauth import scopes
from django_jwtauth.claims import Claims
from django_jwtauth.exceptions import Throttled
from django_jwtauth.models import Kind, LoginSession
from django_jwtauth.throttling import count_attempt
from django_jwtauth.views import browser, portal
from example.scopes import MEANINGS

from . import links

# In days, at most API_TOKENS["MAX_LIFETIME"], which is a year by default.
LIFETIMES = {"30 days": 30, "90 days": 90, "1 year": 365}


class Token(NamedTuple):
    session: LoginSession
    last_used: str


@for_people
def tokens(request: HttpRequest, user: AbstractBaseUser, claims: Claims) -> HttpResponse:
    """Show the user's API tokens; tokens.js creates and revokes them."""
    rows = LoginSession.objects.live().of_kind(Kind.API_TOKEN).filter(user_id=user.pk)
    context = {
        "username": user.get_username(),
        "tokens": [
            Token(row, ago(row.last_used_at) if row.last_used_at else "")
            for row in rows.order_by("-created_at")
        ],
        # A token gets only scopes that the sign-in has, and never the one to manage sign-ins.
        "scopes": [
            (name, MEANINGS.get(name, "")) for name in sorted(scopes.of(claims) - {scopes.MANAGE})
        ],
        "lifetimes": [(text, days * 24 * 60 * 60) for text, days in LIFETIMES.items()],
        "reports_url": request.build_absolute_uri(reverse("reports")),
    }
    return show(request, "portal/tokens.html", context)


class AskForm(forms.Form):
    email = forms.EmailField(
        max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "email", "autofocus": True})
    )


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def ask(request: HttpRequest) -> HttpResponse:
    """Send a link by mail. The answer is the same whether or not a user has the address."""
    form = AskForm(request.POST or None)
    if not form.is_valid():
        return show(request, "portal/ask.html", {"form": form})
    email = form.cleaned_data["email"]
    try:
        # Counted by a separate name, so that asking does not lock out password sign-ins.
        count_attempt(request, f"link to {email}")
    except Throttled as error:
        form.add_error(None, "Too many links were requested. Try again later.")
        response = show(request, "portal/ask.html", {"form": form}, status=429)
        response["Retry-After"] = str(error.retry_after)
        return response
    # ALLOWED_HOSTS must contain only your hosts, because the link leads to the request's host.
    page = request.build_absolute_uri(reverse("portal:enter"))
    links.queue.submit(links.send_links, request, email, page)
    return show(request, "portal/sent.html", {"email": email})


@require_safe
@never_cache
def enter(request: HttpRequest) -> HttpResponse:
    """Show the button that uses the link up; opening the page does not.

    Mail programs and virus scanners open links to inspect them. The token is after the "#", so
    that no request for this page contains it; link.js posts it when the user presses the button.
    """
    known = who(request)
    return show(request, "portal/enter.html", {"username": known and known[0].get_username()})


# Both bases define the body that they take; the first takes precedence.
class LinkSignInView(portal.OneTimeSignInView, browser.SignInView):  # type: ignore[misc]
    """Accept the token of a link, and set the same cookies as after a password."""

    @property
    def cookie_path(self) -> str:
        # The path of the browser endpoints, which refresh and clear the cookies set here.
        return reverse("jwtauth_browser:token_obtain_pair")
