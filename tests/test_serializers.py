from datetime import datetime, timedelta, timezone

import pytest
from django.core.validators import RegexValidator
from django.utils import translation
from rest_framework.exceptions import ValidationError

from django_jwtauth.models import LoginSession
from django_jwtauth.serializers import (
    LoginSessionSerializer,
    MeSerializer,
    TokenBlacklistSerializer,
    TokenObtainPairSerializer,
    TokenRefreshSerializer,
    TokenVerifySerializer,
)

START = datetime(2027, 1, 15, 8, 0, 0, tzinfo=timezone.utc)
REQUIRED = ["This field is required."]
BLANK = ["This field may not be blank."]
NULL = ["This field may not be null."]
NOT_TEXT = ["Not a valid string."]


class Changed(TokenObtainPairSerializer):
    """Changes what it got, as a subclass may."""

    def get_fields(self):
        fields = super().get_fields()
        password = fields["password"]
        password.validators.append(RegexValidator("^x"))
        password.error_messages["blank"] = "Say it."
        password.style["autofocus"] = True
        fields["username"].max_length = 3
        return fields


def errors_of(serializer_class, data, **kwargs):
    serializer = serializer_class(data=data, **kwargs)
    with pytest.raises(ValidationError):
        serializer.is_valid(raise_exception=True)
    return serializer.errors


def values_of(serializer_class, data):
    serializer = serializer_class(data=data)
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)


def test_a_password_counts_exactly_as_sent():
    """Spaces around it belong to it; those around a name do not."""
    assert values_of(TokenObtainPairSerializer, {"username": " anna ", "password": "  x \t"}) == {
        "username": "anna",
        "password": "  x \t",
    }


def test_what_a_subclass_changes_is_its_own():
    """The fields are built once, but each serializer has copies."""
    for _ in range(2):
        assert errors_of(Changed, {"username": "anna", "password": ""}) == {
            "username": ["Ensure this field has no more than 3 characters."],
            "password": ["Say it."],
        }
        assert len(Changed().fields["password"].validators) == (
            len(TokenObtainPairSerializer().fields["password"].validators) + 1
        )

    assert errors_of(TokenObtainPairSerializer, {"username": "", "password": ""}) == {
        "username": BLANK,
        "password": BLANK,
    }
    assert "autofocus" not in TokenObtainPairSerializer().fields["password"].style
    fields = [TokenObtainPairSerializer().fields["password"] for _ in range(2)]
    assert fields[0] is not fields[1]
    assert fields[0].parent is not fields[1].parent


def test_each_request_has_its_language():
    """No message stays in the language of whoever asked first."""
    long = {"username": "x" * 1001, "password": ""}
    told = {}
    for language in ("de", "en", "fr"):
        with translation.override(language):
            told[language] = errors_of(TokenObtainPairSerializer, long)

    assert len({str(errors) for errors in told.values()}) == 3
    assert told["en"]["password"] == BLANK


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({}, {"username": REQUIRED, "password": REQUIRED}),
        ({"username": "", "password": ""}, {"username": BLANK, "password": BLANK}),
        ({"username": None, "password": None}, {"username": NULL, "password": NULL}),
        ({"username": [], "password": {}}, {"username": NOT_TEXT, "password": NOT_TEXT}),
        ({"username": True, "password": False}, {"username": NOT_TEXT, "password": NOT_TEXT}),
        (
            {"username": "a\0", "password": "b\0"},
            {
                "username": ["Null characters are not allowed."],
                "password": ["Null characters are not allowed."],
            },
        ),
        (
            {"username": "x" * 1001, "password": "x" * 4097},
            {
                "username": ["Ensure this field has no more than 1000 characters."],
                "password": ["Ensure this field has no more than 4096 characters."],
            },
        ),
    ],
)
def test_a_sign_in_needs_a_name_and_a_password(data, expected):
    """Missing, empty, null, of another kind, with NUL, or too long to be hashed."""
    assert errors_of(TokenObtainPairSerializer, data) == expected


@pytest.mark.parametrize("name", ["username", "password"])
def test_half_a_character_is_refused(name):
    """A lone surrogate cannot be encoded, and so not be hashed or sent to a database."""
    data = {"username": "anna", "password": "x", name: "\ud800"}

    assert list(errors_of(TokenObtainPairSerializer, data)) == [name]


def test_the_longest_that_fits_is_taken():
    """The limits are far from any name, and that of the hasher's work."""
    data = {"username": "x" * 1000, "password": "x" * 4096}

    assert values_of(TokenObtainPairSerializer, data) == data


@pytest.mark.parametrize(
    ("serializer", "name"), [(TokenRefreshSerializer, "refresh"), (TokenVerifySerializer, "token")]
)
@pytest.mark.parametrize(
    ("data", "expected"),
    [({}, REQUIRED), ({"x": ""}, BLANK), ({"x": None}, NULL), ({"x": ["a"]}, NOT_TEXT)],
)
def test_a_token_is_text(serializer, name, data, expected):
    """And has to be there."""
    data = {name: data["x"]} if data else {}

    assert errors_of(serializer, data) == {name: expected}


@pytest.mark.parametrize("data", [["a"], "a", 1, None, True])
def test_a_body_is_an_object(data):
    """Lists, strings and numbers have no fields."""
    for serializer in (TokenObtainPairSerializer, TokenRefreshSerializer, TokenBlacklistSerializer):
        assert list(errors_of(serializer, data)) == ["non_field_errors"]


def test_signing_out_takes_either_token():
    """refresh as in simplejwt, or token of any kind; without either, refresh is asked for."""
    assert values_of(TokenBlacklistSerializer, {"refresh": "a"}) == {"refresh": "a"}
    assert values_of(TokenBlacklistSerializer, {"token": "a"}) == {"token": "a"}
    assert errors_of(TokenBlacklistSerializer, {}) == {"refresh": REQUIRED}
    assert errors_of(TokenBlacklistSerializer, {"token": ""}) == {"token": BLANK}


def test_a_moment_is_told_in_utc(settings):
    """Whatever the project's time zone and format settings say of others."""
    settings.TIME_ZONE = "Asia/Tokyo"
    me = {"user_id": "1", "username": "anna", "session_id": "a", "scopes": [], "expires_at": START}

    assert MeSerializer(me).data["expires_at"] == "2027-01-15T08:00:00Z"


def make_session(**changes):
    moments = {"created_at": START, "refreshed_at": START, "expires_at": START + timedelta(days=7)}
    return LoginSession(**moments, subject="1", **changes)


def test_a_sign_in_is_shown_without_what_is_not_its_owners():
    """No hash, no generation, no operator's note."""
    started = {"ip_address": "192.0.2.7", "user_agent": "Browser"}
    refreshed = {"refreshed_ip": "203.0.113.7", "refreshed_agent": "Browser 2"}
    session = make_session(name="phone", **started, **refreshed)

    data = dict(LoginSessionSerializer(session, context={"sid": session.sid}).data)

    for name in ("created_at", "refreshed_at", "expires_at"):
        moment = datetime.fromisoformat(data.pop(name).replace("Z", "+00:00"))
        assert moment == getattr(session, name)
    assert data == {
        "id": session.id.hex,
        "name": "phone",
        **started,
        **refreshed,
        "current": True,
        "actor": None,
    }
    assert LoginSessionSerializer(session, context={"sid": "0"}).data["current"] is False


def test_only_the_name_of_a_sign_in_can_be_changed():
    """Everything else in a body is ignored."""
    session = make_session()
    given = {"name": " tablet ", "id": "x", "user_agent": "y", "expires_at": "2099-01-01T00:00Z"}
    serializer = LoginSessionSerializer(
        session, data={**given, "current": True, "ended_at": None}, partial=True
    )

    assert serializer.is_valid()
    assert serializer.validated_data == {"name": "tablet"}


@pytest.mark.parametrize("name", [None, "x" * 101, [], "\0", "\ud800", True])
def test_a_name_is_short_text(name):
    """Else the change is refused."""
    serializer = LoginSessionSerializer(make_session(), data={"name": name}, partial=True)

    assert not serializer.is_valid()
    assert list(serializer.errors) == ["name"]
