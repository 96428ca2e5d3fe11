"""What the soak runs against: a PostgreSQL cluster of its own, and gunicorn in front of it."""

import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

WORKERS = 4
# Seconds from the publication of a key to its first signature.
KEY_LEAD = 10


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Cluster:
    """A PostgreSQL of our own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "pg"
        self.port = free_port()
        found = shutil.which("pg_ctl") or max(
            map(str, Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
        )
        self.bin = Path(found).parent
        # PostgreSQL refuses to run as root.
        self.user = "postgres" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name
        self.folder.mkdir()
        if os.getuid() == 0:
            shutil.chown(self.folder, self.user)

    def run(self, program: str, *args: str) -> None:
        command = [str(self.bin / program), "-D", str(self.folder), *args]
        user = self.user if os.getuid() == 0 else None
        subprocess.run(command, check=True, user=user, cwd="/", stdout=subprocess.DEVNULL)

    def start(self) -> None:
        self.run("initdb", "--username=postgres", "--auth=trust", "--no-sync")
        self.control("start")

    def control(self, action: str) -> None:
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -k {self.folder} -c fsync=off"
        log = str(self.folder / "log")
        self.run("pg_ctl", action, "-w", "-m", "fast", "-l", log, "-o", options)


def make_key(**extra: str) -> dict[str, str]:
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return {"algorithm": "ES256", "private_key": pem.decode(), **extra}


class Server:
    """gunicorn with the project of ``soak_settings``."""

    def __init__(self, folder: Path, cluster: Cluster) -> None:
        self.folder, self.port = folder, free_port()
        self.keys = [make_key()]
        self.environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "benchmarks.soak_settings",
            "SOAK_FOLDER": str(folder),
            "SOAK_PORT": str(cluster.port),
        }
        self.write_keys()

    def write_keys(self) -> None:
        (self.folder / "keys.json").write_text(json.dumps(self.keys))

    def start(self, users: int, password: str) -> None:
        """Make the tables and as many users, called user0 and so on; listen."""
        setup = (
            "import django; django.setup()\n"
            "from django.core.management import call_command\n"
            "from django.contrib.auth.models import User\n"
            "call_command('migrate', verbosity=0)\n"
            f"for n in range({users}): User.objects.create_user(f'user{{n}}', '', {password!r})"
        )
        command = [sys.executable, "-c", setup]
        subprocess.run(command, check=True, env=self.environment)
        self.log = (self.folder / "gunicorn.log").open("w")
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "gunicorn", f"--workers={WORKERS}"),
                *(f"--bind=127.0.0.1:{self.port}", "django.core.wsgi:get_wsgi_application()"),
            ],
            env=self.environment,
            stdout=self.log,
            stderr=self.log,
        )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if not probe.connect_ex(("127.0.0.1", self.port)):
                    return
            time.sleep(0.1)
        raise SystemExit("gunicorn did not start.")

    def rotate(self) -> None:
        """Publish a key that signs a little later, when every process knows it."""
        signs = datetime.now(timezone.utc) + timedelta(seconds=KEY_LEAD)
        self.keys.append(make_key(active_from=signs.isoformat()))
        self.write_keys()
        self.process.send_signal(signal.SIGHUP)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=30)
        self.log.close()
