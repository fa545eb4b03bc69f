"""What fleet.toml may hold; each mistake is one line, which repeats no address."""

from __future__ import annotations

import json
import os
import re
import tomllib
from pathlib import Path
from unittest.mock import Mock

import jsonschema
import pytest

from postmigration.fleet.addresses import Address, identify
from postmigration.fleet.fleet_file import read_fleet
from postmigration.fleet.outcome import Task
from postmigration.fleet.tasks import list_tasks
from postmigration.model.errors import CannotJudge
from selftest.conftest import ROOT
from selftest.fleet.conftest import Shops, Written

URL = "postgresql://judge:geheim@db.example/shop_1"
ONE = ("[[database]]", 'name = "shop_1"', f'url = "{URL}"')


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (("projekt = 'x'", *ONE), "contains unknown field `projekt` (did you mean project?)"),
        ((*ONE, 'base_line = "x"'), "field `base_line` - at `$.database[0]` (did you mean baseline?)"),
        (("[[query]]", "sgl = ''"), "field `sgl` - at `$.query[0]` (did you mean sql?)"),
        ((*ONE[:2], "url = 3"), "expected `str`, got `int` - at `$.database[0].url`"),
        (ONE[:2], "[[database]] 1: want one of url and url_variable"),
        ((*ONE, 'url_variable = "X"'), "[[database]] 1: want one of url and url_variable"),
        ((*ONE, 'password_file = "x"', 'password_variable = "X"'), "want one of password_variable and password_file,"),
        ((*ONE, 'baseline = "x"', 'baseline_variable = "X"'), "want one of baseline and baseline_variable, or none"),
        (("[[environment]]", 'url_variable = "URL"'), "url_variable has to hold {name} once, like TENANT_{name}_URL"),
        ((), "names no database: want [[database]], [[query]] or [[environment]]"),
        (("project = 'gate'", *ONE), "project = 'gate' is no directory with a pyproject.toml"),
        ((f"options = ['--waivers={URL}']", *ONE), "options: --waivers holds the address of a database"),
        (("options = ['--baseline=x.dump']", *ONE), "options: --baseline is not for all databases: each has its own"),
        (("[", *ONE), "is not TOML: "),
    ],
)
def test_a_mistake_is_one_line(written: Written, lines: tuple[str, ...], said: str) -> None:
    with pytest.raises(CannotJudge, match=re.escape(said)) as refused:
        read_fleet(written(*lines))
    assert "geheim" not in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ((*ONE, *ONE), "[[database]] 2: there are two databases called shop_1"),
        (("[[database]]", 'name = "a\\nb"', 'url = "x"'), "'a\\nb' is no name: want 1 to 63 bytes"),
        (("[[database]]", f"name = '{'ä' * 40}'", 'url = "x"'), "is no name: want 1 to 63 bytes"),
        (
            (*ONE, 'baseline = "{nam}.dump"'),
            "shop_1: baseline: there is no {nam} (did you mean name?); there is {name}",
        ),
        (("[[database]]", 'name = "x"', 'url_variable = "{nam}"'), "x: url_variable: there is no {nam} (did you mean"),
        (("[[database]]", 'name = ".."', 'url = "postgresql:///x"', 'baseline = "b/{name}"'), "is no part of the name"),
        (("[[database]]", 'name = "a/b"', 'url = "postgresql:///x"', 'baseline = "{name}.dump"'), "is no part of the"),
        ((*ONE, f'baseline = ["{URL}", "b"]'), "several are for the files of one backup only, and one is a URL"),
        (("[[database]]", 'name = "x"', 'url = "mysql://judge:geheim@db/x"'), "x: url is not a PostgreSQL URL"),
        (("[[environment]]", 'url_variable = "NONE_{name}_OF_THESE"'), "no row of a query, and no variable, fits"),
    ],
)
def test_what_cannot_be_judged_is_one_line(written: Written, lines: tuple[str, ...], said: str) -> None:
    path = written(*lines)
    with pytest.raises(CannotJudge, match=re.escape(said)) as refused:
        list_tasks(read_fleet(path), path)
    assert "geheim" not in str(refused.value)


def named(path: Path, **environment: str) -> dict[str, Task]:
    return {task.name: task for task in list_tasks(read_fleet(path), path, environment)}


def test_the_docs_show_a_file_that_can_be_read(written: Written, tmp_path: Path) -> None:
    (shown,) = re.findall("```toml\n(.*?)```", (ROOT / "docs" / "scale.md").read_text(), re.DOTALL)
    (tmp_path / "gate").mkdir()
    (tmp_path / "gate" / "pyproject.toml").write_text("")
    file = read_fleet(written(shown, head=()))
    assert [len(file.database), len(file.query), len(file.environment)] == [1, 1, 1]
    schema = json.loads((ROOT / "postmigration" / "fleet" / "fleet.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    told = tomllib.loads(shown)
    jsonschema.validate(told, schema)
    with pytest.raises(jsonschema.ValidationError, match="'sgl' was unexpected"):
        jsonschema.validate({**told, "query": [{**told["query"][0], "sgl": ""}]}, schema)


def test_a_password_shows_in_nothing_that_is_printed(written: Written) -> None:
    file = read_fleet(path := written(*ONE, f'baseline = "{URL}"'))
    assert "geheim" not in repr(file)
    assert "geheim" not in repr(list_tasks(file, path, {}))


def test_variables_name_databases(written: Written) -> None:
    lines = ('url_variable = "T_{name}_URL"', 'baseline_variable = "T_{name}_OLD"', 'password_variable = "T_{name}_PW"')
    tasks = named(written("[[environment]]", *lines), T_a_URL="postgresql:///a", T_b_URL="", T_URL="x", T_c_OLD="x")
    assert list(tasks) == ["a", "b"]
    assert tasks["a"].target == Address(variable="T_a_URL", password_variable="T_a_PW")
    assert tasks["a"].baseline == Address(variable="T_a_OLD")
    # One that holds something else is found out when that database is judged, and is no reason to judge no other one.
    assert list(named(written("[[environment]]", *lines), T_a_URL="mysql://x", T_b_URL="postgresql:///b")) == ["a", "b"]


def test_names_are_placeholders_in_files_and_addresses(written: Written, tmp_path: Path) -> None:
    lines = ('name = "shop & co"', 'url = "postgresql://h/{name}"', 'baseline = ["{name}.1.dump", "{name}.2.dump"]')
    task = named(written("[[database]]", *lines, 'password_file = "secrets/{name}"'))["shop & co"]
    assert task.target.url == "postgresql://h/shop%20%26%20co"
    assert task.files == (f"{tmp_path}/shop & co.1.dump", f"{tmp_path}/shop & co.2.dump")
    assert task.target.password_file == f"{tmp_path}/secrets/shop & co"


def test_a_query_names_databases(shops: Shops, written: Written) -> None:
    conninfo = shops.server.conninfo(shops.before)
    shops.execute(shops.before, "CREATE TABLE t AS SELECT 'a' AS name, 'h/x' AS host, 'postgresql:///old' AS was")
    asked = ("[[query]]", f'from_url = "{conninfo}"', 'url = "postgresql://{host}/{name}"', 'baseline = "{was}"')
    task = named(written(*asked, 'sql = "SELECT * FROM t"'))["a"]
    assert task.target.url == "postgresql://h%2Fx/a"
    assert task.baseline == Address(url="postgresql:///old")
    for sql, said in (
        (
            "DELETE FROM t",
            r"\[\[query\]\] 1: the query cannot be run: cannot execute DELETE in a read-only transaction",
        ),
        ("SELECT host FROM t", r"no column of the query is called name \(they are host\)"),
        ("SELECT name, NULL AS host, was FROM t", "the query finds a with no host"),
    ):
        with pytest.raises(CannotJudge, match=said):
            named(written(*asked, f'sql = "{sql}"'))


def test_what_is_judged_anew_is_what_changed(written: Written, tmp_path: Path) -> None:
    (tmp_path / "w.toml").write_text("")
    (tmp_path / "x.dump").write_text("1")
    lines = ("[[database]]", 'name = "x"', 'url_variable = "X"', 'baseline = "x.dump"')
    path = written("options = ['--waivers=w.toml']", *lines)
    first = named(path, X="postgresql://judge:one@h/x")["x"].digest
    # Another password leads to the same database.
    assert named(path, X="postgresql://judge:two@h/x")["x"].digest == first
    assert named(path, X="postgresql://judge:one@other/x")["x"].digest != first
    (tmp_path / "x.dump").write_text("22")
    second = named(path, X="postgresql://judge:one@h/x")["x"].digest
    assert second != first
    (tmp_path / "w.toml").write_text("# another")
    assert named(path, X="postgresql://judge:one@h/x")["x"].digest not in (first, second)
    assert "one" not in identify(Address(url="postgresql://judge:one@h/x"))


def test_a_file_that_a_variable_names_is_judged_anew_when_it_changed(written: Written, tmp_path: Path) -> None:
    path = written(*ONE, 'baseline_variable = "OLD"')
    (tmp_path / "x.dump").write_text("1")
    first = named(path, OLD="x.dump")["shop_1"].digest
    assert named(path, OLD="x.dump")["shop_1"].digest == first
    (tmp_path / "x.dump").write_text("22")
    assert named(path, OLD="x.dump")["shop_1"].digest != first


def test_a_declaration_that_changed_is_judged_anew(
    written: Written, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gate" / "reports").mkdir(parents=True)
    (tmp_path / "gate" / "pyproject.toml").write_text("")
    path = written("project = 'gate'", *ONE)
    read = read_fleet(path)
    first = named(path)["shop_1"]
    assert (first.directory, first.project) == (str(tmp_path / "gate"), True)
    (tmp_path / "gate" / "reports" / "validation.json").write_text("{}")
    assert named(path)["shop_1"].digest == first.digest
    (tmp_path / "gate" / "migration.toml").write_text("name = 'x'")
    second = named(path)["shop_1"].digest
    assert second != first.digest
    # A name that is no UTF-8 is the name of a file too.
    Path(os.fsdecode(bytes(tmp_path / "gate") + b"/\xff.sql")).write_text("")
    assert named(path)["shop_1"].digest not in (first.digest, second)
    monkeypatch.setattr(Path, "open", Mock(side_effect=PermissionError(13, "Permission denied")))
    with pytest.raises(CannotJudge, match=r"gate/.* cannot be read: Permission denied"):
        list_tasks(read, path, {})
