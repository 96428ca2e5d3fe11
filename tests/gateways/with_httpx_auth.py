import httpx
from httpx_auth import OAuth2ResourceOwnerPasswordCredentials


def make_client(server, username, password):
    auth = OAuth2ResourceOwnerPasswordCredentials(
        f"{server}/oauth/token/", username, password, scope="reports:read"
    )
    return httpx.Client(base_url=server, auth=auth)
