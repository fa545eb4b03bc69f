"""What kept rows apart before keeps them apart."""

import pytest

from postmigration import Subject, Target


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
        for index in target.table(table).indexes
        if index.unique and index.usable and set(index.columns) <= set(columns) and index.predicate is None
    ]
    target.expect(
        bool(unique),
        f"nothing keeps {table} ({', '.join(columns)}) unique",
        code="key_unguarded",
        subject=Subject.of_key(target.snapshot.database.schema, table, columns),
    )
    named = ", ".join(columns)
    target.expect_none(
        f"SELECT {named}, count(*) AS rows FROM {table} GROUP BY {named} HAVING count(*) > 1",
        statement=f"doubled values of {table} ({named})",
        examined=f"SELECT count(*) FROM {table}",
        optional=True,
    )
