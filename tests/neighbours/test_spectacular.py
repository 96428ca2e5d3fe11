"""The OpenAPI schema that drf-spectacular makes of our endpoints, and of a project's own views."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from itertools import product

import hypothesis
import jsonschema
import pytest
import schemathesis
from django.contrib.auth.models import Permission, User
from django.core.management import call_command
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from django.urls import include, path
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.utils import extend_schema
from drf_spectacular.validation import validate_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.test import APIClient
from rest_framework.views import APIView
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi import checks

from django_jwtauth import acting, api_tokens, exceptions, one_time, sessions
from django_jwtauth.authentication import (
    JWTAuthentication,
    JWTCookieAuthentication,
    JWTStatelessUserAuthentication,
)
from django_jwtauth.contrib.simplejwt import authentication, views
from django_jwtauth.contrib.spectacular.operations import OPERATIONS
from django_jwtauth.models import LoginSession
from django_jwtauth.serializers import TokenObtainPairSerializer
from django_jwtauth.views import MeView, TokenObtainPairView
from tests.conftest import PASSWORD
from tests.pages import DOCS, MARK, as_script
from tests.refusals import REFUSALS
from tests.shell import ROOT, environment, free_port, needs_curl, run_script

OURS = [
    path("api/", include("django_jwtauth.urls")),
    path("api/", include("django_jwtauth.urls.acting")),
    path("api/", include("django_jwtauth.urls.portal")),
    path("auth/", include("django_jwtauth.urls.browser")),
]
HEADER, COOKIE = {"jwtAuth": []}, {"jwtCookieAuth": []}
CSRF = {"csrfToken": []}


def make_schema(*patterns):
    """The schema of these URLs; whatever drf-spectacular would have said fails the test."""
    schema = SchemaGenerator(patterns=list(patterns)).get_schema(public=True)
    messages = [*GENERATOR_STATS._warn_cache, *GENERATOR_STATS._error_cache]
    assert not messages
    validate_schema(schema)
    return schema


def view_of(*classes):
    """A view of a project that accepts these."""

    class ReportView(APIView):
        authentication_classes = classes

        @extend_schema(responses=str)
        def get(self, request):
            return Response("")

        @extend_schema(request=None, responses=str)
        def post(self, request):
            return Response("")

    return path("reports/", ReportView.as_view())


def operations_of(schema):
    return {
        operation["operationId"]: operation
        for methods in schema["paths"].values()
        for operation in methods.values()
    }


def bodies_of(operation, status):
    """The examples of a response, by the name that a reader sees."""
    content = operation["responses"][str(status)]["content"]["application/json"]
    return {one.get("summary", name): one["value"] for name, one in content["examples"].items()}


def reasons_of(operation):
    return {
        body["reason"]
        for status in operation["responses"]
        if int(status) >= 400
        for body in bodies_of(operation, status).values()
        if "reason" in body
    }


@pytest.fixture(scope="module")
def schema():
    return make_schema(*OURS)


class Subclass(JWTAuthentication):
    pass


class CookieSubclass(JWTCookieAuthentication):
    pass


CONFIGURATIONS = {
    "header": [JWTAuthentication],
    "cookie": [JWTCookieAuthentication],
    "both": [JWTAuthentication, JWTCookieAuthentication],
    "stateless": [JWTStatelessUserAuthentication],
    "subclasses": [Subclass, CookieSubclass],
}


@pytest.mark.parametrize("classes", CONFIGURATIONS.values(), ids=CONFIGURATIONS)
def test_there_is_nothing_to_warn_of(classes):
    """No warning, no error and a valid schema, with our endpoints and without."""
    make_schema(*OURS, view_of(*classes))
    make_schema(view_of(*classes))


@pytest.mark.parametrize("version", ["3.0.3", "3.1.1"])
def test_the_command_is_silent(tmp_path, settings, version):
    """manage.py spectacular --validate --fail-on-warn, in both versions of OpenAPI."""
    from drf_spectacular.settings import patched_settings

    settings.ROOT_URLCONF = "tests.neighbours.spectacular_urls"
    file = tmp_path / "schema.json"
    with patched_settings({"OAS_VERSION": version}):
        call_command(
            "spectacular", validate=True, fail_on_warn=True, format="openapi-json", file=str(file)
        )

    assert json.loads(file.read_text())["openapi"] == version


ALTERNATIVES = {
    "header": ([HEADER], [HEADER]),
    "cookie": ([COOKIE], [COOKIE | CSRF]),
    "both": ([HEADER, COOKIE], [HEADER, COOKIE | CSRF]),
    "stateless": ([HEADER], [HEADER]),
    "subclasses": ([HEADER, COOKIE], [HEADER, COOKIE | CSRF]),
}


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_any_one_of_the_classes_is_enough(name):
    """Alternatives in the order of the view; a cookie changes nothing without Django's token."""
    report = make_schema(view_of(*CONFIGURATIONS[name]))["paths"]["/reports/"]

    assert (report["get"]["security"], report["post"]["security"]) == ALTERNATIVES[name]


def test_the_schemes_are_what_the_classes_read(schema):
    """Header and cookies by the names they really have."""
    schemes = {
        name: {key: value for key, value in scheme.items() if key != "description"}
        for name, scheme in schema["components"]["securitySchemes"].items()
    }

    assert schemes == {
        "jwtAuth": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
        "jwtCookieAuth": {"type": "apiKey", "in": "cookie", "name": "__Host-jwtauth_access"},
        "jwtRefreshCookie": {"type": "apiKey", "in": "cookie", "name": "__Secure-jwtauth_refresh"},
        "csrfToken": {"type": "apiKey", "in": "header", "name": "X-CSRFTOKEN"},
    }


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["JWT", "Bearer"], {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}),
        (["JWT"], {"type": "apiKey", "in": "header", "name": "Authorization"}),
    ],
)
def test_the_word_is_the_one_of_the_settings(settings, words, expected):
    """OpenAPI's tools know Bearer; another word stands in the description."""
    settings.JWTAUTH = {"AUTH_HEADER_TYPES": words, "COOKIES": {"SECURE": False}}
    schemes = make_schema(*OURS)["components"]["securitySchemes"]

    assert expected.items() <= schemes["jwtAuth"].items()
    assert expected["type"] == "http" or '"JWT"' in schemes["jwtAuth"]["description"]
    assert schemes["jwtCookieAuth"]["name"] == "jwtauth_access"


def test_the_header_is_the_one_of_the_settings(settings):
    """Another than Authorization is an API key to OpenAPI's tools."""
    settings.JWTAUTH = {"AUTH_HEADER_NAME": "X-Api-Authorization"}
    scheme = make_schema(*OURS)["components"]["securitySchemes"]["jwtAuth"]

    assert scheme["type"] == "apiKey"
    # The names of headers are the same in any case.
    assert scheme["name"].lower() == "x-api-authorization"


def test_an_extension_of_the_project_comes_first():
    """Whoever reads the token elsewhere describes that as drf-spectacular's manual says."""

    class Elsewhere(JWTAuthentication):
        pass

    class ElsewhereScheme(OpenApiAuthenticationExtension):
        target_class = Elsewhere
        name = "elsewhere"

        def get_security_definition(self, auto_schema):
            return {"type": "apiKey", "in": "header", "name": "X-Token"}

    try:
        schema = make_schema(view_of(Elsewhere))
    finally:
        OpenApiAuthenticationExtension._registry.remove(ElsewhereScheme)

    assert list(schema["components"]["securitySchemes"]) == ["elsewhere"]


def test_every_endpoint_is_described(schema):
    """Each view and method has its row: a name of its own, a tag, a sentence, answers."""
    operations = operations_of(schema)
    methods = {(cls.__name__, method.lower()) for cls, method in OPERATIONS}

    assert len(operations) == sum(map(len, schema["paths"].values()))
    # MeView and the two of the sign-ins are served for browsers, too.
    assert len(operations) == len(methods) + 5
    for name, operation in operations.items():
        assert name.startswith("jwtauth_")
        assert operation["summary"]
        assert operation["tags"][0] in ("auth", "auth-browser", "api-tokens", "one-time-tokens")
        assert "503" in operation["responses"] or name == "jwtauth_browser_csrf"


def test_names_do_not_depend_on_the_other_urls(schema):
    """A project that adds views, or moves ours, keeps the names in its generated client."""
    moved = make_schema(path("v1/auth/", include("django_jwtauth.urls")), view_of())

    assert {name for name in operations_of(moved) if name.startswith("jwtauth")} < set(
        operations_of(schema)
    )


def test_endpoints_under_two_paths_keep_apart():
    """Nothing collides when a project serves them twice."""
    twice = make_schema(OURS[0], path("v2/", include("django_jwtauth.urls")))

    assert len(operations_of(twice)) == 18
    assert {"jwtauth_me", "jwtauth_me_2"} <= set(operations_of(twice))


def test_a_legacy_token_has_no_sign_in(schema):
    """me/ answers null for its id; a client that is generated knows."""
    assert schema["components"]["schemas"]["JWTAuthMe"]["properties"]["session_id"]["nullable"]


@pytest.mark.parametrize("purposes", [[], ["download", "upload"]])
def test_purposes_are_those_of_the_settings(settings, purposes):
    """A one-time token is for one of them; without any, the schema is valid all the same."""
    settings.JWTAUTH = {"ONE_TIME": {"PURPOSES": purposes}}
    components = make_schema(*OURS)["components"]["schemas"]

    assert components["JWTAuthNewOneTime"]["properties"]["purpose"] == {
        "$ref": "#/components/schemas/JWTAuthPurpose"
    }
    assert components["JWTAuthPurpose"].get("enum", []) == purposes


@pytest.mark.parametrize("offered", [False, True])
def test_remember_is_described_where_it_is_offered(settings, offered):
    """At all doors for people; without the setting there is no such field."""
    settings.JWTAUTH = {"SESSION_LIFETIME_NOT_REMEMBERED": 3600 if offered else None}
    components = make_schema(*OURS)["components"]["schemas"]
    found = [name for name, one in components.items() if "remember" in one.get("properties", {})]

    assert found == (["JWTAuthOneTime", "JWTAuthTokenObtainPair"] if offered else [])
    for name in found:
        field = components[name]["properties"]["remember"]
        assert (field["type"], field["default"]) == ("boolean", False)
        assert "remember" not in components[name]["required"]


def test_serializers_of_a_project_may_have_our_names():
    """The name of each of our components begins with JWTAuth."""

    class MeSerializer(serializers.Serializer):
        shoe_size = serializers.IntegerField()

    class ShoeView(APIView):
        @extend_schema(responses=MeSerializer)
        def get(self, request):
            return Response({})

    components = make_schema(*OURS, path("shoes/", ShoeView.as_view()))["components"]["schemas"]

    assert {"Me", "JWTAuthMe"} <= set(components)


def test_a_subclass_is_described_like_ours():
    """With its own serializer, and what @extend_schema says of it."""

    class OtpSerializer(TokenObtainPairSerializer):
        otp = serializers.CharField()

    @extend_schema(tags=["front door"])
    class OtpView(TokenObtainPairView):
        serializer_class = OtpSerializer

    class ShortMeView(MeView):
        @extend_schema(summary="Me, in short")
        def get(self, request):
            return super().get(request)

    schema = make_schema(path("in/", OtpView.as_view()), path("me/", ShortMeView.as_view()))
    sign_in, me = schema["paths"]["/in/"]["post"], schema["paths"]["/me/"]["get"]

    assert (sign_in["operationId"], sign_in["tags"]) == ("jwtauth_token_obtain", ["front door"])
    assert "otp" in schema["components"]["schemas"]["Otp"]["properties"]
    assert "examples" not in sign_in["requestBody"]["content"]["application/json"]
    assert reasons_of(sign_in) >= {"invalid_credentials", "throttled"}
    assert (me["operationId"], me["summary"]) == ("jwtauth_me", "Me, in short")
    assert "expired" in reasons_of(me)


@pytest.mark.parametrize("rotate", [True, False])
def test_code_that_came_from_simplejwt_keeps_its_names(settings, rotate):
    """Operations, schemas and the scheme are called as simplejwt's were: clients are generated."""
    settings.JWTAUTH = {"ROTATE_REFRESH_TOKENS": rotate}

    class Orders(APIView):
        authentication_classes = (authentication.JWTAuthentication,)

        @extend_schema(responses=None)
        def get(self, request):
            return Response()

    schema = make_schema(
        path("api/token/", views.TokenObtainPairView.as_view()),
        path("api/token/refresh/", views.TokenRefreshView.as_view()),
        path("api/token/verify/", views.TokenVerifyView.as_view()),
        path("orders/", Orders.as_view()),
    )

    ids = [each["operationId"] for item in schema["paths"].values() for each in item.values()]
    assert ids == [
        "api_token_create",
        "api_token_refresh_create",
        "api_token_verify_create",
        "orders_retrieve",
    ]
    assert schema["paths"]["/orders/"]["get"]["security"] == [HEADER]
    properties = {
        name: set(found["properties"]) for name, found in schema["components"]["schemas"].items()
    }
    assert properties == {
        "TokenObtainPair": {"username", "password", "access", "refresh"},
        "TokenRefresh": {"access", "refresh"},
        "TokenVerify": {"token"},
    }
    refresh = schema["components"]["schemas"]["TokenRefresh"]["properties"]["refresh"]
    assert refresh.get("writeOnly", False) is not rotate
    for item in schema["paths"].values():
        assert "post" not in item or "requestBody" in item["post"]


def test_refusals_are_those_of_the_package(schema):
    """What the endpoints may say is what exceptions and the page on errors say, word by word."""
    words = schema["components"]["schemas"]
    page = (DOCS / "errors.md").read_text()
    family = [
        error
        for error in vars(exceptions).values()
        if isinstance(error, type) and hasattr(error, "reason")
    ]
    reasons = {error.reason for error in family}
    # The endpoints answer with DRF's own exception, which has no reason.
    elsewhere = {"not_authenticated"}
    assert set(words["JWTAuthReason"]["enum"]) == reasons - elsewhere
    assert set(words["JWTAuthCode"]["enum"]) == {
        error.code for error in family if error.reason not in elsewhere
    }
    for word in (*words["JWTAuthReason"]["enum"], *words["JWTAuthCode"]["enum"]):
        assert f"`{word}`" in page
    assert set().union(*map(reasons_of, operations_of(schema).values())) == reasons - elsewhere


def find_schema(schema, part):
    """A JSON schema of a part of the OpenAPI document."""
    text = json.dumps({**part, "components": schema["components"]})
    # OpenAPI 3.0's word.
    text = re.sub(
        r'"type": "(\w+)"([^{}]*)"nullable": true', r'"type": ["\1", "null"]\2"x": 0', text
    )
    return json.loads(text)


def test_examples_are_what_the_schemas_say(schema):
    """Every example, of requests and answers, is valid."""
    count = 0
    for operation in operations_of(schema).values():
        parts = [operation.get("requestBody", {}), *operation["responses"].values()]
        for part in parts:
            content = part.get("content", {}).get("application/json")
            if content is None:
                continue
            for example in content["examples"].values() if "examples" in content else ():
                jsonschema.validate(example["value"], find_schema(schema, content["schema"]))
                count += 1

    assert count > 200


@pytest.mark.django_db
@pytest.mark.urls("tests.neighbours.spectacular_urls")
@pytest.mark.parametrize("name", REFUSALS)
def test_what_is_refused_is_documented(schema, user, name):
    """A bad access token gets a body that is among the examples, but for rarer sentences."""
    raw = REFUSALS[name].make(sessions.start(user).access)
    answer = APIClient().get("/api/me/", HTTP_AUTHORIZATION=f"Bearer {raw}")
    examples = bodies_of(operations_of(schema)["jwtauth_me"], 401)

    assert answer.status_code == 401
    assert examples[REFUSALS[name].reason].keys() >= {"detail", "code", "reason"}
    assert examples[REFUSALS[name].reason]["code"] == answer.json()["code"]


# --- schemathesis: what is sent and answered is what the schema says

CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
BOUNDED = hypothesis.settings(
    max_examples=5,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(hypothesis.HealthCheck),
)


@pytest.fixture(scope="module")
def api(schema):
    """What schemathesis makes of the schema, asking Django itself."""
    loaded = schemathesis.openapi.from_dict(schema)
    loaded.app = get_wsgi_application()
    # As Django's own test client does: the test is one transaction of one connection.
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield loaded
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


def make_sid(name, session):
    """The id in the path, of something that is the caller's."""
    return api_tokens.create(session.user, "ci").session.sid if "api_token" in name else session.sid


def make_body(name, pair, session):
    """A body that is accepted, None where there is none."""
    bodies = {
        "token_obtain": {"username": session.user.get_username(), "password": PASSWORD},
        "token_refresh": {"refresh": pair.refresh},
        "token_verify": {"token": pair.access},
        "token_blacklist": {"refresh": pair.refresh},
        "token_one_time": {"token": one_time.create(session.user, one_time.SIGN_IN)},
        "one_time_create": {"purpose": "download"},
        "one_time_consume": {
            "token": one_time.create(session.user, "download"),
            "purpose": "download",
        },
        "session_rename": {"name": "Phone"},
        "api_token_create": {"name": "ci"},
        "impersonate": {"user": str(User.objects.get(username="otto").pk), "reason": "to help"},
    }
    # schemathesis takes no subclass of text.
    return json.loads(json.dumps(bodies.get(name)))


def credentials(name, pair, *, signed_in, csrf):
    """Headers and cookies of a request."""
    if not name.startswith("browser"):
        return {"headers": {"Authorization": f"Bearer {pair.access}"} if signed_in else {}}
    cookies = {"csrftoken": "a" * 32} if csrf else {}
    if signed_in:
        cookies["__Host-jwtauth_access"] = f"{pair.access}"
        cookies["__Secure-jwtauth_refresh"] = f"{pair.refresh}"
    return {"headers": {"X-CSRFToken": "a" * 32} if csrf else {}, "cookies": cookies}


OPERATION_IDS = [
    *("token_obtain", "token_refresh", "token_verify", "token_blacklist", "token_one_time"),
    *("me", "session_list", "session_end_others", "session_rename", "session_end"),
    *("api_token_list", "api_token_create", "api_token_revoke"),
    *("one_time_create", "one_time_consume"),
    *("browser_csrf", "browser_token_obtain", "browser_token_refresh", "browser_token_blacklist"),
    *("browser_me", "browser_session_list", "browser_session_end_others"),
    *("browser_session_rename", "browser_session_end"),
    *("impersonate", "impersonate_stop"),
]


@pytest.mark.django_db
@pytest.mark.urls("tests.neighbours.spectacular_urls")
@pytest.mark.parametrize("name", OPERATION_IDS)
def test_answers_conform(schema, api, user, settings, name):
    """No 5xx; status, headers, body and reason are documented, signed in or not, of any body."""
    settings.ALLOWED_HOSTS = ["localhost"]
    settings.JWTAUTH = {"ONE_TIME": {"PURPOSES": ["download"]}}
    operation = api.find_operation_by_id(f"jwtauth_{name}")
    reasons = reasons_of(operations_of(schema)[f"jwtauth_{name}"])
    seen = set()
    other = type(user).objects.create_user("otto")
    user.user_permissions.add(Permission.objects.get(codename="impersonate_user"))

    def ask(case, *, signed_in, good):
        pair = sessions.start(user)
        if name == "impersonate_stop" and good:
            sid = pair.session_id.hex
            pair = replace(pair, access=acting.start(user, other, "to help", sid=sid).raw)
        session = LoginSession.objects.select_related("user").latest("created_at", "id")
        # Another path than the URLs have is not ours to answer.
        if case.path_parameters:
            case.path_parameters = {"sid": make_sid(name, session) if good else "0" * 32}
        body = make_body(name.removeprefix("browser_"), pair, session)
        if good and body:
            case.body, case.media_type = body, "application/json"
        response = case.call(**credentials(name, pair, signed_in=signed_in, csrf=good))
        case.validate_response(response, checks=CHECKS)
        seen.add(response.status_code)
        answer = response.json() if response.content else {}
        # Where a field is called "reason", a list says what is wrong with it.
        if "reason" in answer and not isinstance(answer["reason"], list):
            assert answer["reason"] in reasons

    def explore(mode, **how):
        @BOUNDED
        @hypothesis.given(operation.as_strategy(generation_mode=mode))
        def run(case):
            ask(case, **how)

        run()

    # Where nothing is asked for, nothing can be wrong.
    modes = [GenerationMode.POSITIVE] if name == "browser_csrf" else list(GenerationMode)
    for mode, signed_in, good in product(modes, [True, False], [True, False]):
        explore(mode, signed_in=signed_in, good=good)

    # The good ones are reached, not only the refusals.
    assert seen & {200, 201, 204}, seen


def test_all_operations_are_asked(schema):
    """Whoever adds an endpoint adds it to the list above."""
    assert {f"jwtauth_{name}" for name in OPERATION_IDS} == set(operations_of(schema))


def test_the_example_is_described():
    """The schema that make example serves is valid and causes no warning."""
    command = [sys.executable, "manage.py", "spectacular", "--validate", "--fail-on-warn"]
    done = subprocess.run(
        command,
        cwd=ROOT / "example_project",
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "operationId: jwtauth_me" in done.stdout


@needs_curl
def test_the_page_works_as_written(tmp_path):
    """Typed into an empty project, the command is silent and prints what the page shows."""
    script, shown = as_script(DOCS / "openapi.md", f"127.0.0.1:{free_port()}")
    printed = run_script(script, tmp_path).split(f"{MARK}\n")[1:]

    assert printed[1] == shown[1]
