"""Rows of both tables, as old as a test needs them."""

from datetime import timedelta

from django.utils import timezone

from django_jwtauth.models import BlacklistedToken, LoginSession

DAY = timedelta(days=1)
# SESSION_LIFETIME and AUDIT_RETENTION are 30 days each.
SESSION_KEPT = 60 * DAY
TOKEN_KEPT = 30 * DAY


def make_sessions(*ages, **fields):
    """Make a sign-in for each age, which started that long ago."""
    now = timezone.now()
    rows = [
        LoginSession(
            **{
                "subject": "1",
                "created_at": now - age,
                "refreshed_at": now - age,
                "expires_at": now - age + 7 * DAY,
                **fields,
            }
        )
        for age in ages
    ]
    return LoginSession.objects.bulk_create(rows)


def make_tokens(*ages, session=None):
    """Blacklist tokens that expired that long ago."""
    now = timezone.now()
    start = BlacklistedToken.objects.count()
    rows = [
        BlacklistedToken(
            jti=f"{number}", token_type="access", session=session, expires_at=now - age, reason="r"
        )
        for number, age in enumerate(ages, start)
    ]
    return BlacklistedToken.objects.bulk_create(rows)


def fill(user, number, **columns):
    """Make ``number`` sign-ins that began a second after one another, the first an hour ago."""
    start = timezone.now() - timedelta(hours=1)
    return LoginSession.objects.bulk_create(
        LoginSession(
            user=user,
            subject=str(user.pk),
            refreshed_at=start,
            **{
                "created_at": start + timedelta(seconds=second),
                "expires_at": start + 2 * timedelta(hours=1),
                **columns,
            },
        )
        for second in range(number)
    )


def ends():
    """The reason and channel of every row."""
    return sorted(LoginSession.objects.values_list("end_reason", "ended_via"))
