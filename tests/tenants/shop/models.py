from django.db import models
from django_tenants.models import DomainMixin, TenantMixin


class Tenant(TenantMixin):
    jwt_key = models.TextField(blank=True)


class Domain(DomainMixin):
    pass
