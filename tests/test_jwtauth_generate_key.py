import json
import os
import stat

import jwt
import pytest
from django.core.management import CommandError

from django_jwtauth import tokens
from django_jwtauth.tokens.keymaterial import ALGORITHMS, CRYPTOGRAPHY, HMAC_SECRET_BYTES, load_key
from tests.calls import run_command
from tests.forge import claims_of, header_of, unsegment
from tests.keypairs import make_pem, needs_cryptography

# Those that the machine at hand can make.
MAKEABLE = sorted(ALGORITHMS if CRYPTOGRAPHY else HMAC_SECRET_BYTES)


def generate(*arguments):
    """Return what is printed before and after the line that introduces the settings."""
    key, _, lines = run_command("jwtauth_generate_key", *arguments).partition("In the settings:\n")
    return key.strip(), lines


def pasted(lines):
    """Return JWTAUTH as a settings file has it into which the printed lines were pasted."""
    python, _, _ = lines.partition("\n]}\n")
    module = {}
    exec(f"{python}\n]}}", module)
    return module["JWTAUTH"]


# --- jwtauth_generate_key


@pytest.mark.parametrize("format", ["pem", "jwk"])
@pytest.mark.parametrize("algorithm", MAKEABLE)
def test_the_printed_lines_work_with_the_printed_key(settings, monkeypatch, algorithm, format):
    """Put the key into the environment, paste the lines: tokens are signed with this key."""
    key, lines = generate("--algorithm", algorithm, "--format", format)
    monkeypatch.setenv("JWT_KEY", key)
    settings.JWTAUTH = pasted(lines)

    raw = tokens.encode("access", {"sub": "1"})

    (entry,) = settings.JWTAUTH["KEYS"]
    assert header_of(raw)["alg"] == algorithm
    assert header_of(raw).get("kid") == entry.get("kid")
    assert jwt.decode(raw, load_key(entry).verifying, [algorithm]) == claims_of(raw)


@pytest.mark.parametrize("format", ["pem", "jwk"])
@pytest.mark.parametrize("algorithm", sorted({"HS256", "ES256"} & {*MAKEABLE}))
def test_the_printed_lines_work_with_the_written_file(settings, tmp_path, algorithm, format):
    """With --output the lines name the file, from wherever the project is started."""
    file = tmp_path / "it's a key"
    output, lines = generate("--algorithm", algorithm, "--format", format, "--output", str(file))
    settings.JWTAUTH = pasted(lines)

    raw = tokens.encode("access", {"sub": "1"})

    (entry,) = settings.JWTAUTH["KEYS"]
    assert jwt.decode(raw, load_key(entry).verifying, [algorithm]) == claims_of(raw)
    assert file.read_text().strip() not in output + lines


@needs_cryptography
def test_a_relative_path_is_printed_as_an_absolute_one(tmp_path, monkeypatch):
    """A server is rarely started where the key was made."""
    monkeypatch.chdir(tmp_path)
    _, lines = generate("--output", "key.pem")
    assert pasted(lines)["KEYS"][0]["private_key"] == tmp_path / "key.pem"


@needs_cryptography
def test_the_default_is_es256_in_pem():
    """ES256 is what the most verifiers understand."""
    key, lines = generate()
    assert key.startswith("-----BEGIN PRIVATE KEY-----")
    assert '"algorithm": "ES256"' in lines


@needs_cryptography
@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA", "PS256"])
def test_the_kid_is_the_thumbprint(algorithm):
    """The printed kid is the one that the key has by default, so it may be left out, too."""
    key, lines = generate("--algorithm", algorithm, "--format", "jwk")
    members = {name: json.loads(key)[name] for name in json.loads(key) if name != "kid"}
    assert f'"kid": "{load_key({"jwk": members}).kid}"' in lines


@needs_cryptography
def test_an_rsa_key_is_as_strong_as_the_others():
    """128 bits of strength, which P-256 has, take 3072 bits of RSA."""
    key, _ = generate("--algorithm", "RS256")
    assert load_key({"algorithm": "RS256", "private_key": key}).verifying.key_size == 3072


@pytest.mark.parametrize("algorithm", sorted(HMAC_SECRET_BYTES))
def test_a_secret_is_as_long_as_its_hash(algorithm):
    """As many random bytes as RFC 7518 asks for, and no kid, which would be a hash of them."""
    secret, lines = generate("--algorithm", algorithm)
    assert len(unsegment(secret)) == HMAC_SECRET_BYTES[algorithm]
    assert "kid" not in lines.partition("\n]}\n")[0]
    assert "never published" in lines


@pytest.mark.parametrize("algorithm", sorted({"HS256", "ES256", "EdDSA"} & {*MAKEABLE}))
def test_no_two_keys_are_the_same(algorithm):
    """Each run makes a new key."""
    assert len({generate("--algorithm", algorithm)[0] for _ in range(3)}) == 3


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_a_key_file_is_for_its_owner_alone(tmp_path, umask):
    """The file is 0600 from the start, whatever the umask."""
    file = tmp_path / "key"
    before = os.umask(umask)
    try:
        generate("--algorithm", "HS256", "--output", str(file))
    finally:
        os.umask(before)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_file_is_never_overwritten(tmp_path):
    """A key that signs somewhere must not be lost to a command that is run twice."""
    file = tmp_path / "key"
    file.write_text("precious")
    with pytest.raises(CommandError, match="never overwritten"):
        generate("--algorithm", "HS256", "--output", str(file))
    assert file.read_text() == "precious"


def test_a_link_is_not_followed(tmp_path):
    """Not even a dangling link that somebody else put there makes the key appear elsewhere."""
    link = tmp_path / "key"
    link.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(CommandError, match="never overwritten"):
        generate("--algorithm", "HS256", "--output", str(link))
    assert not (tmp_path / "elsewhere").exists()


def test_a_place_that_cannot_be_written_is_told(tmp_path):
    """One line says why, and no key is printed in place of the file."""
    with pytest.raises(CommandError, match="No such file or directory") as told:
        generate("--algorithm", "HS256", "--output", str(tmp_path / "missing" / "key"))
    assert str(tmp_path) in str(told.value)


@pytest.mark.parametrize("algorithm", sorted(ALGORITHMS - HMAC_SECRET_BYTES.keys()))
def test_without_cryptography_the_message_says_what_to_install(no_cryptography, algorithm):
    """Asymmetric keys need the extra, and the command says its name."""
    with pytest.raises(CommandError, match=r"pip install django-jwtauth\[crypto\]"):
        generate("--algorithm", algorithm)


def test_without_cryptography_secrets_are_made(no_cryptography):
    """HS256 needs nothing but Python."""
    assert generate("--algorithm", "HS256")[0]


def test_an_unknown_algorithm_is_refused():
    """The choices are the algorithms that KEYS knows."""
    with pytest.raises(CommandError, match="invalid choice"):
        generate("--algorithm", "none")


# --- the cost of signing


@needs_cryptography
@pytest.mark.parametrize("as_file", [False, True], ids=["text", "Path"])
def test_a_pem_is_parsed_once_however_much_is_signed(settings, monkeypatch, tmp_path, as_file):
    """Signing with a PEM costs what signing with a key object costs: nobody parses it again."""
    from jwt import algorithms

    pem = make_pem("RS256")
    if as_file:
        (tmp_path / "key.pem").write_text(pem)
        pem = tmp_path / "key.pem"
    from cryptography.hazmat.primitives import serialization

    parsed = []
    for module, name in (
        (serialization, "load_pem_private_key"),
        (serialization, "load_pem_public_key"),
        (algorithms, "load_pem_private_key"),
        (algorithms, "load_pem_public_key"),
    ):
        real = getattr(module, name)
        monkeypatch.setattr(
            module,
            name,
            lambda *args, real=real, **kwargs: parsed.append(1) or real(*args, **kwargs),
        )
    settings.JWTAUTH = {"KEYS": [{"algorithm": "RS256", "private_key": pem}]}

    signed = {tokens.encode("access", {"sub": str(number)}) for number in range(20)}

    assert len(signed) == 20
    assert len(parsed) == 1


@needs_cryptography
def test_what_signs_is_a_key_object(settings):
    """The ring holds what cryptography made of the PEM, not the PEM."""
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    from django_jwtauth.tokens.keyrings import get_access_ring

    settings.JWTAUTH = {"KEYS": [{"algorithm": "RS256", "private_key": make_pem("RS256")}]}
    signer = get_access_ring().signer()
    assert isinstance(signer.signing, RSAPrivateKey)
    assert get_access_ring().signer() is signer
