"""An address is told without its password, which is found where it is needed."""

from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from postmigration.fleet.addresses import Address, holds_password, identify, is_url, read_baseline, resolve
from postmigration.model.errors import CannotJudge

URL = "postgresql://judge:geheim@db.example/shop_1"


@pytest.mark.parametrize(
    ("text", "url"), [(URL, True), ("host=db dbname=x", True), ("service = x", True), ("day=1/x.dump", False)]
)
def test_an_address_is_told_from_the_name_of_a_file(text: str, url: bool) -> None:
    assert is_url(text) is url


def test_an_address_never_shows() -> None:
    assert repr(Address(url=URL)) == "Address(…)"
    assert repr(Address(variable="SHOP_URL")) == "Address(variable='SHOP_URL')"


def test_the_password_may_be_in_a_variable_or_a_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("p@ss word\r\nmore\n")
    kept = Address(url="postgresql://judge@h/x", password_file=str(tmp_path / "secret"))
    told = Address(variable="URL", password_variable="PW")
    assert conninfo_to_dict(resolve(kept, "x", {}))["password"] == "p@ss word"
    found = conninfo_to_dict(resolve(told, "x", {"URL": "postgresql://judge@h/x", "PW": "geheim"}))
    assert (found["host"], found["user"], found["password"]) == ("h", "judge", "geheim")


@pytest.mark.parametrize(
    ("address", "said"),
    [
        (Address(variable="URL"), "^the URL of x: the environment variable URL is not set$"),
        (
            Address(url="postgresql:///x", password_variable="EMPTY"),
            "^the password of the URL of x: .*EMPTY is empty$",
        ),
        (Address(url="postgresql:///x", password_file="/nowhere"), "/nowhere cannot be read: No such file"),
        (Address(url="postgresql:///x", password_file="/dev/null"), "the first line of /dev/null is empty$"),
    ],
)
def test_what_is_not_there_is_said(address: Address, said: str) -> None:
    with pytest.raises(CannotJudge, match=said):
        resolve(address, "the URL of x", {"EMPTY": ""})


def test_a_variable_may_name_the_files_of_a_state_before() -> None:
    assert read_baseline(Address(variable="OLD"), "x", {"OLD": "day=1/x.dump"}) == "day=1/x.dump"
    found = conninfo_to_dict(read_baseline(Address(variable="OLD"), "x", {"OLD": URL}))
    assert (found["host"], found["dbname"]) == ("db.example", "shop_1")


@pytest.mark.parametrize(
    ("address", "held"),
    [
        (Address(url=URL), True),
        (Address(url="host=h password=geheim"), True),
        (Address(url="postgresql://judge@h/x"), False),
        (Address(variable="URL"), False),
    ],
)
def test_a_password_that_is_written_down_is_found(address: Address, held: bool) -> None:
    assert holds_password(address) is held


def test_a_database_is_the_same_under_another_password() -> None:
    one, two = identify(Address(url=URL)), identify(Address(variable="X"), {"X": URL.replace("geheim", "other")})
    assert one == two
    assert "('dbname', 'shop_1'), ('host', 'db.example')" in one
    assert "geheim" not in one
    assert identify(Address(url=URL.replace("shop_1", "shop_2"))) != one
    assert identify(Address(variable="X"), {"X": "x.dump"}) == "X x.dump"
    assert identify(Address(variable="X"), {"X": "mysql://x"}) == "X"
