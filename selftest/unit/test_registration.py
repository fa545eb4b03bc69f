"""The package acts in sessions of projects that name a migration, and is inert in all others."""

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from postmigration import registration

PLUGIN = "postmigration.gate.pytest_plugin"


@pytest.mark.parametrize(
    ("settings", "loaded"), [("[tool.postmigration]\n", True), ("[tool.ruff]\n", False), (None, False)]
)
def test_plugins_are_loaded_where_a_migration_is_named(tmp_path: Path, settings: str | None, loaded: bool) -> None:
    if settings is not None:
        (tmp_path / "pyproject.toml").write_text(settings)
    manager = pytest.PytestPluginManager()
    manager.register(SimpleNamespace(rootpath=tmp_path), "pytestconfig")
    registration.pytest_addoption(manager)
    assert manager.has_plugin(PLUGIN) is loaded


def _call(*arguments: str, known: object, plugins: tuple[str, ...] = ()) -> None:
    manager = pytest.PytestPluginManager()
    for name in plugins:
        manager.register(SimpleNamespace(), name)
    config = SimpleNamespace(
        invocation_params=SimpleNamespace(args=arguments),
        pluginmanager=manager,
        known_args_namespace=known,
        rootpath=Path("/shop"),
    )
    registration.pytest_load_initial_conftests(cast(pytest.Config, config), arguments)


def test_who_names_a_database_without_a_project_is_told_what_judges_it() -> None:
    with pytest.raises(pytest.UsageError, match=r"^/shop declares no migration .*: postmigration check judges any two"):
        _call("-q", "--db-url=postgresql:///x", known=SimpleNamespace())


def test_the_option_of_somebody_else_is_not_ours() -> None:
    _call("--db-url", "sqlite://", known=SimpleNamespace(db_url="sqlite://"))
    _call("--db-url=postgresql:///x", known=SimpleNamespace(), plugins=(PLUGIN,))
    _call("-q", "tests", known=SimpleNamespace())
