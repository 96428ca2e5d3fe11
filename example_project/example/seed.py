"""The people of the demo. Seeding again changes only what is missing or wrong."""

from typing import NamedTuple

from django.contrib.auth.models import User
from django.test import RequestFactory

from django_jwtauth import sessions


class Person(NamedTuple):
    username: str
    password: str
    role: str
    is_admin: bool = False

    @property
    def email(self) -> str:
        return f"{self.username}@example.com"


PEOPLE = (
    Person("alice", "alice-demo", "a user"),
    Person("bob", "bob-demo", "a user, signed in on two devices"),
    Person("admin", "admin-demo", "the operator", is_admin=True),
)

# Name, address and user agent
DEVICES = (
    ("Laptop", "192.0.2.17", "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Firefox/153.0"),
    ("Phone", "2001:db8::42", "BobsApp/3.2 (Android 16)"),
)


def seed() -> None:
    """Create the people that the demo prints, and sign bob in if he is not signed in."""
    for person in PEOPLE:
        user, _ = User.objects.get_or_create(username=person.username)
        # Setting the same password again would end the user's sign-ins, as its salt is new.
        if not user.check_password(person.password):
            user.set_password(person.password)
        user.email = person.email
        user.is_active = True
        user.is_staff = user.is_superuser = person.is_admin
        user.save()
    bob = User.objects.get(username="bob")
    if not bob.jwtauth_sessions.live().exists():
        for name, address, agent in DEVICES:
            request = RequestFactory(REMOTE_ADDR=address, HTTP_USER_AGENT=agent).post("/")
            pair = sessions.start(bob, request)
            bob.jwtauth_sessions.filter(pk=pair.session_id).update(name=name)
