"""Find public RSA keys that can be factored, as far as their numbers show it.

Keys from a bad random number generator are not found, because there are only lists of them.
"""

from math import gcd, isqrt, prod

#: FIPS 186-5, A.1.1: odd, and between these.
MIN_EXPONENT, MAX_EXPONENT = 2**16 + 1, 2**256 - 1

# SP 800-89, 5.3.3: no factor below 752.
_PRIMES = [p for p in range(2, 752) if all(p % q for q in range(2, isqrt(p) + 1))]
_ROCA_PRIMES = 126
_FERMAT_STEPS = 100


def find_weakness(n: int, e: int) -> str | None:
    """Return what is wrong with modulus ``n`` and exponent ``e``, or None."""
    if e % 2 == 0 or not MIN_EXPONENT <= e <= MAX_EXPONENT:
        return "its public exponent must be odd, and at least 65537"
    if gcd(n, prod(_PRIMES)) != 1:
        return "its modulus has a small factor"
    if _is_roca(n):
        return "it was made by a chip whose keys can be factored (ROCA, CVE-2017-15361)"
    if _has_close_factors(n):
        return "its two primes are so close that it can be factored (CVE-2022-26320)"
    return None


def _is_roca(n: int) -> bool:
    """Return whether a modulus of 2048 bits or more has the fingerprint of Infineon's library.

    The library's primes are ``k * M + 65537 ** a % M``, where M is the product of the first 126
    primes (225 from 3968 bits on), so the modulus is a power of 65537 modulo each of them.
    (Nemec, Sys, Svenda, Klinec, Matyas: The Return of Coppersmith's Attack, CCS 2017, 2.1 and 3.)
    """
    return all(n % p in _powers(p) for p in _PRIMES[:_ROCA_PRIMES])


def _powers(p: int) -> set[int]:
    """Return the powers of 65537 modulo the prime ``p``."""
    powers, power = set(), 1
    while power not in powers:
        powers.add(power)
        power = power * 65537 % p
    return powers


def _has_close_factors(n: int) -> bool:
    """Return whether Fermat's method factors ``n`` at once (also a square)."""
    start = isqrt(n - 1) + 1
    squares = (a * a - n for a in range(start, start + _FERMAT_STEPS))
    return any(isqrt(square) ** 2 == square for square in squares)
