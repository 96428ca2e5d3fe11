import io
import json
from urllib.parse import urlencode

import pytest
from django.core.handlers.asgi import ASGIRequest
from django.test import Client
from django.test.client import BOUNDARY, encode_multipart
from django.urls import include, path, reverse
from rest_framework.parsers import JSONParser
from rest_framework.views import APIView

from django_jwtauth.exceptions import BodyTooLarge
from django_jwtauth.http import bodies
from tests import urls
from tests.conftest import PASSWORD

pytestmark = pytest.mark.urls(__name__)

urlpatterns = [
    *urls.urlpatterns,
    path("api/", include("django_jwtauth.urls.portal")),
    path("auth/", include("django_jwtauth.urls.browser")),
    path("oauth/", include("django_jwtauth.urls.oauth")),
]

LONG = "x" * (bodies.MAX_LENGTH + 1)
FORM = "application/x-www-form-urlencoded"
MULTIPART = f"multipart/form-data; boundary={BOUNDARY}"


def url_of(name):
    return reverse(name)


def post(client, name, body, **extra):
    return client.post(url_of(name), body[0], content_type=body[1], **extra)


JSON_DOORS = ["token_obtain_pair", "token_refresh", "token_verify", "token_blacklist"]
BROWSER_DOORS = ["jwtauth_browser:token_obtain_pair", "jwtauth_browser:token_refresh"]
BROWSER_DOORS += ["jwtauth_browser:token_blacklist", "jwtauth_browser:csrf"]
OAUTH_DOORS = ["jwtauth_oauth_token", "jwtauth_oauth_revoke", "jwtauth_oauth_introspect"]
PORTAL_DOORS = ["jwtauth_one_time_consume", "token_one_time"]

BODIES = {
    "json": (json.dumps({"token": LONG}), "application/json"),
    "form": (urlencode({"token": LONG}), FORM),
    "multipart": (encode_multipart(BOUNDARY, {"token": LONG}), MULTIPART),
}


class Counted(io.BytesIO):
    """A body without end, that counts what is read of it."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def read(self, size=-1):
        assert size is not None and size >= 0
        self.count += size
        return b"x" * size


@pytest.mark.parametrize("kind", BODIES)
@pytest.mark.parametrize("name", [*JSON_DOORS, *PORTAL_DOORS])
def test_a_body_beyond_the_limit_is_400(db, client, name, kind):
    """Whatever its form; with the code that clients can tell it by."""
    answer = post(client, name, BODIES[kind])

    assert answer.status_code == 400
    assert answer.json()["code"] == answer.json()["reason"] == "body_too_large"


@pytest.fixture
def browser(db):
    """A browser that has the CSRF cookie; without it, Django reads no form."""
    client = Client(enforce_csrf_checks=True)
    client.csrf_token = client.get(url_of("jwtauth_browser:csrf")).json()["csrf_token"]
    return client


@pytest.mark.parametrize("kind", ["form", "multipart"])
@pytest.mark.parametrize("name", BROWSER_DOORS)
def test_a_form_beyond_the_limit_is_400_at_the_doors_with_csrf(browser, name, kind):
    """Django's CSRF check parses the form before the package's parsers do."""
    answer = post(browser, name, BODIES[kind])

    assert answer.status_code == 400
    assert answer.json()["code"] == "body_too_large"


@pytest.mark.parametrize("kind", ["form", "multipart"])
@pytest.mark.parametrize("name", OAUTH_DOORS)
def test_a_form_beyond_the_limit_is_refused_in_the_words_of_oauth(db, client, name, kind):
    """RFC 6749, 5.2: a 400, with no better word than invalid_request."""
    answer = post(client, name, BODIES[kind])

    assert answer.status_code == 400
    assert answer.json() == {"error": "invalid_request", "error_description": "body_too_large"}


def test_renaming_a_sign_in_reads_no_more_than_other_endpoints(api, pair):
    """The endpoints that need a token have the same limit."""
    url = reverse("jwtauth_session_detail", args=[pair.session_id.hex])
    answer = api.with_token(pair.access).patch(url, {"name": LONG}, format="json")

    assert answer.status_code == 400


@pytest.mark.parametrize("limit", [None, 10_000, 10**8])
@pytest.mark.parametrize("name", ["token_verify", "jwtauth_oauth_revoke"])
def test_the_limit_is_ours_whatever_the_project_allows(db, client, settings, name, limit):
    """``DATA_UPLOAD_MAX_MEMORY_SIZE`` may be off, lower or higher."""
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = limit
    answer = post(client, name, BODIES["form"])

    assert answer.status_code == 400
    assert b"body_too_large" in answer.content


@pytest.mark.parametrize("content_type", ["application/json", FORM, MULTIPART])
@pytest.mark.parametrize("name", ["token_verify", "jwtauth_browser:token_refresh"])
@pytest.mark.parametrize("claimed", [10**12, bodies.MAX_LENGTH * 2])
def test_no_more_than_the_limit_is_read(browser, settings, name, claimed, content_type):
    """A body that never ends, of the length that its client claims."""
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = None
    body = Counted()
    extra = {"CONTENT_LENGTH": claimed, "wsgi.input": body, "CONTENT_TYPE": content_type}
    answer = browser.generic("POST", url_of(name), **extra)

    assert answer.status_code in (400, 403)
    assert body.count <= bodies.MAX_LENGTH + 1


@pytest.mark.parametrize("claimed", ["", "-1", "x", "0", "5"])
@pytest.mark.parametrize("name", ["token_verify", "jwtauth_oauth_revoke"])
def test_a_length_that_lies_is_no_error_of_the_server(db, client, name, claimed):
    """Empty, negative, no number or too small: what is left of the body is refused."""
    answer = post(client, name, BODIES["form"], CONTENT_LENGTH=claimed)

    assert 400 <= answer.status_code < 500


@pytest.mark.parametrize("kind", BODIES)
def test_a_body_within_the_limit_is_read_over_asgi(rf, kind):
    """The stream is another there."""
    body, content_type = BODIES[kind]
    data = (body if isinstance(body, bytes) else body.encode())[:100]
    scope = {
        "type": "http",
        "path": "/",
        "method": "POST",
        "headers": [(b"content-type", content_type.encode())],
    }
    request = ASGIRequest(scope, io.BytesIO(data))
    bodies.bound(request)

    assert request.body == data
    request.close()


def test_a_body_of_just_the_limit_is_read():
    """To the last byte, in whatever pieces; the next one is refused, again and again."""
    for size in (-1, None, 1000, bodies.MAX_LENGTH):
        stream = bodies.Bounded(io.BytesIO(b"x" * bodies.MAX_LENGTH))
        assert sum(len(part) for part in iter(lambda s=stream, n=size: s.read(n), b"")) == 65_536
        stream = bodies.Bounded(io.BytesIO(b"x" * (bodies.MAX_LENGTH + 1)))
        for _ in range(2):
            with pytest.raises(BodyTooLarge):
                while stream.read(size):
                    pass


def test_lines_are_counted_too():
    """Django offers a request as a file."""
    stream = bodies.Bounded(io.BytesIO(b"ab\n" * 30_000))
    assert stream.readline() == b"ab\n"
    with pytest.raises(BodyTooLarge):
        while stream.readline(2):
            pass


@pytest.fixture
def no_file(settings, tmp_path, monkeypatch):
    """Fail when a file is begun, wherever a project may keep what is uploaded."""
    settings.FILE_UPLOAD_TEMP_DIR = str(tmp_path)
    settings.FILE_UPLOAD_HANDLERS = [
        "django.core.files.uploadhandler.TemporaryFileUploadHandler",
    ]

    def refuse(*args, **kwargs):
        raise AssertionError("a file was begun")

    monkeypatch.setattr("django.core.files.uploadedfile.TemporaryUploadedFile.__init__", refuse)
    monkeypatch.setattr("django.core.files.uploadedfile.InMemoryUploadedFile.__init__", refuse)


def upload(**fields):
    file = io.BytesIO(b"x" * 5000)
    file.name = "x.txt"
    body = encode_multipart(BOUNDARY, {"file": file, **fields})
    return {"data": body, "content_type": MULTIPART}


def test_no_file_is_written_when_signing_in(user, client, no_file):
    """The fields beside it are read as ever."""
    fields = {user.USERNAME_FIELD: user.get_username(), "password": PASSWORD}
    answer = client.post(url_of("token_obtain_pair"), **upload(**fields))

    assert answer.status_code == 200


def test_no_file_is_written_by_the_csrf_check(user, browser, no_file):
    """Which reads the form first, to find its own field in it."""
    fields = {user.USERNAME_FIELD: user.get_username(), "password": PASSWORD}
    name = url_of("jwtauth_browser:token_obtain_pair")

    assert browser.post(name, **upload(**fields)).status_code == 403
    fields["csrfmiddlewaretoken"] = browser.csrf_token
    assert browser.post(name, **upload(**fields)).status_code == 200


@pytest.mark.parametrize("name", [*OAUTH_DOORS, *BROWSER_DOORS, *JSON_DOORS, *PORTAL_DOORS])
def test_no_file_is_written_anywhere(browser, no_file, name):
    """Whether or not the endpoint has a use for the rest."""
    assert browser.post(url_of(name), **upload(token="x")).status_code < 500


def test_a_file_is_no_password(user, client, no_file):
    """A part with a file name is left out, whatever it is called."""
    file = io.BytesIO(PASSWORD.encode())
    file.name = "x"
    fields = {user.USERNAME_FIELD: user.get_username(), "password": file}
    answer = client.post(url_of("token_obtain_pair"), fields)

    assert answer.status_code == 400
    assert set(answer.json()) == {"password"}


PART = '--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n'
MANY = {
    "form": (urlencode([("a", "")] * 2000), FORM),
    "multipart": (PART * 1001 + "--b--\r\n", "multipart/form-data; boundary=b"),
}


@pytest.mark.parametrize("kind", MANY)
@pytest.mark.parametrize("name", [*JSON_DOORS[:1], *BROWSER_DOORS[:3], *OAUTH_DOORS[:1]])
def test_too_many_fields_are_a_400_in_json(browser, name, kind):
    """Django counts them, and would answer with a page."""
    answer = post(browser, name, MANY[kind])

    assert answer.status_code == 400
    assert answer.json()


def test_too_many_files_are_a_400_in_json(db, client):
    """Likewise."""
    files = {f"a{number}": io.BytesIO(b"") for number in range(101)}
    answer = client.post(url_of("token_verify"), files)

    assert answer.status_code == 400
    assert answer.json()


class Echo(APIView):
    parser_classes = [JSONParser]
    permission_classes = []


def test_the_views_of_the_project_keep_their_own_limits(rf):
    """Nothing is bounded but our endpoints."""
    request = rf.post("/", *BODIES["json"])

    assert len(Echo().initialize_request(request).data["token"]) == len(LONG)
