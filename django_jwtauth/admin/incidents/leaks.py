"""Incidents of the whole project: a signing key, the database, or ``SECRET_KEY`` leaked."""

from datetime import timedelta

from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ...conf import get_settings
from ...exceptions import TokenError
from ...models import Kind, LoginSession
from ...signins import rules
from ...tokens.keyrings import KeyRing, get_access_ring
from ..keys import STARTED
from ..wording import in_words, moment
from . import steps
from .case import MAX_SEEN, Case
from .steps import Plan, Step

#: For how long verifiers keep a copy of the public keys.
COPIES = timedelta(minutes=5)
#: Apps whose tables contain tokens that can be used as they are.
KEEP_TOKENS = (
    "rest_framework_simplejwt.token_blacklist",
    "rest_framework.authtoken",
    "oauth2_provider",
)
#: Where Django keeps browser sessions in the database.
SESSIONS_IN_DATABASE = (
    "django.contrib.sessions.backends.db",
    "django.contrib.sessions.backends.cached_db",
)
GENERATE_KEY = "python manage.py jwtauth_generate_key --output jwt-new.pem"
GENERATE_TEXT = 'python -c "import secrets; print(secrets.token_urlsafe(50))"'
DELETE_SESSIONS = (
    'python manage.py shell -c "from django.contrib.sessions.models import Session; '
    'Session.objects.all().delete()"'
)


def signing_key(case: Case) -> Plan:
    derived = _(
        "No key is configured: access tokens are signed with a secret that is derived from "
        "SECRET_KEY. If that leaked, choose “SECRET_KEY leaked”."
    )
    return Plan(
        dangers=[
            *([] if get_settings().KEYS else [derived]),
            _(
                "Whoever has the key can make access tokens. Services that only verify tokens "
                "accept them for any user while they trust the key."
            ),
            _(
                "This project accepts them only for a live sign-in whose id the attacker knows. "
                "Ids are in logs and in every access token."
            ),
        ],
        safe=[
            _(
                "Refresh tokens and one-time tokens, which are signed with secrets derived from "
                "SECRET_KEY. Nobody has to sign in again."
            )
        ],
        steps=[
            Step(
                _("Make a new key"),
                _("The command writes the key to the file, and prints its entry for KEYS."),
                command=GENERATE_KEY,
            ),
            *_replace_key(case),
            Step(
                _("Have the services fetch the new key"),
                _(
                    "A service that only verifies tokens keeps a copy of the public keys for up "
                    "to %(time)s. Until then it trusts the leaked key and may refuse the new one. "
                    "Restart it to shorten this. If it has the key as a file, replace the file: "
                    "run jwtauth_export_keys."
                )
                % {"time": in_words(COPIES)},
            ),
            steps.replace_api_tokens(
                case,
                _(
                    "Those that the leaked key signed are refused, although the list shows them "
                    "as live."
                ),
            ),
            Step(
                _("End the sign-ins that may have been abused"),
                _(
                    "Do this if ids of sign-ins leaked as well, as in a log. This ends all older "
                    "API tokens, too."
                ),
                buttons=[steps.end_before_button(case)],
            ),
        ],
    )


def find_kids() -> list[str]:
    """Return the ids of the keys of this process."""
    return [key.kid for key in _read_ring()[0].keys if key.kid]


def _read_ring() -> tuple[KeyRing, str]:
    """Return the keys for access tokens; without any, also what is wrong with the settings."""
    try:
        return get_access_ring(), ""
    except ImproperlyConfigured as error:
        return KeyRing([]), str(error)


def _replace_key(case: Case) -> list[Step]:
    """Return the steps that depend on the keys of this process."""
    ring, problem = _read_ring()
    signer = ring.find_signer()
    name = (signer.kid or signer.algorithm) if signer else "-"
    seen = problem or _("This key signs now: %(key)s.") % {"key": name}
    kid, kids = case.kid, find_kids()
    replaced = bool(signer and signer.kid and signer.kid != kid)
    place = Step(
        _("Put it in the place of the leaked key"),
        _(
            "In KEYS, replace the entry of the leaked key. Leave out “active_from”, so that the "
            "new key signs at once. Never leave the list empty: a secret derived from SECRET_KEY "
            "would sign, and nothing else could verify the tokens."
        ),
        done=replaced if kid else None,
        seen=seen,
        buttons=[case.button(_("Keys"), "keys")],
    )
    words = {"key": kid, "time": moment(STARTED)}
    if not kid:
        seen = ""
    elif kid in kids:
        seen = _("The process that answered (started: %(time)s) still accepts the key.")
    else:
        seen = _(
            "The process that answered (started: %(time)s) does not know the key. Load this page "
            "several times, because another process may answer."
        )
    restart = Step(
        _("Stop all processes, then start them"),
        _(
            "Do not restart one after the other: a process with the old settings accepts the "
            "leaked key and refuses the new one. Clients then get 401, and refresh."
        ),
        done=kid not in kids if kid else None,
        seen=seen % words,
    )
    return [place, restart]


def database(case: Case) -> Plan:
    in_table = settings.SESSION_ENGINE in SESSIONS_IN_DATABASE
    others = [app for app in KEEP_TOKENS if apps.is_installed(app)]
    sessions = _(
        "Browser sessions of Django, such as those of this admin: whoever has a copy of the "
        "table is signed in as their users."
    )
    tokens = _("Tokens of other packages, which can be used as they are: %(names)s.")
    return Plan(
        dangers=[
            _("Hashes of passwords, from which weak passwords can be guessed."),
            *([sessions] if in_table else []),
            *([tokens % {"names": ", ".join(others)}] if others else []),
            _(
                "Names, e-mail addresses, IP addresses and devices, and whatever else your "
                "tables contain, such as the secrets of second factors."
            ),
        ],
        safe=[
            _(
                "Sign-ins, API tokens and one-time tokens. Their tables contain no token, key or "
                "signature, and nobody can make a token from what they contain."
            ),
            _("SECRET_KEY and KEYS, unless the backup contained the settings."),
        ],
        steps=[
            Step(
                _("Delete the browser sessions of Django"),
                _("Everybody signs in to Django again, you too. API clients stay signed in."),
                done=None if in_table else True,
                seen="" if in_table else _("The database contains none."),
                command=DELETE_SESSIONS if in_table else "",
            ),
            Step(
                _("Delete the tokens of other packages"),
                _("Clients then have to get new ones."),
                done=None if others else True,
                seen=", ".join(others) or _("No such package is installed."),
            ),
            *_refuse_legacy(case),
            Step(
                _("Have the passwords changed"),
                _("Begin with staff. A new password ends all sign-ins of its user."),
            ),
            Step(
                _("Replace the keys if the backup contained them"),
                _("A backup of the whole server contains the settings, and SECRET_KEY with them."),
                buttons=[
                    case.incident(_("SECRET_KEY leaked"), "secret_key"),
                    case.incident(_("A signing key leaked"), "signing_key"),
                ],
            ),
            Step(
                _("Report the leak"),
                _(
                    "Tell whoever is responsible for data protection: personal data leaked, and "
                    "the law may set a time limit."
                ),
            ),
        ],
    )


def _refuse_legacy(case: Case) -> list[Step]:
    until = get_settings().legacy_until()
    if until is None:
        return []
    text = _(
        "Legacy tokens are accepted until %(time)s, and the tables of the package that issued "
        "them may contain refresh tokens. If you end all sign-ins, they are refused, too."
    )
    button = steps.end_before_button(case)
    return [Step(_("Refuse legacy tokens"), text % {"time": moment(until)}, buttons=[button])]


def secret_key(case: Case) -> Plan:
    conf = get_settings()
    legacy = _("Until %(time)s, legacy tokens of any user, if they are signed with SECRET_KEY.")
    until = conf.legacy_until()
    return Plan(
        dangers=[
            _(
                "Refresh tokens, one-time tokens and access tokens can be forged. A forged token "
                "must name a live sign-in and its user. Ids of sign-ins are in logs and tokens."
            ),
            *([legacy % {"time": moment(until)}] if until else []),
            _(
                "Whatever else Django signs with it: sessions in cookies, links that confirm an "
                "address and, for those who also have the database, links for a new password."
            ),
            _("The cookie of a known browser can be forged, to guess a password more often."),
        ],
        safe=[
            _("Passwords: their hashes do not depend on SECRET_KEY."),
            _("CSRF tokens, which are random."),
            *([_("KEYS, and API tokens that were signed with them.")] if conf.KEYS else []),
        ],
        steps=[
            Step(_("Make a new SECRET_KEY"), command=GENERATE_TEXT),
            _replace_secret_key(),
            _restart(case),
            Step(
                _("End the old sign-ins"),
                _(
                    "After the restart they are refused, but the list shows them as live until "
                    "you end them. This ends all older API tokens, too."
                ),
                done=not case.before(Kind.SIGN_IN).exists() if case.since else None,
                buttons=[steps.end_before_button(case)],
            ),
            steps.replace_api_tokens(
                case,
                _(
                    "Those that were created without KEYS are refused. Those that were signed "
                    "with a key in KEYS stay valid."
                ),
                stay=bool(conf.KEYS),
            ),
        ],
    )


def _replace_secret_key() -> Step:
    fallbacks = len(settings.SECRET_KEY_FALLBACKS)
    seen = ngettext(
        "SECRET_KEY_FALLBACKS contains %(count)s key.",
        "SECRET_KEY_FALLBACKS contains %(count)s keys.",
        fallbacks,
    )
    return Step(
        _("Replace SECRET_KEY without a fallback"),
        _(
            "With the leaked key in SECRET_KEY_FALLBACKS, forged tokens are still accepted. "
            "Replace it in every project that shares it."
        ),
        done=False if fallbacks else None,
        seen=seen % {"count": fallbacks},
    )


def _restart(case: Case) -> Step:
    done, seen = None, ""
    # Without such hashes, the rows do not depend on SECRET_KEY.
    if case.since and hasattr(get_user_model(), "get_session_auth_hash"):
        rows = case.before(Kind.SIGN_IN).select_related("user")[:MAX_SEEN]
        accepted = sum(map(_is_accepted, rows))
        done = not accepted
        seen = ngettext(
            "The process that answered (started: %(time)s) accepts %(count)s older sign-in. Load "
            "this page several times, because another process may answer.",
            "The process that answered (started: %(time)s) accepts %(count)s older sign-ins. Load "
            "this page several times, because another process may answer.",
            accepted,
        ) % {"count": accepted, "time": moment(STARTED)}
    return Step(
        _("Stop all processes, then start them"),
        _(
            "This ends every sign-in, every browser session of Django, and every link for a new "
            "password that was sent. You sign in again, too."
        ),
        done=done,
        seen=seen,
    )


def _is_accepted(session: LoginSession) -> bool:
    try:
        rules.check_row(session)
    except TokenError:
        return False
    return True
