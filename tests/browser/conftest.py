"""A real browser; what is not installed is skipped, unless JWTAUTH_BROWSER is "required".

`.ci/install-browser` installs what pip does not.
"""

import os
import shutil
from pathlib import Path

import pytest

from tests.browser.site import DEADLINE, Site

HERE = Path(__file__).parent
FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)


def need(installed, name):
    if installed:
        return
    if os.environ.get("JWTAUTH_BROWSER") == "required":
        pytest.fail(f"{name} is not installed: run .ci/install-browser")
    pytest.skip(f"{name} is not installed, see .ci/install-browser")


@pytest.fixture(scope="session")
def node_modules():
    """The folder of what npm installed."""
    need(shutil.which("node"), "node")
    for name in ("axe-core", "axios", "typescript"):
        need((HERE / "node_modules" / name).is_dir(), name)
    return HERE / "node_modules"


@pytest.fixture(scope="session")
def make_site(tmp_path_factory):
    """``make_site(*origins, **jwtauth)``: the example with these settings, until all tests end."""
    opened = []

    def make(*origins, **jwtauth):
        context = Site(tmp_path_factory.mktemp("site"), *origins, **jwtauth).running()
        opened.append(context)
        return context.__enter__()

    yield make
    for context in opened:
        context.__exit__(None, None, None)


@pytest.fixture(scope="session")
def production(make_site):
    """With the cookies of production, which Chromium takes from http://localhost, too."""
    return make_site()


@pytest.fixture(scope="session")
def development(make_site):
    """As `make example` has it, but access tokens live two seconds."""
    return make_site(COOKIES={"SECURE": False}, ACCESS_TOKEN_LIFETIME=2)


@pytest.fixture
def site(production):
    production.requests.clear()
    production.faults.clear()
    return production


@pytest.fixture(scope="session")
def make_chromium(tmp_path_factory):
    """``make_chromium()``: a browser that was never used before, or one with this ``profile``."""
    need(shutil.which("chromium") and shutil.which("chromedriver"), "chromium or chromedriver")
    try:
        from selenium import webdriver
    except ImportError:
        need(False, "selenium")
    drivers = []

    def make(profile=None):
        profile = profile or tmp_path_factory.mktemp("profile")
        options = webdriver.ChromeOptions()
        options.binary_location = shutil.which("chromium")
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        for flag in (*FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        service = webdriver.ChromeService(shutil.which("chromedriver"))
        driver = webdriver.Chrome(options=options, service=service)
        driver.set_script_timeout(DEADLINE)
        drivers.append(driver)
        return driver

    yield make
    for driver in drivers:
        driver.quit()


@pytest.fixture(scope="session")
def chromium(make_chromium):
    return make_chromium()


@pytest.fixture(scope="session")
def other_chromium(make_chromium):
    return make_chromium()
