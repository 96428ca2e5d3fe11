"""A project with WebSockets, in a process of its own."""

from tests.live.auth_settings import *  # noqa: F403

CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
