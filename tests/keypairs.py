"""Fresh keys in PEM, as they stand in settings."""

from functools import cache

import pytest

from django_jwtauth.tokens.keymaterial import CRYPTOGRAPHY, CURVES, RSA_ALGORITHMS

if CRYPTOGRAPHY:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    CURVE_CLASSES = {curve.name: curve for curve in (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)}

needs_cryptography = pytest.mark.skipif(not CRYPTOGRAPHY, reason="needs cryptography")


def make_key(algorithm="ES256"):
    if algorithm in RSA_ALGORITHMS:
        return _rsa_key(algorithm)
    if algorithm == "EdDSA":
        return ed25519.Ed25519PrivateKey.generate()
    return ec.generate_private_key(CURVE_CLASSES[CURVES[algorithm]]())


@cache
def _rsa_key(algorithm):
    # One for each algorithm: making them is slow.
    return rsa.generate_private_key(65537, 2048)


def make_pem(algorithm="ES256", key=None):
    return (
        (key or make_key(algorithm))
        .private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        .decode()
    )


def make_public_pem(algorithm="ES256", key=None):
    return (
        (key or make_key(algorithm))
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )
