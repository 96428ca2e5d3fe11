"""simplejwt's modules under their names, and what a move from it needs.

A project replaces the prefix ``rest_framework_simplejwt.`` by this one. ``move`` reads what
simplejwt left: its tokens, by ``LEGACY["DECODER"]``, its settings and its tables. ``alias`` is for
packages that import simplejwt themselves. simplejwt itself need not be installed any more.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .move.decoder import decode

__all__ = ["decode"]


def __getattr__(name: str) -> Any:
    # Not before it is asked for: settings.py imports `alias`, and there are no models yet.
    if name == "decode":
        from .move.decoder import decode

        return decode
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
