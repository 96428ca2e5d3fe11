"""The link "Sign-ins" on the page of a user, with any admin class for users.

A template override would need the name of the user model and the right order of INSTALLED_APPS. A
mixin would need every project to subclass its user admin. Registering the model again would
discard what others registered. Therefore the registered admin object gets a
``change_form_template`` that extends the one it had.
"""

from functools import partial
from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.auth import get_user_model
from django.template.loader import select_template

TEMPLATE = "admin/django_jwtauth/user_change_form.html"


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
