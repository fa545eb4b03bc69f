"""What refers to a row finds it, and what was enforced before still is.

A constraint that the catalog calls valid is not proof: data loaded with triggers switched off can violate it, and ids
in arrays have no constraint at all.
"""

from postmigration import NotJudged, Target, catalog
from postmigration.references import Orphanage, references


def test_every_reference_leads_to_a_row(target: Target) -> None:
    """Every foreign key of the schema, and every column of the model that holds ids, leads to existing rows.

    Pages that join the two tables lose the row. Rows that dangled before the migration are inherited, not failed.
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


def test_every_rule_of_before_is_enforced(target: Target) -> None:
    """Every primary key, unique, check and foreign key constraint and unique index of before is still enforced.

    What the lost constraint kept out comes in unnoticed: doubled codes, orders without a customer.
    """
    if target.baseline is None:
        raise NotJudged("it compares with the state before: name it with --baseline")
    before, after = catalog.enforced_rules(target.baseline), catalog.enforced_rules(target.snapshot)
    target.expect_no_problems(
        [f"no longer enforced on {rule}" for rule in sorted(before) if rule not in after], facts=len(before)
    )
