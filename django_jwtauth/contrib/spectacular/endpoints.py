"""Describe our endpoints, and a project's subclasses of them, for drf-spectacular."""

from collections import Counter
from typing import Any
from weakref import WeakKeyDictionary

from django.utils.translation import gettext_lazy as _
from drf_spectacular.drainage import get_view_method_names, isolate_view_method
from drf_spectacular.extensions import OpenApiSerializerExtension, OpenApiViewExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse
from rest_framework import exceptions as drf
from rest_framework.generics import GenericAPIView
from rest_framework.permissions import SAFE_METHODS
from rest_framework.settings import api_settings

from ... import exceptions
from ...authentication import JWTAuthentication, JWTCookieAuthentication
from ...conf import get_settings
from ...http.refusals import request_refusal
from ...permissions import IsPerson, MayManage
from ...views import SessionView
from ...views.browser import BrowserView, CSRFView, RefreshView, SignOutView
from ...views.portal import RECENT
from . import operations, refusals, schemes
from .operations import Operation
from .refusals import Refusals

# How often each operation was named, by the registry of a run of the generator.
_named: "WeakKeyDictionary[Any, Counter[str]]" = WeakKeyDictionary()

_SIMPLEJWT = "django_jwtauth.contrib.simplejwt."
_HEADERS = [
    OpenApiParameter(
        "WWW-Authenticate",
        str,
        OpenApiParameter.HEADER,
        required=True,
        description=_("RFC 6750, 3: how to authenticate, and whether a token was refused."),
        response=[401],
    ),
    OpenApiParameter(
        "Retry-After",
        int,
        OpenApiParameter.HEADER,
        required=True,
        description=_("Seconds to wait."),
        response=[429, 503],
    ),
]


class EndpointExtension(OpenApiViewExtension):
    target_class = "django_jwtauth.views.JWTView"
    match_subclasses = True
    priority = -1

    def view_replacement(self) -> Any:
        """Return the view with our schema; @extend_schema on a subclass takes precedence."""
        ours = _over(EndpointSchema, api_settings.DEFAULT_SCHEMA_CLASS)
        schema = _over(type(self.target.schema), ours)
        view: Any = type(self.target.__name__, (self.target,), {"schema": schema()})
        for name in get_view_method_names(view):
            if "schema" in getattr(getattr(view, name), "kwargs", {}):
                kwargs = isolate_view_method(view, name).kwargs
                kwargs["schema"] = _over(kwargs["schema"], schema)
        return view


def _over(first: type[Any], second: Any) -> Any:
    """Return a class of both, in which the first takes precedence."""
    if issubclass(second, first):
        return second
    return type("JWTAuthSchema", (first, second), {})


class NewOneTimeExtension(OpenApiSerializerExtension):
    """The purposes from the settings, which may be none, in a separate schema."""

    target_class = "django_jwtauth.views.portal.NewOneTimeSerializer"
    priority = -1

    def map_serializer(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        schema: dict[str, Any] = super().map_serializer(auto_schema, direction)
        refusals.register_components(auto_schema.registry)
        schema["properties"]["purpose"] = refusals.component("Purpose")
        return schema


class EndpointSchema(AutoSchema):
    """Describes the operations in ``OPERATIONS``; others are described as usual."""

    @property
    def operation(self) -> Operation | None:
        # Those of contrib.simplejwt say by their serializers what they take and answer.
        if isinstance(self.view, GenericAPIView):
            return None
        return operations.find_operation(type(self.view), self.method)

    @property
    def in_browser(self) -> bool:
        authenticators = self.view.get_authenticators()
        return isinstance(self.view, (BrowserView, CSRFView)) or any(
            isinstance(one, JWTCookieAuthentication) for one in authenticators
        )

    @property
    def needs_csrf(self) -> bool:
        return self.in_browser and self.method not in SAFE_METHODS

    @property
    def reads_body(self) -> bool:
        reads_cookies = isinstance(self.view, (RefreshView, SignOutView))
        return self.method in ("POST", "PATCH") and not reads_cookies

    def get_operation_id(self) -> str:
        if self.operation is None:
            return str(super().get_operation_id())
        prefix = "jwtauth_browser" if self.in_browser else "jwtauth"
        name = f"{prefix}_{self.operation.name}"
        # A project may serve the endpoints under several paths.
        count = _named.setdefault(self.registry, Counter())
        count[name] += 1
        return name if count[name] == 1 else f"{name}_{count[name]}"

    def get_summary(self) -> str | None:
        operation = self.operation
        return str(operation.summary) if operation else super().get_summary()

    def get_description(self) -> str:
        # The docstring is for readers of the code, and for all methods.
        return "" if self.operation else super().get_description()

    def get_tags(self) -> list[str]:
        operation = self.operation
        if operation is None:
            return list(super().get_tags())
        return [f"{operation.tag}-browser" if self.in_browser else operation.tag]

    def get_override_parameters(self) -> list[Any]:
        return [*super().get_override_parameters(), *(_HEADERS if self.operation else ())]

    def get_auth(self) -> list[Any]:
        auths = list(super().get_auth())
        if not isinstance(self.view, BrowserView):
            return auths
        self.register_scheme(schemes.CSRF, schemes.csrf_definition())
        without: dict[str, list[Any]] = {schemes.CSRF: []}
        if not isinstance(self.view, (RefreshView, SignOutView)):
            return [*auths, without]
        self.register_scheme(schemes.REFRESH_COOKIE, schemes.refresh_cookie_definition())
        auths.append({schemes.REFRESH_COOKIE: [], **without})
        return auths if isinstance(self.view, RefreshView) else [*auths, without]

    def register_scheme(self, name: str, definition: dict[str, Any]) -> None:
        self.registry.register_on_missing(
            ResolvedComponent(
                name, ResolvedComponent.SECURITY_SCHEMA, definition, JWTCookieAuthentication
            )
        )

    def get_serializer_name(self, serializer: Any, direction: Any) -> str:
        # Projects use names like "Me" for their own serializers.
        name = str(super().get_serializer_name(serializer, direction))
        module = type(serializer).__module__
        ours = module.startswith("django_jwtauth.") and not module.startswith(_SIMPLEJWT)
        return f"JWTAuth{name}" if ours else name

    def get_request_serializer(self) -> Any:
        if self.operation is None:
            return super().get_request_serializer()
        return self.view.serializer_class if self.reads_body else None

    def get_response_serializers(self) -> Any:
        operation = self.operation
        if operation is None:
            return super().get_response_serializers()
        refusals.register_components(self.registry)
        answer = OpenApiResponse(operation.answer, description=self._describe(operation))
        return {operation.status: answer, **self.find_refusals(operation).responses()}

    def _describe(self, operation: Operation) -> Any:
        return _("Done.") if operation.answer in (None, operations.NOTHING) else ""

    def get_examples(self) -> list[Any]:
        given = super().get_examples()
        operation = self.operation
        if given or operation is None:
            return list(given)
        request = operations.find_request(self.get_request_serializer())
        answer = operations.find_answer(operation.answer)
        examples = [
            OpenApiExample("request", request, request_only=True),
            OpenApiExample("answer", answer, response_only=True),
        ]
        return [example for example in examples if example.value]

    @property
    def asks_for_recent_sign_in(self) -> bool:
        """Whether ``RECENT_SIGN_IN`` applies to the operation."""
        if not isinstance(self.view, SessionView) or self.method != "DELETE":
            return False
        return get_settings().RECENT_SIGN_IN["cookie" if self.in_browser else "header"] is not None

    def find_refusals(self, operation: Operation) -> Refusals:
        """Return what the operation refuses: in front of the view, then in it."""
        found, view = Refusals(), self.view
        authenticators = view.get_authenticators()
        if self.needs_csrf:
            found.add_raised(view, [exceptions.CSRFFailed])
            if self.method == "POST":
                found.add_drf(drf.ParseError, "unreadable")
        if any(isinstance(one, JWTAuthentication) for one in authenticators):
            self._add_of_access_token(found)
        if isinstance(view, RefreshView):
            found.add_drf(drf.NotAuthenticated, "no_token")
        permissions = view.get_permissions()
        if IsPerson in permissions or RECENT in permissions or self.asks_for_recent_sign_in:
            found.add_raised(view, [exceptions.InsufficientUserAuthentication])
        if MayManage in permissions and self.method not in SAFE_METHODS:
            found.add_raised(view, [exceptions.InsufficientScope])
        # Whoever is not acting has nothing to stop.
        if "{sid}" in self.path or operation.name == "impersonate_stop":
            found.add_drf(drf.NotFound, "not_found")
        if self.reads_body:
            found.add(400, "invalid", {"field": [str(_("This field is required."))]})
            found.add_drf(drf.ParseError, "unreadable")
            found.add_drf(drf.UnsupportedMediaType, "unsupported", media_type="text/plain")
        if self.reads_body:
            found.add_raised(view, [exceptions.UnstorableText])
        if self.reads_body or (self.needs_csrf and self.method == "POST"):
            found.add_raised(view, [exceptions.BodyTooLarge])
        found.add_raised(view, operation.refuses)
        if not isinstance(view, CSRFView):
            found.add_raised(view, [exceptions.Unavailable])
        return found

    def _add_of_access_token(self, found: Refusals) -> None:
        found.add_drf(drf.NotAuthenticated, "no_token")
        header = () if self.in_browser else (exceptions.BadAuthorizationHeader,)
        for error in (*header, *refusals.OF_ACCESS):
            found.add(401, error.reason, request_refusal(refusals.make(error)))
