"""Texts of fleet.toml are filled in: as a part of a URL, or of the name of a file."""

from pathlib import Path

import pytest

from postmigration.fleet.placeholders import fill, find_variables, locate, name_directory
from postmigration.model.errors import CannotJudge

VALUES = {"name": "shop & co", "host": "/run/pg", "url": "postgresql://h/x"}


@pytest.mark.parametrize(
    ("text", "url", "filled"),
    [
        ("postgresql://{host}/{name}", True, "postgresql://%2Frun%2Fpg/shop%20%26%20co"),
        ("{url}", True, "postgresql://h/x"),
        ("backups/{name}.dump", False, "backups/shop & co.dump"),
        ("no placeholder", False, "no placeholder"),
    ],
)
def test_placeholders_are_filled_in(text: str, url: bool, filled: str) -> None:
    assert fill(text, VALUES, "here", url=url) == filled


@pytest.mark.parametrize("value", ["a/b", "..", ".", "a\0b"])
def test_no_value_leads_to_another_directory(value: str) -> None:
    with pytest.raises(CannotJudge, match=r"^here: the value .* of \{name\} is no part of the name of a file$"):
        fill("b/{name}", {"name": value}, "here", url=False)


def test_a_placeholder_that_is_not_there_is_named_with_the_nearest() -> None:
    with pytest.raises(CannotJudge, match=r"^here: there is no \{nam\} \(did you mean name\?\); there is \{name\}$"):
        fill("{nam}", {"name": "x"}, "here", url=True)


def test_variables_of_a_form_name_databases() -> None:
    environment = {"T_b_URL": "x", "T_a_URL": "", "T__URL": "x", "T_URL": "x", "XT_a_URL": "x"}
    assert find_variables("T_{name}_URL", environment) == {"a": "T_a_URL", "b": "T_b_URL"}


@pytest.mark.parametrize(
    ("name", "directory"), [("a.b", "a.b"), ("..", "%2E."), ("a/b", "a%2Fb"), ("ä\n", "%C3%A4%0A"), (".x", "%2Ex")]
)
def test_a_directory_is_named_after_its_database(name: str, directory: str) -> None:
    assert name_directory(name) == directory


def test_a_file_is_located_from_a_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/judge")
    assert [locate(text, Path("/fleet")) for text in ("a/b", "/c", "~/d")] == ["/fleet/a/b", "/c", "/home/judge/d"]
