"""Whether the next values of every sequence are free, and how many are left."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from postmigration.checks.contents.batches import Question, Refusal, ask_twice_as_fast
from postmigration.checks.contents.examination import Examination, count
from postmigration.checks.contents.locks import read_catalog
from postmigration.checks.contents.tables import Name, Use, title
from postmigration.diff.fingerprint import Fingerprint
from postmigration.diff.fingerprint_contents import SequenceFingerprint, SequencesFingerprint
from postmigration.model.evidence import Finding, Severity, Subject
from postmigration.model.sqltext import quoted
from postmigration.postgres.connection import Snapshot
from postmigration.postgres.object_queries.members import MEMBER_E

# Who inserts next meets a value that is taken within so many.
_NEXT = 1_000
# From here on somebody should plan for what comes when no value is left.
_USED = 0.9
_LARGEST = {"smallint": 2**15 - 1, "integer": 2**31 - 1, "bigint": 2**63 - 1}

_SEQUENCES = f"""
    SELECT n.nspname::text AS schema, c.relname::text AS name, format_type(s.seqtypid, NULL) AS type,
           s.seqstart AS start, s.seqincrement AS increment, s.seqmin AS least, s.seqmax AS most, s.seqcycle AS cycle,
           has_schema_privilege(n.oid, 'USAGE') AND has_sequence_privilege(c.oid, 'SELECT') AS readable,
           (SELECT json_agg(json_build_array(tn.nspname, t.relname, a.attname, format_type(r.oid, NULL)))
            FROM (SELECT d.refobjid AS oid, d.refobjsubid AS number FROM pg_depend d
                  WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.refclassid = 'pg_class'::regclass
                    AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i')
                  UNION
                  SELECT x.adrelid, x.adnum FROM pg_depend d JOIN pg_attrdef x ON x.oid = d.objid
                  WHERE d.classid = 'pg_attrdef'::regclass AND d.refclassid = 'pg_class'::regclass
                    AND d.refobjid = c.oid) u
            JOIN pg_class t ON t.oid = u.oid AND t.relkind IN ('r', 'p') AND t.oid <> ALL(CAST(:locked AS oid[]))
            JOIN pg_namespace tn ON tn.oid = t.relnamespace
            JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = u.number AND NOT a.attisdropped
            JOIN pg_type y ON y.oid = a.atttypid
            JOIN pg_type r ON r.oid = CASE WHEN y.typtype = 'd' THEN y.typbasetype ELSE y.oid END)::text AS uses
    FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = ANY(CAST(:schemas AS text[]))
      AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid
                        AND {MEMBER_E})
    ORDER BY 1, 2
"""

# Columns of whole numbers that are the whole primary key of their table.
_KEYS = f"""
    SELECT n.nspname::text AS schema, c.relname::text AS table, a.attname::text AS column,
           format_type(a.atttypid, NULL) AS type, has_table_privilege(c.oid, 'SELECT') AS readable
    FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
    WHERE i.indisprimary AND i.indnkeyatts = 1 AND NOT c.relispartition AND c.oid <> ALL(CAST(:locked AS oid[]))
      AND a.atttypid IN ('int2'::regtype, 'int4'::regtype)
      AND n.nspname = ANY(CAST(:schemas AS text[]))
      AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid
                        AND {MEMBER_E})
"""

# A default may name its sequence in a text, of which the catalogs know nothing.
_BY_TEXT = """
    SELECT tn.nspname::text AS schema, t.relname::text AS table, a.attname::text AS column,
           format_type(a.atttypid, NULL) AS type, sn.nspname::text AS sequence_schema, s.relname::text AS sequence
    FROM (SELECT x.adrelid, x.adnum,
                 substring(pg_get_expr(x.adbin, x.adrelid) FROM $re$nextval\\(\\(?'([^']+)'::text$re$) AS named
          FROM pg_attrdef x WHERE x.adrelid <> ALL(CAST(:locked AS oid[]))) d
    JOIN pg_class t ON t.oid = d.adrelid JOIN pg_namespace tn ON tn.oid = t.relnamespace
    JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.adnum
    JOIN pg_class s ON s.oid = coalesce(to_regclass(d.named), to_regclass(format('%I.%s', tn.nspname, d.named)))
    JOIN pg_namespace sn ON sn.oid = s.relnamespace
    WHERE d.named IS NOT NULL AND s.relkind = 'S' AND sn.nspname = ANY(CAST(:schemas AS text[]))
"""


@dataclass(frozen=True)
class SequenceState:
    """A sequence.

    Args:
        next: the value that it gives next; None where none is left.
        called: whether it ever gave one.
    """

    schema: str
    name: str
    type: str
    start: int
    increment: int
    least: int
    most: int
    cycle: bool
    uses: tuple[Use, ...]
    next: int | None
    called: bool

    @property
    def title(self) -> str:
        """Its name for people."""
        return title((self.schema, self.name))

    @property
    def literal(self) -> str:
        """Its name as an argument in SQL."""
        return "'" + f"{quoted(self.schema)}.{quoted(self.name)}".replace("'", "''") + "'"

    @property
    def end(self) -> int:
        """The last value that it can give."""
        return self.most if self.increment > 0 else self.least

    @property
    def used(self) -> float:
        """Which part of its values is used up."""
        if self.next is None:
            return 1.0
        first = max(self.start, self.least) if self.increment > 0 else min(self.start, self.most)
        return abs(self.next - first) / max(1, abs(self.end - first))

    @property
    def numbered(self) -> list[Use]:
        """Its columns of whole numbers."""
        return [use for use in self.uses if use.type in _LARGEST]


def read_sequences(snapshot: Snapshot, schemas: Sequence[str], unjudged: list[str]) -> dict[Name, SequenceState]:
    """Every sequence of some schemas, with the columns that get its values.

    Args:
        unjudged: gets those that cannot be read, and why.
    """
    rows = read_catalog(snapshot, _SEQUENCES, schemas, unjudged)
    by_text: dict[Name, list[Use]] = defaultdict(list)
    for row in read_catalog(snapshot, _BY_TEXT, schemas, unjudged):
        by_text[row.sequence_schema, row.sequence].append(Use(row.schema, row.table, row.column, row.type))
    questions = []
    for row in rows:
        if row.readable:
            sql = f"SELECT last_value, is_called FROM {quoted(row.schema)}.{quoted(row.name)}"
            questions.append(Question(row, sql))
        else:
            unjudged.append(f"sequence {title((row.schema, row.name))}: GRANT SELECT ON it to the role that judges")
    found = {}
    for row, answer in ask_twice_as_fast(snapshot, questions):
        name = (row.schema, row.name)
        if isinstance(answer, Refusal):
            unjudged.append(f"sequence {title(name)}: {answer.reason}")
            continue
        following = answer.last_value + row.increment if answer.is_called else answer.last_value
        left = row.least <= following <= row.most
        if not left and row.cycle:
            following, left = (row.least if row.increment > 0 else row.most), True
        uses = dict.fromkeys([*(Use(*use) for use in json.loads(row.uses or "[]")), *by_text[name]])
        found[name] = SequenceState(
            row.schema,
            row.name,
            row.type,
            row.start,
            row.increment,
            row.least,
            row.most,
            row.cycle,
            tuple(uses),
            following if left else None,
            answer.is_called,
        )
    return found


@dataclass(frozen=True)
class Fact:
    """Something that is wrong with a sequence: which kind of thing, how grave, and in words."""

    kind: str
    severity: Severity
    words: str
    repair: str = ""


def take_fingerprint(side: Snapshot, schemas: Sequence[str]) -> SequencesFingerprint:
    """What a state before tells of its sequences."""
    states = read_sequences(side, schemas, [])
    flaws = _judge(side, states, [])
    return SequencesFingerprint(
        tuple(
            SequenceFingerprint(*name, one.increment, one.next, {fact.kind: fact.severity for fact in flaws[name]})
            for name, one in states.items()
        ),
        tuple(column for column, words in _find_exhausted_keys(side, schemas, []).items() if words),
    )


def examine(
    after: Snapshot,
    before: Snapshot | Fingerprint | None,
    schemas: Sequence[str],
    renamed: Mapping[Name, Name] | None = None,
) -> Examination:
    """Judges all sequences, and the keys that are near the end of their type.

    Args:
        before: the state before; None where there is none.
        renamed: what sequences are called now, by their old names.
    """
    found = Examination()
    now = read_sequences(after, schemas, found.unjudged)
    then = _read_before(before, schemas, now, found)
    names = renamed or {}
    was = {names.get((one.schema, one.name), (one.schema, one.name)): one for one in then.sequences}
    was = {name: one for name, one in was.items() if name[0] in schemas}
    states = _judge(after, now, found.unjudged)
    keys = _find_exhausted_keys(after, schemas, found.unjudged)
    found.facts = len(now) + len(keys)
    if not (now or was or keys):
        found.inapplicable = "there is no sequence, and no key of whole numbers, on either side"
    for name, sequence in now.items():
        facts = states.get(name, []) or [*_went_back(sequence, was.get(name))]
        older = was[name].flaws if name in was else {}
        for fact in facts:
            severity = fact.severity
            said = ""
            if fact.kind in older and older[fact.kind] == severity:
                said = "; it was so before"
                if severity == "warning":
                    found.notes.append(f"sequence {sequence.title}: {fact.words}{said}")
                    continue
                severity = "warning"
            statement = f"sequence {sequence.title}: {fact.words}{said}"
            subject = Subject("sequence", *name)
            code = "sequence_" + fact.kind.partition(" ")[0]
            found.findings.append(
                Finding(statement, 1, len(now), severity=severity, repair=fact.repair, code=code, subject=subject)
            )
    for column, words in keys.items():
        if words and column in then.exhausted:
            found.notes.append(f"{column}: {words}; it was so before")
        elif words:
            found.find(f"{column}: {words}", severity="warning")
    return found


def _read_before(
    before: Snapshot | Fingerprint | None, schemas: Sequence[str], now: Collection[Name], found: Examination
) -> SequencesFingerprint:
    """What the state before tells; a fingerprint may hold less than there was."""
    if isinstance(before, Snapshot):
        return take_fingerprint(before, schemas)
    if before is None:
        return SequencesFingerprint()
    if before.sequences is None:
        found.notes.append(
            "the fingerprint holds no sequences: an older version took it; judged without a state before"
        )
        return SequencesFingerprint()
    held = {(one.schema, one.name) for one in before.sequences.sequences}
    there = {(name.schema, name.name) for name in before.objects or {} if name.kind == "sequence"}
    for name in sorted(there.intersection(now) - held):
        words = "the fingerprint does not hold where it stood: take it as a role that may SELECT from it"
        found.unjudged.append(f"sequence {title(name)}: {words}")
    return before.sequences


def _judge(side: Snapshot, sequences: Mapping[Name, SequenceState], unjudged: list[str]) -> dict[Name, list[Fact]]:
    """What is wrong with each sequence of one side."""
    questions = []
    for name, sequence in sequences.items():
        for use in sequence.numbered:
            column = quoted(use.column)
            sql = f"SELECT max({column})::numeric AS most, min({column})::numeric AS least FROM {use.sql}"
            questions.append(Question((name, use), sql))
    extremes: dict[Name, list[tuple[Use, int]]] = defaultdict(list)
    for (name, use), answer in ask_twice_as_fast(side, questions, {"enable_sort": "on"}):
        if isinstance(answer, Refusal):
            unjudged.append(f"{use.title}: {answer.reason}")
            continue
        extreme = answer.most if sequences[name].increment > 0 else answer.least
        if extreme is not None:
            extremes[name].append((use, int(extreme)))
    behind: list[tuple[SequenceState, Use, int]] = []
    facts: dict[Name, list[Fact]] = defaultdict(list)
    for name, sequence in sequences.items():
        if sequence.cycle:
            continue
        behind += [(sequence, use, extreme) for use, extreme in extremes[name] if _is_behind(sequence, extreme)]
        facts[name] += _ending(sequence)
    for name, fact in _count_taken(side, behind, unjudged):
        facts[name].append(fact)
    return facts


def _is_behind(sequence: SequenceState, extreme: int) -> bool:
    if sequence.next is None:
        return False
    return sequence.next <= extreme if sequence.increment > 0 else sequence.next >= extreme


def _count_taken(
    side: Snapshot, behind: Sequence[tuple[SequenceState, Use, int]], unjudged: list[str]
) -> Iterator[tuple[Name, Fact]]:
    """How many of the next values of sequences that are behind are taken."""
    questions = []
    for sequence, use, extreme in behind:
        ends = sorted((int(sequence.next or 0), int(sequence.next or 0) + (_NEXT - 1) * sequence.increment))
        column = quoted(use.column)
        inside = f"{column}::numeric BETWEEN {ends[0]} AND {ends[1]}"
        step = f"({column}::numeric - ({sequence.next})) % {abs(sequence.increment)} = 0"
        sql = f"SELECT count(DISTINCT {column}) AS taken FROM {use.sql} WHERE {inside} AND {step}"
        questions.append(Question((sequence, use, extreme), sql))
    for (sequence, use, extreme), answer in ask_twice_as_fast(side, questions, {"enable_sort": "on"}):
        if isinstance(answer, Refusal):
            unjudged.append(f"{use.title}: {answer.reason}")
            continue
        edge, last = ("max", "largest") if sequence.increment > 0 else ("min", "smallest")
        words = f"it is behind {edge}({use.title}): it gives {sequence.next} next, and the {last} value is {extreme}"
        if answer.taken:
            words += f"; {answer.taken:,} of its next {_NEXT:,} values are taken"
        repair = f"SELECT pg_catalog.setval({sequence.literal}, (SELECT {edge}({quoted(use.column)}) FROM {use.sql}));"
        yield (
            (sequence.schema, sequence.name),
            Fact(f"behind {use.title}", "blocker" if answer.taken else "warning", words, repair),
        )


def _ending(sequence: SequenceState) -> Iterator[Fact]:
    """Whether a sequence has few values left, or gives more than its column can hold."""
    narrower = [use for use in sequence.numbered if abs(sequence.end) < _LARGEST[use.type] and sequence.increment > 0]
    too_small = [
        use
        for use in sequence.numbered
        if sequence.next is not None and abs(sequence.next) > _LARGEST[use.type] + (sequence.increment < 0)
    ]
    name = f"{quoted(sequence.schema)}.{quoted(sequence.name)}"
    wide = f"ALTER SEQUENCE {name} AS bigint MAXVALUE {_LARGEST['bigint']};"
    if too_small:
        use = too_small[0]
        yield Fact(
            "no value fits",
            "blocker",
            f"it gives {sequence.next} next, which {use.title} of type {use.type} cannot hold",
            f"ALTER TABLE {use.sql} ALTER COLUMN {quoted(use.column)} TYPE bigint;",
        )
    elif sequence.next is None:
        for use in narrower:
            yield Fact(
                f"narrower than {use.title}",
                "blocker",
                f"it is at its end, {sequence.end}, while {use.title} is {use.type} and could hold more",
                wide,
            )
        if not narrower:
            yield Fact("at its end", "blocker", f"it is at its end, {sequence.end}: no value is left", wide)
    elif sequence.used > _USED:
        words = f"{sequence.used:.0%} of its values are used: it gives {sequence.next} next, and ends at {sequence.end}"
        for use in narrower:
            yield Fact(
                f"narrower than {use.title}",
                "blocker",
                f"{words}, while {use.title} is {use.type} and could hold more",
                wide,
            )
        if not narrower:
            yield Fact("near its end", "warning", words, "")


def _went_back(now: SequenceState, was: SequenceFingerprint | None) -> Iterator[Fact]:
    """Whether a sequence gives values again that it gave before, where no column of numbers tells."""
    if was is None or was.next is None or now.next is None or now.cycle or now.increment * was.increment <= 0:
        return
    back = now.next < was.next if now.increment > 0 else now.next > was.next
    if not back:
        return
    words = f"it gives {now.next} next, and would have given {was.next} before"
    repair = f"SELECT pg_catalog.setval({now.literal}, {was.next}, false);"
    severity: Severity = "warning" if now.numbered else "blocker"
    reason = (
        "" if now.numbered else f": {count(abs(was.next - now.next) // abs(now.increment), 'value')} can come twice"
    )
    yield Fact("went back", severity, words + reason, repair)


def _find_exhausted_keys(side: Snapshot, schemas: Sequence[str], unjudged: list[str]) -> dict[str, str]:
    """For each key of whole numbers, what is wrong: it is near the end of its type; nothing where it is not."""
    questions = []
    for row in read_catalog(side, _KEYS, schemas, unjudged):
        use = Use(row.schema, row.table, row.column, row.type)
        if row.readable:
            questions.append(Question(use, f"SELECT max({quoted(use.column)}) AS most FROM {use.sql}"))
    found = {}
    for use, answer in ask_twice_as_fast(side, questions, {"enable_sort": "on"}):
        if isinstance(answer, Refusal):
            unjudged.append(f"{use.title}: {answer.reason}")
            continue
        used = (answer.most or 0) / _LARGEST[use.type]
        found[use.title] = (
            f"its largest value is {answer.most}, {used:.0%} of what {use.type} can hold" if used > _USED else ""
        )
    return found
