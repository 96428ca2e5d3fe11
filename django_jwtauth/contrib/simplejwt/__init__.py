"""simplejwt's modules under their names, and what a move from it needs.

A project replaces the prefix ``rest_framework_simplejwt.`` by this one. ``move`` reads what
simplejwt left: its tokens, by ``LEGACY["DECODER"]``, its settings and its tables. simplejwt itself
need not be installed any more.
"""

from .move.decoder import decode

__all__ = ["decode"]
