"""What the page about API tokens and one-time tokens shows is what happens."""

import json
import re
from types import SimpleNamespace

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.http import HttpResponse
from django.urls import include, path

from django_jwtauth import api_tokens, exceptions, one_time, sessions
from django_jwtauth.models import Kind, LoginSession
from tests.conftest import Client
from tests.pages import DOCS, read_blocks, shape
from tests.urls import urlpatterns as project

urlpatterns = [*project, path("api/", include("django_jwtauth.urls.portal"))]
pytestmark = [pytest.mark.urls(__name__), pytest.mark.django_db]

BLOCKS = list(read_blocks(DOCS / "api-tokens.md"))


def run(first_words, names):
    """Execute the one Python block that contains ``first_words``."""
    (code,) = [b.code for b in BLOCKS if b.language == "python" and first_words in b.code]
    exec(code, names)
    return names


def shown(heading):
    """The answers that the page shows under a heading."""
    return [
        shape(json.loads(block.code))
        for block in BLOCKS
        if block.heading == heading and block.language == "json"
    ]


def typed(heading, **names):
    """Each curl line under a heading, as path and form."""
    for block in BLOCKS:
        if block.heading == heading and block.language == "sh":
            form = dict(re.findall(r"-d (\w+)=(\S+)", block.code))
            url = re.search(r"localhost:8000(\S+)", block.code)[1]
            yield url, {name: names.get(value, value) for name, value in form.items()}


def test_making_an_api_token(pair):
    """The form of the curl line is taken, and the answer has the members that are shown."""
    ((url, form),) = typed("API tokens for your users")
    answer = Client().with_token(pair.access).post(url, form, format="multipart")

    assert answer.status_code == 201
    assert [shape(answer.json())] == shown("API tokens for your users")


def test_making_one_in_python(user, capsys, settings):
    """The snippet prints a token that works."""
    settings.JWTAUTH = {"HOOKS": {"SCOPES": f"{__name__}.scopes"}}
    run("api_tokens.create", {"user": user})

    raw = capsys.readouterr().out.strip()
    assert sessions.authenticate(raw)[1]["scope"] == "reports:read"


def scopes(user, request):
    return ["reports:read", "reports:write"]


def test_a_one_time_token_in_python(user):
    """The snippet gets back what it put in; once more is what the comment says."""
    names = run("one_time.consume", {"user": user})

    assert (names["user"], names["claims"]) == (user, {"file": "report.pdf"})
    with pytest.raises(exceptions.SessionEnded):
        one_time.consume(names["raw"], "download")


def test_a_one_time_token_over_http(pair, settings):
    """The setting and the two curl lines get the two answers that are shown."""
    settings.JWTAUTH = run("PURPOSES", {})["JWTAUTH"]
    (make_url, form), _consume = typed("Over HTTP")
    made = Client().with_token(pair.access).post(make_url, form, format="multipart")
    raw = made.json()["token"]
    _make, (consume_url, form) = typed("Over HTTP", **{"$TOKEN": raw})
    used = Client().post(consume_url, form, format="multipart")

    assert (made.status_code, used.status_code) == (201, 200)
    # The claims shown are those of a token without scopes.
    assert [shape(made.json()), shape(used.json())] == shown("Over HTTP")


@pytest.fixture
def outbox():
    """What was mailed: to whom, and the text."""
    return []


@pytest.fixture
def request_link(rf, outbox):
    """The view of the page, called with an address."""

    def render(request, template):
        return HttpResponse(template)

    def send_mail(subject, body, sender, recipients):
        outbox.append((recipients, body))

    def submit(function, *arguments):
        return function(*arguments)

    names = {
        "User": get_user_model(),
        "queue": SimpleNamespace(submit=submit),
        "render": render,
        "send_mail": send_mail,
    }
    view = run("def request_link", names)["request_link"]
    return lambda email: view(rf.post("/", {"email": email})).content


def test_a_magic_link_signs_in(user, request_link, outbox):
    """Typed in other letters, it goes to the address that is stored, and signs in."""
    request_link("ANNA@example.org")

    ((recipients, body),) = outbox
    assert recipients == ["anna@example.org"]
    raw = body.partition("#")[2]
    assert Client().post("/api/token/one-time/", {"token": raw}).status_code == 200


def test_a_magic_link_tells_nothing(user, other_user, request_link, outbox):
    """Whether there is an address, or its user may sign in: the same page, no mail, no row."""
    other_user.is_active = False
    other_user.save()
    known = request_link("anna@example.org")
    outbox.clear()

    assert request_link("nobody@example.org") == known
    assert request_link("bert@example.org") == known
    assert not outbox
    assert LoginSession.objects.filter(kind=Kind.ONE_TIME).count() == 1


def test_nobody_fills_a_mailbox(user, request_link, outbox):
    """After the rate for an account, asking is refused; signing in by password is not."""
    with time_machine.travel(1_800_000_000, tick=False):
        for _ in range(20):
            request_link("anna@example.org")

        with pytest.raises(exceptions.Throttled):
            request_link("anna@example.org")
        assert len(outbox) == 20
        assert Client().obtain().status_code == 200


def test_the_table_of_what_ends_it_is_true(user, pair):
    """Signing out elsewhere leaves an API token; a deactivation or a new password ends it."""
    raw = api_tokens.create(user, "deploy").raw
    Client().with_token(pair.access).delete("/api/sessions/")
    Client().blacklist(refresh=pair.refresh)
    assert sessions.authenticate(raw)

    user.is_active = False
    user.save()
    with pytest.raises(exceptions.UserInactive):
        sessions.authenticate(raw)
    user.is_active = True
    user.save()
    with pytest.raises(exceptions.SessionEnded):
        sessions.authenticate(raw)

    after = api_tokens.create(user, "deploy").raw
    user.set_password("another")
    user.save()
    with pytest.raises(exceptions.CredentialsChanged):
        sessions.authenticate(after)
