"""Incidents of one account: a device, a password, a person, a token, an address."""

from dataclasses import replace

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ...conf import get_settings, moments
from ...models import Kind, LoginSession, Reason
from ...signins import rules
from ...store.networks import spell
from ..wording import amount, in_words
from . import steps
from .case import MAX_ROWS, MAX_SEEN, Case
from .steps import Plan, Step


def stolen_device(case: Case) -> Plan:
    lifetime = in_words(get_settings().SESSION_LIFETIME)
    return Plan(
        dangers=[
            _("Whoever has the device can act as its user, for up to %(time)s.")
            % {"time": lifetime},
            _("API tokens in files on the device, and passwords that its browser has saved."),
        ],
        safe=[
            _("The user's other devices: each has its own sign-in."),
            _("The password, unless the device has saved it: no token contains it."),
        ],
        steps=[
            _end_device(case),
            _end_api_tokens(case),
            steps.change_password(
                case,
                _("Change the password"),
                _(
                    "Do this if the device has saved the password, or if a browser on it is "
                    "signed in to Django, such as to this admin: it stays signed in until the "
                    "password changes. A new password ends all sign-ins of the user."
                ),
            ),
        ],
    )


def _end_device(case: Case) -> Step:
    title = _("End the sign-in of the device")
    text = _(
        "If you cannot tell which one it is, end all of them: the user signs in again on the "
        "other devices."
    )
    if not case.user:
        return Step(title, text)
    live = case.of_user().of_kind(Kind.SIGN_IN)
    rows, count = list(live.select_related("user")[:MAX_ROWS]), live[: MAX_SEEN + 1].count()
    ended = case.last_end(Reason.STOLEN)
    seen = [steps.end_text(ended)] if ended else []
    return Step(
        title,
        text,
        done=bool(ended) or not count,
        seen=" ".join([*seen, steps.live_text(case, count)]),
        rows=[steps.make_row(case, row, Reason.STOLEN) for row in rows],
        buttons=[steps.end_all_button(case, Reason.STOLEN)] if count else [],
    )


def _end_api_tokens(case: Case) -> Step:
    title = _("End the API tokens that were on it")
    if not case.user:
        return Step(title)
    count = case.of_user().of_kind(Kind.API_TOKEN)[: MAX_SEEN + 1].count()
    query = {"user": case.user.pk, "kind": Kind.API_TOKEN, "status": "live"}
    return Step(
        title,
        done=not count or None,
        seen=steps.tokens_text(count),
        buttons=[case.list_of(_("Show the API tokens"), **query)] if count else [],
    )


def taken_over(case: Case) -> Plan:
    user = [case.list_of(_("Show all sign-ins"), user=case.user.pk)] if case.user else []
    return Plan(
        dangers=[
            _("Everything that the user may do."),
            _("The account itself, if its e-mail address or second factor was changed."),
        ],
        safe=[_("Other accounts, unless they have the same password.")],
        steps=[
            steps.change_password(
                case,
                _("Change the password or deactivate the user"),
                _("Do this first: whoever knows the password can sign in again at once."),
            ),
            steps.end_all(case, Reason.COMPROMISED),
            Step(
                _("Check what was changed"),
                _(
                    "Look at the e-mail address, to which links for a new password are sent, at "
                    "the second factor, and at what the user may do."
                ),
            ),
            Step(
                _("Look where the sign-ins came from"),
                _("The same address may have signed in to other accounts."),
                buttons=[*user, case.incident(_("An address is suspicious"), "address")],
            ),
        ],
    )


def person_left(case: Case) -> Plan:
    lifetime = in_words(get_settings().API_TOKENS.MAX_LIFETIME)
    user = case.user
    deactivate = steps.change_password(
        case,
        _("Deactivate the user"),
        _("This ends all sign-ins and API tokens of the user. Scripts that use one stop working."),
    )
    if user and rules.is_active(user):
        seen = _("%(user)s is active.") % {"user": case.user_name}
        deactivate = replace(deactivate, done=False, seen=seen)
    return Plan(
        dangers=[
            _("API tokens of the person: each works for up to %(time)s.") % {"time": lifetime},
            _("What the person knew: shared passwords, keys, SECRET_KEY."),
        ],
        safe=[_("The records of what the person did: they outlive the account.")],
        steps=[
            deactivate,
            steps.end_all(case, Reason.LEFT),
            Step(
                _("Replace what the person knew"),
                _("Shared passwords and, if the person had access to them, the keys."),
                buttons=[
                    case.incident(_("A signing key leaked"), "signing_key"),
                    case.incident(_("SECRET_KEY leaked"), "secret_key"),
                ],
            ),
        ],
    )


def leaked_token(case: Case) -> Plan:
    conf = get_settings()
    session = case.session
    over = session is not None and session.ended_at is not None
    lifetimes = {
        "refresh": in_words(conf.SESSION_LIFETIME),
        "access": in_words(conf.ACCESS_TOKEN_LIFETIME),
        "api": in_words(conf.API_TOKENS.MAX_LIFETIME),
    }
    return Plan(
        dangers=[
            _(
                "Whoever has the token acts as its user: with a refresh token for up to "
                "%(refresh)s, with an access token for up to %(access)s, with an API token for "
                "up to %(api)s."
            )
            % lifetimes
        ],
        safe=[_("The password, and the user's other sign-ins.")],
        steps=[
            Step(
                _("Find the token"),
                _(
                    "Paste the token or whatever you have, such as the line of a log, or the "
                    "whole message of whoever found it. It is looked up and not stored."
                ),
                done=True if session else None,
            ),
            Step(
                _("End its sign-in"),
                _(
                    "It is rarely enough to blacklist only the token, because the refresh token "
                    "of the same sign-in may have leaked with it."
                ),
                done=over if session else None,
                seen=steps.end_text(session) if session else "",
                buttons=[steps.end_button(case, session, Reason.STOLEN)]
                if session and not over
                else [],
            ),
            Step(
                _("Find out where it leaked"),
                _(
                    "Delete it there: in the log, the repository or the chat. If the place "
                    "contained the tokens of many users, end all sign-ins and API tokens that "
                    "were started before you cleaned it."
                ),
                buttons=[steps.end_before_button(case)],
            ),
        ],
    )


def suspicious_address(case: Case) -> Plan:
    found = case.of_network(case.network).select_related("user") if case.network else None
    rows = list(found[: MAX_SEEN + 1]) if found is not None else []
    users = {row.user.pk: row.user for row in rows if row.user}
    return Plan(
        dangers=[_("Accounts whose password was guessed or stolen, and was used from there.")],
        safe=[
            _(
                "Accounts without a sign-in from there. Failed attempts are limited. You find "
                "them in the log, not here."
            )
        ],
        steps=[
            _end_of_address(case, rows),
            Step(
                _("Secure the accounts"),
                _("Whoever signed in from there knows the password."),
                buttons=[
                    case.incident(str(user.get_username() or pk), "taken_over", user=pk)
                    for pk, user in list(users.items())[:MAX_ROWS]
                ],
            ),
            Step(
                _("Block the address"),
                _(
                    "Do this in the firewall or the proxy. Many people may share the address, as "
                    "in an office or a mobile network. If everybody's sign-ins come from it, it "
                    "is the address of your own proxy: set NUM_PROXIES."
                ),
            ),
        ],
    )


def _end_of_address(case: Case, rows: list[LoginSession]) -> Step:
    title = _("End the sign-ins from there")
    if not case.network:
        return Step(title)
    live = [row for row in rows if row.is_live()]
    words = {"count": amount(len(rows), MAX_SEEN), "live": amount(len(live))}
    seen = ngettext(
        "%(count)s sign-in was started or used from there; live: %(live)s.",
        "%(count)s sign-ins were started or used from there; live: %(live)s.",
        len(rows),
    )
    shown = live[:MAX_ROWS]
    sids = [row.sid for row in shown]
    reason = Reason.COMPROMISED
    end = case.button(_("End the listed sign-ins"), "end", "end_sessions", sid=sids, reason=reason)
    since = {"created_at__gte": moments.aware(case.since).isoformat()} if case.since else {}
    show = case.list_of(_("Show them in the list"), q=spell(case.network), **since)
    return Step(
        title,
        done=not live,
        seen=seen % words,
        rows=[steps.make_row(case, row, reason) for row in shown],
        buttons=[*([end] if live else []), *([show] if rows else [])],
    )
