import re
from io import StringIO
from pathlib import Path
from typing import ClassVar

import pytest
from django.contrib.auth import authenticate, get_user_model
from django.contrib.auth.backends import ModelBackend
from django.core.exceptions import ImproperlyConfigured
from django.core.mail import EmailMessage
from django.core.management import CommandError, call_command
from django.db import IntegrityError, OperationalError, connections, models
from django.db.migrations.recorder import MigrationRecorder
from django.db.models.signals import post_save
from django.http import HttpResponse
from django.shortcuts import redirect
from django.test import override_settings
from django.urls import get_resolver, include, path, re_path
from rest_framework.decorators import action
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter
from rest_framework.views import APIView
from rest_framework.viewsets import ViewSet

from django_jwtauth import api_tokens, sessions
from django_jwtauth.authentication import JWTAuthentication
from django_jwtauth.contrib.simplejwt.move import project, source
from django_jwtauth.exceptions import MFARequired, SignInRefused
from django_jwtauth.management import logins, temporary, visiting
from django_jwtauth.models import BlacklistedToken, LoginSession
from django_jwtauth.views import TokenObtainPairView
from tests import forge

pytestmark = pytest.mark.django_db

STORY = """\
POST /api/token/              200
GET  /api/me/                 200
GET  (default classes)        200
POST /api/token/blacklist/    200
GET  /api/me/                 401
GET  (default classes)        401
200 200 200 401: all is well.
"""
User = get_user_model()


def run(*args, **options):
    """Run the command; return what it prints, its error included, and whether it succeeded."""
    out = StringIO()
    try:
        call_command("jwtauth_doctor", *args, stdout=out, no_color=True, **options)
    except CommandError as error:
        printed, good = f"{out.getvalue()}{error}", False
    else:
        printed, good = out.getvalue(), True
    # However it ends, nothing that looks like a token is shown.
    assert "eyJ" not in printed
    return printed, good


def urlconf(*patterns):
    """Make a URLconf of these patterns, followed by ours under api/."""

    class URLConf:
        urlpatterns = [*patterns, path("api/", include("django_jwtauth.urls"))]

    return URLConf


def answer(status, body="", **headers):
    return lambda request: HttpResponse(body, status=status, headers=headers)


# --- all is well


def test_it_tells_the_story():
    """The four answers that a client gets, and what the checks find."""
    printed, good = run()

    assert good
    assert printed == f"No problems found.\n{STORY}"


def test_nothing_of_it_stays(user):
    """No user, no sign-in, no blacklisted token; the password of a borrowed user is as before."""
    before = User.objects.values().get()

    assert run()[1]
    assert run("--user=anna")[1]
    assert User.objects.values().get() == before
    assert not LoginSession.objects.exists()
    assert not BlacklistedToken.objects.exists()


def test_nobody_hears_of_the_user(user):
    """Receivers of the project may send mail, which no rollback takes back."""
    heard = []

    def hear(update_fields, **kwargs):
        heard.append(update_fields)

    post_save.connect(hear, sender=User)
    try:
        run()
        run("--user=anna")
    finally:
        post_save.disconnect(hear, sender=User)

    # To record the sign-in is what every sign-in does.
    assert heard == [frozenset({"last_login"})] * 2


def test_neither_password_nor_token_is_shown(monkeypatch):
    """Not even a temporary one."""
    made = []
    make = temporary.secrets.token_urlsafe
    monkeypatch.setattr(
        temporary.secrets, "token_urlsafe", lambda size: made.append(make(size)) or made[-1]
    )
    printed, _ = run()

    assert len(made) == 1
    assert made[0] not in printed


@pytest.mark.parametrize(
    "settled",
    [
        {"ALLOWED_HOSTS": ["api.example.org"]},
        {"ALLOWED_HOSTS": [".example.org"]},
        {"ALLOWED_HOSTS": ["*"]},
        {"SECURE_SSL_REDIRECT": True},
        {"LOGGING_CONFIG": None, "DEBUG": True},
        {"JWTAUTH": {"AUTH_HEADER_TYPES": ["JWT"], "ISSUER": "https://a.example"}},
        {"JWTAUTH": {"AUDIENCE": "api", "USER_ID_CLAIM": "user_id"}},
    ],
    ids=str,
)
def test_it_finds_its_way(settings, settled):
    """It calls the way a client of this project must, whatever its settings."""
    for name, value in settled.items():
        setattr(settings, name, value)

    assert run()[1]


@pytest.mark.parametrize(
    ("hosts", "host"),
    [
        ([], "localhost"),
        (["*"], "localhost"),
        (["*", "api.example.org"], "api.example.org"),
        ([".example.org"], "example.org"),
    ],
    ids=str,
)
def test_it_calls_a_host_that_is_allowed(settings, hosts, host):
    """A pattern in ALLOWED_HOSTS stands for a host that it matches."""
    settings.ALLOWED_HOSTS = hosts

    assert visiting.allowed_host() == host


def test_it_makes_an_active_user(monkeypatch):
    """Where new users wait for their activation, too."""
    monkeypatch.setattr(User._meta.get_field("is_active"), "_get_default", lambda: False)

    assert not User().is_active
    assert run()[1]


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        (models.CharField(max_length=10), r"[0-9a-f]{8}-d"),
        (models.TextField(), r"[0-9a-f]{8}-doctor"),
        (models.EmailField(), r"[0-9a-f]{8}-doctor@jwtauth\.invalid"),
        (models.PositiveIntegerField(), r"[0-9]{1,10}"),
        (models.BooleanField(), "True"),
        (models.DateField(default="2026-11-24"), "2026-11-24"),
        (models.DateField(), "None"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_it_fills_the_fields_that_must_be_filled(field, expected):
    """With something that fits the column; what cannot be guessed is left to the database."""
    assert re.fullmatch(expected, str(temporary.sample(field)))


def test_the_401_that_it_hopes_for_is_not_logged(caplog):
    """A warning in the middle of a story that went well would worry people."""
    run()

    assert caplog.records == []


@pytest.mark.parametrize("namespaces", [["v1"], ["v1", "auth"]], ids=str)
def test_it_finds_the_endpoints_in_a_namespace(settings, namespaces):
    """Projects with versions include their URLconfs under a name."""
    patterns = [path("api/", include("django_jwtauth.urls"))]
    for name in namespaces:
        patterns = [path(f"{name}/", include((patterns, name)))]
    settings.ROOT_URLCONF = type("URLConf", (), {"urlpatterns": patterns})
    printed, good = run()

    assert good
    assert f"POST /{'/'.join(reversed(namespaces))}/api/token/" in printed


def test_transactions_for_every_request_do_not_disturb_it(settings):
    """ATOMIC_REQUESTS opens a transaction inside the one that is rolled back."""
    connections["default"].settings_dict["ATOMIC_REQUESTS"] = True
    try:
        assert run()[1]
    finally:
        connections["default"].settings_dict["ATOMIC_REQUESTS"] = False
    assert not User.objects.exists()


def test_views_that_do_not_take_the_tokens_are_told(settings):
    """All is well with the package, and still no view of the project accepts a token."""
    settings.REST_FRAMEWORK = {
        **settings.REST_FRAMEWORK,
        "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.BasicAuthentication"],
    }
    printed, good = run()

    assert good
    assert "DEFAULT_AUTHENTICATION_CLASSES does not contain JWTAuthentication" in printed


# --- the default authentication classes


class Nobody(JWTAuthentication):
    """A subclass that never takes a token, and says nothing."""

    def authenticate(self, request):
        return None


class Refusing401(JWTAuthentication):
    def authenticate(self, request):
        raise AuthenticationFailed


class Deaf(JWTAuthentication):
    """A subclass that asks nobody whether the sign-in has ended."""

    def authenticate(self, request):
        raw = super().get_raw_token(super().get_header(request))
        claims = forge.claims_of(raw.decode())
        return User.objects.get(pk=claims["sub"]), claims


@pytest.fixture
def defaults(settings):
    def set_classes(*names):
        settings.REST_FRAMEWORK = {
            **settings.REST_FRAMEWORK,
            "DEFAULT_AUTHENTICATION_CLASSES": [
                name if "." in name else f"{__name__}.{name}" for name in names
            ],
        }

    return set_classes


@pytest.mark.parametrize(
    ("classes", "told"),
    [
        (["Nobody"], ["do not accept the token", "authenticate nobody"]),
        (["Refusing401"], ["do not accept the token", f"{__name__}.Refusing401", "--user NAME"]),
        (["Deaf"], ["still accept the access token of a sign-in that has ended"]),
    ],
    ids=str,
)
def test_default_classes_that_are_wrong_are_told(defaults, classes, told):
    """Our own endpoints answer well: it is the project's views that do not."""
    defaults(*classes)
    printed, good = run()

    assert not good
    assert "200 200 200 401" not in printed
    assert [words for words in told if words not in printed] == []


def test_default_classes_that_read_another_header(settings, defaults):
    """The doctor sends the token where AUTH_HEADER_NAME says, and in no other header."""
    settings.JWTAUTH = {"USER_ID_CLAIM": "user_id", "AUTH_HEADER_NAME": "X-Access-Token"}
    defaults("django_jwtauth.contrib.simplejwt.authentication.JWTAuthentication")

    assert "GET  (default classes)        200" in run()[0]


def test_stateless_classes_cannot_know_what_has_ended(defaults):
    """They ask no database: that the token is accepted afterwards is what was chosen."""
    defaults("django_jwtauth.authentication.JWTStatelessUserAuthentication")
    printed, good = run()

    assert good
    assert printed.count("(default classes)") == 1


def test_the_middleware_of_the_project_stands_before_the_default_classes(settings):
    """The request goes the way of every other one."""
    settings.MIDDLEWARE = [f"{__name__}.forbid_probes"]
    printed, good = run()

    assert not good
    assert "GET  (default classes)        403" in printed


def forbid_probes(get_response):
    def middleware(request):
        return HttpResponse(status=403) if "doctor" in request.path else get_response(request)

    return middleware


# --- the project's own logins


class OwnLogin(APIView):
    """Signs in with a rule of its own, and answers as front ends know it."""

    authentication_classes = permission_classes = ()
    seen: ClassVar[list] = []

    def post(self, request):
        self.seen.append(sorted(request.data))
        user = authenticate(
            request._request,
            username=request.data["username"],
            password=request.data["password"],
        )
        return self.answer(user)

    def answer(self, user):
        pair = sessions.start(user)
        return Response({"data": {"tokens": [{"jwt": pair.access}, pair.refresh]}})


class CookieLogin(OwnLogin):
    def answer(self, user):
        response = Response()
        response.set_cookie("who", sessions.start(user).access)
        return response


class ForeignLogin(OwnLogin):
    def answer(self, user):
        return Response({"access": "eyJhbGciOiJub25lIn0.e30.x"})


class CodeLogin(OwnLogin):
    def answer(self, user):
        return Response({"detail": "Send the code."}, status=400)


class SessionLogin(OwnLogin):
    def answer(self, user):
        return Response({"detail": "Welcome."})


class BrokenLogin(OwnLogin):
    def answer(self, user):
        raise ZeroDivisionError("secret words")


class MailingLogin(OwnLogin):
    def answer(self, user):
        EmailMessage("New sign-in", "Was that you?", to=[user.email]).send()
        return super().answer(user)


class ReadingCookies(JWTAuthentication):
    """A class of the project's own, as those that read cookies are written."""

    def get_header(self, request):
        return f"Bearer {request.COOKIES['who']}".encode() if "who" in request.COOKIES else None


MORE = "it asks for more than a name and a password, or gives no token"


@pytest.mark.parametrize(
    ("login", "told", "well"),
    [
        (OwnLogin, "POST /login/                  200\n200 200", True),
        (CodeLogin, f"POST /login/                  400\n     {MORE}\n", True),
        (SessionLogin, f"POST /login/                  200\n     {MORE}\n", True),
        (
            ForeignLogin,
            "/login/: the tokens that it gives are not issued by",
            False,
        ),
        (BrokenLogin, "/login/: It raised ZeroDivisionError.", False),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
def test_a_login_of_the_project_is_tried(settings, login, told, well):
    """What it gives is sent through a view with the default classes."""
    settings.ROOT_URLCONF = urlconf(path("login/", login.as_view()))
    printed, good = run()

    assert good is well
    assert told in printed
    assert "secret words" not in printed
    if not well:
        assert f"The view is {__name__}.{login.__name__}." in printed


def test_a_login_whose_token_the_default_classes_do_not_accept(settings, defaults):
    """The login is moved, and the class that reads its cookie is not."""
    settings.ROOT_URLCONF = urlconf(path("login/", CookieLogin.as_view()))
    assert run()[1]
    defaults("ReadingCookies")

    settings.ROOT_URLCONF = type(
        "URLConf",
        (),
        {
            "urlpatterns": [
                path("login/", CookieLogin.as_view()),
                path("api/", include("django_jwtauth.urls.sessions")),
            ]
        },
    )
    printed, _ = run()
    assert "/login/: the default authentication classes do not accept" not in printed
    defaults("Nobody")
    assert "/login/: the default authentication classes do not accept its token" in run()[0]


def test_nothing_of_a_login_stays(settings, mailoutbox):
    """No sign-in, and no mail about it, though the view sends one."""
    settings.ROOT_URLCONF = urlconf(path("login/", MailingLogin.as_view()))

    assert run()[1]
    assert mailoutbox == []
    assert not LoginSession.objects.exists()
    assert not User.objects.exists()


def test_more_names_are_sent_than_the_field(settings):
    """Serializers of projects ask for the address, where the model has a user name."""
    OwnLogin.seen.clear()
    settings.ROOT_URLCONF = urlconf(path("login/", OwnLogin.as_view()))
    run()

    assert OwnLogin.seen == [["email", "password", "username"]]


class Auth(ViewSet):
    permission_classes = authentication_classes = ()

    @action(detail=False, methods=["post"], url_path="sign-in")
    def sign_in(self, request):
        raise AssertionError


router = SimpleRouter()
router.register("auth", Auth, basename="auth")


class GetOnly(APIView):
    pass


LOGINS = [
    ("login/", "x", OwnLogin.as_view(), True),
    ("accounts/log-in", "x", OwnLogin.as_view(), True),
    ("sign_in/", "x", OwnLogin.as_view(), True),
    ("enter/", "user-login", OwnLogin.as_view(), True),
    ("google/", "google-login", OwnLogin.as_view(), False),
    ("social-login/", "x", OwnLogin.as_view(), False),
    ("jwt/", "x", TokenObtainPairView.as_view(), True),
    ("<str:tenant>/login/", "x", OwnLogin.as_view(), False),
    ("blogin/", "x", OwnLogin.as_view(), False),
    ("login/codes/", "x", OwnLogin.as_view(), False),
    ("login/", "x", GetOnly.as_view(), False),
    ("login/", "x", answer(200), False),
    ("token/", "x", OwnLogin.as_view(), False),
]


@pytest.mark.parametrize(("route", "name", "view", "found"), LOGINS)
def test_which_views_are_taken_for_logins(settings, route, name, view, found):
    """DRF views that take a POST, by their class, the end of their path, or their name."""
    pattern = path("v1/", include([path(route, view, name=name)]))
    settings.ROOT_URLCONF = type("URLConf", (), {"urlpatterns": [pattern]})

    assert list(logins.find_logins(get_resolver())) == ([f"/v1/{route}"] if found else [])


def test_actions_and_patterns_with_expressions(settings):
    """Routers write regular expressions; our browser endpoints ask for a CSRF token."""
    patterns = [
        path("x/", include(router.urls)),
        re_path(r"^y/login/$", OwnLogin.as_view()),
        re_path(r"^(z|a)/login/$", OwnLogin.as_view()),
        path("browser/", include("django_jwtauth.urls.browser")),
    ]
    settings.ROOT_URLCONF = type("URLConf", (), {"urlpatterns": patterns})

    assert list(logins.find_logins(get_resolver())) == ["/x/auth/sign-in/", "/y/login/"]


def test_a_login_that_cannot_be_found_is_named(settings):
    """--login says where it is, and what looks like one is left alone."""
    settings.ROOT_URLCONF = urlconf(
        path("enter/", ForeignLogin.as_view()), path("login/", BrokenLogin.as_view())
    )
    printed, good = run(login=["/enter/"])

    assert not good
    assert "/enter/: the tokens that it gives are not issued" in printed
    assert "/login/" not in printed


def test_a_project_without_the_password_sign_in(settings):
    """urls.sessions has no token/: the sign-in of the story is started in Python."""
    settings.ROOT_URLCONF = type(
        "URLConf", (), {"urlpatterns": [path("api/", include("django_jwtauth.urls.sessions"))]}
    )
    printed, good = run()

    assert good
    assert printed == "No problems found.\n" + STORY.partition("\n")[2]


# --- what is left of simplejwt


def test_what_is_left_of_simplejwt_is_told(monkeypatch):
    """Views that still make its tokens work until the day when all those tokens die."""
    monkeypatch.setattr(source, "is_present", lambda: True)
    places = [
        source.Place(Path(f"shop/{name}.py"), 3, "import", "rest_framework_simplejwt.tokens")
        for name in ["tests", *"abcde"]
    ]
    monkeypatch.setattr(source, "find_places", lambda paths: iter(places))
    finding = source.Finding("/orders/", "rest_framework_simplejwt.x.Y", "-> z")
    monkeypatch.setattr(project, "find_classes", lambda: iter([finding]))
    printed, good = run()

    assert not good
    assert "simplejwt is still used:\n    shop/a.py:3: rest_framework_simplejwt.tokens\n" in printed
    assert "    and 1 more\n" in printed
    assert "shop/tests.py" not in printed
    assert "--from-simplejwt" in printed
    monkeypatch.setattr(source, "is_present", lambda: False)
    assert run()[1]


def test_a_source_that_was_not_read_to_its_end(monkeypatch):
    """Nothing was found, and not everything was looked at."""
    monkeypatch.setattr(source, "is_present", lambda: True)
    monkeypatch.setattr(source, "find_files", lambda: source.Files([], False))
    printed, good = run()

    assert not good
    assert "Only 0 files of the source were read" in printed


# --- checks


def test_warnings_are_shown_and_the_story_goes_on(settings):
    """With their hints, as `manage.py check` shows them."""
    settings.JWTAUTH = {"REFRESH_GRACE_PERIOD": 0}
    printed, good = run()

    assert good
    assert "(jwtauth.W001)" in printed
    assert "HINT: " in printed
    assert printed.endswith(STORY)


def test_silenced_warnings_are_not_shown(settings):
    """Who has decided needs no reminder."""
    settings.JWTAUTH = {"REFRESH_GRACE_PERIOD": 0}
    settings.SILENCED_SYSTEM_CHECKS = ["jwtauth.W001"]

    assert run() == (f"No problems found.\n{STORY}", True)


def test_errors_come_first(settings):
    """Without sound settings there is no story to tell."""
    settings.JWTAUTH = {"LEEWAY": -1, "AUDIENCE": 7}
    printed, good = run()

    assert not good
    assert printed.count("(jwtauth.E001)") == 2
    assert printed.endswith("Correct the errors above first.")


def test_production_is_checked_when_asked(settings):
    """--deploy adds what only matters there."""
    settings.JWTAUTH = {"ACCESS_TOKEN_LIFETIME": 7200}

    assert "jwtauth.W010" not in run()[0]
    assert "jwtauth.W010" in run("--deploy")[0]


# --- what goes wrong, in plain words


def test_missing_urls_are_told(settings):
    """With the line to add, and where."""
    settings.ROOT_URLCONF = type("URLConf", (), {"urlpatterns": []})
    printed, good = run()

    assert not good
    assert "has no jwtauth_me, token_blacklist" in printed
    assert 'path("api/", include("django_jwtauth.urls")),' in printed


@pytest.mark.parametrize(
    ("pattern", "told"),
    [
        (path("api/token/", answer(404)), ["POST /api/token/              404", "earlier pattern"]),
        (path("api/token/", answer(405)), ["should answer 200", "earlier pattern"]),
        (path("api/token/", answer(403)), ["403", "forbids it"]),
        (path("api/token/", answer(400)), ["400", "ALLOWED_HOSTS"]),
        (path("api/token/", answer(429)), ["429", "Try again later"]),
        (path("api/token/", answer(503)), ["503", "have you run `manage.py migrate`?"]),
        (path("api/token/", answer(418)), ["418", "earlier pattern"]),
        (path("api/token/", answer(401)), ["401", "Reason: none given."]),
        (path("api/token/", answer(401, '{"reason": "eyJ.eyJ.x"}')), ["Reason: none given."]),
        (path("api/token/", answer(200)), ["No tokens in this answer"]),
        (path("api/token/", answer(200, "[]")), ["No tokens in this answer"]),
        (
            path("api/token/", lambda request: redirect("/login/?next=eyJ")),
            ["It redirects to /login/.", "earlier pattern"],
        ),
        (path("api/me/", answer(401, '{"reason": "expired"}')), ["Reason: expired."]),
        (path("api/me/", answer(200)), ["GET  /api/me/                 200", "is still accepted"]),
        (path("api/token/blacklist/", answer(200)), ["is still accepted"]),
    ],
    ids=lambda value: "" if isinstance(value, list) else None,
)
def test_a_wrong_answer_is_explained(settings, pattern, told):
    """By what it may come from, with the view that gave it; and the command fails."""
    settings.ROOT_URLCONF = urlconf(pattern)
    printed, good = run()

    assert not good
    assert "200 200 200 401" not in printed
    assert [words for words in told if words not in printed] == []


def test_the_view_is_named(settings):
    """Whose view it is says more than any guess."""
    settings.ROOT_URLCONF = urlconf(path("api/me/", answer(404)))

    assert "The view is tests.test_jwtauth_doctor.answer.<locals>.<lambda>." in run()[0]


class Refusing(ModelBackend):
    def authenticate(self, request, **credentials):
        return None


def test_a_back_end_that_refuses_is_named(settings):
    """Lock-out packages refuse strangers: another user may help."""
    settings.AUTHENTICATION_BACKENDS = ["tests.test_jwtauth_doctor.Refusing"]
    printed, good = run()

    assert not good
    assert "back ends (tests.test_jwtauth_doctor.Refusing) refuse" in printed
    assert "--user NAME" in printed


def refuse(user, request):
    raise SignInRefused


def fail(user, request):
    raise ZeroDivisionError("secret words")


def ask_for_code(user, request):
    raise MFARequired("secret words", methods=["otp"])


def misconfigured(user, request):
    raise ImproperlyConfigured("OTP_ISSUER is missing")


@pytest.mark.parametrize(
    ("hook", "told"),
    [
        ("refuse", 'HOOKS["SIGN_IN"] requires more than a password.'),
        ("ask_for_code", 'HOOKS["SIGN_IN"] requires more than a password.'),
        ("fail", "It raised ZeroDivisionError. "),
    ],
)
def test_a_hook_that_fails_is_told(settings, hook, told):
    """By the class of its exception: the words of one may quote what is secret."""
    settings.JWTAUTH = {"HOOKS": {"SIGN_IN": f"tests.test_jwtauth_doctor.{hook}"}}
    printed, good = run()

    assert not good
    assert told in printed
    assert "--user NAME" in printed
    assert "secret words" not in printed


def test_what_is_configured_wrongly_is_quoted(settings):
    """It says itself what is missing, and another user would not help."""
    settings.JWTAUTH = {"HOOKS": {"SIGN_IN": "tests.test_jwtauth_doctor.misconfigured"}}
    printed, good = run()

    assert not good
    assert "It raised ImproperlyConfigured: OTP_ISSUER is missing\n" in printed
    assert "--user NAME" not in printed


def test_an_unknown_user_is_told():
    """Before anything else is tried."""
    printed, good = run("--user=nobody")

    assert not good
    assert printed.endswith("There is no user named 'nobody'.")


def test_an_inactive_user_is_told(user):
    """The back ends refuse it, as they would refuse its owner."""
    User.objects.update(is_active=False)
    printed, good = run("--user=anna")

    assert not good
    assert "the user may be inactive" in printed


@pytest.mark.parametrize("error", [IntegrityError, TypeError, ValueError])
def test_a_user_that_cannot_be_made_is_told(monkeypatch, error):
    """Another table may want what nobody can guess."""

    def refuse_row(*args, **kwargs):
        raise error("a column wants a value")

    monkeypatch.setattr("django.db.models.query.QuerySet.bulk_create", refuse_row)
    printed, good = run()

    assert not good
    assert f"A temporary auth.User cannot be created ({error.__name__})." in printed
    assert "--user NAME" in printed


def test_a_database_that_does_not_answer_is_told(monkeypatch):
    """Down, or not migrated."""

    def refuse_row(*args, **kwargs):
        raise OperationalError("no such table")

    monkeypatch.setattr("django.db.models.query.QuerySet.bulk_create", refuse_row)
    printed, good = run()

    assert not good
    assert "have you run `manage.py migrate`? (OperationalError)" in printed


def test_what_a_fallback_of_secret_key_keeps_alive_is_told(user, settings):
    """The doctor asks the database, as ``check`` does only when it is told to."""
    settings.SECRET_KEY_FALLBACKS = ["an old key that is long enough, 0123456789 abcdefghij"]
    with override_settings(SECRET_KEY=settings.SECRET_KEY_FALLBACKS[0]):
        api_tokens.create(user, "deploy")

    printed, good = run()
    assert good
    assert "jwtauth.W022" in printed


def test_migrations_that_were_not_run_are_named():
    """Not "temporarily unavailable" alone: the command says what to run."""
    applied = MigrationRecorder(connections["default"]).migration_qs.filter(app="django_jwtauth")
    latest = applied.latest("name")
    latest.delete()

    printed, good = run()

    assert not good
    text = f"Migrations of django_jwtauth have not been run ({latest.name}): run"
    assert f"{text} `python manage.py migrate`." in printed
