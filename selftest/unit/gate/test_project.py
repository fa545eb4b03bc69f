"""A project names its migration and the directory of its checks; each mistake is one line."""

import re
import sys
from pathlib import Path

import pytest

from postmigration.gate.project import BUILT_IN, JOINING, find_checks, is_project, joining, project, read_project
from postmigration.model.errors import CannotJudge
from selftest.conftest import ROOT


def _write(root: Path, settings: str, **modules: str) -> Path:
    root.mkdir(exist_ok=True)
    (root / "tests").mkdir(exist_ok=True)
    (root / "pyproject.toml").write_text(settings)
    for name, text in modules.items():
        (root / f"{name}.py").write_text(text)
    return root


def _name(migration: str, more: str = "") -> str:
    return f'[tool.postmigration]\nmigration = "{migration}"\nchecks = "tests"\n{more}'


def test_this_repository_is_a_project() -> None:
    migration, checks = project(ROOT)
    assert read_project(ROOT) is migration
    assert migration.plan_checks == 29
    assert checks == find_checks(ROOT) == ROOT / "tests"
    assert is_project(ROOT)


def test_a_directory_without_settings_is_none(tmp_path: Path) -> None:
    assert not is_project(tmp_path)
    assert find_checks(tmp_path) is None
    assert read_project(tmp_path).name == ""
    assert not is_project(_write(tmp_path, "[tool.ruff]\n"))
    with pytest.raises(CannotJudge, match=r"pyproject\.toml has no \[tool\.postmigration\] with migration and checks"):
        project(tmp_path)


def test_a_migration_may_be_a_file(tmp_path: Path) -> None:
    root = _write(tmp_path, _name("migration.toml"))
    (root / "migration.toml").write_text('name = "shop"\nplan_checks = 2\n')
    migration, checks = project(root)
    assert (migration.name, migration.plan_checks, checks) == ("shop", 2, root / "tests")


def test_built_in_checks_join_unless_a_project_wants_none(tmp_path: Path) -> None:
    assert joining(_write(tmp_path, _name("x:M"))) == JOINING
    assert BUILT_IN in JOINING
    assert joining(_write(tmp_path, _name("x:M", "built_in = false\n"))) == ()


HEAD = "from postmigration import Migration, changes\n"


@pytest.mark.parametrize(
    ("migration", "source", "reason"),
    [
        ("unit_shap:MIGRATION", "", "there is no module unit_shap (did you mean unit_shop?)"),
        ("unit_shop:MIGRATON", f"{HEAD}MIGRATION = Migration('a')", "MIGRATON is not there, want a postmigration.Mig"),
        ("unit_shop:MIGRATION", "MIGRATION = 3", "MIGRATION is a int, want a postmigration.Migration"),
        ("unit_shop:M", "x = 1 / 0", "cannot be imported: ZeroDivisionError: division by zero (unit_shop.py, line 1)"),
        ("unit_shop:M", f"{HEAD}M = Migration('a', tabels=())", "keyword argument 'tabels' (did you mean tables?)"),
        ("unit_shop:M", f"{HEAD}M = Migration('a', tables=('b',))", "legacy_tables is empty: name the tables that"),
        (
            "unit_shop:M",
            f"{HEAD}M = Migration('a', tables=('orders',), legacy_tables=('order',))",
            "order of legacy_tables is not among tables (did you mean orders?)",
        ),
        ("unit_shop:M", "import none_such_module", "cannot be imported: No module named 'none_such_module'"),
    ],
)
def test_what_is_no_migration_is_refused_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, migration: str, source: str, reason: str
) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "unit_shop", raising=False)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    root = _write(tmp_path, _name(migration), unit_shop=source)
    with pytest.raises(CannotJudge, match=re.escape(reason)) as error:
        project(root)
    assert "\n" not in str(error.value)
    # It was not there before: monkeypatch would put it back.
    sys.modules.pop("unit_shop", None)


def test_checks_stand_in_a_directory(tmp_path: Path) -> None:
    root = _write(tmp_path, _name("x:M").replace('"tests"', '"test"'))
    with pytest.raises(CannotJudge, match=r"checks = 'test' is no directory \(did you mean tests\?\)$"):
        project(root)
