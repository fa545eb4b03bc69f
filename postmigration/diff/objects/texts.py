"""What the sentences and the repairs of the rules may name."""

from __future__ import annotations

import json
import re
from collections.abc import Collection

from postmigration.diff.objects.direction import NONE
from postmigration.diff.objects.matching import Facts, Pair
from postmigration.model.sqltext import DECISION, as_comment, copy_objects, literal

_OF_ALL = re.compile(r'^(CREATE (?:UNIQUE )?INDEX (?:"(?:[^"]|"")*"|\S+) ON )ONLY ')
_FIRES = {"D": "disabled", "R": "fired by replication alone", "O": "enabled", "A": "fired always"}


class _Texts(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return ""


def write_texts(pair: Pair, was: str, now: str, facts: Facts) -> _Texts:
    """What a text of the rules may name."""
    here = pair.now if pair.now is not None else facts
    kind = pair.name.kind
    keyword = facts.get("~keyword", "TABLE" if kind in ("constraint", "index") else kind.upper())
    if kind == "constraint" and facts.get("of", "").startswith("type "):
        keyword = "DOMAIN"
    on, column = here.get("~on", facts.get("~on", "")), here.get("~id", facts.get("~id", ""))
    sql = facts.get("~sql", "")
    replace = sql.replace("CREATE VIEW", "CREATE OR REPLACE VIEW", 1)
    if kind == "materialized view":
        replace = f"DROP MATERIALIZED VIEW {facts.get('~on', '')}; {sql}"
    return _Texts(
        name=str(pair.renamed),
        was=was,
        now=now,
        on=on,
        id=column,
        sql=sql.rstrip("; "),
        # Of a partitioned index all partitions get theirs.
        create=_OF_ALL.sub(r"\1", f"{sql.rstrip('; ')};") if sql else "",
        replace=replace,
        keyword=keyword,
        # How a switch is set back: what was on, and what was not.
        enable="ENABLE" if was == "True" else "DISABLE",
        force="FORCE" if was == "True" else "NO FORCE",
        rights="SECURITY DEFINER" if was == "True" else "SECURITY INVOKER",
        leaks="LEAKPROOF" if was == "True" else "NOT LEAKPROOF",
        was_switch="true" if was == "True" else "false",
        # What guards is not taken away unasked.
        unasked="" if was == "True" else DECISION,
        collation='"default"' if was == NONE else was,
        publishes=_publishes(facts),
        commented=_write_comment(pair, facts),
        renamed_label=_rename_label(was, now, on),
        dump=copy_objects("table", facts.get("~on", ""), "the DBA: the table with its rows, as the baseline has them"),
        type=facts.get("type", ""),
        default=_write_default(facts),
        restart=f"SELECT pg_catalog.setval(pg_catalog.pg_get_serial_sequence({literal(on)}, {literal(pair.name.name)}),"
        f" (SELECT coalesce(max({column}), 1) FROM {on}));",
        retype=write_type(on, column, facts, here) if kind == "column" else "",
        maximum=facts.get("maximum", ""),
        bound=facts.get("partition bound", ""),
        parent=here.get("partition of", ""),
        was_upper=was.upper(),
        was_sql=_replica(facts),
        was_fires=_FIRES.get(was, was),
        now_fires=_FIRES.get(now, now),
        was_strict="STRICT" if was == "True" else "called with NULL",
        now_strict="STRICT" if now == "True" else "called with NULL",
        now_generated="a plain column" if now == NONE else f"generated as {now}",
        unique_words=", and it need not be unique" if facts.get("unique") == "True" else "",
    )


def write_decision(facts: Facts, gone: Collection[str]) -> str:
    """What a person decides of a view whose definition of before cannot be run; empty where nothing it read is gone.

    Args:
        facts: those of before.
        gone: the relations and columns, in SQL, that are gone as declared.
    """
    read = [name for name in facts.get("refers to", "").split(", ") if name]
    relations = [one for one in sorted(gone) if any(name == one or name.startswith(f"{one}.") for name in read)]
    # That a table is gone says it of its columns.
    those = [one for one in relations if not any(one.startswith(f"{other}.") for other in relations)]
    if not those:
        return ""
    return as_comment(
        f"the developer decides: the definition of before reads {', '.join(those)}, gone as declared, and cannot be "
        "run; create the view over what took its place, or declare it as changed_object where it shows what it must"
    )


# Types of which a value becomes another one of its family as it is assigned; what does not fit is an error.
_FAMILIES = (("character", "text", "varchar"), ("smallint", "integer", "bigint", "numeric", "real", "double"),
             ("timestamp", "date", "time"))  # fmt: skip


def write_type(on: str, column: str, was: Facts, now: Facts) -> str:
    """The statements that give a column its type again, and its default with it.

    Args:
        on, column: the table and the column in SQL.
        was, now: the facts of the column.
    """
    at = f"ALTER TABLE {on} ALTER COLUMN {column}"
    alike = any(was["type"].startswith(family) and now.get("type", "").startswith(family) for family in _FAMILIES)
    plain = alike or was["type"].startswith(_FAMILIES[0])
    using = "" if plain else f" USING {column}::text::{was['type']}"
    without = f"{at} DROP DEFAULT; " if "default" in now else ""
    default = f" {at} SET DEFAULT {was['default']};" if "default" in was else ""
    return f"{without}{at} TYPE {was['type']}{using};{default}"


def _write_default(facts: Facts) -> str:
    """What fills a column where nobody does, as it follows its type."""
    if "generated" in facts:
        return f" GENERATED ALWAYS AS ({facts['generated']}) {facts.get('generated as', 'stored').upper()}"
    if "identity" in facts:
        return f" GENERATED {facts['identity'].upper()} AS IDENTITY"
    return f" DEFAULT {facts['default']}" if "default" in facts else ""


_PUBLISHED = {"pubinsert": "insert", "pubupdate": "update", "pubdelete": "delete", "pubtruncate": "truncate"}
# Those of the kinds of objects whose comment is written with their name alone.
_COMMENTED = ("table", "column", "view", "materialized view", "function", "schema", "type", "sequence", "index")


def _publishes(facts: Facts) -> str:
    return ", ".join(word for fact, word in _PUBLISHED.items() if facts.get(fact) == "True")


def _write_comment(pair: Pair, facts: Facts) -> str:
    kind = next((kind for kind in _COMMENTED if pair.name.startswith(f"comment on {kind} ")), "")
    if not kind or "text" not in facts:
        return ""
    return f"COMMENT ON {kind.upper()} {pair.name.name} IS {literal(facts['text'])};"


def _rename_label(was: str, now: str, on: str) -> str:
    """How a label of an enumeration gets its name back, where only names are others."""
    try:
        labels, found = json.loads(was), json.loads(now)
    except ValueError:
        return ""
    # Of other facts the text may be JSON, too: a number.
    if not isinstance(labels, list) or not isinstance(found, list):
        return ""
    pairs = [(then, here) for then, here in zip(labels, found, strict=False) if then != here]
    if len(labels) != len(found) or set(labels) & {here for _, here in pairs}:
        return ""
    return "\n".join(f"ALTER TYPE {on} RENAME VALUE {literal(here)} TO {literal(then)};" for then, here in pairs)


def _replica(facts: Facts) -> str:
    written = {"d": "DEFAULT", "n": "NOTHING", "f": "FULL"}.get(facts.get("~replica", ""), "")
    return written or f"USING INDEX {facts.get('~replica index', '')}"
