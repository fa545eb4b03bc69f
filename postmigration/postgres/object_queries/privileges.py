"""What is asked of the catalogs for privileges and settings, one fact each."""

from __future__ import annotations

from postmigration.postgres.object_queries.query import Query

_GRANTED = """
    SELECT format('grant of %s%s on %s to %s', a.privilege_type,
                  CASE WHEN a.is_grantable THEN ' with grant option' END, o.named,
                  CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END) AS name,
           ARRAY['grant', o.nspname, o.bare, o.parent] AS parts,
           jsonb_build_object(
               'of', o.named, '~role', CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(a.grantee) END,
               '~privilege', a.privilege_type, '~option', a.is_grantable,
               '~what', o.what, '~on', o.target, '~column', o.part)
               || CASE o.what WHEN 'database' THEN jsonb_build_object('~owner', pg_get_userbyid(o.owner))
                              ELSE '{}' END AS facts
    FROM ({objects}) o, aclexplode(coalesce(o.acl, acldefault(o.class, o.owner))) a
    -- PostgreSQL 17 has invented it; a state of an older server cannot have it.
    WHERE a.grantee <> o.owner AND a.privilege_type <> 'MAINTAIN'
"""

# What a privilege is on, which word of GRANT says so, and whose implicit rights do not count.
_GRANTABLE = (
    """SELECT kind || ' ' || named AS named, relacl AS acl, relowner AS owner, kind AS what,
              CASE relkind WHEN 'S' THEN 'SEQUENCE ' ELSE 'TABLE ' END || named AS target, nspname, relname AS bare,
              '' AS parent, CAST(NULL AS text) AS part,
              CAST(CASE relkind WHEN 'S' THEN 's' ELSE 'r' END AS "char") AS class
       FROM relation WHERE relkind <> 'c'""",
    """SELECT format('schema %I', nspname) AS named, nspacl AS acl, nspowner AS owner, 'schema' AS what,
              format('SCHEMA %I', nspname) AS target, nspname, nspname AS bare, '' AS parent,
              CAST(NULL AS text) AS part, CAST('n' AS "char") AS class
       FROM namespace""",
    """SELECT format('function %s', CAST(p.oid AS regprocedure)) AS named, proacl AS acl, proowner AS owner,
              'function' AS what, format('ROUTINE %s', CAST(p.oid AS regprocedure)) AS target, n.nspname,
              p.proname AS bare, '' AS parent, CAST(NULL AS text) AS part, CAST('f' AS "char") AS class
       FROM pg_proc p JOIN namespace n ON n.oid = p.pronamespace
       WHERE (CAST('pg_proc' AS regclass), p.oid) NOT IN (SELECT classid, objid FROM member)
         AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = CAST('pg_proc' AS regclass) AND d.objid = p.oid
                         AND d.deptype = 'i' AND d.refclassid = CAST('pg_type' AS regclass))""",
    """SELECT 'type ' || format_type(t.oid, NULL) AS named, typacl AS acl, typowner AS owner, 'type' AS what,
              'TYPE ' || format_type(t.oid, NULL) AS target, n.nspname, t.typname AS bare, '' AS parent,
              CAST(NULL AS text) AS part, CAST('T' AS "char") AS class
       FROM pg_type t JOIN namespace n ON n.oid = t.typnamespace
       WHERE (typtype IN ('e', 'd', 'r') OR t.typrelid IN (SELECT oid FROM relation WHERE relkind = 'c'))
         AND (CAST('pg_type' AS regclass), t.oid) NOT IN (SELECT classid, objid FROM member)""",
    """SELECT format('column %s.%I', r.named, a.attname) AS named, coalesce(a.attacl, CAST('{}' AS aclitem[])) AS acl,
              r.relowner AS owner, 'column' AS what, 'TABLE ' || r.named AS target, r.nspname, a.attname AS bare,
              r.relname AS parent, quote_ident(a.attname) AS part, CAST('c' AS "char") AS class
       FROM relation r JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
       WHERE a.attacl IS NOT NULL""",
    """SELECT format('foreign server %I', srvname) AS named, srvacl AS acl, srvowner AS owner,
              'foreign server' AS what, format('FOREIGN SERVER %I', srvname) AS target, '' AS nspname, srvname AS bare,
              '' AS parent, CAST(NULL AS text) AS part, CAST('S' AS "char") AS class
       FROM pg_foreign_server
       WHERE (CAST('pg_foreign_server' AS regclass), oid) NOT IN (SELECT classid, objid FROM member)
       UNION ALL
       SELECT format('foreign-data wrapper %I', fdwname), fdwacl, fdwowner, 'foreign-data wrapper',
              format('FOREIGN DATA WRAPPER %I', fdwname), '', fdwname, '', NULL, 'F'
       FROM pg_foreign_data_wrapper
       WHERE (CAST('pg_foreign_data_wrapper' AS regclass), oid) NOT IN (SELECT classid, objid FROM member)
       UNION ALL
       SELECT format('language %I', lanname), lanacl, lanowner, 'language', format('LANGUAGE %I', lanname), '', lanname,
              '', NULL, 'l'
       FROM pg_language
       WHERE lanpltrusted AND oid >= 16384
         AND (CAST('pg_language' AS regclass), oid) NOT IN (SELECT classid, objid FROM member)""",
    # A copy has another name, and is the database all the same.
    """SELECT 'the database' AS named, datacl AS acl, datdba AS owner, 'database' AS what,
              format('DATABASE %I', datname) AS target, '' AS nspname, '' AS bare, '' AS parent,
              CAST(NULL AS text) AS part, CAST('d' AS "char") AS class
       FROM pg_database WHERE datname = current_database()""",
)
# Who may set what only a superuser may otherwise.
_PARAMETERS = """
    SELECT format('parameter %s', parname) AS named, paracl AS acl, CAST(10 AS oid) AS owner, 'parameter' AS what,
           format('PARAMETER %s', parname) AS target, '' AS nspname, parname AS bare, '' AS parent,
           CAST(NULL AS text) AS part, CAST('p' AS "char") AS class
    FROM pg_parameter_acl
"""

# For all schemas, these come in the place of PostgreSQL's own; for one schema, they are added to them.
_DEFAULTS = Query(
    """
    SELECT format('default privileges of %I%s for %s', pg_get_userbyid(d.defaclrole),
                  CASE WHEN n.oid IS NOT NULL THEN format(' in schema %I', n.nspname) END, k.kind) AS name,
           ARRAY['default privileges', coalesce(n.nspname, ''), k.kind] AS parts,
           jsonb_build_object(
               'grants', (SELECT CAST(jsonb_agg(g ORDER BY g) AS text) FROM (
                   SELECT jsonb_build_array(CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(a.grantee) END,
                                            a.privilege_type) AS g
                   FROM aclexplode(d.defaclacl) a
                   WHERE a.grantee <> d.defaclrole AND a.privilege_type <> 'MAINTAIN') g),
               '~role', pg_get_userbyid(d.defaclrole), '~kind', k.kind, '~for', concat(
                   format('ALTER DEFAULT PRIVILEGES FOR ROLE %I', pg_get_userbyid(d.defaclrole)),
                   CASE WHEN n.oid IS NOT NULL THEN format(' IN SCHEMA %I', n.nspname) END)) AS facts
    FROM pg_default_acl d LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace
    CROSS JOIN LATERAL (SELECT CASE d.defaclobjtype WHEN 'r' THEN 'tables' WHEN 'S' THEN 'sequences'
                                                    WHEN 'f' THEN 'functions' WHEN 'T' THEN 'types'
                                                    WHEN 'n' THEN 'schemas' ELSE 'large objects' END AS kind) k
    """
)

_SETTINGS = Query(
    """
    SELECT concat('setting of ', CASE WHEN s.setrole = 0 THEN 'the database'
                                      ELSE format('role %I', pg_get_userbyid(s.setrole)) END,
                  CASE WHEN s.setrole <> 0 AND s.setdatabase <> 0 THEN ' in the database' END,
                  CASE WHEN s.setrole = 0 AND s.setdatabase = 0 THEN ' and all others' END) AS name,
           ARRAY['setting', '', CASE s.setrole WHEN 0 THEN '' ELSE pg_get_userbyid(s.setrole) END] AS parts,
           (SELECT coalesce(jsonb_object_agg(split_part(c, '=', 1), substr(c, strpos(c, '=') + 1)), '{}')
            FROM unnest(s.setconfig) AS u (c))
           || jsonb_build_object('~for', CASE
               WHEN s.setrole = 0 AND s.setdatabase = 0 THEN 'ROLE ALL'
               WHEN s.setrole = 0 THEN format('DATABASE %I', current_database())
               ELSE concat(format('ROLE %I', pg_get_userbyid(s.setrole)), CASE WHEN s.setdatabase <> 0
                    THEN format(' IN DATABASE %I', current_database()) END) END) AS facts
    FROM pg_db_role_setting s
    WHERE s.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
    """
)

PRIVILEGES = (_DEFAULTS, _SETTINGS)
GRANTS = (
    *(Query(_GRANTED.replace("{objects}", objects)) for objects in _GRANTABLE),
    Query(_GRANTED.replace("{objects}", _PARAMETERS), since=15),
)
