"""What people do on the page "My devices"."""

import json

from tests.browser.site import DEADLINE

AUTH = 'const { createAuth } = await import("/static/django_jwtauth/auth.js");'


class Page:
    """A browser at the page of ``site``: nobody is signed in and nothing is remembered."""

    def __init__(self, driver, site):
        self.driver, self.site = driver, site
        first, *others = driver.window_handles
        for handle in others:
            driver.switch_to.window(handle)
            driver.close()
        driver.switch_to.window(first)
        driver.get("about:blank")
        driver.execute_cdp_cmd("Network.clearBrowserCookies", {})
        clear = {"origin": site.url, "storageTypes": "local_storage"}
        driver.execute_cdp_cmd("Storage.clearDataForOrigin", clear)
        driver.get_log("browser")

    # --- looking

    def open(self):
        self.driver.get(f"{self.site.url}/devices/")
        return self

    def all(self, selector):
        return self.driver.find_elements("css selector", selector)

    def find(self, selector, text=""):
        """Return the element, once it is to be seen."""

        def look(driver):
            return [
                item for item in self.all(selector) if item.is_displayed() and text in item.text
            ]

        return self.wait(look, f"{selector} {text}")[0]

    def wait(self, condition, message=""):
        # Here, as test_axios.py needs it for one test only.
        from selenium.common import StaleElementReferenceException
        from selenium.webdriver.support.ui import WebDriverWait

        ignored = [StaleElementReferenceException]
        return WebDriverWait(self.driver, DEADLINE, 0.05, ignored).until(condition, message)

    def says(self, message):
        return self.find(".toast", message)

    def cookies(self):
        """Return the cookies of our hosts by name, as the DevTools protocol tells them."""
        found = self.driver.execute_cdp_cmd("Network.getAllCookies", {})["cookies"]
        return {cookie["name"]: cookie for cookie in found}

    # --- doing

    def sign_in(self, username="bob", *, remember=True):
        self.open()
        self.find("[name=username]").send_keys(username)
        if remember:
            self.find("[name=remember]").click()
        self.find("[name=password]").send_keys(f"{username}-demo\n")
        self.find(".device .badge")
        return self

    def click(self, action, within=""):
        self.find(f"{within} [data-action={action}]".strip()).click()

    def rename(self, name):
        """Name this device."""
        self.click("edit")
        field = self.find("[name=name]")
        field.clear()
        field.send_keys(f"{name}\n")

    def expire(self):
        """Do what the browser does when the access token expires: drop its cookie."""
        ((name, cookie),) = [item for item in self.cookies().items() if "access" in item[0]]
        options = {"name": name, "url": self.site.url}
        if "partitionKey" in cookie:
            options["partitionKey"] = cookie["partitionKey"]
        self.driver.execute_cdp_cmd("Network.deleteCookies", options)

    def new_tab(self):
        self.driver.switch_to.new_window("tab")
        return self.driver.current_window_handle

    def run(self, script, *arguments):
        """Return what the body of an async function returns, run in the page."""
        wrapped = """
            const done = arguments[arguments.length - 1];
            (async (...args) => { %s })(...arguments)
                .then((value) => done({ value }), (error) => done({ error: String(error) }));
        """
        answer = self.driver.execute_async_script(wrapped % script, *arguments)
        assert "error" not in answer, answer["error"]
        return answer.get("value")

    def start(self, script):
        """Run the body of an async function and do not wait; its value is ``result()``."""
        self.driver.execute_script(
            f"window.result = undefined; (async () => {{ {script} }})()"
            ".then((value) => { window.result = JSON.stringify([value]); },"
            " (error) => { window.result = JSON.stringify(String(error)); });"
        )

    def result(self):
        found = json.loads(self.wait(lambda driver: driver.execute_script("return window.result")))
        assert isinstance(found, list), found
        return found[0]
