"""What the migration of the web shop changes on purpose: totals become cents, and invoices a table of their own."""

from pathlib import Path

from postmigration import Migration
from postmigration.changes import DerivedValue, GoneColumn, MovedRows, NewColumn, NewTable

HERE = Path(__file__).parent

CENTS = "the tax office wants whole cents"
INVOICES = "an order will have several invoices"

MIGRATION = Migration(
    name="totals in cents, and invoices by themselves",
    plan_checks=2,
    scripts=[HERE / "migration.sql"],
    rollback=[HERE / "rollback.sql"],
    changes=[
        GoneColumn(table="Order", column="Total", reason=CENTS),
        NewColumn(table="Order", column="totalCents", reason=CENTS),
        DerivedValue(table="Order", column="totalCents", value='r."Total" * 100', reason=CENTS),
        GoneColumn(table="Order", column="invoiceNo", reason=INVOICES),
        NewTable(table="Invoice", reason=INVOICES),
        MovedRows(
            table="Order",
            to="Invoice",
            where='r."invoiceNo" IS NOT NULL',
            key={"invoiceNo": 'r."invoiceNo"'},
            columns={"orderId": 'r."orderId"'},
            reason=INVOICES,
        ),
    ],
    codes=["Invoice.invoiceNo"],
)
