"""A project around the package: its URLs, and its own code, which a test has raise."""

from django.contrib.auth.backends import ModelBackend
from django.http import HttpResponse
from django.urls import include, path
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from django_jwtauth import authentication, decorators, views
from django_jwtauth.contrib.simplejwt import serializers as simplejwt_serializers
from django_jwtauth.contrib.simplejwt import tokens as simplejwt_tokens
from django_jwtauth.contrib.simplejwt import views as simplejwt_views
from django_jwtauth.middleware import JWTAuthenticationMiddleware
from django_jwtauth.serializers import TokenObtainPairSerializer
from tests import urls
from tests.views import ProtectedView


class Broken(Exception):
    """Something that nobody has thought of."""


def broken(*args, **kwargs):
    # What the project's own frames show is the project's business.
    del args, kwargs
    raise Broken


class BrokenBackend(ModelBackend):
    authenticate = broken


class BrokenRouter:
    def db_for_write(self, model, **hints):
        if model.__module__.startswith("django_jwtauth"):
            raise Broken


def check(value):
    """What a test replaces: called by each serializer of the project."""


class Checked:
    def validate_password(self, value):
        check("validate_password")
        return value

    def validate(self, attrs):
        check("validate")
        return super().validate(attrs)


class OwnSerializer(Checked, simplejwt_serializers.TokenObtainPairSerializer):
    """A subclass as simplejwt's documentation has it, with a second factor."""

    otp = serializers.CharField(required=False)


class PlainSerializer(Checked, TokenObtainPairSerializer):
    pass


class OwnView(simplejwt_views.TokenObtainPairView):
    serializer_class = OwnSerializer


class PlainView(views.TokenObtainPairView):
    serializer_class = PlainSerializer


class ByHandView(APIView):
    """Uses the serializer, and the token classes, in a view of its own."""

    permission_classes = authentication_classes = ()

    def post(self, request):
        serializer = OwnSerializer(data=request.data, context={"request": request})
        serializer.is_valid(raise_exception=True)
        return Response(serializer.validated_data)

    def put(self, request):
        return Response(simplejwt_tokens.RefreshToken(request.data["refresh"]).payload)


class StatelessView(ProtectedView):
    authentication_classes = (authentication.JWTStatelessUserAuthentication,)


class CookieView(ProtectedView):
    authentication_classes = (authentication.JWTCookieAuthentication,)


def plain(request):
    return HttpResponse(request.user.get_username())


urlpatterns = [
    *urls.urlpatterns,
    path("api/", include("django_jwtauth.urls.portal")),
    path("oauth/", include("django_jwtauth.urls.oauth")),
    path("browser/", include("django_jwtauth.urls.browser")),
    path("project/own/", OwnView.as_view()),
    path("project/plain/", PlainView.as_view()),
    path("project/by-hand/", ByHandView.as_view()),
    path("project/stateless/", StatelessView.as_view()),
    path("project/cookie/", CookieView.as_view()),
    path("project/decorated/", decorators.jwt_required(plain)),
    path("project/middleware/", JWTAuthenticationMiddleware(plain)),
]
