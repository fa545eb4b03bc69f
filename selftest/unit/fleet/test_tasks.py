"""From fleet.toml to the databases that are to be judged, each with what it is judged by."""

from pathlib import Path

import pytest

from postmigration.fleet.addresses import Address
from postmigration.fleet.fleet_file import read_fleet
from postmigration.fleet.outcome import Task
from postmigration.fleet.tasks import list_tasks
from postmigration.model.errors import CannotJudge
from selftest.servers import Servers


def _list(directory: Path, text: str, **environment: str) -> dict[str, Task]:
    path = directory / "fleet.toml"
    path.write_text(f'name = "shops"\n{text}')
    return {task.name: task for task in list_tasks(read_fleet(path), path, environment)}


def test_a_database_is_listed_with_its_state_before_and_its_options(tmp_path: Path) -> None:
    listed = '[[database]]\nname = "b"\nurl = "postgresql://h/{name}"\nbaseline = ["{name}.1", "{name}.2"]\n'
    listed += 'password_file = "secrets/{name}"\n[[database]]\nname = "a"\nurl_variable = "A"\nbaseline = "host=old"'
    tasks = _list(tmp_path, f'options = ["--strict"]\n{listed}')
    assert list(tasks) == ["b", "a"]
    assert tasks["b"].target == Address(url="postgresql://h/b", password_file=f"{tmp_path}/secrets/b")
    assert tasks["b"].files == (f"{tmp_path}/b.1", f"{tmp_path}/b.2")
    assert (tasks["a"].target, tasks["a"].baseline) == (Address(variable="A"), Address(url="host=old"))
    assert {(task.directory, task.project, task.options) for task in tasks.values()} == {
        (str(tmp_path), False, ("--strict",))
    }


def test_variables_of_a_form_are_databases(tmp_path: Path) -> None:
    form = '[[environment]]\nurl_variable = "T_{name}_URL"\nbaseline_variable = "T_{name}_OLD"'
    tasks = _list(tmp_path, form, T_b_URL="postgresql:///b", T_a_URL="postgresql:///a")
    assert [(name, task.baseline) for name, task in tasks.items()] == [
        ("a", Address(variable="T_a_OLD")),
        ("b", Address(variable="T_b_OLD")),
    ]


def test_each_row_of_a_query_is_a_database(servers: Servers, tmp_path: Path) -> None:
    asked = f'[[query]]\nfrom_url = "{servers[18].conninfo("postgres")}"\nurl = "postgresql://{{host}}/{{name}}"\n'
    task = _list(tmp_path, f"{asked}sql = \"SELECT 'a' AS name, 'h/x' AS host\"")["a"]
    assert task.target.url == "postgresql://h%2Fx/a"
    with pytest.raises(CannotJudge, match=r"1: no column of the query is called name \(they are host\)$"):
        _list(tmp_path, f"{asked}sql = \"SELECT 'h' AS host\"")
    with pytest.raises(CannotJudge, match=r"1: the query finds a with no host$"):
        _list(tmp_path, f"{asked}sql = \"SELECT 'a' AS name, NULL AS host\"")
    with pytest.raises(CannotJudge, match=r"cannot execute CREATE TABLE in a read-only transaction$"):
        _list(tmp_path, f'{asked}sql = "CREATE TABLE t ()"')


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[[database]]\nname = "x"\nurl = "host=h"\n' * 2, r"2: there are two databases called x$"),
        ('[[database]]\nname = "a\\nb"\nurl = "host=h"', r"'a\\nb' is no name: want 1 to 63 bytes"),
        ('[[database]]\nname = "x"\nurl = "mysql://h/x"', "x: url is not a PostgreSQL URL"),
        (
            '[[database]]\nname = "x"\nurl = "host=h"\nbaseline = ["host=h", "b"]',
            "x: baseline: several are for the files of one backup only, and one is a URL$",
        ),
        (
            '[[environment]]\nurl_variable = "NONE_{name}"',
            "names no database: no row of a query",
        ),
    ],
)
def test_what_cannot_be_judged_is_one_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(CannotJudge, match=said):
        _list(tmp_path, text)


def test_what_a_database_is_judged_by_has_a_digest(tmp_path: Path) -> None:
    (tmp_path / "x.dump").write_text("1")
    (tmp_path / "w.toml").write_text("")
    text = 'options = ["--waivers=w.toml"]\n[[database]]\nname = "x"\nurl_variable = "X"\nbaseline = "x.dump"'

    def find_digest(url: str = "postgresql://judge:one@h/x") -> str:
        return _list(tmp_path, text, X=url)["x"].digest

    first = find_digest()
    # Another password leads to the same database.
    assert find_digest("postgresql://judge:two@h/x") == first
    assert find_digest("postgresql://judge:one@other/x") != first
    (tmp_path / "x.dump").write_text("22")
    second = find_digest()
    (tmp_path / "w.toml").write_text("# another")
    assert len({first, second, find_digest()}) == 3
