"""The documents that verifiers fetch: the public keys, and where they are. Plain Django views."""

import hashlib
import json
from typing import Any
from urllib.parse import urljoin, urlsplit

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.urls import NoReverseMatch, reverse
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_safe

from ..conf import Settings, moments
from ..exceptions import NoTenant
from ..http.transport import authenticating
from ..tokens.keymaterial import Key, public_jwk
from ..tokens.keyrings import KeyRing, get_access_ring, get_token_tenancy

#: For how many seconds a verifier may keep the documents.
MAX_AGE = 300


def public_keys(ring: KeyRing) -> list[Key]:
    """Return the asymmetric keys, the signing one first, as some verifiers read only that."""
    keys = [key for key in ring.keys if not key.symmetric]
    signer = ring.find_signer()
    return sorted(keys, key=lambda key: key is not signer)


def key_set(ring: KeyRing) -> dict[str, Any]:
    """Return the JWKS (RFC 7517, 5): only public members, and never symmetric keys."""
    return {"keys": [public_jwk(key) for key in public_keys(ring)]}


@authenticating
@require_safe
def jwks(request: HttpRequest) -> HttpResponseBase:
    """The public keys of this deployment; 404 outside every tenant."""
    try:
        ring = get_access_ring()
    except NoTenant:
        raise Http404 from None
    return _document(request, key_set(ring), _max_age(ring), "application/jwk-set+json")


@authenticating
@require_safe
def metadata(request: HttpRequest) -> HttpResponseBase:
    """Who the issuer is and where its keys are (RFC 8414, OpenID Connect Discovery).

    404 unless ``ISSUER`` is a URL: the document must name the exact ``iss`` of the tokens.
    """
    try:
        tenancy = get_token_tenancy()
    except NoTenant:
        raise Http404 from None
    issuer = tenancy.settings.ISSUER
    if not issuer or urlsplit(issuer).scheme not in ("http", "https"):
        raise Http404
    ring = get_access_ring(tenancy)
    algorithms = sorted({key.algorithm for key in public_keys(ring)})
    document = {
        "issuer": issuer,
        "jwks_uri": urljoin(issuer, reverse("jwtauth_jwks")),
        # Required by parsers of either document; there is no authorization endpoint.
        "response_types_supported": ["none"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": algorithms,
        **_oauth_endpoints(issuer, tenancy.settings),
    }
    given = {name: value for name, value in document.items() if value}
    return _document(request, given, MAX_AGE, "application/json")


def _oauth_endpoints(issuer: str, conf: Settings) -> dict[str, Any]:
    """Return what ``urls.oauth`` adds, if the project includes it."""
    try:
        paths = {
            name: reverse(f"jwtauth_oauth_{name}") for name in ("token", "revoke", "introspect")
        }
    except NoReverseMatch:
        return {}
    methods = ["client_secret_basic", "client_secret_post"]
    grants = ["refresh_token", *(["password"] if conf.OAUTH_PASSWORD_GRANT else [])]
    return {
        "token_endpoint": urljoin(issuer, paths["token"]),
        "token_endpoint_auth_methods_supported": [*methods, "none"],
        "grant_types_supported": grants,
        "revocation_endpoint": urljoin(issuer, paths["revoke"]),
        "revocation_endpoint_auth_methods_supported": [*methods, "none"],
        "introspection_endpoint": urljoin(issuer, paths["introspect"]),
        "introspection_endpoint_auth_methods_supported": methods,
    }


def _max_age(ring: KeyRing) -> int:
    """Return how long the keys may be kept: at most until the next one begins to sign."""
    now = moments.now()
    waits = [(key.active_from - now).total_seconds() for key in ring.keys if key.active_from]
    return min([MAX_AGE, *(int(wait) for wait in waits if wait > 0)])


def _document(
    request: HttpRequest, document: dict[str, Any], max_age: int, content_type: str
) -> HttpResponseBase:
    body = json.dumps(document, indent=2)
    etag = f'"{hashlib.sha256(body.encode()).hexdigest()[:32]}"'
    response = HttpResponse(body, content_type=content_type)
    response["Cache-Control"] = f"public, max-age={max_age}"
    response["ETag"] = etag
    # The documents are public, and front ends verify tokens, too.
    response["Access-Control-Allow-Origin"] = "*"
    return get_conditional_response(request, etag=etag, response=response) or response
