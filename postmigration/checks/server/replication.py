"""What logical replication left behind, and whether what subscribes still receives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from postmigration.checks.contents.batches import Question, Refusal, ask
from postmigration.checks.contents.examination import Examination, agree, count, list_names
from postmigration.checks.server.reading import read_rows, version_of
from postmigration.model.evidence import Subject, show_value
from postmigration.model.sqltext import quoted
from postmigration.postgres.connection import Snapshot

_LISTED = 5
_SUBSCRIPTIONS = """
    SELECT s.subname::text AS name, s.subenabled AS enabled, s.subslotname::text AS slot,
           CAST(s.subpublications AS text[]) AS publications,
           ARRAY(SELECT CAST(CAST(r.srrelid AS regclass) AS text) FROM pg_subscription_rel r
                 WHERE r.srsubid = s.oid AND r.srsubstate <> 'r' ORDER BY 1) AS unready,
           EXISTS (SELECT FROM pg_stat_subscription w
                   WHERE w.subid = s.oid AND w.relid IS NULL AND w.pid IS NOT NULL) AS running,
           {counts} AS counts, {stops} AS stops
    FROM pg_subscription s WHERE s.subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())
    ORDER BY 1
"""
# Each version counts more kinds of conflicts.
_COUNTS = """
    ARRAY(SELECT concat(CASE c.key WHEN 'apply_error_count' THEN 'errors while applying'
                                   WHEN 'sync_error_count' THEN 'errors while copying'
                                   ELSE 'conflicts of the kind ' || replace(substr(c.key, 7), '_', ' ') END,
                        ': ', c.value)
          FROM pg_stat_subscription_stats t CROSS JOIN jsonb_each_text(to_jsonb(t)) c
          WHERE t.subid = s.oid AND c.key ~ '(_error_count|^confl_)' AND c.value <> '0' ORDER BY c.key)
"""
_SLOTS = """
    SELECT slot_name::text AS name, slot_type = 'logical' AS logical, active,
           pg_size_pretty(pg_wal_lsn_diff(
               CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END,
               restart_lsn)) AS held, {lost} AS lost
    FROM pg_replication_slots
    WHERE NOT temporary AND NOT {synced} AND (database IS NULL OR database = current_database()) ORDER BY 1
"""
# An origin that a subscription has made is named after it, and those of all databases are seen.
_ORIGINS = """
    SELECT roname AS name FROM pg_replication_origin
    WHERE substring(roname FROM '^pg_([0-9]+)') IS NULL
       OR NOT EXISTS (SELECT FROM pg_subscription s
                      WHERE s.oid::text = substring(roname FROM '^pg_([0-9]+)'))
    ORDER BY 1
"""
_TABLES = """
    SELECT n.nspname::text AS schema, c.relname::text AS name, c.relpages AS pages,
           (SELECT a.attname::text FROM pg_index i
            JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
            WHERE i.indrelid = c.oid AND i.indisprimary AND i.indnkeyatts = 1
              AND a.atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype)) AS key
    FROM pg_subscription_rel r JOIN pg_subscription s ON s.oid = r.srsubid
    JOIN pg_class c ON c.oid = r.srrelid AND c.relkind IN ('r', 'p') JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE s.subname = :name AND s.subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())
    ORDER BY 1, 2
"""
# So many pages are read to count what has no key.
_MOST_PAGES = 20_000


@dataclass(frozen=True)
class Subscription:
    """A subscription of a database.

    Args:
        enabled: it is to receive; `running`: a worker of it runs.
        slot: the slot that it reads on the other server; empty for none.
        publications: what it reads there.
        unready: tables that are not yet what they are there.
        counts: errors and conflicts that were counted, in words.
        stops: an error disables it.
    """

    name: str
    enabled: bool
    running: bool
    slot: str
    publications: tuple[str, ...]
    unready: tuple[str, ...]
    counts: tuple[str, ...]
    stops: bool


def read_subscriptions(side: Snapshot, found: Examination) -> dict[str, Subscription]:
    """Reads the subscriptions of a database, by name."""
    newer = {"counts": (_COUNTS, "CAST('{}' AS text[])"), "stops": ("s.subdisableonerr", "false")}
    sql = _SUBSCRIPTIONS
    for name, (since_15, instead) in newer.items():
        sql = sql.replace(f"{{{name}}}", since_15 if version_of(side) >= 15 else instead)
    rows = read_rows(side, sql, "subscriptions", found)
    return {
        row.name: Subscription(
            row.name,
            row.enabled,
            row.running,
            row.slot or "",
            tuple(row.publications),
            tuple(row.unready),
            tuple(row.counts),
            row.stops,
        )
        for row in rows
    }


def find_leftovers(after: Snapshot, before: Snapshot | None) -> Examination:
    """Finds what replication has left behind: subscriptions, slots and origins.

    Args:
        before: the state before on its own server; None where there is none.
    """
    found = Examination()
    subscriptions = read_subscriptions(after, found)
    known = read_subscriptions(before, found) if before is not None else {}
    slots = _read_slots(after, found)
    slots_before = _read_slots(before, found) if before is not None else {}
    origins = [row.name for row in read_rows(after, _ORIGINS, "replication origins", found)]
    origins_before = read_rows(before, _ORIGINS, "replication origins", found) if before is not None else ()
    found.facts = len(subscriptions) + len(slots) + len(origins)
    if not (found.facts or known or slots_before or found.unjudged):
        found.inapplicable = "there is neither a subscription nor a replication slot on either side"
        return found
    for subscription in subscriptions.values():
        if subscription.name not in known:
            _judge_subscription(subscription, after, before, found)
    found.tell("subscriptions, as before", [name for name in subscriptions if name in known])
    for name in known.keys() - subscriptions.keys():
        # With a slot here that it reads, the old server follows this one: a way back.
        if known[name].enabled and known[name].slot not in slots:
            words = f"subscription {name} is gone: what the database received through it comes no more"
            found.add(words, blocker=False, code="subscription_lost", subject=Subject("subscription", name=name))
    _judge_slots(slots, slots_before, found)
    inherited = {row.name for row in origins_before}
    new = [show_value(name, plain=True) for name in origins if name not in inherited]
    for name in new:
        repair = f"SELECT pg_replication_origin_drop('{name.replace(chr(39), chr(39) * 2)}');"
        words = f"replication origin {name} is left over: no subscription has it"
        subject = Subject("replication origin", name=name)
        found.add(words, blocker=False, repair=repair, code="replication_origin_left_over", subject=subject)
    found.tell("replication origins that no subscription has, as before", [n for n in origins if n in inherited])
    return found


def _read_slots(side: Snapshot, found: Examination) -> Mapping[str, Slot]:
    sql = _SLOTS.replace("{lost}", "wal_status = 'lost'" if version_of(side) >= 13 else "false")
    sql = sql.replace("{synced}", "synced" if version_of(side) >= 17 else "false")
    rows = read_rows(side, sql, "replication slots", found)
    return {row.name: Slot(row.name, row.logical, row.active, row.held or "nothing", bool(row.lost)) for row in rows}


@dataclass(frozen=True)
class Slot:
    """A replication slot of a database, or of the server.

    Args:
        logical: it is of the database; a physical one is of the whole server.
        active: somebody reads it.
        held: how much it keeps from being deleted, in words.
        lost: what it was to keep is deleted already.
    """

    name: str
    logical: bool
    active: bool
    held: str
    lost: bool


def _judge_slots(slots: Mapping[str, Slot], before: Mapping[str, Slot], found: Examination) -> None:
    for slot in slots.values():
        if slot.active:
            continue
        kind = "replication slot" if slot.logical else "physical replication slot of the server"
        words = f"{kind} {slot.name} is inactive: nobody reads it"
        words += ", and what it was to keep is gone" if slot.lost else f", and it keeps {slot.held} of WAL"
        inherited = slot.name in before and not before[slot.name].active
        if inherited or not slot.logical:
            found.notes.append(words + ("; it was so before" if inherited else ""))
        else:
            repair = f"SELECT pg_drop_replication_slot('{slot.name}');"
            words, subject = f"{words}, which grows until the disk is full", Subject("replication slot", name=slot.name)
            found.add(words, blocker=False, repair=repair, code="replication_slot_inactive", subject=subject)
    gone = [name for name, slot in before.items() if slot.logical and slot.active and name not in slots]
    found.tell("replication slots of before that somebody read, and that are not here", gone)


def _judge_subscription(
    subscription: Subscription, after: Snapshot, before: Snapshot | None, found: Examination
) -> None:
    name, subject = subscription.name, Subject("subscription", name=subscription.name)
    written = _find_written(subscription, after, before) if before is not None and subscription.enabled else []
    drop = f"ALTER SUBSCRIPTION {quoted(name)} DISABLE; DROP SUBSCRIPTION {quoted(name)};"
    if written:
        words = f"subscription {name} still receives, and the database is written to already: {list_names(written)}"
        words = f"{words}; what both write collides, and stops it"
        found.add(words, blocker=True, repair=drop, code="subscription_collides", subject=subject)
        return
    state = "it still receives from another server" if subscription.enabled else "it is disabled"
    words = f"subscription {name} is left over: {state}"
    words = f"{words}; drop it when the database is to go live"
    found.add(words, blocker=False, repair=drop, code="subscription_left_over", subject=subject)


def _find_written(subscription: Subscription, after: Snapshot, before: Snapshot) -> list[str]:
    """The tables of a subscription that hold more here than where their rows come from."""
    tables = after.rows(_TABLES, name=subscription.name)
    # This side was looked at first, so that what arrived meanwhile is no row too many.
    questions = [
        Question(f"{quoted(row.schema)}.{quoted(row.name)}", _highest(row.schema, row.name, row.key), row.pages)
        for row in tables
        if row.key or row.pages <= _MOST_PAGES
    ]
    now, was = (dict(ask(side, questions)) for side in (after, before))
    written = []
    for name, here in now.items():
        there = was.get(name)
        if isinstance(here, Refusal) or there is None or isinstance(there, Refusal):
            continue
        if here.high > there.high:
            written.append(name)
    return written


def _highest(schema: str, table: str, key: str | None) -> str:
    value = f"max({quoted(key)})" if key else "count(*)"
    return f"SELECT CAST(coalesce({value}, 0) AS bigint) AS high FROM {quoted(schema)}.{quoted(table)}"


def examine_subscriptions(after: Snapshot, before: Snapshot | None) -> Examination:
    """Judges whether every subscription receives all its tables.

    Args:
        before: the state before on its own server; None where there is none.
    """
    found = Examination()
    subscriptions = read_subscriptions(after, found)
    known = read_subscriptions(before, found) if before is not None else {}
    found.facts = sum(1 + len(subscription.unready) for subscription in subscriptions.values())
    if not (subscriptions or found.unjudged):
        found.inapplicable = "the database subscribes to nothing"
        return found
    for name, subscription in subscriptions.items():
        was, subject = known.get(name), Subject("subscription", name=name)
        if subscription.enabled and not subscription.running:
            inherited = was is not None and was.enabled and not was.running
            words = f"subscription {name}: it is enabled, and no worker of it runs: nothing arrives (see the log)"
            words += _as_before(inherited)
            found.add(words, blocker=not inherited, code="subscription_idle", subject=subject)
        elif was is not None and was.enabled and not subscription.enabled:
            words = f"subscription {name}: it is disabled, and was enabled"
            repair = f"ALTER SUBSCRIPTION {quoted(name)} ENABLE;"
            found.add(words, blocker=True, repair=repair, code="subscription_disabled", subject=subject)
        if subscription.unready:
            inherited = was is not None and set(subscription.unready) <= set(was.unready)
            tables = f"{count(len(subscription.unready), 'table')} {agree(len(subscription.unready), 'is', 'are')}"
            words = f"subscription {name}: {tables} not copied whole: {_list(subscription.unready)}"
            words += _as_before(inherited)
            found.add(words, blocker=not inherited, code="subscription_incomplete", subject=subject)
        if subscription.counts:
            inherited = was is not None and bool(was.counts)
            words = f"subscription {name}: it has met {', '.join(subscription.counts)}"
            stopped = subscription.stops and not subscription.enabled
            if inherited and not stopped:
                found.notes.append(words + _as_before(inherited))
            else:
                words += "; that disabled it" if stopped else ""
                blocker = stopped and not inherited
                found.add(words, blocker=blocker, code="subscription_failed", subject=subject)
    return found


def _as_before(inherited: bool) -> str:
    return "; it was so before" if inherited else ""


def _list(names: Sequence[str]) -> str:
    return list_names(names, most=_LISTED)
