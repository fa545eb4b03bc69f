-- A guest house before it told stays from visits.
CREATE TABLE "Room" (id integer PRIMARY KEY, "no" text NOT NULL UNIQUE, beds smallint NOT NULL);
CREATE TABLE "Booking" (
    id integer PRIMARY KEY, kind text NOT NULL, "guestName" text NOT NULL, "eMail" text NOT NULL,
    "roomId" integer REFERENCES "Room", price numeric(10,2) NOT NULL, note text, "createdAt" timestamptz NOT NULL
);
CREATE TABLE "Payment" (
    id integer PRIMARY KEY, "bookingId" integer NOT NULL REFERENCES "Booking", amount numeric(10,2) NOT NULL,
    "isRefund" integer NOT NULL DEFAULT 0, reviewed text
);
CREATE TABLE "Event" (id bigint PRIMARY KEY, what text NOT NULL);
CREATE TABLE "Draft" (id integer PRIMARY KEY, body text, stale boolean NOT NULL);
CREATE TABLE "Untouched" (id integer PRIMARY KEY, value text);
INSERT INTO "Room" SELECT g, 'No. ' || g, g % 3 + 1 FROM generate_series(1, 12) g;
INSERT INTO "Booking"
SELECT g, CASE WHEN g % 4 = 0 THEN 'visit' ELSE 'stay' END, 'Guest ' || g % 40, 'guest' || g % 40 || '@example.org',
       CASE WHEN g % 4 <> 0 THEN g % 12 + 1 END, g * 1.25, CASE WHEN g % 5 = 0 THEN '' WHEN g % 5 > 2 THEN 'late' END,
       timestamptz '2024-01-01 UTC' + g * interval '1 hour'
FROM generate_series(1, 200) g;
INSERT INTO "Payment" SELECT g, g, g * 1.25, (g % 50 = 0)::int, 'no' FROM generate_series(1, 200) g WHERE g % 4 <> 0;
INSERT INTO "Event" SELECT g, 'booked ' || g FROM generate_series(1, 200) g;
INSERT INTO "Draft" SELECT g, 'draft ' || g, g % 2 = 0 FROM generate_series(1, 20) g;
INSERT INTO "Untouched" SELECT g, 'value ' || g FROM generate_series(1, 30) g;
