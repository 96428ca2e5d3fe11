"""``token_backend``, which simplejwt makes from its settings."""

from .backends import TokenBackend

token_backend = TokenBackend()
