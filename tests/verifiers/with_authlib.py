import json
import os
from urllib.request import urlopen

from authlib.oauth2.rfc9068 import JWTBearerTokenValidator


class Validator(JWTBearerTokenValidator):
    def get_jwks(self):
        with urlopen(os.environ["JWKS_URL"]) as response:
            return json.load(response)


validator = Validator(issuer=os.environ["ISSUER"], resource_server=os.environ["AUDIENCE"])


def verify(raw):
    claims = validator.authenticate_token(raw)
    validator.validate_token(claims, scopes=None, request=None)
    return claims
