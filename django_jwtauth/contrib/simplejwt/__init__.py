"""Moving here from djangorestframework-simplejwt.

``JWTAUTH = {"LEGACY": {"DECODER": "django_jwtauth.contrib.simplejwt.decode", "UNTIL": ...}}``
accepts its tokens for a while; :mod:`tokens`, :mod:`serializers` and :mod:`views` have the
classes that projects subclass and call. simplejwt itself need not be installed any more.
"""

from .move.decoder import decode

__all__ = ["decode"]
