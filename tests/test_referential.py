"""What refers to a row finds it, and what was enforced before still is.

A constraint that the catalog calls valid is not proof: data loaded with triggers switched off can violate it, and ids
in arrays have no constraint at all.
"""

import pytest

from postmigration import Finding, NotJudged, Target
from postmigration.postgres import catalog
from postmigration.postgres.references import Orphanage, references


def test_every_reference_leads_to_a_row(target: Target) -> None:
    """Every foreign key of the schema, and every column of the model that holds ids, leads to existing rows.

    Impact: Pages that join the two tables lose the row. Rows that dangled before the migration are inherited, not
    failed.

    Likely causes: Rows were loaded or deleted while triggers were switched off, or ids in an array have no foreign key.

    Fix: Restore the row that is missing, or clear the reference; then validate the constraint with ALTER TABLE …
    VALIDATE CONSTRAINT.
    """
    for reference in references(target.snapshot, target.migration.references):
        statement = f"rows of {reference.name} that lead to no row of {reference.parent}"
        try:
            _judge(target, reference, statement)
        except NotJudged as reason:
            target.note(f"{reference.name} was not judged: {reason}")


def _judge(target: Target, reference: Orphanage, statement: str) -> None:
    known = target.baseline is not None and catalog.has_columns(target.baseline, reference.table, reference.columns)
    if known and not reference.added:
        inherited = target.expect_same(
            reference.orphans,
            reference.orphans,
            columns=list(reference.key),
            key=len(reference.key),
            statement=f"{statement}, and that did not before",
            ignore=["missing"],
            optional=True,
            examined=reference.examined,
        )
        if inherited:
            target.note(f"inherited, {inherited:,} before the migration too: {statement}")
    else:
        target.expect_none(
            reference.orphans,
            statement=statement,
            examined=reference.examined,
            severity="blocker" if reference.added else "warning",
            optional=True,
        )


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        ("organizations", ("slug",)),
        ("users", ("email",)),
        ("workflow_stages", ("organization_id", "slug")),
        ("workflow_stages", ("organization_id", "stage_order")),
        ("projects", ("project_id",)),
    ],
    ids=["slugs", "e-mail addresses", "slugs of stages", "order of stages", "codes of projects"],
)
def test_legacy_keys_are_unique(target: Target, table: str, columns: tuple[str, ...]) -> None:
    """What was unique before the migration is unique, and is kept so.

    Impact: Two users share an e-mail address, two orders a code; the application takes one for the other.

    Likely causes: The unique constraint or index was dropped for the bulk change and not made again.

    Fix: Remove the doubled values that are named and create the constraint again.
    """
    unique = [
        index
        for index in catalog.table(target.snapshot, table).indexes
        if index.unique and index.usable and set(index.columns) <= set(columns) and index.predicate is None
    ]
    target.expect(bool(unique), f"nothing keeps {table} ({', '.join(columns)}) unique")
    named = ", ".join(columns)
    target.expect_none(
        f"SELECT {named}, count(*) AS rows FROM {table} GROUP BY {named} HAVING count(*) > 1",
        statement=f"doubled values of {table} ({named})",
        examined=f"SELECT count(*) FROM {table}",
        optional=True,
    )


def test_every_rule_of_before_is_enforced(target: Target) -> None:
    """Every primary key, unique, check and foreign key constraint and unique index of before is still enforced.

    Impact: What the lost constraint kept out comes in unnoticed: doubled codes, orders without a customer.

    Likely causes: A constraint was dropped or left NOT VALID for the bulk change, or its index is invalid after a
    failed concurrent build.

    Fix: Create it again as it was; if that fails, it names the rows that came in meanwhile.
    """
    before, after = (
        catalog.enforced_rules(target.before.schema("constraint", "foreign key")),
        catalog.enforced_rules(target.snapshot),
    )
    target.expect_no_problems(
        [f"not enforced as before on {rule}" for rule in sorted(before) if rule not in after], facts=len(before)
    )


def test_every_trigger_of_before_still_fires(target: Target) -> None:
    """On every event of every table as many enabled triggers fire as before.

    Impact: Codes are no longer made, times no longer kept, changes no longer recorded.

    Likely causes: Triggers were disabled for the bulk change and not enabled again, or their function was dropped. One
    that fires for some rows only, where one fired for all, may be meant, or may be another trigger; that is warned of.

    Fix: ALTER TABLE … ENABLE TRIGGER, or create it again from the schema of before.
    """
    before = target.before.schema("trigger", "function")
    fired = catalog.fired(before, always=False)
    lost = fired - catalog.fired(target.snapshot, always=False)
    narrowed = catalog.fired(before, always=True) - catalog.fired(target.snapshot, always=True)
    target.expect_no_problems(
        [f"fewer triggers fire {event} than before: {count} less" for event, count in sorted(lost.items())],
        facts=len(fired),
    )
    for event, count in sorted((narrowed - lost).items()):
        words = f"fewer triggers fire {event} whatever the row than before, and others under a condition"
        target.evidence.findings.append(Finding(words, count, count, severity="warning"))
