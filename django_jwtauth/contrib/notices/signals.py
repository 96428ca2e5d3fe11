"""For projects that tell their users in another way."""

from django.dispatch import Signal

#: A user signed in from a device that is not known. Sent after the commit.
#: Arguments: ``session``, ``user``, ``request``.
new_device = Signal()
