"""The life of a sign-in: start, authenticate, refresh, verify, blacklist.

Every adapter asks here, so "is this token good?" has one answer. Each function has an
async twin, named ``a...``, that runs the same rules in Django's thread for them.

All raise ``TokenError`` for a token that is refused and ``Unavailable`` when the
database cannot tell.
"""

import logging
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from asgiref.sync import sync_to_async
from django.contrib.auth.models import update_last_login
from django.db import connections

from . import api_tokens, scopes, signals, throttling, tokens
from .claims import ACCESS, ONE_TIME, REFRESH, Claims, TokenType, is_api_token
from .conf import RESERVED_CLAIMS, get_settings, moments
from .conf.moments import aware
from .exceptions import AuthError, RefreshTokenReused, Throttled, TokenError, WrongTokenType
from .http import device
from .models import Kind, LoginSession, Reason, Via
from .redacted import redact
from .signins import endings, legacy, rotation, rows, rules
from .signins.issuing import carried_claims, issue
from .store import database, lookup, writing
from .tokens import TokenPair
from .tokens.keyrings import get_token_tenancy

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser
    from django.contrib.auth.models import User
    from django.http import HttpRequest

logger = logging.getLogger("django_jwtauth")

# The answer that a request keeps.
_KNOWN = "_jwtauth_known"


# --- start


def start(
    user: "AbstractBaseUser",
    request: "HttpRequest | None" = None,
    claims: Mapping[str, Any] | None = None,
    *,
    logged_in: bool = False,
    max_length: int = tokens.MAX_LENGTH,
) -> TokenPair:
    """Sign ``user`` in and return the first pair. One INSERT.

    ``claims`` (JSON values) are carried through every refresh of this sign-in. Raises
    ``UserInactive``, ``UserNotFound`` when the user was deleted meanwhile, ``TypeError`` for
    what is no instance of ``AUTH_USER_MODEL``, and ``ValueError`` for a reserved claim, an
    unsaved user, a primary key that does not fit into a token (``UnusableKey``), or a token of
    more than ``max_length`` bytes.

    Writes ``last_login`` and, when there is a ``request``, sends Django's
    ``user_logged_in``: pass ``logged_in=True`` if Django's ``login()`` has done both.
    """
    carried = carried_claims(claims or {})
    conf = get_settings()
    lifetime = min(conf.REFRESH_TOKEN_LIFETIME, conf.SESSION_LIFETIME)
    session = rows.make_session(user, request, lifetime)
    # Signed before it is written: a hook that fails leaves no row behind.
    pair = issue(session, user, carried, rotated=True, max_length=max_length)
    using = database.alias()
    rows.insert(session)
    with database.reporting_unavailable():
        if conf.UPDATE_LAST_LOGIN and not logged_in:
            writing.record_login(user)
        if conf.MAX_SESSIONS_PER_USER is not None:
            _end_oldest(session, conf.MAX_SESSIONS_PER_USER, using)
    signals.send_started(LoginSession, using, session=session, user=user, request=request)
    if request is not None and not logged_in:
        # But for Django's receiver, which writes last_login whatever UPDATE_LAST_LOGIN says.
        signals.send_logged_in(user, request, using, but=update_last_login)
    return pair


def _end_oldest(latest: LoginSession, keep: int, using: str) -> None:
    sessions = LoginSession.objects.using(using).filter(user_id=latest.subject, kind=Kind.SIGN_IN)
    # Two statements: MariaDB cannot update what it selects from in one.
    found = sessions.live().values_list("created_at", "id")
    newest = sorted(((aware(moment), pk) for moment, pk in found), reverse=True)
    if surplus := [pk for _moment, pk in newest[keep:]]:
        sessions.filter(id__in=surplus).end(reason=Reason.SESSION_LIMIT, via=Via.SESSION_LIMIT)


# --- authenticate and verify


def _decode(raw: str, *allowed: TokenType, allow_expired: bool = False) -> Claims:
    """Return the verified claims, for a while of legacy tokens, too."""
    try:
        return tokens.decode(raw, *allowed, allow_expired=allow_expired)
    except TokenError:
        claims = legacy.decode(raw, allowed, allow_expired) if isinstance(raw, str) else None
        if claims is None:
            raise
        return claims


def authenticate(
    raw: str, request: "HttpRequest | None" = None
) -> "tuple[AbstractBaseUser, Claims]":
    """Return the user and the claims of an access token. One query.

    ``request`` tells from where an API token was last used.
    """
    raw = redact(raw)
    try:
        claims = _decode(raw, ACCESS)
        user = endings.load_user(claims)
    except AuthError as error:
        signals.send_refused(LoginSession, ACCESS, error)
        raise
    if is_api_token(claims):
        api_tokens.record_use(claims["sid"], request)
    return user, claims


def authenticate_request(
    raw: str, request: "HttpRequest"
) -> "tuple[AbstractBaseUser, dict[str, Any]]":
    """Return what authenticate() says of the token of a request, asked once.

    A middleware, a decorator and Django REST framework may all ask about one request.
    """
    # The tenant may be found out between two of them.
    key = raw, get_token_tenancy().tenant
    known = vars(request).get(_KNOWN)
    if known is None or known[0] != key:
        known = vars(request)[_KNOWN] = key, _ask(raw, request)
    if isinstance(known[1], AuthError):
        raise known[1]
    found: tuple[AbstractBaseUser, dict[str, Any]] = known[1]
    return found


def _ask(raw: str, request: "HttpRequest") -> Any:
    """Return what authenticate_request() is to return, or the refusal that it is to raise."""
    try:
        return authenticate(raw, request)
    except AuthError as error:
        # Its frames would be kept as long as the request.
        return error.with_traceback(None)


def verify(raw: str) -> Claims:
    """Return the claims of a token of any type that would be accepted. Writes nothing."""
    return introspect(redact(raw))[1]


def introspect(raw: str) -> "tuple[AbstractBaseUser, Claims]":
    """Return the user and the claims of a token of any type; see verify()."""
    raw = redact(raw)
    claims = _decode(raw, ACCESS, REFRESH)
    if claims["token_type"] == ACCESS:
        return rules.load_user(claims), claims
    live = rules.load(claims)
    # What was just superseded counts as good: a thief must not learn when to use his copy.
    rotation.superseded(live.session, claims["gen"], moments.now())
    return live.user, claims


# --- refresh


def refresh(
    raw: str,
    request: "HttpRequest | None" = None,
    *,
    scope: str | None = None,
    max_length: int = tokens.MAX_LENGTH,
) -> TokenPair:
    """Exchange a refresh token for the next pair: a compare-and-swap on its sign-in.

    A superseded token ends the sign-in before ``RefreshTokenReused`` is raised. Do not
    let that escape an ``atomic()`` of your own: the rollback would revive the sign-in.

    ``request`` tells where it comes from; without one, a replay within the grace period
    passes for the client's own wherever it comes from. ``scope`` narrows the access token of
    this pair; ``InsufficientScope`` when it asks for more than the sign-in was granted.
    ``ValueError`` for a token of more than ``max_length`` bytes; nothing has changed then.
    """
    raw = redact(raw)
    try:
        return _refresh(raw, request, scope, max_length)
    except AuthError as error:
        signals.send_refused(LoginSession, REFRESH, error)
        raise


def _refresh(
    raw: str, request: "HttpRequest | None", scope: str | None, max_length: int
) -> TokenPair:
    at = moments.now()
    claims = _decode(raw, REFRESH)
    narrowed = scopes.narrow(claims.get("scope"), scope)
    carried = {name: value for name, value in claims.items() if name not in RESERVED_CLAIMS}
    arrival = rotation.Arrival(at, device.get_device(request))
    rotated = get_settings().ROTATE_REFRESH_TOKENS
    in_transaction = connections[database.alias()].in_atomic_block
    try:
        live = rules.load(claims, lock=in_transaction)
        if live.session._state.adding:
            legacy.adopt(live.session)

        def sign(session: LoginSession) -> TokenPair:
            return issue(
                session, live.user, carried, rotated=rotated, scope=narrowed, max_length=max_length
            )

        pair = rotation.exchange(live, claims, arrival, sign, retry=not in_transaction)
    except TokenError as error:
        _end_because(error, claims, arrival)
        raise
    signals.send_after_commit(
        signals.session_refreshed,
        LoginSession,
        using=database.alias(),
        session_id=live.session.id,
        user=live.user,
    )
    return pair


def _end_because(error: TokenError, claims: Claims, arrival: rotation.Arrival) -> None:
    if not isinstance(error, RefreshTokenReused):
        endings.because(error, claims)
        return
    device = arrival.device
    if endings.because(error, claims, **rotation.replay_fields(arrival)):
        logger.warning(
            "Superseded refresh token for sign-in %s: sign-in ended",
            claims["sid"],
            extra={
                "event": "refresh_token_reused",
                "sid": claims["sid"],
                "ip_address": device.ip_address,
            },
        )
        signals.send_after_commit(
            signals.refresh_token_reused,
            LoginSession,
            using=database.alias(),
            session_id=UUID(claims["sid"]),
            subject=claims["sub"],
            presented=claims["gen"],
            ip_address=device.ip_address,
            user_agent=device.user_agent,
        )


# --- blacklist


def blacklist(
    raw: str,
    *allowed: TokenType,
    reason: str = Reason.SIGNED_OUT,
    via: str = Via.CODE,
    by: "AbstractBaseUser | None" = None,
    note: str = "",
    may_end: bool = True,
) -> Claims:
    """Refuse a token from now on and return its claims.

    A refresh token ends its sign-in; an API token or a one-time token, which is the only one
    of its row, ends that. Of the ``allowed`` types, any when none is named. Doing it again
    changes nothing, and a token that has expired can still sign out. A token of an unknown
    sign-in, which nothing accepts anyway, leaves no row. Beyond the rate ``blacklist`` of
    ``THROTTLE_RATES``, what a user sends to the API ends the sign-in and leaves none.
    Without ``may_end``, raises ``WrongTokenType`` for a token that would end a sign-in.
    """
    raw = redact(raw)
    claims = _decode(raw, *(allowed or (ACCESS, REFRESH, ONE_TIME)), allow_expired=True)
    ends = claims["token_type"] != ACCESS or is_api_token(claims)
    if ends and not may_end:
        raise WrongTokenType
    with database.reporting_unavailable():
        session, recorded = _find_session(claims)
        session = session or _adopt(claims)
        # Nothing accepts a token of an unknown sign-in; a legacy access token may have none.
        if session is None and not ("legacy" in claims and claims["token_type"] == ACCESS):
            return claims
        if session and by is None and via == Via.API:
            by = session.user
        record: dict[str, Any] = {"reason": reason, "via": via, "by": by, "note": note}
        if session and ends:
            endings.end_one(session.id, **record)
        if session and via == Via.API and (recorded or not _may_record(session)):
            # Refused in any case: without a row, no token of the sign-in may be left.
            if not recorded and claims["exp"] + get_settings().LEEWAY.total_seconds() > time.time():
                endings.end_one(session.id, **record)
            return claims
        rows.add_blacklisted(
            claims["jti"],
            claims["token_type"],
            session,
            # A legacy token may have no sign-in, but a user who was just found.
            user_id=session.user_id if session else claims["sub"],
            subject=claims["sub"],
            expires_at=moments.to_datetime(claims["exp"]),
            **record,
        )
    return claims


def _find_session(claims: Claims) -> tuple[LoginSession | None, bool]:
    """Return the sign-in, and whether the token is known to be blacklisted.

    With its user, who may be deleted, or hidden by their manager.
    """
    found = lookup.find_session(claims, lock=False)
    if found and isinstance(found.session, LoginSession):
        return found.session, found.blacklisted
    sessions = LoginSession.objects.using(database.alias()).select_related("user")
    return sessions.filter(pk=claims["sid"], subject=claims["sub"]).first(), False


def _may_record(session: LoginSession) -> bool:
    """Count a row of the blacklist for the user of the sign-in; False when it is too many."""
    try:
        if session.user is not None:
            throttling.count_made("blacklist", session.user)
    except Throttled:
        return False
    return True


def _adopt(claims: Claims) -> LoginSession | None:
    """Write the sign-in of a legacy refresh token, so that a refresh meanwhile finds it ended."""
    found = lookup.find_session(claims, lock=False) if "legacy" in claims else None
    if found is None or claims["token_type"] != REFRESH or claims["exp"] <= time.time():
        return None
    current = rules.auth_hash(found.user)
    session = rules.make_legacy_session(UUID(claims["sid"]), found.user, claims["exp"], current)
    session.user = cast("User", found.user)
    legacy.adopt(session)
    return session


# --- async twins


async def astart(
    user: "AbstractBaseUser",
    request: "HttpRequest | None" = None,
    claims: Mapping[str, Any] | None = None,
    *,
    logged_in: bool = False,
    max_length: int = tokens.MAX_LENGTH,
) -> TokenPair:
    """See start()."""
    return await sync_to_async(start)(
        user, request, claims, logged_in=logged_in, max_length=max_length
    )


async def aauthenticate(
    raw: str, request: "HttpRequest | None" = None
) -> "tuple[AbstractBaseUser, Claims]":
    """See authenticate()."""
    return await sync_to_async(authenticate)(raw, request)


async def aauthenticate_request(
    raw: str, request: "HttpRequest"
) -> "tuple[AbstractBaseUser, dict[str, Any]]":
    """See authenticate_request()."""
    return await sync_to_async(authenticate_request)(raw, request)


async def averify(raw: str) -> Claims:
    """See verify()."""
    return await sync_to_async(verify)(raw)


async def aintrospect(raw: str) -> "tuple[AbstractBaseUser, Claims]":
    """See introspect()."""
    return await sync_to_async(introspect)(raw)


async def arefresh(
    raw: str,
    request: "HttpRequest | None" = None,
    *,
    scope: str | None = None,
    max_length: int = tokens.MAX_LENGTH,
) -> TokenPair:
    """See refresh()."""
    return await sync_to_async(refresh)(raw, request, scope=scope, max_length=max_length)


async def ablacklist(
    raw: str,
    *allowed: TokenType,
    reason: str = Reason.SIGNED_OUT,
    via: str = Via.CODE,
    by: "AbstractBaseUser | None" = None,
    note: str = "",
    may_end: bool = True,
) -> Claims:
    """See blacklist()."""
    return await sync_to_async(blacklist)(
        raw, *allowed, reason=reason, via=via, by=by, note=note, may_end=may_end
    )
