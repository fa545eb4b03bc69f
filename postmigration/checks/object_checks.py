"""What the built-in checks of objects, privileges, settings and extensions state: read once, told by family."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from weakref import WeakKeyDictionary

from postmigration.checks.assertions import Target
from postmigration.checks.contents.acceptance import tell_acceptance
from postmigration.checks.contents.examination import Examination
from postmigration.checks.declared_objects import NewParts, is_declared, list_gone, list_patterns
from postmigration.checks.object_states import detect, holds_grants, judge_states
from postmigration.checks.repairs.enums import restore_labels
from postmigration.checks.server.replication import read_subscriptions
from postmigration.diff.objects.compare import Difference
from postmigration.diff.objects.expected import expect_objects, read_renames
from postmigration.diff.objects.judge import Judgement
from postmigration.diff.objects.moved.compare import Declared
from postmigration.diff.objects.renames import Renames
from postmigration.diff.objects.rules import FAMILIES, RARE
from postmigration.diff.objects.spelling import excerpt
from postmigration.model.changes import RenamedColumn, RenamedTable
from postmigration.model.errors import NeedsBaseline
from postmigration.model.evidence import DEFINITIONS, Finding, Reference, Severity, Subject, Trait, escape, show_value
from postmigration.model.waivers import Waiver
from postmigration.postgres.connection import Snapshot
from postmigration.postgres.schema_objects import ObjectName, Objects, objects

# Definitions of so many characters are shown whole beside the sentence, and of longer ones so much around what differs.
_LONG, _LONGEST = 20, 2_000
# More differences of one kind are told as one.
_FOLDED = 20
_LISTED = 50
# The table to which a foreign key leads, as the server writes it; one whose name needs quoting is not known.
_PARENT = re.compile(r"^FOREIGN KEY .* REFERENCES (\w+)\.(\w+)\(")
# The columns of a unique index over all rows, where none needs quoting.
_KEY = re.compile(r"^ USING btree \((\w+(?:, \w+)*)\)$")
# A type that is not PostgreSQL's own, or an array of it.
_TYPE = re.compile(r"(\w+)\.(\w+)(?:\[\])*$")
_COMMANDS: Mapping[str, Trait] = {
    "SELECT": "for_select", "INSERT": "for_insert", "UPDATE": "for_update", "DELETE": "for_delete"
}  # fmt: skip
# What a person declares of what was meant.
_MEANT = ("changed_object, if it is meant",)
_UNDECLARED = ", and nobody declared it"
_LOST = "; its changed_object allows a change and no loss: gone = true, if it is meant"
# What tells by itself that something is wrong with an object.
_WITHOUT_BASELINE = ("constraints", "indexes", "triggers", "inheritance", "settings", "extensions", "definers")
_OF_ROLES = ("owners", "roles", "settings", "extensions")
_OF_PRIVILEGES = ("privileges", "default_privileges")
# What is counted for a family of checks that judges no kind of its own.
_COUNTED = {
    "privileges": ("grant",),
    "default_privileges": ("default privileges",),
    "definers": ("function",),
    "owners": ("schema", "table", "view", "function", "type", "sequence"),
    "roles": ("role",),
    "settings": ("setting",),
    "extensions": ("extension",),
    "inheritance": ("table",),
    "storage": ("comment", "statistics"),
    "publications": ("publication", "published table", "published schema"),
}
_EXPECTED: WeakKeyDictionary[Snapshot, tuple[Snapshot | None, Objects]] = WeakKeyDictionary()
_JUDGED: WeakKeyDictionary[Snapshot, tuple[Snapshot | None, Judgement]] = WeakKeyDictionary()


def report_objects(target: Target, *families: str) -> None:
    """Reports what became of the objects of some families.

    Args:
        families: as `postmigration.diff.objects.rules` names them in `check`.

    Raises:
        NotApplicable: neither side has such an object, or the form of the baseline cannot hold one.
        NeedsBaseline: there is none to compare with.
    """
    if not set(families) & set(_WITHOUT_BASELINE) and _in_a_fingerprint(target) is None:
        if target.before.fingerprint is not None:
            raise NeedsBaseline("the fingerprint holds no objects: an older version took it")
        target.before.rows()
    judgement = _judge(target)
    if _is_restored(target) and set(families) <= set(_OF_ROLES):
        held = ", ".join(families).replace("_", " ")
        target.not_applicable("a dump is compared without roles, owners, settings and extensions", not_held=held)
    if _is_restored(target) and set(families) <= set(_OF_PRIVILEGES) and not _has_privileges(target.baseline):
        target.not_applicable(
            "the dump holds no privilege: made without them, it cannot tell what was granted",
            not_held=", ".join(families).replace("_", " "),
        )
    different = [difference for family in families for difference in judgement.found.get(family, ())]
    if "publications" in families and any(one.what == "publication lost" for one in different):
        different = _excuse_own_publications(different, target.snapshot)
    declared, gone = list_patterns(target.migration), list_gone(target.migration)
    found = [one for one in different if not is_declared(one.name, gone if _is_grave_loss(one) else declared)]
    if number := len(different) - len(found):
        target.note(f"{number:,} difference{' is' if number == 1 else 's are'} declared")
    found = [_tell_loss(one) if is_declared(one.name, declared) else one for one in found]
    if declared or target.migration.changes:
        new = NewParts.of(target.migration.changes, objects(target.snapshot))
        found = [_weigh_undeclared(one, target, new) for one in found]
    facts = sum(judgement.facts.get(kind, 0) for family in families for kind in _kinds(family))
    if not facts and not different:
        target.not_applicable(f"there are none: {', '.join(families).replace('_', ' ')}")
    # What is gone has no fact left to be counted.
    facts = max(facts, len(found))
    accepted = {waiver.object: waiver for waiver in target.options.accepted if waiver.object}
    waived = [one for one in found if one.level == "blocker" and one.name in accepted]
    found = [one for one in found if one not in waived]
    repairs = tell_acceptance(target.snapshot, [one.repair for one in found])
    found = [replace(one, repair=repair) for one, repair in zip(found, repairs, strict=True)]
    found = [
        replace(one, repair=restore_labels(target.snapshot, one.name, one.was, one.now))
        if one.what == "type: values" and not one.repair
        else one
        for one in found
    ]
    findings = [
        *_findings(found, facts, {**(read_sides(target)[0] or {}), **objects(target.snapshot)}),
        *(_accept(one, accepted[one.name], facts) for one in waived),
    ]
    compared = _count_compared(families, judgement) if read_sides(target)[0] is not None else {}
    target.report(findings, facts=facts, **compared)
    for note in _notes(found):
        target.note(note)


def _is_grave_loss(difference: Difference) -> bool:
    return difference.is_loss and difference.level in ("blocker", "warning")


def _tell_loss(difference: Difference) -> Difference:
    """What is gone though it was declared to be another one."""
    return replace(difference, statement=f"{difference.statement}{_LOST}")


def _weigh_undeclared(difference: Difference, target: Target, new: NewParts) -> Difference:
    """What is new, and who may use it, is a warning where a project declares what it adds.

    Whether it lets anybody see or do more than is theirs, the checks of a project that names people try as these.
    """
    if difference.what.endswith(" new"):
        facts = objects(target.snapshot).get(difference.name, {})
        if new.explain(difference.name, facts):
            told = difference.level != "blocker"
            statement = difference.statement.removesuffix(_UNDECLARED)
            return replace(difference, level="told" if told else "blocker", statement=statement)
        if difference.level == "told":
            return replace(difference, level="warning", statement=f"{difference.statement}{_UNDECLARED}")
    if difference.level == "blocker" and difference.what == "gained" and target.migration.people.strip():
        return replace(difference, level="warning") if _is_new(difference.name, target) else difference
    return difference


def _is_new(name: ObjectName, target: Target) -> bool:
    before, _ = expect_sides(target)
    return before is not None and name not in before


def read_sides(target: Target) -> tuple[Objects | None, Objects]:
    """Reads the objects of the state before, if there is one that holds them, and those of the database."""
    before = _in_a_fingerprint(target) if target.baseline is None else objects(target.baseline)
    return before, objects(target.snapshot)


def expect_sides(target: Target) -> tuple[Objects | None, Objects]:
    """Reads the objects of the state before as the declared changes leave them, and those of the database."""
    before, after = read_sides(target)
    if before is None or not target.migration.changes:
        return before, after
    held = _EXPECTED.get(target.snapshot)
    if held is None or held[0] is not target.baseline:
        held = target.baseline, expect_objects(before, after, target.migration.changes)
        _EXPECTED[target.snapshot] = held
    return held[1], after


def find_renames(target: Target) -> Renames | None:
    """The tables and columns that have other names, as declared; None where there are none."""
    changes = target.migration.changes
    if not any(isinstance(change, RenamedTable | RenamedColumn) for change in changes):
        return None
    before, after = read_sides(target)
    return None if before is None else read_renames(before, after, changes)


def match_sequences(target: Target) -> dict[tuple[str, str], tuple[str, str]]:
    """What sequences are called now that have other names, with their tables or beside them, by their old names."""
    renames = find_renames(target)
    if renames is None:
        return {}
    before, after = read_sides(target)
    owned = {
        facts["owned by"]: name for name, facts in after.items() if name.kind == "sequence" and "owned by" in facts
    }
    found = {}
    for name, facts in (before or {}).items():
        now = owned.get(renames.rewrite(facts.get("owned by", ""), None)) if name.kind == "sequence" else None
        if now is not None and now != name:
            found[name.schema, name.name] = (now.schema, now.name)
    return found


def list_unused(target: Target) -> list[str]:
    """The patterns of objects that may be others, and of which none is."""
    names = [one.name for found in _judge(target).found.values() for one in found]
    return [pattern for pattern in list_patterns(target.migration) if not any(is_declared(n, [pattern]) for n in names)]


def holds_privileges(target: Target) -> bool:
    """Whether the state before tells who might do what."""
    if target.baseline is None:
        return _in_a_fingerprint(target) is not None
    return not _is_restored(target) or _has_privileges(target.baseline)


def _excuse_own_publications(found: Sequence[Difference], after: Snapshot) -> list[Difference]:
    """A publication that the database itself has subscribed to was made for the move, and belongs to the other side."""
    own = {name for one in read_subscriptions(after, Examination()).values() for name in one.publications}
    return [
        replace(one, level="told", statement=f"{one.statement}: a subscription of this database reads it there")
        if one.what == "publication lost" and one.name.name in own
        else one
        for one in found
    ]


def _judge(target: Target) -> Judgement:
    held = _JUDGED.get(target.snapshot)
    if held is not None and held[0] is target.baseline:
        return held[1]
    before, after = expect_sides(target)
    was = read_sides(target)[0]
    judgement = judge_states(
        before,
        after,
        target.snapshot,
        target.schemas,
        platform=detect(*(side or {} for side in reversed(read_sides(target)))),
        version=_version(target),
        restored=_is_restored(target),
        privileged=_has_privileges(target.baseline),
        declared=None if was is None else Declared(was, target.migration.changes),
    )
    _JUDGED[target.snapshot] = (target.baseline, judgement)
    return judgement


def _in_a_fingerprint(target: Target) -> Objects | None:
    return None if target.before.fingerprint is None else target.before.fingerprint.objects


def _version(target: Target) -> int | None:
    """The major version of the server of before, where there is one."""
    if target.before.fingerprint is not None:
        return int(target.before.fingerprint.version.partition(".")[0])
    return None if target.baseline is None else target.baseline.info.server_version // 10_000


def _is_restored(target: Target) -> bool:
    """Whether the baseline is a copy of our own, restored from a dump."""
    return target.before.scratch is not None


def _has_privileges(baseline: Snapshot | None) -> bool:
    """Whether a restored baseline holds more privileges than everybody has by default, and whoever restores it."""
    return baseline is not None and holds_grants(objects(baseline))


def _kinds(family: str) -> Sequence[str]:
    if family in _COUNTED:
        return _COUNTED[family]
    if family == RARE.check:
        return ("operator", "collation", "cast", "text search configuration", "language")
    return [kind for kind, rule in FAMILIES.items() if rule.check == family]


def _count_compared(families: Sequence[str], judgement: Judgement) -> dict[str, int]:
    """What the verdict counts: privileges apart from all other objects."""
    if "privileges" in families:
        return {"privileges": judgement.facts.get("grant", 0)}
    kinds = {kind for family in families if family not in (*_OF_ROLES, *_OF_PRIVILEGES) for kind in _kinds(family)}
    return {"objects": sum(judgement.objects.get(kind, 0) for kind in kinds)} if kinds else {}


def _findings(found: Sequence[Difference], facts: int, known: Objects) -> Iterator[Finding]:
    grouped: dict[tuple[str, Severity], list[Difference]] = defaultdict(list)
    for difference in found:
        if difference.level == "blocker" or difference.level == "warning":
            grouped[difference.what, difference.level].append(difference)
    for (_, severity), those in grouped.items():
        if len(those) <= _FOLDED:
            for one in those:
                words, (columns, texts) = show_value(one.statement, plain=True), _list_texts(one)
                yield Finding(
                    words,
                    1,
                    facts,
                    columns,
                    texts,
                    severity=severity,
                    repair=one.repair,
                    code=_name_kind(one),
                    subject=_subject(one, known.get(one.name, {})),
                )
            continue
        rows = tuple((show_value(one.statement, plain=True),) for one in those[:_LISTED])
        words = f"{show_value(those[0].statement, plain=True)}; and {len(those) - 1:,} more of this kind"
        repair = "\n".join(filter(None, (one.repair for one in those)))
        yield Finding(
            words,
            len(those),
            facts,
            ("what",),
            rows,
            severity=severity,
            repair=repair,
            code=_name_kind(those[0]),
            subject=Subject(those[0].name.kind),
        )


def _list_texts(difference: Difference) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """What is declared of it if it was meant; or the definition before and now, where the sentence tells part of it."""
    if difference.excuse:
        return _MEANT, ((escape(difference.excuse),),)
    if min(len(difference.was), len(difference.now)) < _LONG:
        return (), ()
    was, now = excerpt(difference.was, difference.now, _LONGEST)
    return DEFINITIONS, ((escape(was), escape(now)),)


def _name_kind(difference: Difference) -> str:
    """`policy_lost`, `index_invalid`, `function_body_changed`: what became of an object of which kind."""
    kind, _, changed = difference.what.partition(": ")
    names = {"valid": "invalid", "validated": "not_validated", "enabled": "disabled", "triggers": "unguarded"}
    words = f"{kind.removesuffix('s')} {names.get(changed, f'{changed} changed')}" if changed else kind
    return words.replace("-", "_").replace(" ", "_")


def _subject(difference: Difference, facts: Mapping[str, str]) -> Subject:
    name = difference.name
    is_table = name.kind in ("table", "foreign table", "view", "materialized view")
    table = name.name if is_table else name.table
    return Subject(
        name.kind,
        name.schema,
        name.name,
        table,
        refers=tuple(_refer(difference, facts)),
        traits=tuple(_list_traits(difference, facts)),
    )


def _list_traits(difference: Difference, facts: Mapping[str, str]) -> Iterator[Trait]:
    """What a policy or a column was, where that decides what its loss means."""
    if difference.name.kind == "policy":
        if facts.get("permissive") == "False":
            yield "restrictive"
        if (trait := _COMMANDS.get(facts.get("command", ""))) is not None:
            yield trait
    elif _name_kind(difference) == "column_generated_changed" and not facts.get("generated"):
        yield "computed"


def _refer(difference: Difference, facts: Mapping[str, str]) -> Iterator[Reference]:
    """The table to which a foreign key leads, the columns that a key keeps unique, and the type that a column had."""
    name, definition = difference.name, facts.get("definition", "")
    if _name_kind(difference) == "column_type_changed" and (type_ := _TYPE.match(difference.was)):
        yield Reference((), type_[1], type_[2], ())
    elif name.kind == "constraint" and (parent := _PARENT.search(definition)):
        yield Reference((), parent[1], parent[2], ())
    elif name.kind == "constraint" and facts.get("kind") in ("primary key", "unique"):
        yield Reference((), name.schema, name.table, tuple(facts.get("columns", "").split(", ")))
    elif name.kind == "index" and facts.get("unique") == "True" and (key := _KEY.search(definition)):
        yield Reference((), name.schema, name.table, tuple(key[1].split(", ")))


def _accept(difference: Difference, waiver: Waiver, facts: int) -> Finding:
    words = f"{show_value(difference.statement, plain=True)}: {waiver.words}"
    return Finding(words, 1, facts, severity="waived", waiver=waiver.name, repair=difference.repair)


def _notes(found: Sequence[Difference]) -> Iterator[str]:
    grouped: dict[str, list[Difference]] = defaultdict(list)
    for difference in found:
        if difference.level == "told":
            grouped[difference.what].append(difference)
    for what, those in grouped.items():
        if len(those) <= 3:
            yield from (show_value(one.statement, plain=True) for one in those)
        else:
            names: list[ObjectName] = [one.name for one in those]
            yield show_value(
                f"{len(those):,} of the kind {what}: {', '.join(names[:3])} and {len(those) - 3:,} more", plain=True
            )
