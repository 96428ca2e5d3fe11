"""Print the public keys, for gateways that cannot fetch the JWKS."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError

from ...tokens.keyrings import get_access_ring
from ...views.well_known import key_set, public_keys


class Command(BaseCommand):
    help = "Print the public halves of JWTAUTH['KEYS'], the signing key first."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--format", default="jwks", choices=("jwks", "pem"))
        parser.add_argument("--kid", help="Only the key with this kid.")

    def handle(self, *, format: str, kid: str | None, **options: Any) -> None:
        try:
            ring = get_access_ring()
        except ImproperlyConfigured as error:
            raise CommandError(str(error)) from None
        keys = [key for key in public_keys(ring) if kid in (None, key.kid)]
        if not keys:
            raise CommandError(
                f"There is no public key with the kid {kid!r}."
                if kid
                else "JWTAUTH['KEYS'] contains no asymmetric key: run jwtauth_generate_key."
            )
        if format == "jwks":
            kids = {key.kid for key in keys}
            chosen = [jwk for jwk in key_set(ring)["keys"] if jwk["kid"] in kids]
            self.stdout.write(json.dumps({"keys": chosen}, indent=2))
            return
        from cryptography.hazmat.primitives import serialization

        for key in keys:
            pem = key.verifying.public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
            # Text around a PEM block is allowed and ignored (RFC 7468, 2).
            self.stdout.write(f"{key.algorithm} {key.kid}")
            self.stdout.write(pem.decode().strip())
