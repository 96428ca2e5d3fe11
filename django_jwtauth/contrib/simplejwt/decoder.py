"""The id of the sign-in that goes on from a legacy token, for projects that call it."""

from .move.decoder import session_id as session_id
