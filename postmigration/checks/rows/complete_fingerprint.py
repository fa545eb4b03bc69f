"""What a fingerprint holds beside rows and objects: sequences, large objects, statements, what changes make of rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from postmigration.checks.contents import large_objects, sequences
from postmigration.checks.rows.declared_fingerprint import take_declared
from postmigration.checks.workload import file
from postmigration.checks.workload.collect import collect
from postmigration.diff.fingerprint import Fingerprint
from postmigration.diff.fingerprint_contents import WorkloadFingerprint
from postmigration.model.changes import Change
from postmigration.model.errors import NotApplicable, NotJudged
from postmigration.postgres.connection import Snapshot
from postmigration.postgres.schemas import find_schemas


def complete_fingerprint(snapshot: Snapshot, fingerprint: Fingerprint, changes: Sequence[Change] = ()) -> Fingerprint:
    """Adds sequences, large objects, the application's statements and what declared changes make of rows.

    Args:
        snapshot: the database of which the fingerprint was taken.
        changes: what is declared of it.

    Raises:
        sa.exc.DBAPIError: the server refused.
    """
    schemas = find_schemas(snapshot)
    taken = replace(
        fingerprint,
        sequences=sequences.take_fingerprint(snapshot, schemas),
        large_objects=large_objects.take_fingerprint(snapshot, schemas, fingerprint.secret),
        workload=_take_workload(snapshot, schemas),
    )
    return take_declared(snapshot, schemas, changes, taken) if changes else taken


def _take_workload(snapshot: Snapshot, schemas: Sequence[str]) -> WorkloadFingerprint:
    try:
        return file.put_into_fingerprint(collect(snapshot, schemas))
    except (NotApplicable, NotJudged) as reason:
        return WorkloadFingerprint(reason=str(reason))
