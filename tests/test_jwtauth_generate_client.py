"""``jwtauth_generate_client``: an entry of ``CLIENTS``, its secret shown once."""

from base64 import b64encode

from django_jwtauth.views import oauth_clients
from tests.calls import run_command


def test_it_makes_a_client_that_works(rf, settings):
    """The secret that is printed goes with the line for the settings."""
    printed = run_command("jwtauth_generate_client", "reports").splitlines()
    secret = printed[0]
    [line] = [line for line in printed if line.startswith("JWTAUTH")]
    namespace = {}
    exec(line, namespace)
    settings.JWTAUTH = namespace["JWTAUTH"]
    basic = b64encode(f"reports:{secret}".encode()).decode()
    request = rf.post("/", HTTP_AUTHORIZATION=f"Basic {basic}")

    assert oauth_clients.authenticate(request) == "reports"
    assert len(secret) >= 43
    assert secret not in line


def test_it_makes_another_secret_each_time():
    """Made by the system's generator, so no two are the same."""
    first, second = (run_command("jwtauth_generate_client", "a") for _ in range(2))

    assert first.splitlines()[0] != second.splitlines()[0]
