"""The admin pages, where operators find and revoke. The rows are records, so none is edited."""

from django.contrib import admin

from ..models import BlacklistedToken, LoginSession
from .blacklist import BlacklistedTokenAdmin
from .sessions import LoginSessionAdmin

__all__ = ["BlacklistedTokenAdmin", "LoginSessionAdmin"]

admin.site.register(LoginSession, LoginSessionAdmin)
admin.site.register(BlacklistedToken, BlacklistedTokenAdmin)
