"""Erase a person from the records: names, addresses, devices and notes go, the bare rows stay.

What stays says that some sign-in of a primary key began, was refreshed and ended then, and why.
"""

from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import Q

from ..conf import get_settings
from ..models import Cause, Kind, Reason, Via
from ..store import database, identity

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

#: What is erased of the rows of the person, and with what it is replaced.
SIGN_IN: dict[str, Any] = {
    "ip_address": None,
    "user_agent": "",
    "name": "",
    "last_used_ip": None,
    "refreshed_ip": None,
    "refreshed_agent": "",
    "networks": "",
    "replayed_ip": None,
    "replayed_agent": "",
    "end_note": "",
    "acting_reason": "",
}
BLACKLISTED_TOKEN: dict[str, Any] = {"note": ""}


def erase(
    user: "AbstractBaseUser | str", by: "AbstractBaseUser | str | None", via: str = Via.CODE
) -> int:
    """See ``sessions.erase``. Returns the number of rows of the person."""
    if isinstance(user, str):
        own, acted = Q(user=None, subject=user), None
    else:
        acted = identity.saved_key(user)
        own = Q(user_id=acted)
    # With SUBJECT_FIELD, sub may be a name or an e-mail address.
    named = get_settings().SUBJECT_FIELD is not None
    subject = {"subject": "" if acted is None else str(acted)} if named else {}
    sign_ins, blacklisted = database.sign_ins(), database.blacklisted_tokens()
    with database.reporting_unavailable(), transaction.atomic(database.alias()):
        # Otherwise the next refresh would write an address again.
        sign_ins.filter(own).end_for(Cause(Reason.LEFT, via, by))
        number = sign_ins.filter(own).update(**SIGN_IN, **subject)
        number += blacklisted.filter(own).update(**BLACKLISTED_TOKEN, **subject)
        if acted is not None:
            # The name of whoever acted, in the rows of others.
            sign_ins.filter(ended_by=acted).update(ended_by_name="")
            blacklisted.filter(blacklisted_by=acted).update(blacklisted_by_name="")
            # Without an index, which every sign-in would pay for.
            acting = sign_ins.filter(kind=Kind.ACTING, actor_subject__in=identity.texts_of(user))
            acting.update(actor_name="", **({"actor_subject": str(acted)} if named else {}))
    return number
