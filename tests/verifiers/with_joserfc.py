import json
import os
from urllib.request import urlopen

from joserfc import jwt
from joserfc.jwk import KeySet

with urlopen(os.environ["JWKS_URL"]) as response:
    keys = KeySet.import_key_set(json.load(response))

rules = jwt.JWTClaimsRegistry(
    iss={"essential": True, "value": os.environ["ISSUER"]},
    aud={"essential": True, "value": os.environ["AUDIENCE"]},
    exp={"essential": True},
)


def verify(raw):
    token = jwt.decode(raw, keys, algorithms=["ES256", "RS256", "EdDSA"])
    rules.validate(token.claims)
    return token.claims
