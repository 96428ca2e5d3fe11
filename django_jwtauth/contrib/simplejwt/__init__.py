"""simplejwt's modules under their names, and the tools to move a project here.

A project replaces the prefix ``rest_framework_simplejwt.`` with this one. ``move`` reads
simplejwt's tokens, by ``LEGACY["DECODER"]``, its settings and its tables. ``alias`` is for
packages that import simplejwt themselves. simplejwt itself need not be installed.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .move.decoder import decode

__all__ = ["decode"]


def __getattr__(name: str) -> Any:
    # Imported on access, because settings.py imports `alias` before there are models.
    if name == "decode":
        from .move.decoder import decode

        return decode
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
