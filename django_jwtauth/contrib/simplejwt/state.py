"""``token_backend``, which simplejwt makes from its settings."""

from .backends import TokenBackend
from .settings import api_settings as api_settings

token_backend = TokenBackend()
