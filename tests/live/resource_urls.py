from django.urls import path

from django_jwtauth.tokens import remote_keys
from tests.pages import block

# Minutes are seconds here, so that a test can wait for them.
remote_keys.MIN_MAX_AGE = 1
remote_keys.COOLDOWN = 0.2

exec(block("stateless.md", "# orders/views.py"))

urlpatterns = [path("orders/", OrdersView.as_view())]  # noqa: F821
