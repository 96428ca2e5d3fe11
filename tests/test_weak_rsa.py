import random
from math import isqrt, prod

import pytest

from django_jwtauth.tokens.keymaterial import CRYPTOGRAPHY, KeyProblem, load_key
from django_jwtauth.tokens.weak_rsa import find_weakness

PRIMES = [p for p in range(2, 702) if all(p % q for q in range(2, isqrt(p) + 1))]
M = prod(PRIMES)


def is_prime(number):
    return all(number % p for p in PRIMES) and pow(2, number - 1, number) == 1


def find_prime(draw):
    return next(number for number in iter(draw, None) if is_prime(number))


def make_prime(bits=1024):
    # The two highest bits set: two of them make a modulus of twice the size.
    return find_prime(lambda: random.getrandbits(bits) | 3 << (bits - 2) | 1)


def make_roca_prime():
    """As Infineon's library made them: k * M + 65537 ** a % M."""
    low, high = (3 << 1022) // M + 1, (1 << 1024) // M - 1
    return find_prime(lambda: random.randint(low, high) * M + pow(65537, random.getrandbits(64), M))


def next_prime(number):
    while not is_prime(number):
        number += 2
    return number


@pytest.fixture(scope="module")
def prime():
    return make_prime()


@pytest.fixture(scope="module")
def weak(prime):
    """One modulus of 2048 bits for each way to be weak."""
    return {
        "ROCA": make_roca_prime() * make_roca_prime(),
        "so close": prime * next_prime(prime + 2),
        "a square": prime * prime,
        "small factor": (prime // 3 * 2 + 1) * 3 * next_prime(1 << 1023 | 1),
        "even": prime * (make_prime() - 1),
        "751": next_prime(1 << 2039 | 1) * 751,
    }


SHOWN = {
    "ROCA": "ROCA",
    "so close": "so close",
    "a square": "so close",
    "small factor": "small factor",
    "even": "small factor",
    "751": "small factor",
}


@pytest.mark.parametrize("name", SHOWN)
def test_a_modulus_that_can_be_factored_is_told(weak, name):
    """Each by its own method, whatever the exponent."""
    assert SHOWN[name] in find_weakness(weak[name], 65537)


def test_a_key_in_use_is_refused(weak):
    """In PEM and as a JWK."""
    if not CRYPTOGRAPHY:
        pytest.skip("needs cryptography")
    import jwt
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    public = rsa.RSAPublicNumbers(65537, weak["ROCA"]).public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    jwk = jwt.get_algorithm_by_name("RS256").to_jwk(public, as_dict=True)
    for entry in ({"public_key": pem}, {"jwk": jwk}):
        with pytest.raises(KeyProblem, match="ROCA"):
            load_key({"algorithm": "RS256", **entry})


@pytest.mark.parametrize("e", [0, 1, 2, 3, 17, 65536, 65535, 65538, 2**256 + 1])
def test_an_exponent_outside_of_the_standard_is_told(prime, e):
    """FIPS 186-5: with 1 everybody signs, an even one fits no key, a huge one takes time."""
    assert "exponent" in find_weakness(prime * make_prime(), e)


@pytest.mark.parametrize("e", [65537, 65539, 2**255 + 1])
def test_sound_keys_have_no_weakness(prime, e):
    """Also beside a ROCA prime: the fingerprint is that of both."""
    assert find_weakness(prime * make_prime(), e) is None
    assert find_weakness(prime * make_roca_prime(), e) is None
