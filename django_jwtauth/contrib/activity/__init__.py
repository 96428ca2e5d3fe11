"""An app that counts refreshes and refusals, which leave no row, for the admin's page of activity.

Add ``"django_jwtauth.contrib.activity"`` to ``INSTALLED_APPS`` and run ``migrate``.
"""
