import secrets
import time

from benchmarks.contender import Calls, Contender, drf_request, make_users
from django_jwtauth import sessions, tokens
from django_jwtauth.authentication import JWTAuthentication, JWTStatelessUserAuthentication
from django_jwtauth.claims import ACCESS


def authentications(headers: list[dict[str, str]]) -> Calls:
    """Return a call for each request: one that was answered remembers who made it."""
    requests = [drf_request(**header) for header in headers]
    return [lambda r=request: JWTAuthentication().authenticate(r) for request in requests]


class Ours(Contender):
    """Defaults: every request is checked for revocation, every refresh rotates."""

    name = "django-jwtauth"

    def __init__(self) -> None:
        super().__init__()
        self.claims = tokens.decode(sessions.start(self.user).access, ACCESS)

    def new_tokens(self, count: int) -> list[str]:
        """Return access tokens of the one sign-in that this process has not seen."""
        claims = {**self.claims, "exp": int(time.time()) + 300}
        ids = [f"{claims['sid']}.{secrets.token_hex(8)}" for _ in range(count)]
        return [tokens.encode(ACCESS, {**claims, "jti": jti}) for jti in ids]

    def bearer(self) -> dict[str, str]:
        """Return the header with a token that has been verified before."""
        (raw,) = self.new_tokens(1)
        sessions.authenticate(raw)
        return {"HTTP_AUTHORIZATION": f"Bearer {raw}"}

    def authenticate(self, count: int) -> Calls:
        return authentications([self.bearer()] * count)

    def first_sight(self, count: int) -> Calls:
        return authentications(
            [{"HTTP_AUTHORIZATION": f"Bearer {raw}"} for raw in self.new_tokens(count)]
        )

    def stateless(self, count: int) -> Calls:
        request = drf_request(**self.bearer())
        return [lambda: JWTStatelessUserAuthentication().authenticate(request)] * count

    def request(self, count: int) -> Calls:
        return [self.http("GET", "/jwtauth/", **self.bearer())] * count

    def obtain(self, count: int) -> Calls:
        users = make_users(count)
        return [self.http("POST", "/jwtauth/token/", self.credentials(user)) for user in users]

    def refresh(self, count: int) -> Calls:
        return self._send_refresh_tokens("/jwtauth/token/refresh/", count)

    def sign_out(self, count: int) -> Calls:
        return self._send_refresh_tokens("/jwtauth/token/blacklist/", count)

    def _send_refresh_tokens(self, path: str, count: int) -> Calls:
        pairs = [sessions.start(user) for user in make_users(count)]
        return [self.http("POST", path, {"refresh": pair.refresh}) for pair in pairs]
