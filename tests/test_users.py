import copy
import pickle

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.test import RequestFactory
from rest_framework import permissions
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory
from rest_framework.throttling import UserRateThrottle
from rest_framework.views import APIView

from django_jwtauth import sessions, tokens
from django_jwtauth.authentication import JWTStatelessUserAuthentication
from django_jwtauth.models import LoginSession
from django_jwtauth.users import TokenUser

CLAIMS = {
    "sub": "7",
    "iss": "https://auth.example.com",
    "groups": ["staff", "shop"],
    "permissions": ["shop.view_order", "shop.add_order"],
    "is_superuser": True,
    "is_staff": True,
    "email": "anna@example.org",
}


@pytest.fixture
def token_user():
    return TokenUser(CLAIMS)


@pytest.fixture
def rights_from_claims(settings):
    settings.JWTAUTH = {
        "CLAIMS": {"GROUPS": "groups", "PERMISSIONS": "permissions"},
    }


def test_a_token_user_is_what_the_token_says(token_user):
    """The id is ``sub``, as text; the name is the claim ``username``, or the id."""
    assert (token_user.pk, token_user.id) == ("7", "7")
    assert (token_user.username, token_user.get_username(), str(token_user)) == ("7", "7", "7")
    named = TokenUser({**CLAIMS, "username": "anna"})
    assert (named.username, named.get_username(), str(named)) == ("anna", "anna", "anna")
    assert named.pk == "7"
    assert token_user.claims == CLAIMS


def test_a_token_user_is_signed_in(token_user):
    """Whoever has a good token is authenticated and active, and not anonymous."""
    assert token_user.is_authenticated is True
    assert token_user.is_active is True
    assert token_user.is_anonymous is False


@pytest.mark.parametrize("name", ["email", "groups", "user_permissions", "is_supeuser", "save"])
def test_an_unknown_attribute_is_an_error(token_user, name):
    """A misspelt name raises, where simplejwt answered None; claims are in ``claims``."""
    assert not hasattr(token_user, name)
    with pytest.raises(AttributeError, match=name):
        getattr(token_user, name)


def test_no_claim_makes_a_superuser(token_user, rights_from_claims):
    """``is_staff`` and ``is_superuser`` are never read from a token."""
    assert token_user.is_staff is False
    assert token_user.is_superuser is False
    assert not token_user.has_perm("shop.delete_order")


@pytest.mark.parametrize(
    "duplicate",
    [copy.copy, copy.deepcopy, lambda user: pickle.loads(pickle.dumps(user))],
    ids=["copy", "deepcopy", "pickle"],
)
def test_a_token_user_can_be_copied(token_user, rights_from_claims, duplicate):
    """A copy is equal and has the same rights; caches and task queues copy users."""
    other = duplicate(token_user)
    assert other is not token_user
    assert other == token_user
    assert other.claims == CLAIMS
    assert other.has_perm("shop.view_order")
    with pytest.raises(AttributeError):
        _ = other.email


def test_a_deep_copy_shares_nothing(token_user):
    """Changing the claims of a deep copy leaves the user alone."""
    copy.deepcopy(token_user).claims["groups"].append("admin")
    assert token_user.claims["groups"] == ["staff", "shop"]


def test_users_are_equal_when_issuer_and_id_are(token_user):
    """User 7 of one deployment is not user 7 of another, nor of this one's table."""
    same = TokenUser({"sub": "7", "iss": CLAIMS["iss"]})
    assert token_user == same
    assert len({token_user, same}) == 1
    for other in (
        TokenUser({"sub": "8", "iss": CLAIMS["iss"]}),
        TokenUser({"sub": "7", "iss": "https://elsewhere.example.com"}),
        TokenUser({"sub": "7"}),
        get_user_model()(pk=7),
        AnonymousUser(),
        "7",
        None,
    ):
        assert token_user != other
        assert other != token_user


def test_the_repr_shows_no_claims(token_user):
    """Error reports and logs show the id, not what else the token says."""
    assert repr(token_user) == "<TokenUser: 7>"


# --- rights


def test_without_configuration_a_token_gives_no_rights(token_user):
    """Groups and permissions in a token mean nothing until a setting names their claims."""
    assert token_user.group_names == frozenset()
    assert token_user.get_all_permissions() == frozenset()
    assert not token_user.has_perm("shop.view_order")
    assert not token_user.has_perms(["shop.view_order"])
    assert not token_user.has_module_perms("shop")


def test_rights_come_from_the_claims_that_the_settings_name(token_user, rights_from_claims):
    """The setting CLAIMS gives the rights, with the methods that Django has."""
    assert token_user.group_names == {"staff", "shop"}
    assert token_user.get_all_permissions() == {"shop.view_order", "shop.add_order"}
    assert token_user.has_perm("shop.view_order")
    assert not token_user.has_perm("shop.view")
    assert token_user.has_perms(["shop.view_order", "shop.add_order"])
    assert not token_user.has_perms(["shop.view_order", "shop.delete_order"])
    assert token_user.has_perms([])
    assert token_user.has_module_perms("shop")
    assert not token_user.has_module_perms("sho")


def test_one_claim_does_not_imply_the_other(token_user, settings):
    """With CLAIMS["GROUPS"] alone there are groups and no permissions, and the other way round."""
    settings.JWTAUTH = {"CLAIMS": {"GROUPS": "groups"}}
    assert token_user.group_names
    assert not token_user.get_all_permissions()
    settings.JWTAUTH = {"CLAIMS": {"PERMISSIONS": "permissions"}}
    assert not token_user.group_names
    assert token_user.get_all_permissions()


def test_a_right_is_never_one_for_an_object(token_user, rights_from_claims):
    """As in Django's ModelBackend, rights on everything say nothing of one object."""
    assert not token_user.has_perm("shop.view_order", object())
    assert not token_user.has_perms(["shop.view_order"], object())
    assert token_user.get_all_permissions(object()) == frozenset()


@pytest.mark.parametrize(
    "value",
    [
        None,
        "shop.view_order",
        {"shop.view_order": True},
        1,
        True,
        [],
        [["shop.view_order"]],
        [None],
    ],
    ids=repr,
)
def test_a_claim_of_another_form_gives_no_rights(rights_from_claims, value):
    """Only a list of strings counts: no text is searched, no dict is read as a list."""
    user = TokenUser({"sub": "7", "permissions": value, "groups": value})
    assert user.get_all_permissions() == frozenset()
    assert user.group_names == frozenset()
    assert not user.has_perm("shop.view_order")


def test_strings_beside_rubbish_count(rights_from_claims):
    """What is no string is left out."""
    user = TokenUser({"sub": "7", "permissions": [1, "shop.view_order", None, ["x"]]})
    assert user.get_all_permissions() == {"shop.view_order"}


# --- with Django and DRF


class SignInsView(APIView):
    """A view on a real model, whose permissions are ``<app>.<action>_loginsession``."""

    authentication_classes = [JWTStatelessUserAuthentication]
    permission_classes = [permissions.DjangoModelPermissions]
    queryset = LoginSession.objects.none()

    def get(self, request):
        return Response({"user": request.user.pk, "type": type(request.user).__name__})

    post = delete = get


@pytest.fixture
def call():
    """Answer of ``SignInsView`` with other permission classes, for a token with these claims."""

    def call(method="get", classes=None, raw=None, **claims):
        if raw is None:
            claims = {**good_claims(), **claims}
            raw = tokens.encode("access", claims)
        headers = {"HTTP_AUTHORIZATION": f"Bearer {raw}"} if raw else {}
        initkwargs = {"permission_classes": classes} if classes else {}
        request = getattr(APIRequestFactory(), method)("/", **headers)
        return SignInsView.as_view(**initkwargs)(request)

    return call


def good_claims():
    return {"sub": "7", "sid": "0" * 32, "jti": "x", "iat": 1, "exp": 2**32}


@pytest.mark.parametrize(
    ("classes", "status"),
    [
        ([permissions.AllowAny], 200),
        ([permissions.IsAuthenticated], 200),
        ([permissions.IsAuthenticatedOrReadOnly], 200),
        ([permissions.IsAdminUser], 403),
    ],
)
def test_permission_classes_of_drf(call, classes, status):
    """The permission classes of DRF ask what a TokenUser can answer; it is never an admin."""
    assert call(classes=classes, is_staff=True).status_code == status


def test_a_request_without_a_token_is_nobody(call):
    """No token is no TokenUser: 401, which makes clients sign in."""
    response = call(classes=[permissions.IsAuthenticated], raw="")
    assert response.status_code == 401
    assert response["WWW-Authenticate"] == 'Bearer realm="api"'


@pytest.mark.parametrize(
    ("method", "granted", "status"),
    [
        ("get", [], 200),
        ("post", [], 403),
        ("post", ["django_jwtauth.add_loginsession"], 200),
        ("post", ["django_jwtauth.delete_loginsession"], 403),
        ("delete", ["django_jwtauth.delete_loginsession"], 200),
    ],
)
def test_model_permissions_of_drf(call, rights_from_claims, method, granted, status):
    """DjangoModelPermissions allows what the token's permissions allow, without the database."""
    response = call(method, permissions=granted)
    assert response.status_code == status
    if status == 200:
        assert response.data == {"user": "7", "type": "TokenUser"}


def test_model_permissions_need_the_setting(call):
    """Permissions in a token that no setting asks for allow nothing."""
    response = call("post", permissions=["django_jwtauth.add_loginsession"])
    assert response.status_code == 403


def test_djangos_decorator(token_user, rights_from_claims):
    """``permission_required`` works with a TokenUser as ``request.user``."""
    request = RequestFactory().get("/")
    request.user = token_user

    def view(request):
        return "seen"

    assert permission_required("shop.view_order", raise_exception=True)(view)(request) == "seen"
    with pytest.raises(PermissionDenied):
        permission_required("shop.delete_order", raise_exception=True)(view)(request)


def test_throttles_of_drf_tell_users_apart(token_user):
    """A throttle for each user counts by ``pk``."""
    request = RequestFactory().get("/")
    keys = set()
    for request.user in (token_user, TokenUser({"sub": "8"})):
        throttle = UserRateThrottle.__new__(UserRateThrottle)
        keys.add(throttle.get_cache_key(request, None))
    assert len(keys) == 2


def test_the_user_of_a_real_token(user, call):
    """The claims of a sign-in make a user with the id of its row; no query is run."""
    response = call(classes=[permissions.IsAuthenticated], raw=sessions.start(user).access)
    assert response.data == {"user": str(user.pk), "type": "TokenUser"}


OWN, PARTNER = "https://auth.example.com", "https://login.partner.example"


@pytest.mark.parametrize(
    ("issuer", "entry", "own", "believed"),
    [
        (OWN, None, OWN, True),
        (OWN, "https://x.example/jwks", OWN, True),
        (PARTNER, None, OWN, False),
        (PARTNER, "https://x.example/jwks", OWN, False),
        (PARTNER, "https://x.example/jwks", None, False),
        (PARTNER, {"jwks_url": "https://x.example/jwks"}, OWN, False),
        (PARTNER, {"jwks_url": "https://x.example/jwks", "claims": False}, OWN, False),
        (PARTNER, {"jwks_url": "https://x.example/jwks", "claims": True}, OWN, True),
        (PARTNER, {"jwks_url": "https://x.example/jwks", "claims": True}, None, True),
        (PARTNER.upper(), {"jwks_url": "https://x.example/jwks", "claims": True}, OWN, False),
        ([PARTNER], {"jwks_url": "https://x.example/jwks", "claims": True}, OWN, False),
        (None, {"jwks_url": "https://x.example/jwks", "claims": True}, OWN, False),
        (None, None, None, True),
    ],
)
def test_rights_are_believed_of_issuers_that_are_named_for_it(
    settings, rights_from_claims, issuer, entry, own, believed
):
    """Our own always; another issuer says who its users are, and not what they may do here."""
    name = issuer if isinstance(issuer, str) and issuer == OWN else PARTNER
    trusted = {"ISSUERS": {name: entry}} if entry else {}
    settings.JWTAUTH = {**settings.JWTAUTH, "ISSUER": own, **trusted}
    user = TokenUser({**CLAIMS, "iss": issuer})

    assert user.has_perm("shop.view_order") is believed
    assert user.has_module_perms("shop") is believed
    assert bool(user.get_all_permissions()) is bool(user.group_names) is believed
