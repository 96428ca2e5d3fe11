from rest_framework.authentication import TokenAuthentication
from rest_framework.authtoken.models import Token

from benchmarks.contender import Calls, Contender, drf_request, make_users


class DRFToken(Contender):
    """One token for each user, in clear, that never expires; no endpoint to sign out."""

    name = "DRF TokenAuthentication"

    def __init__(self) -> None:
        super().__init__()
        token = Token.objects.create(user=self.user)
        self.header = {"HTTP_AUTHORIZATION": f"Token {token.key}"}

    def authenticate(self, count: int) -> Calls:
        request = drf_request(**self.header)
        return [lambda: TokenAuthentication().authenticate(request)] * count

    def request(self, count: int) -> Calls:
        return [self.http("GET", "/drf_token/", **self.header)] * count

    def obtain(self, count: int) -> Calls:
        users = make_users(count)
        return [self.http("POST", "/drf_token/login/", self.credentials(user)) for user in users]
