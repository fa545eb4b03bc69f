"""The ways around row-level security: what a schema leaves open, in words, so that two states can be compared."""

from __future__ import annotations

from collections.abc import Mapping

from postmigration.database import Snapshot

_ROLES = "('anon', 'authenticated')"
# Schemas of the platform and of its extensions, which are not the migration's.
_PLATFORM = """
    ('information_schema', 'auth', 'storage', 'realtime', '_realtime', 'extensions', 'graphql', 'graphql_public',
     'vault', 'pgsodium', 'pgsodium_masks', 'net', 'cron', 'pgmq', 'pgbouncer', 'supabase_functions',
     'supabase_migrations')
"""
# The schema of the tables, and every other one that people can use.
SCHEMAS = f"""
    SELECT s.oid FROM pg_namespace s
    WHERE s.nspname = :schema
       OR s.nspname !~ '^pg_' AND s.nspname NOT IN {_PLATFORM} AND EXISTS (
           SELECT FROM pg_roles r WHERE r.rolname IN {_ROLES} AND has_schema_privilege(r.oid, s.oid, 'USAGE'))
"""


def named(schema: str, name: str) -> str:
    """SQL for what an object is called: by its name alone in the schema of the tables.

    Args:
        schema: SQL for the oid of its schema.
        name: SQL for its name.
    """
    return (
        f"CASE WHEN {schema} = (SELECT oid FROM pg_namespace WHERE nspname = :schema) THEN {name}::text "
        f"ELSE format('%s.%I', {schema}::regnamespace, {name}) END"
    )


_TABLE = named("c.relnamespace", "c.relname")
# For each way around the policies a query for what is open: the object, and what is open about it.
_WAYS = {
    "tables": f"""
        SELECT {_TABLE} AS object,
               CASE WHEN EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid)
                    THEN 'has policies, but row-level security is off' ELSE 'has no row-level security' END
               || format(', and %s may use it', string_agg(r.rolname, ' and ' ORDER BY r.rolname)) AS problem
        FROM pg_class c JOIN pg_roles r ON r.rolname IN {_ROLES}
             AND has_table_privilege(r.oid, c.oid, 'SELECT, INSERT, UPDATE, DELETE')
        WHERE c.relnamespace IN ({SCHEMAS})
          AND c.relkind IN ('r', 'p') AND NOT c.relrowsecurity AND NOT c.relispartition
        GROUP BY c.oid, c.relname, c.relnamespace
    """,
    "policies": f"""
        SELECT {_TABLE} AS object,
               format('has a policy for %s that lets everybody pass (%s)',
                      CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE'
                                    WHEN 'd' THEN 'DELETE' ELSE 'ALL' END, who.names) AS problem
        FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid
        CROSS JOIN LATERAL (SELECT string_agg(CASE WHEN role = 0 THEN 'PUBLIC' ELSE role::regrole::text END, ', ')
                                   AS names FROM unnest(p.polroles) AS u(role)
                            WHERE role = 0 OR role::regrole::text IN ('anon', 'authenticated')) AS who
        WHERE c.relnamespace IN ({SCHEMAS})
          AND p.polpermissive AND who.names IS NOT NULL
          AND 'true' IN (pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
        UNION ALL
        -- What people write of themselves is no reason to let them pass.
        SELECT {_TABLE}, format('has the policy %I, which believes what users say of themselves (user_metadata)',
                                       p.polname)
        FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid
        WHERE c.relnamespace IN ({SCHEMAS})
          AND concat(pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
              ~ 'user_metadata|raw_user_meta_data'
    """,
    "views": f"""
        SELECT {_TABLE} AS object,
               format('shows what its owner sees, and %s may read it',
                      string_agg(r.rolname, ' and ' ORDER BY r.rolname)) AS problem
        FROM pg_class c JOIN pg_roles r ON r.rolname IN {_ROLES} AND has_table_privilege(r.oid, c.oid, 'SELECT')
        LEFT JOIN pg_depend e ON e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e'
        WHERE c.relnamespace IN ({SCHEMAS}) AND e.objid IS NULL
          AND (c.relkind IN ('m', 'f')
               OR c.relkind = 'v' AND NOT coalesce(c.reloptions && ARRAY['security_invoker=true', 'security_invoker=on',
                                                                          'security_invoker=1'], false))
        GROUP BY c.oid, c.relname, c.relnamespace
    """,
    "functions": f"""
        SELECT format('%s(%s)', {named("p.pronamespace", "p.proname")},
                      pg_get_function_identity_arguments(p.oid)) AS object,
               concat_ws(', and ', 'runs with the rights of its owner',
                         CASE WHEN NOT pinned THEN 'without a search_path of its own' END,
                         CASE WHEN open THEN 'anon may call it' END) AS problem
        FROM pg_proc p
        CROSS JOIN LATERAL (SELECT
            EXISTS (SELECT FROM unnest(p.proconfig) AS u(setting) WHERE setting LIKE 'search_path=%') AS pinned,
            EXISTS (SELECT FROM pg_roles r WHERE r.rolname = 'anon' AND has_function_privilege(r.oid, p.oid, 'EXECUTE'))
                AS open) AS facts
        LEFT JOIN pg_depend e ON e.classid = 'pg_proc'::regclass AND e.objid = p.oid AND e.deptype = 'e'
        WHERE p.pronamespace IN ({SCHEMAS}) AND e.objid IS NULL
          AND p.prosecdef AND p.prorettype <> 'trigger'::regtype AND (open OR NOT pinned)
    """,
    "privileges": f"""
        SELECT {_TABLE} AS object,
               format('grants anon %s', string_agg(x.privilege_type, ', ' ORDER BY x.privilege_type)) AS problem
        FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) AS x
        WHERE c.relnamespace IN ({SCHEMAS})
          AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
          AND x.privilege_type IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE')
          AND x.grantee IN (0, (SELECT oid FROM pg_roles WHERE rolname = 'anon'))
        GROUP BY c.oid, c.relname, c.relnamespace
    """,
}
WAYS = tuple(_WAYS)


def open_ways(snapshot: Snapshot, way: str) -> Mapping[str, str]:
    """What is open in a schema: sentences, and the object that each is about.

    Args:
        way: one of `WAYS`.
    """
    rows = snapshot.rows(_WAYS[way], schema=snapshot.database.schema)
    return {f"{row.object} {row.problem}": row.object for row in rows}
