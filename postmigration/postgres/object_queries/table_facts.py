"""What is asked of the catalogs about the tables of one schema: columns, indexes, foreign keys and triggers."""

# The ordinary and the partitioned tables of a schema; partitions stand for nothing of their own.
TABLES = """
    pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    AND n.nspname = :schema AND c.relkind IN ('r', 'p')
    AND NOT EXISTS (SELECT FROM pg_inherits i JOIN pg_class whole ON whole.oid = i.inhparent
                    WHERE c.relispartition AND i.inhrelid = c.oid AND whole.relnamespace = n.oid)
"""

COLUMNS = f"""
    SELECT c.relname::text AS of, a.attname::text AS name, format_type(a.atttypid, a.atttypmod) AS type,
           NOT a.attnotnull AS nullable, CASE WHEN :expressions THEN pg_get_expr(d.adbin, d.adrelid) END AS default,
           c.relrowsecurity AS row_security
    FROM {TABLES}
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    ORDER BY c.relname, a.attnum
"""

INDEXES = f"""
    SELECT c.relname::text AS of, ic.relname::text AS name, i.indisunique AS unique,
           i.indisprimary AS primary, am.amname::text AS method,
           i.indisvalid AND i.indisready AND i.indislive AS usable,
           CASE WHEN i.indpred IS NULL THEN NULL WHEN :expressions THEN pg_get_expr(i.indpred, i.indrelid)
                ELSE 'some rows' END AS predicate,
           coalesce(:expressions AND pg_get_expr(i.indpred, i.indrelid) = (
               SELECT format('(%I IS NOT NULL)', a.attname) FROM pg_attribute a
               WHERE a.attrelid = i.indrelid AND a.attnum = i.indkey[0]), false) AS only_null,
           ARRAY(SELECT coalesce(a.attname::text, CASE WHEN :expressions THEN
                                 pg_get_indexdef(i.indexrelid, k.position, true) ELSE '(an expression)' END)
                 FROM generate_series(1, i.indnkeyatts) AS k(position)
                 LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[k.position - 1]
                      AND a.attnum > 0
                 ORDER BY k.position) AS columns
    FROM {TABLES} JOIN pg_index i ON i.indrelid = c.oid
    JOIN pg_class ic ON ic.oid = i.indexrelid JOIN pg_am am ON am.oid = ic.relam
    ORDER BY c.relname, 2
"""

FOREIGN_KEYS = f"""
    SELECT c.relname::text AS of, k.conname::text AS name, parent.relname::text AS parent,
           CASE WHEN parent.relnamespace <> c.relnamespace THEN
               (SELECT far.nspname::text FROM pg_namespace far WHERE far.oid = parent.relnamespace) ELSE '' END
               AS parent_schema,
           CASE k.confdeltype WHEN 'a' THEN 'NO ACTION' WHEN 'r' THEN 'RESTRICT' WHEN 'c' THEN 'CASCADE'
                              WHEN 'n' THEN 'SET NULL' WHEN 'd' THEN 'SET DEFAULT' END AS on_delete,
           k.convalidated AND NOT EXISTS (
               SELECT FROM pg_trigger t WHERE t.tgconstraint = k.oid AND t.tgenabled NOT IN ('O', 'A')
           ) AS enforced, k.convalidated AS validated,
           ARRAY(SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY AS u(attnum, position)
                 JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.attnum
                 ORDER BY u.position) AS columns,
           ARRAY(SELECT a.attname::text FROM unnest(k.confkey) WITH ORDINALITY AS u(attnum, position)
                 JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.attnum
                 ORDER BY u.position) AS parent_columns
    FROM {TABLES} JOIN pg_constraint k ON k.conrelid = c.oid AND k.contype = 'f'
    JOIN pg_class parent ON parent.oid = k.confrelid
    ORDER BY c.relname, k.conname
"""

TRIGGERS = f"""
    SELECT c.relname::text AS of, t.tgname::text AS name, (t.tgtype & 2) <> 0 AS before, t.tgtype::int AS bits,
           p.prosrc || ' ' || encode(t.tgargs, 'escape') AS source, t.tgqual IS NULL AND t.tgattr::text = '' AS always,
           p.proname::text AS function, t.tgenabled::text AS enabled
    FROM {TABLES}
    JOIN pg_trigger t ON t.tgrelid = c.oid AND NOT t.tgisinternal AND (t.tgtype & 1) <> 0
    JOIN pg_proc p ON p.oid = t.tgfoid
    ORDER BY c.relname, t.tgname
"""
