"""Who can write what, of every table that stood before: what could be done before and cannot now, and the reverse."""

from collections import defaultdict

import sqlalchemy as sa

from fixtures import MIGRATION
from fixtures.belongings import POLICIES_CHANGE, Belongings, Try
from postmigration import Finding, NotJudged, Severity, Subject, Target, describe_refusal
from postmigration.access import Actor, Tried, read_policies, require_roles, try_all

# With an operator its people are deleted, for each of whom all tables are read that refer to people without an index.
# No row but those of our own is locked meanwhile.
_LONGEST = 60_000
_UNTRIED = "what people could write under them is not tried on a live baseline: name a backup of it"


def test_everybody_writes_what_they_wrote(target: Target) -> None:
    """Everybody adds, changes and removes the rows that they did before the migration, and no others.

    Impact: A page that the migration did not touch cannot be saved any more; or an engineer makes everybody an admin.

    Likely causes: A policy for INSERT, UPDATE or DELETE was replaced, or asks only whether somebody is signed in; a
    rule or a trigger that was added does something instead, or fails.

    Fix: Compare the policies, rules and triggers of the table with those of before, as the person who is named.
    """
    require_roles(target.snapshot)
    earlier = _tried_before(target)
    kept = _kept_policies(target)
    if target.baseline is not None and not earlier:
        target.note("a live baseline is not written to, so what people could do before is not tried: a backup can be")
        target.evidence.findings += [
            Finding(f"policies of {table} are others than before, and {_UNTRIED}", 1, 1, severity="warning")
            for table in MIGRATION.legacy_tables
            if table not in kept and table not in POLICIES_CHANGE
        ]
    with target.writing(milliseconds=_LONGEST) as connection:
        place = Belongings(connection)
        tries = place.tries()
        tried = _tried(connection, place)
        target.state(facts=len(tried))
        wrong: dict[tuple[Severity, str, str, str], list[str]] = defaultdict(list)
        for actor in place.actors:
            for what, one in tries.items():
                was, now = earlier.get((actor.name, what)), tried[actor.name, what]
                if was is None and one.table in kept:
                    continue
                if found := _judged(actor, one, was, now):
                    severity, words = found
                    code = "write_gained" if now == "done" else "write_lost"
                    wrong[severity, f"{what}: {words}", one.table, code].append(actor.name)
        for (severity, words, table, code), names in wrong.items():
            who = ", ".join(names) if len(names) < 3 else f"{len(names)} people ({names[0]}, {names[1]} and others)"
            subject = Subject.of_table(target.snapshot.database.schema, table)
            target.evidence.findings.append(
                Finding(
                    f"{who} tried to {words}",
                    len(names),
                    len(place.actors),
                    ("who",),
                    tuple((name,) for name in names),
                    severity=severity,
                    code=code,
                    subject=subject,
                )
            )
        _judge_owner(target, tries, earlier, tried)
        target.repair_by_definitions()
        target.note(f"{len(tried):,} attempts of {len(place.actors)} people at the rows of two operators of our own")


def _tried(connection: sa.Connection, place: Belongings) -> Tried:
    return try_all(connection, [None, *place.actors], {what: one.attempt for what, one in place.tries().items()})


def _tried_before(target: Target) -> Tried:
    """What came of it before; nothing is known where the state before is no copy that may be written to."""
    scratch = target.before.scratch
    if scratch is None:
        return {}
    target.before.schema("function", "policy", "trigger")
    try:
        with scratch.begin_rollback_only(statement_timeout=str(_LONGEST), lock_timeout="2000") as connection:
            return _tried(connection, Belongings(connection))
    except sa.exc.DBAPIError as error:
        raise NotJudged(f"what people could do before cannot be tried: {describe_refusal(error)}") from None


def _kept_policies(target: Target) -> set[str]:
    """The tables whose policies are those of before, so that what is open is inherited."""
    if target.baseline is None:
        return set()
    was, now = (read_policies(side, MIGRATION.legacy_tables) for side in (target.baseline, target.snapshot))
    return {table for table in MIGRATION.legacy_tables if was.get(table) == now.get(table)}


def _judged(actor: Actor, one: Try, was: str | None, now: str) -> tuple[Severity, str] | None:
    """What is wrong with what came of it, and how much that matters."""
    if was is None:
        # Nobody knows what they could do of their own; what is not theirs they must not touch.
        return ("blocker", "done, and it is not theirs") if now == "done" and one.foreign(actor) else None
    if was == "done" != now and not one.may_be_lost(actor):
        return "blocker", f"done before, and now {now}"
    if now == "done" != was and not one.may_be_gained(actor):
        return "blocker", f"{was} before, and now done"
    return None


def _judge_owner(target: Target, tries: dict[str, Try], earlier: Tried, tried: Tried) -> None:
    """What whoever judges cannot do, whom no policy filters, nobody can."""
    for what, one in tries.items():
        now = tried["", what]
        if now in ("done", "42501") or one.verb == "promote" or (earlier and earlier["", what] != "done"):
            continue
        # An audit trail may refuse to be changed.
        severity: Severity = "blocker" if earlier or one.verb == "add" else "warning"
        target.evidence.findings.append(Finding(f"nobody can {what}: {now}", 1, len(tries), severity=severity))
