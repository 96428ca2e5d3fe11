"""What may be given for ``JWTAUTH``: names, rubbish, and a secret where none belongs."""

from dataclasses import fields
from operator import attrgetter
from pathlib import Path

from hypothesis import strategies as st

from django_jwtauth.conf import Settings, get_settings
from django_jwtauth.conf.schema import GROUPS

FLAT = [item.name for item in fields(Settings) if item.name not in GROUPS]
#: The names of all settings; a dot leads into a group.
NAMES = [
    *FLAT,
    *(f"{name}.{item.name}" for name, group in GROUPS.items() for item in fields(group)),
]
#: A secret that nothing may show.
CANARY = "kT9vQ2-never_to_be_shown.xZ7+w"


def nest(name, value):
    """Return the ``JWTAUTH`` that gives one setting a value."""
    first, *rest = name.split(".")
    return {first: nest(*rest, value) if rest else value}


def read(name):
    """Return the value of one setting."""
    return attrgetter(name)(get_settings())


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner),
    max_leaves=8,
)
inside = st.dictionaries(
    st.sampled_from([name.partition(".")[2] for name in NAMES if "." in name]) | st.text(),
    json_like,
)


def hide(value):
    """The ways in which a secret may end up in a setting that is not for it."""
    return [
        value,
        value.encode(),
        Path(value),
        [value, 7],
        {"secret": value},
        [{"secret": value}, 7],
        f"-----BEGIN PRIVATE KEY-----\n{value}\n-----END PRIVATE KEY-----",
    ]
