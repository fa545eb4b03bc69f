"""What pytest loads wherever the package is installed: nothing more, unless a session is about a migrated database.

In the sessions of anybody else it declares no option, changes no message and imports nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

# The plugins of a session that judges; the first one puts its report in the place of an older one.
_PLUGINS = ("postmigration.gate.starting", "postmigration.gate.pytest_plugin")


def pytest_addoption(pluginmanager: pytest.PytestPluginManager) -> None:
    """Loads the plugins where the directory of the session names a migration.

    Raises:
        pytest.UsageError: a database is named with our option, and there is no project that could judge it.
    """
    config: pytest.Config | None = pluginmanager.get_plugin("pytestconfig")
    if config is None:
        return
    if _names_migration(config.rootpath):
        for name in _PLUGINS:
            pluginmanager.import_plugin(name)


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config, args: Sequence[str]) -> None:
    """Says what judges a database where no project does."""
    words = [str(argument).partition("=")[0] for argument in early_config.invocation_params.args]
    if "--db-url" in words and not _is_declared(early_config, "db_url"):
        raise pytest.UsageError(
            f"{early_config.rootpath} declares no migration ([tool.postmigration] in its pyproject.toml): "
            "postmigration check judges any two databases"
        )


def _is_declared(config: pytest.Config, name: str) -> bool:
    """Whether an option is declared: by us, or by somebody else who means something of their own."""
    return config.pluginmanager.has_plugin(_PLUGINS[1]) or hasattr(config.known_args_namespace, name)


def _names_migration(root: Path) -> bool:
    file = root / "pyproject.toml"
    # Most projects have none of ours, and need not be parsed for it.
    return file.is_file() and b"[tool.postmigration]" in file.read_bytes()
