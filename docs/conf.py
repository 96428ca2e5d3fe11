"""Sphinx: `make docs` builds with warnings as errors, and nothing from the network."""

from importlib.metadata import version as installed_version

import django
from django.conf import settings

# The reference is made from the docstrings, so the models must load.
settings.configure(
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "rest_framework",
        "django_jwtauth",
    ],
    SECRET_KEY="not-a-secret-only-for-building-the-documentation",
    USE_TZ=True,
)
django.setup()

project = "django-jwtauth"
author = "django-jwtauth contributors"
project_copyright = author
version = release = installed_version("django-jwtauth")

extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["_build"]

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
# Types of other projects, whose inventories would have to be fetched, and aliases of types.
nitpick_ignore_regex = [
    (r"py:.*", r"(django|rest_framework|uuid|datetime|typing|collections)\..*"),
    (
        r"py:.*",
        r"(AbstractBaseUser|HttpRequest|Request|UUID|Claims|TokenType|Any|datetime|.*\.View)",
    ),
]
nitpicky = True

html_theme = "furo"
html_title = "django-jwtauth"
# furo's own underlines the names of modules, as if they were links.
pygments_dark_style = "monokai"
# Pages are read on the web, where the sources are one click away.
html_copy_source = False
html_theme_options = {
    "source_repository": "https://github.com/django-jwtauth/django-jwtauth/",
    "source_branch": "main",
    "source_directory": "docs/",
}
