"""The table, run against simplejwt itself: a line of JSON for each row that it does not keep."""

import json
import os

import django
from django.core.management import call_command
from django.db import transaction

if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.simplejwt_project.settings"
    django.setup()
    from tests.simplejwt_idioms.table import TABLE
    from tests.simplejwt_idioms.world import THEIRS, World

    call_command("migrate", verbosity=0)
    for number, idiom in enumerate(TABLE):
        with transaction.atomic():
            broken = idiom.find_difference(World(THEIRS), idiom.theirs)
            transaction.set_rollback(True)
        if broken:
            print(json.dumps([number, idiom.code, broken]), flush=True)
    print(json.dumps("done"))
