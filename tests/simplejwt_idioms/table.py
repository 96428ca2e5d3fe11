"""What projects write for simplejwt, and what it comes to: a row for each idiom.

Each row is run here and against simplejwt 5.5.1. Where the two differ it says why, and
docs/simplejwt-names.md has the same table.
"""

# Code that a line break would spoil.
# ruff: noqa: E501

from typing import NamedTuple


class Idiom(NamedTuple):
    """``theirs`` is what the last line of the code is in simplejwt, ``here`` what it is here.

    Both are expressions, or "raises" with an exception and, after a colon, its text.
    """

    kind: str
    code: str
    theirs: str
    here: str = ""
    why: str = ""

    @property
    def ours(self):
        return self.here or self.theirs

    def find_difference(self, world, expected):
        """Return what the code is instead of ``expected``; None when it is that."""
        found = world.run(self.code)
        if not expected.startswith("raises "):
            return None if found == eval(expected, world) else f"{found!r} ({type(found).__name__})"
        kind, _, text = expected.removeprefix("raises ").partition(": ")
        right = isinstance(found, eval(kind, world)) and text in ("", str(found))
        return None if right else f"{found!r}: {found}"


AT_ONCE = "signing out is at once, for access tokens, too"
RFC = "RFC 9110: the scheme is compared without case"
NOBODYS = "every token belongs to a sign-in, and that to a user"
LIMITS = "no token outlives its sign-in, which lasts for SESSION_LIFETIME"
OWN_ID = "the sign-in decides who, what for, and which token it is"
NO_TABLE = "no token is stored: a sign-in is a row, and ends"
UNSIGNED = "what nobody has verified is not signed"
BY_ITSELF = "it is done by itself here, and not twice"
INACTIVE = "an inactive user has no tokens"

AUTHENTICATION = [
    ("JWTAuthentication().get_header(get('abc'))", "b'Bearer abc'"),
    ("JWTAuthentication().get_header(get())", "None"),
    ("JWTAuthentication().get_raw_token(b'Bearer abc')", "b'abc'"),
    ("JWTAuthentication().get_raw_token(b'Basic abc')", "None"),
    ("JWTAuthentication().get_raw_token(b'')", "None"),
    ("JWTAuthentication().get_raw_token(b'bearer abc')", "None", "b'abc'", RFC),
    ("JWTAuthentication().get_raw_token(b'Bearer')", "raises AuthenticationFailed"),
    (
        "detail_of(JWTAuthentication().get_raw_token, b'Bearer a b')['code']",
        "'bad_authorization_header'",
    ),
    ("JWTAuthentication().get_validated_token(access.encode())['user_id']", "str(user.pk)"),
    ("JWTAuthentication().get_validated_token(access)['user_id']", "str(user.pk)"),
    ("type(JWTAuthentication().get_validated_token(access)).__name__", "'AccessToken'"),
    ("JWTAuthentication().get_validated_token(b'garbage')", "raises InvalidToken"),
    (
        "detail_of(JWTAuthentication().get_validated_token, b'garbage')['messages']",
        "[{'token_class': 'AccessToken', 'token_type': 'access', 'message': 'Token is invalid'}]",
    ),
    (
        "detail_of(JWTAuthentication().get_validated_token, refresh)['messages'][0]['message']",
        "'Token has wrong type'",
    ),
    ("auth = JWTAuthentication()\nauth.get_user(auth.get_validated_token(access))", "user"),
    (
        "auth = JWTAuthentication()\n"
        "statements(lambda: auth.get_user(auth.get_validated_token(access)))",
        "1",
    ),
    ("JWTAuthentication().authenticate(get(access))[0]", "user"),
    ("JWTAuthentication().authenticate(plain(access))[0]", "user"),
    ("JWTAuthentication().authenticate(get(access))[1]['user_id']", "str(user.pk)"),
    ("JWTAuthentication().authenticate(get(access))[1].payload['jti'] != jti", "True"),
    ("str(JWTAuthentication().authenticate(get(access))[1])", "access"),
    ("JWTAuthentication().authenticate(get())", "None"),
    (
        "def refuse(self, token): raise AuthenticationFailed('banned')\n"
        "class Mine(JWTAuthentication): get_user = refuse\n"
        "Mine().authenticate(get(access))",
        "raises AuthenticationFailed",
    ),
    (
        "class Mine(JWTAuthentication): get_user = lambda self, token: ('me', token['user_id'])\n"
        "Mine().authenticate(get(access))[0]",
        "('me', str(user.pk))",
    ),
    (
        "class Mine(JWTAuthentication): get_validated_token = lambda self, raw: {'of': raw}\n"
        "class Mine(Mine): get_user = lambda self, token: token['of']\n"
        "Mine().authenticate(get('abc'))[0]",
        "b'abc'",
    ),
    (
        "class Mine(JWTAuthentication): get_header = lambda self, r: r.META.get('HTTP_X_TOKEN')\n"
        "class Mine(Mine): get_raw_token = lambda self, header: header\n"
        "Mine().authenticate(get(HTTP_X_TOKEN=access))[0]",
        "user",
    ),
    (
        "class Mine(JWTAuthentication): www_authenticate_realm = 'shop'\n"
        "Mine().authenticate_header(get())",
        "'Bearer realm=\"shop\"'",
    ),
    (
        "JWTAuthentication().authenticate_header(get('abc'))",
        "'Bearer realm=\"api\"'",
        '\'Bearer realm="api", error="invalid_token"\'',
        "RFC 6750: a client that sent a token learns that it was refused",
    ),
    (
        "token = AccessToken()\ntoken['user_id'] = user.pk\nJWTAuthentication().get_user(token)",
        "user",
    ),
    (
        "token = AccessToken()\ntoken['user_id'] = 0\nJWTAuthentication().get_user(token)",
        "raises AuthenticationFailed",
    ),
    ("JWTAuthentication().get_user(AccessToken())", "raises InvalidToken"),
    ("JWTAuthentication().user_model", "User"),
    ("JWTAuthentication().media_type", "'application/json'"),
    (
        "User.objects.filter(pk=user.pk).update(is_active=False)\n"
        "detail_of(JWTAuthentication().authenticate, get(access))['code']",
        "'user_inactive'",
    ),
    (
        "user.delete()\ndetail_of(JWTAuthentication().authenticate, get(access))['code']",
        "'user_not_found'",
    ),
    ("JWTStatelessUserAuthentication().authenticate(get(access))[0].id", "str(user.pk)"),
    ("statements(JWTStatelessUserAuthentication().authenticate, get(access))", "0"),
    ("JWTTokenUserAuthentication is JWTStatelessUserAuthentication", "True"),
    ("JWTStatelessUserAuthentication().authenticate(get(refresh))", "raises InvalidToken"),
    ("default_user_authentication_rule(user)", "True"),
    ("default_user_authentication_rule(None)", "False"),
]

TOKENS = [
    ("RefreshToken.for_user(user)['user_id']", "str(user.pk)"),
    ("RefreshToken.for_user(user)['token_type']", "'refresh'"),
    ("RefreshToken.for_user(user).access_token['user_id']", "str(user.pk)"),
    ("works(str(RefreshToken.for_user(user).access_token))", "True"),
    ("refreshes(str(RefreshToken.for_user(user)))", "True"),
    ("works(str(AccessToken.for_user(user)))", "True"),
    (
        "token = RefreshToken.for_user(user)\ntoken['name'] = 'Anna'\n"
        "(token.access_token['name'], RefreshToken(str(token))['name'])",
        "('Anna', 'Anna')",
    ),
    (
        "token = RefreshToken.for_user(user)\ntoken.payload['name'] = 'Anna'\n"
        "AccessToken(str(token.access_token))['name']",
        "'Anna'",
    ),
    (
        "token = RefreshToken.for_user(user).access_token\ntoken['role'] = 'chef'\n"
        "AccessToken(str(token))['role']",
        "'chef'",
    ),
    (
        "token = RefreshToken.for_user(user)\ntoken['name'] = 'Anna'\ndel token['name']\n"
        "'name' in token.access_token",
        "False",
    ),
    ("AccessToken(access)['user_id']", "str(user.pk)"),
    ("AccessToken(access.encode())['user_id']", "str(user.pk)"),
    ("RefreshToken(refresh)['user_id']", "str(user.pk)"),
    ("RefreshToken(refresh).get('user_id')", "str(user.pk)"),
    ("RefreshToken(refresh).get('nothing')", "None"),
    ("RefreshToken(refresh).get('nothing', 1)", "1"),
    ("RefreshToken(refresh)['nothing']", "raises KeyError"),
    ("'exp' in RefreshToken(refresh)", "True"),
    ("RefreshToken(refresh).payload['token_type']", "'refresh'"),
    ("RefreshToken(refresh)['jti']", "jti"),
    ("RefreshToken(refresh).token", "refresh"),
    ("str(RefreshToken(refresh))", "refresh"),
    ("UntypedToken(access)['user_id']", "str(user.pk)"),
    ("UntypedToken(refresh)['user_id']", "str(user.pk)"),
    ("UntypedToken(refresh).payload['token_type']", "'refresh'"),
    ("RefreshToken(access)", "raises TokenError: Token has wrong type"),
    ("AccessToken(refresh)", "raises TokenError: Token has wrong type"),
    ("AccessToken('garbage')", "raises TokenError: Token is invalid"),
    ("AccessToken('')", "raises TokenError: Token is invalid"),
    ("AccessToken(forged(access))", "raises TokenError: Token is invalid"),
    ("AccessToken(expired(AccessToken.for_user(user)))", "raises TokenError: Token is expired"),
    ("RefreshToken(expired(RefreshToken.for_user(user)))", "raises ExpiredTokenError"),
    ("Token()", "raises TokenError: Cannot create token with no type or lifetime"),
    ("AccessToken()['token_type']", "'access'"),
    ("sorted(RefreshToken().payload)", "['exp', 'iat', 'jti', 'token_type']"),
    ("str(AccessToken()).count('.')", "2", "raises NotImplementedError", NOBODYS),
    (
        "token = AccessToken()\ntoken['user_id'] = user.pk\nworks(str(token))",
        "True",
    ),
    (
        "token = RefreshToken()\ntoken['user_id'] = str(user.pk)\nworks(str(token.access_token))",
        "True",
    ),
    ("AccessToken(forged(access), verify=False)['user_id']", "str(user.pk)"),
    ("RefreshToken(refresh, verify=False)['jti']", "jti"),
    ("AccessToken('garbage', verify=False)", "raises TokenError: Token is invalid"),
    ("RefreshToken(access, verify=False)['token_type']", "'access'"),
    ("AccessToken.lifetime", "timedelta(minutes=5)"),
    (
        "RefreshToken.lifetime",
        "timedelta(days=1)",
        "timedelta(days=7)",
        "the default of REFRESH_TOKEN_LIFETIME is a week",
    ),
    ("UntypedToken.lifetime", "timedelta(0)"),
    ("(AccessToken.token_type, RefreshToken.token_type)", "('access', 'refresh')"),
    (
        "token = AccessToken.for_user(user)\ntoken.set_exp(lifetime=timedelta(hours=3))\n"
        "read = AccessToken(str(token))\nround((read['exp'] - read['iat']) / 3600)",
        "3",
    ),
    (
        "token = RefreshToken.for_user(user)\ntoken.set_exp(lifetime=timedelta(days=20))\n"
        "read = RefreshToken(str(token))\nround((read['exp'] - read['iat']) / 86400)",
        "20",
    ),
    (
        "token = RefreshToken(refresh)\ntoken.set_exp(lifetime=timedelta(days=20))\n"
        "refreshes(str(token))",
        "True",
    ),
    (
        "token = AccessToken.for_user(user)\ntoken.set_exp(lifetime=timedelta(days=365))\n"
        "works(str(token))",
        "True",
        "raises ValueError",
        LIMITS,
    ),
    (
        "token = AccessToken.for_user(user)\n"
        "token.set_exp(from_time=datetime(2001, 1, 1, tzinfo=timezone.utc), "
        "lifetime=timedelta(seconds=1))\ntoken['exp']",
        "978307201",
    ),
    (
        "token = AccessToken.for_user(user)\n"
        "token.set_exp('refresh_exp', lifetime=timedelta(days=1))\n'refresh_exp' in token",
        "True",
    ),
    (
        "token = AccessToken.for_user(user)\n"
        "token.set_iat(at_time=datetime(2001, 1, 1, tzinfo=timezone.utc))\n"
        "AccessToken(str(token))['iat']",
        "978307200",
    ),
    (
        "token = AccessToken.for_user(user)\nbefore = token['jti']\ntoken.set_jti()\n"
        "(token['jti'] != before, works(str(token)))",
        "(True, True)",
    ),
    ("AccessToken(access).check_exp()", "None"),
    ("AccessToken(access).check_exp('x')", "raises TokenError: Token has no 'x' claim"),
    (
        "AccessToken(access).check_exp(current_time=datetime(2100, 1, 1, tzinfo=timezone.utc))",
        "raises TokenError: Token 'exp' claim has expired",
    ),
    ("AccessToken(access).verify()", "None"),
    ("AccessToken(access).verify_token_type()", "None"),
    ("RefreshToken(refresh).check_blacklist()", "None"),
    ("RefreshToken(refresh).outstand() and None", "None"),
    ("works(str(RefreshToken(refresh).access_token))", "True"),
    (
        "first, second = [str(RefreshToken(refresh).access_token) for _ in range(2)]\n"
        "(first != second, works(first), works(second), refreshes(refresh))",
        "(True, True, True, True)",
    ),
    (
        "token = RefreshToken(refresh)\ntoken.blacklist()\nRefreshToken(refresh)",
        "raises TokenError: Token is blacklisted",
    ),
    (
        "token = RefreshToken(refresh)\ntoken.blacklist()\ntoken.check_blacklist()",
        "raises TokenError: Token is blacklisted",
    ),
    ("RefreshToken(refresh).blacklist()\nworks(access)", "True", "False", AT_ONCE),
    ("AccessToken(access).blacklist()[1]", "raises AttributeError", "True", AT_ONCE),
    (
        "blacklisted, created = RefreshToken(refresh).blacklist()\n"
        "(blacklisted.token.user, blacklisted.token.jti, created)",
        "(user, jti, True)",
    ),
    (
        "token = RefreshToken(refresh)\n[token.blacklist()[1] for _ in range(2)]",
        "[True, False]",
    ),
    (
        "token = RefreshToken(refresh)\naccess = str(token.access_token)\ntoken.set_jti()\n"
        "token.set_exp()\ntoken.set_iat()\n"
        "(str(token) != refresh, works(access), refreshes(str(token)))",
        "(True, True, True)",
    ),
    (
        "token = RefreshToken(refresh)\ntoken.set_jti()\ntoken.set_exp()\nRefreshToken(refresh)['jti']",
        "jti",
    ),
    (
        "token = RefreshToken(refresh)\ntoken.blacklist()\ntoken.set_jti()",
        "None",
        "raises NotImplementedError",
        "blacklist() ends the sign-in. set_jti() alone exchanges the token, once",
    ),
    (
        "class Mine(AccessToken): lifetime = timedelta(minutes=1)\n"
        "token = AccessToken(str(Mine.for_user(user)))\ntoken['exp'] - token['iat']",
        "60",
    ),
    (
        "class Mine(RefreshToken): lifetime = timedelta(days=14)\n"
        "token = RefreshToken(str(Mine.for_user(user)))\ntoken['exp'] - token['iat']",
        "14 * 86400",
    ),
    (
        "class Short(AccessToken): lifetime = timedelta(minutes=1)\n"
        "class Mine(RefreshToken): access_token_class = Short\n"
        "token = AccessToken(str(Mine.for_user(user).access_token))\ntoken['exp'] - token['iat']",
        "60",
    ),
    (
        "class Mine(RefreshToken): no_copy_claims = (*RefreshToken.no_copy_claims, 'big')\n"
        "token = Mine.for_user(user)\ntoken['big'] = 'x' * 100\n"
        "('big' in token.access_token, 'big' in Mine(str(token)).access_token)",
        "(False, False)",
    ),
    (
        "def named(cls, user): token = Token.for_user.__func__(cls, user); token['n'] = 1; return token\n"
        "class Mine(AccessToken): for_user = classmethod(named)\n"
        "AccessToken(str(Mine.for_user(user)))['n']",
        "1",
    ),
    (
        "def check(self): raise TokenError('not today')\n"
        "class Mine(AccessToken): verify = check\nMine(access)",
        "raises TokenError: not today",
    ),
    (
        "def check(self): raise TokenError('not today')\n"
        "class Mine(RefreshToken): check_blacklist = check\nMine(refresh)",
        "raises TokenError: not today",
    ),
    (
        "class Mine(BlacklistMixin, AccessToken): pass\nMine(access)['user_id']",
        "str(user.pk)",
    ),
    (
        "class Mail(Token): token_type, lifetime = 'mail', timedelta(hours=1)\n"
        "Mail(str(Mail.for_user(user)))['user_id']",
        "str(user.pk)",
    ),
    (
        "class Mail(Token): token_type, lifetime = 'mail', timedelta(hours=1)\n"
        "token = Mail.for_user(user)\ntoken['to'] = 'a@example.org'\nMail(str(token))['to']",
        "'a@example.org'",
    ),
    (
        "class Mail(Token): token_type, lifetime = 'mail', timedelta(hours=1)\n"
        "AccessToken(str(Mail.for_user(user)))",
        "raises TokenError: Token has wrong type",
    ),
    (
        "class Mine(Token): token_type, lifetime = 'x', timedelta(1)\n"
        "class Mine(Mine): get_token_backend = lambda self: None\nMine.__name__",
        "'Mine'",
        "raises TypeError",
        "the keys are those in JWTAUTH; said when the class is defined",
    ),
    (
        "import_module('tokens').SlidingToken.token_type",
        "'sliding'",
        "raises ImportError",
        "a refresh token does what a sliding token did",
    ),
    ("len({RefreshToken(refresh), RefreshToken(refresh)})", "2"),
]

SERIALIZERS = [
    (
        "form = TokenObtainPairSerializer(data={'username': 'anna', 'password': PASSWORD})\n"
        "form.is_valid()\n(sorted(form.validated_data), form.user == user)",
        "(['access', 'refresh'], True)",
    ),
    (
        "form = TokenObtainPairSerializer(data={'username': 'anna', 'password': 'wrong'})\n"
        "form.is_valid()",
        "raises import_module('authentication').AuthenticationFailed.__mro__[2]",
    ),
    (
        "form = TokenObtainPairSerializer(data={'username': 'anna', 'password': 'wrong'})\n"
        "detail_of(form.is_valid)",
        "'No active account found with the given credentials'",
    ),
    (
        "form = TokenObtainPairSerializer(data={})\nform.is_valid()\nsorted(form.errors)",
        "['password', 'username']",
    ),
    (
        "form = TokenObtainPairSerializer(data={'username': 'anna', 'password': PASSWORD}, "
        "context={'request': get()})\nform.is_valid()",
        "True",
    ),
    (
        "form = TokenObtainPairSerializer(data={'username': 'anna', 'password': PASSWORD}, "
        "context={'request': plain()})\nform.is_valid()",
        "True",
    ),
    ("TokenObtainPairSerializer.username_field", "'username'"),
    ("TokenObtainPairSerializer.get_token(user)['user_id']", "str(user.pk)"),
    ("TokenObtainPairSerializer.token_class is RefreshToken", "True"),
    (
        "def named(cls, user): token = RefreshToken.for_user(user); token['n'] = 1; return token\n"
        "class Mine(TokenObtainPairSerializer): get_token = classmethod(named)\n"
        "form = Mine(data={'username': 'anna', 'password': PASSWORD})\nform.is_valid()\n"
        "AccessToken(form.validated_data['access'])['n']",
        "1",
    ),
    (
        "def more(self, attrs): return {**TokenObtainPairSerializer.validate(self, attrs), "
        "'email': self.user.email}\n"
        "class Mine(TokenObtainPairSerializer): validate = more\n"
        "form = Mine(data={'username': 'anna', 'password': PASSWORD})\nform.is_valid()\n"
        "form.validated_data['email']",
        "'anna@example.org'",
    ),
    (
        "def own(self, attrs): return {'token': str(self.get_token(user).access_token)}\n"
        "class Mine(TokenObtainPairSerializer): validate = own\n"
        "form = Mine(data={'username': 'anna', 'password': 'x'})\nform.is_valid()\n"
        "works(form.validated_data['token'])",
        "True",
    ),
    (
        "def twice(self, attrs): TokenObtainPairSerializer.validate(self, attrs); "
        "return {'refresh': str(self.get_token(self.user))}\n"
        "class Mine(TokenObtainPairSerializer): validate = twice\n"
        "form = Mine(data={'username': 'anna', 'password': PASSWORD})\nform.is_valid()\n"
        "OutstandingToken.objects.filter(user=user).count()",
        "3",
        "2",
        "one request is one sign-in, however often get_token() is called",
    ),
    (
        "def late(self, attrs): TokenObtainPairSerializer.validate(self, attrs); "
        "raise InvalidToken('not you')\n"
        "class Mine(TokenObtainPairSerializer): validate = late\n"
        "swallow(Mine(data={'username': 'anna', 'password': PASSWORD}).is_valid)\n"
        "OutstandingToken.objects.filter(user=user, blacklistedtoken=None).count()",
        "2",
        "1",
        "a sign-in ends if validate() refuses it in the end",
    ),
    (
        "class Mine(TokenObtainPairSerializer): username_field = 'email'\nsorted(Mine().fields)",
        "['email', 'password']",
        "['email', 'password', 'scope']",
        "a client may ask for scopes",
    ),
    (
        "class Mine(TokenObtainPairSerializer): default_error_messages = {'no_active_account': 'No.'}\n"
        "detail_of(Mine(data={'username': 'anna', 'password': 'wrong'}).is_valid)",
        "'No.'",
    ),
    (
        "class Mine(TokenObtainSerializer): token_class = AccessToken\n"
        "works(str(Mine.get_token(user)))",
        "True",
    ),
    (
        "form = TokenRefreshSerializer(data={'refresh': refresh})\nform.is_valid()\n"
        "(sorted(form.validated_data), works(form.validated_data['access']))",
        "(['access', 'refresh'], True)",
    ),
    (
        "TokenRefreshSerializer(data={'refresh': access}).is_valid()",
        "raises TokenError: Token has wrong type",
    ),
    (
        "TokenRefreshSerializer(data={'refresh': 'x'}).is_valid()",
        "raises TokenError: Token is invalid",
    ),
    (
        "User.objects.filter(pk=user.pk).update(is_active=False)\n"
        "detail_of(TokenRefreshSerializer(data={'refresh': refresh}).is_valid)",
        "'No active account found for the given token.'",
    ),
    (
        "def more(self, attrs): data = TokenRefreshSerializer.validate(self, attrs); "
        "data['user'] = AccessToken(data['access'])['user_id']; return data\n"
        "class Mine(TokenRefreshSerializer): validate = more\n"
        "form = Mine(data={'refresh': refresh})\nform.is_valid()\nform.validated_data['user']",
        "str(user.pk)",
    ),
    (
        "def cookie(self, attrs): return TokenRefreshSerializer.validate(self, {'refresh': refresh})\n"
        "class Mine(TokenRefreshSerializer): refresh, validate = None, cookie\n"
        "form = Mine(data={})\nform.is_valid()\nworks(form.validated_data['access'])",
        "True",
    ),
    (
        "class Long(RefreshToken): lifetime = timedelta(days=14)\n"
        "class Mine(TokenRefreshSerializer): token_class = Long\n"
        "form = Mine(data={'refresh': refresh})\nform.is_valid()\n"
        "read = RefreshToken(form.validated_data['refresh'])\n"
        "round((read['exp'] - read['iat']) / 86400)",
        "14",
    ),
    (
        "def no(self): raise TokenError('not today')\n"
        "class Picky(RefreshToken): verify = no\n"
        "class Mine(TokenRefreshSerializer): token_class = Picky\n"
        "Mine(data={'refresh': refresh}).is_valid()",
        "raises TokenError: not today",
    ),
    (
        "def by_hand(self, attrs): token = self.token_class(attrs['refresh']); "
        "access = str(token.access_token); api_settings.BLACKLIST_AFTER_ROTATION and token.blacklist(); "
        "token.set_jti(); token.set_exp(); token.set_iat(); token.outstand(); "
        "return {'access': access, 'refresh': str(token)}\n"
        "class Mine(TokenRefreshSerializer): validate = by_hand\n"
        "form = Mine(data={'refresh': refresh})\nform.is_valid()\n"
        "(works(form.validated_data['access']), refreshes(form.validated_data['refresh']))",
        "(True, True)",
    ),
    ("TokenVerifySerializer(data={'token': access}).is_valid()", "True"),
    ("TokenVerifySerializer(data={'token': refresh}).is_valid()", "True"),
    (
        "TokenVerifySerializer(data={'token': forged(access)}).is_valid()",
        "raises TokenError: Token is invalid",
    ),
    (
        "TokenBlacklistSerializer(data={'refresh': refresh}).is_valid()\nRefreshToken(refresh)",
        "raises TokenError: Token is blacklisted",
    ),
    (
        "TokenBlacklistSerializer(data={'refresh': access}).is_valid()",
        "raises TokenError: Token has wrong type",
    ),
    ("PasswordField().style", "{'input_type': 'password'}"),
    (
        "import_module('serializers').TokenObtainSlidingSerializer.__name__",
        "'TokenObtainSlidingSerializer'",
        "raises ImportError",
        "a refresh token does what a sliding token did",
    ),
]

VIEWS = [
    ("post(TokenObtainPairView, username='anna', password=PASSWORD).status_code", "200"),
    (
        "sorted(post(TokenObtainPairView, username='anna', password=PASSWORD).data)",
        "['access', 'refresh']",
        "['access', 'expires_in', 'refresh', 'refresh_expires_in', 'token_type']",
        "a client need not decode a token to know how long it lasts (RFC 6749, 5.1)",
    ),
    ("post(TokenObtainPairView, username='anna', password='wrong').status_code", "401"),
    (
        "post(TokenObtainPairView, username='anna', password='wrong').data['detail']",
        "'No active account found with the given credentials'",
    ),
    ("sorted(post(TokenObtainPairView).data)", "['password', 'username']"),
    ("post(TokenRefreshView, refresh=refresh).status_code", "200"),
    ("post(TokenRefreshView, refresh=access).status_code", "401"),
    (
        "{**post(TokenRefreshView, refresh='x').data, 'reason': ''}",
        "{'detail': 'Token is invalid', 'code': 'token_not_valid', 'reason': ''}",
    ),
    ("post(TokenRefreshView, refresh='x')['WWW-Authenticate']", "'Bearer realm=\"api\"'"),
    ("sorted(post(TokenRefreshView).data)", "['refresh']"),
    (
        "user.delete()\npost(TokenRefreshView, refresh=refresh).status_code",
        "raises User.DoesNotExist",
        "401",
        "a deleted user is no error of the server's",
    ),
    ("post(TokenVerifyView, token=access).data", "{}"),
    ("post(TokenVerifyView, token='x').status_code", "401"),
    (
        "RefreshToken(refresh).blacklist()\npost(TokenVerifyView, token=refresh).status_code",
        "400",
        "401",
        "the token is refused, the request is well formed",
    ),
    ("post(TokenBlacklistView, refresh=refresh).data", "{}"),
    (
        "post(TokenBlacklistView, refresh=refresh)\npost(TokenRefreshView, refresh=refresh).status_code",
        "401",
    ),
    (
        "post(TokenBlacklistView, refresh=refresh)\npost(TokenBlacklistView, refresh=refresh).status_code",
        "401",
        "200",
        "the user is signed out",
    ),
    (
        "class Mine(TokenRefreshSerializer): validate = lambda self, attrs: {'hello': 'you'}\n"
        "class View(TokenRefreshView): serializer_class = Mine\npost(View, refresh='x').data",
        "{'hello': 'you'}",
    ),
    (
        "class View(TokenViewBase): serializer_class = TokenVerifySerializer\n"
        "post(View, token=access).data",
        "{}",
    ),
    (
        "path = TokenVerifySerializer.__module__ + '.TokenVerifySerializer'\n"
        "class View(TokenViewBase): _serializer_class = path\npost(View, token=access).data",
        "{}",
    ),
    (
        "def mine(self, request, *args, **kwargs): "
        "answer = TokenObtainPairView.post(self, request, *args, **kwargs); "
        "answer.set_cookie('access', answer.data['access']); return answer\n"
        "class View(TokenObtainPairView): post = mine\n"
        "works(post(View, username='anna', password=PASSWORD).cookies['access'].value)",
        "True",
    ),
    (
        "def mine(self, request, *args, **kwargs): form = self.get_serializer(data=request.data); "
        "form.is_valid(raise_exception=True); "
        "return import_module('views').Response({'id': form.user.pk})\n"
        "class View(TokenObtainPairView): post = mine\n"
        "post(View, username='anna', password=PASSWORD).data['id']",
        "user.pk",
    ),
    (
        "def seen(self, attrs): return {'has': 'request' in self.context and 'view' in self.context}\n"
        "class Mine(TokenVerifySerializer): validate = seen\n"
        "class View(TokenVerifyView): serializer_class = Mine\npost(View, token='x').data['has']",
        "True",
    ),
    (
        "class Never: __init__ = lambda self: None; allow_request = lambda *a: False; wait = lambda self: 9\n"
        "class View(TokenObtainPairView): throttle_classes = [Never]\n"
        "post(View, username='anna', password=PASSWORD).status_code",
        "429",
    ),
    (
        "class View(TokenRefreshView): www_authenticate_realm = 'shop'\n"
        "post(View, refresh='x')['WWW-Authenticate']",
        "'Bearer realm=\"shop\"'",
    ),
    ("token_obtain_pair.cls is TokenObtainPairView", "True"),
    ("token_refresh.cls is TokenRefreshView", "True"),
    ("import_module('views').AUTH_HEADER_TYPES", "('Bearer',)"),
]

EXCEPTIONS = [
    ("str(TokenError('no'))", "'no'"),
    ("TokenError('no').args[0]", "'no'"),
    ("str(TokenError())", "''"),
    ("TokenError({'detail': 'no'}).args[0]", "{'detail': 'no'}"),
    ("str(InvalidToken('no').detail['detail'])", "'no'"),
    ("str(InvalidToken('no').detail['code'])", "'token_not_valid'"),
    ("str(InvalidToken().detail['detail'])", "'Token is invalid or expired'"),
    ("str(InvalidToken({'a': 'b'}).detail['a'])", "'b'"),
    ("str(InvalidToken({'detail': 'no', 'code': 'c'}).detail['code'])", "'c'"),
    ("str(InvalidToken('no', code='c').detail['code'])", "'c'"),
    ("InvalidToken().status_code", "401"),
    ("issubclass(InvalidToken, AuthenticationFailed)", "True"),
    ("str(AuthenticationFailed('no', 'c').detail['code'])", "'c'"),
    ("issubclass(ExpiredTokenError, TokenError)", "True"),
    ("issubclass(TokenBackendExpiredToken, TokenBackendError)", "True"),
    (
        "def read(raw):\n try: RefreshToken(raw)\n except TokenError as error: return InvalidToken(error.args[0])\n"
        "_ = None\nstr(read('x').detail['detail'])",
        "'Token is invalid'",
    ),
    (
        "def read(raw):\n try: RefreshToken(raw)\n except TokenError as error: return str(error)\n"
        "_ = None\nread(expired(RefreshToken.for_user(user)))",
        "'Token is expired'",
    ),
    ("import_module('tokens').TokenError is TokenError", "True"),
    ("import_module('views').InvalidToken is InvalidToken", "True"),
]

SETTINGS = [
    ("api_settings.ACCESS_TOKEN_LIFETIME", "timedelta(minutes=5)"),
    ("api_settings.ROTATE_REFRESH_TOKENS", "True"),
    ("api_settings.USER_ID_CLAIM", "'user_id'"),
    ("api_settings.USER_ID_FIELD", "'id'"),
    ("api_settings.AUTH_HEADER_TYPES", "('Bearer',)"),
    ("api_settings.AUTH_HEADER_NAME", "'HTTP_AUTHORIZATION'"),
    ("(api_settings.ISSUER, api_settings.AUDIENCE)", "(None, None)"),
    ("(api_settings.JTI_CLAIM, api_settings.TOKEN_TYPE_CLAIM)", "('jti', 'token_type')"),
    ("list(api_settings.AUTH_TOKEN_CLASSES)", "[AccessToken]"),
    ("api_settings.TOKEN_USER_CLASS", "TokenUser"),
    ("api_settings.USER_AUTHENTICATION_RULE", "default_user_authentication_rule"),
    ("api_settings.TOKEN_OBTAIN_SERIALIZER.rpartition('.')[2]", "'TokenObtainPairSerializer'"),
    ("api_settings.CHECK_USER_IS_ACTIVE", "True"),
    ("api_settings.BLACKLIST_AFTER_ROTATION", "True", "False", BY_ITSELF),
    ("api_settings.CHECK_REVOKE_TOKEN", "False"),
    ("api_settings.ALGORITHM", "'HS256'"),
    (
        "len(api_settings.SIGNING_KEY) > 9",
        "True",
        "raises NotImplementedError",
        "the keys are those in JWTAUTH, or derived from SECRET_KEY",
    ),
    ("api_settings.NOTHING", "raises AttributeError"),
    ("api_settings.user_settings['ROTATE_REFRESH_TOKENS']", "True"),
    ("token_backend.decode(access)['jti'] == AccessToken(access)['jti']", "True"),
    ("token_backend.decode(forged(access))", "raises TokenBackendError: Token is invalid"),
    (
        "token_backend.decode(expired(AccessToken.for_user(user)))",
        "raises TokenBackendExpiredToken: Token is expired",
    ),
    (
        "TokenBackend(algorithm='HS256').decode(forged(access), verify=False)['token_type']",
        "'access'",
    ),
    ("token_backend.get_leeway()", "timedelta(0)"),
    (
        "token_backend.encode({'user_id': user.pk}).count('.')",
        "2",
        "raises NotImplementedError",
        NOBODYS,
    ),
    ("datetime_to_epoch(datetime(2001, 1, 1))", "978307200"),
    ("datetime_from_epoch(978307200)", "datetime(2001, 1, 1, tzinfo=timezone.utc)"),
    ("make_utc(datetime(2001, 1, 1))", "datetime(2001, 1, 1, tzinfo=timezone.utc)"),
    ("aware_utcnow().tzinfo", "timezone.utc"),
    ("str(format_lazy('{} b', 'a'))", "'a b'"),
    ("get_md5_hash_password('a')", "'0CC175B9C0F1B6A831C399E269772661'"),
]

MODELS = [
    ("TokenUser(AccessToken(access)).id", "str(user.pk)"),
    ("TokenUser(AccessToken(access)).pk", "str(user.pk)"),
    ("str(TokenUser(AccessToken(access)))", "f'TokenUser {user.pk}'"),
    ("TokenUser(AccessToken(access)).username", "''"),
    ("TokenUser({'user_id': '7', 'username': 'bo'}).get_username()", "'bo'"),
    ("TokenUser({'user_id': 7}).pk", "7"),
    ("TokenUser({'user_id': '7', 'company': 'A'}).company", "'A'"),
    ("TokenUser({'user_id': '7'}).company", "None"),
    ("TokenUser({'user_id': '7', 'is_staff': True}).is_staff", "True"),
    ("TokenUser({'user_id': '7'}).is_superuser", "False"),
    ("TokenUser(AccessToken(access)).is_authenticated", "True"),
    ("TokenUser(AccessToken(access)).is_active", "True"),
    ("TokenUser(AccessToken(access)).has_perm('a.b')", "False"),
    ("len(TokenUser(AccessToken(access)).groups.all())", "0"),
    ("TokenUser(AccessToken(access)) == TokenUser(AccessToken(access))", "True"),
    ("TokenUser(AccessToken(access)).save()", "raises NotImplementedError"),
    ("TokenUser(AccessToken(access)).token['user_id']", "str(user.pk)"),
    ("OutstandingToken.objects.filter(user=user).count()", "1"),
    ("OutstandingToken.objects.filter(user=other).exists()", "False"),
    ("OutstandingToken.objects.filter(user_id=user.pk).first().jti", "jti"),
    ("OutstandingToken.objects.get(jti=jti).user", "user"),
    ("OutstandingToken.objects.get(token=refresh).jti", "jti"),
    ("OutstandingToken.objects.get(token=RefreshToken(refresh)).jti", "jti"),
    ("OutstandingToken.objects.filter(token=access).exists()", "False"),
    ("OutstandingToken.objects.get(jti='nothing')", "raises OutstandingToken.DoesNotExist"),
    ("OutstandingToken.objects.filter(user=user).order_by('-created_at')[0].jti", "jti"),
    ("[each.user_id for each in OutstandingToken.objects.all()]", "[user.pk]"),
    ("OutstandingToken.objects.filter(expires_at__gt=aware_utcnow()).count()", "1"),
    ("list(OutstandingToken.objects.filter(user=user).values_list('jti', flat=True))", "[jti]"),
    (
        "for each in OutstandingToken.objects.filter(user=user): BlacklistedToken.objects.get_or_create(token=each)\n"
        "(refreshes(refresh), works(access))",
        "(False, True)",
        "(False, False)",
        AT_ONCE,
    ),
    (
        "for each in OutstandingToken.objects.filter(user=user): RefreshToken(each.token).blacklist()\n"
        "refreshes(refresh)",
        "False",
    ),
    (
        "tokens = OutstandingToken.objects.filter(user=user)\n"
        "_ = BlacklistedToken.objects.bulk_create([BlacklistedToken(token=each) for each in tokens])\n"
        "refreshes(refresh)",
        "False",
    ),
    (
        "token = OutstandingToken.objects.get(jti=jti)\nBlacklistedToken.objects.create(token=token)\n"
        "refreshes(refresh)",
        "False",
    ),
    (
        "token = OutstandingToken.objects.get(jti=jti)\nBlacklistedToken(token=token).save()\n"
        "refreshes(refresh)",
        "False",
    ),
    (
        "token = OutstandingToken.objects.get(jti=jti)\n"
        "[BlacklistedToken.objects.get_or_create(token=token)[1] for _ in range(2)]",
        "[True, False]",
    ),
    ("BlacklistedToken.objects.filter(token__jti=jti).exists()", "False"),
    (
        "RefreshToken(refresh).blacklist()\nBlacklistedToken.objects.filter(token__jti=jti).exists()",
        "True",
    ),
    (
        "post(TokenRefreshView, refresh=refresh)\n"
        "BlacklistedToken.objects.filter(token__jti=jti).exists()",
        "True",
    ),
    (
        "RefreshToken(refresh).blacklist()\n"
        "BlacklistedToken.objects.filter(token__user=user).count()",
        "1",
    ),
    (
        "RefreshToken(refresh).blacklist()\n"
        "BlacklistedToken.objects.filter(token__token=refresh).exists()",
        "True",
    ),
    (
        "RefreshToken(refresh).blacklist()\n"
        "OutstandingToken.objects.filter(user=user, blacklistedtoken__isnull=True).count()",
        "0",
    ),
    ("hasattr(OutstandingToken.objects.get(jti=jti), 'blacklistedtoken')", "False"),
    (
        "OutstandingToken.objects.filter(expires_at__lt=aware_utcnow()).delete()",
        "(0, {})",
        "raises NotImplementedError",
        "rows are kept as a record; jwtauth_purge deletes them",
    ),
    (
        "RefreshToken(refresh).blacklist()\n"
        "BlacklistedToken.objects.filter(token__user=user).delete()[0]",
        "1",
        "raises NotImplementedError",
        "what has ended stays ended",
    ),
    (
        "OutstandingToken.objects.create(user=user, jti='x', token='y', expires_at=aware_utcnow()).jti",
        "'x'",
        "raises NotImplementedError",
        NO_TABLE,
    ),
    (
        "OutstandingToken.objects.get(jti=jti).token",
        "refresh",
        "f'<the refresh token of sign-in {jti[:32]}>'",
        NO_TABLE,
    ),
]

SECURITY = [
    ("str(AccessToken(forged(access), verify=False)) == access", "True", "False", UNSIGNED),
    (
        "token = AccessToken(forged(access), verify=False)\ntoken['role'] = 'chef'\nworks(str(token))",
        "True",
        "raises NotImplementedError",
        UNSIGNED,
    ),
    (
        "works(str(RefreshToken(forged(refresh), verify=False).access_token))",
        "True",
        "raises TokenError: Token is invalid",
        UNSIGNED,
    ),
    ("AccessToken(access + 'x')", "raises TokenError"),
    ("AccessToken(access.replace('.', '..', 1))", "raises TokenError"),
    ("AccessToken('x' * 9000)", "raises TokenError"),
    ("AccessToken(b'\\xff.\\xff.\\xff')", "raises TokenError"),
    ("UntypedToken(forged(refresh))", "raises TokenError: Token is invalid"),
    ("RefreshToken(forged(refresh))", "raises TokenError: Token is invalid"),
    (
        "RefreshToken(refresh).blacklist()\nAccessToken(access)['user_id']",
        "str(user.pk)",
        "raises TokenError: Token is blacklisted",
        AT_ONCE,
    ),
    (
        "RefreshToken(refresh).blacklist()\nstr(RefreshToken(refresh).access_token)",
        "raises TokenError: Token is blacklisted",
    ),
    (
        "User.objects.filter(pk=user.pk).update(is_active=False)\nAccessToken(access)['user_id']",
        "str(user.pk)",
        "raises TokenError: User is inactive",
        INACTIVE,
    ),
    (
        "user.is_active = False\nuser.save()\nRefreshToken.for_user(user)['user_id']",
        "str(user.pk)",
        "raises TokenError: User is inactive",
        INACTIVE,
    ),
    (
        "user.set_password('another')\nuser.save()\n(works(access), refreshes(refresh))",
        "(True, True)",
        "(False, False)",
        "a changed password ends the sign-ins of the user",
    ),
    ("user.delete()\nworks(access)", "False"),
    (
        "token = AccessToken.for_user(user)\ntoken['user_id'] = str(other.pk)\nworks(str(token))",
        "True",
        "raises ValueError",
        OWN_ID,
    ),
    (
        "token = RefreshToken(refresh)\ntoken['token_type'] = 'access'\nworks(str(token))",
        "True",
        "raises ValueError",
        OWN_ID,
    ),
    (
        "class Loose(AccessToken): verify = lambda self: None\nLoose(expired(AccessToken.for_user(user)))",
        "raises TokenError: Token is expired",
    ),
    (
        "class Loose(AccessToken): verify = lambda self: None\nLoose(refresh)['token_type']",
        "'refresh'",
        "raises TokenError: Token has wrong type",
        "what a subclass leaves out of verify() was checked before",
    ),
    (
        "class Loose(JWTAuthentication): get_validated_token = lambda self, raw: AccessToken(raw, verify=False)\n"
        "Loose().authenticate(get(forged(access)))[0]",
        "user",
        "raises InvalidToken",
        UNSIGNED,
    ),
    (
        "token = RefreshToken.for_user(user)\nfirst = str(token)\ntoken.set_jti()\n"
        "(refreshes(str(token)), str(token) != first)",
        "(True, True)",
    ),
    ("access in repr(AccessToken(access))", "False"),
    (
        "token = AccessToken.for_user(user)\ndel token['exp']\nworks(str(token))",
        "False",
        "raises ValueError",
        LIMITS,
    ),
]

TABLE = [
    Idiom(kind, *row)
    for kind, rows in {
        "authentication": AUTHENTICATION,
        "tokens": TOKENS,
        "serializers": SERIALIZERS,
        "views": VIEWS,
        "exceptions": EXCEPTIONS,
        "settings": SETTINGS,
        "models": MODELS,
        "security": SECURITY,
    }.items()
    for row in rows
]
