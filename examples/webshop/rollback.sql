-- Takes migration.sql back: totals and invoice numbers return to the orders.
ALTER TABLE "Order" ADD COLUMN "Total" numeric(10, 2), ADD COLUMN "invoiceNo" text UNIQUE;
UPDATE "Order" AS o SET "Total" = o."totalCents" / 100.0;
UPDATE "Order" AS o SET "invoiceNo" = i."invoiceNo" FROM "Invoice" AS i WHERE i."orderId" = o."orderId";
ALTER TABLE "Order" ALTER COLUMN "Total" SET NOT NULL, DROP COLUMN "totalCents";
DROP TABLE "Invoice";
