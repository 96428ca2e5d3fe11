"""The test project with a PostgreSQL schema for each tenant, as django-tenants makes them."""

from tests.settings import *  # noqa: F403
from tests.settings import DATABASES, INSTALLED_APPS, MIDDLEWARE

DATABASES = {"default": {**DATABASES["default"], "ENGINE": "django_tenants.postgresql_backend"}}
DATABASE_ROUTERS = ["django_tenants.routers.TenantSyncRouter"]

# Users and sign-ins are each tenant's own; the public schema has the list of tenants, and its own.
TENANT_APPS = [*INSTALLED_APPS]
SHARED_APPS = ["django_tenants", "tests.tenants.shop", *INSTALLED_APPS]
INSTALLED_APPS = SHARED_APPS
TENANT_MODEL = "shop.Tenant"
TENANT_DOMAIN_MODEL = "shop.Domain"

MIDDLEWARE = ["django_tenants.middleware.main.TenantMainMiddleware", *MIDDLEWARE]
ROOT_URLCONF = "tests.tenants.urls"
ALLOWED_HOSTS = [".example.com"]

JWTAUTH = {"HOOKS": {"TENANT": "tests.tenants.shop.tenants.jwt_settings"}}
