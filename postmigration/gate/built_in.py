"""The built-in checks join those of a project, and have the same ids in every project."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from postmigration.gate.judgement import SESSION
from postmigration.gate.project import JOINING, joining
from postmigration.gate.starting import asks_for

# What stands for the rows of all tables that a project does not declare.
_OTHERS = "other tables"


def join(config: pytest.Config, checks: Path) -> None:
    """Adds the built-in checks where all checks of a project are asked for, and finds those that are named by their id.

    Args:
        config: pytest's; what it will collect is changed.
        checks: the directory of the project's checks.
    """
    config.args[:] = [_find(config, text) for text in config.args]
    paths = _paths(config)
    if any(path == checks or path in checks.parents for path in paths):
        joined = joining(config.rootpath)
        config.args += [str(path) for path in joined if not any(p == path or p in path.parents for p in paths)]


def asks_for_checks(config: pytest.Config, checks: Path) -> bool:
    """Whether pytest is to collect checks of a project or built-in ones."""
    return any(asks_for(_paths(config), directory) for directory in (checks, *joining(config.rootpath)))


def is_check(path: Path, checks: Path) -> bool:
    """Whether a file holds checks of a project or built-in ones."""
    return any(directory in path.parents for directory in (checks, *JOINING))


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> pytest.Module | None:
    """Gives the built-in checks ids that do not tell where the package is installed."""
    directory = module_path.parent
    if directory not in JOINING:
        return None
    return pytest.Module.from_parent(parent, path=module_path, nodeid=f"{directory.name}/{module_path.name}")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Has a built-in check judge each table that a project declares by itself."""
    judgement = metafunc.config.stash.get(SESSION, None)
    if "declared_table" in metafunc.fixturenames and judgement is not None and judgement.migration.legacy_tables:
        tables = judgement.migration.legacy_tables
        metafunc.parametrize("declared_table", [*tables, ""], ids=[*tables, _OTHERS])


@pytest.fixture
def declared_table() -> str:
    """The table that is judged, of those that a project declares; empty for all others."""
    return ""


def _find(config: pytest.Config, text: str) -> str:
    """A path or an id as pytest finds it: those of built-in checks begin with the name of their directory."""
    named = Path(text.partition("::")[0])
    if not (config.invocation_params.dir / named).exists():
        for directory in JOINING:
            if named.parts[:1] == (directory.name,) and (directory.parent / named).exists():
                return str(directory.parent / text)
    return text


def _paths(config: pytest.Config) -> list[Path]:
    directory = config.invocation_params.dir
    return [Path(os.path.normpath(directory / text.partition("::")[0])) for text in config.args]
