"""Tools whose files begin with a version, which is all that their ledgers hold."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from postmigration.checks.history import Entry
from postmigration.checks.migration_files.files import Differences, MigrationFiles, display, list_files

_MIGRATIONS = ("migrations", "db/migrations", "db/migration", "database/migrations")
_UP = re.compile(rb"^--\s*migrate:up\b", re.MULTILINE)
# The first migration of early versions of Supabase's command line, which the later ones pass over.
_EARLY_INIT = re.compile(r"(\d{14})_init\.sql")
_PASSED_OVER_UNTIL = 20211209000000


class _Versions(MigrationFiles):
    """Files that begin with a version."""

    name: ClassVar[re.Pattern[str]]
    pattern: ClassVar[str] = "*.sql"
    conventional: ClassVar[tuple[str, ...]] = _MIGRATIONS
    # Where the tool goes on without the files of old migrations, and people delete them.
    prunes: ClassVar[bool] = False

    def __init__(self, places: Sequence[Path], *, named: bool) -> None:
        super().__init__(places, named=named)
        paths = list_files(places, self.pattern)
        files = [(match, path) for path in paths if (match := self.name.fullmatch(path.name))]
        self.files = {self.normalize(match[1]): path for match, path in files if self.is_meant(path, files[0][1])}
        self.ordered = sorted(self.files, key=int)

    def is_meant(self, path: Path, first: Path) -> bool:
        """Whether a file is a migration, beside the first of them."""
        return True

    @staticmethod
    def normalize(version: str) -> str:
        """A version as it is compared."""
        return str(int(version)) if version.isdigit() else version

    @property
    def count(self) -> int:
        """How many migrations there are."""
        return len(self.files)

    def compare(self, entries: Sequence[Entry]) -> Differences:
        """Holds versions against those of the ledger."""
        applied = {self.normalize(entry.name): entry.name for entry in entries if entry.applied}
        strangers = {version: name for version, name in applied.items() if version not in self.files}
        first = int(self.ordered[0])
        old = {v for v in strangers if self.prunes and v.isdigit() and int(v) < first}
        return Differences(
            pending=[self.show(version) for version in self.ordered if version not in applied],
            unknown=[name for version, name in strangers.items() if version not in old],
            pruned=[name for version, name in strangers.items() if version in old],
        )

    def show(self, version: str) -> str:
        """The name of the file of a version."""
        return display(self.files[version].name)


class GolangMigrate(_Versions):
    """Files `1_title.up.sql`, as github.com/golang-migrate/migrate has them in MIGRATIONS.md and `source/parse.go`.

    The ledger holds one version, which stands for all up to it.
    """

    tool = ledger = "golang-migrate"
    command = "migrate up"
    known_by = "golang-migrate's 1_TITLE.up.sql"
    alike = ("sqlx",)
    name = re.compile(r"([0-9]+)_.*\.(?:up|down)\..*")
    pattern = "*.*.*"

    def is_meant(self, path: Path, first: Path) -> bool:
        """Whether a file leads up."""
        return ".up." in path.name

    def compare(self, entries: Sequence[Entry]) -> Differences:
        """Holds the versions against the one that the ledger stands at."""
        heads = [int(entry.name) for entry in entries if entry.applied and entry.name.isdigit()]
        at = max(heads, default=-1)
        return Differences(
            pending=[self.show(version) for version in self.ordered if int(version) > at],
            unknown=[str(head) for head in heads if str(head) not in self.files],
        )


class Dbmate(_Versions):
    """Files `1_name.sql` with a line `-- migrate:up`, as dbmate's README.md and `pkg/dbmate/db.go` have them."""

    tool = "dbmate"
    ledger = "Rails or dbmate"
    command = "dbmate up"
    known_by = "dbmate's 1_NAME.sql with a line -- migrate:up"
    name = re.compile(r"([0-9]+).*\.sql")
    prunes = True

    @classmethod
    def holds_some(cls, place: Path, *, named: bool) -> bool:
        """Whether one of the files says what leads up: others name their files alike."""
        return any(_UP.search(path.read_bytes()) for path in cls([place], named=named).files.values())

    @staticmethod
    def normalize(version: str) -> str:
        """A version as it is compared: as text, zeros before it included."""
        return version


class Supabase(_Versions):
    """Files `1_name.sql` in `supabase/migrations`, as supabase.com/docs has them in "Database migrations".

    Which names count is in the command line's own `pkg/migration/list.go`.
    """

    tool = ledger = "Supabase"
    command = "supabase db push"
    known_by = "Supabase's supabase/migrations/1_NAME.sql"
    name = re.compile(r"([0-9]+)_.*\.sql")
    conventional = ("supabase/migrations",)

    @classmethod
    def find(cls, root: Path, *, named: bool) -> list[Path]:
        """Finds `supabase/migrations`, whichever part of it is named: others name their files alike."""
        whole = root.resolve()
        inside = root / "migrations" if whole.name == "supabase" else root
        its_own = named and (whole.name == "supabase" or whole.parts[-2:] == ("supabase", "migrations"))
        if its_own and cls.holds_some(inside, named=named):
            return [inside]
        return super().find(root, named=False)

    def is_meant(self, path: Path, first: Path) -> bool:
        """Whether a file is more than the first one of early versions."""
        early = _EARLY_INIT.fullmatch(path.name) if path == first else None
        return not (early and int(early[1]) < _PASSED_OVER_UNTIL)

    @staticmethod
    def normalize(version: str) -> str:
        """A version as it is compared: as text."""
        return version


class Rails(_Versions):
    """Files `1_name.rb` in `db/migrate`, as guides.rubyonrails.org has them in "Active Record Migrations"."""

    tool = "Rails"
    ledger = "Rails or dbmate"
    command = "rails db:migrate"
    known_by = "Rails' db/migrate/1_NAME.rb"
    name = re.compile(r"([0-9]+)_[_a-z0-9]*\.?[_a-z0-9]*\.rb")
    pattern = "**/*.rb"
    conventional = ("db/migrate",)
    prunes = True
