"""What may happen to a user, saved as project code saves it, so that receivers hear of it."""


def deactivate(user):
    user.is_active = False
    user.save()


def change_password(user):
    user.set_password("another")
    user.save()
