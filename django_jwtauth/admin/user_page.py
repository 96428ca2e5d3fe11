"""The page of a user in the admin: its URL, and the link "Sign-ins" on it.

The link is there with any admin class for users.

A template override would need the name of the user model and the right order of INSTALLED_APPS. A
mixin would need every project to subclass its user admin. Registering the model again would
discard what others registered. Therefore the registered admin object gets a
``change_form_template`` that extends the one it had.
"""

from functools import partial
from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.auth import get_user_model
from django.http import HttpRequest
from django.template.loader import select_template
from django.urls import NoReverseMatch, reverse

TEMPLATE = "admin/django_jwtauth/user_change_form.html"


def find_url(site: AdminSite, request: HttpRequest, user: Any) -> str | None:
    """Return the page where the user's password is changed, None if the operator may not use it."""
    model = type(user)
    if not site.is_registered(model):
        return None
    if not site.get_model_admin(model).has_change_permission(request, user):
        return None
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}_change"
    try:
        return reverse(name, args=[user.pk], current_app=site.name)
    except NoReverseMatch:
        return None


def add_link(site: AdminSite) -> None:
    """Add the link to the user page of ``site``, if it has one. It can safely be repeated."""
    user_model = get_user_model()
    if not site.is_registered(user_model):
        return
    user_admin: Any = site.get_model_admin(user_model)
    template = user_admin.change_form_template
    if template == TEMPLATE:
        return
    label, name = user_model._meta.app_label, user_model._meta.model_name
    usual = (
        f"admin/{label}/{name}/change_form.html",
        f"admin/{label}/change_form.html",
        "admin/change_form.html",
    )
    user_admin.jwtauth_extends = partial(select_template, [template] if template else usual)
    user_admin.change_form_template = TEMPLATE
