"""Each catalogue is complete and compiled, and the words of an answer follow ``Accept-Language``.

No GNU gettext is needed: catalogues are read here, and Python reads the compiled ones.
"""

import ast
import gettext
import re
from pathlib import Path

import pytest
from django.urls import reverse
from django.utils import translation
from django.utils.translation.template import templatize

import django_jwtauth

PACKAGE = Path(django_jwtauth.__file__).parent
LANGUAGES = {
    "de": "de",
    "es": "es",
    "fa": "fa",
    "fr": "fr",
    "pt-br": "pt_BR",
    "zh-hans": "zh_Hans",
}
# What the arguments of each are.
FUNCTIONS = {
    "_": ["msgid"],
    "gettext": ["msgid"],
    "ngettext": ["msgid", "msgid_plural"],
    "pgettext": ["msgctxt", "msgid"],
    "npgettext": ["msgctxt", "msgid", "msgid_plural"],
}
TEXT = r"""u?(?:'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")"""
CALL = re.compile(rf"\b(?:n?p?gettext|_)\((?:{TEXT}|[\w, ])+\)")
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%%|\{\w*\}")

ME = reverse("jwtauth_me")

each_language = pytest.mark.parametrize("language", LANGUAGES)


def path_to(language, suffix):
    return PACKAGE / "locale" / LANGUAGES[language] / "LC_MESSAGES" / f"django.{suffix}"


def entries(language):
    """Return the entries of a .po file, each as {"msgid": "...", "msgstr": "...", ...}."""
    found = []
    for block in path_to(language, "po").read_text(encoding="utf-8").split("\n\n"):
        fields = re.findall(r'^(msg\w+(?:\[\d\])?) ((?:".*"\n?)+)', block, re.MULTILINE)
        entry = {name: ast.literal_eval(f"({text})") for name, text in fields}
        found.append({**entry, "flags": "".join(re.findall("^#,.*", block, re.MULTILINE))})
    return found


def texts_in_code(source):
    """Yield what is given to gettext, as entries."""
    for call in ast.walk(ast.parse(source)):
        if not isinstance(call, ast.Call):
            continue
        names = FUNCTIONS.get(getattr(call.func, "id", "").removesuffix("_lazy"))
        if names:
            # Anything but a plain text cannot be looked up, nor be found by makemessages.
            yield {
                name: ast.literal_eval(text) for name, text in zip(names, call.args, strict=False)
            }


def texts_in_template(source):
    for call in CALL.findall(templatize(source)):
        yield from texts_in_code(call)


def key(entry):
    return tuple(entry.get(field) for field in ("msgctxt", "msgid", "msgid_plural"))


def translations(entry):
    return [text for name, text in entry.items() if name.startswith("msgstr")]


def test_no_catalogue_is_left_out():
    """What is tested here are all that there are."""
    assert {path.name for path in (PACKAGE / "locale").iterdir()} == set(LANGUAGES.values())


@pytest.fixture(scope="module")
def wanted():
    """All that the package wants translated."""
    found = set()
    readers = {"py": texts_in_code, "html": texts_in_template, "txt": texts_in_template}
    for suffix, texts in readers.items():
        for path in PACKAGE.rglob(f"*.{suffix}"):
            found.update(key(entry) for entry in texts(path.read_text(encoding="utf-8")))
    return found


@each_language
def test_a_catalogue_has_what_the_package_says_and_nothing_else(language, wanted):
    """Who adds or changes a sentence must bring the catalogues up to date: make messages."""
    assert {key(entry) for entry in entries(language) if entry["msgid"]} == wanted


@each_language
def test_every_entry_is_translated(language):
    """Nothing is empty, or a guess that msgmerge made from another entry."""
    for entry in entries(language):
        assert all(translations(entry)), entry
        assert "fuzzy" not in entry["flags"], entry
    assert "\n#~" not in path_to(language, "po").read_text(encoding="utf-8")


@each_language
def test_placeholders_are_those_of_the_original(language):
    """A name that is not given would end in a 500."""
    for entry in entries(language):
        for text in translations(entry) if entry["msgid"] else ():
            assert sorted(PLACEHOLDER.findall(text)) == sorted(
                PLACEHOLDER.findall(entry["msgid"])
            ), entry


@each_language
def test_a_plural_has_as_many_forms_as_its_language(language):
    """By the catalogue's own rule, which must answer for every number."""
    header, *others = entries(language)
    forms = int(re.search(r"nplurals=(\d)", header["msgstr"])[1])
    with path_to(language, "mo").open("rb") as file:
        rule = gettext.GNUTranslations(file).plural

    assert {rule(number) for number in (0, 1, 2, 5, 21, 1_000_000)} == set(range(forms))
    for entry in others:
        assert len(translations(entry)) == (forms if "msgid_plural" in entry else 1), entry


@each_language
def test_what_is_compiled_is_what_was_written(language):
    """Who edits a .po file must compile it: make messages."""
    expected = {}
    for entry in entries(language):
        name = "\x04".join(filter(None, (entry.get("msgctxt"), entry["msgid"])))
        texts = translations(entry)
        if "msgid_plural" in entry:
            expected.update({(name, form): text for form, text in enumerate(texts)})
        else:
            expected[name] = texts[0]
    with path_to(language, "mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)._catalog

    assert compiled == expected


@pytest.fixture
def asked(settings):
    """The project answers in the language that is asked for."""
    middleware = [*settings.MIDDLEWARE]
    after = middleware.index("django.contrib.sessions.middleware.SessionMiddleware") + 1
    middleware.insert(after, "django.middleware.locale.LocaleMiddleware")
    settings.MIDDLEWARE = middleware
    with translation.override("en"):
        yield


@each_language
def test_a_refusal_is_translated_but_not_its_codes(api, db, asked, language):
    """Programs read code and reason, people read detail."""
    headers = {"accept-language": language, "authorization": "Bearer no-token"}
    english = api.get(ME, headers={**headers, "accept-language": "en"}).json()
    answer = api.get(ME, headers=headers)
    body = answer.json()

    assert answer.status_code == 401
    assert answer["Content-Language"] == language
    assert body["detail"] != english["detail"]
    assert body["messages"][0]["message"] != english["messages"][0]["message"]
    assert (body["code"], body["reason"]) == ("token_not_valid", "malformed")


@each_language
@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("changelist", ["API sign-ins", "Live sign-ins", "ended via", "End selected sign-ins"]),
        ("find", ["Find a token or a sign-in", "Token, id or log line", ">Back<"]),
        ("end_before", ["Started before", "Time zone:", 'value="Count"']),
        ("keys", ["These are the keys of the process", "Signing", "Active from"]),
    ],
)
def test_the_desk_is_translated(staff, asked, language, page, words):
    """Titles, filters, actions and buttons, in our templates and in Django's."""
    operator = staff("view_loginsession", "end_sessions", "end_all_sessions")
    url = reverse(f"admin:django_jwtauth_loginsession_{page}")
    english, answer = (
        operator.get(url, headers={"accept-language": code}).content.decode()
        for code in ("en", language)
    )

    assert f'lang="{language}"' in answer
    assert ('dir="rtl"' in answer) == (language == "fa")
    assert [word for word in words if word not in english] == []
    assert [word for word in words if word in answer] == []


def test_a_region_without_a_catalogue_gets_its_language(api, db, asked):
    """Django asks for Austrian German, and finds German."""
    headers = {"accept-language": "de-at", "authorization": "Bearer"}

    assert "Leerzeichen" in api.get(ME, headers=headers).json()["detail"]
