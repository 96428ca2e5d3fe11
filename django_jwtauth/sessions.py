"""The life of a sign-in: start, authenticate, verify, refresh, end, blacklist.

Every adapter asks here, so there is one answer to whether a token is valid. Each function has
an async twin, named ``a...``, which runs the same rules in Django's thread for sync code.

All raise ``TokenError`` for a token that is refused, and ``Unavailable`` if the database does
not answer.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from asgiref.sync import sync_to_async

from . import api_tokens, signals, throttling, tokens
from .claims import (
    ACCESS,
    ONE_TIME,
    REFRESH,
    Claims,
    TokenType,
    is_api_token,
    is_of_sign_in,
    is_sid,
    parse_sid,
)
from .conf import get_settings, moments, one_tenancy
from .exceptions import AuthError, Throttled, TokenError, WrongTokenType
from .http.transport import get_header_token, has_header
from .models import Cause, LoginSession, Reason, Via
from .permissions import IsPerson
from .redacted import redact
from .signins import (
    blacklisting,
    django_signals,
    endings,
    erasing,
    legacy,
    refreshing,
    rotation,
    rows,
    rules,
)
from .signins.issuing import carried_claims, issue
from .signins.lifetimes import choose as choose_lifetimes
from .store import database, identity
from .tokens import TokenPair as TokenPair
from .tokens.keyrings import get_token_tenancy

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser
    from django.http import HttpRequest

# Where a request keeps the answer.
_KNOWN = "_jwtauth_known"


# --- start


def start(
    user: "AbstractBaseUser",
    request: "HttpRequest | None" = None,
    claims: Mapping[str, Any] | None = None,
    *,
    lifetimes: Mapping[str, timedelta | int] | None = None,
    remember: bool = True,
    logged_in: bool = False,
    max_length: int = tokens.MAX_LENGTH,
) -> TokenPair:
    """Sign ``user`` in and return the first pair. One INSERT.

    Every refresh of this sign-in keeps ``claims`` (JSON values) and ``lifetimes``: how long it
    lasts at most (``session``), how long it may stay idle (``refresh``), and how long its access
    tokens are valid (``access``), each a ``timedelta`` or seconds. The shortest of these, of
    ``HOOKS["LIFETIMES"]`` and of the settings applies. Without ``remember``, so does
    ``SESSION_LIFETIME_NOT_REMEMBERED``.

    Raises ``UserInactive``; ``UserNotFound`` if the user was deleted meanwhile; ``TypeError`` if
    ``user`` is not an instance of ``AUTH_USER_MODEL``; and ``ValueError`` for a reserved claim,
    lifetimes that are not understood, an unsaved user, a primary key that does not fit into a
    token (``UnusableKey``), or a token of more than ``max_length`` bytes.

    Writes ``last_login`` and, if there is a ``request``, sends Django's ``user_logged_in``. If
    Django's ``login()`` has done both, pass ``logged_in=True``.
    """
    carried = carried_claims(claims or {})
    with one_tenancy():
        conf = get_settings()
        session = rows.make_session(user, request, conf.SESSION_LIFETIME)
        limits = choose_lifetimes(user, request, lifetimes, remember=remember)
        began = moments.aware(session.created_at)
        session.expires_at = moments.stored(limits.refresh_end(session, began))
        # Signed before it is written, so that a hook that fails leaves no row behind.
        pair = issue(session, user, carried, limits, rotated=True, max_length=max_length)
        using = database.alias()
        if conf.UPDATE_LAST_LOGIN and not logged_in:
            rows.insert_with_login(session, user)
        else:
            rows.insert(session)
        with database.reporting_unavailable():
            if conf.MAX_SESSIONS_PER_USER is not None:
                endings.end_oldest(session, conf.MAX_SESSIONS_PER_USER)
        signals.session_started.announce(
            LoginSession, using=using, session=session, user=user, request=request
        )
        if request is not None and not logged_in:
            django_signals.send_logged_in(user, request, using)
        return pair


# --- authenticate and verify


def _decode(raw: str, *allowed: TokenType, allow_expired: bool = False) -> Claims:
    """Return the verified claims, also of legacy tokens while these are accepted."""
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

    With ``request``, the address from which an API token was last used is recorded.
    """
    raw = redact(raw)
    with one_tenancy():
        return _authenticate(raw, request)


def _authenticate(raw: str, request: "HttpRequest | None") -> "tuple[AbstractBaseUser, Claims]":
    try:
        claims = _decode(raw, ACCESS)
        user = endings.load_user(claims)
    except AuthError as error:
        signals.token_refused.announce(LoginSession, token_type=ACCESS, reason=error.reason)
        raise
    if is_api_token(claims):
        api_tokens.record_use(claims["sid"], request)
    return user, claims


def authenticate_request(
    raw: str, request: "HttpRequest"
) -> "tuple[AbstractBaseUser, dict[str, Any]]":
    """Return what authenticate() returns for the token of a request, and ask only once.

    A middleware, a decorator and Django REST framework may all ask about the same request.
    """
    raw = redact(raw)
    with one_tenancy():
        # The tenant may become known between two of them.
        key = raw, get_token_tenancy().tenant
        known = vars(request).get(_KNOWN)
        if known is None or known[0] != key:
            known = vars(request)[_KNOWN] = key, _ask(raw, request)
    if isinstance(known[1], AuthError):
        raise known[1]
    found: tuple[AbstractBaseUser, dict[str, Any]] = known[1]
    return found


def authenticate_by_header(
    request: "HttpRequest",
) -> "tuple[AbstractBaseUser, dict[str, Any]] | None":
    """Return what authenticate_request() returns for the token in the header, or None.

    ``request``: Django's. A header with another scheme counts as none. Raises
    ``BadAuthorizationHeader`` unless exactly one token follows the scheme (RFC 6750, 2.1).
    """
    if not has_header(request):
        return None
    with one_tenancy():
        raw = get_header_token(request)
        return None if raw is None else authenticate_request(raw, request)


def _ask(raw: str, request: "HttpRequest") -> Any:
    """Return the result of authenticate_request(), or the refusal that it should raise."""
    try:
        return _authenticate(raw, request)
    except AuthError as error:
        # Otherwise its frames would be kept as long as the request.
        return error.with_traceback(None)


def verify(raw: str) -> "tuple[AbstractBaseUser, Claims]":
    """Return the user and the claims of an access or refresh token that would be accepted.

    One query; writes nothing. A refresh token within its grace period is accepted.
    """
    raw = redact(raw)
    with one_tenancy():
        claims = _decode(raw, ACCESS, REFRESH)
        if claims["token_type"] == ACCESS:
            return rules.load_user(claims), claims
        live = rules.load(claims)
        # A token that was just superseded counts as valid: a thief must not learn when to use it.
        rotation.superseded(live.session, claims, moments.now())
        return live.user, claims


# --- refresh


def refresh(
    raw: str,
    request: "HttpRequest | None" = None,
    *,
    scope: str | None = None,
    max_length: int = tokens.MAX_LENGTH,
    keep: bool = False,
) -> TokenPair:
    """Exchange a refresh token for the next pair: a compare-and-swap on its sign-in.

    A superseded token ends the sign-in before ``RefreshTokenReused`` is raised. Do not let that
    exception escape your own ``atomic()``: the rollback would revive the sign-in.

    ``request`` shows where the token comes from; without it, every replay within the grace
    period counts as the client's own. ``scope`` narrows the access token of this pair. Raises
    ``InsufficientScope`` if it contains more than the sign-in was granted, and ``ValueError``
    for a token of more than ``max_length`` bytes; nothing has changed then.
    With ``keep``, whatever ``ROTATE_REFRESH_TOKENS`` says, the refresh token stays the same and
    no row is written: the sign-in only gets another access token.
    """
    raw = redact(raw)
    at = moments.now()
    with one_tenancy():
        try:
            return refreshing.refresh(
                _decode(raw, REFRESH), request, at, scope, max_length, keep=keep
            )
        except AuthError as error:
            signals.token_refused.announce(LoginSession, token_type=REFRESH, reason=error.reason)
            raise


# --- end and blacklist


def end(
    sid: UUID | str,
    *,
    reason: str = Reason.SIGNED_OUT,
    via: str = Via.CODE,
    by: "AbstractBaseUser | str | None" = None,
    note: str = "",
    request: "HttpRequest | None" = None,
) -> bool:
    """End a sign-in, an API token or a one-time token, and return whether this call ended it.

    ``sid``: the claim of its tokens, or the ``id`` of its row. Returns False if there is none
    with this id, or if it had already ended. All its tokens are refused from the next request
    on. ``reason`` and ``via``: members of ``Reason`` and ``Via``, or the project's own words, 32
    characters at most. ``by``: the user who ends it, or text that names somebody without an
    account. One UPDATE. Sends ``sessions_ended``, and Django's ``user_logged_out`` if this is the
    ``request`` with which a user, ``by``, signs out. Raises ``Unavailable``.
    """
    key = sid if isinstance(sid, UUID) else parse_sid(str(sid))
    if key is None:
        return False
    with database.reporting_unavailable():
        ended = endings.end_one(key, Cause(reason, via, by, note))
    if ended and request is not None and by is not None and not isinstance(by, str):
        django_signals.send_logged_out(by, request, database.alias())
    return ended


def erase(
    user: "AbstractBaseUser | str",
    *,
    via: str = Via.CODE,
    by: "AbstractBaseUser | str | None" = None,
) -> int:
    """End all sign-ins of a person, and erase the person from the records.

    Names, addresses, user agents and notes go; the bare rows stay. ``user``: a saved user, or
    the ``sub`` of one who was deleted, which reads the whole table. Names that the user left in
    the records of others, as the one who ended a sign-in, go too, but not for a deleted user: so
    erase before you delete. Returns the number of rows of the person. One transaction. Raises
    ``Unavailable``, and ``TypeError`` or ``ValueError`` for what is no saved user.
    """
    return erasing.erase(user, by, via)


def blacklist(
    raw: str,
    *allowed: TokenType,
    reason: str = Reason.SIGNED_OUT,
    via: str = Via.CODE,
    by: "AbstractBaseUser | str | None" = None,
    note: str = "",
    may_end: bool = True,
    request: "HttpRequest | None" = None,
) -> Claims:
    """Blacklist a token, so that it is refused from now on, and return its claims.

    A refresh token also ends its sign-in, and an API token or a one-time token ends its row.
    ``allowed``: the types that are accepted, all if empty. Blacklisting a token twice changes
    nothing, and an expired token can still sign out. A token of an unknown sign-in, which is
    refused anyway, leaves no row. Above the rate ``blacklist`` of ``THROTTLES["RATES"]``, a
    token that a user sends to the API ends its sign-in but leaves no row. Without ``may_end``,
    raises ``WrongTokenType`` for a token that would end a sign-in. ``request``: that with which a
    user signs out; if a sign-in ends, sends Django's ``user_logged_out``.
    """
    raw = redact(raw)
    with one_tenancy():
        claims = _decode(raw, *(allowed or (ACCESS, REFRESH, ONE_TIME)), allow_expired=True)
        if not may_end and blacklisting.ends_row(claims):
            raise WrongTokenType
        ended = blacklisting.blacklist(claims, Cause(reason, via, by, note), _may_record)
        # Asked of the claims, because the row was read without its kind.
        if request is not None and ended and ended.user is not None and is_of_sign_in(claims):
            django_signals.send_logged_out(ended.user, request, database.alias())
        return claims


def _may_record(session: LoginSession) -> bool:
    """Count a row of the blacklist for the user of the sign-in; False if there are too many."""
    try:
        if session.user is not None:
            throttling.count_made("blacklist", session.user)
    except Throttled:
        return False
    return True


# --- keep


def keep(request: Any, user: "AbstractBaseUser") -> None:
    """Keep the current sign-in after its user has changed the password; all others end.

    The counterpart of Django's ``update_session_auth_hash()``: call it after ``user.save()``,
    with the object that was saved, and in the same ``atomic()`` block, so that the sign-in never
    seems to have ended. Otherwise an operator who ends it between the two is told that it had
    already ended, and this revives it. Its tokens stay valid, so the client gets no new ones.

    ``request``: Django's or that of Django REST framework, signed in with an access token of
    ``user``. Raises ``InsufficientUserAuthentication`` for an API token; ``CredentialsChanged`` if
    another request has changed the password again; ``SessionEnded`` if the sign-in was ended by
    anything else; and ``ValueError`` if the request has no access token, if it is signed in as
    another user, or if the password is not saved yet. Three statements.
    """
    with one_tenancy():
        claims: Any = getattr(request, "auth", None)
        if not _was_issued_here(claims):
            raise ValueError("The request has no access token of a sign-in that could be kept.")
        if missing := IsPerson.find_missing(request, claims):
            raise missing
        if claims["sub"] != identity.identify(user).subject:
            raise ValueError("Only the sign-in of the request's own user can be kept.")
        endings.keep(claims, user)


def _was_issued_here(claims: Any) -> bool:
    """Return whether these are the claims of an access token that was issued here."""
    return (
        isinstance(claims, Mapping)
        and claims.get("token_type") == ACCESS
        and is_sid(claims.get("sid"))
        and claims.get("iss") == get_settings().ISSUER
    )


# --- async twins

astart = sync_to_async(start)
aauthenticate = sync_to_async(authenticate)
aauthenticate_request = sync_to_async(authenticate_request)
averify = sync_to_async(verify)
arefresh = sync_to_async(refresh)
aend = sync_to_async(end)
aerase = sync_to_async(erase)
ablacklist = sync_to_async(blacklist)
akeep = sync_to_async(keep)


async def aauthenticate_by_header(
    request: "HttpRequest",
) -> "tuple[AbstractBaseUser, dict[str, Any]] | None":
    """See authenticate_by_header()."""
    # Most requests without a token need no thread.
    if not has_header(request):
        return None
    return await sync_to_async(authenticate_by_header)(request)
