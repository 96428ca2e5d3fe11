"""Fixtures for pytest: ``pytest_plugins = ["django_jwtauth.contrib.pytest"]``.

Django is not imported before a fixture is used, because its settings are not loaded yet.
"""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from ..testing import AsyncJWTClient, JWTClient


@pytest.fixture
def jwt_client() -> "JWTClient":
    """A client that signs in with real tokens; see ``django_jwtauth.testing``."""
    from ..testing import JWTClient

    return JWTClient()


@pytest.fixture
def async_jwt_client() -> "AsyncJWTClient":
    """The same, asynchronous."""
    from ..testing import AsyncJWTClient

    return AsyncJWTClient()
