"""One profile in a process of its own: prints its results as JSON.

Started by ``python -m benchmarks``, because Django fixes the user model and simplejwt its
key once for a process.
"""

import json
import os
import platform
import sys
from importlib.metadata import version

import django
from django.db import connection

PACKAGES = (
    "Django",
    "djangorestframework",
    "PyJWT",
    "djangorestframework-simplejwt",
    "django-rest-knox",
)


def main(rounds: int, names: list[str]) -> None:
    django.setup()
    connection.creation.create_test_db(verbosity=0, autoclobber=True)
    try:
        json.dump({"environment": describe(), "results": run(rounds, names)}, sys.stdout)
    finally:
        connection.creation.destroy_test_db(connection.settings_dict["NAME"], verbosity=0)


def run(rounds: int, names: list[str]) -> list[dict[str, object]]:
    # Contenders import models, which needs django.setup().
    from django.conf import settings

    from .contenders import CONTENDERS, JWT_CONTENDERS
    from .measure import measure
    from .works import WORKS

    everybody = CONTENDERS if settings.PROFILE == "HS256" else JWT_CONTENDERS
    contenders = [contender() for contender in everybody]
    profile = {"profile": settings.PROFILE, "database": connection.vendor}
    return [
        {**profile, **result}
        for work in WORKS
        if work.name in names
        for result in measure(contenders, work, rounds)
    ]


def describe() -> dict[str, object]:
    database = ".".join(map(str, connection.get_database_version()))
    return {
        "cpus": os.cpu_count(),
        "python": platform.python_version(),
        "database": f"{connection.display_name} {database}",
        "packages": {name: version(name) for name in PACKAGES},
    }


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
