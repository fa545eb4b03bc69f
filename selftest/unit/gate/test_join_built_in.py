"""The built-in checks join those of a project, with the same ids in each."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from postmigration.gate import join_built_in
from postmigration.gate.project import BUILT_IN
from postmigration.model.migration import Migration
from selftest.conftest import ROOT

CHECK = "builtin/test_sequences.py"


def _make_config(root: Path, *arguments: str, built_in: bool = True) -> pytest.Config:
    (root / "pyproject.toml").write_text(f"[tool.postmigration]\nbuilt_in = {str(built_in).lower()}\n")
    (root / "tests").mkdir(exist_ok=True)
    config = SimpleNamespace(
        args=list(arguments), rootpath=root, stash=pytest.Stash(), invocation_params=SimpleNamespace(dir=root)
    )
    return cast(pytest.Config, config)


@pytest.mark.parametrize(
    ("arguments", "left", "collects"),
    [
        (["tests"], ["tests"], True),
        (["."], ["."], True),
        (["tests/test_a.py"], ["tests/test_a.py"], True),
        (["elsewhere"], ["elsewhere"], False),
        ([CHECK, "elsewhere"], ["elsewhere"], True),
        ([f"{CHECK}::test_x", "builtin/test_none_such.py"], ["builtin/test_none_such.py"], True),
    ],
)
def test_ids_of_built_in_checks_are_none_of_the_projects_files(
    tmp_path: Path, arguments: list[str], left: list[str], collects: bool
) -> None:
    config = _make_config(tmp_path, *arguments)
    assert join_built_in.join(config, tmp_path / "tests") is collects
    assert config.args == left


def _collect(request: pytest.FixtureRequest, config: pytest.Config) -> list[str]:
    items: list[pytest.Item] = []
    join_built_in.pytest_collection_modifyitems(request.session, config, items)
    return [item.nodeid for item in items]


def test_what_was_named_joins(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    config = _make_config(tmp_path, CHECK)
    join_built_in.join(config, tmp_path / "tests")
    found = _collect(request, config)
    assert found
    assert {nodeid.partition("::")[0] for nodeid in found} == {CHECK}
    alone = _make_config(tmp_path, found[0])
    join_built_in.join(alone, tmp_path / "tests")
    assert _collect(request, alone) == found[:1]


def test_a_project_may_want_none(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    config = _make_config(tmp_path, "tests", built_in=False)
    assert join_built_in.join(config, tmp_path / "tests")
    assert _collect(request, config) == []


def test_a_check_that_is_not_there_is_said(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    config = _make_config(tmp_path, f"{CHECK}::test_none_such")
    join_built_in.join(config, tmp_path / "tests")
    with pytest.raises(pytest.UsageError, match=r"^there is no built-in check .*::test_none_such$"):
        _collect(request, config)


def test_all_files_have_the_ids_that_they_have_everywhere(request: pytest.FixtureRequest) -> None:
    found = [module.nodeid for module in join_built_in.collect(request.session)]
    assert CHECK in found
    assert {nodeid.partition("/")[0] for nodeid in found} == {"builtin", "declared"}
    # Files that pytest would import by the conftest.py of the package are none.
    assert all(Path(nodeid).name.startswith("test_") for nodeid in found)


def test_files_of_checks_are_told_from_others(tmp_path: Path) -> None:
    checks = tmp_path / "tests"
    assert join_built_in.is_check(checks / "deep" / "test_a.py", checks)
    assert join_built_in.is_check(BUILT_IN / "test_sequences.py", checks)
    assert not join_built_in.is_check(ROOT / "selftest" / "test_a.py", checks)


@pytest.mark.parametrize(
    ("tables", "ids"), [(("orders", "items"), ["orders", "items", "other tables"]), ((), None)], ids=str
)
def test_each_declared_table_is_a_case(tables: tuple[str, ...], ids: list[str] | None) -> None:
    told: dict[str, Any] = {}
    stash = pytest.Stash()
    stash[join_built_in.DECLARED] = Migration("shop", tables=tables, legacy_tables=tables)
    metafunc = SimpleNamespace(
        config=SimpleNamespace(stash=stash),
        fixturenames=["target", "declared_table"],
        parametrize=lambda name, values, ids: told.update({"ids": ids, name: values}),
    )
    join_built_in.pytest_generate_tests(cast(pytest.Metafunc, metafunc))
    assert told.get("ids") == ids
    assert told.get("declared_table") == ([*tables, ""] if ids else None)
