"""The built-in checks join those of a project, under the same ids wherever the package is installed."""

import importlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from selftest.conftest import ROOT

OWN = "checks/test_orders.py::test_invoice_numbers_are_in_order"
ROWS = "builtin/test_rows.py::test_rows_are_those_of_before"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return Path(shutil.copytree(ROOT / "examples" / "webshop", tmp_path / "webshop"))


def collected(project: Path, *arguments: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *arguments],
        cwd=project,
        env={name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")},
        capture_output=True,
        text=True,
        check=False,
    )
    return [line for line in done.stdout.splitlines() if "::" in line]


@pytest.mark.full
def test_they_join_where_all_checks_are_asked_for(project: Path) -> None:
    ids = collected(project)
    assert {OWN, ROWS, "builtin/test_objects.py::test_tables_are_as_before"} <= {*ids}
    assert "declared/test_times.py::test_times_of_rows_are_possible" in ids
    assert collected(project, OWN) == [OWN]


@pytest.mark.full
def test_one_is_run_again_by_its_id(project: Path) -> None:
    assert collected(project, ROWS) == [ROWS]
    # Each of the legacy tables is one by itself.
    file = project / "webshop.py"
    file.write_text(
        file.read_text().replace("    changes=[", '    tables=["Order"],\n    legacy_tables=["Order"],\n    changes=[')
    )
    assert {f"{ROWS}[Order]", f"{ROWS}[other tables]"} <= {*collected(project)}
    assert collected(project, f"{ROWS}[Order]") == [f"{ROWS}[Order]"]


@pytest.mark.full
def test_a_project_may_do_without_them(project: Path) -> None:
    file = project / "pyproject.toml"
    file.write_text(file.read_text().replace('checks = "checks"', 'checks = "checks"\nbuilt_in = false'))
    ids = collected(project)
    assert OWN in ids
    assert {name.partition("/")[0] for name in ids} == {"checks"}


@pytest.mark.parametrize("name", ["", ".access", ".checks", ".testing"])
def test_every_public_name_is_there(name: str) -> None:
    module = importlib.import_module(f"postmigration{name}")
    assert all(hasattr(module, public) for public in module.__all__)
    page = (ROOT / "docs" / "api.md").read_text()
    assert [public for public in module.__all__ if f"`{public}`" not in page] == []
