"""The two tables: sign-ins and blacklisted tokens. The rows are the audit record.

No token, signature or key is stored. Nothing cascades from the user: the record
outlives the user and the operator.
"""

import secrets
import time
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from . import signals
from .conf import get_settings, moments

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser


def uuid7() -> uuid.UUID:
    """Return a time-ordered UUID (RFC 9562, 5.7): new rows go to the end of the index."""
    milliseconds = time.time_ns() // 1_000_000
    value = (milliseconds & (2**48 - 1)) << 80 | secrets.randbits(80)
    value = value & ~(0xF << 76) | 7 << 76
    return uuid.UUID(int=value & ~(0x3 << 62) | 2 << 62)


class Reason(models.TextChoices):
    """Why a sign-in ended or a token was blacklisted."""

    SIGNED_OUT = "signed_out", _("Signed out")
    REUSED = "reused", _("Refresh token reused")
    CREDENTIALS_CHANGED = "credentials_changed", _("Password changed")
    USER_INACTIVE = "user_inactive", _("User deactivated")
    USER_DELETED = "user_deleted", _("User deleted")
    SESSION_LIMIT = "session_limit", _("Too many sign-ins")
    USED = "used", _("Used (one-time)")
    ACTING_ENDED = "acting_ended", _("Sign-in of the operator over")
    STOLEN = "stolen", _("Token or device stolen")
    COMPROMISED = "compromised", _("Account compromised")
    LEFT = "left", _("Person left")
    OTHER = "other", pgettext_lazy("reason", "Other")


class Via(models.TextChoices):
    """The channel through which a sign-in ended or a token was blacklisted."""

    API = "api", _("API")
    ADMIN = "admin", pgettext_lazy("channel", "Admin")
    COMMAND = "command", pgettext_lazy("channel", "Command")
    CODE = "code", _("Project code")
    REUSE_DETECTION = "reuse_detection", _("Reuse detection")
    PASSWORD_CHANGE = "password_change", pgettext_lazy("channel", "Password change")
    DEACTIVATION = "deactivation", _("Deactivation")
    DELETION = "deletion", pgettext_lazy("channel", "Deletion of the user")
    SESSION_LIMIT = "session_limit", _("Limit of sign-ins")
    OPERATOR = "operator", _("Sign-in of the operator")


class Kind(models.TextChoices):
    """What a row of ``LoginSession`` is: a sign-in, one of the tokens, or an operator acting."""

    SIGN_IN = "sign_in", _("Sign-in")
    API_TOKEN = "api_token", _("API token")
    ONE_TIME = "one_time", _("One-time token")
    ACTING = "acting", pgettext_lazy("kind of sign-in", "Operator acting for the user")


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a sign-in ends or a token is blacklisted, through which channel, and who does it.

    ``by``: a user, or text that names somebody without an account, such as whoever ran a
    command.
    """

    reason: str = Reason.SIGNED_OUT
    via: str = Via.CODE
    by: "AbstractBaseUser | str | None" = None
    note: str = ""

    def end_columns(self) -> dict[str, Any]:
        """Return the column values of a sign-in that ends now."""
        return {
            "ended_at": moments.stored(moments.now()),
            "end_reason": self.reason,
            "ended_via": self.via,
            "end_note": self.note,
            **self._actor_columns("ended"),
        }

    def blacklist_columns(self) -> dict[str, Any]:
        """Return the column values of a token that is blacklisted now."""
        return {
            "blacklisted_at": moments.stored(moments.now()),
            "reason": self.reason,
            "via": self.via,
            "note": self.note,
            **self._actor_columns("blacklisted"),
        }

    def signal_arguments(self) -> dict[str, Any]:
        """Return the arguments for receivers; ``by`` is None if it is not a user."""
        by = None if isinstance(self.by, str) else self.by
        return {"reason": self.reason, "via": self.via, "by": by}

    def _actor_columns(self, prefix: str) -> dict[str, Any]:
        # The name outlives the account.
        if self.by is None or isinstance(self.by, str):
            return {f"{prefix}_by_id": None, f"{prefix}_by_name": (self.by or "")[:255]}
        known = self.by.pk is not None
        return {
            f"{prefix}_by_id": self.by.pk if known else None,
            f"{prefix}_by_name": str(self.by.get_username())[:255] if known else "",
        }


def _over(now: datetime | None) -> datetime:
    """Return the aware moment before which rows that are purged now must have ended."""
    conf = get_settings()
    now = moments.aware(now) if now else moments.now()
    return now - conf.LEEWAY - conf.AUDIT_RETENTION - moments.uncertainty()


def _unexpired(now: datetime) -> models.Q:
    """Return the condition that the row's token has not expired ``now``, aware."""
    return models.Q(expires_at__gt=moments.stored(now - get_settings().LEEWAY))


class LoginSessionQuerySet(models.QuerySet["LoginSession"]):
    """``LoginSession.objects`` and ``user.jwtauth_sessions``: sign-ins, API and one-time tokens."""

    # What live() and expired() ask of many rows, LoginSession.is_live() asks of one.
    def live(self, now: datetime | None = None) -> "LoginSessionQuerySet":
        """Narrow to sign-ins that can be refreshed, and API and one-time tokens that can be used.

        These are the rows that nobody has ended, and that have reached neither ``expires_at``
        nor, in the case of sign-ins, ``SESSION_LIFETIME``; ``LEEWAY`` is added to both. Whether
        the user may sign in is not checked.
        """
        return self.filter(self._in_time(now), ended_at=None)

    def expired(self, now: datetime | None = None) -> "LoginSessionQuerySet":
        """Narrow to rows that are no longer live although nobody has ended them."""
        return self.filter(~self._in_time(now), ended_at=None)

    def usable(self) -> "LoginSessionQuerySet":
        """Narrow to rows that nobody has ended and of which a token may still be accepted.

        These are more than the live ones: an access token can outlive its refresh token, and
        ``SESSION_LIFETIME`` can be made longer again.
        """
        longest = get_settings().ACCESS_TOKEN_LIFETIME + get_settings().LEEWAY
        then = moments.now() - longest - moments.uncertainty()
        return self.filter(_unexpired(then), ended_at=None)

    @staticmethod
    def _in_time(now: datetime | None) -> models.Q:
        at = moments.aware(now) if now else moments.now()
        latest = moments.stored(at - get_settings().max_session_age)
        return _unexpired(at) & (models.Q(created_at__gt=latest) | ~models.Q(kind=Kind.SIGN_IN))

    def purgeable(self, now: datetime | None = None) -> "LoginSessionQuerySet":
        """Narrow to rows that no live token needs and that are past ``AUDIT_RETENTION``."""
        conf = get_settings()
        over = _over(now)
        # An API token may be valid for longer than a sign-in, so its own end counts.
        rows = self.filter(
            models.Q(kind=Kind.SIGN_IN) | models.Q(expires_at__lt=moments.stored(over)),
            created_at__lt=moments.stored(over - conf.SESSION_LIFETIME),
        )
        # A legacy refresh token may outlive its row, and would start a new sign-in without it.
        return rows.exclude(kind=Kind.SIGN_IN) if conf.legacy_until() else rows

    def of_kind(self, kind: Kind) -> "LoginSessionQuerySet":
        """Narrow to sign-ins proper, API tokens or one-time tokens."""
        return self.filter(kind=kind)

    def end(
        self,
        *,
        reason: str = Reason.SIGNED_OUT,
        via: str = Via.CODE,
        by: "AbstractBaseUser | str | None" = None,
        note: str = "",
    ) -> int:
        """End these sign-ins with one UPDATE, and return how many this call has ended.

        Their access tokens are refused from the next request on. Sends ``sessions_ended`` if
        there was one to end.
        """
        return self.end_for(Cause(reason, via, by, note))

    def end_for(self, cause: Cause) -> int:
        """See end()."""
        rows = self.filter(ended_at=None)
        ended = rows.update(**cause.end_columns())
        if ended:
            # Not self.db, which is the alias for reading.
            signals.sessions_ended.announce(
                self.model,
                using=rows.db,
                count=ended,
                **cause.signal_arguments(),
            )
        return ended

    async def aend(self, **kwargs: Any) -> int:
        """See end()."""
        return await sync_to_async(self.end)(**kwargs)

    end.alters_data = True  # type: ignore[attr-defined]
    end_for.alters_data = True  # type: ignore[attr-defined]
    aend.alters_data = True  # type: ignore[attr-defined]


class LoginSession(models.Model):
    """One sign-in with all its refreshes: what a user would call a device.

    ``generation`` counts the refreshes. The columns that a refresh writes have no index, so
    that PostgreSQL updates the row in place.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("user"),
        null=True,
        on_delete=models.SET_NULL,
        related_name="jwtauth_sessions",
    )
    subject = models.CharField(_("subject"), max_length=255)
    generation = models.PositiveIntegerField(_("generation"), default=0)
    auth_hash = models.CharField(max_length=255)
    created_at = models.DateTimeField(_("signed in"), default=timezone.now, db_index=True)
    refreshed_at = models.DateTimeField(_("refreshed"))
    expires_at = models.DateTimeField(_("expires"))
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True, db_index=True)
    end_reason = models.CharField(_("reason"), max_length=32, blank=True)
    ended_via = models.CharField(_("via"), max_length=32, blank=True)
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("ended by"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    ended_by_name = models.CharField(_("ended by"), max_length=255, blank=True)
    end_note = models.TextField(_("note"), blank=True)
    ip_address = models.GenericIPAddressField(_("IP address"), null=True, blank=True)
    user_agent = models.CharField(_("user agent"), max_length=255, blank=True)
    name = models.CharField(_("device name"), max_length=100, blank=True)
    # Defaults of the database, so that processes of the previous release can still insert.
    kind = models.CharField(_("kind"), max_length=16, default=Kind.SIGN_IN, db_default=Kind.SIGN_IN)
    purpose = models.CharField(_("purpose"), max_length=64, blank=True, default="", db_default="")
    scope = models.CharField(_("scopes"), max_length=255, blank=True, default="", db_default="")
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True)
    last_used_ip = models.GenericIPAddressField(_("last used from"), null=True, blank=True)
    # Where the current generation was issued, written by the UPDATE of that refresh.
    refreshed_ip = models.GenericIPAddressField(_("refreshed from"), null=True, blank=True)
    refreshed_agent = models.CharField(
        _("refreshed by"), max_length=255, blank=True, default="", db_default=""
    )
    #: The networks from which it was refreshed, the latest first, separated by spaces.
    networks = models.CharField(max_length=255, blank=True, default="", db_default="")
    # The generation that a superseded refresh token last got again, other than at once; and
    # when and from where, if it came from another network or late.
    replayed_generation = models.PositiveIntegerField(null=True, blank=True)
    replayed_at = models.DateTimeField(
        _("superseded token came back"), null=True, blank=True, db_index=True
    )
    replayed_ip = models.GenericIPAddressField(_("it came from"), null=True, blank=True)
    replayed_agent = models.CharField(
        _("it was sent by"), max_length=255, blank=True, default="", db_default=""
    )
    # Who acts for the user, and since which sign-in of theirs. No keys of other tables, as an index
    # on them would cost every sign-in something.
    actor_subject = models.CharField(
        _("acting user's id"), max_length=255, blank=True, default="", db_default=""
    )
    actor_name = models.CharField(
        _("acting user"), max_length=255, blank=True, default="", db_default=""
    )
    actor_session = models.UUIDField(_("acting user's sign-in"), null=True, blank=True)
    acting_reason = models.CharField(
        _("reason to act"), max_length=255, blank=True, default="", db_default=""
    )

    objects = LoginSessionQuerySet.as_manager()

    class Meta:
        verbose_name = _("sign-in")
        verbose_name_plural = _("sign-ins")
        default_permissions = ("view",)
        permissions = (
            ("end_sessions", "Can end sign-ins"),
            ("end_all_sessions", "Can end the sign-ins of everybody at once"),
            ("create_api_token", "Can make API tokens for users"),
            ("impersonate_user", "Can act for users with fewer rights"),
        )

    def __str__(self) -> str:
        return self.id.hex

    def is_live(self, now: datetime | None = None) -> bool:
        """Return whether ``LoginSessionQuerySet.live`` finds this row."""
        at = moments.aware(now) if now else moments.now()
        over = moments.aware(self.created_at) + get_settings().max_session_age
        return (
            self.ended_at is None
            and moments.aware(self.expires_at) > at - get_settings().LEEWAY
            and not (self.kind == Kind.SIGN_IN and at >= over)
        )

    @property
    def latest_end(self) -> datetime:
        """When a sign-in reaches ``SESSION_LIFETIME``, aware: no token of it expires later."""
        return moments.aware(self.created_at) + get_settings().SESSION_LIFETIME

    def describe_acting(self) -> str:
        """Return who acts for whom, and why, in a sentence for operators."""
        words = {"actor": self.actor_name or self.actor_subject, "reason": self.acting_reason}
        user = self.user.get_username() if self.user else self.subject
        return gettext("%(actor)s acts for %(user)s, because: %(reason)s") % {
            **words,
            "user": user,
        }

    @property
    def sid(self) -> str:
        """The ``sid`` claim: 32 hex digits."""
        return self.id.hex


class BlacklistedTokenQuerySet(models.QuerySet["BlacklistedToken"]):
    def purgeable(self, now: datetime | None = None) -> "BlacklistedTokenQuerySet":
        """Narrow to rows whose token has expired and that are past ``AUDIT_RETENTION``."""
        return self.filter(expires_at__lt=moments.stored(_over(now)))


class BlacklistedToken(models.Model):
    """One token, by its ``jti``, refused until it expires; with who blacklisted it, and why."""

    jti = models.CharField("jti", max_length=255)
    token_type = models.CharField(_("kind"), max_length=32)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("user"),
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    subject = models.CharField(_("subject"), max_length=255)
    session = models.ForeignKey(
        LoginSession,
        verbose_name=_("sign-in"),
        null=True,
        on_delete=models.SET_NULL,
        related_name="blacklisted_tokens",
    )
    expires_at = models.DateTimeField(_("expires"), db_index=True)
    blacklisted_at = models.DateTimeField(_("blacklisted"), default=timezone.now)
    reason = models.CharField(_("reason"), max_length=32)
    via = models.CharField(_("via"), max_length=32)
    blacklisted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("blacklisted by"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    blacklisted_by_name = models.CharField(_("blacklisted by"), max_length=255, blank=True)
    note = models.TextField(_("note"), blank=True)

    objects = BlacklistedTokenQuerySet.as_manager()

    class Meta:
        verbose_name = _("blacklisted token")
        verbose_name_plural = _("blacklisted tokens")
        default_permissions = ("view",)
        permissions = (("blacklist_token", "Can blacklist a token"),)
        constraints = (
            # unique=True would add a second, pattern index on PostgreSQL.
            models.UniqueConstraint(fields=["jti"], name="jwtauth_blacklisted_jti"),
        )

    def __str__(self) -> str:
        return self.jti
