"""What the migration of the web shop changes on purpose: totals become cents, and invoices a table of their own."""

from postmigration import IntendedChange, Migration, Reference

MIGRATION = Migration(
    name="totals in cents, and invoices by themselves",
    plan_checks=3,
    tables=["Customer", "Order", "Invoice"],
    legacy_tables=["Customer", "Order"],
    references=[Reference("Invoice", "orderId", "Order", "orderId", added=True)],
    intended=[
        IntendedChange("Order", "Total", rows="true", why="it is totalCents now; check 1 judges what became of it"),
        IntendedChange("Order", "invoiceNo", rows="true", why="it is Invoice.invoiceNo now; check 2 judges it"),
    ],
    objects=[
        'column public."Order"."Total"',
        'column public."Order"."totalCents"',
        'column public."Order"."invoiceNo"',
        'constraint Order_invoiceNo_key on public."Order"',
        'constraint "Order_invoiceNo_key" on public."Order"',
        'table public."Invoice"',
    ],
)
