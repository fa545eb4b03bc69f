-- The shop as it was: mixed-case names, as an object-relational mapper makes them.
CREATE TABLE "Customer" (
    "customerId" int PRIMARY KEY,
    "eMail" text NOT NULL UNIQUE
);
CREATE TABLE "Order" (
    "orderId" int PRIMARY KEY,
    "customerId" int NOT NULL REFERENCES "Customer",
    "Total" numeric(10, 2) NOT NULL,
    "invoiceNo" text UNIQUE,
    "createdAt" timestamptz NOT NULL DEFAULT now()
);
INSERT INTO "Customer" SELECT n, 'customer' || n || '@example.com' FROM generate_series(1, 20) AS n;
INSERT INTO "Order"
SELECT n, 1 + n % 20, n * 1.37, CASE WHEN n % 3 = 0 THEN 'R-' || n END, timestamptz '2026-01-01' + n * interval '1 h'
FROM generate_series(1, 300) AS n;
