"""A base backup of pg_basebackup, verified by its manifest and started on a copy; the backup itself is only read."""

from __future__ import annotations

import os
import re
import secrets
import shutil
from pathlib import Path

from psycopg import sql

from postmigration.model.errors import CannotJudge
from postmigration.postgres import embedded
from postmigration.postgres.scratch.cluster import Cluster
from postmigration.postgres.scratch.programs import Installation, find_binaries, give_away, run_program

_OLDEST = 15
# What says how the server of the backup runs, and of whom it takes and to whom it gives: the copy has settings of ours,
# takes part in no replication and makes its own history.
_LEFT_OUT = frozenset(
    (
        *(
            "postgresql.conf",
            "postgresql.auto.conf",
            "pg_hba.conf",
            "pg_ident.conf",
            "standby.signal",
            "recovery.signal",
        ),
        *(
            "postmaster.pid",
            "postmaster.opts",
            "tablespace_map",
            "backup_manifest",
            "log",
            "pg_log",
            "current_logfiles",
        ),
    )
)
# Nothing of the backup runs by itself, is sent anywhere or is fetched from anywhere, and nothing of it is loaded.
_SETTINGS = {
    "archive_mode": "off",
    "autovacuum": "off",
    "hot_standby": "off",
    "lo_compat_privileges": "on",
    "max_logical_replication_workers": "0",
    "restart_after_crash": "off",
    "ssl": "off",
}
# As a superuser who is nobody's session: settings of roles and databases do not count there. Libraries that those name
# would be loaded by every session later.
_PREPARATION = """
UPDATE pg_catalog.pg_db_role_setting SET setconfig = ARRAY(SELECT c FROM pg_catalog.unnest(setconfig) c \
WHERE c OPERATOR(pg_catalog.!~*) '^(session|local)_preload_libraries=');
CREATE ROLE {owner} LOGIN NOSUPERUSER BYPASSRLS;
GRANT pg_read_all_data, pg_monitor TO {owner};
"""
_FACT = re.compile(r"^(.+?):\s+(.*)$", re.MULTILINE)


def divide(text: str) -> tuple[Path, str] | None:
    """The directory of a base backup and the database in it that a text names; None where it names none.

    Args:
        text: the directory, or with a `#` the directory and the name of a database.
    """
    place, _, database = (text, "", "") if Path(text).exists() else text.rpartition("#")
    path = Path(place)
    is_one = place and path.is_dir() and ((path / "PG_VERSION").is_file() or any(path.glob("base.tar*")))
    return (path, database) if is_one else None


def find_path(text: str) -> Path:
    """The directory of a base backup that a text names, with a database in it or without; else the file."""
    found = divide(text)
    return found[0] if found else Path(text)


class BaseBackup(Cluster):
    """A running copy of a base backup; deleted when it is stopped or the process ends.

    Args:
        path: the directory of the backup.

    Raises:
        CannotJudge: it is none, is damaged, or cannot be started here.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = path.resolve().name
        version = self._identify()
        binaries = find_binaries(version)
        if binaries is None:
            raise CannotJudge(
                f"{self.name} is a base backup of PostgreSQL {version}, which only a server of that version can read: "
                f"install PostgreSQL {version}"
            )
        self.owner = f"postmigration_{secrets.token_hex(6)}"
        self.superuser = self.owner
        super().__init__(Installation(version, binaries))

    def _identify(self) -> int:
        """Its major version."""
        if not (self.path / "PG_VERSION").is_file():
            raise CannotJudge(
                f"{self.name} is a base backup in tar format: unpack base.tar, and pg_wal.tar in its pg_wal, or take "
                "it with pg_basebackup --format=plain"
            )
        text = (self.path / "PG_VERSION").read_text().strip()
        if not text.isdecimal() or int(text) < _OLDEST:
            raise CannotJudge(f"{self.name} is a base backup of PostgreSQL {text[:10]}: want {_OLDEST} or newer")
        if not (self.path / "backup_manifest").is_file():
            raise CannotJudge(
                f"{self.name} is a data directory without backup_manifest, so that nothing tells whether it is whole: "
                "name what pg_basebackup has written, or a dump"
            )
        if next(self.path.glob("base/*/INCREMENTAL.*"), None):
            raise CannotJudge(f"{self.name} is an incremental base backup: name what pg_combinebackup makes of it")
        return int(text)

    def _make(self) -> None:
        self._verify()
        self._copy()
        self._prepare()

    def _verify(self) -> None:
        program = self.binaries / "pg_verifybackup"
        if not program.exists():
            raise CannotJudge(f"{self.name} cannot be verified: there is no {program}")
        done = run_program([program, "--quiet", self.path.resolve()], self.directory, as_ourselves=True)
        if done.returncode:
            lines = [line.partition("error: ")[2] or line for line in done.stdout.splitlines() if line.strip()]
            words = "; ".join(lines[:2])[:300]
            more = f" and {len(lines) - 2:,} more complaints" if len(lines) > 2 else ""
            raise CannotJudge(
                f"{self.name} is damaged: pg_verifybackup says '{words}'{more}; copy it again, or name another backup"
            )

    def _copy(self) -> None:
        try:
            size = sum(file.stat().st_size for file in self.path.rglob("*") if file.is_file())
            if size > shutil.disk_usage(self.directory).free:
                raise CannotJudge(embedded.explain(f"the copy of {self.name} takes {size >> 20:,} MB"))
            self.size = size
            shutil.copytree(self.path, self.data, ignore=self._ignore, copy_function=shutil.copyfile)
        except shutil.Error as error:
            raise CannotJudge(f"{self.name} cannot be copied: {error.args[0][0][2]}") from None
        except PermissionError as error:
            raise CannotJudge(f"{self.name} cannot be read: {error.filename}: {error.strerror}") from None
        self.data.chmod(0o700)
        for place in (self.data / "pg_tblspc").glob("*"):
            # What was a link is a directory now, which the server takes for an error.
            moved = self.directory / "tablespaces" / place.name
            moved.parent.mkdir(exist_ok=True)
            place.rename(moved)
            place.symlink_to(moved)

    def _ignore(self, directory: str, names: list[str]) -> set[str]:
        """What is not copied of a directory; a link where the server makes none could lead anywhere."""
        place = Path(directory)
        if place == self.path:
            return set(names) & _LEFT_OUT
        if place.name in ("pg_replslot", "pg_stat_tmp", "pg_notify") and place.parent == self.path:
            return set(names)
        for name in names:
            if (place / name).is_symlink() and place.name != "pg_tblspc":
                raise CannotJudge(f"{self.name} has a symbolic link where PostgreSQL makes none: {place / name}")
        return set()

    def _prepare(self) -> None:
        """Gives the copy settings of ours, lets it recover, and makes a role that may read and nothing else."""
        give_away(self.directory)
        said = self._run("pg_controldata", "-D", self.data)
        facts = {name: value.strip() for name, value in _FACT.findall(said)}
        settings = {**_SETTINGS, "max_prepared_transactions": facts.get("max_prepared_xacts setting", "0")}
        if self.version >= 17:
            settings["event_triggers"] = "off"
        self._configure(settings)
        (self.data / "pg_hba.conf").write_text(f"local all {self.owner} trust\n")
        (self.data / "pg_ident.conf").touch()
        give_away(self.directory)
        name = sql.Identifier(self.owner).as_string()
        self._run(
            *("postgres", "--single", "-D", self.data, "-O", "-c", "exit_on_error=on", "template1"),
            text=_PREPARATION.replace("{owner}", name),
        )

    def find_database(self, wanted: str, *, exact: bool) -> str:
        """The database in it that is meant.

        Args:
            wanted: its name, or that of the one with which it is compared.
            exact: the user has named it.

        Raises:
            CannotJudge: it is not known which.
        """
        with self.connect("template1") as connection:
            rows = connection.execute(
                "SELECT datname FROM pg_catalog.pg_database WHERE datallowconn AND NOT datistemplate ORDER BY 1"
            ).fetchall()
        names = [str(name) for (name,) in rows]
        if wanted in names:
            return wanted
        others = [name for name in names if name != "postgres"]
        if not exact and len(others) == 1:
            return others[0]
        what = f"no database {wanted}" if exact or wanted else "several databases"
        raise CannotJudge(
            f"{self.name} is a base backup with {what} (there are {', '.join(names) or 'none'}): name one of them "
            f"behind a #, as in {os.fspath(self.path)}#{names[0] if names else 'NAME'}"
        )

    def describe(self, database: str) -> str:
        """A sentence for the report."""
        label = (self.path / "backup_label").read_text() if (self.path / "backup_label").is_file() else ""
        started = re.search(r"^START TIME: (.*)$", label, re.MULTILINE)
        when = f", begun at {started[1]}" if started else ""
        return (
            f"{self.name}: base backup of PostgreSQL {self.version}{when}, {self.size:,} bytes, verified by its "
            f"manifest and started on a copy: the database {database}"
        )
