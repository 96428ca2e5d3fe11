"""End sign-ins automatically: after a change of the user, a refused token, or one too many.

A sign-in whose tokens are refused is not shown as live, and never comes back, whatever happens
to the user. Receivers end the rows when a user is saved or deleted. Changes by
``queryset.update()`` are found when a token is next used, and by ``operations.sweep``.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.exceptions import ImproperlyConfigured
from django.db import connections, transaction
from django.db.models import Q
from django.db.models.signals import post_save, pre_delete

from .. import signals
from ..claims import Claims
from ..conf import get_settings, moments
from ..exceptions import (
    ActingEnded,
    CredentialsChanged,
    RefreshTokenReused,
    SessionEnded,
    TokenError,
    Unavailable,
    UserInactive,
)
from ..models import Cause, Kind, LoginSession, Reason, Via
from ..store import database, identity, lookup, writing
from . import legacy, rules
from .rules import auth_hash, find_hashes, is_active

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

_INACTIVE = Cause(Reason.USER_INACTIVE, Via.DEACTIVATION)
_CHANGED = Cause(Reason.CREDENTIALS_CHANGED, Via.PASSWORD_CHANGE)
_DELETED = Cause(Reason.USER_DELETED, Via.DELETION)
TOO_MANY = Cause(Reason.SESSION_LIMIT, Via.SESSION_LIMIT)
_OPERATOR = Cause(Reason.ACTING_ENDED, Via.OPERATOR)
_LIVE: Mapping[str, Any] = {
    "ended_at": None,
    "end_reason": "",
    "ended_via": "",
    "ended_by": None,
    "ended_by_name": "",
    "end_note": "",
}
_REUSED = Cause(Reason.REUSED, Via.REUSE_DETECTION)
# On a user whose password was saved: when the rows that this ended were still live.
_SAVED_AT = "_jwtauth_password_saved_at"

_BECAUSE: Mapping[type[TokenError], Cause] = {
    UserInactive: _INACTIVE,
    CredentialsChanged: _CHANGED,
    RefreshTokenReused: _REUSED,
    ActingEnded: _OPERATOR,
}


def load_user(claims: Claims) -> "AbstractBaseUser":
    """Return the user of an access or one-time token that is used; see ``rules.load_user``.

    If the user is inactive, this ends the user's sign-ins, if the database can be written to; so
    does it for the row of a user who acts for another and whose own sign-in is over.
    """
    try:
        return rules.load_user(claims)
    except (UserInactive, ActingEnded) as error:
        with suppress(Unavailable):
            because(error, claims)
        raise


def because(error: TokenError, claims: Claims, **more: Any) -> bool:
    """End the sign-ins that a refusal shows to be over; return whether this call ended any.

    If the user is inactive, ends all sign-ins of the user, so that reactivating revives none;
    otherwise the token's own, with ``more`` columns. Raises ``Unavailable``.
    """
    cause = _BECAUSE.get(type(error))
    if cause is None:
        return False
    using = database.alias()
    with database.reporting_unavailable(), _savepoint(using):
        if cause is _INACTIVE:
            key = lookup.find_key(claims)
            if key is None:
                return False
            ended = database.sign_ins().filter(user_id=key).end_for(cause)
            # Once is enough, as a token that is sent again has nothing left to end.
            if ended or claims.get("legacy"):
                legacy.refuse(str(key), moments.now(), cause)
            return bool(ended)
        return end_one(claims["sid"], cause, **more)


def end_one(sid: UUID | str, cause: Cause, **more: Any) -> bool:
    """End one sign-in like ``LoginSessionQuerySet.end``, but faster.

    Also writes ``more`` columns. Returns whether this call ended it.
    """
    using = database.alias()
    changes = {**cause.end_columns(), **more}
    ended = bool(writing.update(LoginSession, using, changes, {"id": sid, "ended_at": None}))
    if ended:
        signals.sessions_ended.announce(
            LoginSession,
            using=using,
            count=1,
            **cause.signal_arguments(),
        )
    return ended


def end_oldest(latest: LoginSession, keep: int) -> None:
    """End the oldest sign-ins of the user of ``latest``, so that at most ``keep`` are live."""
    sessions = database.sign_ins().filter(user=latest.user_id, kind=Kind.SIGN_IN)
    # Two statements, because MariaDB cannot update the table that it selects from.
    found = sessions.live().values_list("created_at", "id")
    newest = sorted(((moments.aware(moment), pk) for moment, pk in found), reverse=True)
    if surplus := [pk for _moment, pk in newest[keep:]]:
        sessions.filter(id__in=surplus).end_for(TOO_MANY)


def _savepoint(using: str) -> AbstractContextManager[Any]:
    """Keep an error out of the caller's transaction, if there is one."""
    in_transaction = connections[using].in_atomic_block
    return transaction.atomic(using) if in_transaction else nullcontext()


# --- a user is saved or deleted


def connect() -> None:
    """Connect receivers to the user model, and to its proxies and subclasses."""
    try:
        user_model = get_user_model()
    except ImproperlyConfigured:
        # The checks report it; a command that only reads settings works without a user model.
        return
    for model in apps.get_models():
        if issubclass(model, user_model):
            post_save.connect(after_save, model, dispatch_uid="django_jwtauth.endings")
            pre_delete.connect(before_delete, model, dispatch_uid="django_jwtauth.endings")


def after_save(instance: Any, created: bool, raw: bool, **kwargs: Any) -> None:
    """End the sign-ins of a user who was deactivated, or whose password was set.

    Of an active user, a ``save()`` whose ``update_fields`` are about something else costs nothing.
    """
    if created or raw:
        return
    if not is_active(instance):
        _end_all(instance, _INACTIVE)
    elif _password_may_differ(instance, kwargs.get("update_fields")):
        vars(instance)[_SAVED_AT] = moments.now()
        # Upgrading a hash changes it, too, but is no reason to refuse legacy tokens without a row.
        if _end_stale(instance) or password_was_set(instance):
            legacy.refuse(str(identity.saved_key(instance)), moments.now(), _CHANGED)


setattr(after_save, writing.IGNORES_LAST_LOGIN, True)


def before_delete(instance: Any, **kwargs: Any) -> None:
    """End the sign-ins of a user who is about to be deleted."""
    _end_all(instance, _DELETED)


def _end_stale(user: "AbstractBaseUser") -> int:
    """End the rows that started with another password, and return how many this call ended."""
    rows = database.sign_ins().filter(user_id=identity.saved_key(user))
    stale = rows.exclude(auth_hash__in=[*find_hashes(user)])
    if get_settings().API_TOKENS.SURVIVE_PASSWORD_CHANGE:
        stale = stale.exclude(kind=Kind.API_TOKEN)
    return stale.end_for(_CHANGED)


def _end_all(user: "AbstractBaseUser", cause: Cause) -> None:
    key = identity.saved_key(user)
    database.sign_ins().filter(user_id=key).end_for(cause)
    legacy.refuse(str(key), moments.now(), cause)


def _password_may_differ(user: Any, update_fields: Any) -> bool:
    if update_fields is not None:
        return "password" in update_fields
    # set_unusable_password() leaves no other trace.
    return password_was_set(user) or not getattr(user, "has_usable_password", bool)()


def password_was_set(user: Any) -> bool:
    """Return whether the ``save()`` that calls a receiver writes a password that was set."""
    # set_password() keeps the text there until save() has finished.
    return getattr(user, "_password", None) is not None


def keep(claims: Claims, user: "AbstractBaseUser") -> None:
    """Keep one sign-in of a user whose new password was just saved, and end the others.

    See ``sessions.keep``. Revives nothing but what the ``save()`` of this very object has ended:
    a sign-in that was ended before, even by another change of the password, stays ended.
    """
    if password_was_set(user):
        raise ValueError("The new password is not saved yet: call user.save() before keep().")
    with database.reporting_unavailable():
        # As it is stored, because another request may have changed it again.
        stored = rules.find_user(claims)
        current = auth_hash(stored)
        if current != auth_hash(user):
            raise CredentialsChanged
        open_ = Q(ended_at=None)
        saved_at = getattr(user, _SAVED_AT, None)
        if saved_at is not None:
            by_save = Q(end_reason=_CHANGED.reason, ended_via=_CHANGED.via)
            open_ |= by_save & Q(ended_at__gte=moments.stored(saved_at))
        mine = database.sign_ins().of_kind(Kind.SIGN_IN).filter(open_, pk=claims["sid"])
        key = identity.saved_key(stored)
        if not mine.filter(user_id=key).update(auth_hash=current, **_LIVE):
            raise SessionEnded
        if _end_stale(stored):
            legacy.refuse(str(key), moments.now(), _CHANGED)


# --- a user was changed by an UPDATE


def why_over(session: LoginSession) -> Cause | None:
    """Return why no request can use the sign-in any more, or None if one may."""
    if session.user is None:
        return _DELETED
    try:
        rules.check_row(session)
    except TokenError as error:
        return _BECAUSE.get(type(error))
    return None
