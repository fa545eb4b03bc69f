"""What the application did before the migration still works."""

import pytest

from fixtures.rules import settled
from postmigration import RowComparison, Subject, Table, Target

GROUP = "Backward Compatibility"

# The columns of the legacy contact list, with their types as they have always been.
LEGACY_CONTACT = {
    "id": "uuid",
    "company_name": "character varying(255)",
    "contact_name": "character varying(255)",
    "email": "character varying(255)",
    "phone": "character varying(50)",
    "is_active": "boolean",
}


@pytest.mark.plan(13, group=GROUP, title="Existing customer_id relationships still work")
def test_customer_ids_still_work(target: Target, projects: Table) -> None:
    """A project's customer_id leads to its contact as it did before, and the reference is enforced.

    Impact: Pages that were not changed yet show projects without their customer.

    Likely causes: The data script wrote to customer_id, or contacts were deleted and made anew with other ids.

    Fix: Restore customer_id from the state before, by the project's id; then run the data script again.
    """
    key = [key for key in projects.foreign_keys if key.columns == ("customer_id",) and key.parent == "contacts"]
    target.expect(
        any(k.enforced for k in key),
        "no enforced foreign key on projects.customer_id to contacts",
        code="foreign_key_unfit",
        subject=Subject(
            "constraint", target.snapshot.database.schema, key[0].name if len(key) == 1 else "", "projects"
        ),
    )
    target.expect(
        not any(k.on_delete == "CASCADE" for k in key), "deleting a contact deletes its projects (projects.customer_id)"
    )
    target.expect_none(
        """
        SELECT p.id, p.project_id, p.customer_id FROM projects p
        WHERE p.customer_id IS NOT NULL AND NOT EXISTS (SELECT FROM contacts c WHERE c.id = p.customer_id)
        """,
        statement="projects whose customer_id leads to no contact",
        examined="SELECT count(*) FROM projects WHERE customer_id IS NOT NULL",
        plain=["project_id"],
    )
    if target.baseline is not None:
        target.expect_same(
            RowComparison(
                "SELECT p.id, p.customer_id FROM projects p",
                f"SELECT p.id, p.customer_id, {settled('p')} AS unchanged_since_cutover FROM projects p",
                columns=["id", "customer_id"],
                settled="unchanged_since_cutover",
            ),
            statement="projects whose customer_id is not what it was",
        )


@pytest.mark.plan(14, group=GROUP, title="Legacy contact queries still work")
def test_legacy_contact_queries_still_work(target: Target, contacts: Table) -> None:
    """The legacy list of customer contacts finds every customer contact, with the values and types of before.

    Impact: Screens and exports that were not changed yet lose customers.

    Likely causes: Contacts were deleted, merged or rewritten, or a column of before was changed in type.

    Fix: Compare the contacts that are named with the state before and restore their columns; migrate once more without
    touching them.
    """
    target.expect_no_problems(
        [
            problem
            for name, type_ in LEGACY_CONTACT.items()
            for problem in contacts.column_problems(name, type_, filled=True)
        ]
        + [
            f"column contacts.{name} may be NULL, which legacy readers do not expect"
            for name in ("id", "company_name")
            if name in contacts.columns and contacts.columns[name].nullable
        ],
        facts=len(LEGACY_CONTACT),
    )
    legacy = f"SELECT {', '.join(LEGACY_CONTACT)} FROM contacts WHERE type = 'customer'"
    target.expect_none(
        f"SELECT id FROM ({legacy}) q WHERE id IS NULL OR company_name IS NULL",
        statement="customer contacts that the legacy list cannot show",
        examined=f"SELECT count(*) FROM ({legacy}) q",
    )
    if target.baseline is not None:
        target.expect_same(
            RowComparison(
                legacy,
                # One that was changed since may be a customer no more.
                f"""
                SELECT *, {settled("c")} AS unchanged_since_cutover FROM contacts c
                WHERE type = 'customer' OR NOT {settled("c")}
                """,
                columns=list(LEGACY_CONTACT),
                settled="unchanged_since_cutover",
            ),
            statement="customer contacts that the legacy list shows otherwise than before",
        )
