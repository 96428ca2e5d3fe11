"""The link from the page of a user to the user's sign-ins."""

import pytest
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth.admin import UserAdmin
from django.urls import reverse

from django_jwtauth import sessions
from django_jwtauth.admin import LoginSessionAdmin, user_page
from django_jwtauth.models import LoginSession
from tests.desk import LIST, listed

User = get_user_model()


def user_link(user):
    return f'href="{LIST}?user={user.pk}"'


def test_the_page_of_a_user_links_to_the_sign_ins(desk, user, session, other_user):
    """One click shows the sign-ins of this user and nobody else's."""
    sessions.start(other_user)
    page = desk.get(reverse("admin:auth_user_change", args=[user.pk])).content.decode()

    assert user_link(user) in page
    assert reverse("admin:auth_user_history", args=[user.pk]) in page
    assert listed(desk.get(LIST, {"user": user.pk})) == [session]


def test_the_link_is_for_those_who_may_follow_it(staff, user):
    """Without the permission to view sign-ins the page is as it was."""
    url = reverse("admin:auth_user_change", args=[user.pk])

    assert LIST not in staff("view_user").get(url).content.decode()


def test_the_page_to_add_a_user_has_no_link(admin_client):
    """Nobody is there yet."""
    assert f"{LIST}?user" not in admin_client.get(reverse("admin:auth_user_add")).content.decode()


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"change_form_template": "admin/change_form.html"},
        {"get_readonly_fields": lambda self, request, obj=None: ("username",)},
        {"get_fieldsets": lambda self, request, obj=None: [(None, {"fields": ["username"]})]},
    ],
)
@pytest.mark.parametrize("base", [UserAdmin, admin.ModelAdmin])
def test_the_link_does_not_care_how_the_user_admin_is_made(rf, admin_user, user, base, attributes):
    """Registered before or after ours, on a site of its own, by whatever class."""
    site = admin.AdminSite()
    site.register(LoginSession, LoginSessionAdmin)
    site.register(User, type("ProjectUserAdmin", (base,), attributes))
    assert site.get_urls()
    assert site.get_urls()
    request = rf.get("/")
    request.user = admin_user
    answer = site.get_model_admin(User).change_view(request, str(user.pk)).render()

    assert answer.content.decode().count(user_link(user)) == 1
    assert "admin/css/forms.css" in answer.content.decode()


def test_a_site_without_users_is_left_alone():
    """Sign-ins may be shown where users are not."""
    site = admin.AdminSite()
    site.register(LoginSession, LoginSessionAdmin)

    assert site.get_urls()
    user_page.add_link(admin.AdminSite())
