import pytest
from django.contrib.auth import get_user_model
from django.db.models import QuerySet

from django_jwtauth.store import users

User = get_user_model()
pytestmark = pytest.mark.django_db


@pytest.fixture
def hidden(user, monkeypatch):
    """The user, whom the project's manager hides."""
    monkeypatch.setattr(User._default_manager, "get_queryset", QuerySet(User).none)
    return user


def test_everybody_includes_whom_a_manager_hides(hidden):
    assert list(users.everybody()) == [hidden]
    assert list(users.visible()) == []


@pytest.mark.parametrize("key", ["999999", "nobody", "9" * 400, ""])
def test_a_user_is_found_by_key_also_where_a_manager_hides_it(hidden, key):
    """A key that no row can have is nobody's, and no error."""
    assert users.find(str(hidden.pk)) == hidden
    assert users.find(key) is None


def test_a_name_an_address_or_a_key_finds_the_user(user):
    """A key is asked for last, as a name may look like one. Addresses have no case."""
    User.objects.filter(pk=user.pk).update(email="anna@example.org")
    User.objects.create_user(str(user.pk))

    assert users.find_by_anything("anna", 3) == [user]
    assert users.find_by_anything("Anna@Example.org", 3) == [user]
    assert users.find_by_anything(str(user.pk), 3) == [User.objects.get(username=str(user.pk))]
    User.objects.filter(username=str(user.pk)).delete()
    assert users.find_by_anything(str(user.pk), 3) == [user]
    assert users.find_by_anything("nobody", 3) == []


def test_no_more_than_the_limit_are_found(user):
    """Not every project has unique addresses."""
    User.objects.update(email="office@example.org")
    for name in ("ben", "cleo"):
        User.objects.create_user(name, "office@example.org")

    assert len(users.find_by_anything("office@example.org", 2)) == 2


def test_a_user_model_without_an_address_is_searched_by_name(user, monkeypatch):
    """Not every project knows e-mail addresses."""
    monkeypatch.setattr(User, "get_email_field_name", lambda: "none", raising=False)

    assert users.email_field() == ""
    assert users.find_by_anything("anna", 3) == [user]
    assert users.find_by_anything("anna@example.org", 3) == []
