"""Pages whose checksum is wrong, and how far the database is from the end of its transaction numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from postmigration.checks.contents.examination import Examination, count
from postmigration.model.evidence import Severity
from postmigration.postgres.connection import Snapshot

# Those of this database and of the relations that all share; NULL where checksums are off.
_CHECKSUMS = """
    SELECT sum(checksum_failures) AS failures, max(checksum_last_failure) AS last,
           current_setting('data_checksums') = 'on' AS kept
    FROM pg_stat_database WHERE datid = 0 OR datname = current_database()
"""

# The failsafe came with version 14; older servers warn at the same age by themselves.
_AGES = """
    WITH relation AS (
        SELECT format('%I.%I', n.nspname, c.relname) AS name, age(c.relfrozenxid) AS xids,
               mxid_age(c.relminmxid) AS mxids
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'm', 't')
    ), ages AS (
        SELECT 'transaction' AS what, age(datfrozenxid)::bigint AS age, '' AS part,
               (SELECT name FROM relation ORDER BY xids DESC, 1 LIMIT 1) AS oldest
        FROM pg_database WHERE datname = current_database()
        UNION ALL
        SELECT 'multixact', mxid_age(datminmxid), 'multixact_',
               (SELECT name FROM relation ORDER BY mxids DESC, 1 LIMIT 1)
        FROM pg_database WHERE datname = current_database()
    ), limits AS (
        SELECT ages.*, current_setting(format('autovacuum_%sfreeze_max_age', part))::bigint AS usual,
               coalesce(current_setting(format('vacuum_%sfailsafe_age', part), true)::bigint, 1600000000) AS last
        FROM ages
    )
    SELECT what, age, usual, greatest(last, usual * 1.05)::bigint AS last, oldest FROM limits
"""


@dataclass(frozen=True)
class Age:
    """How old the oldest transaction or multixact is.

    Args:
        what: which of them.
        age: how many came since.
        freeze: from which age autovacuum sees to it; `failsafe`: from which it drops all else for it.
        table: the table that holds it.
    """

    what: str
    age: int
    freeze: int
    failsafe: int
    table: str

    @property
    def severity(self) -> Severity | None:
        """How grave it is by itself; None where it is nothing."""
        if self.age > self.failsafe:
            return "blocker"
        return "warning" if self.age > 2 * self.freeze else None


def examine_checksums(after: Snapshot, before: Snapshot | None) -> Examination:
    """Looks at what the server has counted.

    Args:
        before: the state before; None where there is none.
    """
    found = Examination()
    now = after.rows(_CHECKSUMS)[0]
    if not now.kept:
        found.inapplicable = "the server keeps no checksums"
        return found
    found.facts = 1
    if failures := int(now.failures or 0):
        inherited = before is not None and int(before.rows(_CHECKSUMS)[0].failures or 0) >= failures
        words = f"the server has counted {count(failures, 'wrong checksum')} of pages of this database, "
        words += f"the last at {now.last:%Y-%m-%d %H:%M:%S}"
        found.add(words + ("; it was so before" if inherited else ""), blocker=not inherited)
    return found


def examine_ages(after: Snapshot, before: Snapshot | None) -> Examination:
    """Compares the age of the oldest transaction and multixact with the limits of the server.

    Args:
        before: the state before; None where there is none with ages of its own.
    """
    found = Examination()
    older = {} if before is None else {age.what: age.severity for age in _read(before)}
    for age in _read(after):
        found.facts += 1
        if age.severity is None:
            continue
        limit = f"twice autovacuum's limit of {age.freeze:,}"
        if age.severity == "blocker":
            limit = f"the age of {age.failsafe:,} from which vacuum drops all else to prevent wraparound"
        words = f"the oldest {age.what} of the database is {age.age:,} {age.what}s old, in {age.table}: above {limit}"
        # What was as grave before is one step milder.
        inherited = older.get(age.what) in ("blocker", age.severity)
        if inherited and age.severity == "warning":
            found.notes.append(f"{words}; it was so before")
        else:
            words += "; it was so before" if inherited else ""
            found.add(
                words, blocker=age.severity == "blocker" and not inherited, repair=f"VACUUM (FREEZE) {age.table};"
            )
    return found


def _read(side: Snapshot) -> Iterator[Age]:
    for row in side.rows(_AGES):
        yield Age(row.what, row.age, row.usual, row.last, row.oldest)
