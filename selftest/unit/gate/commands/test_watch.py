"""`postmigration watch` reads durations as people write them, and judges a server by its samples."""

from argparse import ArgumentTypeError
from pathlib import Path

import pytest

from postmigration.gate.commands import cli
from postmigration.gate.commands.watch import read_duration


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("1.5m", 90), ("48h", 172_800), ("7d", 604_800), ("1h30m", 5_400)]
)
def test_a_duration_has_units(text: str, seconds: float) -> None:
    assert read_duration(text) == seconds


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("90", "is no time"),
        ("h", "is no time"),
        ("1h x", "is no time"),
        ("0s", "want more than"),
        ("400d", "a year at"),
    ],
)
def test_what_is_no_duration_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ArgumentTypeError, match=reason):
        read_duration(text)


def test_a_server_is_looked_at_once(
    shop: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = ["watch", f"--db-url={shop}", "--once", "--series=w.jsonl", "--html=w.html"]
    # Two samples are too few for most metrics.
    assert [cli.main(arguments), cli.main(arguments)] == [4, 4]
    assert len(Path("w.jsonl").read_text().splitlines()) == 3
    assert "<html" in Path("w.html").read_text()
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("PARTIAL: ")
    assert ", 2 samples, " in last


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--record", "--before=w.jsonl"], "--record compares with nothing: leave out --before"),
        (["--interval=16h"], "--interval: want 15m or less: nothing is known"),
        (["--for=soon"], "argument --for: 'soon' is no time"),
        (["--cutover=noon"], "--cutover=noon is no timestamp"),
    ],
)
def test_a_wrong_call_is_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["watch", "--db-url=postgresql://nowhere.invalid/x", *arguments]) == 4
    assert capsys.readouterr().err.startswith(f"ERROR: {said}")
