"""Why a record does not count: it is of another database, of other scripts, of another commit, or too old."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from postmigration.deployment.records.clocks import show_span, show_time
from postmigration.deployment.records.record import Database, File, Record
from postmigration.deployment.subject import is_same_database

# The world that the suite makes for itself proves something of the scripts, and nothing of any database.
DEVELOPMENT = "development"
# They judge the database that was migrated, which may be another one than that of before.
_OF_THE_TARGET = ("gate", "check", "watch")
_OF_A_DATABASE = (*_OF_THE_TARGET, "fingerprint", "workload")
# A backup is as good with other scripts, and what an application sent is what it sent.
_OF_THE_SCRIPTS = (*_OF_THE_TARGET, "rehearse", "fingerprint")
_OF_THE_COMMIT = ("gate", "check", "rehearse")
_NAMED = 3
_SHORT = 12


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a record must be of to count.

    Args:
        now: the present.
        suite: the version of postmigration that judges the plan.
        environment: where the database stands in the plan; any where it is empty.
        scripts: the project's scripts as they are; where there are none, only the gate's are compared.
        declarations: what the project declares and its checks, as they are; none are compared where there are none.
        commit: the project's commit; not compared where it is empty.
        source: the database whose state before is kept; None where nobody named it.
        database: the one that was migrated; None for that of the newest record of the same environment.
        within: how long a record counts; None for ever.
        records: all records that are known.
    """

    now: datetime.datetime
    suite: str
    environment: str = ""
    scripts: Sequence[File] = ()
    declarations: Sequence[File] = ()
    commit: str = ""
    source: Database | None = None
    database: Database | None = None
    within: datetime.timedelta | None = None
    records: Sequence[Record] = ()


def find_reasons(record: Record, wanted: Wanted) -> list[str]:
    """Why a record does not count, whatever it says; each reason begins with what the record did."""
    return list(_find_reasons(record, wanted))


def find_database(records: Sequence[Record], environment: str) -> Record | None:
    """The newest record that names the migrated database of an environment; None where there is none."""
    known = [
        record
        for record in records
        if record.database is not None
        and record.command in _OF_THE_TARGET
        and record.environment == environment
        and not record.demonstration
    ]
    return max(known, key=lambda record: record.ended, default=None)


def _find_reasons(record: Record, wanted: Wanted) -> Iterator[str]:
    if wanted.environment and record.environment != wanted.environment:
        where = f"of {record.environment}" if record.environment else "of no named environment (--environment)"
        yield f"was {where}, and not of {wanted.environment}"
    if record.demonstration:
        if wanted.environment != DEVELOPMENT:
            yield "was of the demonstration world, and of no database of yours"
    elif record.database is None and record.command in _OF_A_DATABASE:
        yield "reached no database"
    elif record.database is not None and record.command in _OF_THE_TARGET:
        yield from _compare_databases(record, record.database, wanted)
    if (source := find_source(record, wanted.records)) is not None:
        yield from _compare_sources(record, source, wanted)
    # A rehearsal may have been told of scripts that the project does not declare.
    if record.command in _OF_THE_SCRIPTS and (wanted.scripts or (record.command == "gate" and record.scripts)):
        yield from _compare_scripts(record, wanted.scripts)
    if record.command == "gate" and (differing := find_differing(wanted.declarations, record.declarations)):
        yield f"was judged by other declarations or checks: {differing}"
    if record.command in _OF_THE_COMMIT and wanted.commit:
        yield from _compare_commits(wanted.commit, record.commit)
    if record.suite != wanted.suite:
        yield f"was made by postmigration {record.suite}, and this is {wanted.suite}"
    taken = _find_fingerprint(record, wanted.records)
    age = wanted.now - (record.ended if taken is None else min(taken.ended, record.ended))
    if wanted.within is not None and age > wanted.within:
        what = "was" if taken is None else "compared the backup with a fingerprint of"
        yield f"{what} {show_span(age)} ago, and proves nothing after {show_span(wanted.within)}"


def _compare_databases(record: Record, database: Database, wanted: Wanted) -> Iterator[str]:
    newest = find_database(wanted.records, record.environment) if record.environment else None
    if wanted.database is not None:
        if not is_same_database(database, wanted.database):
            yield f"was of another database: {describe(database)}, and not {describe(wanted.database)}"
    elif newest is not None and newest.database is not None and not is_same_database(database, newest.database):
        yield (
            f"was of another database: {describe(database)}, and the {newest.command} of {show_time(newest.ended)} "
            f"was of {describe(newest.database)}"
        )
    for other in _find_elsewhere(record, database, wanted.records):
        yield (
            f"was of {describe(database)}, which the {other.command} of {show_time(other.ended)} calls "
            f"{other.environment}: {record.environment} and {other.environment} are the same database"
        )
        break


def find_source(record: Record, records: Sequence[Record]) -> Database | None:
    """The database of before that a backup, a fingerprint or a rehearsal was of; None where it was of files alone.

    Args:
        records: all that are known: a backup that was compared with a fingerprint is of the database of that.
    """
    if record.command == "fingerprint":
        return record.database
    if (taken := _find_fingerprint(record, records)) is not None:
        return taken.database
    return record.baseline if record.command in ("verify-backup", "rehearse") else None


def _find_fingerprint(record: Record, records: Sequence[Record]) -> Record | None:
    """The record of the fingerprint with which a backup was compared: it is no younger than that."""
    if record.command != "verify-backup" or record.baseline is not None:
        return None
    files = {file.sha256 for file in record.backup}
    taken = (other for other in records if other.command == "fingerprint")
    return next((other for other in taken if files & {file.sha256 for file in other.backup}), None)


def _compare_sources(record: Record, source: Database, wanted: Wanted) -> Iterator[str]:
    """Whether the state before is that of the database that was named, and of which the other records are."""
    if wanted.source is not None:
        if not is_same_database(source, wanted.source):
            yield f"was of another database: {describe(source)}, and not {describe(wanted.source)}"
        return
    for other in reversed(wanted.records):
        if other.environment != record.environment or other.ended <= record.ended:
            continue
        if (later := find_source(other, wanted.records)) is not None and not is_same_database(source, later):
            yield (
                f"was of another database: {describe(source)}, and the {other.command} of {show_time(other.ended)} "
                f"was of {describe(later)}"
            )
            return


def _find_elsewhere(record: Record, database: Database, records: Sequence[Record]) -> Iterator[Record]:
    """The records that give the same database another place in the plan."""
    for other in records:
        if other.command in _OF_THE_TARGET and other.database is not None and not other.demonstration:
            named = record.environment and other.environment and record.environment != other.environment
            if named and is_same_database(database, other.database):
                yield other


def describe(database: Database) -> str:
    """A database, by what tells it from others of its name."""
    return f"{database.label} (system {database.system or 'unknown'}, started {database.started})"


def _compare_scripts(record: Record, wanted: Sequence[File]) -> Iterator[str]:
    """How the scripts of a record differ from those that there are now, by their names."""
    if not record.scripts:
        why = "it was not run in the project's directory"
        if record.command == "check":
            why = "postmigration check knows none; run pytest in the project's directory"
        yield f"says nothing of scripts: {why}"
        return
    if differing := find_differing(wanted, record.scripts):
        yield f"was made with other scripts: {differing}"


def find_differing(wanted: Sequence[File], found: Sequence[File]) -> str:
    """Which files differ from those that there are now, and how; empty where none does."""
    now, then = ({file.name: file.sha256 for file in files} for files in (wanted, found))
    differing = (
        ("changed since", [name for name in now if name in then and now[name] != then[name]]),
        ("new since", [name for name in now if name not in then]),
        ("gone since", [name for name in then if name not in now]),
    )
    return ", ".join(f"{list_names(names)} {how}" for how, names in differing if names)


def _compare_commits(wanted: str, found: str) -> Iterator[str]:
    if not found:
        yield f"knows no commit, and this is {_shorten(wanted)}"
    elif found.partition("+")[0] != wanted.partition("+")[0]:
        yield f"was made at commit {_shorten(found)}, and this is {_shorten(wanted)}"
    elif "+" in found:
        yield f"was made with changes to commit {_shorten(wanted.partition('+')[0])} that nobody has committed"
    elif "+" in wanted:
        yield f"was made at commit {_shorten(found)}, and this directory holds changes that nobody has committed"


def _shorten(commit: str) -> str:
    name, plus, changes = commit.partition("+")
    return f"{name[:_SHORT]}{plus}{changes}"


def list_names(names: Sequence[str]) -> str:
    """The first few names, and how many more there are."""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{', '.join(names[:_NAMED])}{more}"
