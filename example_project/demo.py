"""`make example` runs this: it fills a database, prints requests to paste, and starts a server."""

import os
import socket
import sys

import django
from django.core.management import call_command

HOST = "127.0.0.1"

STORY = """\
PAIR=$(curl -s -d username=alice -d password=alice-demo {site}/api/token/)
ACCESS=$(echo "$PAIR" | sed 's/.*"access":"\\([^"]*\\).*/\\1/')
REFRESH=$(echo "$PAIR" | sed 's/.*"refresh":"\\([^"]*\\).*/\\1/')
curl -w '\\n%{{http_code}}\\n' -H "Authorization: Bearer $ACCESS" {site}/api/me/
curl -w '\\n%{{http_code}}\\n' -d "refresh=$REFRESH" {site}/api/token/blacklist/
curl -w '\\n%{{http_code}}\\n' -H "Authorization: Bearer $ACCESS" {site}/api/me/"""

TEXT = """
{people}

Paste this into another terminal. It signs alice in, asks who she is, signs her out,
and asks again with the same access token: 200, 200, 401.

{story}

In a browser, as bob, with tokens in cookies: {site}/devices/
A page to create API tokens for scripts: {site}/tokens/
Sign in with a link, which is mailed to alice@example.com and printed here: {site}/link/
Try all requests in the browser: {site}/docs/
The operator's pages, as admin: {site}/admin/django_jwtauth/
"""


def main() -> None:
    port = read_port()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "example.settings")
    django.setup()
    # Imported after setup(), because it needs the models.
    from example.seed import PEOPLE, seed

    call_command("migrate", verbosity=0)
    seed()
    people = "\n".join(f"{p.username:8}{p.password:14}{p.role}" for p in PEOPLE)
    site = f"http://{HOST}:{port}"
    print(TEXT.format(people=people, story=STORY.format(site=site), site=site), flush=True)
    call_command("runserver", f"{HOST}:{port}", use_reloader=False)


def read_port() -> int:
    """Return PORT from the environment, or 8000; exit if it cannot be listened on."""
    value = os.environ.get("PORT") or "8000"
    if not value.isdecimal() or not 0 < int(value) < 65536:
        sys.exit(f"PORT must be a number from 1 to 65535, not {value!r}.")
    with socket.socket() as probe:
        # Like runserver, so that a port that was used a moment ago counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, int(value)))
        except OSError as error:
            sys.exit(
                f"Cannot listen on {HOST}:{value}: {error.strerror}. "
                "Choose another port: PORT=8001 make example"
            )
    return int(value)


if __name__ == "__main__":
    main()
