-- Not additive: two columns go, and what they held is elsewhere.
ALTER TABLE "Order" ADD COLUMN "totalCents" bigint;
UPDATE "Order" SET "totalCents" = "Total" * 100;
ALTER TABLE "Order" ALTER COLUMN "totalCents" SET NOT NULL, DROP COLUMN "Total";
CREATE TABLE "Invoice" (
    "invoiceNo" text PRIMARY KEY,
    "orderId" int NOT NULL REFERENCES "Order"
);
INSERT INTO "Invoice" SELECT "invoiceNo", "orderId" FROM "Order" WHERE "invoiceNo" IS NOT NULL;
ALTER TABLE "Order" DROP COLUMN "invoiceNo";
