"""What commands print is not coloured by names of a database, and a log has a width of its own."""

import io

import pytest

from postmigration.gate.commands.console import console


def test_a_log_has_160_columns_and_no_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", stream := io.StringIO())
    printer = console()
    assert printer.width == 160
    printer.print("127.0.0.1 'text' True")
    assert stream.getvalue() == "127.0.0.1 'text' True\n"


def test_a_reader_who_has_gone_is_an_error_and_no_difference() -> None:
    with pytest.raises(BrokenPipeError, match=r"^$"):
        console().on_broken_pipe()
