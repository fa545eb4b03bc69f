"""How grave it is when an object of a kind is lost, new or changed, what is said of it, and what brings it back.

Everything here is data. A text may name: `{name}` (what it is and what it is called), `{was}` and `{now}` (the values
of the property), `{on}` (the table, view or function in SQL), `{id}` (the object itself in SQL), `{sql}` (the statement
that made it).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

Level = Literal["blocker", "warning", "told", "nothing"]
Direction = Literal["weaker", "stronger", "other"]


@dataclass(frozen=True)
class Family:
    """Objects of one kind, which are lost or new as a whole.

    Args:
        check: the check that judges them.
        lost, added: how grave that is.
        repair: what brings a lost one back.
        undo: what takes a new one away; empty where nobody should want that unseen.
    """

    check: str
    lost: Level
    added: Level
    repair: str = "{create}"
    undo: str = ""


@dataclass(frozen=True)
class Property:
    """A property of objects of one kind.

    Args:
        kinds: the kinds, separated by commas.
        name: the property.
        order: its values from the weakest to the strongest, those that are alike joined by "|"; or how its direction is
            told: "text" (an expression), "names" (a list whose members count), "type", "labels".
        weaker, stronger, other: how grave a change in that direction is.
        words: what is said when it became weaker, or has another value.
        repair: what brings it back; empty where nothing short does.
        check: the check that judges it; that of its kind where empty.
        to: the value to which it must have changed for this to count; any where empty.
    """

    kinds: str
    name: str
    order: tuple[str, ...] | Literal["text", "names", "type", "labels"]
    weaker: Level
    stronger: Level
    other: Level
    words: str = "{name}: {property} was {was}, is {now}"
    repair: str = ""
    check: str = ""
    to: str = ""


B: Final = "blocker"
W: Final = "warning"
T: Final = "told"
N: Final = "nothing"
OFF_ON = ("False", "True")
_DUMP = "{dump}"

FAMILIES: Mapping[str, Family] = {
    "schema": Family("schemas", B, T, ""),
    "table": Family("tables", B, T, _DUMP),
    "foreign table": Family("tables", B, T, _DUMP),
    "column": Family("columns", B, T, "ALTER TABLE {on} ADD COLUMN IF NOT EXISTS {id} {type}{default};"),
    "constraint": Family("constraints", B, T),
    "index": Family("indexes", B, T),
    "trigger": Family("triggers", B, W, undo="DROP TRIGGER {id} ON {on};"),
    "rule": Family("triggers", B, W, "{sql}", undo="DROP RULE {id} ON {on};"),
    "event trigger": Family("triggers", B, W, undo="DROP EVENT TRIGGER {id};"),
    "policy": Family("row_security", B, W, undo="DROP POLICY {id} ON {on};"),
    "view": Family("views", B, T, "{sql}"),
    "materialized view": Family("views", B, T, "{sql}"),
    "function": Family("functions", B, T),
    "type": Family("types", B, T),
    "sequence": Family("sequences", B, T),
    "publication": Family("publications", W, T, "CREATE PUBLICATION {id} WITH (publish = '{publishes}');"),
    "published table": Family("publications", B, T, "ALTER PUBLICATION {id} ADD TABLE {on};"),
    "published schema": Family("publications", B, T, "ALTER PUBLICATION {id} ADD TABLES IN SCHEMA {on};"),
    "foreign server": Family("servers", B, T, "-- CREATE SERVER {id} …, as the baseline has it"),
    "user mapping": Family("servers", B, T, "-- CREATE USER MAPPING …, with the password of the remote server"),
    "statistics": Family("storage", W, T),
    "comment": Family("storage", W, N, "{commented}"),
}
# Operators, casts, collations, text search, languages and what else is rare.
RARE = Family("others", B, T, "-- pg_dump --schema-only BASELINE has the statement")

PROPERTIES = (
    # Tables
    Property("table", "kind", "text", B, B, B, "{name} is a {now} now, and was a {was}", _DUMP),
    Property("view,materialized view,foreign table", "kind", "text", B, B, B, "{name} is a {now} now, and was a {was}",
             "{sql}"),
    Property("table,sequence", "persistence", ("t", "u", "p"), B, T, B,
             "{name} is unlogged and was not: a crash empties it, and no standby has its rows",
             "ALTER {keyword} {on} SET LOGGED;"),
    Property("table", "row-level security", OFF_ON, B, W, B,
             "row-level security of {name} is off, and was on: whoever may read it sees all its rows",
             "{unasked}ALTER TABLE {on} {enable} ROW LEVEL SECURITY;", "row_security"),
    Property("table", "forced row-level security", OFF_ON, B, W, B,
             "row-level security of {name} is no longer forced: its owner sees all its rows",
             "{unasked}ALTER TABLE {on} {force} ROW LEVEL SECURITY;", "row_security"),
    Property("table", "replica identity", ("nothing", "index|primary key", "full"), B, T, W,
             "the replica identity of {name} was {was}, is {now}: subscribers get less of its changes, or updates fail",
             "ALTER TABLE {on} REPLICA IDENTITY {was_sql};", "publications"),
    Property("table", "access method", "text", T, T, T),
    Property("table", "partition key", "text", T, T, T),
    Property("table,foreign table", "inherits from", "names", B, T, B,
             "{name} no longer inherits from {was}: its rows are not seen through it",
             "ALTER TABLE {on} INHERIT {was};",
             "inheritance"),
    Property("table,foreign table", "partition of", "names", W, T, W,
             "{name} is no longer a partition of {was}: its rows are not seen through it",
             "ALTER TABLE {was} ATTACH PARTITION {on} {bound};", "inheritance"),
    Property("table,materialized view", "storage options", "text", W, W, W,
             "storage options of {name} were {was}, are {now}", "ALTER {keyword} {on} SET ({was});", "storage"),
    Property("foreign table", "server", "text", W, W, W),
    # Columns
    Property("column", "type", "type", B, T, W, "the type of {name} was {was}, is {now}",
             "{retype}"),
    Property("column", "not null", ("no", "not validated", "yes"), B, T, B,
             "{name} is no longer NOT NULL", "ALTER TABLE {on} ALTER COLUMN {id} SET NOT NULL;"),
    Property("column", "identity", ("none", "by default", "always"), W, T, W,
             "the identity of {name} was {was}, is {now}",
             "ALTER TABLE {on} ALTER COLUMN {id} SET GENERATED {was_upper};", to="by default"),
    Property("column", "identity", ("none", "by default", "always"), B, T, B,
             "{name} is no longer an identity (it was generated {was}): nothing fills it",
             "ALTER TABLE {on} ALTER COLUMN {id} ADD GENERATED {was_upper} AS IDENTITY;\n{restart}"),
    Property("column", "generated", "text", B, W, B, "{name} was generated as {was}, is {now_generated}",
             "ALTER TABLE {on} DROP COLUMN {id}, ADD COLUMN {id} {type} GENERATED ALWAYS AS ({was}) STORED;"),
    Property("column", "default", "text", B, T, B, "the default of {name} was {was}, is {now}",
             "ALTER TABLE {on} ALTER COLUMN {id} SET DEFAULT {was};"),
    Property("column", "generated as", "text", T, T, T),
    Property("column", "collation", "text", W, W, W, "the collation of {name} was {was}, is {now}",
             "ALTER TABLE {on} ALTER COLUMN {id} TYPE {type} COLLATE {collation};"),
    Property("column", "options", "text", W, W, W, "options of {name} were {was}, are {now}", check="storage"),
    Property("column", "statistics target", "text", W, W, W, "the statistics target of {name} was {was}, is {now}",
             "ALTER TABLE {on} ALTER COLUMN {id} SET STATISTICS {was};", "storage"),
    # Constraints and indexes
    Property("constraint", "definition", "text", B, B, B, "{name} was {was}, is {now}",
             "ALTER {keyword} {on} DROP CONSTRAINT {id}; {sql};"),
    Property("constraint", "validated", OFF_ON, B, T, B,
             "{name} is NOT VALID, and was valid: rows of before it may violate it",
             "ALTER {keyword} {on} VALIDATE CONSTRAINT {id};"),
    Property("constraint", "enforced", OFF_ON, B, T, B, "{name} is NOT ENFORCED, and was enforced: nothing checks it",
             "ALTER TABLE {on} ALTER CONSTRAINT {id} ENFORCED;"),
    Property("constraint", "triggers", "text", B, T, B,
             "the triggers that enforce {name} are disabled: nothing checks it",
             "ALTER TABLE {on} ENABLE TRIGGER ALL; -- on both tables of the constraint", to="disabled"),
    Property("index", "valid", OFF_ON, B, T, B, "{name} is invalid, and was valid: no query uses it{unique_words}",
             "REINDEX INDEX CONCURRENTLY {id};"),
    Property("index", "unique", OFF_ON, B, T, B, "{name} is no longer unique", "DROP INDEX {id}; {sql};"),
    Property("index", "definition", "text", B, B, B, "{name} was {was}, is {now}", "DROP INDEX {id}; {sql};"),
    Property("index", "storage options", "text", W, W, W, "storage options of {name} were {was}, are {now}",
             check="storage"),
    # Triggers and rules
    Property("trigger,rule", "enabled", ("D|R", "O", "A"), W, T, W, "{name} fires always no longer: {now_fires}",
             "ALTER TABLE {on} ENABLE ALWAYS {keyword} {id};", to="O"),
    Property("trigger,rule", "enabled", ("D|R", "O", "A"), B, T, W, "{name} is {now_fires}, and was {was_fires}",
             "ALTER TABLE {on} ENABLE {keyword} {id};"),
    Property("event trigger", "enabled", ("D|R", "O", "A"), B, T, W, "{name} is {now_fires}, and was {was_fires}",
             "ALTER EVENT TRIGGER {id} ENABLE;"),
    Property("trigger,rule", "definition", "text", B, B, B, "{name} was {was}, is {now}",
             "DROP {keyword} {id} ON {on}; {sql};"),
    *(Property("event trigger", name, "text", B, B, B, repair="DROP EVENT TRIGGER {id}; {sql};")
      for name in ("event", "function", "tags")),
    # Policies
    *(Property("policy", name, "text", B, B, B, repair="DROP POLICY {id} ON {on}; {sql};")
      for name in ("permissive", "command", "using", "check")),
    Property("policy", "roles", "names", B, B, B, "{name} was for {was}, is for {now}",
             "DROP POLICY {id} ON {on}; {sql};"),
    # Views
    Property("view,materialized view", "definition", "text", B, B, B,
             "{name} shows something else: it was {was}, is {now}",
             "{replace}"),
    Property("view,materialized view", "refers to", "names", B, B, B, "{name} reads {now}, and read {was}",
             "{replace}"),
    Property("view", "security_invoker", OFF_ON, B, W, B,
             "{name} reads with the rights of its owner, and read with those of whoever asks (security_invoker)",
             "ALTER VIEW {on} SET (security_invoker = {was_switch});"),
    Property("view", "security_barrier", OFF_ON, B, T, B, "{name} is no longer a security barrier",
             "ALTER VIEW {on} SET (security_barrier = {was_switch});"),
    Property("view", "check option", ("none", "local", "cascaded"), B, T, B,
             "{name} no longer checks what is written through it (check option {was}, now {now})",
             "ALTER VIEW {on} SET (check_option = {was});"),
    # Functions
    Property("function", "security definer", ("True", "False"), B, B, B,
             "{name} runs with the rights of its owner, and ran with those of its caller{callers}",
             "ALTER {keyword} {on} {rights};"),
    Property("function", "search_path", "text", B, T, B, "the search_path of {name} was {was}, is {now}",
             "ALTER {keyword} {on} SET search_path = {was};"),
    Property("function", "leakproof", ("True", "False"), B, W, B,
             "{name} is LEAKPROOF, and was not: it may see rows that row-level security hides",
             "ALTER {keyword} {on} {leaks};"),
    *(Property("function", name, "text", B, B, B, "{name} has another {property}: it was {was}, is {now}", "{sql};")
      for name in ("kind", "language", "body", "sql body", "returns", "arguments", "volatility")),
    Property("function", "strict", OFF_ON, B, B, B, "{name} was {was_strict}, is {now_strict}", "{sql};"),
    Property("function", "parallel", "text", W, W, W, repair="{sql};"),
    Property("function", "settings", "text", W, W, W, "settings of {name} were {was}, are {now}", "{sql};"),
    Property("function", "cost", "text", T, T, T),
    # Types
    Property("type", "values", "labels", B, T, B, "the labels of {name} were {was}, are {now}", "{renamed_label}"),
    Property("type", "not null", OFF_ON, B, T, B, "{name} is no longer NOT NULL", "ALTER DOMAIN {on} SET NOT NULL;"),
    Property("type", "default", "text", B, T, B, repair="ALTER DOMAIN {on} SET DEFAULT {was};"),
    *(Property("type", name, "text", B, B, B) for name in ("kind", "base")),
    Property("type", "collation", "text", W, W, W),
    # Sequences
    Property("sequence", "type", ("smallint", "integer", "bigint"), W, T, W,
             repair="ALTER SEQUENCE {on} AS {was} MAXVALUE {maximum};"),
    Property("sequence", "increment", "text", W, W, W, repair="ALTER SEQUENCE {on} INCREMENT {was};"),
    Property("sequence", "maximum", "text", W, W, W, repair="ALTER SEQUENCE {on} MAXVALUE {was};"),
    Property("sequence", "minimum", "text", W, W, W, repair="ALTER SEQUENCE {on} MINVALUE {was};"),
    Property("sequence", "cycle", "text", W, W, W),
    Property("sequence", "owned by", "text", W, T, W, "{name} was owned by {was}, is owned by {now}",
             "ALTER SEQUENCE {on} OWNED BY {was};"),
    # Replication, other servers, the rest
    *(Property("publication", name, OFF_ON, B, T, B, "{name}: {property} was {was}, is {now}")
      for name in ("puballtables", "pubviaroot")),
    *(Property("publication", name, OFF_ON, B, T, B, "{name}: {property} was {was}, is {now}",
               "ALTER PUBLICATION {id} SET (publish = '{publishes}');")
      for name in ("pubinsert", "pubupdate", "pubdelete", "pubtruncate")),
    *(Property("published table", name, "text", W, W, W) for name in ("rows", "columns")),
    Property("foreign server", "wrapper", "text", B, B, B),
    Property("foreign server", "options", "text", T, T, T),
    Property("collation", "deterministic", ("False", "True"), B, B, B,
             "{name}: deterministic was {was}, is {now}: other values are equal"),
    Property("collation", "provider", "text", W, W, W),
    Property("collation", "locale", "text", W, W, W),
    Property("statistics", "definition", "text", W, W, W, "{name} was {was}, is {now}"),
    Property("comment", "text", "text", W, T, W, "{name} was {was}, is {now}", "{commented}"),
)  # fmt: skip


@dataclass(frozen=True)
class Flaw:
    """What is wrong with an object whatever it was before.

    Args:
        kind, name, values: the property of objects of a kind, and the values that are wrong.
        new: how grave it is in an object that the baseline has not.
        inherited: how grave it is where the baseline has it too.
        unknown: how grave it is where there is no baseline.
        words, repair: as those of `Property`.
    """

    kind: str
    name: str
    values: tuple[str, ...]
    new: Level
    inherited: Level
    unknown: Level
    words: str
    repair: str


FLAWS = (
    Flaw("unique index", "valid", ("False",), B, W, W, "{name} is invalid: no query uses it, and it need not be unique",
         "REINDEX INDEX CONCURRENTLY {id};"),
    Flaw("index", "valid", ("False",), W, T, W, "{name} is invalid: no query uses it",
             "REINDEX INDEX CONCURRENTLY {id};"),
    Flaw("constraint", "validated", ("False",), W, T, W, "{name} is NOT VALID: older rows may violate it",
         "ALTER {keyword} {on} VALIDATE CONSTRAINT {id};"),
    Flaw("constraint", "enforced", ("False",), W, T, W, "{name} is NOT ENFORCED: nothing checks it",
         "ALTER TABLE {on} ALTER CONSTRAINT {id} ENFORCED;"),
    Flaw("constraint", "triggers", ("disabled",), B, W, B,
         "the triggers that enforce {name} are disabled: nothing checks it",
         "ALTER TABLE {on} ENABLE TRIGGER ALL; -- on both tables of the constraint"),
    Flaw("column", "not null", ("not validated",), W, T, W, "NOT NULL of {name} is NOT VALID: older rows may be NULL",
         "ALTER TABLE {on} ALTER COLUMN {id} SET NOT NULL;"),
    Flaw("trigger", "enabled", ("D", "R"), W, T, W, "{name} is {now_fires}", "ALTER TABLE {on} ENABLE TRIGGER {id};"),
    Flaw("rule", "enabled", ("D", "R"), W, T, W, "{name} is {now_fires}", "ALTER TABLE {on} ENABLE RULE {id};"),
    Flaw("event trigger", "enabled", ("D", "R"), W, T, W, "{name} is {now_fires}", "ALTER EVENT TRIGGER {id} ENABLE;"),
    Flaw("table", "detach pending", ("True",), W, T, W,
         "{name} is half detached from {parent}: its rows are not seen through it",
         "ALTER TABLE {parent} DETACH PARTITION {on} FINALIZE;"),
)  # fmt: skip
FLAW_CHECKS: Mapping[str, str] = {
    "unique index": "indexes", "index": "indexes", "constraint": "constraints", "column": "constraints",
    "trigger": "triggers", "rule": "triggers", "event trigger": "triggers", "table": "inheritance",
}  # fmt: skip
