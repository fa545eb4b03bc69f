-- Every single change that may be made to one property of one object of a database: what it is, the SQL, and what a
-- finding must name. What the server does not let pass (something else depends on it) is no case.
WITH class AS (
    SELECT c.oid, c.oid::regclass::text AS name, c.relname, c.relkind, c.reloptions, c.relpersistence, c.relispartition,
           c.relrowsecurity, c.relforcerowsecurity, c.relreplident, c.relowner
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname !~ '^pg_|^information_schema$'
), attribute AS (
    SELECT class.*, a.attname, a.attnum, a.attnotnull, a.atthasdef, a.attidentity, a.attgenerated, a.atttypid, a.attislocal
    FROM class JOIN pg_attribute a ON a.attrelid = class.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE class.relkind IN ('r', 'p')
), routine AS (
    SELECT * FROM pg_proc p WHERE oid >= 16384
      AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_proc'::regclass AND objid = p.oid AND deptype = 'i')
), granted AS (
    SELECT 'TABLE' AS kind, oid::regclass::text AS object, relname::text AS name, acl.*
    FROM pg_class, aclexplode(relacl) acl
    WHERE relkind IN ('r', 'p', 'v', 'm') AND acl.grantee <> relowner AND oid >= 16384
    UNION ALL
    SELECT 'SEQUENCE', oid::regclass::text, relname, acl.* FROM pg_class, aclexplode(relacl) acl
    WHERE relkind = 'S' AND acl.grantee <> relowner AND oid >= 16384
    UNION ALL
    SELECT 'ROUTINE', oid::regprocedure::text, proname, acl.* FROM pg_proc, aclexplode(proacl) acl
    WHERE acl.grantee <> proowner AND oid >= 16384
    UNION ALL
    SELECT 'SCHEMA', quote_ident(nspname), nspname, acl.* FROM pg_namespace, aclexplode(nspacl) acl
    WHERE acl.grantee <> nspowner AND oid >= 16384
    UNION ALL
    SELECT 'TYPE', oid::regtype::text, typname, acl.* FROM pg_type, aclexplode(typacl) acl
    WHERE acl.grantee <> typowner AND oid >= 16384
)
SELECT 'a default is dropped', format('ALTER TABLE %s ALTER %I DROP DEFAULT', name, attname), attname
FROM attribute WHERE atthasdef AND attgenerated = ''
UNION ALL
SELECT 'a default is another one', format('ALTER TABLE %s ALTER %I SET DEFAULT NULL', name, attname), attname
FROM attribute WHERE atthasdef AND attgenerated = ''
UNION ALL
SELECT 'a column may be NULL', format('ALTER TABLE %s ALTER %I DROP NOT NULL', name, attname), attname
FROM attribute a WHERE attnotnull AND attidentity = '' AND attislocal AND NOT relispartition
  AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = a.oid AND i.indisprimary AND a.attnum = ANY (i.indkey))
UNION ALL
SELECT 'an identity is dropped', format('ALTER TABLE %s ALTER %I DROP IDENTITY', name, attname), attname
FROM attribute WHERE attidentity <> ''
UNION ALL
SELECT 'a column is dropped', format('ALTER TABLE %s DROP COLUMN %I', name, attname), attname
FROM attribute WHERE attislocal AND NOT relispartition
UNION ALL
SELECT 'a column has another type', format('ALTER TABLE %s ALTER %I TYPE text', name, attname), attname
FROM attribute WHERE attislocal AND NOT relispartition AND atttypid <> 'text'::regtype AND attgenerated = ''
UNION ALL
SELECT 'a comment is another one', format('COMMENT ON COLUMN %s.%I IS ''x''', name, attname), attname
FROM attribute WHERE col_description(oid, attnum) IS NOT NULL
UNION ALL
SELECT 'a constraint is dropped', format('ALTER TABLE %s DROP CONSTRAINT %I', t.name, conname), t.relname
FROM pg_constraint JOIN class t ON t.oid = conrelid
WHERE contype IN ('c', 'f', 'u', 'p', 'x') AND conislocal AND conparentid = 0
UNION ALL
SELECT 'a constraint is not validated',
       format('ALTER TABLE %s DROP CONSTRAINT %I; ALTER TABLE %1$s ADD CONSTRAINT %2$I %s NOT VALID', t.name, conname,
              pg_get_constraintdef(k.oid)), t.relname
FROM pg_constraint k JOIN class t ON t.oid = conrelid
WHERE contype IN ('c', 'f') AND conislocal AND conparentid = 0 AND t.relkind = 'r'
UNION ALL
SELECT 'an index is dropped', format('DROP INDEX %s', indexrelid::regclass), t.relname
FROM pg_index JOIN class t ON t.oid = indrelid
WHERE NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
  AND NOT EXISTS (SELECT FROM pg_inherits WHERE inhrelid = indexrelid)
UNION ALL
SELECT 'a trigger is ' || what, format(sql, t.name, tgname), tgname
FROM pg_trigger JOIN class t ON t.oid = tgrelid,
     (VALUES ('dropped', 'DROP TRIGGER %2$I ON %1$s'), ('disabled', 'ALTER TABLE %s DISABLE TRIGGER %I')) AS done(what, sql)
WHERE NOT tgisinternal AND tgparentid = 0
UNION ALL
SELECT 'a rule is ' || what, format(sql, t.name, rulename), rulename
FROM pg_rewrite JOIN class t ON t.oid = ev_class,
     (VALUES ('dropped', 'DROP RULE %2$I ON %1$s'), ('disabled', 'ALTER TABLE %s DISABLE RULE %I')) AS done(what, sql)
WHERE rulename <> '_RETURN'
UNION ALL
SELECT 'a policy is ' || what, format(sql, t.name, polname), polname
FROM pg_policy JOIN class t ON t.oid = polrelid,
     (VALUES ('dropped', 'DROP POLICY %2$I ON %1$s'), ('for everybody', 'ALTER POLICY %2$I ON %1$s TO PUBLIC')) AS done(what, sql)
WHERE what = 'dropped' OR polroles <> '{0}'
UNION ALL
SELECT 'a policy shows all', format('ALTER POLICY %2$I ON %1$s USING (true)', t.name, polname), polname
FROM pg_policy JOIN class t ON t.oid = polrelid WHERE polqual IS NOT NULL
UNION ALL
SELECT 'row-level security is off', format('ALTER TABLE %s DISABLE ROW LEVEL SECURITY', name), relname
FROM class WHERE relrowsecurity
UNION ALL
SELECT 'row-level security is not forced', format('ALTER TABLE %s NO FORCE ROW LEVEL SECURITY', name), relname
FROM class WHERE relforcerowsecurity
UNION ALL
SELECT 'a table is unlogged', format('ALTER TABLE %s SET UNLOGGED', name), relname
FROM class WHERE relkind = 'r' AND relpersistence = 'p'
UNION ALL
SELECT 'a table keeps no identity for replicas', format('ALTER TABLE %s REPLICA IDENTITY NOTHING', name), relname
FROM class
WHERE relkind IN ('r', 'p') AND EXISTS (SELECT FROM pg_index WHERE indrelid = oid AND (indisprimary OR relreplident = 'f'))
UNION ALL
SELECT 'a parent lost a child', format('ALTER TABLE %s %s %s', p.name,
       'DETACH PARTITION', c.name), p.relname
FROM pg_inherits JOIN class p ON p.oid = inhparent JOIN class c ON c.oid = inhrelid
WHERE p.relkind = 'p' AND c.relkind = 'r'
UNION ALL
SELECT 'a table is dropped', format('DROP TABLE %s', name), relname
FROM class WHERE relkind IN ('r', 'p') AND NOT relispartition
UNION ALL
SELECT 'a view is dropped', format('DROP %s %s', CASE relkind WHEN 'v' THEN 'VIEW' ELSE 'MATERIALIZED VIEW' END, name), relname
FROM class WHERE relkind IN ('v', 'm')
UNION ALL
SELECT 'an option of a view is gone', format('ALTER VIEW %s RESET (%s)', name, split_part(o, '=', 1)), relname
FROM class, unnest(reloptions) o WHERE relkind = 'v'
UNION ALL
SELECT 'a sequence is dropped', format('DROP SEQUENCE %s', name), relname FROM class WHERE relkind = 'S'
UNION ALL
SELECT 'a sequence ' || what, format('ALTER SEQUENCE %s %s', name, sql), relname
FROM class, (VALUES ('steps by more', 'INCREMENT BY 7'), ('begins again', 'CYCLE'), ('ends sooner', 'MAXVALUE 5000')) AS done(what, sql)
WHERE relkind = 'S'
UNION ALL
SELECT 'a function is ' || what, format('ALTER ROUTINE %s %s', p.oid::regprocedure, sql), proname
FROM routine p,
     (VALUES ('volatile', 'VOLATILE'), ('a definer''s', 'SECURITY DEFINER'), ('an invoker''s', 'SECURITY INVOKER'),
     ('called for NULL', 'CALLED ON NULL INPUT'), ('without its settings', 'RESET ALL')) AS done(what, sql)
WHERE prokind = 'f'
  AND CASE what WHEN 'volatile' THEN provolatile <> 'v' WHEN 'a definer''s' THEN NOT prosecdef
      WHEN 'an invoker''s' THEN prosecdef WHEN 'called for NULL' THEN proisstrict ELSE proconfig IS NOT NULL END
UNION ALL
SELECT 'a routine is dropped', format('DROP ROUTINE %s', oid::regprocedure), proname FROM routine
UNION ALL
SELECT 'a domain is checked no more', format('ALTER DOMAIN %s DROP CONSTRAINT %I', t.oid::regtype, conname), typname
FROM pg_type t JOIN pg_constraint ON contypid = t.oid WHERE contype = 'c' AND t.oid >= 16384
UNION ALL
SELECT 'a value of an enum is another one', format('ALTER TYPE %s RENAME VALUE %L TO ''other''', t.oid::regtype, enumlabel), typname
FROM pg_enum JOIN pg_type t ON t.oid = enumtypid WHERE t.oid >= 16384
UNION ALL
SELECT 'a type is dropped', format('DROP TYPE %s', oid::regtype), typname
FROM pg_type WHERE oid >= 16384 AND typtype IN ('e', 'd', 'r') AND typcategory <> 'A'
UNION ALL
SELECT 'a privilege is revoked', format('REVOKE %s ON %s %s FROM %s', privilege_type, kind, object,
       CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END), name
FROM granted
UNION ALL
SELECT 'everybody may read', format('GRANT SELECT ON %s TO PUBLIC', name), relname
FROM class WHERE relkind IN ('r', 'p', 'v', 'm', 'S')
UNION ALL
SELECT 'an owner is another one', format('ALTER TABLE %s OWNER TO check_reader', name), relname
FROM class WHERE relkind IN ('r', 'p', 'v', 'm')
UNION ALL
SELECT 'statistics are dropped', format('DROP STATISTICS %I.%I', nspname, stxname), stxname
FROM pg_statistic_ext JOIN pg_namespace n ON n.oid = stxnamespace
UNION ALL
SELECT 'a publication lost a table', format('ALTER PUBLICATION %I DROP TABLE %s', pubname, prrelid::regclass), pubname
FROM pg_publication_rel JOIN pg_publication p ON p.oid = prpubid
UNION ALL
SELECT 'an event trigger is ' || what, format(sql, evtname), evtname
FROM pg_event_trigger, (VALUES ('dropped', 'DROP EVENT TRIGGER %I'), ('disabled', 'ALTER EVENT TRIGGER %I DISABLE')) AS done(what, sql)
UNION ALL
SELECT 'a publication ' || what, format(sql, pubname), pubname
FROM pg_publication, (VALUES ('is dropped', 'DROP PUBLICATION %I'), ('publishes less', 'ALTER PUBLICATION %I SET (publish = ''insert'')'))
     AS done(what, sql)
UNION ALL
SELECT 'a foreign table is dropped', format('DROP FOREIGN TABLE %s', name), relname FROM class WHERE relkind = 'f'
UNION ALL
SELECT 'a foreign server leads elsewhere', format('ALTER SERVER %I OPTIONS (SET %I ''elsewhere'')', srvname, split_part(o, '=', 1)), srvname
FROM pg_foreign_server, unnest(srvoptions) o
UNION ALL
SELECT 'a user mapping is dropped', format('DROP USER MAPPING FOR %s SERVER %I', CASE umuser WHEN 0 THEN 'PUBLIC' ELSE umuser::regrole::text END, srvname), srvname
FROM pg_user_mapping m JOIN pg_foreign_server s ON s.oid = umserver
UNION ALL
SELECT 'an operator is dropped', format('DROP OPERATOR %s', oid::regoperator), oprname FROM pg_operator WHERE oid >= 16384
UNION ALL
SELECT 'a collation is dropped', format('DROP COLLATION %I.%I', nspname, collname), collname
FROM pg_collation c JOIN pg_namespace n ON n.oid = collnamespace WHERE c.oid >= 16384
UNION ALL
SELECT 'a configuration for text search is dropped', format('DROP TEXT SEARCH CONFIGURATION %s', oid::regconfig), cfgname
FROM pg_ts_config WHERE oid >= 16384
UNION ALL
SELECT 'a schema is dropped', format('DROP SCHEMA %I', nspname), nspname FROM pg_namespace
WHERE oid >= 16384 AND NOT EXISTS (SELECT FROM pg_class WHERE relnamespace = pg_namespace.oid)
  AND NOT EXISTS (SELECT FROM pg_proc WHERE pronamespace = pg_namespace.oid)
UNION ALL
SELECT 'a storage option is gone', format('ALTER %s %s RESET (%s)', CASE relkind WHEN 'i' THEN 'INDEX' ELSE 'TABLE' END, name, split_part(o, '=', 1)), relname
FROM class, unnest(reloptions) o WHERE relkind IN ('r', 'i')
UNION ALL
SELECT 'a child inherits no more', format('ALTER TABLE %s NO INHERIT %s', inhrelid::regclass, inhparent::regclass), c.relname
FROM pg_inherits JOIN class c ON c.oid = inhrelid WHERE c.relkind = 'r' AND NOT c.relispartition
UNION ALL
SELECT 'a view shows less', format('CREATE OR REPLACE VIEW %s %sAS %s LIMIT 7', name, 'WITH (' || array_to_string(reloptions, ', ') || ') ', rtrim(pg_get_viewdef(oid), ';')), relname
FROM class WHERE relkind = 'v'
UNION ALL
SELECT 'a domain ' || what, format('ALTER DOMAIN %s %s', oid::regtype, sql), typname
FROM pg_type, (VALUES ('may be NULL', 'DROP NOT NULL'), ('has no default', 'DROP DEFAULT')) AS done(what, sql)
WHERE typtype = 'd' AND oid >= 16384 AND CASE what WHEN 'may be NULL' THEN typnotnull ELSE typdefault IS NOT NULL END
UNION ALL
SELECT 'a default privilege is revoked', format('ALTER DEFAULT PRIVILEGES IN SCHEMA %I REVOKE %s ON TABLES FROM %s', nspname, privilege_type, grantee::regrole), nspname
FROM pg_default_acl d JOIN pg_namespace n ON n.oid = defaclnamespace, aclexplode(defaclacl) WHERE defaclobjtype = 'r' AND grantee <> defaclrole
ORDER BY 1, 2
