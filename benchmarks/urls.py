"""The same small view behind each way to authenticate, and each contender's own endpoints."""

from django.apps import apps
from django.contrib import admin
from django.contrib.auth import login, logout
from django.http import HttpResponse
from django.urls import include, path
from knox.auth import TokenAuthentication as KnoxAuthentication
from knox.views import LoginView, LogoutView
from rest_framework.authentication import (
    BasicAuthentication,
    SessionAuthentication,
    TokenAuthentication,
)
from rest_framework.authtoken.serializers import AuthTokenSerializer
from rest_framework.authtoken.views import obtain_auth_token
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework_simplejwt import authentication as simplejwt
from rest_framework_simplejwt import views as simplejwt_views

from django_jwtauth.authentication import JWTAuthentication

from .contenders.floor import FloorAuthentication, floor_refresh


class HelloView(APIView):
    permission_classes = (IsAuthenticated,)

    def get(self, request):
        return Response({"hello": request.user.get_username()})


class SessionLoginView(APIView):
    authentication_classes = ()

    def post(self, request):
        serializer = AuthTokenSerializer(data=request.data, context={"request": request})
        serializer.is_valid(raise_exception=True)
        login(request, serializer.validated_data["user"])
        return Response({})


def session_logout(request):
    logout(request)
    return HttpResponse()


def hello(authentication):
    return HelloView.as_view(authentication_classes=(authentication,))


urlpatterns = [
    path("jwtauth/", hello(JWTAuthentication)),
    path("jwtauth/", include("django_jwtauth.urls")),
    path("simplejwt/", hello(simplejwt.JWTAuthentication)),
    path("simplejwt/token/", simplejwt_views.token_obtain_pair),
    path("simplejwt/token/refresh/", simplejwt_views.token_refresh),
    path("simplejwt/token/blacklist/", simplejwt_views.token_blacklist),
    path("knox/", hello(KnoxAuthentication)),
    path("knox/login/", LoginView.as_view(authentication_classes=(BasicAuthentication,))),
    path("knox/logout/", LogoutView.as_view()),
    path("drf_token/", hello(TokenAuthentication)),
    path("drf_token/login/", obtain_auth_token),
    path("sessions/", hello(SessionAuthentication)),
    path("sessions/login/", SessionLoginView.as_view()),
    path("sessions/logout/", session_logout),
    path("floor/", hello(FloorAuthentication)),
    path("floor/refresh/", floor_refresh),
]
if apps.is_installed("django.contrib.admin"):
    urlpatterns.append(path("admin/", admin.site.urls))
