"""How the labels of an enumeration get the order of before, where the objects that use the type can be carried over."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from postmigration.model.secrets import has_secret
from postmigration.model.sqltext import as_comment, literal, quoted
from postmigration.postgres.connection import Snapshot
from postmigration.postgres.schema_objects import ObjectName, objects

# What stands in the way of another type and can be dropped and created again, in the order in which it has to go.
# A policy may read a view, and no view stands in the way of a policy.
_STEPS = ("foreign key", "policy", "view", "trigger", "constraint", "index", "statistics object", "default")
# So many objects are named that cannot be.
_LISTED = 8
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
# How what was made again is called where a comment is put on it.
_COMMENTED = {"index": "INDEX {id}", "statistics object": "STATISTICS {id}", "policy": "POLICY {id} ON {on}",
              "trigger": "TRIGGER {id} ON {on}"}  # fmt: skip


class _Use(NamedTuple):
    step: str
    depth: int
    on: str
    id: str
    definition: str
    said: str | None

    def __str__(self) -> str:
        return f"{self.step} {' on '.join(filter(None, (self.id, self.on)))}"


def restore_labels(side: Snapshot, name: ObjectName, was: str, now: str) -> str:
    """Writes what gives an enumeration the labels of before, in their order; what is new since stays.

    Args:
        side: the database that is to be repaired.
        name: the type.
        was, now: its labels, as JSON.

    Returns:
        SQL; comments alone where what uses the type cannot be carried over; nothing where labels have other names, or
        some that cannot be written.
    """
    before, after = _read_labels(was), _read_labels(now)
    type_ = f"{quoted(name.schema)}.{quoted(name.name)}"
    if not before or not after or not all(map(_can_be_written, (type_, *before, *after))):
        return ""
    lost = [label for label in before if label not in after]
    if [label for label in after if label in before] == [label for label in before if label in after]:
        return "\n".join(_add(type_, label, before) for label in reversed(lost)) if set(after) < set(before) else ""
    return _make_anew(side, type_, _merge(before, after)) if not lost else ""


def _can_be_written(text: str) -> bool:
    return text.isprintable() and not has_secret(text)


def _read_labels(text: str) -> list[str]:
    try:
        labels = json.loads(text)
    except ValueError:
        return []
    return labels if isinstance(labels, list) else []


def _add(type_: str, label: str, before: Sequence[str]) -> str:
    place = before.index(label) + 1
    where = f" BEFORE {literal(before[place])}" if place < len(before) else ""
    return f"ALTER TYPE {type_} ADD VALUE {literal(label)}{where};"


def _merge(before: Sequence[str], after: Sequence[str]) -> list[str]:
    """The labels in the order of before, and each new one behind the one that it stands behind now."""
    merged = list(before)
    for place, label in enumerate(after):
        if label not in before:
            merged.insert(merged.index(after[place - 1]) + 1 if place else 0, label)
    return merged


def _make_anew(side: Snapshot, type_: str, labels: Sequence[str]) -> str:
    found: dict[str, list[_Use]] = defaultdict(list)
    for row in side.rows(_USES, type=type_):
        found[row.step].append(_Use(row.step, row.depth, row.holder, row.id, row.definition, row.said))
    others = [use.id for use in found.pop("other", ())]
    sql = {(name.kind, facts["~on"], facts.get("~id", "")): facts["~sql"] for name, facts in objects(side).items()
           if name.kind in ("policy", "view")}  # fmt: skip
    own = side.rows(_OF_TYPE, type=type_)[0]
    written = []
    for use in _order(found):
        made = sql.get((use.step, use.on, use.id)) if use.step in ("policy", "view") else use.definition
        if made is None:
            # What belongs to an extension, or is temporary, is not among the objects.
            others.append(str(use))
            continue
        written.append(_write(side, use, made.rstrip("; ")))
        # A secret must not be printed, and what was read with the mark of one would come back as something else.
        if has_secret(written[-1][1]):
            others.append(f"{use} (it holds a secret)")
    if has_secret(own.said or ""):
        others.append(f"type {type_} (it holds a secret)")
    if others:
        return _leave_to_a_person(type_, labels, [use.on for use in found["column"]], sorted({*others}))
    aside = f"{type_.removesuffix(own.name)}{own.aside}"
    columns: dict[str, list[str]] = defaultdict(list)
    for use in found["column"]:
        to = f"{type_}{use.definition}"
        columns[use.on].append(f"ALTER COLUMN {use.id} TYPE {to} USING {use.id}::text{use.definition}::{to}")
    lines = [
        _head(type_, found),
        "BEGIN;",
        *(without for without, _ in written),
        f"ALTER TYPE {type_} RENAME TO {own.aside};",
        f"CREATE TYPE {type_} AS ENUM ({', '.join(map(literal, labels))});",
        *(f"ALTER TABLE {on} {', '.join(parts)};" for on, parts in columns.items()),
        f"DROP TYPE {aside};",
        f"ALTER TYPE {type_} OWNER TO {own.owner};",
        own.revoked,
        *([own.granted] if own.granted else []),
        *([f"COMMENT ON TYPE {type_} IS {literal(own.said)};"] if own.said else []),
        *(again for _, again in reversed(written)),
        "COMMIT;",
    ]
    return "\n".join(lines)


def _leave_to_a_person(type_: str, labels: Sequence[str], tables: Sequence[str], others: Sequence[str]) -> str:
    columns = ", ".join(dict.fromkeys(tables)) or "no table"
    listed = ", ".join(others[:_LISTED]) + (f" and {len(others) - _LISTED:,} more" * (len(others) > _LISTED))
    return as_comment(
        f"decide: keep the order of now, which ORDER BY, <, > and max() follow, or exchange {type_} for a type "
        f"with the labels {', '.join(map(literal, labels))} (columns of {columns}). No SQL is printed "
        f"for that: {listed} would have to be dropped before it and created again, with what depends on "
        f"{'it' if len(others) == 1 else 'them'} and all privileges"
    )


def _head(type_: str, found: dict[str, list[_Use]]) -> str:
    several = {"policy": "policies", "index": "indexes"}
    again = [
        f"{len(found[step]):,} {step if len(found[step]) == 1 else several.get(step, f'{step}s')}"
        for step in _STEPS
        if found[step]
    ]
    made = f", with {', '.join(again)} dropped and created again" if again else ""
    return as_comment(
        f"the DBA, as the owner or a superuser, exchanges {type_} for a type with its labels in the order of "
        f"before{made}. Risk: {_name_risk(found)}"
    )


def _name_risk(found: dict[str, list[_Use]]) -> str:
    tables = list(dict.fromkeys(use.on for use in found["column"]))
    rewritten = {*tables, *(use.on for use in found["inherited"])}
    others = sorted({use.on for step in _STEPS for use in found[step]} - rewritten)
    locked = f"{', '.join(others)} {'is' if len(others) == 1 else 'are'} locked" if others else ""
    if not tables:
        return (
            f"{locked} under an ACCESS EXCLUSIVE lock until COMMIT: nobody reads or writes there; set lock_timeout"
            if locked
            else "none, nothing uses it"
        )
    return (
        f"{', '.join(tables)} {'is' if len(tables) == 1 else 'are'} rewritten under an ACCESS EXCLUSIVE lock: nobody "
        "reads or writes there until COMMIT, and it takes the size of the table again as free space; "
        f"{locked and f'{locked} until then too; '}set lock_timeout, and let sessions that hold prepared statements "
        "of it connect anew"
    )


def _order(found: dict[str, list[_Use]]) -> list[_Use]:
    """What is to go, in that order; of views those first that read others."""
    return [use for step in _STEPS for use in (reversed(found[step]) if step == "view" else found[step])]


def _write(side: Snapshot, use: _Use, made: str) -> tuple[str, str]:
    """What takes something away that stands in the way, and what makes it again.

    Args:
        made: its definition.
    """
    if use.step == "view":
        return f"DROP VIEW {use.on};", _make_view(side, use.on, made)
    said = ""
    if use.said:
        named = _COMMENTED.get(use.step, "CONSTRAINT {id} ON {on}").format(id=use.id, on=use.on)
        said = f"\nCOMMENT ON {named} IS {literal(use.said)};"
    match use.step:
        case "policy":
            return f"DROP POLICY {use.id} ON {use.on};", f"{made};{said}"
        case "trigger":
            return f"DROP TRIGGER {use.id} ON {use.on};", f"{made};{said}"
        case "index":
            # Of a partitioned table all partitions get theirs.
            return f"DROP INDEX {use.id};", f"{made.replace(' ON ONLY ', ' ON ', 1)};{said}"
        case "statistics object":
            return f"DROP STATISTICS {use.id};", f"{made};{said}"
        case "default":
            alter = f"ALTER TABLE ONLY {use.on} ALTER COLUMN {use.id}"
            return f"{alter} DROP DEFAULT;", f"{alter} SET DEFAULT {made};"
    alter = f"ALTER TABLE {use.on}"
    return f"{alter} DROP CONSTRAINT {use.id};", f"{alter} ADD CONSTRAINT {use.id} {made};{said}"


def _make_view(side: Snapshot, view: str, made: str) -> str:
    own = side.rows(_OF_VIEW, view=view)[0]
    lines = [
        f"{made};",
        f"ALTER VIEW {view} OWNER TO {own.owner};",
        own.revoked,
        *([own.granted] if own.granted else []),
        *([f"COMMENT ON VIEW {view} IS {literal(own.said)};"] if own.said else []),
        *(f"COMMENT ON COLUMN {view}.{name} IS {literal(said)};" for name, said in own.columns),
    ]
    return "\n".join(lines)
