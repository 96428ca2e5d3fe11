"""The page that creates an API token for a user. Only its answer contains the token."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from .. import acting, api_tokens, scopes
from ..conf import get_settings
from ..exceptions import AuthError, InsufficientScope
from ..redacted import Redacted
from ..store import database
from .forms import NewTokenForm
from .records import get_user, operator
from .wording import moment

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

    from .records import RecordAdmin


def create_api_token_view(request: HttpRequest, model_admin: "RecordAdmin") -> HttpResponse:
    """Create a token for the user in ``user``: GET shows the form, POST the token, once.

    POST does not redirect, because the token would have to be stored until then.
    """
    model_admin.require_permission(request, "create_api_token")
    user = get_user(request.GET.get("user", ""))
    # The operator will see the token.
    if not acting.covers(operator(request), user):
        raise PermissionDenied
    allowed = scopes.grant(user, request, None)
    form = NewTokenForm(request.POST if request.method == "POST" else None, allowed=allowed)
    new = None
    if form.is_valid():
        asked = form.cleaned_data["scope"]
        # An emptied field requests no scopes; in a project without scopes, no limit.
        scope = asked if asked or allowed is not None else None
        new = _create(request, model_admin, user, form, scope)
    context: dict[str, Any] = {
        "title": _("Create an API token for %(user)s") % {"user": user.get_username()},
        "of_user": user,
        "list_url": model_admin.page_url("loginsession_changelist", user=user.pk),
    }
    if new is not None:
        context.update(
            token=Redacted(new.raw),
            session=new.session,
            expires=moment(new.session.expires_at),
            record_url=model_admin.page_url("loginsession_change", new.session.pk),
        )
    template = "admin/django_jwtauth/create_api_token.html"
    return model_admin.render_form(request, template, form, context)


def _create(
    request: HttpRequest,
    model_admin: "RecordAdmin",
    user: "AbstractBaseUser",
    form: NewTokenForm,
    scope: str | None,
) -> api_tokens.NewToken | None:
    """Return the new token, recorded in the log, or None with the reason in ``form``."""
    data = form.cleaned_data
    try:
        # No token without its entry in the log.
        with transaction.atomic(using=database.alias()):
            new = api_tokens.create(
                user,
                data["name"],
                scope=scope,
                exact=True,
                # The form counts in days, but the setting may be less than one.
                lifetime=min(timedelta(days=data["days"]), get_settings().API_TOKENS.MAX_LIFETIME),
                request=request,
            )
            text = _("API token created for %(user)s: %(name)s. %(note)s")
            words = {"user": user.get_username(), "name": data["name"], "note": data["note"]}
            model_admin.log_addition(request, new.session, text % words)
    except InsufficientScope as error:
        form.add_error(
            "scope",
            _("The user may not have these scopes: %(scopes)s") % {"scopes": error.scope or scope},
        )
    except AuthError as error:
        form.add_error(None, f"{error.sentence} ({error.reason})")
    except ValueError as error:
        form.add_error("scope", str(error))
    else:
        return new
    return None
