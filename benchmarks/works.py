"""What is measured, how often a round does it, and the most it may cost of another's time."""

from typing import NamedTuple

OURS, SIMPLEJWT = "django-jwtauth", "simplejwt"
API_TOKEN, ACCESS_TOKEN = "API token", "access token of a sign-in"


class Work(NamedTuple):
    """``name`` is the method of the contenders; ``limits`` are ratios, by profile and vendor.

    They hold for the time of ``measured`` over that of ``reference``.
    """

    name: str
    title: str
    calls: int
    limits: dict[tuple[str, str], float]
    measured: str = OURS
    reference: str = SIMPLEJWT


SERVERS = ("postgresql", "mysql")

WORKS = [
    Work(
        "authenticate",
        "authenticate, token seen before",
        50,
        {
            ("HS256", "sqlite"): 0.20,
            ("ES256", "sqlite"): 0.20,
            ("manager", "sqlite"): 1.0,
            **{("HS256", vendor): 0.50 for vendor in SERVERS},
        },
    ),
    Work(
        "first_sight",
        "authenticate, first sight of a token",
        50,
        {("HS256", "sqlite"): 0.32, **{("HS256", vendor): 0.60 for vendor in SERVERS}},
    ),
    Work("stateless", "stateless authenticate", 100, {("HS256", "sqlite"): 0.35}),
    Work(
        "last_used",
        "authenticate with a token whose last use is kept",
        50,
        {("HS256", vendor): 1.05 for vendor in ("sqlite", *SERVERS)},
        API_TOKEN,
        ACCESS_TOKEN,
    ),
    Work("request", "whole request", 30, {("HS256", "sqlite"): 0.45}),
    Work("obtain", "obtain a pair", 10, {("HS256", "sqlite"): 0.85}),
    Work("refresh", "refresh with rotation", 10, {("HS256", "sqlite"): 0.25}),
    Work("sign_out", "sign out", 10, {("HS256", "sqlite"): 0.50}),
]
