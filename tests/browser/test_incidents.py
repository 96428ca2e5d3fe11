"""Three incidents, walked by a support desk with view-only rights in Chromium.

After each, the tokens are used over HTTP and refused. With JWTAUTH_SCREENSHOTS=folder, each page
is kept as a picture, light and dark, for the operators' guide.
"""

import json
import os
import time
import urllib.error
import urllib.request
from datetime import timedelta
from pathlib import Path

import pytest

pytest.importorskip("selenium")

from django.apps import apps
from django.contrib.auth import get_user_model
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait

from django_jwtauth import api_tokens, one_time, sessions
from django_jwtauth.admin.incidents import INCIDENTS
from django_jwtauth.models import Kind, LoginSession
from tests.browser.site import DEADLINE
from tests.conftest import DESK

THEME = os.environ.get("JWTAUTH_THEME", "plain")
PICTURES = os.environ.get("JWTAUTH_SCREENSHOTS")
LIST = reverse("admin:django_jwtauth_loginsession_changelist")
CREATE = reverse("admin:django_jwtauth_loginsession_create_api_token")
ACT = reverse("admin:django_jwtauth_loginsession_act")
INCIDENTS_URL = reverse("admin:django_jwtauth_loginsession_incidents")
NOTE = "Ticket 4711"

pytestmark = pytest.mark.django_db(transaction=True)


def call(site, path, raw=None, **body):
    """Return status and body of a request as a client makes it."""
    headers = {"Content-Type": "application/json"}
    if raw:
        headers["Authorization"] = f"Bearer {raw}"
    data = json.dumps(body).encode() if body else None
    request = urllib.request.Request(f"{site.url}{path}", data, headers)
    try:
        with urllib.request.urlopen(request, timeout=DEADLINE) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def is_accepted(site, pair):
    """Use both tokens; they must agree."""
    access, told = call(site, reverse("protected"), pair.access)
    if access == 200:
        return True
    refresh, told_too = call(site, reverse("token_refresh"), refresh=pair.refresh)
    assert (access, refresh) == (401, 401)
    assert told["reason"] == told_too["reason"] == "session_ended"
    return False


class Desk:
    """The admin in a browser, as an operator sees it."""

    def __init__(self, driver, site, username):
        self.driver, self.site = driver, site
        driver.get("about:blank")
        driver.execute_cdp_cmd("Network.clearBrowserCookies", {})
        driver.set_window_size(1280, 900)
        # Signing in is the project's business and the theme's.
        client = Client()
        client.force_login(get_user_model().objects.get(username=username))
        cookie = client.cookies["sessionid"].value
        self.open("/public/")
        driver.add_cookie({"name": "sessionid", "value": cookie})

    def open(self, path):
        self.driver.get(f"{self.site.url}{path}")
        return self

    def find(self, by, value):
        def look(driver):
            return [one for one in driver.find_elements(by, value) if one.is_displayed()]

        return self.wait(look, value)[0]

    def wait(self, condition, message):
        # A page that is about to be left may go while it is looked at.
        ignored = [StaleElementReferenceException]
        waiting = WebDriverWait(self.driver, DEADLINE, 0.05, ignored_exceptions=ignored)
        return waiting.until(condition, message)

    def type(self, name, text):
        field = self.find(By.NAME, name)
        field.clear()
        field.send_keys(text)

    def follow(self, text):
        # Not by the text that is seen: the admin's style makes capitals of it.
        self.find(By.XPATH, f'//a[contains(., "{text}")]').click()

    def press(self, text):
        self.find(By.CSS_SELECTOR, f'input[type=submit][value="{text}"]').click()

    def give_reason(self, value):
        Select(self.find(By.NAME, "reason")).select_by_value(value)
        self.type("note", NOTE)

    @property
    def text(self):
        return self.find(By.TAG_NAME, "body").text

    def says(self, text):
        def look(driver):
            return text in self.text

        return self.wait(look, text)

    def look_with(self, axe):
        """Return what axe complains of in the page, but for the admin's own search field."""
        self.driver.execute_script(axe)
        found = self.driver.execute_async_script(
            "document.querySelectorAll('details').forEach((each) => each.open = true);"
            "axe.run({include: [['#content']], exclude: [['#toolbar']]})"
            ".then((told) => arguments[0](told.violations))"
        )
        return [(item["id"], [node["html"] for node in item["nodes"]]) for item in found]

    def picture(self, name):
        if not PICTURES:
            return
        for scheme in ("light", "dark"):
            media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
            self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
            # Colours change gradually.
            time.sleep(0.5)
            self.driver.save_screenshot(str(Path(PICTURES, f"{name}-{scheme}.png")))


@pytest.fixture(scope="session")
def project(django_db_setup, live_server):
    """The test project, once it knows its test database, in a thread of this process."""
    return live_server


@pytest.fixture
def operator(db):
    """``operator("view_loginsession", ...)``: may see and do this and nothing else."""

    def make(*codenames):
        user = get_user_model().objects.create_user("olga", is_staff=True)
        permissions = apps.get_model("auth.Permission").objects.filter(codename__in=codenames)
        user.user_permissions.set(permissions)
        return user.username

    return make


@pytest.fixture
def desk(chromium, project, operator):
    return Desk(chromium, project, operator(*DESK, "end_all_sessions"))


IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1"
)
LAPTOP = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:153.0) Gecko/20100101 Firefox/153.0"


def sign_in(user, hours_ago=0, agent=IPHONE, address="192.0.2.17"):
    request = RequestFactory(HTTP_USER_AGENT=agent, REMOTE_ADDR=address).post("/")
    pair = sessions.start(user, request)
    moment = timezone.now() - timedelta(hours=hours_ago)
    LoginSession.objects.filter(pk=pair.session_id).update(created_at=moment)
    return pair


def record_month(user):
    """Sign-ins of the last month: many by day, few by night, and most of them ended since."""
    now = timezone.now()
    rows = []
    for hours in range(1, 30 * 24):
        began = now - timedelta(hours=hours)
        rare = 3 if began.weekday() < 5 else 9
        for number in range(1 + (began.hour - 6) % 24 // 4 * (hours % 5) // rare):
            row = LoginSession(user=user, subject=str(user.pk), created_at=began)
            row.refreshed_at, row.expires_at = began, began + timedelta(days=30)
            ends = began + timedelta(hours=hours % 11)
            if ends < now and (number % 3 or hours % 7 == 0):
                row.ended_at = ends
                row.end_reason = "stolen" if hours % 40 == 0 else "signed_out"
            rows.append(row)
    LoginSession.objects.bulk_create(rows)


def test_a_stolen_token_is_reported(desk, user, other_user):
    """Paste the line of the report, see whose it is, end that sign-in; the others go on."""
    stolen, kept = sign_in(user, 3), sign_in(user, 1, LAPTOP)
    other = sign_in(other_user, 2, LAPTOP, "2001:db8::42")
    desk.open(LIST)
    desk.picture("list")
    desk.follow("Find a token")
    desk.picture("find")
    desk.type("text", f"seen on a paste site: {stolen.access} (in full)")
    desk.press("Find")
    desk.says("Valid: it is accepted.")
    desk.says("anna")
    assert stolen.access not in desk.driver.page_source
    desk.picture("found")
    desk.follow("End this sign-in")
    desk.give_reason("stolen")
    desk.picture("end-one")
    desk.press("End sign-ins")
    desk.says("1 sign-in ended.")

    assert not is_accepted(desk.site, stolen)
    assert is_accepted(desk.site, kept)
    assert is_accepted(desk.site, other)
    row = LoginSession.objects.get(pk=stolen.session_id)
    assert (row.end_reason, row.ended_via, row.ended_by_name) == ("stolen", "admin", "olga")
    desk.open(reverse("admin:django_jwtauth_loginsession_change", args=[row.pk]))
    # A theme may show it behind a tab.
    assert NOTE in desk.driver.page_source
    desk.picture("sign-in")
    desk.open(reverse("admin:django_jwtauth_loginsession_find"))
    desk.type("text", stolen.refresh)
    desk.press("Find")
    desk.says("Its sign-in has ended or is unknown: it is refused.")
    desk.says("olga, Admin: Token or device stolen. Ticket 4711")


def test_one_user_is_compromised(desk, user, other_user):
    """From the user's page, all of that user's sign-ins; the others go on."""
    pairs = [sign_in(user, hours, LAPTOP if hours % 2 else IPHONE) for hours in range(3)]
    other = sign_in(other_user)
    desk.open(reverse("admin:auth_user_change", args=[user.pk]))
    desk.picture("user")
    desk.follow("End all sign-ins")
    desk.says("Sign-ins that will end: 3")
    desk.says("Whoever knows the password can sign in again.")
    desk.give_reason("compromised")
    desk.picture("end-user")
    desk.press("End sign-ins")
    desk.says("3 sign-ins ended.")
    desk.picture("list-of-user")

    assert not any(is_accepted(desk.site, pair) for pair in pairs)
    assert is_accepted(desk.site, other)


def test_everything_before_a_time(desk, user, other_user):
    """Count first, type a word, and what began before is over, refreshed since or not."""
    older = [sign_in(user, 3), sign_in(other_user, 2, LAPTOP)]
    refreshed = sessions.refresh(older[0].refresh)
    newer = sign_in(other_user, 0, LAPTOP)
    local = timezone.localtime(timezone.now() - timedelta(hours=1))
    desk.open(LIST)
    desk.follow("End all before a time")
    desk.says("Time zone: America/Chicago")
    desk.type("before_0", f"{local:%Y-%m-%d}")
    desk.type("before_1", f"{local:%H:%M}")
    desk.give_reason("stolen")
    desk.picture("before")
    desk.press("Count")
    desk.says("Sign-ins that will end: 2")
    assert all(is_accepted(desk.site, pair) for pair in (refreshed, older[1], newer))
    desk.type("confirm", "yes")
    desk.press("End sign-ins")
    desk.says("The word doesn't match.")
    desk.type("confirm", "everybody")
    desk.picture("before-confirm")
    desk.press("End sign-ins")
    desk.says("2 sign-ins ended.")
    desk.picture("ended")

    assert not any(is_accepted(desk.site, pair) for pair in (refreshed, older[1]))
    assert is_accepted(desk.site, newer)


def test_an_incident_is_followed_to_its_end(desk, user, other_user):
    """From what happened to the page that ticks it off, the reason chosen on the way."""
    stolen, kept = sign_in(user, 3), sign_in(user, 1, LAPTOP)
    other = sign_in(other_user)
    desk.open(LIST).follow("What happened?")
    desk.picture("incidents")
    desk.follow("A device was stolen or lost")
    desk.type("who", user.email)
    desk.press("Look up")
    desk.says("2 sign-ins of anna are live.")
    desk.picture("incident")
    # The newest is first.
    links = desk.driver.find_elements(By.LINK_TEXT, "End this sign-in")
    links[1].click()
    assert desk.find(By.NAME, "reason").get_attribute("value") == "stolen"
    desk.type("note", NOTE)
    desk.press("End sign-ins")
    desk.says("1 sign-in of anna is live.")
    desk.says("Done")

    assert not is_accepted(desk.site, stolen)
    assert is_accepted(desk.site, kept)
    assert is_accepted(desk.site, other)


def test_the_other_pages(desk, user):
    """The keys, the activity and the blacklist open by their buttons."""
    pair = sign_in(user)
    sessions.blacklist(pair.access, reason="stolen", via="admin", note=NOTE)
    record_month(user)
    desk.open(LIST).follow("Activity")
    desk.says("Sign-ins started")
    desk.picture("activity")
    desk.open(LIST).follow("Keys")
    desk.says("Signing")
    desk.picture("keys")
    desk.open(reverse("admin:django_jwtauth_blacklistedtoken_changelist"))
    desk.says("Token or device stolen")
    desk.picture("blacklist")
    desk.open(reverse("admin:django_jwtauth_blacklistedtoken_add"))
    desk.picture("blacklist-token")


def test_an_api_token_is_made_for_a_user(chromium, project, operator, user):
    """From the user's page to a call with what one click selects; gone when the page is left."""
    desk = Desk(chromium, project, operator(*DESK, "create_api_token"))
    desk.open(reverse("admin:auth_user_change", args=[user.pk])).follow("Create an API token")
    desk.says("Whoever has the token acts as this user")
    desk.type("name", "deploy")
    desk.type("days", "90")
    desk.picture("create-token")
    desk.press("Create an API token")
    # The note is required: nothing is made yet.
    desk.find(By.CSS_SELECTOR, ".errorlist")
    desk.type("note", NOTE)
    desk.press("Create an API token")
    desk.says("Copy the token now: it is not shown again.")
    desk.find(By.CSS_SELECTOR, ".jwtauth-token").click()
    raw = desk.driver.execute_script("return getSelection().toString()").strip()
    desk.picture("created-token")
    assert copied(desk) == raw
    desk.driver.set_window_size(500, 900)
    wide = desk.driver.execute_script(
        "const token = document.querySelector('.jwtauth-token');"
        "return Math.max(token.scrollWidth - token.clientWidth,"
        " token.getBoundingClientRect().right - innerWidth)"
    )
    desk.picture("created-token-phone")
    desk.driver.set_window_size(1280, 900)

    assert wide <= 0
    assert call(desk.site, reverse("protected"), raw) == (200, {"user": "anna"})
    desk.follow("Back")
    desk.says("deploy")
    assert raw not in desk.driver.page_source
    desk.follow("End this sign-in")
    desk.give_reason("other")
    desk.press("End sign-ins")
    desk.says("1 sign-in ended.")
    assert call(desk.site, reverse("protected"), raw)[0] == 401


def copied(desk):
    """Press the button, and paste what it copied somewhere else."""
    grant = {"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]}
    desk.driver.execute_cdp_cmd("Browser.grantPermissions", grant)
    desk.find(By.CSS_SELECTOR, "[data-copies]").click()
    desk.says("Copied.")
    return desk.driver.execute_async_script("navigator.clipboard.readText().then(arguments[0])")


plain_only = pytest.mark.skipif(THEME != "plain", reason="a theme has ways of its own")


@plain_only
def test_without_javascript(desk, user):
    """All of it is links and forms."""
    pair = sign_in(user, 2)
    local = timezone.localtime(timezone.now() - timedelta(hours=1))
    desk.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        desk.open(LIST).follow("End all before a time")
        desk.type("before_0", f"{local:%Y-%m-%d}")
        desk.type("before_1", f"{local:%H:%M}")
        desk.give_reason("stolen")
        desk.press("Count")
        desk.type("confirm", "everybody")
        desk.press("End sign-ins")
        desk.says("1 sign-in ended.")
    finally:
        desk.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})

    assert not is_accepted(desk.site, pair)


@plain_only
def test_without_javascript_no_button_says_that_it_copies(chromium, project, operator, user):
    """The token is there to be selected."""
    desk = Desk(chromium, project, operator(*DESK, "create_api_token"))
    desk.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        desk.open(f"{CREATE}?user={user.pk}")
        desk.type("name", "deploy")
        desk.type("note", NOTE)
        desk.press("Create an API token")
        desk.find(By.CSS_SELECTOR, ".jwtauth-token")
        (button,) = desk.driver.find_elements(By.CSS_SELECTOR, "[data-copies]")
        assert not button.is_displayed()
    finally:
        desk.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


@plain_only
def test_with_the_keyboard(desk, user):
    """Paste, Enter is not needed to be clicked, Tab leads to the button and to the next field."""
    pair = sign_in(user)
    desk.open(reverse("admin:django_jwtauth_loginsession_find"))
    # The field has the focus when the page opens.
    keys(desk, pair.access, Keys.TAB, Keys.ENTER)
    desk.says("Valid: it is accepted.")
    button = desk.find(By.LINK_TEXT, "End this sign-in")
    tab_to(desk, button)
    keys(desk, Keys.ENTER)
    desk.says("Sign-ins that will end: 1")
    tab_to(desk, desk.find(By.NAME, "reason"))
    keys(desk, "Token or", Keys.TAB, NOTE, Keys.TAB, Keys.ENTER)
    desk.says("1 sign-in ended.")

    assert not is_accepted(desk.site, pair)


def keys(desk, *pressed):
    for key in pressed:
        desk.driver.switch_to.active_element.send_keys(key)


def tab_to(desk, element):
    """Press Tab until the element has the focus."""
    for _ in range(60):
        if desk.driver.switch_to.active_element == element:
            return
        keys(desk, Keys.TAB)
    raise AssertionError("The focus never came there.")


FULL = "2001:db8:85a3:8d3:1319:8a2e:370:7348"


@pytest.fixture
def many_kinds(user, other_user):
    """Rows as long as they come; the sign-in that an operator has ended."""
    model = get_user_model()
    long = model.objects.create_user("maximiliane.von-der-hohenstauffen@subsidiary.example.com")
    for owner in (long, model.objects.create_user("محمد_عبدالرحمن")):
        sign_in(owner, 2)
        sign_in(owner, 1, LAPTOP, FULL)
        sign_in(owner, 1, f"Odd/1.0 {'x' * 200}", FULL)
        new = api_tokens.create(owner, "deploy-to-production-from-github-actions " * 2)
        scopes = " ".join(f"reports:read{number}" for number in range(12))
        columns = {"last_used_at": timezone.now(), "last_used_ip": FULL, "scope": scopes}
        LoginSession.objects.filter(pk=new.session.pk).update(**columns)
        one_time.create(owner, "x" * 64)
        acting_row = sign_in(owner, 1, LAPTOP, FULL)
        LoginSession.objects.filter(pk=acting_row.session_id).update(kind=Kind.ACTING)
    sessions.start(user)
    ended = sign_in(user, 2, IPHONE, FULL)
    LoginSession.objects.filter(pk=ended.session_id).update(name="Telefon von Anna " * 5)
    LoginSession.objects.filter(user=user).end(
        reason="credentials_changed", via="admin", by=long, note=NOTE
    )
    sessions.blacklist(sign_in(user).access, reason="stolen", via="admin", by=long)
    other_user.delete()
    return ended


KINDS = [f"{LIST}?kind={kind}" for kind in Kind]
LISTS = [LIST, *KINDS, reverse("admin:django_jwtauth_blacklistedtoken_changelist")]
# The greatest height of a row in pixels, and by how many the list is too wide.
MEASURE_LIST = """
    const list = document.querySelector("#result_list");
    const box = list.parentElement;
    const rows = [...list.querySelectorAll("tbody tr")];
    return [
        Math.max(...rows.map((row) => row.getBoundingClientRect().height)),
        Math.max(list.offsetWidth - box.clientWidth, box.scrollWidth - box.clientWidth),
    ];
"""


@pytest.mark.parametrize("width", [1280, 1440, 1920])
def test_the_lists_can_be_read(desk, many_kinds, width):
    """No row is higher than 60 pixels, and no column is cut off."""
    desk.driver.set_window_size(width, 900)
    try:
        for url in LISTS:
            desk.open(url)
            height, too_wide = desk.driver.execute_script(MEASURE_LIST)
            assert height <= 60, url
            assert too_wide <= 0, url
        desk.picture(f"kinds-{width}")
    finally:
        desk.driver.set_window_size(1280, 900)


def test_on_a_phone_no_page_scrolls_sideways(desk, many_kinds):
    """A row of a list is a card there."""
    screen = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
    desk.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    live = LoginSession.objects.live().values_list("pk", flat=True)
    end = "&".join(f"sid={pk.hex}" for pk in live)
    pages = [
        *LISTS,
        reverse("admin:django_jwtauth_loginsession_keys"),
        reverse("admin:django_jwtauth_loginsession_end") + f"?{end}",
        reverse("admin:django_jwtauth_loginsession_find"),
    ]
    wide = "return [document.documentElement.scrollWidth, innerWidth]"
    try:
        for url in pages:
            desk.open(url)
            assert desk.driver.execute_script(wide) == [390, 390], url
            if url in LISTS:
                _height, too_wide = desk.driver.execute_script(MEASURE_LIST)
                assert too_wide <= 0, url
        desk.open(LIST).picture("list-phone")
        desk.open(pages[-1]).type("text", many_kinds.access)
        desk.press("Find")
        desk.says("Its sign-in has ended or is unknown: it is refused.")
        assert desk.driver.execute_script(wide) == [390, 390]
        desk.picture("found-phone")
    finally:
        desk.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@pytest.fixture(params=[(390, "light"), (390, "dark"), (1280, "light"), (1280, "dark")], ids=str)
def screen(request, chromium):
    """A phone and a desk, light and dark; the width."""
    width, scheme = request.param
    feature = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", feature)
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    chromium.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    yield width
    chromium.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


@plain_only
def test_the_lists_are_accessible(desk, many_kinds, node_modules, screen):
    """axe finds nothing to complain of, contrast included."""
    axe = (node_modules / "axe-core" / "axe.min.js").read_text()
    live = LoginSession.objects.live().values_list("pk", flat=True)
    end = "&".join(f"sid={pk.hex}" for pk in live)
    pages = [
        *LISTS,
        reverse("admin:django_jwtauth_loginsession_keys"),
        reverse("admin:django_jwtauth_loginsession_end") + f"?{end}",
        reverse("admin:django_jwtauth_loginsession_find"),
    ]
    for url in pages:
        assert desk.open(url).look_with(axe) == [], url


@plain_only
def test_the_other_pages_are_accessible(
    chromium, project, operator, many_kinds, node_modules, screen
):
    """axe finds nothing in incidents, records and forms, and none is wider than its screen."""
    axe = (node_modules / "axe-core" / "axe.min.js").read_text()
    rights = ("end_all_sessions", "create_api_token", "impersonate_user")
    desk = Desk(chromium, project, operator(*DESK, *rights))
    ended = LoginSession.objects.get(pk=many_kinds.session_id)
    long = get_user_model().objects.get(username__startswith="maximiliane")
    acted = LoginSession.objects.filter(kind=Kind.ACTING).first()
    pages = [
        INCIDENTS_URL,
        *(f"{INCIDENTS_URL}?what={what}" for what in INCIDENTS),
        *(f"{INCIDENTS_URL}?what={what}&user={long.pk}" for what in INCIDENTS),
        f"{INCIDENTS_URL}?what=address&address=192.0.2.17",
        f"{ACT}?user={long.pk}",
        f"{CREATE}?user={long.pk}",
        reverse("admin:django_jwtauth_loginsession_activity"),
        reverse("admin:django_jwtauth_loginsession_end_user") + f"?user={long.pk}",
        *(
            reverse("admin:django_jwtauth_loginsession_change", args=[row.pk])
            for row in (ended, acted)
        ),
    ]
    wide = "return document.documentElement.scrollWidth"
    for url in pages:
        assert desk.open(url).look_with(axe) == [], url
        assert desk.driver.execute_script(wide) <= screen, url
