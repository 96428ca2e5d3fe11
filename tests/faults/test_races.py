"""A refresh meets what ends its sign-in: once that has answered, no pair of it works."""

import threading
from collections import Counter
from datetime import timedelta
from functools import partial

import pytest
from django.contrib.auth import get_user_model
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from django_jwtauth import exceptions, sessions
from django_jwtauth.models import BlacklistedToken, LoginSession, Reason, Via
from django_jwtauth.operations.purge import purge
from tests.conftest import PASSWORD
from tests.racing import race

pytestmark = pytest.mark.django_db(transaction=True)

User = get_user_model()
# SQLite serialises writers, so there is less to find and each round takes longer.
ROUNDS = 5 if connection.vendor == "sqlite" else 20


def post(name, **body):
    client = APIClient(raise_request_exception=False)
    return client.post(reverse(name), body, format="json")


def change_password(user, pair):
    mine = User.objects.get(pk=user.pk)
    mine.set_password("another one")
    mine.save()


def deactivate(user, pair):
    User.objects.filter(pk=user.pk).update(is_active=False)


def delete_user(user, pair):
    User.objects.get(pk=user.pk).delete()


def sign_out(user, pair):
    assert post("token_blacklist", refresh=pair.refresh).status_code == 200


def end_others(user, pair):
    """From another device of the same user."""
    other = sessions.start(user)
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {other.access}")
    assert client.delete(reverse("jwtauth_session_list")).status_code == 204


def end_as_operator(user, pair):
    """What the admin does."""
    operator = User.objects.get(username="operator")
    rows = LoginSession.objects.filter(user=user)
    rows.end(reason=Reason.STOLEN, via=Via.ADMIN, by=operator, note="laptop lost")


ENDINGS = [sign_out, end_others, end_as_operator, change_password, deactivate, delete_user]


@pytest.mark.parametrize("end", ENDINGS, ids=lambda end: end.__name__)
def test_no_pair_survives_what_ended_the_sign_in(end):
    """Whatever refreshes in parallel got, old and new tokens are refused after the end answered."""
    User.objects.create_user("operator", is_staff=True)
    for _ in range(ROUNDS):
        user = User.objects.create_user("racer", password=PASSWORD)
        pair = sessions.start(user)
        *answers, ended = race(
            [partial(post, "token_refresh", refresh=pair.refresh)] * 3 + [partial(end, user, pair)]
        )

        assert ended is None, ended
        for answer in answers:
            tokens = [pair.access, pair.refresh]
            if answer.status_code == 200:
                tokens += [answer.json()["access"], answer.json()["refresh"]]
            else:
                assert answer.status_code == 401, answer.content
            for token in tokens:
                with pytest.raises(exceptions.TokenError):
                    sessions.verify(token)
            assert post("token_refresh", refresh=tokens[-1]).status_code == 401
        User.objects.filter(username="racer").delete()


def test_a_purge_takes_nothing_from_a_refresh(user):
    """While purges run, every refresh is answered 200 and its sign-in stays."""
    past = timezone.now() - timedelta(days=100)
    LoginSession.objects.bulk_create(
        LoginSession(user=user, subject="1", created_at=past, refreshed_at=past, expires_at=past)
        for _ in range(300)
    )
    raw = sessions.start(user).refresh

    def refresh_on():
        mine = raw
        statuses = []
        for _ in range(20):
            answer = post("token_refresh", refresh=mine)
            statuses.append(answer.status_code)
            mine = answer.json().get("refresh")
        return statuses, mine

    (statuses, last), *purged = race([refresh_on, *[partial(purge, batch_size=10)] * 2])

    assert statuses == [200] * 20
    assert sum(item.sessions for item in purged) == 300
    assert sessions.verify(last)
    assert LoginSession.objects.count() == 1


def test_two_purges_share_the_work(user):
    """Two purges at once end without an error, and each row is deleted and counted once."""
    past = timezone.now() - timedelta(days=100)
    for _ in range(3):
        old = LoginSession.objects.bulk_create(
            LoginSession(subject="1", created_at=past, refreshed_at=past, expires_at=past)
            for _ in range(100)
        )
        BlacklistedToken.objects.bulk_create(
            BlacklistedToken(jti=f"t{number}", session=session, expires_at=past, reason="other")
            for number, session in enumerate(old)
        )
        results = race([partial(purge, batch_size=7)] * 2)

        assert [item for item in results if isinstance(item, Exception)] == []
        assert sum(item.sessions for item in results) == 100
        assert sum(item.blacklisted_tokens for item in results) == 100


def test_reuse_is_found_after_a_purge(user):
    """Purging takes no evidence: a superseded token still ends the sign-in."""
    first = sessions.start(user)
    last = sessions.refresh(sessions.refresh(first.refresh).refresh)
    purge()

    assert post("token_refresh", refresh=first.refresh).json()["reason"] == "reused"
    assert post("token_refresh", refresh=last.refresh).json()["reason"] == "session_ended"


def test_sign_ins_at_the_limit_end_the_oldest(user, settings):
    """Parallel sign-ins over the limit: all answer 200, as many as allowed live, tokens agree."""
    settings.JWTAUTH = {"MAX_SESSIONS_PER_USER": 2}
    for _ in range(5):
        answers = race([partial(post, "token_obtain_pair", username="anna", password=PASSWORD)] * 6)

        assert {answer.status_code for answer in answers} == {200}
        works = [
            post("token_verify", token=answer.json()["refresh"]).status_code for answer in answers
        ]
        assert Counter(works) == {200: 2, 401: 4}


def test_a_password_change_in_an_open_transaction_does_not_hold_up_readers(user):
    """While the change is not committed requests are answered by what is, and refused after."""
    if connection.vendor == "sqlite":
        pytest.skip("SQLite has one writer")
    pair = sessions.start(user)
    changed, asked = threading.Event(), threading.Event()

    def change():
        with transaction.atomic():
            change_password(user, pair)
            changed.set()
            asked.wait(timeout=30)

    def ask():
        changed.wait(timeout=30)
        try:
            return Client().get(
                reverse("protected"), headers={"authorization": f"Bearer {pair.access}"}
            )
        finally:
            asked.set()

    _, answer = race([change, ask])

    assert answer.status_code == 200
    with pytest.raises(exceptions.CredentialsChanged):
        sessions.authenticate(pair.access)
