"""Which migration tools have files in a directory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from postmigration.checks.migration_files.alembic import Alembic
from postmigration.checks.migration_files.django import Django
from postmigration.checks.migration_files.files import MigrationFiles
from postmigration.checks.migration_files.flyway import Flyway
from postmigration.checks.migration_files.prisma import Prisma
from postmigration.checks.migration_files.versions import Dbmate, GolangMigrate, Rails, Supabase
from postmigration.model.errors import CannotJudge

TOOLS: tuple[type[MigrationFiles], ...] = (
    *(Alembic, Django, Flyway, Prisma),
    *(Supabase, GolangMigrate, Dbmate, Rails),
)


def find_files(roots: Sequence[Path], *, named: bool) -> list[MigrationFiles]:
    """Finds the files of all tools in directories, those of one tool together.

    Args:
        roots: the directories.
        named: a user has named them; otherwise only what lies where a tool expects it is found.

    Raises:
        CannotJudge: a file cannot be read.
    """
    try:
        found = {tool: [place for root in roots for place in tool.find(root, named=named)] for tool in TOOLS}
        return [tool(places, named=named) for tool, places in found.items() if places]
    except OSError as error:
        raise CannotJudge(f"{error.filename}: cannot be read: {error.strerror}") from None


def refuse_none(root: Path) -> None:
    """Makes sure that a directory that a user named holds migration files, those of each tool in one place.

    Raises:
        CannotJudge: it holds none, or those of one tool lie in two places.
    """
    found = find_files([root], named=True)
    if not found:
        raise CannotJudge(
            f"--migration-files={root}: no migration file of a known tool is there "
            f"(looked for {', '.join(tool.known_by for tool in TOOLS)})"
        )
    for files in found:
        if len(files.places) > 1:
            where = " and ".join(map(str, files.places))
            raise CannotJudge(f"--migration-files={root}: {files.tool} has files in {where}: name those that are meant")
