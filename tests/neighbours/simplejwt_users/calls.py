"""Requests of a client of dj-rest-auth."""

from tests.conftest import PASSWORD

JSON = "application/json"
ACCESS, REFRESH = "shop-access", "shop-refresh"


def post(client, path, body=None, **headers):
    return client.post(path, body or {}, content_type=JSON, headers=headers, secure=True)


def sign_in(client, **headers):
    answer = post(client, "/auth/login/", {"username": "anna", "password": PASSWORD}, **headers)
    assert answer.status_code == 200, answer.content
    return answer


def status(client, access=None):
    """Return how a request is answered: by the cookies, or by a token in its header."""
    headers = {"Authorization": f"Bearer {access}"} if access else {}
    return client.get("/protected/", headers=headers, secure=True).status_code
