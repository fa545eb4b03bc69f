"""What only the shop knows; that everything else is as it was, or as it was declared, the built-in checks judge."""

import pytest

from postmigration import Target

GROUP = "Orders"


@pytest.mark.plan(1, group=GROUP, title="Every invoice has a number as the tax office wants it")
def test_invoice_numbers_are_in_order(target: Target) -> None:
    """Every invoice number is R- and digits.

    Impact: The tax office refuses the export of the year.

    Likely causes: A script that numbered invoices anew.

    Fix: Copy the numbers of the state before into Invoice.
    """
    target.expect_none(
        """SELECT "invoiceNo" FROM "Invoice" WHERE "invoiceNo" !~ '^R-[0-9]+$'""",
        statement="invoices with a number of another form",
        examined='SELECT count(*) FROM "Invoice"',
        plain=["invoiceNo"],
    )


@pytest.mark.plan(2, group=GROUP, title="Columns are of the types that the shop reads")
def test_columns_are_of_the_types_that_the_shop_reads(target: Target) -> None:
    """The shop finds the new columns with the types that it reads.

    Impact: The order page ends in an error.

    Likely causes: Another version of the script was run.

    Fix: Alter the column that is named to the type that is wanted.
    """
    target.expect_columns('SELECT * FROM "Order"', {"orderId": "integer", "totalCents": "bigint"})
    target.expect_columns('SELECT * FROM "Invoice"', {"invoiceNo": "text", "orderId": "integer"})
