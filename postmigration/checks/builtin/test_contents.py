"""What is not a row of a table has come along."""

from __future__ import annotations

import pytest

from postmigration import Target
from postmigration.checks.contents import large_objects, materialized_views, partitions

pytestmark = pytest.mark.secondary


def test_materialized_views_hold_what_their_query_gives(target: Target) -> None:
    """Every materialized view is filled, and holds what its query gives.

    Impact: Reports and searches that read it fail, or show nothing or what was true before the migration.

    Likely causes: A dump restores materialized views last or not at all when an error ends it, and logical replication
    does not refresh them; they were made WITH NO DATA.

    Fix: Refresh those that are named, in the order in which they read each other.
    """
    materialized_views.examine(target.snapshot, target.baseline, target.schemas).pass_to(target)


def test_large_objects_are_those_of_before(target: Target) -> None:
    """Every large object is there with the same bytes and privileges, and every column that names one leads to it.

    Impact: Documents, scans and pictures that the application kept in large objects cannot be opened, or by anybody.

    Likely causes: Logical replication, copies of single schemas and pg_dump without --large-objects leave them out.

    Fix: Copy them with pg_dump --large-objects (--blobs before PostgreSQL 16), or with lo_from_bytea() under their
    numbers.
    """
    before = target.before.fingerprint or target.baseline
    if target.before.scratch is None:
        large_objects.examine(target.snapshot, before, target.schemas).pass_to(target)
        return
    found = large_objects.examine(target.snapshot, None, target.schemas)
    if found.facts and not found.findings:
        target.not_applicable("the large objects of a dump are not restored", not_held="large objects")
    found.pass_to(target)


def test_partitions_show_their_rows(target: Target) -> None:
    """Every partition of before is attached, and its rows lie where their key says.

    Impact: Rows of a table that is not attached are missing in everything that reads the whole; rows in the default
    partition keep their own partition from being made, and are read with every query.

    Likely causes: A partition was detached, restored as a table of its own, or not made before its rows came.

    Fix: Attach the table; move rows out of the default partition in one transaction with making theirs.
    """
    partitions.examine(target.snapshot, target.baseline, target.schemas).pass_to(target)
