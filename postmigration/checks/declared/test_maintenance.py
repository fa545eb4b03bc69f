"""The database is not still in maintenance: whoever judges it pins settings of their own, and people do not."""

from postmigration import Finding, Target
from postmigration.checks.restrictions import Restriction, find_lowered_limit, restrictions


def test_nothing_was_left_in_maintenance(target: Target) -> None:
    """The database, and the roles of its API, can connect, write and find the tables, as they could before.

    Impact: Everything is migrated well, and the application cannot connect, or cannot write, or finds no table.

    Likely causes: Somebody set the database to read only, took CONNECT away or limited the connections for the time of
    the migration, and did not set it back; or a script set a search_path for good that it needed for itself.

    Fix: Set back what is named. What the state before has as well is reported, and does not fail.
    """
    found, others = restrictions(target.snapshot)
    inherited: set[Restriction] = set()
    if target.baseline is not None:
        inherited = set(restrictions(target.baseline)[0])
        lowered = find_lowered_limit(target.baseline, target.snapshot)
        found += [lowered] if lowered is not None and lowered not in found else []
    target.state(facts=1 + len(found))
    for restriction in found:
        if restriction in inherited:
            target.note(f"so before the migration too: {restriction.statement}")
        else:
            target.evidence.findings.append(Finding(restriction.statement, 1, 1, severity=restriction.severity))
    for words in others:
        target.note(words)
