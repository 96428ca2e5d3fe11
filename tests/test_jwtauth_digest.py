"""``jwtauth_digest``: how a name appears in the log of refused sign-ins."""

from tests.calls import run_command


def test_it_finds_the_lines_of_an_account(api, user, caplog):
    """What it prints is what the line has, however the name was spelled."""
    caplog.set_level("INFO", "django_jwtauth.sign_ins")
    api.obtain("Anna", "wrong")
    api.obtain("bert", "wrong")
    digest = run_command("jwtauth_digest", "anna").strip()

    lines = [one.getMessage() for one in caplog.records if one.name == "django_jwtauth.sign_ins"]
    assert [digest in line for line in lines] == [True, False]


def test_it_prints_a_line_for_each_key(db, settings):
    """As ``grep -F`` takes them."""
    settings.SECRET_KEY_FALLBACKS = ["a former secret of more than thirty-two bytes"]

    assert len(set(run_command("jwtauth_digest", "anna").splitlines())) == 2
