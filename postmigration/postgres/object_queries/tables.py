"""What is asked of the catalogs for tables and what stands on them.

Facts whose name begins with "~" tell how to find or to write an object again, and are no difference.
"""

from __future__ import annotations

from postmigration.postgres.object_queries.query import Query, name_collation

_SCHEMAS = Query(
    """
    SELECT format('schema %I', nspname) AS name, ARRAY['schema', nspname, nspname] AS parts,
           jsonb_build_object('owner', pg_get_userbyid(nspowner), '~on', quote_ident(nspname)) AS facts
    FROM namespace
    """
)

_RELATIONS = Query(
    """
    SELECT r.kind || ' ' || r.named AS name, ARRAY[r.kind, r.nspname, r.relname] AS parts,
           jsonb_build_object(
               'owner', pg_get_userbyid(r.relowner), 'persistence', r.relpersistence,
               'row-level security', r.relrowsecurity, 'forced row-level security', r.relforcerowsecurity,
               'replica identity', CASE WHEN r.relkind IN ('r', 'p') THEN CASE r.relreplident
                   WHEN 'd' THEN CASE WHEN k.oid IS NULL THEN 'nothing' ELSE 'primary key' END
                   WHEN 'n' THEN 'nothing' WHEN 'f' THEN 'full' ELSE 'index' END END,
               '~replica', CASE WHEN r.relkind IN ('r', 'p') THEN r.relreplident END, '~replica index', y.name,
               'access method', am.amname, 'partition key', pg_get_partkeydef(r.oid),
               'inherits from', CASE WHEN NOT r.relispartition THEN h.parents END,
               'partition of', CASE WHEN r.relispartition THEN h.parents END,
               'detach pending', h.pending,
               'partition bound', pg_get_expr(r.relpartbound, r.oid),
               'definition', CASE WHEN r.relkind IN ('v', 'm') THEN pg_get_viewdef(r.oid) END,
               'refers to', v.names,
               'populated', CASE WHEN r.relkind = 'm' THEN r.relispopulated END,
               'security_invoker', CASE WHEN r.relkind = 'v' THEN coalesce(o.invoker, false) END,
               'security_barrier', CASE WHEN r.relkind = 'v' THEN coalesce(o.barrier, false) END,
               'check option', o.checked, 'storage options', o.others, 'server', s.srvname,
               '~on', r.named, '~rows', CASE WHEN r.reltuples > 0 THEN r.reltuples END,
               '~sql', CASE r.relkind WHEN 'v' THEN format('CREATE VIEW %s%s AS %s', r.named,
                                          ' WITH (' || array_to_string(r.reloptions, ', ') || ')',
                                          pg_get_viewdef(r.oid))
                                      WHEN 'm' THEN format('CREATE MATERIALIZED VIEW %s AS %s', r.named,
                                                           pg_get_viewdef(r.oid)) END
           ) AS facts
    FROM relation r LEFT JOIN pg_am am ON am.oid = r.relam
    LEFT JOIN pg_foreign_table ft ON ft.ftrelid = r.oid LEFT JOIN pg_foreign_server s ON s.oid = ft.ftserver
    LEFT JOIN (SELECT conrelid AS of, oid FROM pg_constraint WHERE contype = 'p') k ON k.of = r.oid
    LEFT JOIN (SELECT i.indrelid AS of, quote_ident(c.relname) AS name FROM pg_index i
               JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indisreplident) y ON y.of = r.oid
    LEFT JOIN LATERAL (
        SELECT string_agg(CAST(CAST(inhparent AS regclass) AS text), ', ' ORDER BY inhseqno) AS parents,
               bool_or({pending}) AS pending
        FROM pg_inherits i WHERE inhrelid = r.oid) h ON true
    LEFT JOIN LATERAL (
        SELECT string_agg(DISTINCT concat_ws('.', CAST(d.refobjid AS regclass), a.attname), ', ') AS names
        FROM pg_rewrite w JOIN pg_depend d ON d.classid = CAST('pg_rewrite' AS regclass) AND d.objid = w.oid
        LEFT JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid AND d.refobjsubid > 0
        WHERE r.relkind IN ('v', 'm') AND w.ev_class = r.oid
          AND d.refclassid = CAST('pg_class' AS regclass) AND d.refobjid <> r.oid) v ON true
    LEFT JOIN LATERAL (
        SELECT bool_or(CAST(option_value AS boolean)) FILTER (WHERE option_name = 'security_invoker') AS invoker,
               bool_or(CAST(option_value AS boolean)) FILTER (WHERE option_name = 'security_barrier') AS barrier,
               max(option_value) FILTER (WHERE option_name = 'check_option') AS checked,
               string_agg(option_name || '=' || option_value, ', ' ORDER BY option_name) FILTER (
                   WHERE option_name NOT IN ('security_invoker', 'security_barrier', 'check_option')) AS others
        FROM pg_options_to_table(r.reloptions)) o ON true
    WHERE r.relkind NOT IN ('S', 'c')
    """,
    [("pending", 14, "i.inhdetachpending", "false")],
)

_COLUMNS = Query(
    """
    SELECT format('column %s.%I', r.named, a.attname) AS name,
           ARRAY['column', r.nspname, a.attname, r.relname] AS parts,
           jsonb_build_object(
               'of', r.kind || ' ' || r.named,
               'position', row_number() OVER (PARTITION BY r.oid ORDER BY a.attnum),
               'type', format_type(a.atttypid, a.atttypmod),
               'not null', CASE WHEN NOT a.attnotnull THEN 'no' ELSE coalesce({validated}, 'yes') END,
               'default', CASE WHEN a.attgenerated = '' THEN pg_get_expr(d.adbin, d.adrelid) END,
               'identity', CASE a.attidentity WHEN 'a' THEN 'always' WHEN 'd' THEN 'by default' END,
               'generated', CASE WHEN a.attgenerated <> '' THEN pg_get_expr(d.adbin, d.adrelid) END,
               'generated as', CASE a.attgenerated WHEN 's' THEN 'stored' WHEN 'v' THEN 'virtual' END,
               'collation', CASE WHEN a.attcollation <> t.typcollation
                                 THEN {collation} END,
               'storage', a.attstorage, 'compression', {compression},
               -- Some builds count the versions of a column's definition there.
               'options', (SELECT string_agg(o, ', ' ORDER BY o) FROM unnest(a.attoptions) AS u(o)
                           WHERE o NOT LIKE 'pg_attver=%'),
               'statistics target', nullif(a.attstattarget, -1), 'inherited', a.attinhcount > 0,
               '~checked', t.typtype IN ('d', 'e'),
               '~on', r.named, '~id', quote_ident(a.attname)
           ) AS facts
    FROM relation r JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
    JOIN pg_type t ON t.oid = a.atttypid
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE r.relkind <> 'S'
    """,
    [
        ("compression", 14, "nullif(a.attcompression, '')", "NULL"),
        ("collation", 13, "CAST(CAST(a.attcollation AS regcollation) AS text)", name_collation("a.attcollation")),
        (
            "validated",
            18,
            "(SELECT 'not validated' FROM pg_constraint k WHERE k.contype = 'n' AND NOT k.convalidated "
            "AND k.conrelid = r.oid AND a.attnum = ANY (k.conkey))",
            "NULL",
        ),
    ],
)

# PostgreSQL 18 has constraints for NOT NULL, which is a property of columns here.
_CONSTRAINTS = Query(
    """
    SELECT format('constraint %I on %s', k.conname, coalesce(r.named, format_type(k.contypid, NULL))) AS name,
           ARRAY['constraint', n.nspname, k.conname, coalesce(r.relname, t.typname)] AS parts,
           jsonb_build_object(
               'of', coalesce(r.kind || ' ' || r.named, 'type ' || format_type(k.contypid, NULL)),
               'kind', CASE k.contype WHEN 'p' THEN 'primary key' WHEN 'u' THEN 'unique' WHEN 'f' THEN 'foreign key'
                                      WHEN 'x' THEN 'exclusion' ELSE 'check' END,
               'definition', regexp_replace(pg_get_constraintdef(k.oid), '( NOT VALID| NOT ENFORCED)+$', ''),
               'validated', k.convalidated, 'enforced', {enforced}, 'triggers', (
                   SELECT string_agg(DISTINCT CAST(t.tgenabled AS text), '' ORDER BY CAST(t.tgenabled AS text))
                   FROM pg_trigger t WHERE t.tgconstraint = k.oid AND t.tgisinternal),
               'columns', (SELECT string_agg(a.attname, ', ' ORDER BY u.place)
                           FROM unnest(k.conkey) WITH ORDINALITY AS u (number, place)
                           JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.number),
               '~child', k.conparentid <> 0 OR (k.coninhcount > 0 AND NOT k.conislocal),
               '~on', coalesce(r.named, format_type(k.contypid, NULL)), '~id', quote_ident(k.conname),
               '~sql', format('ALTER %s %s ADD CONSTRAINT %I %s',
                              CASE WHEN r.oid IS NULL THEN 'DOMAIN' ELSE 'TABLE' END,
                              coalesce(r.named, format_type(k.contypid, NULL)), k.conname,
                              regexp_replace(pg_get_constraintdef(k.oid), ' NOT VALID$', ''))
           ) AS facts
    FROM pg_constraint k JOIN namespace n ON n.oid = k.connamespace LEFT JOIN relation r ON r.oid = k.conrelid
    LEFT JOIN pg_type t ON t.oid = k.contypid
    WHERE k.contype NOT IN ('n', 't') AND (r.oid IS NOT NULL OR (k.contypid <> 0
          AND (CAST('pg_type' AS regclass), t.oid) NOT IN (SELECT classid, objid FROM member)))
    """,
    [("enforced", 18, "k.conenforced", "true")],
)

_INDEXES = Query(
    """
    SELECT format('index %I.%I', r.nspname, x.relname) AS name,
           ARRAY['index', r.nspname, x.relname, r.relname] AS parts,
           jsonb_build_object(
               'of', r.kind || ' ' || r.named, 'unique', i.indisunique, 'primary', i.indisprimary,
               'definition', regexp_replace(
                   substr(s.text, strpos(s.text, ' USING ')), ' (WITH \\([^()]*\\)|TABLESPACE [^ ]+)', '', 'g'),
               'valid', i.indisvalid AND i.indisready AND i.indislive, 'clustered', i.indisclustered,
               'storage options', array_to_string(x.reloptions, ', '), 'replica identity', i.indisreplident,
               'constraint', k.conname, '~child', h.inhrelid IS NOT NULL, '~building', b.pid IS NOT NULL,
               '~on', r.named, '~id', format('%I.%I', r.nspname, x.relname), '~sql', s.text
           ) AS facts
    FROM pg_index i JOIN relation r ON r.oid = i.indrelid JOIN pg_class x ON x.oid = i.indexrelid
    CROSS JOIN LATERAL (SELECT pg_get_indexdef(i.indexrelid) AS text) s
    LEFT JOIN pg_constraint k ON k.conindid = i.indexrelid AND k.conrelid = i.indrelid
         AND k.contype IN ('p', 'u', 'x')
    LEFT JOIN pg_inherits h ON h.inhrelid = i.indexrelid
    LEFT JOIN pg_stat_progress_create_index b ON b.index_relid = i.indexrelid
    """
)

_TRIGGERS = Query(
    """
    SELECT format('trigger %I on %s', t.tgname, r.named) AS name,
           ARRAY['trigger', r.nspname, t.tgname, r.relname] AS parts,
           jsonb_build_object(
               'of', r.kind || ' ' || r.named,
               'definition', replace(pg_get_triggerdef(t.oid), format(' TRIGGER %I ', t.tgname), ' TRIGGER '),
               'enabled', t.tgenabled,
               '~child', EXISTS (SELECT FROM pg_depend d WHERE d.classid = CAST('pg_trigger' AS regclass)
                                 AND d.objid = t.oid AND d.refclassid = d.classid AND d.deptype = 'P'),
               '~on', r.named, '~id', quote_ident(t.tgname), '~sql', pg_get_triggerdef(t.oid)
           ) AS facts
    FROM pg_trigger t JOIN relation r ON r.oid = t.tgrelid WHERE NOT t.tgisinternal
    """
)

_POLICIES = Query(
    """
    SELECT format('policy %I on %s', p.polname, r.named) AS name,
           ARRAY['policy', r.nspname, p.polname, r.relname] AS parts,
           jsonb_build_object(
               'of', r.kind || ' ' || r.named, 'permissive', p.polpermissive,
               'command', CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE'
                                        WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
               'roles', o.names, 'using', x.using, 'check', x.checking,
               '~on', r.named, '~id', quote_ident(p.polname),
               '~sql', concat(format('CREATE POLICY %I ON %s', p.polname, r.named),
                              CASE WHEN NOT p.polpermissive THEN ' AS RESTRICTIVE' END, ' FOR ',
                              CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE'
                                            WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
                              ' TO ', o.quoted, ' USING (' || x.using || ')', ' WITH CHECK (' || x.checking || ')')
           ) AS facts
    FROM pg_policy p JOIN relation r ON r.oid = p.polrelid
    CROSS JOIN LATERAL (
        SELECT string_agg(n, ', ' ORDER BY n) AS names,
               string_agg(CASE n WHEN 'PUBLIC' THEN n ELSE quote_ident(n) END, ', ' ORDER BY n) AS quoted
        FROM (SELECT CASE id WHEN 0 THEN 'PUBLIC' ELSE CAST(pg_get_userbyid(id) AS text) END AS n
              FROM unnest(p.polroles) AS u(id)) u) o
    CROSS JOIN LATERAL (SELECT pg_get_expr(p.polqual, p.polrelid) AS using,
                               pg_get_expr(p.polwithcheck, p.polrelid) AS checking) x
    """
)

_RULES = Query(
    """
    SELECT format('rule %I on %s', u.rulename, r.named) AS name,
           ARRAY['rule', r.nspname, u.rulename, r.relname] AS parts,
           jsonb_build_object(
               'of', r.kind || ' ' || r.named,
               'definition', replace(pg_get_ruledef(u.oid), format('RULE %I AS', u.rulename), 'RULE AS'),
               'enabled', u.ev_enabled, '~on', r.named, '~id', quote_ident(u.rulename), '~sql', pg_get_ruledef(u.oid)
           ) AS facts
    FROM pg_rewrite u JOIN relation r ON r.oid = u.ev_class WHERE u.rulename <> '_RETURN'
    """
)

_STATISTICS = Query(
    """
    SELECT format('statistics %I.%I', n.nspname, s.stxname) AS name,
           ARRAY['statistics', n.nspname, s.stxname, r.relname] AS parts,
           jsonb_build_object(
               'definition', regexp_replace(pg_get_statisticsobjdef(s.oid), '^CREATE STATISTICS .*?( \\(| ON )', '\\1'),
               '~sql', pg_get_statisticsobjdef(s.oid)) AS facts
    FROM pg_statistic_ext s JOIN namespace n ON n.oid = s.stxnamespace LEFT JOIN relation r ON r.oid = s.stxrelid
    """
)

TABLES = (
    _SCHEMAS, _RELATIONS, _COLUMNS, _CONSTRAINTS, _INDEXES, _TRIGGERS, _POLICIES, _RULES, _STATISTICS
)  # fmt: skip
