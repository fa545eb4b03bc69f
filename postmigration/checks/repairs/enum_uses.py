"""What uses an enumeration, as far as that can be dropped and created again, and whose it and its views are."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, NamedTuple

from postmigration.postgres.connection import Snapshot

_USES = """
    WITH RECURSIVE kind AS (
        SELECT oid, typarray FROM pg_type WHERE oid = to_regtype(:type)
    ), used AS (
        SELECT a.attrelid AS rel, a.attnum AS num, a.attname, a.attinhcount, a.atttypid = k.typarray AS listed
        FROM kind k JOIN pg_attribute a ON a.atttypid IN (k.oid, k.typarray) AND a.attnum > 0 AND NOT a.attisdropped
        JOIN pg_class c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p')
    ), direct AS (
        SELECT d.classid, d.objid FROM kind k JOIN pg_depend d
          ON d.refclassid = CAST('pg_type' AS regclass) AND d.refobjid IN (k.oid, k.typarray) AND d.deptype <> 'i'
        WHERE NOT (d.classid = CAST('pg_class' AS regclass) AND d.objsubid > 0
                   AND EXISTS (SELECT FROM used WHERE rel = d.objid AND num = d.objsubid))
        UNION
        SELECT d.classid, d.objid FROM used JOIN pg_depend d
          ON d.refclassid = CAST('pg_class' AS regclass) AND d.refobjid = rel AND d.refobjsubid = num
        UNION
        -- The rows of a table as the type of something else.
        SELECT d.classid, d.objid FROM used JOIN pg_class c ON c.oid = rel JOIN pg_type t ON t.oid = c.reltype
        JOIN pg_depend d ON d.refclassid = CAST('pg_type' AS regclass) AND d.refobjid IN (t.oid, t.typarray)
        WHERE d.deptype <> 'i'
    ), shown (oid, depth) AS (
        SELECT r.ev_class, 1 FROM direct JOIN pg_rewrite r ON r.oid = objid AND classid = CAST('pg_rewrite' AS regclass)
        UNION
        SELECT r.ev_class, depth + 1 FROM shown s
        JOIN pg_depend d ON d.refclassid = CAST('pg_class' AS regclass) AND d.refobjid = s.oid
        JOIN pg_rewrite r ON r.oid = d.objid AND d.classid = CAST('pg_rewrite' AS regclass) AND r.ev_class <> s.oid
        WHERE depth < 50
    ), views AS (
        SELECT c.oid, max(depth) AS depth FROM shown s JOIN pg_class c ON c.oid = s.oid AND c.relkind = 'v'
        GROUP BY c.oid
    ), uses AS (
        SELECT classid, objid FROM direct
        UNION
        SELECT d.classid, d.objid FROM views v JOIN pg_class c ON c.oid = v.oid JOIN pg_type t ON t.oid = c.reltype
        JOIN pg_depend d ON (d.refclassid = CAST('pg_class' AS regclass) AND d.refobjid = v.oid)
          OR (d.refclassid = CAST('pg_type' AS regclass) AND d.refobjid IN (t.oid, t.typarray))
        WHERE d.deptype <> 'i'
        UNION SELECT CAST('pg_class' AS regclass), oid FROM views
    ), carried AS (
        SELECT u.classid, u.objid, s.*, o.said FROM uses u CROSS JOIN LATERAL (
            SELECT obj_description(u.objid, relname) AS said FROM pg_class WHERE oid = u.classid
        ) o CROSS JOIN LATERAL (
            -- No definition has what the server makes anew by itself, with all that is said of it, or what comes with
            -- something else, which only may be so if nothing is said of it.
            SELECT CASE k.contype WHEN 'f' THEN 'foreign key' ELSE 'constraint' END AS step, 0 AS depth,
                   CAST(CAST(k.conrelid AS regclass) AS text) AS holder, quote_ident(k.conname) AS id,
                   CASE WHEN k.contype IN ('c', 'f') AND k.conparentid = 0 AND k.coninhcount = 0
                        THEN pg_get_constraintdef(k.oid) END AS definition
            FROM pg_constraint k WHERE k.oid = u.objid AND u.classid = CAST('pg_constraint' AS regclass)
              AND k.conrelid <> 0
              AND (k.contype NOT IN ('c', 'f') OR k.coninhcount = 0 OR (NOT k.conislocal AND o.said IS NULL))
              AND NOT EXISTS (SELECT FROM pg_trigger g WHERE g.tgconstraint = k.oid AND k.contype = 'f'
                              AND g.tgenabled <> 'O')
            UNION ALL
            SELECT 'view', v.depth, CAST(v.oid AS regclass)::text, '', '' FROM views v
            WHERE v.oid = u.objid AND u.classid = CAST('pg_class' AS regclass)
              AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = v.oid AND a.attacl IS NOT NULL)
            UNION ALL
            -- It goes and comes with its view.
            SELECT 'view', 0, '', '', NULL FROM pg_rewrite r JOIN views v ON v.oid = r.ev_class
            WHERE r.oid = u.objid AND u.classid = CAST('pg_rewrite' AS regclass) AND r.rulename = '_RETURN'
            UNION ALL
            SELECT 'policy', 0, CAST(CAST(p.polrelid AS regclass) AS text), quote_ident(p.polname), ''
            FROM pg_policy p WHERE p.oid = u.objid AND u.classid = CAST('pg_policy' AS regclass)
            UNION ALL
            SELECT 'trigger', 0, CAST(CAST(g.tgrelid AS regclass) AS text), quote_ident(g.tgname),
                   CASE WHEN NOT g.tgisinternal AND g.tgparentid = 0 THEN pg_get_triggerdef(g.oid) || CASE g.tgenabled
                        WHEN 'D' THEN format('; ALTER TABLE %s DISABLE TRIGGER %I', CAST(g.tgrelid AS regclass),
                                             g.tgname)
                        WHEN 'R' THEN format('; ALTER TABLE %s ENABLE REPLICA TRIGGER %I', CAST(g.tgrelid AS regclass),
                                             g.tgname)
                        WHEN 'A' THEN format('; ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', CAST(g.tgrelid AS regclass),
                                             g.tgname)
                        ELSE '' END END
            FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid AND c.relkind IN ('r', 'p')
            LEFT JOIN pg_trigger whole ON whole.oid = g.tgparentid
            WHERE g.oid = u.objid AND u.classid = CAST('pg_trigger' AS regclass)
              AND (g.tgparentid = 0 OR (o.said IS NULL AND g.tgenabled = whole.tgenabled))
              AND obj_description(g.tgconstraint, 'pg_constraint') IS NULL
            UNION ALL
            -- Those of columns alone are made anew by the server.
            SELECT 'index', 0, CAST(CAST(x.indrelid AS regclass) AS text), CAST(CAST(x.indexrelid AS regclass) AS text),
                   CASE WHEN w.written AND NOT c.relispartition THEN pg_get_indexdef(x.indexrelid) END
            FROM pg_index x JOIN pg_class c ON c.oid = x.indexrelid
            CROSS JOIN LATERAL (SELECT x.indpred IS NOT NULL OR x.indexprs IS NOT NULL AS written) w
            WHERE x.indexrelid = u.objid AND u.classid = CAST('pg_class' AS regclass)
              AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = x.indexrelid AND k.contype = 'x')
              -- What no definition says of it.
              AND NOT (w.written AND (
                  c.reltablespace <> 0 OR x.indisclustered OR NOT x.indisvalid
                  OR (c.relispartition AND o.said IS NOT NULL)
                  OR EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attstattarget >= 0)))
            UNION ALL
            SELECT 'statistics object', 0, CAST(CAST(x.stxrelid AS regclass) AS text),
                   format('%I.%I', n.nspname, x.stxname), format('%s; ALTER STATISTICS %I.%I OWNER TO %I',
                   pg_get_statisticsobjdef(x.oid), n.nspname, x.stxname, pg_get_userbyid(x.stxowner))
            FROM pg_statistic_ext x JOIN pg_namespace n ON n.oid = x.stxnamespace
            WHERE x.oid = u.objid AND u.classid = CAST('pg_statistic_ext' AS regclass)
              AND coalesce(x.stxstattarget, -1) < 0
            UNION ALL
            SELECT 'default', 0, CAST(CAST(f.adrelid AS regclass) AS text), quote_ident(a.attname),
                   pg_get_expr(f.adbin, f.adrelid)
            FROM pg_attrdef f JOIN pg_attribute a ON a.attrelid = f.adrelid AND a.attnum = f.adnum
            JOIN pg_class c ON c.oid = f.adrelid AND c.relkind IN ('r', 'p')
            WHERE f.oid = u.objid AND u.classid = CAST('pg_attrdef' AS regclass) AND a.attgenerated = ''
        ) s
        WHERE NOT EXISTS (SELECT FROM pg_seclabel l WHERE l.classoid = u.classid AND l.objoid = u.objid)
          AND NOT EXISTS (SELECT FROM pg_depend d
                          WHERE d.classid = u.classid AND d.objid = u.objid AND d.deptype IN ('e', 'x'))
    )
    SELECT step, depth, holder, id, definition, said FROM carried WHERE definition IS NOT NULL
    UNION
    SELECT CASE WHEN attinhcount = 0 THEN 'column' ELSE 'inherited' END, 0, CAST(CAST(rel AS regclass) AS text),
           quote_ident(attname), CASE WHEN listed THEN '[]' ELSE '' END, NULL
    FROM used
    UNION
    SELECT 'other', 0, '', pg_describe_object(CAST('pg_class' AS regclass), rel, 0), '', NULL
    FROM used JOIN pg_class c ON c.oid = rel AND c.relpersistence = 't'
    UNION
    SELECT 'other', 0, '', 'the partition key of ' || CAST(CAST(rel AS regclass) AS text), '', NULL
    FROM used JOIN pg_partitioned_table p ON p.partrelid = rel AND num = ANY(p.partattrs)
    UNION
    SELECT 'other', 0, '', 'the security label of type ' || CAST(CAST(oid AS regtype) AS text), '', NULL
    FROM kind JOIN pg_seclabel l ON l.classoid = CAST('pg_type' AS regclass) AND l.objoid = oid
    UNION
    SELECT 'other', 0, '', CASE WHEN u.objid IN (SELECT rel FROM used)
                                THEN 'the partition key of ' || CAST(CAST(u.objid AS regclass) AS text)
                                WHEN r.rulename = '_RETURN'
                                THEN pg_describe_object(CAST('pg_class' AS regclass), r.ev_class, 0)
                                ELSE pg_describe_object(u.classid, u.objid, 0) END, '', NULL
    FROM uses u LEFT JOIN pg_rewrite r ON r.oid = u.objid AND u.classid = CAST('pg_rewrite' AS regclass)
    WHERE NOT EXISTS (SELECT FROM carried c WHERE c.classid = u.classid AND c.objid = u.objid)
    ORDER BY 2, 3, 4
"""
# Whoever creates something gives it the default privileges that are set for them, which nobody knows beforehand: all
# that could come of them is revoked.
_REVOKED = """
    'REVOKE ALL ON ' || {named} || ' FROM ' || concat_ws(', ', 'PUBLIC', (
        SELECT string_agg(DISTINCT quote_ident(pg_get_userbyid(a.grantee)), ', ')
        FROM pg_default_acl d, aclexplode(d.defaclacl) a
        WHERE d.defaclobjtype = '{class}' AND a.grantee NOT IN (0, {owner}))) || ';'
"""
_GRANTED = """
    SELECT string_agg(format('GRANT %s ON %s TO %s%s;', a.privilege_type, {named}, CASE a.grantee WHEN 0 THEN 'PUBLIC'
                             ELSE quote_ident(pg_get_userbyid(a.grantee)) END,
                             CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' END), ' '
                      ORDER BY a.grantee, a.privilege_type)
    FROM aclexplode(coalesce({acl}, acldefault('{class}', {owner}))) a WHERE a.grantee <> {owner}
"""
_TYPE = {"named": "CAST('TYPE ' || :type AS text)", "class": "T", "owner": "t.typowner", "acl": "t.typacl"}
_OF_TYPE = f"""
    SELECT quote_ident(pg_get_userbyid(t.typowner)) AS owner, obj_description(t.oid, 'pg_type') AS said, quote_ident(
               left(t.typname, 40) || '_wrong_order') AS aside, quote_ident(t.typname) AS name,
           {_REVOKED.format(**_TYPE)} AS revoked, ({_GRANTED.format(**_TYPE)}) AS granted
    FROM pg_type t WHERE t.oid = to_regtype(:type)
"""
_VIEW = {"named": "CAST(:view AS text)", "class": "r", "owner": "c.relowner", "acl": "c.relacl"}
_OF_VIEW = f"""
    SELECT quote_ident(pg_get_userbyid(c.relowner)) AS owner, obj_description(c.oid, 'pg_class') AS said,
           {_REVOKED.format(**_VIEW)} AS revoked, ({_GRANTED.format(**_VIEW)}) AS granted,
           ARRAY(SELECT ARRAY[quote_ident(a.attname), col_description(c.oid, a.attnum)] FROM pg_attribute a
                 WHERE a.attrelid = c.oid AND col_description(c.oid, a.attnum) <> '' ORDER BY a.attnum) AS columns
    FROM pg_class c WHERE c.oid = to_regclass(:view)
"""


class Use(NamedTuple):
    """Something that stands in the way of another type.

    Args:
        step: what it is; `column` and `inherited` are columns of the type, and `other` is what cannot be created again.
        depth: of a view, how many views it reads stand between it and the type.
        on: the table or view on which it stands, in SQL.
        id: its name, in SQL; of what cannot be created again, what it is.
        definition: what creates it again; of a column `[]` where it is an array.
        said: the comment on it.
    """

    step: str
    depth: int
    on: str
    id: str
    definition: str
    said: str | None

    def __str__(self) -> str:
        return f"{self.step} {' on '.join(filter(None, (self.id, self.on)))}"


def read_uses(side: Snapshot, type_: str) -> dict[str, list[Use]]:
    """What uses a type, by what it is.

    Args:
        type_: the type, in SQL.
    """
    found: dict[str, list[Use]] = defaultdict(list)
    for row in side.rows(_USES, type=type_):
        found[row.step].append(Use(row.step, row.depth, row.holder, row.id, row.definition, row.said))
    return found


def read_type(side: Snapshot, type_: str) -> Any:
    """Of a type: `owner`, `said`, `name`, `aside` (a name to set it aside), what is to be `revoked` and `granted`."""
    return side.rows(_OF_TYPE, type=type_)[0]


def read_view(side: Snapshot, view: str) -> Any:
    """Of a view: `owner`, `said`, what is to be `revoked` and `granted`, and its `columns` that have comments."""
    return side.rows(_OF_VIEW, view=view)[0]
