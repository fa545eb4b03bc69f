"""Two states of the objects of a database, judged as the checks of them do, whoever asks for it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import sqlalchemy as sa

from postmigration.access.dynamic_sql import runs_text
from postmigration.checks.declared_objects import NewParts
from postmigration.diff.objects.compare import Difference, find_flaws
from postmigration.diff.objects.expected import expect_objects
from postmigration.diff.objects.judge import Judgement, Scope, judge_objects
from postmigration.diff.objects.moved.compare import Declared
from postmigration.diff.objects.privileges import PUBLIC
from postmigration.model.changes import Change
from postmigration.model.platform import Inhabitants, Platform, detect_platform
from postmigration.postgres.connection import Snapshot
from postmigration.postgres.schema_objects import STANDIN, ObjectName, Objects, objects

# What a dump does not hold, or what is not restored from it.
_NOT_IN_A_DUMP = (
    *("role", "setting", "extension", "comment", "event trigger", "publication"),
    *("published table", "published schema", "foreign server", "user mapping", "language", "foreign-data wrapper"),
    "foreign table",
)


def detect(*sides: Objects) -> Platform:
    """Tells the platform on which any of some states lives, and which of its schemas are the platform's."""
    return detect_platform(
        *(
            Inhabitants(
                {name.name: facts["owner"] for name, facts in side.items() if name.kind == "schema"},
                {(name.schema, name.name) for name in side if name.kind == "table"},
            )
            for side in sides
        )
    )


def judge_states(
    before: Objects | None,
    after: Objects,
    snapshot: Snapshot,
    schemas: Collection[str],
    *,
    platform: Platform,
    version: int | None,
    restored: bool,
    privileged: bool,
    declared: Declared | None = None,
) -> Judgement:
    """Judges the objects of a database.

    Args:
        before: those of the state before, as the declared changes leave them; None where there is none.
        after: those of the database.
        snapshot: the database.
        schemas: which are compared.
        version: the major version of the server of before, where there is one.
        restored: the state before is a copy of our own, restored from a dump.
        privileged: such a copy holds privileges.
        declared: the objects of before as they were, with what is declared of them.
    """
    if before is not None and restored:
        roles = {name: facts for name, facts in after.items() if name.kind == "role"}
        before, after = in_a_dump(before), in_a_dump(after) | roles
        declared = declared and Declared(in_a_dump(declared.before), declared.changes)
    # What a dump was not made of cannot be compared with it.
    there = {name.name for name in before or () if name.kind == "schema"} if restored else set(schemas)
    scope = Scope(
        [schema for schema in schemas if schema not in platform.schemas and schema in there],
        platform,
        alike=version in (None, snapshot.info.server_version // 10_000),
        database=snapshot.info.dbname,
        roles=not restored,
        privileges=not restored or privileged,
        runs_text=runs_text,
        sort=lambda types, ends: _sort(snapshot, types, ends),
        declared=declared,
    )
    return judge_objects(before, after, scope)


def list_undeclared(
    before: Snapshot, after: Snapshot, schemas: Collection[str], changes: Sequence[Change], *, restored: bool
) -> dict[ObjectName, Difference]:
    """The objects that are others than before, and do not hang on the changes of tables and columns that are declared.

    Of each stands what differs, or that it is gone. What is wrong with an object by itself is never meant, and
    left out.

    Args:
        schemas: which are compared.
        restored: the state before is a copy of our own, restored from a dump.
    """
    was, now = objects(before), objects(after)
    expected = expect_objects(was, now, changes)
    judgement = judge_states(
        expected,
        now,
        after,
        schemas,
        platform=detect(now, was),
        version=before.info.server_version // 10_000,
        restored=restored,
        privileged=holds_grants(was),
        declared=Declared(was, changes),
    )
    flaws = {(flaw.name, flaw.statement) for flaw in find_flaws(expected, now)}
    new = NewParts.of(changes, now)
    found: dict[ObjectName, Difference] = {}
    for one in (one for those in judgement.found.values() for one in those):
        came = one.what.endswith(" new")
        explained = came and new.explain(one.name, now.get(one.name, {}))
        differs = (came or one.level != "told") and not explained and (one.name, one.statement) not in flaws
        if differs and (one.is_loss or one.name not in found):
            found[one.name] = one
    return dict(sorted(found.items()))


def holds_grants(found: Objects) -> bool:
    """Whether a restored copy holds more privileges than everybody has by default, and whoever restored it."""
    return any(name.kind == "grant" and facts["~role"] != PUBLIC for name, facts in in_a_dump(found).items())


def in_a_dump(found: Objects) -> dict[ObjectName, Mapping[str, str]]:
    """What a restored dump can hold, without what only stands in for something."""
    standins = {name.removeprefix("comment on ") for name, facts in found.items() if facts.get("text") == STANDIN}
    return {
        name: facts
        for name, facts in found.items()
        if name.kind not in _NOT_IN_A_DUMP
        and facts.get("~what") not in (*_NOT_IN_A_DUMP, "database", "parameter")
        and name not in standins
        and facts.get("of") not in standins
        and not facts.get("of", "").startswith("foreign table ")
    }


def _sort(snapshot: Snapshot, types: tuple[str, ...], ends: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Orders values of a partition key as the server does; none where it cannot."""
    ranks = {"MINVALUE": -1, "MAXVALUE": 1}
    places = range(len(types))
    parameters: dict[str, object] = {"number": list(range(len(ends)))}
    for place in places:
        values = [end[place] for end in ends]
        parameters[f"rank{place}"] = [ranks.get(value, 0) for value in values]
        parameters[f"value{place}"] = [None if value in ranks else _bare(value) for value in values]
    columns = ", ".join(f"r{place}, v{place}" for place in places)
    given = ", ".join(f"CAST(:rank{p} AS int[]), CAST(:value{p} AS text[])" for p in places)
    order = ", ".join(f"r{p}, CAST(v{p} AS {types[p]})" for p in places)
    sql = f"SELECT n FROM unnest(CAST(:number AS int[]), {given}) AS u(n, {columns}) ORDER BY {order}"
    try:
        return [ends[row.n] for row in snapshot.rows(sql, **parameters)]
    except sa.exc.DBAPIError:
        return []


def _bare(literal: str) -> str:
    return literal[1:-1].replace("''", "'") if literal.startswith("'") else literal
