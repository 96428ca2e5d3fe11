"""Read ``JWTAUTH``: its values, and everything that is wrong with them."""

from collections.abc import Mapping
from dataclasses import fields
from difflib import get_close_matches
from typing import Any, NamedTuple

from .schema import Settings

_ON_HERE = "remove it, it is always on."
_IN_KEYS = 'list keys and their algorithms in "KEYS".'
# Settings of djangorestframework-simplejwt that are similar, or that need an explanation.
SIMPLEJWT = {
    "ALGORITHM": _IN_KEYS,
    "SIGNING_KEY": _IN_KEYS,
    "VERIFYING_KEY": _IN_KEYS,
    "BLACKLIST_AFTER_ROTATION": _ON_HERE,
    "CHECK_REVOKE_TOKEN": _ON_HERE,
    "CHECK_USER_IS_ACTIVE": _ON_HERE,
    "USER_ID_FIELD": 'it is called "SUBJECT_FIELD" here.',
    "JTI_CLAIM": "remove it, the claim is always called jti.",
    "TOKEN_TYPE_CLAIM": "remove it, the claim is always called token_type.",
}
# Names from before settings had groups.
FORMER = {
    "API_TOKENS_SURVIVE_PASSWORD_CHANGE": "JWTAUTH['API_TOKENS']['SURVIVE_PASSWORD_CHANGE']",
    "API_TOKEN_MAX_LIFETIME": "JWTAUTH['API_TOKENS']['MAX_LIFETIME']",
    "CLAIMS_HOOK": "JWTAUTH['HOOKS']['CLAIMS']",
    "CLIENT_IP_HOOK": "JWTAUTH['HOOKS']['CLIENT_IP']",
    "COOKIE_NAME": "JWTAUTH['COOKIES']['NAME']",
    "COOKIE_SAMESITE": "JWTAUTH['COOKIES']['SAMESITE']",
    "COOKIE_SECURE": "JWTAUTH['COOKIES']['SECURE']",
    "GROUPS_CLAIM": "JWTAUTH['CLAIMS']['GROUPS']",
    "JWKS_URL": "an entry of JWTAUTH['ISSUERS'], under your own ISSUER",
    "LEGACY_DECODER": "JWTAUTH['LEGACY']['DECODER']",
    "LEGACY_UNTIL": "JWTAUTH['LEGACY']['UNTIL']",
    "MAX_API_TOKENS_PER_USER": "JWTAUTH['API_TOKENS']['MAX_PER_USER']",
    "ONE_TIME_PURPOSES": "JWTAUTH['ONE_TIME']['PURPOSES']",
    "PERMISSIONS_CLAIM": "JWTAUTH['CLAIMS']['PERMISSIONS']",
    "SCOPES_HOOK": "JWTAUTH['HOOKS']['SCOPES']",
    "SIGN_IN_HOOK": "JWTAUTH['HOOKS']['SIGN_IN']",
    "TENANT_HOOK": "JWTAUTH['HOOKS']['TENANT']",
    "THROTTLE_CACHE": "JWTAUTH['THROTTLES']['CACHE']",
    "THROTTLE_RATES": "JWTAUTH['THROTTLES']['RATES']",
    "TRUSTED_ISSUERS": "JWTAUTH['ISSUERS']",
}


class Problem(NamedTuple):
    """One problem in ``JWTAUTH``: where it is, and what to change.

    ``where``: the names that lead there, like ``("COOKIES", "SAMESITE")``; empty for the whole.
    """

    where: tuple[str, ...]
    message: str
    #: Whether there is no setting with this name.
    unknown: bool = False

    def __str__(self) -> str:
        return f"JWTAUTH{''.join(f'[{name!r}]' for name in self.where)} {self.message}"


def read(
    given: Any, kind: type = Settings, where: tuple[str, ...] = ()
) -> tuple[dict[str, Any], list[Problem]]:
    """Return the values for the fields of ``kind``, and all problems, in no order."""
    known = {item.name: item for item in fields(kind)}
    if not isinstance(given, Mapping):
        some = f" with some of {', '.join(known)}" if where else ""
        return {}, [Problem(where, f"must be a dict{some}.")]
    values: dict[str, Any] = {}
    problems = [_unknown(name, known, where) for name in given if name not in known]
    for name in known.keys() & given.keys():
        group = known[name].metadata.get("group")
        if group:
            inside, found = read(given[name], group, (name,))
            values[name] = group(**inside)
            problems += found
            continue
        try:
            values[name] = known[name].metadata["parse"](given[name])
        except ValueError as error:
            problems.append(Problem((*where, name), str(error)))
    return values, problems


def _unknown(name: Any, known: Mapping[str, Any], where: tuple[str, ...]) -> Problem:
    if name in FORMER:
        message = f"is now {FORMER[name]}."
    else:
        hint = SIMPLEJWT.get(name) or _suggestion(name, [*known, *(() if where else FORMER)])
        message = f"is not a setting: {hint}"
    return Problem((*where, str(name)), message, unknown=True)


def _suggestion(name: Any, known: list[str]) -> str:
    close = get_close_matches(str(name).strip().upper(), known, n=1)
    if not close:
        return "see the settings page for the names."
    return f"did you mean {FORMER.get(close[0], repr(close[0]))}?"
