from rest_framework_simplejwt.authentication import (
    JWTAuthentication,
    JWTStatelessUserAuthentication,
)
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken

from benchmarks.contender import Calls, Contender, drf_request, make_users


class SimpleJWT(Contender):
    """With its blacklist app, rotation and blacklisting after it: what logging out needs."""

    name = "simplejwt"

    def bearer(self) -> dict[str, str]:
        return {"HTTP_AUTHORIZATION": f"Bearer {AccessToken.for_user(self.user)}"}

    def authenticate(self, count: int) -> Calls:
        request = drf_request(**self.bearer())
        return [lambda: JWTAuthentication().authenticate(request)] * count

    # It checks every token in full, however often it comes.
    first_sight = authenticate

    def stateless(self, count: int) -> Calls:
        request = drf_request(**self.bearer())
        return [lambda: JWTStatelessUserAuthentication().authenticate(request)] * count

    def request(self, count: int) -> Calls:
        return [self.http("GET", "/simplejwt/", **self.bearer())] * count

    def obtain(self, count: int) -> Calls:
        users = make_users(count)
        return [self.http("POST", "/simplejwt/token/", self.credentials(user)) for user in users]

    def refresh(self, count: int) -> Calls:
        return self._send_refresh_tokens("/simplejwt/token/refresh/", count)

    def sign_out(self, count: int) -> Calls:
        return self._send_refresh_tokens("/simplejwt/token/blacklist/", count)

    def _send_refresh_tokens(self, path: str, count: int) -> Calls:
        tokens = [RefreshToken.for_user(user) for user in make_users(count)]
        return [self.http("POST", path, {"refresh": str(token)}) for token in tokens]
