from django.urls import path
from rest_framework.decorators import api_view
from rest_framework.response import Response
from rest_framework_simplejwt import views


@api_view()
def protected(request):
    return Response({"user": request.user.get_username()})


urlpatterns = [
    path("api/token/", views.TokenObtainPairView.as_view()),
    path("api/token/refresh/", views.TokenRefreshView.as_view()),
    path("api/token/verify/", views.TokenVerifyView.as_view()),
    path("api/token/blacklist/", views.TokenBlacklistView.as_view()),
    path("api/sliding/", views.TokenObtainSlidingView.as_view()),
    path("api/sliding/refresh/", views.TokenRefreshSlidingView.as_view()),
    path("protected/", protected),
]
