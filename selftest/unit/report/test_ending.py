"""The verdict is the last line; nothing moves in a log."""

import pytest

from postmigration.model.verdict import Verdict
from postmigration.report.ending import conclude, waiting


def test_the_verdict_comes_last(capsys: pytest.CaptureFixture[str]) -> None:
    verdict = Verdict("NO-GO", "1 of 2 checks failed :smile: [red]", 1)
    conclude(verdict, ["::error::x"], ["what is wrong:", "1. [b] is gone."])
    assert capsys.readouterr().out.splitlines() == [
        "::error::x",
        "what is wrong:",
        "1. [b] is gone.",
        "NO-GO: 1 of 2 checks failed :smile: [red]",
    ]


def test_a_long_line_stays_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    conclude(Verdict("GO", "x" * 900, 0), ())
    assert capsys.readouterr().out == f"GO: {'x' * 900}\n"


@pytest.mark.parametrize(
    ("terminal", "quiet", "told"), [(True, False, True), (True, True, False), (False, False, False)]
)
def test_who_waits_at_a_terminal_is_told_for_what(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, terminal: bool, quiet: bool, told: bool
) -> None:
    monkeypatch.setenv("FORCE_COLOR" if terminal else "NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    with waiting("restoring", quiet=quiet):
        pass
    assert ("restoring …" in capsys.readouterr().err) is told
