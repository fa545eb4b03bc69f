"""The command line: one command, its exit status, and one line where it could not be judged."""

import json
from pathlib import Path

import pytest

from postmigration.gate.commands import cli
from selftest.unit.gate.conftest import SHOP, NewUrl


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("DB_URL", "BASELINE"):
        monkeypatch.delenv(f"POSTMIGRATION_{name}", raising=False)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["compare", "--dburl=postgresql://judge:geheim@h/x"],
            "unrecognized arguments: --dburl (did you mean --db-url",
        ),
        (["compare", "a", "b", "--jobs=0"], "--jobs=0: want 1 to 64"),
        (["compare", "a", "b", "--jobs=65"], "--jobs=65: want 1 to 64"),
        (["compare", "a"], "compare BEFORE AFTER takes two, and 1 is given"),
        (["compare", "gone.dump", "a", "--recheck=0"], "--recheck=0: want how many times"),
        (["compare", "--db-url=x"], "--baseline is missing: name what to compare with"),
        (["compere"], "argument COMMAND: invalid choice: 'compere'"),
        ([], "the following arguments are required: COMMAND"),
    ],
    ids=str,
)
def test_a_wrong_call_is_one_line(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(arguments) == 4
    captured = capsys.readouterr()
    assert captured.err.startswith(f"ERROR: {said}")
    assert (captured.err.count("\n"), captured.out, "geheim" in captured.err) == (1, "", False)


def test_the_parser_knows_all_commands_unless_one_is_called() -> None:
    for command in ("compare", "fingerprint", "fleet", "watch", "role", "rehearse"):
        assert command in cli.make_parser([]).format_help()
    chosen = cli.make_parser(["compare"]).parse_args(["compare", "--jobs=3", "A", "--table=t", "B"])
    assert (chosen.sides, chosen.jobs, chosen.table) == (["A", "B"], 3, ["t"])


def test_databases_are_compared(
    shop: str, shop_before: str, new_url: NewUrl, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["compare", shop_before, shop]) == 0
    captured = capsys.readouterr()
    assert captured.out == "orders: equal: 2 rows\n"
    assert "compared: rows of schema public and nothing else" in captured.err
    changed = new_url(f"{SHOP}; UPDATE orders SET note = 'c' WHERE id = 2")
    assert cli.main(["compare", shop, changed, "--json", "--show-values"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["differences"] == [
        {"kind": "changed", "key": {"id": "2"}, "columns": {"note": {"want": "b", "have": "c"}}}
    ]
    assert cli.main(["compare", shop, shop]) == 4
    assert "name the same running database: there is nothing to compare" in capsys.readouterr().err


def test_a_fingerprint_is_written_and_compared_with(shop: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [f"--db-url={shop}", "--output=before.fingerprint", "--no-record"]
    assert cli.main(["fingerprint", *arguments]) == 0
    assert capsys.readouterr().out.startswith("before.fingerprint: 1 table, 2 rows, ")
    assert cli.main(["compare", "before.fingerprint", shop]) == 0
    assert capsys.readouterr().out == "orders: equal: 2 rows\n"


def test_a_reader_who_has_gone_is_no_success(monkeypatch: pytest.MonkeyPatch) -> None:
    def end(*_: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr(cli, "make_parser", end)
    assert cli.main(["compare", "a", "b"]) == 4


def test_an_interruption_has_its_own_status(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "make_parser", interrupt)
    assert cli.main(["compare", "a", "b"]) == 2
    assert capsys.readouterr().err == "INTERRUPTED\n"
