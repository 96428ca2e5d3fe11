import time
from datetime import timedelta

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from django_jwtauth import tokens
from django_jwtauth.claims import ACCESS, MAX_NUMERIC_DATE, REFRESH
from django_jwtauth.exceptions import ExpiredToken, TokenError, TokenNotYetValid
from tests import forge
from tests.forge import OPEN_HEADER, REFRESH_HEADER, SID, access_claims, refresh_claims, signed
from tests.refusals import ORDER, refusal

MOMENT = 1_800_000_000


# --- what is issued


def test_an_access_token_comes_back_as_it_was_issued():
    """decode() returns what encode() was given, and the kind."""
    claims = access_claims(scope="read", roles=["a", {"b": 1}], name="Ünïcødé \U0001f600 \x00")

    assert tokens.decode(tokens.encode(ACCESS, claims), ACCESS) == claims


def test_a_refresh_token_comes_back_as_it_was_issued():
    """A refresh token keeps its generation."""
    claims = refresh_claims(gen=41)

    assert tokens.decode(tokens.encode(REFRESH, claims), REFRESH) == claims


def test_the_headers_say_what_kind_of_token_it_is():
    """Access tokens are at+jwt (RFC 9068), refresh tokens rt+jwt; a derived key has no kid."""
    access = tokens.encode(ACCESS, access_claims())
    refresh = tokens.encode(REFRESH, refresh_claims())

    assert forge.header_of(access) == {"alg": "HS256", "typ": "at+jwt"}
    assert forge.header_of(refresh) == {"alg": "HS256", "typ": "rt+jwt"}


def test_a_configured_key_signs_access_tokens_and_never_refresh_tokens(settings):
    """KEYS sign access tokens, under their kid; refresh tokens stay with SECRET_KEY."""
    secret = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGH"
    settings.JWTAUTH = {"KEYS": [{"algorithm": "HS384", "kid": "one", "secret": secret * 2}]}

    access = tokens.encode(ACCESS, access_claims())
    refresh = tokens.encode(REFRESH, refresh_claims())

    assert forge.header_of(access) == {"alg": "HS384", "typ": "at+jwt", "kid": "one"}
    assert forge.header_of(refresh) == {"alg": "HS256", "typ": "rt+jwt"}


def test_access_and_refresh_tokens_are_signed_under_different_secrets():
    """Neither secret makes a token of the other kind."""
    as_access = forge.sign(OPEN_HEADER, access_claims(), forge.secret_for(REFRESH_HEADER))
    as_refresh = forge.sign(REFRESH_HEADER, refresh_claims(), forge.secret_for(OPEN_HEADER))

    assert refusal(as_access).reason == "bad_signature"
    assert refusal(as_refresh).reason == "bad_signature"


def test_the_raw_secret_key_signs_nothing(settings):
    """SECRET_KEY itself, which other parts of Django use, is no key for tokens."""
    secret = settings.SECRET_KEY.encode()

    assert refusal(forge.sign(OPEN_HEADER, access_claims(), secret)).reason == "bad_signature"
    assert refusal(forge.sign(REFRESH_HEADER, refresh_claims(), secret)).reason == "bad_signature"


def test_the_longest_token_issued_can_be_read():
    """What encode() lets pass at the limit of 8 KB decode() accepts; one step more is refused."""
    length = 5000
    while True:
        try:
            longest = tokens.encode(ACCESS, access_claims(filler="x" * length))
        except ValueError as error:
            assert "at most 8192" in str(error)
            assert "xxx" not in str(error)
            break
        length += 1

    assert 8188 <= len(longest) <= 8192
    assert tokens.decode(longest, ACCESS)["filler"] == "x" * (length - 1)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_json_does_not_have_is_not_issued(value):
    """NaN and Infinity raise ValueError instead of making a token that nobody can read."""
    with pytest.raises(ValueError, match="JSON compliant"):
        tokens.encode(ACCESS, access_claims(ratio=value))


def test_a_claim_that_is_not_json_is_not_issued():
    """An object without a JSON form raises ValueError, as every claim that cannot be issued."""
    with pytest.raises(ValueError, match="JSON"):
        tokens.encode(ACCESS, access_claims(when=object()))


# --- kind


@pytest.mark.parametrize(
    "typ", ["at+jwt", "AT+JWT", "At+Jwt", "application/at+jwt", "APPLICATION/AT+JWT"]
)
def test_the_type_is_compared_as_a_media_type(typ):
    """Without case, and with or without application/ (RFC 8725, 3.11)."""
    assert tokens.decode(signed({"alg": "HS256", "typ": typ}), ACCESS)["sub"] == "1"


@pytest.mark.parametrize(
    "typ",
    [
        *("JWT", "jwt", "", "at+jwt ", "text/at+jwt", "application/application/at+jwt"),
        *("dpop+jwt", "logout+jwt", "\ud800"),
    ],
)
def test_a_token_of_a_foreign_type_is_refused(typ):
    """A good signature under another typ, or under none, is of the wrong type."""
    error = refusal(signed({"alg": "HS256", "typ": typ}))

    assert (error.reason, str(error.sentence)) == ("wrong_type", "Token has wrong type")


def test_a_token_without_typ_is_refused():
    """simplejwt says JWT and some libraries nothing: neither is one of our access tokens."""
    assert refusal(signed({"alg": "HS256"})).reason == "wrong_type"


def test_the_type_jwt_is_good_when_configured_and_the_usual_one_stays_good(settings):
    """ACCESS_TOKEN_TYP = "JWT" issues JWT and accepts both, so that no token dies by it."""
    before = tokens.encode(ACCESS, access_claims())
    settings.JWTAUTH = {"ACCESS_TOKEN_TYP": "JWT"}
    after = tokens.encode(ACCESS, access_claims())

    assert forge.header_of(after)["typ"] == "JWT"
    assert tokens.decode(before, ACCESS)
    assert tokens.decode(after, ACCESS)

    settings.JWTAUTH = {}
    assert refusal(after).reason == "wrong_type"


@pytest.mark.parametrize(
    ("header", "claims", "allowed"),
    [
        (OPEN_HEADER, {"token_type": "refresh"}, (ACCESS, REFRESH)),
        (OPEN_HEADER, {"token_type": "other"}, (ACCESS, REFRESH)),
        (OPEN_HEADER, {"token_type": None}, (ACCESS, REFRESH)),
        (OPEN_HEADER, {"token_type": ["access"]}, (ACCESS, REFRESH)),
        (OPEN_HEADER, {"token_type": {}}, (ACCESS, REFRESH)),
        (OPEN_HEADER, {}, (REFRESH,)),
        (REFRESH_HEADER, {"token_type": "refresh", "gen": 0}, (ACCESS,)),
        (REFRESH_HEADER, {"token_type": "access", "gen": 0}, (ACCESS, REFRESH)),
    ],
)
def test_typ_token_type_and_what_is_asked_for_must_agree(header, claims, allowed):
    """A token of one kind is never taken for the other."""
    error = refusal(forge.sign(header, access_claims(**claims)), *allowed)

    assert (error.reason, str(error.sentence)) == ("wrong_type", "Token has wrong type")


def test_a_token_without_token_type_says_so():
    """The sentence that clients of simplejwt know."""
    error = refusal(forge.altered(signed(), without=["token_type"]))

    assert (error.reason, str(error.sentence)) == ("wrong_type", "Token has no type")


# --- times


@pytest.mark.parametrize("leeway", [0, 10])
def test_exp_ends_at_its_second_and_leeway_moves_it(settings, leeway):
    """A token is good until the second of exp, plus leeway, and not in it."""
    settings.JWTAUTH = {"LEEWAY": leeway}
    with time_machine.travel(MOMENT, tick=False):
        raw = signed(exp=MOMENT + 100)

    with time_machine.travel(MOMENT + 99.999 + leeway, tick=False):
        assert tokens.decode(raw, ACCESS)["sub"] == "1"
    with time_machine.travel(MOMENT + 100 + leeway, tick=False), pytest.raises(ExpiredToken):
        tokens.decode(raw, ACCESS)


@pytest.mark.parametrize("leeway", [0, 10])
def test_nbf_begins_at_its_second_and_leeway_moves_it(settings, leeway):
    """A token is good from the second of nbf, less leeway."""
    settings.JWTAUTH = {"LEEWAY": timedelta(seconds=leeway)}
    with time_machine.travel(MOMENT, tick=False):
        raw = signed(nbf=MOMENT + 100)

    with time_machine.travel(MOMENT + 99.999 - leeway, tick=False):
        with pytest.raises(TokenNotYetValid) as caught:
            tokens.decode(raw, ACCESS)
        assert str(caught.value.sentence) == "Token is invalid"
    with time_machine.travel(MOMENT + 100 - leeway, tick=False):
        assert tokens.decode(raw, ACCESS)["sub"] == "1"


def test_an_expired_token_can_be_read_where_that_is_wanted():
    """allow_expired forgives exp and nothing else."""
    raw = signed(exp=int(time.time()) - 10)

    assert refusal(raw).reason == "expired"
    assert tokens.decode(raw, ACCESS, allow_expired=True)["sub"] == "1"
    with pytest.raises(TokenError, match="bad_signature"):
        tokens.decode(
            forge.sign(OPEN_HEADER, forge.claims_of(raw), b"x" * 32), ACCESS, allow_expired=True
        )
    with pytest.raises(TokenError, match="not_yet_valid"):
        tokens.decode(signed(exp=1, nbf=2**40), ACCESS, allow_expired=True)


@pytest.mark.parametrize("iat", [0, -1, 1.5, 2**40, -(2**70)])
def test_iat_is_not_compared_with_the_clock(iat):
    """The clocks of two nodes differ: a token of the future is good."""
    assert tokens.decode(signed(iat=iat), ACCESS)["iat"] == iat


ODD_TIMES = ["soon", "9_999_999_999", " 1 ", "\uff11", "", None, True, False, [], {}, [2**33]]


@pytest.mark.parametrize(
    "exp",
    [
        *ODD_TIMES,
        1e10,
        2.0**33,
        -1,
        10**18,
        2**63,
        2**64,
        MAX_NUMERIC_DATE + 1,
        10**400,
        -(10**400),
    ],
)
def test_exp_is_a_whole_number_of_seconds_that_a_datetime_can_hold(exp):
    """No string, float, truth value or year 10 000."""
    assert refusal(signed(exp=exp)).reason == "malformed"


@pytest.mark.parametrize("iat", ODD_TIMES)
def test_iat_is_a_number(iat):
    """Text, truth values and containers are refused."""
    assert refusal(signed(iat=iat)).reason == "malformed"


@pytest.mark.parametrize("nbf", [value for value in ODD_TIMES if value is not False])
def test_nbf_is_a_number(nbf):
    """Text, truth values and containers are refused."""
    assert refusal(signed(nbf=nbf)).reason == "malformed"


@pytest.mark.parametrize("name", ["iat", "nbf", "exp"])
@pytest.mark.parametrize("digits", [b"1e999", b"-1e999", b"1" + b"0" * 400, b"-1" + b"0" * 400])
def test_numbers_beyond_every_float_are_refused_or_read(name, digits):
    """1e999 and 10**400 raise no OverflowError."""
    claims = forge.segment({**access_claims(), name: "HERE"})
    payload = forge.unsegment(claims).replace(b'"HERE"', digits)

    try:
        claims = tokens.decode(forge.sign(OPEN_HEADER, payload), ACCESS)
    except TokenError as error:
        assert error.reason in ("malformed", "not_yet_valid")
    else:
        assert name in ("iat", "nbf")


def test_a_token_without_exp_says_so():
    """Every token ends; the sentence is simplejwt's."""
    error = refusal(forge.altered(signed(), without=["exp"]))

    assert (error.reason, str(error.sentence)) == ("malformed", "Token has no 'exp' claim")


def test_a_token_without_iat_is_refused():
    """It is always issued and has to be there."""
    assert refusal(forge.altered(signed(), without=["iat"])).reason == "malformed"


# --- issuer and audience


@pytest.mark.parametrize("kind", [ACCESS, REFRESH])
@pytest.mark.parametrize(
    "iss", ["https://a.example/", "https://a.exampl", "", "x", None, 1, True, ["https://a.example"]]
)
def test_a_configured_issuer_is_matched_exactly_on_both_kinds(settings, kind, iss):
    """Neither a prefix nor a list nor the lack of iss passes: tenants may share the tables."""
    settings.JWTAUTH = {"ISSUER": "https://a.example"}
    good = access_claims() if kind == ACCESS else refresh_claims()
    header = OPEN_HEADER if kind == ACCESS else REFRESH_HEADER

    assert tokens.decode(forge.sign(header, {**good, "iss": "https://a.example"}), kind)
    assert refusal(forge.sign(header, {**good, "iss": iss})).reason == "wrong_issuer"
    assert refusal(forge.sign(header, good)).reason == "wrong_issuer"


@pytest.mark.parametrize("aud", ["api", ["api"], ["other", "api"], "mobile", ["mobile", ""]])
def test_one_audience_of_ours_is_enough(settings, aud):
    """aud is a string or a list and names one of the configured audiences."""
    settings.JWTAUTH = {"AUDIENCE": ["api", "mobile"]}

    assert tokens.decode(signed(aud=aud), ACCESS)["aud"] == aud


@pytest.mark.parametrize(
    "aud",
    [
        "ap",
        "apis",
        "",
        None,
        1,
        True,
        [],
        ["other"],
        [["api"]],
        ["api", 1],
        [None, "api"],
        {"api": 1},
        [{"api": 1}],
    ],
)
def test_a_token_for_somebody_else_is_refused(settings, aud):
    """No substring, no nesting, no empty list: the audience must be named."""
    settings.JWTAUTH = {"AUDIENCE": "api"}

    assert refusal(signed(aud=aud)).reason == "wrong_audience"
    assert refusal(signed()).reason == "wrong_audience"


def test_a_token_for_somebody_is_not_for_whoever_has_no_name():
    """Without AUDIENCE a token that names one is refused (RFC 7519, 4.1.3)."""
    assert refusal(signed(aud="api")).reason == "wrong_audience"


def test_a_refresh_token_needs_no_audience(settings):
    """It is for this deployment alone."""
    settings.JWTAUTH = {"AUDIENCE": "api"}

    assert tokens.decode(forge.sign(REFRESH_HEADER, refresh_claims()), REFRESH)["gen"] == 0


# --- who and which

ODD_IDENTIFIERS = ["", None, 1, True, [], ["1"], {}, "\x00", "a\nb", "a\x7f", "\ud800", "x" * 256]


@pytest.mark.parametrize("value", ODD_IDENTIFIERS)
@pytest.mark.parametrize("name", ["sub", "jti"])
def test_sub_and_jti_are_short_printable_text(name, value):
    """They reach columns and log lines: no number, NUL, line feed, surrogate or long text."""
    assert refusal(signed(**{name: value})).reason == "malformed"


@pytest.mark.parametrize(
    "sid",
    [
        *("", None, 1, [SID], SID[:-1], SID + "0", SID.upper(), "g" * 32, SID + "\n"),
        *("\uff11" * 32, "0192f0c1-a2b3-7c4d-8e5f-60718293a4b5"),
    ],
)
def test_sid_is_32_lower_case_hex_digits(sid):
    """One spelling of a sign-in's id, and always there."""
    assert refusal(signed(sid=sid)).reason == "malformed"
    assert refusal(forge.altered(signed(), without=["sid"])).reason == "malformed"


@pytest.mark.parametrize("gen", [None, -1, 2**31, 10**400, "0", 0.0, True, [], {}])
def test_gen_is_a_whole_number_that_the_column_holds(gen):
    """A generation out of range never reaches the database."""
    raw = forge.sign(REFRESH_HEADER, refresh_claims(gen=gen))

    assert refusal(raw).reason == "malformed"
    assert refusal(forge.altered(raw, without=["gen"])).reason == "malformed"


@pytest.mark.parametrize(
    ("name", "detail"),
    [
        ("sub", "Token contained no recognizable user identification"),
        ("jti", "Token has no id"),
    ],
)
def test_what_is_missing_is_named_as_in_simplejwt(name, detail):
    """A token without sub or jti is malformed, with the sentence clients know."""
    error = refusal(forge.altered(signed(), without=[name]))

    assert (error.reason, str(error.sentence)) == ("malformed", detail)


def test_the_first_reason_in_the_documented_order_is_reported(settings):
    """Form, signature, type, exp, nbf, iss, aud, then the other claims."""
    settings.JWTAUTH = {"ISSUER": "us", "AUDIENCE": "api"}
    wrong = {
        "sub": None,
        "aud": "them",
        "iss": "them",
        "nbf": 2**40,
        "exp": 1,
        "token_type": "refresh",
    }
    right = {
        "sub": "1",
        "aud": "api",
        "iss": "us",
        "nbf": 1,
        "exp": int(time.time()) + 300,
        "token_type": "access",
    }
    reasons = []
    claims = access_claims(**wrong)
    reasons.append(refusal(forge.sign(OPEN_HEADER, claims, b"x" * 32) + "=").reason)
    reasons.append(refusal(forge.sign(OPEN_HEADER, claims, b"x" * 32)).reason)
    for name in reversed(wrong):
        reasons.append(refusal(forge.sign(OPEN_HEADER, claims)).reason)
        claims[name] = right[name]

    assert reasons == ORDER
    assert tokens.decode(forge.sign(OPEN_HEADER, claims), ACCESS) == claims


# --- anything at all

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
claim_names = st.sampled_from(
    ["token_type", "sub", "sid", "jti", "gen", "iat", "exp", "nbf", "iss", "aud", "scope"]
)


@given(st.text() | st.binary() | st.from_regex(r"[\w=-]*\.[\w=-]*\.[\w=-]*"))
def test_random_text_is_refused_as_a_token(raw):
    """Text and bytes raise TokenError and nothing else."""
    assert refusal(raw).reason in ("malformed", "bad_signature")


@given(header=st.binary(max_size=200), claims=st.binary(max_size=200))
def test_random_bytes_under_a_good_signature_are_refused(header, claims):
    """Signed nonsense raises TokenError and nothing else."""
    for typ in (OPEN_HEADER, REFRESH_HEADER):
        assert refusal(forge.sign(header, claims, forge.secret_for(typ)))
        assert refusal(forge.sign(typ, claims))


@given(
    header=st.dictionaries(
        st.sampled_from(["alg", "typ", "kid", "crit", "b64", "jwk", "cty", "zip"]), json_values
    ),
    changes=st.dictionaries(claim_names, json_values, min_size=1),
)
def test_random_json_in_a_good_token_is_refused_or_read(header, changes):
    """Any JSON in any member of header and claims ends as claims or as a TokenError."""
    for typ, claims in ((OPEN_HEADER, access_claims()), (REFRESH_HEADER, refresh_claims())):
        for raw in (
            forge.sign({**typ, **header}, claims, forge.secret_for(typ)),
            forge.sign(typ, {**claims, **changes}),
        ):
            try:
                read = tokens.decode(raw, ACCESS, REFRESH)
            except TokenError:
                continue
            assert type(read["exp"]) is int
            assert isinstance(read["sub"], str) and isinstance(read["jti"], str)


@given(data=st.data())
def test_no_change_of_a_token_passes(data):
    """Whatever is cut, doubled, moved or replaced in a token, it is refused."""
    raw = signed()
    place = data.draw(st.integers(0, len(raw) - 1))
    length = data.draw(st.integers(0, 5))
    patch = data.draw(st.text(alphabet=st.sampled_from("AZaz09-_.="), max_size=5) | st.text())
    changed = raw[:place] + patch + raw[place + length :]

    if changed != raw:
        assert refusal(changed).reason in ("malformed", "bad_signature")
