"""auth.js with the real axios: in Node with a header, in Chromium with cookies."""

import json
import subprocess

import pytest

from tests.browser.conftest import HERE
from tests.browser.page import AUTH, Page
from tests.browser.site import DEADLINE
from tests.shell import environment

REFRESH = "POST /api/token/refresh/"


@pytest.fixture
def run(node_modules):
    def run(site, scenario):
        done = subprocess.run(
            ["node", "axios.mjs", site.url, scenario],
            cwd=HERE,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=DEADLINE,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


def refreshes(site):
    return site.requests.count((REFRESH, 200))


def generation(site):
    return site.last_sign_in("alice")[1]


def test_parallel_requests(site, run):
    """Ten that are refused at once share one refresh, and all of them succeed."""
    assert run(site, "parallel") == [200] * 10
    assert site.requests.count(("GET /api/me/", 401)) == 10
    assert refreshes(site) == generation(site) == 1


def test_staggered_requests(site, run):
    """So do those that come one after the other, before, during and after the refresh."""
    site.disturb(REFRESH, 0.15)

    assert run(site, "staggered") == [200] * 6
    assert refreshes(site) == generation(site) == 1


def test_two_tabs(site, run):
    """Without locks both refresh, and make one generation step."""
    site.disturb(REFRESH, 0.5, times=2)

    assert run(site, "tabs") == [200, 200]
    assert refreshes(site) == 2
    assert generation(site) == 1


def test_a_lost_answer(site, run):
    """The refresh is repeated, and the requests succeed."""
    site.disturb(REFRESH, "lost")

    assert run(site, "parallel") == [200] * 10
    assert refreshes(site) == 2
    assert generation(site) == 1


def test_a_server_that_cannot_be_reached(site, run):
    """Ten requests fail together, after three attempts and not thirty; nobody is signed out."""
    site.disturb(REFRESH, "unreachable", times=99)

    assert run(site, "parallel") == [None] * 10
    assert site.faults[0][2] == 96
    assert not site.last_sign_in("alice")[2]


def test_a_server_that_is_not_available(site, run):
    """A 503 says nothing about the sign-in: the refresh is repeated."""
    site.disturb(REFRESH, 503)

    assert run(site, "single") == [200]
    assert refreshes(site) == 1


def test_a_server_that_does_not_want_to(site, run):
    """What will not change by waiting, like a 403, is not repeated; nobody is signed out."""
    site.disturb(REFRESH, 403, times=99)

    assert run(site, "single") == [None]
    assert site.faults[0][2] == 98


def test_a_server_that_hangs(site, run):
    """A refresh does not wait for ever, as all tabs would wait with it: it is repeated."""
    site.disturb(REFRESH, 2.0)

    assert run(site, "hanging") == [200]
    # One was held longer than its client waits. Had it been cut off on its way here, it would
    # not have been carried out; so what counts is that the other one made no second step.
    assert site.faults[0][2] == 0
    assert generation(site) == 1


def test_a_body_is_sent_again(site, run):
    """A request with a body is repeated whole."""
    assert run(site, "body") == [200, "axios"]
    assert site.last_sign_in("alice")[3] == "axios"
    assert refreshes(site) == 1


def test_tokens_that_have_expired_are_not_sent(development, run):
    """What is known to have expired is refreshed first: no request is refused."""
    development.requests.clear()

    assert run(development, "expired") == [200, 200]
    assert ("GET /api/me/", 401) not in development.requests
    assert refreshes(development) == 1


def test_after_signing_out(site, run):
    """Requests are refused, nothing is refreshed, no token is kept, and it is told once."""
    assert run(site, "ended") == [[401, 401], ["signed_out"], 0]
    assert refreshes(site) == 0


def test_with_cookies_in_a_browser(chromium, site, node_modules):
    """Parallel requests, one of them unsafe, after the access cookie expired."""
    page = Page(chromium, site).sign_in("alice")
    page.expire()
    site.requests.clear()
    found = page.run(
        AUTH
        + """
        const { default: axios } = await import("/static/axios.js");
        const auth = createAuth({ base: "/auth/" });
        const env = { fetch: auth.fetch };
        const api = axios.create({ baseURL: "/auth/", adapter: "fetch", env });
        const sid = document.querySelector(".device:has(.badge)").dataset.sid;
        const calls = Array.from({ length: 9 }, () => api.get("me/"));
        calls.push(api.patch(`sessions/${sid}/`, { name: "axios" }));
        return (await Promise.all(calls)).map((answer) => answer.status);
        """
    )

    assert found == [200] * 10
    assert site.refreshes == 1
    assert site.last_sign_in("alice")[1:] == (1, 0, "axios")


def test_types(node_modules, tmp_path):
    """The JSDoc types of auth.js are complete, and the pages and this folder agree with them."""
    root = HERE.parent.parent
    scripts = [
        *root.glob("django_jwtauth/static/*/*.js"),
        *root.glob("example_project/*/static/*/*.js"),
    ]
    copies = {f"{script.parent.name}/{script.name}": script for script in scripts}
    assert len(copies) == 6
    for name, original in copies.items():
        copy = tmp_path / name
        copy.parent.mkdir(exist_ok=True)
        copy.write_text(original.read_text())
    options = "--noEmit --allowJs --checkJs --strict --target esnext --module esnext"
    libraries = ["--lib", "esnext,dom,dom.iterable"]
    command = [node_modules / ".bin" / "tsc", *options.split(), *libraries, *copies]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)

    assert done.returncode == 0, done.stdout
