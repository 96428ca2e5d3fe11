import os

import jwt

client = jwt.PyJWKClient(os.environ["JWKS_URL"])


def verify(raw):
    return jwt.decode(
        raw,
        client.get_signing_key_from_jwt(raw),
        issuer=os.environ["ISSUER"],
        audience=os.environ["AUDIENCE"],
        options={"require": ["exp", "iss", "aud"]},
    )
