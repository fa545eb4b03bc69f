"""The built-in checks join those of a project, and have the same ids in every project."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from postmigration.gate.project import JOINING, joining
from postmigration.gate.starting import asks_for
from postmigration.model.migration import Migration

# What stands for the rows of all tables that a project does not declare.
_OTHERS = "other tables"
# Of the built-in checks, those that join: all, or ids and beginnings of ids.
_WANTED = pytest.StashKey[tuple[str, ...]]()
_EVERYTHING = ("",)
DECLARED = pytest.StashKey[Migration]()


def join(config: pytest.Config, checks: Path) -> bool:
    """Has the built-in checks join where all checks of a project are asked for, or some of them by their ids.

    Args:
        config: pytest's; the ids of built-in checks are taken out of what it looks for in the project's directory.
        checks: the directory of the project's checks.

    Returns:
        Whether pytest is to collect any check, of the project or built in.
    """
    named = tuple(text for text in config.args if _is_built_in(config, text))
    config.args[:] = [text for text in config.args if text not in named]
    directory = config.invocation_params.dir
    paths = [Path(os.path.normpath(directory / text.partition("::")[0])) for text in config.args]
    everything = any(path == checks or path in checks.parents for path in paths) and joining(config.rootpath)
    config.stash[_WANTED] = _EVERYTHING if everything else named
    return bool(named) or any(asks_for(paths, place) for place in (checks, *JOINING))


def is_check(path: Path, checks: Path) -> bool:
    """Whether a file holds checks of a project or built-in ones."""
    return any(directory in path.parents for directory in (checks, *JOINING))


def collect(session: pytest.Session) -> Iterator[pytest.Module]:
    """The files of the built-in checks that join those of a project; no `conftest.py` beside the package is loaded."""
    for directory in joining(session.config.rootpath):
        for path in sorted(directory.glob("test_*.py")):
            yield pytest.Module.from_parent(session, path=path, nodeid=f"{directory.name}/{path.name}")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Adds the built-in checks before anybody chooses among all.

    Raises:
        pytest.UsageError: there is none of an id that was named.
    """
    for wanted in config.stash.get(_WANTED, ()):
        file = wanted.partition("::")[0]
        modules = [module for module in collect(session) if module.nodeid.startswith(file)]
        found = [item for module in modules for item in session.genitems(module) if _is_of(item, wanted)]
        if not found:
            raise pytest.UsageError(f"there is no built-in check {wanted}")
        items += found


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Has a built-in check judge each table that a project declares by itself."""
    migration = metafunc.config.stash.get(DECLARED, None)
    if "declared_table" in metafunc.fixturenames and migration is not None and migration.legacy_tables:
        tables = migration.legacy_tables
        metafunc.parametrize("declared_table", [*tables, ""], ids=[*tables, _OTHERS])


@pytest.fixture
def declared_table() -> str:
    """The table that is judged, of those that a project declares; empty for all others."""
    return ""


def _is_of(item: pytest.Item, wanted: str) -> bool:
    return item.nodeid == wanted or item.nodeid.startswith((f"{wanted}[", f"{wanted}::")) or wanted == ""


def _is_built_in(config: pytest.Config, text: str) -> bool:
    """Whether a path or an id is one of built-in checks, and none of the project's directory."""
    file = Path(text.partition("::")[0])
    if (config.invocation_params.dir / file).exists():
        return False
    places = {directory.name: directory for directory in joining(config.rootpath)}
    return len(file.parts) == 2 and file.parts[0] in places and (places[file.parts[0]] / file.parts[1]).exists()
