-- A calendar before single events, series and those of teams became offers.
CREATE TABLE "User" (id serial PRIMARY KEY, "eMail" text NOT NULL UNIQUE, name text NOT NULL, "legacyToken" text);
CREATE TABLE "Team" (id serial PRIMARY KEY, title text NOT NULL UNIQUE);
CREATE TABLE "EventType" (
    id serial PRIMARY KEY, title text NOT NULL, slug text NOT NULL UNIQUE, minutes integer NOT NULL,
    kind text NOT NULL, "ownerId" integer NOT NULL REFERENCES "User", "redirectUrl" text, hidden boolean NOT NULL,
    "createdAt" timestamp(3) NOT NULL
);
CREATE TABLE "TeamEvent" (
    id serial PRIMARY KEY, name text NOT NULL, slug text NOT NULL UNIQUE, minutes integer NOT NULL,
    "teamId" integer NOT NULL REFERENCES "Team", "createdAt" timestamp(3) NOT NULL
);
CREATE TABLE "Reservation" (
    id serial PRIMARY KEY, "eventTypeId" integer NOT NULL REFERENCES "EventType", guest text NOT NULL, paid boolean NOT NULL
);
CREATE TABLE "Schedule" (id serial PRIMARY KEY, "eventTypeId" integer REFERENCES "EventType", zone text NOT NULL);
CREATE TABLE "Question" (
    "eventTypeId" integer NOT NULL REFERENCES "EventType", place integer NOT NULL, words text NOT NULL,
    PRIMARY KEY ("eventTypeId", place)
);
CREATE TABLE "Webhook" (id uuid PRIMARY KEY, "eventTypeId" integer NOT NULL REFERENCES "EventType", url text NOT NULL);
CREATE TABLE "Reminder" (id serial PRIMARY KEY, "teamEventId" integer NOT NULL REFERENCES "TeamEvent", hours integer NOT NULL);
CREATE TABLE "FeatureFlag" (name text PRIMARY KEY, enabled boolean NOT NULL);
CREATE TABLE "Setting" (id serial PRIMARY KEY, name text NOT NULL, value text);

INSERT INTO "User" ("eMail", name, "legacyToken")
SELECT 'user' || g || '@example.org', initcap(substr(md5(g::text), 1, 5)) || ' ' || chr(65 + g), CASE WHEN g % 2 = 0 THEN md5(g::text) END FROM generate_series(1, 20) g;
INSERT INTO "Team" (title) SELECT 'Team ' || g FROM generate_series(1, 8) g;
INSERT INTO "EventType" (title, slug, minutes, kind, "ownerId", "redirectUrl", hidden, "createdAt")
SELECT 'Event ' || g, 'event-' || g, 15 * (g % 4 + 1), CASE WHEN g % 3 = 0 THEN 'series' ELSE 'single' END, g % 20 + 1,
       CASE WHEN g % 5 = 0 THEN 'https://example.org/' || g END, g % 7 = 0, timestamp '2024-03-01' + g * interval '61.5 minutes'
FROM generate_series(1, 90) g;
INSERT INTO "TeamEvent" (name, slug, minutes, "teamId", "createdAt")
SELECT 'Meeting of team ' || g, 'team-' || g, 30 * (g % 3 + 1), g % 8 + 1, timestamp '2024-05-01' + g * interval '7 hours'
FROM generate_series(1, 40) g;
INSERT INTO "Reservation" ("eventTypeId", guest, paid)
SELECT id, 'guest ' || id || ' of ' || n, n = 1 FROM "EventType", generate_series(1, 2) n WHERE kind = 'single' ORDER BY n, id;
INSERT INTO "Schedule" ("eventTypeId", zone)
SELECT CASE WHEN id % 4 <> 0 THEN id END, 'Zone/' || id FROM "EventType" WHERE kind = 'single';
INSERT INTO "Question"
SELECT id, n, 'Question ' || n || ' of ' || title FROM "EventType", generate_series(1, 2) n WHERE kind = 'single' AND id < 40;
INSERT INTO "Webhook" SELECT md5(id::text)::uuid, id, 'https://hooks.example.org/' || id FROM "EventType" WHERE kind = 'single';
INSERT INTO "Reminder" ("teamEventId", hours) SELECT id, 24 * (id % 3) FROM "TeamEvent" ORDER BY id DESC;
INSERT INTO "FeatureFlag" SELECT 'flag ' || g, g % 2 = 0 FROM generate_series(1, 6) g;
INSERT INTO "Setting" (name, value) SELECT 'setting ' || g, g::text FROM generate_series(1, 12) g;
