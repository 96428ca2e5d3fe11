from base64 import b64encode

from knox.auth import TokenAuthentication
from knox.models import get_token_model

from benchmarks.contender import PASSWORD, Calls, Contender, drf_request, make_users


class Knox(Contender):
    """Opaque tokens, one row each; there is nothing to refresh."""

    name = "knox"

    def __init__(self) -> None:
        super().__init__()
        self.bearer = self.new_token(self.user)

    def new_token(self, user) -> dict[str, str]:
        _, raw = get_token_model().objects.create(user)
        return {"HTTP_AUTHORIZATION": f"Token {raw}"}

    def authenticate(self, count: int) -> Calls:
        request = drf_request(**self.bearer)
        return [lambda: TokenAuthentication().authenticate(request)] * count

    def request(self, count: int) -> Calls:
        return [self.http("GET", "/knox/", **self.bearer)] * count

    def obtain(self, count: int) -> Calls:
        names = [f"{user.username}:{PASSWORD}".encode() for user in make_users(count)]
        headers = [{"HTTP_AUTHORIZATION": f"Basic {b64encode(name).decode()}"} for name in names]
        return [self.http("POST", "/knox/login/", **header) for header in headers]

    def sign_out(self, count: int) -> Calls:
        headers = [self.new_token(user) for user in make_users(count)]
        return [self.http("POST", "/knox/logout/", **header) for header in headers]
