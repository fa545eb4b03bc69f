"""What let a record say yes where it would otherwise have said no: that needs a signature."""

from __future__ import annotations

from collections.abc import Sequence

from postmigration.deployment.binding import describe, find_source
from postmigration.deployment.evidence import GATES, PRODUCTION, VERIFY, find_lost, name_lost, name_record
from postmigration.deployment.records.record import Database
from postmigration.deployment.records.store import Stored
from postmigration.deployment.subject import is_same_database


def list_weaknesses(stored: Stored, everything: Sequence[Stored]) -> list[str]:
    """What let a record say yes where it would otherwise not: a person must sign that.

    Args:
        everything: all records.
    """
    record, name = stored.record, name_record(stored)
    found = [f"{name} was weakened: {'; '.join(record.weakened)}"] if record.weakened else []
    if record.command == VERIFY and find_source(record, [one.record for one in everything]) is None:
        against = "nothing (--against)"
        if "against" in record.facts:
            against = f"{record.facts['against']}, and no record says of which database that is"
        found.append(f"{name} compared the backup with {against}")
    return [*found, *_find_dropped(stored, everything), *_find_other_baseline(stored, everything)]


def _find_other_baseline(stored: Stored, everything: Sequence[Stored]) -> list[str]:
    """A database of the state before that is another one than that of which the environment's records are."""
    record = stored.record
    if record.command not in GATES or record.baseline is None or knows_baseline(stored, everything):
        return []
    known = _find_source(record.environment, everything)
    if known is None:
        return []
    other, source = known
    return [
        f"{describe_baseline(stored)}, and the {name_record(other)} was of {describe(source)}",
    ]


def describe_baseline(stored: Stored) -> str:
    """With which database a gate has compared, for a line."""
    baseline = stored.record.baseline
    return f"{name_record(stored)} was compared with {describe(baseline) if baseline else 'no database'}"


def knows_baseline(stored: Stored, everything: Sequence[Stored]) -> bool:
    """Whether the database with which a gate has compared is that of which the newest record of a state before is.

    Of its environment, or of production, as staging may be compared with.
    """
    sources = [_find_source(environment, everything) for environment in (stored.record.environment, PRODUCTION)]
    baseline = stored.record.baseline
    return baseline is not None and any(known and is_same_database(known[1], baseline) for known in sources)


def has_source(environment: str, everything: Sequence[Stored]) -> bool:
    """Whether any record says of which database the state before of an environment is."""
    return _find_source(environment, everything) is not None


def _find_source(environment: str, everything: Sequence[Stored]) -> tuple[Stored, Database] | None:
    """The newest record of a state before of an environment, and the database that it is of."""
    records = [other.record for other in everything]
    for other in reversed(everything):
        if other.record.environment == environment and (source := find_source(other.record, records)) is not None:
            return other, source
    return None


def _find_dropped(stored: Stored, everything: Sequence[Stored]) -> list[str]:
    """What an earlier run found wrong, by other declarations or checks, and this one did not look at."""
    record = stored.record
    scripts = {file.name for file in record.scripts}
    earlier = [
        other
        for other in everything
        if (other.record.command, other.record.environment) == (record.command, record.environment)
        and record.command in GATES
        and other.record.ended < record.ended
        and not other.record.demonstration
        # Those of an earlier deployment were of other files.
        and (not scripts or scripts & {file.name for file in other.record.scripts})
    ]
    # What was lost by the same declarations stands in the way, and needs no signature.
    lost = {
        nodeid: one
        for nodeid, one in find_lost([*earlier, stored]).items()
        if one.record.declarations != record.declarations
    }
    return [f"{name_record(stored)} was without {name_lost(lost)}"] if lost else []
