"""What a project declares to refer to a row finds it, whether or not a constraint says so."""

from postmigration import NotJudged, RowComparison, Target
from postmigration.postgres import catalog
from postmigration.postgres.references import Orphanage, references


def test_declared_references_lead_to_rows(target: Target) -> None:
    """Every column that is declared to hold ids, and that no foreign key keeps, leads to existing rows.

    Impact: Pages that join the two tables lose the row. Rows that dangled before the migration are inherited, not
    failed.

    Likely causes: Rows were deleted that ids in an array lead to, for which there is no foreign key; or the foreign key
    was never made, or is not validated.

    Fix: Restore the row that is missing, or clear the reference; then make the foreign key, where there can be one.
    """
    kept = {
        (name, key.columns, key.leads_to)
        for name, table in catalog.tables(target.snapshot).items()
        for key in table.foreign_keys
        if key.enforced
    }
    places = [
        place
        for place in references(target.snapshot, target.migration.references)
        if (place.table, place.columns, place.parent) not in kept
    ]
    if not places:
        target.not_applicable("foreign keys keep every reference that is declared")
    for reference in places:
        statement = f"rows of {reference.name} that lead to no row of {reference.parent}"
        try:
            _judge(target, reference, statement)
        except NotJudged as reason:
            target.note(f"{reference.name} was not judged: {reason}")


def _judge(target: Target, reference: Orphanage, statement: str) -> None:
    known = target.baseline is not None and catalog.has_columns(target.baseline, reference.table, reference.columns)
    if known and not reference.added:
        inherited = target.expect_same(
            RowComparison(
                reference.orphans,
                reference.orphans,
                columns=list(reference.key),
                key=len(reference.key),
                examined=reference.examined,
            ),
            statement=f"{statement}, and that did not before",
            ignore=["missing"],
            optional=True,
        )
        if inherited:
            target.note_inherited(statement, inherited)
    else:
        target.expect_none(
            reference.orphans,
            statement=statement,
            examined=reference.examined,
            severity="blocker" if reference.added else "warning",
            optional=True,
        )
