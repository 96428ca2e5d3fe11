"""What django-cors-headers does, as far as auth.js needs it."""

from django.conf import settings
from django.http import HttpResponse

HEADERS = {
    "Access-Control-Allow-Credentials": "true",
    "Access-Control-Allow-Headers": "content-type, x-csrftoken",
    "Access-Control-Allow-Methods": "GET, POST, PATCH, DELETE",
}


def allow_origins(get_response):
    def middleware(request):
        origin = request.headers.get("Origin")
        if origin not in settings.CSRF_TRUSTED_ORIGINS:
            return get_response(request)
        response = HttpResponse() if request.method == "OPTIONS" else get_response(request)
        for name, value in {**HEADERS, "Access-Control-Allow-Origin": origin}.items():
            response[name] = value
        return response

    return middleware
