from tests.notices.urls import urlpatterns as usual

urlpatterns = [pattern for pattern in usual if getattr(pattern, "name", "") != "password_reset"]
