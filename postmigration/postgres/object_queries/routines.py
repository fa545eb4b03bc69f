"""What is asked of the catalogs for functions, types, sequences and what else stands in a schema."""

from __future__ import annotations

from postmigration.postgres.object_queries.query import Query, name_collation

_FUNCTIONS = Query(
    """
    SELECT format('function %s', CAST(p.oid AS regprocedure)) AS name,
           ARRAY['function', n.nspname, p.proname] AS parts,
           jsonb_build_object(
               'owner', pg_get_userbyid(p.proowner),
               'kind', CASE p.prokind WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate'
                                      WHEN 'w' THEN 'window function'
                                      ELSE 'function' END,
               'returns', pg_get_function_result(p.oid), 'arguments', pg_get_function_arguments(p.oid),
               'language', CASE WHEN p.prokind <> 'a' THEN l.lanname END, 'security definer', p.prosecdef,
               'volatility', CASE p.provolatile WHEN 'i' THEN 'immutable' WHEN 's' THEN 'stable' ELSE 'volatile' END,
               'strict', p.proisstrict, 'leakproof', p.proleakproof,
               'parallel', CASE p.proparallel WHEN 's' THEN 'safe' WHEN 'r' THEN 'restricted' ELSE 'unsafe' END,
               'cost', nullif(concat_ws(', ', nullif(p.procost, 100), nullif(p.prorows, 1000)), '0'),
               'search_path', (SELECT substr(s, 13) FROM unnest(p.proconfig) AS u (s) WHERE s LIKE 'search_path=%'),
               'settings', (SELECT string_agg(s, ', ' ORDER BY s) FROM unnest(p.proconfig) AS u (s)
                            WHERE s NOT LIKE 'search_path=%'),
               'body', CASE WHEN p.prokind = 'a' THEN (
                                SELECT concat_ws(' ', CAST(a.aggtransfn AS regproc), CAST(a.aggfinalfn AS regproc),
                                                 a.agginitval)
                                FROM pg_aggregate a WHERE a.aggfnoid = p.oid)
                            WHEN {sqlbody} IS NULL THEN concat_ws(' in ', p.prosrc, p.probin) END,
               'sql body', {sqlbody},
               '~on', CAST(p.oid AS regprocedure), '~keyword', CASE p.prokind WHEN 'p' THEN 'PROCEDURE'
                                WHEN 'a' THEN 'AGGREGATE' ELSE 'FUNCTION' END,
               -- A number, a time or a key cannot hold a statement.
               '~texts', (SELECT string_agg(name, ' ') FROM unnest(p.proargtypes) WITH ORDINALITY AS a (type, position)
                   JOIN pg_type t ON t.oid = a.type LEFT JOIN pg_type e ON e.oid = t.typelem AND t.typcategory = 'A'
                   CROSS JOIN LATERAL (VALUES (p.proargnames[a.position]), ('$' || a.position)) AS n (name)
                   WHERE coalesce(e.typcategory, t.typcategory) NOT IN ('N', 'B', 'D', 'T', 'E', 'I')
                     AND coalesce(e.oid, t.oid) <> CAST('uuid' AS regtype) AND name <> ''),
               '~sql', CASE WHEN p.prokind <> 'a' THEN pg_get_functiondef(p.oid) END
           ) AS facts
    FROM pg_proc p JOIN namespace n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang
    WHERE (CAST('pg_proc' AS regclass), p.oid) NOT IN (SELECT classid, objid FROM member)
      -- PostgreSQL makes the constructors of a range with its type.
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = CAST('pg_proc' AS regclass) AND d.objid = p.oid
                      AND d.deptype = 'i' AND d.refclassid = CAST('pg_type' AS regclass))
    """,
    [("sqlbody", 14, "pg_get_function_sqlbody(p.oid)", "CAST(NULL AS text)")],
)

_TYPES = Query(
    """
    SELECT 'type ' || format_type(t.oid, NULL) AS name, ARRAY['type', n.nspname, t.typname] AS parts,
           jsonb_build_object(
               'owner', pg_get_userbyid(t.typowner),
               'kind', CASE t.typtype WHEN 'e' THEN 'enum' WHEN 'd' THEN 'domain'
                                      WHEN 'r' THEN 'range' ELSE 'composite' END,
               'not null', t.typnotnull, 'default', t.typdefault,
               'base', CASE t.typtype WHEN 'd' THEN format_type(t.typbasetype, t.typtypmod)
                       WHEN 'r' THEN (SELECT format_type(g.rngsubtype, NULL) FROM pg_range g
                                      WHERE g.rngtypid = t.oid) END,
               'collation', CASE WHEN t.typtype = 'd' AND t.typcollation <> b.typcollation
                                 THEN {collation} END,
               'values', CAST(e.labels AS text), '~on', format_type(t.oid, NULL),
               '~sql', CASE t.typtype
                   WHEN 'e' THEN format('CREATE TYPE %s AS ENUM (%s)', format_type(t.oid, NULL), e.quoted)
                   WHEN 'd' THEN concat('CREATE DOMAIN ', format_type(t.oid, NULL), ' AS ',
                                        format_type(t.typbasetype, t.typtypmod),
                                        ' DEFAULT ' || t.typdefault, CASE WHEN t.typnotnull THEN ' NOT NULL' END, (
                       SELECT string_agg(format(' CONSTRAINT %I %s', k.conname, pg_get_constraintdef(k.oid)), '')
                       FROM pg_constraint k WHERE k.contypid = t.oid AND k.contype = 'c')) END
           ) AS facts
    FROM pg_type t JOIN namespace n ON n.oid = t.typnamespace LEFT JOIN pg_class c ON c.oid = t.typrelid
    LEFT JOIN pg_type b ON b.oid = t.typbasetype
    LEFT JOIN LATERAL (
        SELECT string_agg(quote_literal(enumlabel), ', ' ORDER BY enumsortorder) AS quoted,
               jsonb_agg(enumlabel ORDER BY enumsortorder) AS labels
        FROM pg_enum WHERE enumtypid = t.oid) e ON t.typtype = 'e'
    WHERE (t.typtype IN ('e', 'd', 'r') OR c.relkind = 'c')
      AND (CAST('pg_type' AS regclass), t.oid) NOT IN (SELECT classid, objid FROM member)
    """,
    [("collation", 13, "CAST(CAST(t.typcollation AS regcollation) AS text)", name_collation("t.typcollation"))],
)

_SEQUENCES = Query(
    """
    SELECT 'sequence ' || r.named AS name, ARRAY['sequence', r.nspname, r.relname] AS parts,
           jsonb_build_object(
               'owner', pg_get_userbyid(r.relowner), 'type', format_type(s.seqtypid, NULL), 'start', s.seqstart,
               'increment', s.seqincrement, 'minimum', s.seqmin, 'maximum', s.seqmax, 'cache', s.seqcache,
               'cycle', s.seqcycle, 'persistence', r.relpersistence, 'owned by', d.owned, '~identity', d.deptype = 'i',
               '~on', r.named, '~sql', format(
                   'CREATE SEQUENCE %s AS %s INCREMENT %s MINVALUE %s MAXVALUE %s START %s%s',
                   r.named, format_type(s.seqtypid, NULL), s.seqincrement, s.seqmin, s.seqmax, s.seqstart,
                   CASE WHEN s.seqcycle THEN ' CYCLE' END)
           ) AS facts
    FROM relation r JOIN pg_sequence s ON s.seqrelid = r.oid
    LEFT JOIN LATERAL (
        SELECT CAST(CAST(d.refobjid AS regclass) AS text) || '.' || quote_ident(a.attname) AS owned, d.deptype
        FROM pg_depend d JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
        WHERE d.classid = CAST('pg_class' AS regclass) AND d.objid = r.oid AND d.deptype IN ('a', 'i')
          AND d.refclassid = CAST('pg_class' AS regclass)) d ON true
    """
)

# What is rare is only known to be there: operators, casts, text search, foreign servers, languages and so on.
_OTHERS = Query(
    """
    SELECT d.type || ' ' || d.identity AS name,
           ARRAY[d.type, coalesce((parse_ident(d.schema))[1], ''), coalesce(d.name, d.identity)] AS parts,
           CAST('{}' AS jsonb) AS facts
    FROM (
        SELECT CAST('pg_operator' AS regclass) AS class, oid FROM pg_operator
        UNION ALL SELECT CAST('pg_opclass' AS regclass), oid FROM pg_opclass
        UNION ALL SELECT CAST('pg_opfamily' AS regclass), oid FROM pg_opfamily
        UNION ALL SELECT CAST('pg_cast' AS regclass), oid FROM pg_cast
        UNION ALL SELECT CAST('pg_conversion' AS regclass), oid FROM pg_conversion
        UNION ALL SELECT CAST('pg_ts_config' AS regclass), oid FROM pg_ts_config
        UNION ALL SELECT CAST('pg_ts_dict' AS regclass), oid FROM pg_ts_dict
        UNION ALL SELECT CAST('pg_ts_parser' AS regclass), oid FROM pg_ts_parser
        UNION ALL SELECT CAST('pg_ts_template' AS regclass), oid FROM pg_ts_template
        UNION ALL SELECT CAST('pg_foreign_data_wrapper' AS regclass), oid FROM pg_foreign_data_wrapper
        UNION ALL SELECT CAST('pg_language' AS regclass), oid FROM pg_language
        UNION ALL SELECT CAST('pg_am' AS regclass), oid FROM pg_am
    ) o CROSS JOIN LATERAL pg_identify_object(o.class, o.oid, 0) d
    WHERE o.oid >= 16384 AND (o.class, o.oid) NOT IN (SELECT classid, objid FROM member)
      -- What PostgreSQL makes with something else goes with it.
      AND (o.class, o.oid) NOT IN (SELECT classid, objid FROM pg_depend WHERE deptype = 'i')
    """
)

_COMMENTS = Query(
    """
    SELECT 'comment on ' || pg_describe_object(d.classoid, d.objoid, d.objsubid) AS name,
           ARRAY['comment', coalesce((parse_ident(i.schema))[1], ''), i.identity] AS parts,
           jsonb_build_object('text', d.description) AS facts
    FROM pg_description d CROSS JOIN LATERAL pg_identify_object(d.classoid, d.objoid, d.objsubid) i
    WHERE d.objoid >= 16384 AND (d.classoid, d.objoid) NOT IN (SELECT classid, objid FROM member)
    """
)

_COLLATIONS = Query(
    """
    SELECT d.type || ' ' || d.identity AS name, ARRAY[d.type, (parse_ident(d.schema))[1], d.name] AS parts,
           jsonb_build_object(
               'provider', CASE c.collprovider WHEN 'i' THEN 'icu' WHEN 'c' THEN 'libc' WHEN 'b' THEN 'builtin' END,
               'locale', coalesce({locale}, c.collcollate), 'deterministic', c.collisdeterministic) AS facts
    FROM pg_collation c CROSS JOIN LATERAL pg_identify_object(CAST('pg_collation' AS regclass), c.oid, 0) d
    WHERE c.oid >= 16384 AND (CAST('pg_collation' AS regclass), c.oid) NOT IN (SELECT classid, objid FROM member)
      AND d.schema !~ '^pg_'
    """,
    [
        ("locale", 17, "c.colllocale", "to_jsonb(c) ->> 'colliculocale'"),
    ],
)

ROUTINES = (_FUNCTIONS, _TYPES, _SEQUENCES, _COLLATIONS, _OTHERS, _COMMENTS)
