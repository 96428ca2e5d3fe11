"""A request on each line of the input, its answer on each line of the output, as JSON.

A line with a list is a management command.
"""

import json
import os
import sys

import django
from django.core.management import call_command
from django.db import connections
from django.test import Client


def answer(request):
    if isinstance(request, list):
        call_command(*request, verbosity=0)
        return None
    header = request.get("authorization")
    headers = {} if header is None else {"Authorization": header}
    response = Client(raise_request_exception=False).generic(
        request["method"],
        request["path"],
        json.dumps(request["body"]) if "body" in request else "",
        content_type="application/json",
        headers=headers,
    )
    return {
        "status": response.status_code,
        "body": json.loads(response.content or b"null"),
        "challenge": response.headers.get("WWW-Authenticate"),
    }


if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.simplejwt_project.settings"
    django.setup()
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)
        connections.close_all()
