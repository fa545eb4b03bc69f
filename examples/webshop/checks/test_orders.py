"""What the built-in checks cannot know: what became of the columns that are gone."""

import pytest

from postmigration import RowComparison, Target

GROUP = "Orders"


@pytest.mark.plan(1, group=GROUP, title="Totals are the same in cents")
def test_totals_are_the_same_in_cents(target: Target) -> None:
    """Every order has the total that it had, in cents.

    Impact: Customers pay too much or too little.

    Likely causes: A total was rounded, or taken for cents already.

    Fix: Compute totalCents anew from Total of the state before.
    """
    if target.baseline is None:
        target.expect_none(
            'SELECT "orderId", "totalCents" FROM "Order" WHERE "totalCents" < 0',
            statement="orders with a negative total",
            examined='SELECT count(*) FROM "Order"',
        )
        return
    target.expect_same(
        RowComparison(
            'SELECT "orderId", ("Total" * 100)::bigint AS cents FROM "Order"',
            'SELECT "orderId", "totalCents" AS cents FROM "Order"',
            columns=["orderId", "cents"],
        ),
        statement="orders whose total is another one",
    )


@pytest.mark.plan(2, group=GROUP, title="Every invoice is there, of its order")
def test_every_invoice_is_there(target: Target) -> None:
    """Every invoice number of before is an invoice of the same order.

    Impact: An invoice that was sent cannot be found, or is shown with somebody else's order.

    Likely causes: The columns were copied by their position, or the script stopped before the end.

    Fix: Copy invoiceNo and orderId of the state before into Invoice.
    """
    if target.baseline is None:
        target.expect_none(
            'SELECT "invoiceNo" FROM "Invoice" GROUP BY "orderId", "invoiceNo" HAVING count(*) > 1',
            statement="invoices that are there twice",
            examined='SELECT count(*) FROM "Invoice"',
        )
        return
    target.expect_same(
        RowComparison(
            'SELECT "invoiceNo", "orderId" FROM "Order" WHERE "invoiceNo" IS NOT NULL',
            'SELECT "invoiceNo", "orderId" FROM "Invoice"',
            columns=["invoiceNo", "orderId"],
        ),
        statement="invoices that are lost, invented or of another order",
        plain=["invoiceNo"],
    )


@pytest.mark.plan(3, group=GROUP, title="Columns are of the types that the shop reads")
def test_columns_are_of_the_types_that_the_shop_reads(target: Target) -> None:
    """The shop finds the new columns with the types that it reads.

    Impact: The order page ends in an error.

    Likely causes: Another version of the script was run.

    Fix: Alter the column that is named to the type that is wanted.
    """
    target.expect_columns('SELECT * FROM "Order"', {"orderId": "integer", "totalCents": "bigint"})
    target.expect_columns('SELECT * FROM "Invoice"', {"invoiceNo": "text", "orderId": "integer"})
