"""The page from which an operator acts for a user. Only its answer contains the token.

The operator is signed in to the admin, which is no sign-in here. So the page starts one that has no
tokens, and that ends when the operator signs out of the admin.
"""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.contrib.auth import user_logged_out
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from .. import acting, sessions
from ..conf import one_tenancy
from ..exceptions import ActingRefused, AuthError
from ..models import Via
from ..redacted import Redacted
from ..signins import rows
from ..store import database
from .forms import ActingForm
from .records import get_user, operator
from .wording import moment

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

    from .records import RecordAdmin

#: In Django's session: the sign-ins from which its user acts, the latest last.
_KEY = "_jwtauth_acts_from"
_MAX_KEPT = 20


def act_view(request: HttpRequest, model_admin: "RecordAdmin") -> HttpResponse:
    """Act for the user in ``user``: GET shows the form, POST the token, once."""
    model_admin.require_permission(request, "impersonate_user")
    user = get_user(request.GET.get("user", ""))
    if not acting.covers(operator(request), user):
        raise PermissionDenied
    form = ActingForm(request.POST if request.method == "POST" else None)
    new = _start(request, model_admin, user, form) if form.is_valid() else None
    context: dict[str, Any] = {
        "title": _("Act for %(user)s") % {"user": user.get_username()},
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
    return model_admin.render_form(request, "admin/django_jwtauth/act.html", form, context)


def _start(
    request: HttpRequest, model_admin: "RecordAdmin", user: "AbstractBaseUser", form: ActingForm
) -> acting.Acting | None:
    """Return the new token, recorded in the log, or None with the reason in ``form``."""
    by, lifetime = operator(request), timedelta(minutes=form.cleaned_data["minutes"])
    try:
        # No token without its entry in the log, and no sign-in without its token.
        with one_tenancy(), transaction.atomic(using=database.alias()):
            own = rows.make_session(by, request, lifetime, name=_("Admin"))
            rows.insert(own)
            new = acting.start(
                by,
                user,
                form.cleaned_data["reason"],
                sid=own.sid,
                lifetime=lifetime,
                request=request,
            )
            model_admin.log_addition(request, new.session, new.session.describe_acting())
    except ActingRefused as error:
        form.add_error(None, str(error.sentence))
    except AuthError as error:
        form.add_error(None, f"{error.sentence} ({error.reason})")
    else:
        request.session[_KEY] = [*request.session.get(_KEY, []), own.sid][-_MAX_KEPT:]
        return new
    return None


@receiver(user_logged_out, dispatch_uid="django_jwtauth.admin.acting")
def stop(request: Any, user: Any, **kwargs: Any) -> None:
    """End what the operator acts from, who signs out of the admin.

    Signing out with a token sends the signal, too, and reads no session for it.
    """
    session: Any = getattr(request, "session", None)
    if getattr(session, "accessed", False):
        for sid in session.get(_KEY, []):
            sessions.end(sid, via=Via.ADMIN, by=user)
