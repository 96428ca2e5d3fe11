"""Generate a key for ``JWTAUTH["KEYS"]``."""

import json
import os
import secrets
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import jwt
from django.core.management.base import BaseCommand, CommandError

from ...tokens.keymaterial import (
    ALGORITHMS,
    CRYPTOGRAPHY,
    HMAC_SECRET_BYTES,
    RSA_ALGORITHMS,
    Key,
    load_key,
    public_jwk,
)

# NIST SP 800-57: 128 bits of strength.
RSA_BITS = 3072


class Command(BaseCommand):
    help = "Generate a key and print it, its kid, and the lines to paste into the settings."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--algorithm",
            default="ES256",
            choices=sorted(ALGORITHMS),
            help="Use ES256, the default, unless one of your verifiers needs another.",
        )
        parser.add_argument(
            "--format",
            default="pem",
            choices=("pem", "jwk"),
            help="With pem, a secret is plain text.",
        )
        parser.add_argument(
            "--output", type=Path, help="Write the key to this new file, which only you can read."
        )

    def handle(self, *, algorithm: str, format: str, output: Path | None, **options: Any) -> None:
        if algorithm in HMAC_SECRET_BYTES:
            text, key = self._make_secret(algorithm, format)
            member = "secret"
        elif CRYPTOGRAPHY:
            text, key = self._make_pair(algorithm, format)
            member = "private_key"
        else:
            raise CommandError(
                f"{algorithm} needs cryptography: pip install django-jwtauth[crypto]"
            )
        if output:
            write_private(output, text)
            self.stdout.write(f"Written to {output}, which only you can read.")
        else:
            self.stdout.write(text)
        self.stdout.write("")
        self.stdout.write(self._settings_lines(key, "jwk" if format == "jwk" else member, output))

    def _make_secret(self, algorithm: str, format: str) -> tuple[str, Key]:
        secret = secrets.token_urlsafe(HMAC_SECRET_BYTES[algorithm])
        key = load_key({"algorithm": algorithm, "secret": secret})
        if format == "pem":
            return secret, key
        return _as_json({**_jwk(algorithm, secret), "alg": algorithm}), key

    def _make_pair(self, algorithm: str, format: str) -> tuple[str, Key]:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

        private: Any
        if algorithm in RSA_ALGORITHMS:
            private = rsa.generate_private_key(65537, RSA_BITS)
        elif algorithm == "EdDSA":
            private = ed25519.Ed25519PrivateKey.generate()
        else:
            curves = {"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1(), "ES512": ec.SECP521R1()}
            private = ec.generate_private_key(curves[algorithm])
        pem = private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode()
        key = load_key({"algorithm": algorithm, "private_key": pem})
        if format == "pem":
            return pem.strip(), key
        return _as_json({**_jwk(algorithm, private), **public_jwk(key)}), key

    def _settings_lines(self, key: Key, member: str, output: Path | None) -> str:
        value = f"Path({str(output.resolve())!r})" if output else 'os.environ["JWT_KEY"]'
        imports = ["from pathlib import Path" if output else "import os"]
        if member == "jwk":
            value = f"json.loads({value}{'.read_text()' if output else ''})"
            imports.insert(0, "import json")
        kid = f' "kid": "{key.kid}",' if key.kid else ""
        lines = [
            "In the settings:",
            "",
            *imports,
            "",
            'JWTAUTH = {"KEYS": [',
            f'    {{"algorithm": "{key.algorithm}",{kid} "{member}": {value}}},',
            "]}",
            "",
        ]
        if key.kid:
            lines.append(
                'To rotate, keep the old keys in the list, and give this one an "active_from" '
                "ten minutes after the end of the deploy."
            )
        else:
            lines.append("A symmetric key is never published, so every verifier needs the secret.")
        return "\n".join(lines)


def _jwk(algorithm: str, key: Any) -> dict[str, Any]:
    members: dict[str, Any] = jwt.get_algorithm_by_name(algorithm).to_jwk(key, as_dict=True)
    members.pop("key_ops", None)
    return members


def _as_json(jwk: dict[str, Any]) -> str:
    return json.dumps(jwk, indent=2)


def write_private(path: Path, text: str) -> None:
    """Write a new file that only its owner may read.

    Raises ``CommandError`` if the file exists or cannot be written.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise CommandError(
            f"{path} exists, and a key is never overwritten: name a new file."
        ) from None
    except OSError as error:
        raise CommandError(f"Cannot write {path}: {error.strerror}.") from None
    with os.fdopen(descriptor, "w") as file:
        file.write(text + "\n")
