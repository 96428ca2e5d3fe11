"""What to write into ``JWTAUTH`` for a project's ``SIMPLE_JWT``, and what cannot be written.

Nothing of a key is shown: the lines refer to ``SIMPLE_JWT``, which stays in the settings
until ``LEGACY["UNTIL"]``.
"""

from collections.abc import Iterator, Mapping
from dataclasses import fields
from datetime import datetime, time, timedelta
from typing import Any, NamedTuple

from django.conf import settings
from django.contrib.auth import get_user_model

from ....conf import Settings, moments
from ....store import identity
from ....tokens.keymaterial import KeyProblem, load_key
from . import configuration, neighbours, project
from .configuration import get, given

DECODER = "django_jwtauth.contrib.simplejwt.decode"

#: Settings that mean the same here.
SAME = (
    "ACCESS_TOKEN_LIFETIME",
    "REFRESH_TOKEN_LIFETIME",
    "ROTATE_REFRESH_TOKENS",
    "LEEWAY",
    "ISSUER",
    "AUDIENCE",
    "USER_ID_CLAIM",
    "AUTH_HEADER_NAME",
    "AUTH_HEADER_TYPES",
    "UPDATE_LAST_LOGIN",
)
#: Settings of simplejwt that are part of another one here.
MOVED = {
    "ALGORITHM": "KEYS",
    "SIGNING_KEY": "KEYS",
    "VERIFYING_KEY": "KEYS",
    "JWK_URL": "ISSUERS",
}
_ALWAYS = "always on here"
_NO_SLIDING = "a refresh token does what a sliding token did"
_SERIALIZER = "the view of contrib.simplejwt reads it"
#: Settings without an equivalent that contrib.simplejwt reads from ``SIMPLE_JWT``.
KEPT = {
    "USER_AUTHENTICATION_RULE": "the serializers of contrib.simplejwt ask it when a user signs in "
    'and refreshes; HOOKS["SIGN_IN"] may refuse a sign-in at every endpoint',
    "USER_ID_FIELD": "SUBJECT_FIELD, if the field is unique and never empty; otherwise a token "
    'names the primary key, and HOOKS["CLAIMS"] may add another id',
    "AUTH_TOKEN_CLASSES": "the JWTAuthentication of contrib.simplejwt tries them in turn",
    "JSON_ENCODER": "the token classes of contrib.simplejwt use it for claims that they add",
    "TOKEN_USER_CLASS": "the JWTStatelessUserAuthentication of contrib.simplejwt reads it",
    "TOKEN_OBTAIN_SERIALIZER": _SERIALIZER,
    "TOKEN_REFRESH_SERIALIZER": _SERIALIZER,
    "TOKEN_VERIFY_SERIALIZER": _SERIALIZER,
    "TOKEN_BLACKLIST_SERIALIZER": _SERIALIZER,
}
#: Settings without an equivalent, and why.
NO_EQUIVALENT = {
    "BLACKLIST_AFTER_ROTATION": f"{_ALWAYS}: a superseded refresh token is refused",
    "CHECK_REVOKE_TOKEN": f"{_ALWAYS}: changing the password ends the user's sign-ins",
    "REVOKE_TOKEN_CLAIM": "no token contains anything derived from the password",
    "CHECK_USER_IS_ACTIVE": f"{_ALWAYS}: an inactive user is refused",
    "TOKEN_TYPE_CLAIM": "the claim is always called token_type",
    "JTI_CLAIM": "the claim is always called jti",
    "SLIDING_TOKEN_LIFETIME": _NO_SLIDING,
    "SLIDING_TOKEN_REFRESH_LIFETIME": _NO_SLIDING,
    "SLIDING_TOKEN_REFRESH_EXP_CLAIM": _NO_SLIDING,
    "SLIDING_TOKEN_OBTAIN_SERIALIZER": _NO_SLIDING,
    "SLIDING_TOKEN_REFRESH_SERIALIZER": _NO_SLIDING,
}

_OURS = {field.name: field for field in fields(Settings)}


class Advice(NamedTuple):
    """Lines of ``JWTAUTH``, by name, and a remark for each setting that has one."""

    lines: Mapping[str, str]
    remarks: Mapping[str, str]


def advise(now: datetime | None = None) -> Advice:
    """Return what the project's ``SIMPLE_JWT`` becomes."""
    lines: dict[str, str] = {}
    remarks: dict[str, str] = {}
    for name in SAME:
        _translate(name, lines, remarks)
    _translate_user_id(lines, remarks)
    _translate_keys(lines, remarks)
    lifetime = get("REFRESH_TOKEN_LIFETIME")
    if isinstance(lifetime, timedelta) and lifetime > Settings().SESSION_LIFETIME:
        lines["SESSION_LIFETIME"] = render(lifetime)
        remarks["SESSION_LIFETIME"] = (
            "ends a sign-in however often it is refreshed, which simplejwt never did; the "
            "default of 30 days would end yours earlier than REFRESH_TOKEN_LIFETIME"
        )
    if "ROTATE_REFRESH_TOKENS" in lines:
        remarks["ROTATE_REFRESH_TOKENS"] = (
            "remove it once all your clients keep the refresh token that a refresh answers: "
            "only then a stolen one is noticed"
        )
    until = _get_end(now or moments.now())
    lines["LEGACY"] = f"""{{
        "DECODER": {render(DECODER)},
        "UNTIL": {render(until)},
    }}"""
    for name in given():
        if name in KEPT or name in NO_EQUIVALENT:
            remarks[name] = KEPT.get(name) or NO_EQUIVALENT[name]
        elif name not in configuration.DEFAULTS:
            remarks[str(name)] = "simplejwt has no such setting: it never had an effect"
    return Advice(lines, remarks)


def render(value: Any) -> str:
    """Return a setting's value as Python source, as people write it."""
    if isinstance(value, timedelta):
        for unit, seconds in (("days", 86400), ("hours", 3600), ("minutes", 60)):
            number, rest = divmod(value.total_seconds(), seconds)
            if number and not rest:
                return f"timedelta({unit}={number:.0f})"
        return f"timedelta(seconds={value.total_seconds():g})"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(render, value))}]"
    return repr(value)


def _translate(name: str, lines: dict[str, str], remarks: dict[str, str]) -> None:
    """Write the line for a setting whose value is not the default here."""
    value = get(name)
    if name == "LEEWAY":
        value = configuration.get_leeway()
    try:
        parsed = _OURS[name].metadata["parse"](value)
    except ValueError as error:
        remarks[name] = f"simplejwt's value {error}"
        return
    if parsed != getattr(Settings(), name):
        lines[name] = render(parsed if name in ("LEEWAY", "AUTH_HEADER_NAME") else value)


def _translate_user_id(lines: dict[str, str], remarks: dict[str, str]) -> None:
    claim, field = get("USER_ID_CLAIM"), get("USER_ID_FIELD")
    if claim == "sub":
        remarks["USER_ID_CLAIM"] = "sub is in every token"
    if configuration.names_primary_key():
        return
    if identity.find_subject_problem(get_user_model(), str(field)) is None:
        lines["SUBJECT_FIELD"] = render(field)
        return
    lines.pop("USER_ID_CLAIM", None)
    remarks["USER_ID_CLAIM"] = (
        f'would be the primary key. If a client reads {claim}: let HOOKS["CLAIMS"] return '
        f'{{"{claim}": str(user.{field})}}'
    )


def _translate_keys(lines: dict[str, str], remarks: dict[str, str]) -> None:
    algorithm = get("ALGORITHM")
    symmetric = str(algorithm).startswith("HS")
    if get("JWK_URL") and not symmetric:
        _translate_url(lines, remarks)
        return
    if symmetric and get("SIGNING_KEY") == settings.SECRET_KEY:
        remarks["KEYS"] = (
            "none are needed: tokens are signed with a secret derived from SECRET_KEY. A "
            "service that verifies them with SECRET_KEY itself needs a key of its own"
        )
        return
    member = "secret" if symmetric else "private_key"
    entry = {"algorithm": algorithm, member: get("SIGNING_KEY")}
    try:
        load_key(entry)
    except KeyProblem as error:
        remarks["KEYS"] = f"the key of SIMPLE_JWT cannot be taken over: {error}"
        return
    lines["KEYS"] = f'[{{"algorithm": {render(algorithm)}, "{member}": SIMPLE_JWT["SIGNING_KEY"]}}]'
    remarks["KEYS"] = (
        "leave it out unless other services verify the tokens with this secret"
        if symmetric
        else "the header typ is at+jwt now; a verifier that refuses it needs "
        'ACCESS_TOKEN_TYP = "JWT"'
    )


def _translate_url(lines: dict[str, str], remarks: dict[str, str]) -> None:
    if "ISSUER" in lines:
        lines["ISSUERS"] = f"{{{lines['ISSUER']}: {render(get('JWK_URL'))}}}"
        remarks["JWK_URL"] = "ISSUERS says where stateless services get the keys of ISSUER"
    else:
        remarks["JWK_URL"] = (
            "set ISSUER to the iss claim of the tokens, and give it this URL in ISSUERS"
        )


def _get_end(now: datetime) -> str:
    """Return the midnight after the last token of simplejwt's has expired."""
    names = ["ACCESS_TOKEN_LIFETIME", "REFRESH_TOKEN_LIFETIME"]
    if configuration.uses_sliding_tokens():
        names.append("SLIDING_TOKEN_REFRESH_LIFETIME")
    longest = max(min(get(name), timedelta(days=3650)) for name in names)
    day = (now + longest + timedelta(days=1)).date()
    return datetime.combine(day, time()).isoformat() + "Z"


def report() -> Iterator[str]:
    """Yield everything that a project which moves has to change, line by line."""
    yield from ("# Settings", "", *_describe(advise()), "")
    yield from ("# Imports, settings and URLs", "")
    yield from [str(each) for each in project.describe()] or ["Nothing of simplejwt is left."]
    for heading, findings in (
        ("# What means something else here", project.describe_idioms()),
        ("# Packages that use simplejwt", neighbours.describe()),
    ):
        told = [str(each) for each in findings]
        yield from ("", heading, "", *told) if told else ()


def _describe(advice: Advice) -> Iterator[str]:
    if any("timedelta(" in line for line in advice.lines.values()):
        yield from ("from datetime import timedelta", "")
    yield "JWTAUTH = {"
    yield from (f'    "{name}": {value},' for name, value in advice.lines.items())
    yield "}"
    yield ""
    yield 'Keep SIMPLE_JWT until LEGACY["UNTIL"]: it says how the tokens were signed.'
    for name, remark in sorted(advice.remarks.items()):
        yield f"- {name}: {remark.rstrip('.')}."
