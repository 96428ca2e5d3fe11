"""The serializers of ``contrib.simplejwt``, described as drf-spectacular describes simplejwt's.

Neither a path nor a schema gets another name by the move, so clients that were generated from
the description stay as they are.
"""

from typing import Any

from drf_spectacular.extensions import OpenApiSerializerExtension
from drf_spectacular.utils import inline_serializer
from rest_framework.serializers import CharField

from ...conf import get_settings

_SERIALIZERS = "django_jwtauth.contrib.simplejwt.serializers"


class TokenObtainPairExtension(OpenApiSerializerExtension):
    target_class = f"{_SERIALIZERS}.TokenObtainPairSerializer"

    def map_serializer(self, auto_schema: Any, direction: Any) -> Any:
        fields: dict[str, Any] = {
            self.target.username_field: CharField(write_only=True),
            "password": CharField(write_only=True),
            "access": CharField(read_only=True),
            "refresh": CharField(read_only=True),
        }
        return auto_schema._map_serializer(inline_serializer("Fixed", fields), direction)


class TokenRefreshExtension(OpenApiSerializerExtension):
    target_class = f"{_SERIALIZERS}.TokenRefreshSerializer"

    def map_serializer(self, auto_schema: Any, direction: Any) -> Any:
        fields: dict[str, Any] = {
            "access": CharField(read_only=True),
            "refresh": CharField(write_only=not get_settings().ROTATE_REFRESH_TOKENS),
        }
        return auto_schema._map_serializer(inline_serializer("Fixed", fields), direction)
