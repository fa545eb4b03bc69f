-- The role {{ name }} for postmigration: it reads everything, owns nothing, and is no superuser.
-- {% if writing %}It may change rows of schema {{ schema }}, for the checks that write and roll back (--for=read leaves that out).{% else %}It may change nothing (--for=write lets the checks that write and roll back do so).{% endif %}

-- Run this in the database that is judged, as a superuser or as the role that the hosting platform offers instead:
--     psql -X -v ON_ERROR_STOP=1 -f FILE
-- Run it again whenever the migration has made new tables or functions. docs/role.md says what each part is for.
-- The role has no password, and cannot log in with one until it is given one; psql sends it encrypted:
--     \password {{ name | identifier }}
BEGIN;
-- Nothing of the database itself may stand in for what is called here.
SET LOCAL search_path TO pg_catalog, pg_temp;

-- 1. The role itself. One of this name that was not made here is left alone.
DO {{ tag }}
DECLARE
    found pg_roles;
BEGIN
    SELECT * INTO found FROM pg_roles WHERE rolname = {{ name | literal }};
    IF found.oid IS NULL THEN
        CREATE ROLE {{ name | identifier }} NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION BYPASSRLS LOGIN INHERIT;
        COMMENT ON ROLE {{ name | identifier }} IS {{ mark | literal }};
        -- Whoever writes says so; nothing else that runs in its sessions can, not even an event trigger on login.
        ALTER ROLE {{ name | identifier }} SET default_transaction_read_only = on;
    ELSIF shobj_description(found.oid, 'pg_authid') IS DISTINCT FROM {{ mark | literal }} THEN
        RAISE EXCEPTION 'there is another role of this name, which was not made for postmigration: choose another --name';
    ELSIF found.rolsuper OR found.rolcreatedb OR found.rolcreaterole OR found.rolreplication
          OR NOT (found.rolbypassrls AND found.rolcanlogin AND found.rolinherit) THEN
        RAISE EXCEPTION 'the role has other attributes than it was made with: drop it (--drop) and make it anew';
    END IF;
    IF NOT has_database_privilege({{ name | literal }}, current_database(), 'CONNECT') THEN
        EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), {{ name | literal }});
    END IF;
END
{{ tag }};

-- 2. Reading: every table, view and sequence of every schema; statistics, settings and sessions of the server.
{% if everything %}
GRANT pg_read_all_data, pg_monitor TO {{ name | identifier }};
{% else %}
-- Only what there is now, and nothing of the server's own catalogs that others may not read: no hash of a password.
GRANT pg_monitor TO {{ name | identifier }};
DO {{ tag }}
DECLARE
    schema name;
    grants text;
BEGIN
    IF pg_has_role({{ name | literal }}, 'pg_read_all_data', 'MEMBER') THEN
        EXECUTE format('REVOKE pg_read_all_data FROM %I', {{ name | literal }});
    END IF;
    FOR schema IN
        SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' ORDER BY 1
    LOOP
        FOREACH grants IN ARRAY ARRAY['USAGE ON', 'SELECT ON ALL TABLES IN', 'SELECT ON ALL SEQUENCES IN']
        LOOP
            BEGIN
                EXECUTE format('GRANT %s SCHEMA %I TO %I', grants, schema, {{ name | literal }});
            EXCEPTION WHEN insufficient_privilege THEN
                RAISE WARNING 'not granted, which only its owner can: % SCHEMA %', grants, schema;
            END;
        END LOOP;
    END LOOP;
END
{{ tag }};
{% endif %}

-- 3. Acting as the people who use the API: it may become one of these roles, and has none of their privileges before.
DO {{ tag }}
DECLARE
    api text;
BEGIN
    FOR api IN SELECT rolname FROM pg_roles WHERE rolname IN ({{ api | map("literal") | join(", ") }}) ORDER BY 1
    LOOP
        IF current_setting('server_version_num')::int >= 160000 THEN
            EXECUTE format('GRANT %I TO %I WITH INHERIT FALSE, SET TRUE', api, {{ name | literal }});
        ELSE
            -- Before PostgreSQL 16 a role inherits from all that it is a member of, or from none: one that inherits
            -- nothing stands between.
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = {{ between | literal }}) THEN
                CREATE ROLE {{ between | identifier }} NOLOGIN NOINHERIT;
                COMMENT ON ROLE {{ between | identifier }} IS {{ mark | literal }};
                GRANT {{ between | identifier }} TO {{ name | identifier }};
            END IF;
            EXECUTE format('GRANT %I TO %I', api, {{ between | literal }});
        END IF;
    END LOOP;
END
{{ tag }};

-- 4. Functions of the application that run with the rights of whoever calls them, as far as not everybody may.
DO {{ tag }}
DECLARE
    called regprocedure;
BEGIN
    FOR called IN
        SELECT p.oid FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
        WHERE n.nspname = {{ schema | literal }} AND p.prokind IN ('f', 'w') AND NOT p.prosecdef
          AND NOT has_function_privilege({{ name | literal }}, p.oid, 'EXECUTE')
    LOOP
        BEGIN
            EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', called, {{ name | literal }});
        EXCEPTION WHEN insufficient_privilege THEN
            RAISE WARNING 'not granted, which only its owner can: EXECUTE ON FUNCTION %', called;
        END;
    END LOOP;
END
{{ tag }};

-- 5. Damaged indexes and tables: what amcheck offers, where it is installed; it only reads.
DO {{ tag }}
DECLARE
    checker regprocedure;
BEGIN
    FOR checker IN
        SELECT p.oid FROM pg_proc p
        JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
        JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND e.oid = d.refobjid
        WHERE e.extname = 'amcheck' AND p.proname IN ('bt_index_check', 'gin_index_check', 'verify_heapam')
    LOOP
        BEGIN
            EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', checker, {{ name | literal }});
        EXCEPTION WHEN insufficient_privilege THEN
            RAISE WARNING 'not granted, which only its owner can: EXECUTE ON FUNCTION %', checker;
        END;
    END LOOP;
END
{{ tag }};

-- 6. Large objects, each of which has privileges of its own: those that there are now.
DO {{ tag }}
DECLARE
    object oid;
BEGIN
    FOR object IN
        SELECT m.oid FROM pg_largeobject_metadata m WHERE pg_has_role(m.lomowner, 'USAGE')
    LOOP
        EXECUTE format('GRANT SELECT ON LARGE OBJECT %s TO %I', object, {{ name | literal }});
    END LOOP;
END
{{ tag }};
{% if writing %}

-- 7. The checks that write, and roll back: rows of the application's tables, the sequences that number them, and
-- new rows of those tables elsewhere that they refer to.
DO {{ tag }}
DECLARE
    object record;
BEGIN
    IF to_regnamespace(quote_ident({{ schema | literal }})) IS NULL THEN
        RAISE EXCEPTION 'there is no schema %: name the application''s with --schema', {{ schema | literal }};
    END IF;
    FOR object IN
        SELECT format('%I.%I', n.nspname, c.relname) AS name,
               CASE WHEN c.relkind = 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind,
               CASE WHEN c.relkind = 'S' THEN 'USAGE' WHEN n.nspname <> {{ schema | literal }} THEN 'INSERT'
                    ELSE 'INSERT, UPDATE, DELETE' END AS privileges
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = {{ schema | literal }} AND c.relkind IN ('r', 'p', 'S')
           OR EXISTS (
               SELECT FROM pg_constraint f JOIN pg_class t ON t.oid = f.conrelid
               JOIN pg_namespace s ON s.oid = t.relnamespace
               WHERE f.contype = 'f' AND f.confrelid = c.oid AND s.nspname = {{ schema | literal }})
        ORDER BY 1
    LOOP
        BEGIN
            EXECUTE format('GRANT %s ON %s %s TO %I', object.privileges, object.kind, object.name,
                           {{ name | literal }});
        EXCEPTION WHEN insufficient_privilege THEN
            RAISE WARNING 'not granted, which only its owner can: % ON % %', object.privileges, object.kind, object.name;
        END;
    END LOOP;
END
{{ tag }};
{% endif %}
COMMIT;

-- The way back, as --drop prints it too:
{{ drop | commented }}
