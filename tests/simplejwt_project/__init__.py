"""A project on djangorestframework-simplejwt, as it was before it moved: see ``__main__``."""
