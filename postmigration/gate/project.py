"""The project around the engine: which migration it validates, and where its checks are."""

from __future__ import annotations

import importlib
import re
import sys
import tomllib
import traceback
from dataclasses import fields
from pathlib import Path

from postmigration.model.changes import describe_change
from postmigration.model.errors import CannotJudge
from postmigration.model.migration import Migration
from postmigration.model.migration_file import read_migration, refuse_unreviewed
from postmigration.model.nearest import name_nearest

_CHECKS = Path(__file__).parent.parent / "checks"
# The built-in checks of any two databases. The directory around them is a project of its own, which
# `postmigration check` runs.
BUILT_IN = _CHECKS / "builtin"
# All built-in checks: those of what a project declares join them in projects.
JOINING = (BUILT_IN, _CHECKS / "declared")
_FUNCTION = re.compile(r"^[ \t]*(?:async )?def test_(\w+)\(", re.MULTILINE)


def is_project(root: Path) -> bool:
    """Whether a directory names a migration."""
    file = root / "pyproject.toml"
    return file.exists() and "postmigration" in tomllib.loads(file.read_text()).get("tool", {})


def read_project(root: Path) -> Migration:
    """What a directory's project declares; nothing where it is no project.

    Raises:
        CannotJudge: what it declares cannot be meant: one line.
    """
    return project(root)[0] if is_project(root) else Migration(name="")


def find_checks(root: Path) -> Path | None:
    """The directory of a project's checks, without importing anything of it; None where there is no project."""
    try:
        return root / str(tomllib.loads((root / "pyproject.toml").read_text())["tool"]["postmigration"]["checks"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def joining(root: Path) -> tuple[Path, ...]:
    """The directories of the built-in checks that join those of a project: none with `built_in = false`."""
    settings = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["postmigration"]
    return JOINING if settings.get("built_in", True) else ()


def list_check_names(root: Path, checks: Path) -> set[str]:
    """The functions and the families of a project's checks, and of the built-in ones that join them.

    They are found in the text of the files: whoever judges a plan runs nothing of them.

    Args:
        root: the project's directory.
        checks: the directory of its checks.
    """
    found: set[str] = set()
    for directory in (checks, *joining(root)):
        for path in (*directory.rglob("test_*.py"), *directory.rglob("*_test.py")):
            found.add(path.stem.removeprefix("test_"))
            found.update(_FUNCTION.findall(path.read_text(encoding="utf-8", errors="replace")))
    return found


def project(root: Path) -> tuple[Migration, Path]:
    """The migration that pyproject.toml names, and the directory of its checks.

    Raises:
        CannotJudge: it names none, or what it names cannot be a migration: one line.
    """
    file = root / "pyproject.toml"
    try:
        settings = tomllib.loads(file.read_text())["tool"]["postmigration"]
        named, checks = str(settings["migration"]), root / str(settings["checks"])
    except (OSError, KeyError, tomllib.TOMLDecodeError) as error:
        raise CannotJudge(f"{file} has no [tool.postmigration] with migration and checks: {error}") from None
    if not checks.is_dir():
        near = name_nearest(checks.name, [path.name for path in root.iterdir() if path.is_dir()])
        raise CannotJudge(f"{file}: checks = {str(settings['checks'])!r} is no directory{near}")
    return _find_declared(root, named, f"{file}: migration = {named!r}"), checks


def _find_declared(root: Path, named: str, where: str) -> Migration:
    if named.endswith(".toml"):
        return read_migration(root / named)
    module, _, name = named.partition(":")
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    try:
        found = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise CannotJudge(f"{where} cannot be imported: {error}") from None
        near = name_nearest(module, [path.stem for path in root.iterdir() if path.is_dir() or path.suffix == ".py"])
        raise CannotJudge(f"{where}: there is no module {error.name}{near}") from None
    except Exception as error:
        # Whatever the project's own code raises while it is imported; the last line of it says where.
        at = traceback.extract_tb(error.__traceback__)[-1]
        words = " ".join(str(error).split())
        keyword = re.search(r"unexpected keyword argument '(\w+)'", words)
        near = name_nearest(keyword[1], [field.name for field in fields(Migration)]) if keyword else ""
        place = f"{Path(at.filename).name}, line {at.lineno}"
        raise CannotJudge(f"{where} cannot be imported: {type(error).__name__}: {words}{near} ({place})") from None
    migration = getattr(found, name, None)
    if not isinstance(migration, Migration):
        known = [known for known, value in vars(found).items() if isinstance(value, Migration)]
        what = f"is a {type(migration).__name__}" if hasattr(found, name) else "is not there"
        near = name_nearest(name, known) or (f" (there is {known[0]})" if known else "")
        raise CannotJudge(f"{where}: {name or 'a name after a colon'} {what}, want a postmigration.Migration{near}")
    if grouped := [change for change in migration.changes if change.group]:
        words = f"{describe_change(grouped[0])}: group is for migration.toml, say reason"
        raise CannotJudge(f"{where}: {words}")
    refuse_unreviewed(where, {describe_change(change): change.reason for change in migration.changes})
    if migration.tables and not migration.legacy_tables:
        raise CannotJudge(f"{where}: legacy_tables is empty: name the tables that stood before the migration")
    if strangers := [table for table in migration.legacy_tables if table not in migration.tables]:
        near = name_nearest(strangers[0], migration.tables)
        raise CannotJudge(f"{where}: {strangers[0]} of legacy_tables is not among tables{near}")
    return migration
