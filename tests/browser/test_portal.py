"""The example's API tokens and mailed links, in Chromium and with curl."""

import re
import subprocess
import urllib.request

import pytest

from tests.browser.page import Page
from tests.browser.site import DEADLINE
from tests.shell import needs_curl

CREATE = "POST /auth/api-tokens/"


class Portal(Page):
    """The page "API tokens", and those of a mailed link."""

    def open(self, path="/tokens/"):
        self.driver.get(f"{self.site.url}{path}")
        return self

    def sign_in(self, username="bob"):
        self.open()
        self.find("[name=username]").send_keys(username)
        self.find("[name=password]").send_keys(f"{username}-demo\n")
        self.find("#create")
        return self

    def fill_in(self, name, *scopes):
        self.find("#name").send_keys(name)
        for scope in scopes:
            self.find(f"[value='{scope}']").click()
        self.find("#create .primary").click()

    def make(self, name, *scopes):
        """Make a token, and return what is shown once."""
        self.fill_in(name, *scopes)
        raw = self.wait(lambda driver: self.find("#raw").get_property("value"))
        self.says("The token has been created.")
        return raw

    def token(self, name):
        return self.find(".tokens li", name)

    def curl(self, path, raw, *options):
        """Return the status that a script gets."""
        command = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", *options]
        command += ["-H", f"Authorization: Bearer {raw}", f"{self.site.url}{path}"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE)
        return int(done.stdout)

    # --- mailed links

    def ask(self, email):
        """Ask for a link, and return what the page says."""
        self.open("/link/")
        self.find("[name=email]").send_keys(f"{email}\n")
        self.find("h1", "Check your mail")
        return self.find("main").text

    @property
    def log(self):
        return (self.site.folder / "log.txt").read_text()

    def links(self, email):
        return re.findall(rf"^To: {email}$.*?(http\S+#\S+)$", self.log, re.M | re.S)

    def ask_for_link(self, email):
        """Return the link that the terminal shows."""
        known = len(self.links(email))
        self.ask(email)
        return self.wait(lambda driver: self.links(email)[known:])[0]

    def follow(self, link):
        # A new fragment alone would not load the page anew.
        self.driver.get("about:blank")
        self.driver.get(link)

    def one_time_tokens(self):
        """Return, for each, whether it was used; oldest first."""
        query = """
            SELECT ended_at IS NOT NULL FROM django_jwtauth_loginsession
            WHERE kind = 'one_time' ORDER BY id
        """
        return [bool(used) for (used,) in self.site.query(query)]


@pytest.fixture
def page(chromium, site):
    return Portal(chromium, site)


@pytest.fixture
def signed_in(page):
    """A browser in which bob, who has no API token, has just signed in."""
    page.site.forget_api_tokens()
    page.sign_in()
    page.site.requests.clear()
    return page


# --- API tokens


def allow(page, *permissions):
    """Grant the page these permissions of the browser, and no others."""
    grant = {"origin": page.site.url, "permissions": permissions}
    page.driver.execute_cdp_cmd("Browser.grantPermissions", grant)


@needs_curl
def test_the_life_of_a_token(signed_in):
    """Made, copied, used by curl within its scope, seen to be used, revoked, refused."""
    allow(signed_in, "clipboardReadWrite", "clipboardSanitizedWrite")
    raw = signed_in.make("Deploy", "reports:read")
    assert "Never used" in signed_in.token("Deploy").text
    assert "reports:read" in signed_in.token("Deploy").text
    signed_in.click("copy")
    signed_in.says("Copied.")
    assert signed_in.run("return navigator.clipboard.readText()") == raw

    assert signed_in.curl("/api/reports/", raw) == 200
    assert signed_in.curl("/api/reports/", raw, "-X", "POST") == 403
    assert signed_in.curl("/api/api-tokens/", raw) == 403

    signed_in.open()
    used = signed_in.token("Deploy").text
    assert re.search(r"Last used (just now|\d+.minutes? ago) from 127\.0\.0\.1", used)
    # Neither in the page nor in what a form remembers.
    assert raw not in signed_in.driver.page_source
    assert signed_in.run("return document.querySelector('#raw').value") == ""

    signed_in.click("ask", ".tokens li")
    assert signed_in.curl("/api/reports/", raw) == 200
    signed_in.click("revoke", ".tokens li")
    signed_in.says("The token is revoked.")
    assert signed_in.find(".none")
    assert signed_in.curl("/api/reports/", raw) == 401


def test_where_the_browser_copies_nothing(signed_in):
    """The text is selected, and the page says which keys copy it."""
    allow(signed_in)
    raw = signed_in.make("Deploy", "reports:read")
    signed_in.click("copy")

    signed_in.says("Press Ctrl+C")
    assert signed_in.run("return getSelection().toString()") == raw


def test_changing_ones_mind(signed_in):
    """Keeping a token leaves it alone, and the focus is where it was."""
    signed_in.make("Kept", "reports:read")
    signed_in.click("done")
    assert not [each for each in signed_in.all(".fresh") if each.is_displayed()]
    signed_in.click("ask", ".tokens li")
    signed_in.click("keep", ".tokens li")
    focused = signed_in.driver.switch_to.active_element
    assert focused.get_attribute("data-action") == "ask"
    signed_in.open()
    assert signed_in.token("Kept")


def test_without_a_scope_nothing_is_made(signed_in):
    """Nothing ticked means nothing, and not everything."""
    signed_in.fill_in("Everything")

    signed_in.find("#create .error", "Choose what it may do.")
    assert not [each for each in signed_in.site.requests if each[0] == CREATE]


def test_revoking_what_is_on_the_screen(signed_in):
    """The text of a token that is revoked is taken away as well."""
    signed_in.make("Brief", "reports:write")
    signed_in.click("ask", ".tokens li")
    signed_in.click("revoke", ".tokens li")
    signed_in.find(".none")

    assert signed_in.run("return document.querySelector('#raw').value") == ""
    assert not [each for each in signed_in.all(".fresh") if each.is_displayed()]


def test_when_the_access_token_has_expired(signed_in):
    """The token is made after one refresh."""
    signed_in.expire()
    raw = signed_in.make("Late", "reports:read")

    assert raw
    assert (CREATE, 401) in signed_in.site.requests


def test_an_old_sign_in_must_be_renewed(chromium, make_site):
    """The password is asked for, a wrong one refused, and then the token is made as filled in."""
    site = make_site(HOOKS={"SIGN_IN": "tests.browser.hooks.signed_in_long_ago"})
    page = Portal(chromium, site).sign_in("alice")
    page.fill_in("Patience", "reports:read", "reports:write")
    page.find("dialog h2", "Enter your password")
    page.find("dialog [name=password]").send_keys("wrong\n")
    page.find("dialog .error", "That is not your password.")
    page.find("dialog [name=password]").send_keys("alice-demo\n")

    assert page.wait(lambda driver: page.find("#raw").get_property("value"))
    assert "reports:read\nreports:write" in page.token("Patience").text
    assert page.run("return document.querySelector('dialog [name=password]').value") == ""
    assert (CREATE, 403) in site.requests
    assert site.requests.count((CREATE, 201)) == 1
    # The sign-in that was too old is no longer another device.
    assert [bool(ended) for _, _, ended, name in site.sign_ins("alice") if not name] == [
        True,
        False,
    ]


def test_giving_up_the_password(chromium, make_site):
    """Escape closes the question, forgets what was typed and makes nothing."""
    site = make_site(HOOKS={"SIGN_IN": "tests.browser.hooks.signed_in_long_ago"})
    page = Portal(chromium, site).sign_in("alice")
    page.fill_in("Impatience", "reports:read")
    page.find("dialog [name=password]").send_keys("alice\ue00c")
    page.wait(lambda driver: not page.all("dialog[open]"))

    # The dialog tells that it was closed a moment after it is.
    typed = "return document.querySelector('dialog [name=password]').value"
    page.wait(lambda driver: page.run(typed) == "")
    assert page.find(".none")


# --- mailed links


def test_a_link_signs_in_once(page):
    """Looked at by scanners it stays good, the button uses it up, and then it is refused kindly."""
    link = page.ask_for_link("alice@example.com")
    address = link.partition("#")[0]
    for method in ("HEAD", "GET", "GET"):
        request = urllib.request.Request(address, method=method)
        with urllib.request.urlopen(request, timeout=DEADLINE) as answer:
            assert answer.status == 200
    page.follow(link)
    page.find("button", "Sign me in")
    assert page.one_time_tokens()[-1] is False

    page.follow(link)
    page.find("button", "Sign me in").click()
    page.find(".device .badge")
    assert page.find(".account strong").text == "alice"
    assert page.one_time_tokens()[-1] is True

    page.follow(link)
    page.find("button", "Sign me in").click()
    page.find(".error", "This link has already been used.")
    assert page.find("a", "Request a new link")


def test_the_token_of_a_link_stays_in_the_browser(page):
    """No request line has it, the address bar loses it, and the page asks nobody by itself."""
    link = page.ask_for_link("alice@example.com")
    raw = link.partition("#")[2]
    page.site.requests.clear()
    page.follow(link)
    page.find("button", "Sign me in")

    assert page.driver.current_url == f"{page.site.url}/link/enter/"
    assert raw not in page.driver.page_source
    requests = [request for request, _ in page.site.requests]
    assert "GET /link/enter/" in requests
    assert not [each for each in requests if each.startswith("POST") or raw[:20] in each]


def test_nobody_learns_who_has_an_account(page):
    """An address that nobody has gets the same words, and no mail."""
    unknown = page.ask("nobody@example.com")
    known = page.ask("alice@example.com")
    assert unknown.replace("nobody", "alice") == known

    # Mails are sent in the order asked for: the first would be there by now.
    page.ask_for_link("bob@example.com")
    assert page.links("alice@example.com")
    assert "To: nobody" not in page.log


@pytest.mark.parametrize("token", ["", "#", "#cut.off"])
def test_a_link_that_was_cut_off(page, token):
    """It says so, and leads to a new one."""
    page.follow(f"{page.site.url}/link/enter/{token}")
    if token == "#cut.off":
        page.find("button", "Sign me in").click()
    page.find(".error", "It may have been cut off")
    page.find("a", "Request a new link").click()
    assert page.find("[name=email]")


def test_a_link_takes_the_place_of_a_sign_in(page):
    """The page says who is signed in; going on ends that and takes over the cookies."""
    link = page.ask_for_link("alice@example.com")
    page.sign_in("bob")
    page.follow(link)
    page.find(".notice", "This browser is signed in as bob.")
    page.find("button", "Sign me in").click()
    page.find(".device .badge")

    assert page.find(".account strong").text == "alice"
    assert page.site.last_sign_in("bob")[2] == 1
    assert page.cookies()["__Secure-jwtauth_refresh"]["path"] == "/auth/token/"
    # Refresh and sign-out work as after a password.
    page.expire()
    page.open("/devices/")
    page.find(".device .badge")
    page.click("sign-out")
    page.find("[name=username]")
    assert [name for name in page.cookies() if "jwtauth" in name] == ["__Secure-jwtauth_device"]


# --- for everybody


def show(page, which):
    page.site.forget_api_tokens()
    if which in ("tokens", "new", "sure", "dialog"):
        page.sign_in()
    if which in ("new", "sure"):
        page.make("Deploy everything to everywhere", "reports:read", "reports:write")
    if which == "sure":
        page.click("ask", ".tokens li")
    if which == "dialog":
        page.run("document.querySelector('dialog').showModal()")
    if which == "ask":
        page.open("/link/").find("[name=email]")
    if which == "sent":
        page.ask("a-rather-long-name-for-an-address@department.of.nothing.example.com")
    if which == "enter":
        page.follow(f"{page.site.url}/link/enter/#cut.off")
        page.find("button", "Sign me in")
    if which == "refused":
        page.follow(f"{page.site.url}/link/enter/")
        page.find(".error", "cut off")


PAGES = ["tokens", "new", "sure", "dialog", "ask", "sent", "enter", "refused"]


@pytest.mark.parametrize("which", PAGES)
def test_for_everybody(page, node_modules, which):
    """axe complains of nothing, nothing is cut off, and nothing breaks the policy."""
    show(page, which)
    source = (node_modules / "axe-core" / "axe.min.js").read_text()
    try:
        for scheme in ("light", "dark"):
            feature = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
            page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", feature)
            page.driver.execute_script(source)
            found = page.run("return (await axe.run()).violations")
            assert [(item["id"], [n["html"] for n in item["nodes"]]) for item in found] == []
        for width in (320, 390, 1280):
            size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500}
            page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
            wide, shown = page.run(
                "const e = document.documentElement; return [e.scrollWidth, e.clientWidth]"
            )
            assert wide == shown, width
    finally:
        page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
        page.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    policy = page.run("return (await fetch(location.href)).headers.get('Content-Security-Policy')")
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    logged = [entry["message"] for entry in page.driver.get_log("browser")]
    assert [message for message in logged if "401" not in message] == []


def test_by_keyboard_alone(page):
    """A token is made and revoked without a mouse, and focus is never lost."""
    page.site.forget_api_tokens()
    page.sign_in()
    keys(page, "#name", "Typed", "\t", "\t", " ")
    page.driver.switch_to.active_element.send_keys("\n")
    page.wait(lambda driver: page.find("#raw").get_property("value"))
    page.says("The token has been created.")
    page.wait(lambda driver: focused(page).get_attribute("id") == "raw")
    focused(page).send_keys("\t")
    assert focused(page).get_attribute("data-action") == "copy"
    page.find(".tokens [data-action=ask]").send_keys("\n")
    assert focused(page).get_attribute("data-action") == "revoke"
    focused(page).send_keys("\n")
    page.find(".none")
    assert focused(page).tag_name == "h1"


def keys(page, selector, *pressed):
    page.find(selector).click()
    for key in pressed:
        focused(page).send_keys(key)


def focused(page):
    return page.driver.switch_to.active_element
