-- Two tables become three, whose keys are texts; five tables follow them.
ALTER TABLE "Team" RENAME TO "Group";
ALTER TABLE "User" RENAME COLUMN name TO "displayName";
ALTER TABLE "User" DROP COLUMN "legacyToken";
CREATE TABLE "Offer" (
    id text PRIMARY KEY, title text NOT NULL, slug text NOT NULL UNIQUE, duration interval,
    "lengthInMinutes" integer NOT NULL, "ownerId" integer REFERENCES "User", "groupId" integer REFERENCES "Group",
    visibility text NOT NULL, "ownerName" text, "createdAt" timestamp(3) NOT NULL
);
INSERT INTO "Offer"
SELECT 'ofr_' || e.id, e.title, e.slug, NULL, e.minutes, e."ownerId", NULL, CASE WHEN e.hidden THEN 'private' ELSE 'public' END,
       u."displayName", e."createdAt"
FROM "EventType" e JOIN "User" u ON u.id = e."ownerId" WHERE e.kind = 'single';
INSERT INTO "Offer"
SELECT 'tof_' || id, name, slug, NULL, minutes, NULL, "teamId", 'public', NULL, "createdAt" FROM "TeamEvent";
CREATE TABLE "Series" (
    id text PRIMARY KEY, title text NOT NULL, slug text NOT NULL, "ownerId" integer NOT NULL REFERENCES "User",
    "createdAt" timestamp(3) NOT NULL
);
INSERT INTO "Series" SELECT 'ser_' || id, title, slug, "ownerId", "createdAt" FROM "EventType" WHERE kind = 'series';
CREATE TABLE "Forward" ("eventTypeId" integer PRIMARY KEY, url text NOT NULL);
INSERT INTO "Forward" SELECT id, "redirectUrl" FROM "EventType" WHERE "redirectUrl" IS NOT NULL;

ALTER TABLE "Reservation" ADD COLUMN "offerId" text REFERENCES "Offer";
UPDATE "Reservation" SET "offerId" = 'ofr_' || "eventTypeId";
ALTER TABLE "Reservation" ALTER "offerId" SET NOT NULL, DROP COLUMN "eventTypeId";
ALTER TABLE "Schedule" ADD COLUMN "offerId" text REFERENCES "Offer";
UPDATE "Schedule" SET "offerId" = 'ofr_' || "eventTypeId";
ALTER TABLE "Schedule" DROP COLUMN "eventTypeId";
ALTER TABLE "Question" DROP CONSTRAINT "Question_eventTypeId_fkey";
ALTER TABLE "Question" ALTER "eventTypeId" TYPE text USING 'ofr_' || "eventTypeId";
ALTER TABLE "Question" ADD FOREIGN KEY ("eventTypeId") REFERENCES "Offer";
ALTER TABLE "Webhook" ADD COLUMN "offerId" text REFERENCES "Offer";
UPDATE "Webhook" SET "offerId" = 'ofr_' || "eventTypeId";
ALTER TABLE "Webhook" DROP COLUMN "eventTypeId";
ALTER TABLE "Reminder" ADD COLUMN "offerId" text REFERENCES "Offer";
UPDATE "Reminder" SET "offerId" = 'tof_' || "teamEventId";
ALTER TABLE "Reminder" DROP COLUMN "teamEventId";
DROP TABLE "EventType", "TeamEvent", "FeatureFlag";
