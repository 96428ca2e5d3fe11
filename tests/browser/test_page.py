"""The example's page "My devices", with auth.js and cookies, in Chromium."""

import http.server
import re

import pytest

from tests.browser.page import AUTH, Page
from tests.browser.site import serving
from tests.shell import ROOT

REFRESH = "POST /auth/token/refresh/"


@pytest.fixture
def page(chromium, site):
    return Page(chromium, site)


@pytest.fixture
def signed_in(page):
    """A browser in which bob has just signed in."""
    page.sign_in()
    page.site.requests.clear()
    return page


def generation(page):
    return page.site.last_sign_in("bob")[1]


def has_ended(page):
    return page.site.last_sign_in("bob")[2] == 1


# --- signing in


def test_signing_in(page):
    """The page greets the user, marks this device and shows the claims of the token."""
    page.sign_in()

    assert page.find(".account strong").text == "bob"
    assert page.find(".device .badge").text == "This device"
    claims = page.find(".claims").text
    assert page.site.last_sign_in("bob")[0] in claims
    assert re.search(r"token_type.*\naccess", claims)


def test_a_wrong_password(page):
    """The server's sentence is shown, and the form stays."""
    page.open()
    page.find("[name=username]").send_keys("bob")
    page.find("[name=password]").send_keys("wrong\n")

    assert page.find(".error", "No active account")
    page.find("[name=password]").send_keys("bob-demo\n")
    assert page.find(".device .badge")


EXPECTED = {
    "__Host-jwtauth_access": {"path": "/", "sameSite": "Lax", "secure": True},
    "__Secure-jwtauth_refresh": {"path": "/auth/token/", "sameSite": "Strict", "secure": True},
}


def ours(page):
    return {
        name: cookie
        for name, cookie in page.cookies().items()
        # The device cookie stays: it opens nothing, and says that the owner signed in here.
        if "jwtauth" in name and not name.endswith("jwtauth_device")
    }


def test_cookies_have_exactly_these_attributes(signed_in):
    """What the browser has kept: HttpOnly, Secure, host-only, each with its path and SameSite."""
    found = ours(signed_in)
    assert found.keys() == EXPECTED.keys()
    for name, cookie in found.items():
        assert {key: cookie[key] for key in EXPECTED[name]} == EXPECTED[name]
        assert cookie["httpOnly"] is True
        # With a Domain attribute it would start with a dot.
        assert cookie["domain"] == "localhost"
        assert cookie["session"] is False
        assert cookie["value"].count(".") == 2


def test_no_script_can_read_the_tokens(signed_in):
    """Neither cookies nor storage nor page show a token to a script."""
    seen = signed_in.run(
        """
        const cookies = await cookieStore.getAll();
        return [
            document.cookie, JSON.stringify(cookies.map(({ name, value }) => [name, value])),
            JSON.stringify(localStorage), JSON.stringify(sessionStorage),
            document.documentElement.outerHTML,
            (await (await fetch("/auth/me/")).text()),
        ].join();
        """
    )

    assert "csrftoken" in seen
    assert "jwtauth_" not in seen
    assert "eyJ" not in seen


def test_the_refresh_cookie_goes_to_its_own_paths_only(signed_in):
    """The browser keeps it from everything but refresh and sign-out."""
    found = signed_in.driver.execute_cdp_cmd(
        "Network.getCookies", {"urls": [f"{signed_in.site.url}/devices/"]}
    )["cookies"]
    assert {item["name"] for item in found} == {"csrftoken", "__Host-jwtauth_access"}
    for path in ("refresh/", "blacklist/"):
        found = signed_in.driver.execute_cdp_cmd(
            "Network.getCookies", {"urls": [f"{signed_in.site.url}/auth/token/{path}"]}
        )["cookies"]
        assert "__Secure-jwtauth_refresh" in {item["name"] for item in found}


# --- other sites


class Attacker(http.server.BaseHTTPRequestHandler):
    """A page with a form that sends itself to the address after the "?"."""

    def do_GET(self):
        self.server.seen.append(dict(self.headers))
        action = self.path.partition("?")[2]
        page = f"""<form method="post" action="{action}">
            <input name="username" value="bob"><input name="password" value="bob-demo">
            </form><script>document.forms[0].submit()</script>"""
        self.send_response(200)
        self.send_header("Access-Control-Allow-Origin", "*")
        self.send_header("Access-Control-Allow-Headers", "*")
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        if action:
            self.wfile.write(page.encode())

    do_POST = do_OPTIONS = do_GET

    def log_message(self, *args):
        """Keep the output of the tests clean."""


@pytest.fixture
def attacker():
    """The port of another site, and the headers that were sent there."""
    seen = []
    with serving(Attacker, seen=seen) as port:
        yield port, seen


# A neighbour's host gets our cookies, as those of a subdomain do: the CSRF check alone must do.
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"], ids=["another site", "a neighbour"])
@pytest.mark.parametrize("path", ["", "refresh/", "blacklist/", "link/"])
def test_a_form_on_another_page_is_refused(signed_in, attacker, host, path):
    """Sign-in, refresh and sign-out answer 403; nobody is signed in, out or refreshed."""
    port, _ = attacker
    before = signed_in.site.sign_ins("bob"), ours(signed_in)
    target = f"{signed_in.site.url}/auth/token/{path}"
    signed_in.driver.get(f"http://{host}:{port}/?{target}")

    assert "csrf_failed" in signed_in.find("pre").text
    assert signed_in.driver.current_url == target
    assert (signed_in.site.sign_ins("bob"), ours(signed_in)) == before
    assert (f"POST /auth/token/{path}", 403) in signed_in.site.requests


@pytest.mark.parametrize("cookies", ["true", "false"])
def test_nothing_is_sent_to_another_origin(page, attacker, cookies):
    """auth.fetch() adds tokens and CSRF token for the origin of its endpoints alone."""
    port, seen = attacker
    base = "/auth/" if cookies == "true" else "/api/"
    page.open()
    page.find("form")
    page.driver.execute_cdp_cmd("Page.setBypassCSP", {"enabled": True})
    page.open()
    status = page.run(
        AUTH
        + """
        const auth = createAuth({ base: arguments[1], cookies: arguments[0] === "true" });
        await auth.signIn({ username: "bob", password: "bob-demo" });
        const own = await auth.fetch(new URL("me/", new URL(arguments[1], location.href)));
        await auth.fetch(arguments[2], { method: "POST", body: "x" });
        return own.status;
        """.replace("arguments", "args"),
        cookies,
        base,
        f"http://127.0.0.1:{port}/",
    )
    page.driver.execute_cdp_cmd("Page.setBypassCSP", {"enabled": False})

    assert status == 200
    (headers,) = seen
    names = {name.lower() for name in headers}
    assert "host" in names
    assert not names & {"authorization", "x-csrftoken", "cookie"}


class Neighbour(http.server.BaseHTTPRequestHandler):
    """An empty page, and auth.js: a front end that its own server serves."""

    def do_GET(self):
        is_script = self.path.endswith(".js")
        self.send_response(200)
        self.send_header("Content-Type", "text/javascript" if is_script else "text/html")
        self.end_headers()
        if is_script:
            self.wfile.write((ROOT / "django_jwtauth" / self.path[1:]).read_bytes())

    def log_message(self, *args):
        """Keep the output of the tests clean."""


def test_a_front_end_on_another_origin(chromium, make_site):
    """Of the same site, trusted and allowed by CORS, it signs in, refreshes and signs out."""
    with serving(Neighbour) as port:
        site = make_site(f"http://localhost:{port}")
        page = Page(chromium, site)
        page.driver.get(f"http://localhost:{port}/")
        page.run(
            AUTH
            + """
            window.auth = createAuth({ base: args[0] });
            await auth.signIn({ username: "bob", password: "bob-demo" });
            """,
            f"{site.url}/auth/",
        )
        assert ours(page).keys() == EXPECTED.keys()
        page.expire()
        found = page.run("return (await auth.fetch(args[0])).json()", f"{site.url}/auth/me/")
        assert found["username"] == "bob"
        assert site.refreshes == 1
        page.run("await auth.signOut()")
        assert ours(page) == {}
        assert has_ended(page)


def test_a_front_end_on_another_site(chromium, make_site):
    """With SAMESITE "None", its cookies are its own: nobody is signed in at the site itself."""
    with serving(Neighbour) as port:
        # Another site than localhost, to browsers.
        origin = f"http://127.0.0.1:{port}"
        site = make_site(origin, COOKIES={"SAMESITE": "None"})
        page = Page(chromium, site)
        page.driver.get(f"{origin}/")
        page.run(
            AUTH
            + """
            window.auth = createAuth({ base: args[0] });
            const answer = await auth.signIn({ username: "bob", password: "bob-demo" });
            if (!answer.ok) throw new Error(await answer.text());
            """,
            f"{site.url}/auth/",
        )
        found = page.cookies()
        assert found.keys() >= {*EXPECTED, "csrftoken"}
        for cookie in found.values():
            assert (cookie["sameSite"], cookie["secure"]) == ("None", True)
            assert cookie["partitionKey"]["topLevelSite"] == "http://127.0.0.1"
        page.expire()
        found = page.run("return (await auth.fetch(args[0])).json()", f"{site.url}/auth/me/")
        assert found["username"] == "bob"
        assert site.refreshes == 1

        page.open()
        assert page.find("[name=username]")
        page.driver.get(f"{origin}/")
        page.run(
            AUTH + "await createAuth({ base: args[0] }).signOut();",
            f"{site.url}/auth/",
        )
        assert page.cookies().keys() <= {"csrftoken", "__Secure-jwtauth_device"}
        assert has_ended(page)


def test_two_projects_on_one_host(chromium, make_site):
    """On two ports, which cookies do not tell apart: each has names of its own."""
    shop, blog = (
        Page(chromium, make_site(COOKIES={"NAME": name}, ISSUER=name)) for name in ("shop", "blog")
    )
    shop.sign_in("bob")
    blog.sign_in("alice")

    names = {name for name in blog.cookies() if name.endswith(("_access", "_refresh"))}
    assert names == {
        *("__Host-shop_access", "__Secure-shop_refresh"),
        *("__Host-blog_access", "__Secure-blog_refresh"),
    }
    for page, name in ((shop, "bob"), (blog, "alice")):
        page.open()
        assert page.find(".account strong").text == name
        page.run(AUTH + 'await createAuth({ base: "/auth/" }).refresh();')
        page.open()
        assert page.find(".account strong").text == name

    blog.run(AUTH + 'await createAuth({ base: "/auth/" }).signOut();')
    shop.open()
    assert shop.find(".account strong").text == "bob"
    blog.open()
    assert blog.find("[name=username]")
    assert {name for name in shop.cookies() if "blog" in name} <= {"__Secure-blog_device"}
    assert not has_ended(shop)
    assert blog.site.last_sign_in("alice")[2] == 1


# --- access tokens expire


def test_the_page_carries_on_with_one_refresh(signed_in):
    """When the access token has expired, a click does what it says, after one refresh."""
    signed_in.expire()
    signed_in.rename("Desk")

    assert signed_in.says("Renamed.")
    assert signed_in.site.last_sign_in("bob")[3] == "Desk"
    assert signed_in.site.refreshes == 1
    assert generation(signed_in) == 1


def test_opening_the_page_after_the_access_token_expired(signed_in):
    """The server cannot tell who it is; the page refreshes and shows itself."""
    signed_in.expire()
    signed_in.open()

    assert signed_in.find(".device .badge")
    assert signed_in.site.refreshes == 1


def test_many_requests_at_once(signed_in):
    """Twenty that all get 401 share one refresh, and all succeed."""
    signed_in.expire()
    statuses = signed_in.run(
        AUTH
        + """
        const auth = createAuth({ base: "/auth/" });
        const calls = Array.from({ length: 20 }, () => auth.fetch("/auth/me/"));
        return (await Promise.all(calls)).map((response) => response.status);
        """
    )

    assert statuses == [200] * 20
    assert signed_in.site.refreshes == 1
    assert signed_in.site.requests.count(("GET /auth/me/", 401)) == 20


def test_a_straggler_does_not_refresh_again(signed_in):
    """A 401 to a request from before the refresh is answered by repeating the request alone."""
    signed_in.expire()
    signed_in.site.disturb("GET /auth/sessions/", 1.0)
    statuses = signed_in.run(
        AUTH
        + """
        const auth = createAuth({ base: "/auth/" });
        const late = auth.fetch("/auth/sessions/");
        const early = await auth.fetch("/auth/me/");
        return [early.status, (await late).status];
        """
    )

    assert statuses == [200, 200]
    assert signed_in.site.refreshes == 1


TWO_CALLS = (
    AUTH
    + """
    const auth = createAuth({ base: "/auth/" });
    const calls = ["/auth/me/", "/auth/sessions/"].map((path) => auth.fetch(path));
    return (await Promise.all(calls)).map((response) => response.status);
    """
)


def run_in_two_tabs(page, before=""):
    """Resume two tabs, whose access token has expired, at the same moment."""
    first = page.driver.current_window_handle
    second = page.new_tab()
    page.open()
    page.find(".device .badge")
    page.expire()
    page.site.requests.clear()
    page.site.disturb(REFRESH, 1.0, times=2)
    for tab in (first, second):
        page.driver.switch_to.window(tab)
        page.start(before + TWO_CALLS)
    for tab in (first, second):
        page.driver.switch_to.window(tab)
        assert page.result() == [200, 200]
    for tab in (first, second):
        page.driver.switch_to.window(tab)
        page.rename("Both carry on")
        assert page.says("Renamed.")


def test_two_tabs_expire_together(signed_in):
    """They take turns: one refresh, one generation step, and both carry on."""
    run_in_two_tabs(signed_in)

    assert signed_in.site.refreshes == 1
    assert generation(signed_in) == 1
    assert not has_ended(signed_in)


def test_two_tabs_without_locks(signed_in):
    """Over plain http there are none: both refresh, and the grace period makes one step of it."""
    run_in_two_tabs(signed_in, 'Object.defineProperty(navigator, "locks", { value: undefined });')

    assert signed_in.site.refreshes == 2
    assert generation(signed_in) == 1
    assert not has_ended(signed_in)


# --- the network fails


def test_a_refresh_whose_answer_is_lost_is_repeated(signed_in):
    """The server has moved on, the browser has not: the grace period lets it catch up."""
    signed_in.expire()
    signed_in.site.disturb(REFRESH, "lost")
    signed_in.rename("Tunnel")

    assert signed_in.says("Renamed.")
    assert signed_in.site.refreshes == 2
    assert generation(signed_in) == 1


def test_a_laptop_wakes_up(signed_in):
    """For a moment there is no network: the page tries again and carries on."""
    signed_in.expire()
    signed_in.site.disturb(REFRESH, "unreachable", times=2)
    signed_in.rename("Awake")

    assert signed_in.says("Renamed.")
    assert generation(signed_in) == 1


def test_the_server_stays_away(signed_in):
    """The page says so and signs nobody out; the next click may work."""
    signed_in.expire()
    signed_in.site.disturb(REFRESH, "unreachable", times=3)
    signed_in.rename("Away")
    assert signed_in.says("The server cannot be reached. Try again.")

    signed_in.find(".device [data-action=rename] button").click()
    assert signed_in.says("Renamed.")
    assert not has_ended(signed_in)


def test_leaving_the_page_keeps_what_the_refresh_brings(signed_in):
    """The cookies of an answer that comes after the page was left are kept all the same."""
    signed_in.expire()
    before = ours(signed_in)["__Secure-jwtauth_refresh"]["value"]
    signed_in.site.disturb(REFRESH, 0.5)
    signed_in.start(AUTH + 'await createAuth({ base: "/auth/" }).refresh();')
    signed_in.wait(lambda driver: signed_in.site.refreshes)
    signed_in.driver.get("about:blank")

    signed_in.wait(lambda driver: len(ours(signed_in)) == 2)
    assert ours(signed_in)["__Secure-jwtauth_refresh"]["value"] != before


# --- the end of a sign-in


def test_another_browser_ends_this_one(signed_in, other_chromium):
    """The next click here leads to the sign-in form, which says why."""
    other = Page(other_chromium, signed_in.site).sign_in()
    mine = signed_in.site.sign_ins("bob")[-2][0]
    other.click("end", f"[data-sid='{mine}']")
    assert other.says("That device is signed out.")
    assert not other.all(f"[data-sid='{mine}']")

    signed_in.rename("Too late")
    assert signed_in.find(".notice").text == "This device was signed out from elsewhere."
    assert ours(signed_in) == {}
    signed_in.find("[name=username]")


def test_signing_out_all_others(signed_in, other_chromium):
    """Asked first; then every other sign-in of the user ends, and this one does not."""
    other = Page(other_chromium, signed_in.site).sign_in()
    signed_in.open()
    (button,) = signed_in.all("[data-action=end-others]")
    assert not button.is_displayed()
    signed_in.click("ask-others")
    signed_in.click("keep-others")
    assert not button.is_displayed()
    signed_in.click("ask-others")
    signed_in.click("end-others")
    assert signed_in.says("All other devices are signed out.")
    assert len(signed_in.all(".device")) == 1
    assert not signed_in.all("[data-action=ask-others]")

    other.click("ask-others")
    other.click("end-others")
    assert other.find(".notice", "signed out from elsewhere")


def test_signing_out(signed_in):
    """The sign-in has ended, the cookies are gone, and another tab shows the form at once."""
    first = signed_in.driver.current_window_handle
    signed_in.new_tab()
    signed_in.open()
    signed_in.click("sign-out")

    assert signed_in.find(".notice", "You have signed out.")
    assert ours(signed_in) == {}
    assert has_ended(signed_in)
    signed_in.driver.switch_to.window(first)
    assert signed_in.find(".notice", "You have signed out.")


def test_signing_out_during_a_refresh(signed_in):
    """It waits for its turn: cookies that come late do not come after the sign-out."""
    signed_in.site.disturb(REFRESH, 1.0)
    signed_in.start(AUTH + 'return createAuth({ base: "/auth/" }).refresh();')
    signed_in.wait(lambda driver: signed_in.site.refreshes)
    signed_in.run(AUTH + 'await createAuth({ base: "/auth/" }).signOut();')

    assert signed_in.result() is True
    assert ours(signed_in) == {}
    assert has_ended(signed_in)


def test_another_tab_has_signed_in_meanwhile(signed_in):
    """Signing in changes the CSRF token; the tab that has the old one gets the new one."""
    call = "return (await auth.fetch('/auth/sessions/', { method: 'DELETE' })).status"
    assert signed_in.run(AUTH + f'window.auth = createAuth({{ base: "/auth/" }}); {call}') == 204
    first = signed_in.driver.current_window_handle
    signed_in.new_tab()
    signed_in.open()
    signed_in.run(
        AUTH
        + 'await createAuth({ base: "/auth/" }).signIn({ username: "bob", password: "bob-demo" });'
    )
    signed_in.driver.switch_to.window(first)

    assert signed_in.run(call) == 204
    assert ("DELETE /auth/sessions/", 403) in signed_in.site.requests


# --- what the documentation shows


def test_examples_of_the_page_about_browsers(page, node_modules):
    """The scripts of docs/browsers.md run as they stand, from signing in to a call with axios."""
    text = (ROOT / "docs" / "browsers.md").read_text()
    listings = re.findall(r"^```js\n(.*?)^```$", text, re.M | re.S)
    # The page shows "Remember me" before the listing that makes `auth`.
    listings.sort(key=lambda listing: "createAuth(" not in listing)
    form = 'const username = "alice", password = "wonderland-42", checkbox = { checked: true };\n'
    script = form + "\n".join(listings)
    # What a module imports, a function does so too.
    script, imports = re.subn(
        r"^import (?:(\w+)|(\{.*\})) from \"(.*)\";$",
        lambda m: f'const {m[2] or f"{{ default: {m[1]} }}"} = await import("{m[3]}");',
        script.replace('"axios"', '"/static/axios.js"'),
        flags=re.M,
    )
    assert imports == 2
    for documented, real in (("alice", "bob"), ("wonderland-42", "bob-demo")):
        assert documented in script
        script = script.replace(documented, real)
    page.open()
    page.find("[name=username]")

    found = page.run(
        f"{script}const ended = await endOthers(() => password);"
        "return [answer.status, me.status, ended.status, data.length]"
    )
    assert found[:3] == [200, 200, 204]
    assert found[3] >= 1


# --- the browser is closed


@pytest.mark.parametrize("remember", [True, False])
def test_a_browser_that_is_closed_forgets_who_is_not_remembered(
    make_chromium, production, tmp_path, remember
):
    """Restart Chromium with the same profile: only "Remember me" outlives that."""
    page = Page(make_chromium(tmp_path), production)
    page.sign_in(remember=remember)
    lasting = {name: not cookie["session"] for name, cookie in ours(page).items()}
    assert lasting == dict.fromkeys(EXPECTED, remember)
    assert page.run(AUTH + 'return await createAuth({ base: "/auth/" }).refresh()') is True
    assert {cookie["session"] for cookie in ours(page).values()} == {not remember}
    page.driver.quit()

    again = make_chromium(tmp_path)
    again.get(f"{production.url}/devices/")
    page.driver = again
    if remember:
        assert page.find(".account strong").text == "bob"
    else:
        assert page.find("[name=username]")
        assert ours(page) == {}
    again.quit()


# --- in development


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_development_over_plain_http(chromium, development, host):
    """Cookies without prefix and Secure; the browser drops the access cookie when it expires."""
    page = Page(chromium, development)
    page.site.requests.clear()
    page.driver.get("about:blank")
    page.site.url = page.site.url.replace("localhost", host)
    page.sign_in()
    found = ours(page)
    assert found.keys() == {"jwtauth_access", "jwtauth_refresh"}
    assert not any(cookie["secure"] for cookie in found.values())
    assert all(cookie["httpOnly"] for cookie in found.values())

    page.wait(lambda driver: "jwtauth_access" not in page.cookies())
    page.rename("Laptop")
    assert page.says("Renamed.")
    assert page.site.refreshes >= 1
    assert generation(page) == page.site.refreshes
    page.site.url = page.site.url.replace(host, "localhost")


# --- for everybody


def test_the_page_keeps_to_its_policy(signed_in):
    """No inline script or style is allowed, none is used, and nothing else fails either."""
    signed_in.rename("Quiet")
    assert signed_in.says("Renamed.")
    policy = signed_in.run(
        "return (await fetch(location.href)).headers.get('Content-Security-Policy')"
    )

    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    logged = [entry["message"] for entry in signed_in.driver.get_log("browser")]
    assert [message for message in logged if "401" not in message] == []


def test_by_keyboard_alone(page):
    """Signing in, renaming and giving up renaming need no mouse, and focus is never lost."""
    page.open()
    page.find("[name=username]")
    focused = page.driver.switch_to.active_element
    focused.send_keys("bob\tbob-demo\n")
    page.find(".device .badge")
    page.find(".device [data-action=edit]").send_keys("\n")
    assert page.driver.switch_to.active_element.get_attribute("name") == "name"
    page.find(".device [data-action=cancel]").send_keys("\n")
    assert page.driver.switch_to.active_element.get_attribute("data-action") == "edit"
    page.driver.switch_to.active_element.send_keys("\n")
    page.driver.switch_to.active_element.send_keys("Keys\n")
    assert page.says("Renamed.")
    assert page.driver.switch_to.active_element.tag_name == "h1"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("which", ["sign_in", "devices", "renaming"])
def test_accessibility(page, node_modules, which, width, scheme):
    """axe finds nothing to complain of, contrast included."""
    feature = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", feature)
    size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500}
    page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    if which == "sign_in":
        page.open()
        page.find("[name=username]")
    else:
        page.sign_in()
    if which == "renaming":
        page.click("edit")
    page.driver.execute_script((node_modules / "axe-core" / "axe.min.js").read_text())
    found = page.run("return (await axe.run()).violations")
    page.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})

    assert [(item["id"], [node["html"] for node in item["nodes"]]) for item in found] == []


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_nothing_is_cut_off(signed_in, width):
    """No sideways scrolling, from the narrowest phone on."""
    size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500}
    signed_in.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    signed_in.click("edit")
    found = signed_in.run(
        "const e = document.documentElement; return [e.scrollWidth, e.clientWidth]"
    )
    signed_in.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})

    assert found[0] == found[1]
