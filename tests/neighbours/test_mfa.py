"""The page about second factors, executed with the real django-otp."""

import json
import sys
import time
from types import ModuleType

import pytest
import time_machine
from django.db import connection
from django.urls import include, path, reverse
from django_otp.oath import totp
from django_otp.plugins.otp_totp.models import TOTPDevice

from django_jwtauth import one_time
from django_jwtauth.models import LoginSession
from tests import forge
from tests.conftest import PASSWORD, Client
from tests.pages import DOCS, MARK, as_script, read_blocks, shape
from tests.racing import race
from tests.shell import free_port, needs_curl, run_script

BLOCKS = [block.code for block in read_blocks(DOCS / "mfa.md") if block.language == "python"]


def run_block(name):
    """Return what the block of the page that defines ``name`` makes."""
    [code] = [code for code in BLOCKS if f" {name}(" in code]
    module = ModuleType("page_about_mfa")
    exec(code, vars(module))
    return module


policy = run_block("second_factor")
urlpatterns = [
    path("api/", include("django_jwtauth.urls")),
    path("api/", include("django_jwtauth.urls.portal")),
    path("oauth/", include("django_jwtauth.urls.oauth")),
    path("browser/", include("django_jwtauth.urls.browser")),
    path("transfer/", run_block("TransferView").TransferView.as_view(), name="transfer"),
]
pytestmark = pytest.mark.urls(__name__)


@pytest.fixture(autouse=True)
def page(monkeypatch, settings):
    """The project has the policy of the page."""
    monkeypatch.setitem(sys.modules, "page_about_mfa", policy)
    settings.JWTAUTH = {"HOOKS": {"SIGN_IN": "page_about_mfa.second_factor"}}


@pytest.fixture
def device(user):
    """anna's authenticator."""
    return user.totpdevice_set.create(name="phone", confirmed=True)


@pytest.fixture
def backup(user):
    """anna's sheet of paper, with one code left."""
    device = user.staticdevice_set.create(name="backup")
    device.token_set.create(token="sheet-of-paper")
    return device


def code_of(device):
    """Return what the authenticator shows."""
    return f"{totp(device.bin_key):06}"


def sign_in(api, **sent):
    body = {"username": "anna", "password": PASSWORD, **sent}
    # Written here: the client's renderer cannot send every text that JSON can hold.
    return api.post(reverse("token_obtain_pair"), json.dumps(body), content_type="application/json")


def reason_of(answer):
    return answer.json().get("reason")


# --- asking


def test_without_a_device_the_password_is_enough(api, user):
    """And amr says that there was nothing else."""
    answer = sign_in(api)

    assert forge.claims_of(answer.json()["access"])["amr"] == ["pwd"]


def test_with_a_device_the_client_is_told_what_to_send(api, device, backup):
    """401 with a stable reason, and nothing of a sign-in exists yet."""
    answer = sign_in(api)

    assert answer.status_code == 401
    assert answer.json() == {
        "detail": "Signing in needs a second factor",
        "code": "mfa_required",
        "reason": "mfa_required",
        "methods": ["otp", "backup_code"],
    }
    assert not LoginSession.objects.exists()


def test_a_device_that_is_not_confirmed_is_none(api, user):
    """Somebody who gave up while setting it up can still sign in."""
    user.totpdevice_set.create(name="half", confirmed=False)

    assert sign_in(api).status_code == 200


def test_who_has_not_the_password_learns_nothing(api, device):
    """Neither that there is a device, nor whether a code is right; none is used up."""
    code = code_of(device)
    for sent in {}, {"otp": code}, {"otp": "000000"}:
        assert reason_of(sign_in(api, password="wrong", **sent)) == "invalid_credentials"

    device.refresh_from_db()
    assert device.throttling_failure_count == 0
    assert sign_in(api, otp=code).status_code == 200


# --- codes


def test_a_right_code_signs_in_and_is_told_in_every_token(api, device):
    """amr is carried through the refreshes; a later hook is not asked."""
    answer = sign_in(api, otp=code_of(device)).json()
    for _ in range(2):
        answer = api.refresh(answer["refresh"]).json()

        assert forge.claims_of(answer["access"])["amr"] == ["pwd", "otp", "mfa"]


@pytest.mark.parametrize(
    "code", ["000000", "x", "-1", "9" * 4000, "1\0", "\ud800", "\u0660" * 6, " "]
)
def test_a_wrong_code_does_not(api, device, code):
    """Whatever it is, the answer is the same 401."""
    answer = sign_in(api, otp=code)

    assert (answer.status_code, reason_of(answer)) == (401, "mfa_required")


@pytest.mark.parametrize("code", ["", "x", "1\0", "\ud800", "é" * 16, "9" * 4000])
def test_a_wrong_backup_code_does_not(api, backup, code):
    """The same for the other kind, which the database compares."""
    answer = sign_in(api, backup_code=code)

    assert (answer.status_code, reason_of(answer)) == (401, "mfa_required")


@pytest.mark.parametrize("claim", [{"amr": ["otp"]}, {"mfa": True}, {"auth_time": 2**40}])
def test_what_a_client_says_of_itself_decides_nothing(api, device, claim):
    """Neither instead of a code nor beside one."""
    assert sign_in(api, **claim).status_code == 401
    claims = forge.claims_of(sign_in(api, otp=code_of(device), **claim).json()["access"])

    assert claims["amr"] == ["pwd", "otp", "mfa"]
    assert "auth_time" not in claims


def test_a_code_is_good_once(api, device):
    """Seen over the shoulder, it opens nothing, in whatever digits it is sent again."""
    code = code_of(device)
    arabic = code.translate({ord("0") + n: 0x660 + n for n in range(10)})

    assert sign_in(api, otp=code).status_code == 200
    for again in code, f" {code}", arabic:
        assert sign_in(api, otp=again).status_code in (401, 429)


def test_a_code_of_somebody_else_is_no_code(api, user, other_user, device):
    """bert's authenticator is not anna's."""
    other = other_user.totpdevice_set.create(name="phone", confirmed=True)

    assert reason_of(sign_in(api, otp=code_of(other))) == "mfa_required"


def test_a_backup_code_is_good_once(api, device, backup):
    """It is gone after that, and the authenticator works as before."""
    assert sign_in(api, backup_code="sheet-of-paper").status_code == 200
    assert reason_of(sign_in(api, backup_code="sheet-of-paper")) == "mfa_required"
    assert sign_in(api, otp=code_of(device)).status_code == 200


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", ["otp", "backup_code"])
def test_of_many_at_once_one_gets_in(user, device, backup, kind):
    """The same code, sent by several at the same moment."""
    code = code_of(device) if kind == "otp" else "sheet-of-paper"
    answers = race([lambda: sign_in(Client(), **{kind: code})] * 6)

    assert not [answer for answer in answers if isinstance(answer, Exception)]
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses[0] == 200
    assert set(statuses[1:]) <= {401, 429, 503}
    assert LoginSession.objects.count() == 1


# --- guessing


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("atomic", [False, True])
def test_django_otp_slows_guessing_down(api, device, monkeypatch, atomic):
    """429 with Retry-After, and its count survives ATOMIC_REQUESTS."""
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", atomic)
    wrong = sign_in(api, otp="000000")
    slowed = sign_in(api, otp=code_of(device))

    assert reason_of(wrong) == "mfa_required"
    assert (slowed.status_code, reason_of(slowed)) == (429, "throttled")
    assert int(slowed["Retry-After"]) in (1, 2)
    device.refresh_from_db()
    assert device.throttling_failure_count == 1
    with time_machine.travel(time.time() + 60):
        assert sign_in(api, otp=code_of(device)).status_code == 200


def test_we_count_wrong_codes_as_wrong_passwords(api, device, settings):
    """The limit for an account holds for its second factor, too."""
    settings.JWTAUTH = {**settings.JWTAUTH, "THROTTLES": {"RATES": {"account": "3/min"}}}
    TOTPDevice.objects.update(throttling_failure_count=0)
    settings.OTP_TOTP_THROTTLE_FACTOR = 0
    reasons = [reason_of(sign_in(api, otp="000000")) for _ in range(4)]

    assert reasons == ["mfa_required"] * 3 + ["throttled"]
    assert reason_of(sign_in(api, otp=code_of(device))) == "throttled"


# --- the other doors


def test_the_oauth_endpoint_asks_as_well(client, device, settings):
    """In its own words."""
    settings.JWTAUTH = {**settings.JWTAUTH, "OAUTH_PASSWORD_GRANT": True}
    form = {"grant_type": "password", "username": "anna", "password": PASSWORD}
    asked = client.post("/oauth/token/", form)

    assert asked.status_code == 400
    assert asked.json() == {"error": "invalid_grant", "error_description": "mfa_required"}
    granted = client.post("/oauth/token/", {**form, "otp": code_of(device)})
    assert forge.claims_of(granted.json()["access_token"])["amr"] == ["pwd", "otp", "mfa"]


def test_the_door_for_browsers_asks_as_well(client, device):
    """No cookie before the code."""
    url = "/browser/token/"
    body = {"username": "anna", "password": PASSWORD}
    asked = client.post(url, body, content_type="application/json")
    assert asked.json()["methods"] == ["otp"]
    assert not asked.cookies
    body["otp"] = code_of(device)

    assert client.post(url, body, content_type="application/json").cookies


def test_a_magic_link_needs_the_code_with_it(api, user, device):
    """It is good once, whether or not the code was right: no guessing by one link."""
    raw = one_time.create(user, one_time.SIGN_IN)
    other = one_time.create(user, one_time.SIGN_IN)

    assert reason_of(api.post("/api/token/one-time/", {"token": raw})) == "mfa_required"
    late = api.post("/api/token/one-time/", {"token": raw, "otp": code_of(device)})
    assert late.status_code == 401
    together = api.post("/api/token/one-time/", {"token": other, "otp": code_of(device)})
    assert together.status_code == 200


# --- step-up


def test_step_up_wants_a_code_and_a_recent_one(api, user, device, backup):
    """Neither a password alone, nor a code of this morning, whatever was refreshed since."""
    TOTPDevice.objects.update(confirmed=False)
    backup.delete()
    password_only = sign_in(api).json()
    TOTPDevice.objects.update(confirmed=True)
    with time_machine.travel(time.time() - 3600, tick=True):
        morning = sign_in(api, otp=code_of(device)).json()
    old = api.refresh(morning["refresh"]).json()
    new = sign_in(api, otp=code_of(device)).json()

    for tokens in password_only, old:
        answer = api.with_token(tokens["access"]).post(reverse("transfer"))
        assert answer.status_code == 403
        assert answer.json()["code"] == "insufficient_user_authentication"
    assert api.with_token(new["access"]).post(reverse("transfer")).json() == {"transferred": True}


# --- the page


def test_the_page_shows_what_a_client_gets(api, device, backup):
    """Both bodies of the first section."""
    asked, sent = (
        json.loads(block.code)
        for block in read_blocks(DOCS / "mfa.md")
        if block.heading == "A second factor"
    )

    assert sign_in(api).json() == asked
    assert sent.keys() == {"username", "password", asked["methods"][0]}


@needs_curl
def test_the_page_works_as_written(tmp_path):
    """Typed into an empty project, it asks for the second factor, and takes it."""
    whole = (DOCS / "mfa.md").read_text()
    page = tmp_path / "page.md"
    page.write_text(whole[whole.index("## With django-otp") : whole.index("## Guarantees")])
    script, shown = as_script(page, f"127.0.0.1:{free_port()}")
    *_, asked, granted = run_script(script, tmp_path).split(f"{MARK}\n")

    assert json.loads(asked) == json.loads(shown[-2])
    assert shape(json.loads(granted)) == shape(json.loads(shown[-1]))
