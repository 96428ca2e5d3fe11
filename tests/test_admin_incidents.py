"""The pages that lead through an incident: reached, filled in, left and come back to."""

import re
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.admin import AdminSite
from django.contrib.auth import get_user_model
from django.contrib.auth.backends import ModelBackend
from django.urls import reverse
from django.utils import timezone

from django_jwtauth import sessions
from django_jwtauth.admin import LoginSessionAdmin
from django_jwtauth.admin.incidents import INCIDENTS, Case
from django_jwtauth.models import LoginSession
from tests.conftest import DESK
from tests.desk import END_BEFORE, END_USER, FIND, LIST, WHY, before, text_of
from tests.desk import INCIDENTS as PAGE
from tests.pages import DOCS, headings, read_section
from tests.rows import fill

pytestmark = pytest.mark.django_db

OF_A_USER = [code for code, incident in INCIDENTS.items() if "who" in incident.asks]


def steps_of(answer):
    """The steps of the page by their titles."""
    return {step.title: step for step in answer.context["plan"].steps}


def buttons_of(answer):
    return {button.label: button for step in steps_of(answer).values() for button in step.buttons}


# --- reached


def test_every_list_leads_to_the_incidents(desk, user, pair):
    """From the list of one user, that user is chosen already."""
    assert f'href="{PAGE}"' in desk.get(LIST).content.decode()
    assert f'href="{PAGE}?user={user.pk}"' in desk.get(f"{LIST}?user={user.pk}").content.decode()

    page = desk.get(reverse("admin:auth_user_change", args=[user.pk]))
    assert f'href="{PAGE}?user={user.pk}"' in page.content.decode()
    choices = desk.get(PAGE, {"user": user.pk}).content.decode()
    assert re.findall(r"what=(\w+)&amp;user=", choices) == list(INCIDENTS)


def test_what_has_not_happened_yet_is_chosen_from_the_list(desk):
    """A mistyped link shows the choices."""
    assert desk.get(PAGE, {"what": "x"}).context["title"] == "What happened?"


@pytest.mark.parametrize("what", INCIDENTS)
def test_the_guide_has_the_same_steps(desk, user, what):
    """The page of the documentation names each incident and its steps, in this order."""
    answer = desk.get(PAGE, {"what": what, "user": user.pk})
    section = "\n".join(read_section(DOCS / "operators.md", str(INCIDENTS[what].title)))

    told = re.findall(r"^\d\. \*\*(.+?)\.?\*\*", section, re.M)
    assert told == list(steps_of(answer))


def test_the_guide_has_the_same_incidents():
    """In the same order, so that who knows one finds their way in the other."""
    titles = [str(incident.title) for incident in INCIDENTS.values()]

    assert [title for title in headings(DOCS / "operators.md", 2) if title in titles] == titles


@pytest.mark.parametrize("what", INCIDENTS)
def test_a_page_opens_whatever_its_query_string_says(desk, user, pair, what):
    """Nothing that is typed there is a 500, and nothing is changed by it."""
    rows = list(LoginSession.objects.values())
    for query in (
        {},
        {"user": user.pk},
        {"user": "\x00"},
        {"who": "a\x00b"},
        {"who": "x" * 300},
        {"sid": "x", "kid": "\x00", "address": "999", "since_0": "x", "since_1": "y"},
        {"since_0": "0001-01-01", "since_1": "00:00"},
        {"since_0": "9999-12-31", "since_1": "23:59"},
        {"incident": "what=device", "reason": "x"},
    ):
        assert desk.get(PAGE, {"what": what, **query}).status_code == 200, query

    assert list(LoginSession.objects.values()) == rows


@pytest.mark.parametrize("name", ["who", "kid", "user", "incident"])
def test_a_token_does_not_stay_in_the_url(desk, pair, name):
    """It would end up in the links of the page, and in the log of the server."""
    answer = desk.get(PAGE, {"what": "token", name: pair.access})

    assert answer.status_code == 302
    assert pair.access not in answer.url
    assert "Paste it into “Find a token”." in text_of(desk.get(answer.url))


# --- whose


@pytest.mark.parametrize("text", ["anna", "ANNA@example.org", "{pk}"])
@pytest.mark.parametrize("what", OF_A_USER)
def test_a_user_is_found_by_what_is_known(desk, user, what, text):
    """The page goes on with the user in its URL, which can be passed on."""
    answer = desk.get(PAGE, {"what": what, "who": text.format(pk=user.pk)})

    assert parse_qs(urlsplit(answer.url).query) == {"what": [what], "user": [str(user.pk)]}


def test_several_users_with_one_address_are_offered(desk, user, other_user):
    """The operator chooses; the page does not guess."""
    get_user_model().objects.exclude(username="olga").update(email="team@example.org")
    answer = desk.get(PAGE, {"what": "device", "who": "team@example.org"})

    assert [button.label for button in answer.context["people"]] == ["anna", "bert"]
    assert "Several users have this address: anna bert" in text_of(answer)


@pytest.mark.parametrize("query", [{"who": "nobody"}, {"user": 4711}])
def test_nobody_is_not_everybody(desk, user, pair, query):
    """A mistyped name finds no user, and no button is about one."""
    answer = desk.get(PAGE, {"what": "taken_over", **query})

    assert "No user was found." in text_of(answer)
    assert list(buttons_of(answer)) == ["An address is suspicious"]


# --- who may do it


@pytest.mark.parametrize("what", INCIDENTS)
def test_no_button_leads_to_a_403(staff, user, pair, what):
    """Whatever the operator may do, every link on the page opens."""
    for number, codenames in enumerate([["view_loginsession"], DESK, [*DESK, "end_all_sessions"]]):
        browser = staff(*codenames, name=f"otto{number}")
        query = {"what": what, "user": user.pk, "sid": pair.session_id.hex}
        page = browser.get(PAGE, query)
        urls = [button.url for button in buttons_of(page).values() if button.url]
        urls += [row.button.url for step in steps_of(page).values() for row in step.rows]

        assert {browser.get(url).status_code for url in urls if url} <= {200}


def test_whoever_may_not_is_told_whom_to_ask(staff, user, pair):
    """By name, of those who work in the admin."""
    get_user_model().objects.create_user("zoe", is_superuser=True)
    staff(*DESK, name="carla")
    page = staff("view_loginsession").get(PAGE, {"what": "left", "user": user.pk})

    assert "End all sign-ins of anna: You may not do this. Ask carla." in text_of(page)
    assert buttons_of(page)["End all sign-ins of anna"].url == ""
    assert "Open the page of anna: You may not do this. Ask somebody with the permission " in (
        text_of(page)
    )
    assert "auth.change_user" in text_of(page)


def test_whoever_may_change_the_user_gets_the_link(staff, user, pair):
    """To the page where the password is changed."""
    page = staff("view_loginsession", "change_user").get(PAGE, {"what": "left", "user": user.pk})

    url = buttons_of(page)["Open the page of anna"].url
    assert url == reverse("admin:auth_user_change", args=[user.pk])


class Rude(ModelBackend):
    def with_perm(self, *args, **kwargs):
        raise RuntimeError


class Mute:
    def authenticate(self, request, **credentials):
        return None


@pytest.mark.parametrize("backend", [Rude, Mute])
def test_back_ends_that_cannot_say_who_may(staff, user, pair, settings, backend):
    """The permission is named instead."""
    page = staff("view_loginsession")
    settings.AUTHENTICATION_BACKENDS = [
        *settings.AUTHENTICATION_BACKENDS,
        f"{__name__}.{backend.__name__}",
    ]
    answer = page.get(PAGE, {"what": "left", "user": user.pk})

    assert "permission django_jwtauth.end_sessions" in text_of(answer)


def test_an_admin_without_users_has_no_link_to_one(rf, admin_user, user):
    """Its operators are told so."""
    site = AdminSite()
    site.register(LoginSession, LoginSessionAdmin)
    request = rf.get("/", {"user": user.pk})
    request.user = admin_user
    case = Case(request, site.get_model_admin(LoginSession), {})

    assert case.user_page().url == ""
    assert "This admin has no users" in case.user_page().ask


# --- to other pages and back


def test_a_button_chooses_the_reason_and_leads_back(desk, user, pair):
    """Two pages and a note: the incident shows that it is over."""
    url = f"{PAGE}?what=taken_over&user={user.pk}"
    page = desk.get(url)
    end = buttons_of(page)["End all sign-ins of anna"].url
    form = desk.get(end)
    assert form.context["adminform"].form["reason"].value() == "compromised"
    assert form.context["list_url"] == url
    assert steps_of(page)["End all sign-ins of the user"].done is False

    answer = desk.post(end, {"reason": "compromised", "note": "x"}, follow=True)

    assert answer.redirect_chain == [(url, 302)]
    assert "1 sign-in ended." in text_of(answer)
    assert steps_of(answer)["End all sign-ins of the user"].done is True


def test_one_of_several_devices_is_ended_and_the_page_says_so(desk, user, pair):
    """The others stay, and the step is done."""
    sessions.start(user)
    url = f"{PAGE}?what=device&user={user.pk}"
    rows = steps_of(desk.get(url))["End the sign-in of the device"].rows
    form = desk.get(rows[1].button.url)
    assert form.context["adminform"].form["reason"].value() == "stolen"
    answer = desk.post(form.context["form_url"], {**WHY, "sid": pair.session_id.hex}, follow=True)
    step = steps_of(answer)["End the sign-in of the device"]

    assert answer.redirect_chain == [(url, 302)]
    assert step.done is True
    assert "olga, Token or device stolen. 1 sign-in of anna is live." in step.seen
    assert LoginSession.objects.live().count() == 1


def test_a_found_token_leads_back_to_the_incident(desk, user, pair):
    """From the incident to the token, its end and back: the page has the sign-in and its end."""
    find = desk.get(PAGE, {"what": "token"}).context["find_url"]
    assert find.startswith(FIND)
    (url, text), *_ = desk.post(find, {"text": pair.access}).context["stories"][0]["buttons"]
    assert text == "End this sign-in"
    form = desk.get(url)
    answer = desk.post(form.context["form_url"], {**WHY, "sid": pair.session_id.hex}, follow=True)

    assert answer.redirect_chain == [(f"{PAGE}?what=token&sid={pair.session_id.hex}", 302)]
    assert steps_of(answer)["End its sign-in"].done is True
    assert steps_of(answer)["End its sign-in"].buttons == []
    assert "Another token" in text_of(answer)


def test_a_time_is_taken_along(chief, settings):
    """What the operator typed once stands in the form of the page that ends sign-ins."""
    page = chief.get(PAGE, {"what": "secret_key", "since_0": "2026-11-30", "since_1": "14:00"})
    url = buttons_of(page)["End all before a time"].url
    form = chief.get(url).content.decode()

    assert 'value="2026-11-30"' in form
    assert 'value="14:00:00"' in form


@pytest.mark.parametrize("value", ["x", "2026-13-01", "0001-01-01T00:00:00+23:00", "2026-11-30"])
@pytest.mark.parametrize("use_tz", [True, False])
def test_a_time_that_is_none_is_not_chosen_for_anybody(chief, settings, value, use_tz):
    """A damaged link opens an empty form."""
    settings.USE_TZ = use_tz

    assert chief.get(END_BEFORE, {"before": value, "reason": "x"}).status_code == 200


def test_the_way_back_leads_nowhere_else(desk, user, pair):
    """Whatever the parameter says, it is the query string of our own page."""
    for there in ("//evil.example", "https://evil.example/", "what=device&x=//evil.example#a"):
        query = {"user": user.pk, "incident": there}
        answer = desk.post(END_USER, WHY, query_params=query)
        assert answer.url.startswith((f"{PAGE}?", f"{LIST}?"))
        assert urlsplit(answer.url).netloc == ""


def test_a_token_is_not_carried_along(desk, user, pair):
    """Nor does it come back from another page."""
    url = f"{END_USER}?user={user.pk}&incident=what%3Dtoken%26sid%3D{pair.access}"

    assert pair.access not in desk.get(url).context["list_url"]


def test_ending_before_a_time_leads_back(chief, user, pair):
    """Both steps of that page keep the incident in their URL."""
    url = buttons_of(chief.get(PAGE, {"what": "token"}))["End all before a time"].url
    form = before(timezone.now() + timedelta(seconds=-1), confirm="everybody")
    answer = chief.post(url, form)

    assert answer.url == f"{PAGE}?what=token"


# --- scale


@pytest.mark.parametrize("what", INCIDENTS)
def test_a_page_reads_a_bounded_number_of_rows(chief, user, django_assert_max_num_queries, what):
    """Few statements, each with a limit, however many sign-ins there are."""
    fill(user, 300, ip_address="192.0.2.1")
    query = {"what": what, "user": user.pk, "address": "192.0.2.1"}
    with django_assert_max_num_queries(12):
        page = chief.get(PAGE, query)

    assert all(len(step.rows) <= 20 for step in steps_of(page).values())
    assert what not in OF_A_USER or "200+" in text_of(page)


def test_the_pages_need_no_inline_script_or_style(chief, user, pair):
    """A strict Content-Security-Policy does not break them."""
    for what in INCIDENTS:
        page = chief.get(PAGE, {"what": what, "user": user.pk}).content.decode()
        assert not re.findall(r"<script(?![^>]*\bsrc=)[^>]*>|<style|\sstyle=|\son\w+=", page)


def test_the_operator_is_greeted_and_not_the_user(desk, user):
    """The admin's own context is not overwritten."""
    page = desk.get(PAGE, {"what": "device", "user": user.pk})

    assert page.context["user"].username == "olga"
