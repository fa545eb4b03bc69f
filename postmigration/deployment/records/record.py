"""What a command leaves behind of what it established, bound to what it was established of."""

from __future__ import annotations

import datetime
from typing import Annotated, Literal

import msgspec

from postmigration.model.migration import RecordedCommand

SCHEMA_VERSION = 1

Outcome = Literal["passed", "failed", "not judged", "not applicable", "broken", "warned", "left out"]
Seconds = Annotated[float, msgspec.Meta(ge=0)]
Moment = Annotated[datetime.datetime, msgspec.Meta(tz=True)]
# SHA-256, in hexadecimal.
Hash = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]
NoHash = Annotated[str, msgspec.Meta(pattern=r"^([0-9a-f]{64})?\Z")]
# Relative, so that it leads to the report wherever both are moved together.
Link = Annotated[str, msgspec.Meta(pattern=r"^([^/\\\x00-\x1f][^\\\x00-\x1f]*)?\Z")]


class Database(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which database a command was about.

    Args:
        label: user, host, port and name, never a password.
        version: of its server.
        system: the server's system identifier; None where the role may not read it. Clones share it.
        oid: the identifier of the database within its server.
        started: when the server process started, as the server says it; tells clones apart while they run.
    """

    label: str
    version: str
    system: str | None
    oid: str
    started: str


class File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file as it was when the command ran: a script of the migration or of its rollback, or one of a backup.

    Args:
        name: the file's path below the project's directory, with slashes.
        sha256: of its bytes, in hexadecimal.
    """

    name: str
    sha256: Hash


class Check(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How one check ended.

    Args:
        nodeid: where it stands, by which it can be run again.
        plan: its number in the deployment plan; None beyond it.
        warned: it has warnings.
        codes: of its blockers.
    """

    nodeid: str
    plan: int | None
    group: str
    title: str
    outcome: Outcome
    warned: bool = False
    codes: tuple[str, ...] = ()


class Step(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A step of a rehearsal.

    Args:
        seconds: how long it took to do.
        judged: how many seconds it took to judge what it did.
        locks: what it locked for long, and what that blocked.
        rows_lost: rows written after the migration that it loses; None where it was not tried or counted.
    """

    title: str
    outcome: Outcome
    seconds: Seconds = 0
    judged: Seconds = 0
    locks: tuple[str, ...] = ()
    rows_lost: int | None = None


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one run of a command established.

    Args:
        command: which; `gate` is `pytest` in a project, `check` is `postmigration check`.
        environment: where the database stands in the plan (`staging`, `production`), as `--environment` named it;
            empty where it was not named.
        started, ended: when, with a time zone.
        word: what it came to, as the command says it (GO, NO-GO, PROVEN …).
        sentence: the rest of its last line.
        status: its exit status; 0 alone proves something, but for a rehearsal, whose steps tell each for itself.
        database: what was judged; None where no server was reached.
        baseline: the state before, where that is a database.
        demonstration: it was a world that postmigration made for itself.
        backup: the files of the state before: the backup or fingerprint that was written, verified or used, and the
            fingerprint with which a backup was compared.
        scripts: the project's scripts, of the migration and of its rollback.
        declarations: the files of a project that say what was meant, and its own checks.
        commit: of the project's repository, with `+changes` behind it where files differ; empty where there is none.
        suite: the version of postmigration.
        weakened: what let something pass that would otherwise not.
        checks: how each check ended, those that were left out too; of the gate and of `check`.
        steps: of a rehearsal.
        report: the path of the report as seen from the directory of the record; empty where there is none.
        report_sha256: of the report as it was, which a later run may have replaced since.
        facts: what else a reader should know, by name.
        schema_version: of this format.
        checksum: the SHA-256 of all other fields, which tells a record that was changed by hand.
        signature: the HMAC of the same with the key of `POSTMIGRATION_RECORDS_KEY`; empty where that was not set. Who
            changes a record can compute the checksum anew, and not the signature.
    """

    command: RecordedCommand
    environment: str = ""
    started: Moment
    ended: Moment
    word: str
    sentence: str
    status: int
    database: Database | None = None
    baseline: Database | None = None
    demonstration: bool = False
    backup: tuple[File, ...] = ()
    scripts: tuple[File, ...] = ()
    declarations: tuple[File, ...] = ()
    commit: str = ""
    suite: str
    weakened: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()
    steps: tuple[Step, ...] = ()
    report: Link = ""
    report_sha256: NoHash = ""
    facts: dict[str, str] = {}
    schema_version: int = SCHEMA_VERSION
    checksum: NoHash = ""
    signature: NoHash = ""
