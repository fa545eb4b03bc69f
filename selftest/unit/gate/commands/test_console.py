"""What commands print is not coloured by names of a database, and a log has a width of its own."""

import io

import pytest

from postmigration.gate.commands.console import Bar, console


def test_a_log_has_160_columns_and_no_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", stream := io.StringIO())
    printer = console()
    assert printer.width == 160
    printer.print("127.0.0.1 'text' True")
    assert stream.getvalue() == "127.0.0.1 'text' True\n"


def test_a_reader_who_has_gone_is_an_error_and_no_difference() -> None:
    with pytest.raises(BrokenPipeError, match=r"^$"):
        console().on_broken_pipe()


def test_the_bar_moves_within_a_large_table() -> None:
    bar = Bar()
    with bar.begin({"[red]item": 99, "empty": 0}) as shown:
        (task,) = shown.tasks
        assert (task.total, task.completed) == (101, 0)
        seen = []
        for rows, about in ((250, 1_000), (1_200, 1_000), (7, 0)):
            bar.move("[red]item", rows, about)
            seen.append((task.completed, task.description))
        assert seen == [
            (25, "[red]item: 250 of about 1,000 rows"),
            (100, "[red]item: 1,200 rows"),
            (0, "[red]item: 7 rows"),
        ]
        for table in ("empty", "[red]item"):
            bar.end(table)
        assert (task.completed, task.description, task.finished) == (101, "[red]item", True)
