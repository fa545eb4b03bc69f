"""Every object of a database's schema, and what tells two states of a schema apart.

Names are qualified, so that one list holds all; what belongs to the server or to an extension is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Self

from postmigration.postgres.connection import Snapshot


class ObjectName(str):
    """What an object is and what it is called ("policy own on public.t"), with what that says as values.

    Args:
        text: both, in words.
        kind: what it is; empty for what is rare and is only known to be there.
        schema: the schema in which it, or the table on which it stands, is; empty where that is none.
        name: what it is called, without its schema; empty where that is told of no object.
        table: the table on which it stands; empty for others.
    """

    kind: str
    schema: str
    name: str
    table: str

    def __new__(cls, text: str, kind: str = "", schema: str = "", name: str = "", table: str = "") -> Self:
        """Names an object."""
        self = super().__new__(cls, text)
        self.kind, self.schema, self.name, self.table = kind, schema, name, table
        return self


# What an object is, by its name: each of its properties as text.
Objects = Mapping[ObjectName, Mapping[str, str]]


@dataclass(frozen=True)
class ObjectDifference:
    """An object in which two states of a schema differ.

    Args:
        name: what it is and what it is called.
        kind: `lost` is missing afterwards, `left` was not there before, `changed` is another one.
        properties: what is changed: the property, what it was and what it is.
    """

    name: ObjectName
    kind: Literal["lost", "left", "changed"]
    properties: tuple[tuple[str, str, str], ...] = ()

    def __str__(self) -> str:
        changed = ", ".join(name for name, _, _ in self.properties)
        return f"{self.name} is {self.kind}{f' ({changed})' if changed else ''}"


def differing(before: Objects, after: Objects) -> list[ObjectDifference]:
    """The objects in which two states of a schema differ, by their names.

    What belongs to an object that is lost or left goes with it and is not told again.
    """
    found = []
    for name in sorted(before.keys() | after.keys()):
        was, now = before.get(name), after.get(name)
        if was is None or now is None:
            holder = (now or was or {}).get("of")
            if holder is None or (holder in before) == (holder in after):
                found.append(ObjectDifference(name, "left" if was is None else "lost"))
        elif was != now:
            names = sorted(key for key in was.keys() | now.keys() if was.get(key) != now.get(key))
            properties = tuple((key, was.get(key, "none"), now.get(key, "none")) for key in names)
            found.append(ObjectDifference(name, "changed", properties))
    return found


def objects(snapshot: Snapshot) -> Objects:
    """Every object of the snapshot's database, whatever its schema."""
    found: dict[ObjectName, dict[str, str]] = {}
    for query in _QUERIES:
        for row in snapshot.rows(f"WITH {_COMMON} {query}"):
            facts = {name: str(text) for name, text in row.facts.items() if text is not None}
            found[ObjectName(row.name, *getattr(row, "parts", ()))] = facts
    return found


# Objects of the server itself have smaller oids; 16384 is PostgreSQL's FirstNormalObjectId.
_COMMON = """
    namespace AS (
        SELECT * FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
    ), member AS (
        SELECT classid, objid FROM pg_depend WHERE deptype = 'e'
    ), relation AS (
        SELECT c.*, n.nspname, format('%I.%I', n.nspname, c.relname) AS named,
               CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'f' THEN 'foreign table'
                              WHEN 'S' THEN 'sequence' WHEN 'c' THEN 'type' ELSE 'table' END AS kind
        FROM pg_class c JOIN namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'c')
          AND (CAST('pg_class' AS regclass), c.oid) NOT IN (SELECT classid, objid FROM member)
    )
"""

_GRANTS = """
    SELECT format('grant of %s%s on %s to %s', a.privilege_type, CASE WHEN a.is_grantable THEN ' with grant option' END,
                  o.named, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(a.grantee) END) AS name,
           jsonb_build_object('of', o.named) AS facts
    FROM ({objects}) o, aclexplode(coalesce(o.acl, acldefault(o.class, o.owner))) a
    -- PostgreSQL 17 has invented it; a state of an older server cannot have it.
    WHERE a.grantee <> o.owner AND a.privilege_type <> 'MAINTAIN'
"""

_GRANTABLE = (
    """SELECT kind || ' ' || named AS named, relacl AS acl, relowner AS owner,
              CAST(CASE relkind WHEN 'S' THEN 's' ELSE 'r' END AS "char") AS class
       FROM relation WHERE relkind <> 'c'""",
    """SELECT format('schema %I', nspname) AS named, nspacl AS acl, nspowner AS owner, CAST('n' AS "char") AS class
       FROM namespace""",
    """SELECT format('function %s', CAST(p.oid AS regprocedure)) AS named, proacl AS acl, proowner AS owner,
              CAST('f' AS "char") AS class
       FROM pg_proc p JOIN namespace n ON n.oid = p.pronamespace
       WHERE (CAST('pg_proc' AS regclass), p.oid) NOT IN (SELECT classid, objid FROM member)""",
    """SELECT 'type ' || format_type(t.oid, NULL) AS named, typacl AS acl, typowner AS owner,
              CAST('T' AS "char") AS class
       FROM pg_type t JOIN namespace n ON n.oid = t.typnamespace WHERE typtype IN ('e', 'd', 'r')""",
    """SELECT format('column %s.%I', r.named, a.attname) AS named, coalesce(a.attacl, CAST('{}' AS aclitem[])) AS acl,
              r.relowner AS owner, CAST('c' AS "char") AS class
       FROM relation r JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
       WHERE a.attacl IS NOT NULL""",
)

_QUERIES = (
    """
    SELECT format('schema %I', nspname) AS name, jsonb_build_object('owner', pg_get_userbyid(nspowner)) AS facts
    FROM namespace
    """,
    """
    SELECT format('extension %I', e.extname) AS name,
           jsonb_build_object('schema', n.nspname, 'version', e.extversion) AS facts
    FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.oid >= 16384
    """,
    """
    SELECT r.kind || ' ' || r.named AS name, ARRAY[r.kind, r.nspname, r.relname] AS parts,
           jsonb_build_object(
               'owner', pg_get_userbyid(r.relowner), 'persistence', r.relpersistence,
               'row-level security', r.relrowsecurity, 'forced row-level security', r.relforcerowsecurity,
               'replica identity', r.relreplident, 'options', r.reloptions, 'access method', am.amname,
               'partition key', pg_get_partkeydef(r.oid), 'partition of',
               (SELECT string_agg(CAST(CAST(inhparent AS regclass) AS text), ', ' ORDER BY inhseqno)
                FROM pg_inherits WHERE inhrelid = r.oid),
               'partition bound', pg_get_expr(r.relpartbound, r.oid),
               'definition', CASE WHEN r.relkind IN ('v', 'm') THEN pg_get_viewdef(r.oid) END,
               'populated', CASE WHEN r.relkind = 'm' THEN r.relispopulated END
           ) AS facts
    FROM relation r LEFT JOIN pg_am am ON am.oid = r.relam WHERE r.relkind NOT IN ('S', 'c')
    """,
    """
    SELECT format('column %s.%I', r.named, a.attname) AS name,
           ARRAY['column', r.nspname, a.attname, r.relname] AS parts,
           jsonb_build_object(
               'of', r.kind || ' ' || r.named,
               'position', row_number() OVER (PARTITION BY r.oid ORDER BY a.attnum),
               'type', format_type(a.atttypid, a.atttypmod), 'not null', a.attnotnull,
               'default', pg_get_expr(d.adbin, d.adrelid), 'identity', nullif(a.attidentity, ''),
               'generated', nullif(a.attgenerated, ''),
               'collation', CASE WHEN a.attcollation <> t.typcollation
                                 THEN CAST(CAST(a.attcollation AS regcollation) AS text) END,
               'storage', a.attstorage, 'compression', nullif(a.attcompression, ''),
               -- Some builds count the versions of a column's definition there.
               'options', (SELECT array_agg(o ORDER BY o) FROM unnest(a.attoptions) AS u(o)
                           WHERE o NOT LIKE 'pg_attver=%'),
               'statistics target', nullif(a.attstattarget, -1)
           ) AS facts
    FROM relation r JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
    JOIN pg_type t ON t.oid = a.atttypid
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE r.relkind <> 'S'
    """,
    # PostgreSQL 18 has constraints for NOT NULL, which is a property of columns here.
    """
    SELECT format('constraint %I on %s', k.conname, coalesce(r.named, format_type(k.contypid, NULL))) AS name,
           ARRAY['constraint', n.nspname, k.conname, coalesce(r.relname, '')] AS parts,
           jsonb_build_object(
               'of', r.kind || ' ' || r.named, 'definition', pg_get_constraintdef(k.oid),
               'validated', k.convalidated, 'triggers', (
                   SELECT string_agg(DISTINCT CAST(t.tgenabled AS text), '') FROM pg_trigger t
                   WHERE t.tgconstraint = k.oid)
           ) AS facts
    FROM pg_constraint k JOIN namespace n ON n.oid = k.connamespace LEFT JOIN relation r ON r.oid = k.conrelid
    WHERE k.contype <> 'n' AND (r.oid IS NOT NULL OR k.contypid <> 0)
    """,
    """
    SELECT format('index %s', CAST(i.indexrelid AS regclass)) AS name,
           ARRAY['index', r.nspname, x.relname, r.relname] AS parts,
           jsonb_build_object(
               'of', r.kind || ' ' || r.named, 'definition', pg_get_indexdef(i.indexrelid),
               'valid', i.indisvalid AND i.indisready AND i.indislive, 'clustered', i.indisclustered,
               'replica identity', i.indisreplident
           ) AS facts
    FROM pg_index i JOIN relation r ON r.oid = i.indrelid JOIN pg_class x ON x.oid = i.indexrelid
    """,
    """
    SELECT format('trigger %I on %s', t.tgname, r.named) AS name,
           ARRAY['trigger', r.nspname, t.tgname, r.relname] AS parts,
           jsonb_build_object(
               'of', r.kind || ' ' || r.named, 'definition', pg_get_triggerdef(t.oid), 'enabled', t.tgenabled
           ) AS facts
    FROM pg_trigger t JOIN relation r ON r.oid = t.tgrelid WHERE NOT t.tgisinternal
    """,
    """
    SELECT format('policy %I on %s', p.polname, r.named) AS name,
           ARRAY['policy', r.nspname, p.polname, r.relname] AS parts,
           jsonb_build_object(
               'of', r.kind || ' ' || r.named, 'permissive', p.polpermissive, 'command', p.polcmd,
               'roles', ARRAY(SELECT CASE id WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(id) END
                              FROM unnest(p.polroles) AS u(id) ORDER BY 1),
               'using', pg_get_expr(p.polqual, p.polrelid), 'check', pg_get_expr(p.polwithcheck, p.polrelid)
           ) AS facts
    FROM pg_policy p JOIN relation r ON r.oid = p.polrelid
    """,
    """
    SELECT format('rule %I on %s', u.rulename, r.named) AS name,
           ARRAY['rule', r.nspname, u.rulename, r.relname] AS parts,
           jsonb_build_object(
               'of', r.kind || ' ' || r.named, 'definition', pg_get_ruledef(u.oid), 'enabled', u.ev_enabled
           ) AS facts
    FROM pg_rewrite u JOIN relation r ON r.oid = u.ev_class WHERE u.rulename <> '_RETURN'
    """,
    """
    SELECT format('function %s', CAST(p.oid AS regprocedure)) AS name,
           ARRAY['function', n.nspname, p.proname] AS parts,
           jsonb_build_object(
               'owner', pg_get_userbyid(p.proowner), 'kind', p.prokind,
               'definition', CASE WHEN p.prokind <> 'a' THEN pg_get_functiondef(p.oid)
                                  ELSE (SELECT concat_ws(' ', a.aggtransfn, a.aggfinalfn, a.agginitval)
                                        FROM pg_aggregate a WHERE a.aggfnoid = p.oid) END
           ) AS facts
    FROM pg_proc p JOIN namespace n ON n.oid = p.pronamespace
    WHERE (CAST('pg_proc' AS regclass), p.oid) NOT IN (SELECT classid, objid FROM member)
    """,
    """
    SELECT 'type ' || format_type(t.oid, NULL) AS name, ARRAY['type', n.nspname, t.typname] AS parts,
           jsonb_build_object(
               'owner', pg_get_userbyid(t.typowner), 'kind', t.typtype, 'not null', t.typnotnull,
               'default', t.typdefault,
               'base', CASE t.typtype WHEN 'd' THEN format_type(t.typbasetype, t.typtypmod)
                       WHEN 'r' THEN (SELECT format_type(g.rngsubtype, NULL) FROM pg_range g
                                      WHERE g.rngtypid = t.oid) END,
               'values', CASE WHEN t.typtype = 'e' THEN ARRAY(
                   SELECT enumlabel FROM pg_enum WHERE enumtypid = t.oid ORDER BY enumsortorder) END
           ) AS facts
    FROM pg_type t JOIN namespace n ON n.oid = t.typnamespace LEFT JOIN pg_class c ON c.oid = t.typrelid
    WHERE (t.typtype IN ('e', 'd', 'r', 'm') OR c.relkind = 'c')
      AND (CAST('pg_type' AS regclass), t.oid) NOT IN (SELECT classid, objid FROM member)
    """,
    """
    SELECT 'sequence ' || r.named AS name, ARRAY['sequence', r.nspname, r.relname] AS parts,
           jsonb_build_object(
               'owner', pg_get_userbyid(r.relowner), 'type', format_type(s.seqtypid, NULL), 'start', s.seqstart,
               'increment', s.seqincrement, 'minimum', s.seqmin, 'maximum', s.seqmax, 'cache', s.seqcache,
               'cycle', s.seqcycle,
               'owned by', (SELECT CAST(CAST(d.refobjid AS regclass) AS text) || '.' || a.attname
                            FROM pg_depend d JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
                            WHERE d.classid = CAST('pg_class' AS regclass) AND d.objid = r.oid
                              AND d.deptype IN ('a', 'i'))
           ) AS facts
    FROM relation r JOIN pg_sequence s ON s.seqrelid = r.oid
    """,
    """
    SELECT format('publication %I', pubname) AS name,
           to_jsonb(p) - ARRAY['oid', 'pubname', 'pubowner']
               || jsonb_build_object('owner', pg_get_userbyid(pubowner)) AS facts
    FROM pg_publication p
    """,
    """
    SELECT format('table %s in publication %I', CAST(m.prrelid AS regclass), p.pubname) AS name,
           jsonb_build_object(
               'of', format('publication %I', p.pubname), 'rows', pg_get_expr(m.prqual, m.prrelid),
               'columns', ARRAY(SELECT a.attname FROM pg_attribute a
                                WHERE a.attrelid = m.prrelid AND a.attnum = ANY (m.prattrs) ORDER BY a.attnum)
           ) AS facts
    FROM pg_publication_rel m JOIN pg_publication p ON p.oid = m.prpubid
    UNION ALL
    SELECT format('schema %I in publication %I', n.nspname, p.pubname),
           jsonb_build_object('of', format('publication %I', p.pubname))
    FROM pg_publication_namespace m JOIN pg_publication p ON p.oid = m.pnpubid
    JOIN pg_namespace n ON n.oid = m.pnnspid
    """,
    """
    SELECT format('event trigger %I', evtname) AS name,
           jsonb_build_object('event', evtevent, 'function', CAST(evtfoid AS regprocedure), 'enabled', evtenabled,
                              'tags', evttags, 'owner', pg_get_userbyid(evtowner)) AS facts
    FROM pg_event_trigger
    """,
    """
    SELECT format('statistics %I.%I', n.nspname, s.stxname) AS name,
           jsonb_build_object('definition', pg_get_statisticsobjdef(s.oid)) AS facts
    FROM pg_statistic_ext s JOIN namespace n ON n.oid = s.stxnamespace
    """,
    """
    SELECT format('default privileges of %s%s for %s', pg_get_userbyid(d.defaclrole),
                  CASE WHEN n.oid IS NOT NULL THEN format(' in schema %I', n.nspname) END,
                  CASE d.defaclobjtype WHEN 'r' THEN 'tables' WHEN 'S' THEN 'sequences' WHEN 'f' THEN 'functions'
                                       WHEN 'T' THEN 'types' ELSE 'schemas' END) AS name,
           jsonb_build_object('grants', ARRAY(
               SELECT CAST(u.item AS text) FROM unnest(d.defaclacl) AS u(item) ORDER BY 1)) AS facts
    FROM pg_default_acl d LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace
    """,
    """
    SELECT format('setting of %s', coalesce(CAST(CAST(nullif(setrole, 0) AS regrole) AS text), 'the database')) AS name,
           jsonb_build_object('settings', ARRAY(SELECT unnest(setconfig) ORDER BY 1)) AS facts
    FROM pg_db_role_setting WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
    """,
    """
    SELECT format('role %I', rolname) AS name,
           to_jsonb(r) - ARRAY['oid', 'rolname', 'rolpassword', 'rolconfig', 'rolvaliduntil']
               || jsonb_build_object('member of', ARRAY(
                   SELECT CAST(CAST(m.roleid AS regrole) AS text) FROM pg_auth_members m
                   WHERE m.member = r.oid ORDER BY 1)) AS facts
    FROM pg_roles r WHERE rolname !~ '^pg_'
    """,
    # What is rare is only known to be there: operators, casts, text search, foreign servers, languages and so on.
    """
    SELECT pg_describe_object(o.class, o.oid, 0) AS name, CAST('{}' AS jsonb) AS facts
    FROM (
        SELECT CAST('pg_operator' AS regclass) AS class, oid FROM pg_operator
        UNION ALL SELECT CAST('pg_opclass' AS regclass), oid FROM pg_opclass
        UNION ALL SELECT CAST('pg_opfamily' AS regclass), oid FROM pg_opfamily
        UNION ALL SELECT CAST('pg_cast' AS regclass), oid FROM pg_cast
        UNION ALL SELECT CAST('pg_collation' AS regclass), oid FROM pg_collation
        UNION ALL SELECT CAST('pg_conversion' AS regclass), oid FROM pg_conversion
        UNION ALL SELECT CAST('pg_ts_config' AS regclass), oid FROM pg_ts_config
        UNION ALL SELECT CAST('pg_ts_dict' AS regclass), oid FROM pg_ts_dict
        UNION ALL SELECT CAST('pg_ts_parser' AS regclass), oid FROM pg_ts_parser
        UNION ALL SELECT CAST('pg_ts_template' AS regclass), oid FROM pg_ts_template
        UNION ALL SELECT CAST('pg_foreign_data_wrapper' AS regclass), oid FROM pg_foreign_data_wrapper
        UNION ALL SELECT CAST('pg_foreign_server' AS regclass), oid FROM pg_foreign_server
        UNION ALL SELECT CAST('pg_language' AS regclass), oid FROM pg_language
        UNION ALL SELECT CAST('pg_am' AS regclass), oid FROM pg_am
    ) o
    WHERE o.oid >= 16384 AND (o.class, o.oid) NOT IN (SELECT classid, objid FROM member)
    """,
    """
    SELECT 'comment on ' || pg_describe_object(d.classoid, d.objoid, d.objsubid) AS name,
           jsonb_build_object('text', d.description) AS facts
    FROM pg_description d
    WHERE d.objoid >= 16384 AND (d.classoid, d.objoid) NOT IN (SELECT classid, objid FROM member)
    """,
    *(_GRANTS.format(objects=objects_) for objects_ in _GRANTABLE),
)
