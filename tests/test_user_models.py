"""The contract of ``tests/users/contract.py`` under every user model of ``tests/users``.

AUTH_USER_MODEL is fixed once Django is set up, so each model gets a process of its own.
"""

import pytest

from tests.subproject import USER_MODELS, run_pytest


@pytest.mark.parametrize("model", USER_MODELS)
def test_every_user_model_keeps_the_contract(model):
    """What holds for auth.User holds for a user model of another shape."""
    run_pytest("tests.users.settings", "tests/users/contract.py", JWTAUTH_TEST_USER=model)


@pytest.mark.parametrize(
    ("app", "model"),
    [
        # The key of CodeUser is its name already.
        *(("users", model) for model in USER_MODELS if model != "CodeUser"),
        *(("paths", model) for model in ("ConvertedUser", "GrandchildUser")),
    ],
)
def test_every_user_model_may_be_named_by_another_field(app, model):
    """SUBJECT_FIELD is a column of each kind, in the user's table or its parent's."""
    run_pytest(
        "tests.paths.settings",
        "tests/users/subject.py",
        JWTAUTH_TEST_APP=app,
        JWTAUTH_TEST_USER=model,
    )
