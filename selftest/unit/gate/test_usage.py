"""A wrong call is answered by one line: the option that was meant, and no password."""

import pytest

from postmigration.gate.usage import explain

HELP = "options: --db-url URL, --baseline URL, --strict"


@pytest.mark.parametrize(
    ("message", "arguments", "said"),
    [
        (
            "unrecognized arguments: --dburl=postgresql://judge:geheim@h/x",
            ["--dburl=postgresql://judge:geheim@h/x"],
            "unrecognized arguments: --dburl (did you mean --db-url?)",
        ),
        (
            "pytest: error: unrecognized arguments: --strickt --zzz geheim",
            ["--strickt", "--zzz", "geheim"],
            "pytest: error: unrecognized arguments: --strickt (did you mean --strict?), --zzz",
        ),
        ("want\n  an int", [], "want an int"),
    ],
)
def test_the_option_that_was_meant_is_named(message: str, arguments: list[str], said: str) -> None:
    assert explain(message, arguments, HELP) == said


def test_no_password_is_repeated() -> None:
    url = "postgresql://judge:geheim@h/x"
    assert "geheim" not in explain(f"argument --jobs: invalid int value: '{url}'", [f"--jobs={url}"], HELP)
