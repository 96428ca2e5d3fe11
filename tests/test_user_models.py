"""The contract of ``tests/users/contract.py`` under every user model of ``tests/users``.

AUTH_USER_MODEL is fixed once Django is set up, so each model gets a process of its own.
"""

import pytest

from tests.subproject import USER_MODELS, run_pytest


@pytest.mark.parametrize("model", USER_MODELS)
def test_every_user_model_keeps_the_contract(model):
    """What holds for auth.User holds for a user model of another shape."""
    run_pytest("tests.users.settings", "tests/users/contract.py", JWTAUTH_TEST_USER=model)
