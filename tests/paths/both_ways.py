"""The one query asked twice: as it was compiled, and as the manager of the model builds it."""

from contextlib import contextmanager

import pytest
from django.db import transaction

from django_jwtauth.models import LoginSession
from django_jwtauth.store import compiled, lookup

QUESTIONS = {
    "to authenticate": lookup.find,
    "to refresh": lambda claims: lookup.find_session(claims, lock=False),
}


@contextmanager
def undone():
    """Leave nothing of an example behind for the next one."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def describe(found):
    """Everything that can be seen of an answer."""
    if found is None:
        return None
    session = found.session
    if isinstance(session, LoginSession):
        session = {name: value for name, value in vars(session).items() if name != "_state"}
    columns = {name: value for name, value in vars(found.user).items() if name != "_state"}
    state = (found.user._state.db, found.user._state.adding)
    return type(found.user), columns, state, session, found.blacklisted


def both_ways(question, claims):
    """Return the answer of the compiled query, and the one built by the manager."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiled, "is_plain", lambda model: True)
        by_statement = describe(question(claims))
        patch.setattr(compiled, "is_plain", lambda model: False)
        return by_statement, describe(question(claims))
