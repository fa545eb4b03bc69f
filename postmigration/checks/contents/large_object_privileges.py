"""Whether roles may still do with each large object what they could before, and nobody more than then."""

from __future__ import annotations

from collections.abc import Collection

from postmigration.checks.contents.examination import Examination, agree, count
from postmigration.diff.row_diff import Sides
from postmigration.diff.row_sets import DifferenceKind, RowSet
from postmigration.model.evidence import Finding, Severity
from postmigration.model.sqltext import quoted
from postmigration.postgres.connection import Snapshot

_COLUMNS = ("loid", "grantee", "privilege", "way")
_PRIVILEGES = """
    SELECT m.oid::bigint AS loid,
           CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.pg_get_userbyid(a.grantee)::text END AS grantee,
           a.privilege_type AS privilege, CASE a.grantee WHEN m.lomowner THEN 'owner' ELSE 'granted' END AS way
    FROM pg_catalog.pg_largeobject_metadata m,
         pg_catalog.aclexplode(coalesce(m.lomacl, pg_catalog.acldefault('L', m.lomowner))) a
"""
_ALL = RowSet(_PRIVILEGES, _COLUMNS, 4)
# Those of the owners of many new objects would take the place of what others have gained on old ones.
_GRANTED = RowSet(f"{_PRIVILEGES} WHERE a.grantee <> m.lomowner", _COLUMNS, 4)
# Of so many differences those are left out that say the same in another way.
_MOST = 1_000
# Whether a role has a privilege by any way: as a superuser, the owner, a member, or because everybody has it.
_HELD = """
    SELECT w.loid, w.grantee, w.privilege
    FROM unnest(CAST(:loids AS bigint[]), CAST(:grantees AS text[]), CAST(:privileges AS text[]))
         AS w (loid, grantee, privilege)
    JOIN pg_largeobject_metadata m ON m.oid::bigint = w.loid
    LEFT JOIN pg_roles r ON r.rolname = w.grantee
    WHERE pg_has_role(r.oid, m.lomowner, 'USAGE')
       OR EXISTS (SELECT FROM aclexplode(coalesce(m.lomacl, acldefault('L', m.lomowner))) a
                  WHERE a.privilege_type = w.privilege
                    AND (a.grantee = 0 OR pg_has_role(r.oid, nullif(a.grantee, 0), 'USAGE')))
"""
_THERE = """
    SELECT m.oid::bigint AS loid FROM pg_largeobject_metadata m WHERE m.oid::bigint = ANY(CAST(:loids AS bigint[]))
"""
_QUERY = "SELECT oid, lomowner::regrole, lomacl FROM pg_catalog.pg_largeobject_metadata ORDER BY oid"

# The number of an object, who, what, and whether as its owner.
_Key = tuple[int, str, str, bool]


def compare_privileges(before: Snapshot, after: Snapshot, found: Examination) -> None:
    """Compares who may read and write the large objects that both sides have, and who owns them."""
    lost = _leave_lacking(after, _compare(before, after, _ALL, "missing", "extra"))
    gained = _leave_lacking(before, _compare(before, after, _GRANTED, "extra", "missing"))
    _find(_leave_held(after, lost), "no longer has", "GRANT", "TO", found, blocker=True)
    more = _leave_held(before, gained)
    for everybody in (True, False):
        some = {key for key in more if (key[1] == "PUBLIC") == everybody}
        _find(some, "now has", "REVOKE", "FROM", found, blocker=everybody)
    owners = {loid for loid, _, _, owner in lost if owner}
    if owners:
        words = f"large objects: {count(len(owners), 'object')} {agree(len(owners), 'has', 'have')} another owner"
        rows = tuple((str(loid),) for loid in sorted(owners)[:5])
        found.findings.append(Finding(words, len(owners), len(owners), ("oid",), rows, _QUERY, severity="warning"))


def _compare(before: Snapshot, after: Snapshot, rows: RowSet, kind: DifferenceKind, other: DifferenceKind) -> set[_Key]:
    """The privileges that only one side has."""
    compared = Sides(before, after, rows, rows).compare(keep=_MOST, ignore=(other,))
    listed = [difference.key for difference in compared.differences if difference.kind == kind]
    return {(int(str(loid)), str(who), str(what), way == "owner") for loid, who, what, way in listed}


def _leave_lacking(side: Snapshot, keys: Collection[_Key]) -> set[_Key]:
    """Those privileges that are on an object which a side has."""
    loids = sorted({key[0] for key in keys})
    there = {int(row.loid) for row in side.rows(_THERE, loids=loids)}
    return {key for key in keys if key[0] in there}


def _leave_held(side: Snapshot, keys: Collection[_Key]) -> set[_Key]:
    """Those privileges that a role does not have on a side by another way; what an owner has, it has as such."""
    wanted = sorted(key for key in keys if not key[3])
    if not wanted:
        return set()
    loids, grantees, privileges, _ = map(list, zip(*wanted, strict=True))
    rows = side.rows(_HELD, loids=loids, grantees=grantees, privileges=privileges)
    held = {(int(row.loid), str(row.grantee), str(row.privilege)) for row in rows}
    return {key for key in wanted if key[:3] not in held}


def _find(keys: Collection[_Key], words: str, verb: str, to: str, found: Examination, *, blocker: bool) -> None:
    """Adds a finding for each role and privilege."""
    severity: Severity = "blocker" if blocker else "warning"
    for who, what in sorted({key[1:3] for key in keys}):
        loids = sorted(key[0] for key in keys if key[1:3] == (who, what))
        role = who if who == "PUBLIC" else quoted(who)
        found.findings.append(
            Finding(
                f"large objects: {who} {words} {what} on {count(len(loids), 'object')}",
                len(loids),
                len(loids),
                ("oid",),
                tuple((str(loid),) for loid in loids[:5]),
                _QUERY,
                severity=severity,
                repair="\n".join(f"{verb} {what} ON LARGE OBJECT {loid} {to} {role};" for loid in loids),
            )
        )
