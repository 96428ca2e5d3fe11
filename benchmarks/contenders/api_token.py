from benchmarks.contender import Calls, Contender
from benchmarks.contenders.ours import authentications
from benchmarks.works import ACCESS_TOKEN, API_TOKEN
from django_jwtauth import api_tokens, sessions


class AccessToken(Contender):
    """What an API token is compared with."""

    name = ACCESS_TOKEN

    def __init__(self) -> None:
        super().__init__()
        self.raw = self.new_token()

    def new_token(self) -> str:
        return sessions.start(self.user).access

    def last_used(self, count: int) -> Calls:
        # The first use of an API token in five minutes is written.
        sessions.authenticate(self.raw)
        return authentications([{"HTTP_AUTHORIZATION": f"Bearer {self.raw}"}] * count)


class APIToken(AccessToken):
    name = API_TOKEN

    def new_token(self) -> str:
        return api_tokens.create(self.user, "script").raw
