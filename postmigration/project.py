"""The project around the engine: which migration it validates, and where its checks are."""

from __future__ import annotations

import importlib
import sys
import tomllib
from pathlib import Path

from postmigration.errors import CannotJudge
from postmigration.migration import Migration


def is_project(root: Path) -> bool:
    """Whether a directory names a migration."""
    file = root / "pyproject.toml"
    return file.exists() and "postmigration" in tomllib.loads(file.read_text()).get("tool", {})


def project(root: Path) -> tuple[Migration, Path]:
    """The migration that pyproject.toml names, and the directory of its checks.

    Raises:
        CannotJudge: it names none.
    """
    file = root / "pyproject.toml"
    try:
        settings = tomllib.loads(file.read_text())["tool"]["postmigration"]
        module, _, name = settings["migration"].partition(":")
        if str(root) not in sys.path:
            sys.path.insert(0, str(root))
        return getattr(importlib.import_module(module), name), root / settings["checks"]
    except (OSError, KeyError) as error:
        raise CannotJudge(f"{file} has no [tool.postmigration] with migration and checks: {error}") from None
