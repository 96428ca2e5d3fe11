"""dj-rest-auth's endpoints with the tokens here, for a project without ``simplejwt.alias``.

Each module has the name of the one in ``dj_rest_auth`` that it replaces. simplejwt itself need
not be installed.
"""
