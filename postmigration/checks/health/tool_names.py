"""What tools that move or change databases leave in them, by its name."""

from __future__ import annotations

import re
from dataclasses import dataclass

_NOTHING = re.compile(r"(?!)")


@dataclass(frozen=True)
class Tool:
    """A tool, and how what it makes for itself is called.

    Args:
        name: of the tool.
        schemas, tables, columns, triggers: the names; a trigger may be an event trigger.
    """

    name: str
    schemas: re.Pattern[str] = _NOTHING
    tables: re.Pattern[str] = _NOTHING
    columns: re.Pattern[str] = _NOTHING
    triggers: re.Pattern[str] = _NOTHING


TOOLS = (
    Tool("AWS DMS", tables=re.compile(r"awsdms_"), triggers=re.compile(r"awsdms_intercept_ddl$")),
    Tool("Bucardo", re.compile(r"bucardo$"), re.compile(r"bucardo_"), triggers=re.compile(r"bucardo_")),
    Tool("PeerDB", re.compile(r"_peerdb_internal$")),
    Tool("pg-osc", tables=re.compile(r"pgosc_")),
    Tool("pg_repack", re.compile(r"repack$"), triggers=re.compile(r"(z_)?repack_trigger$")),
    Tool("pgcopydb", re.compile(r"pgcopydb$")),
    Tool(
        "pgroll",
        re.compile(r"pgroll$"),
        columns=re.compile(r"_pgroll_"),
        triggers=re.compile(r"_pgroll_trigger_"),
    ),
    Tool("Qlik Replicate", tables=re.compile(r"attrep_")),
    Tool("Reshape", re.compile(r"reshape$"), columns=re.compile(r"__reshape_"), triggers=re.compile(r"__reshape_")),
    Tool(
        "SymmetricDS",
        tables=re.compile(r"sym_(node|trigger|router|channel|data|outgoing|incoming|lock|sequence)"),
        triggers=re.compile(r"sym_on_"),
    ),
)

# A name of something that stands beside what it is a copy of, with what that is called.
_WORDS = "old|new|backup|bak|bkp|copy|tmp|temp|staging|stage|stg|orig|original|before|saved|shadow|migrated"
_COPIES = (
    re.compile(rf"(?P<base>.+?)_(?:{_WORDS})(?:_?\d+)*$", re.IGNORECASE),
    re.compile(rf"(?:copy_of|{_WORDS})_(?P<base>.+)$", re.IGNORECASE),
    re.compile(r"(?P<base>.*[a-z0-9])(?:Old|New|Backup|Copy|Tmp|Temp|Staging)\d*$"),
)
# A date alone tells nothing, unless there is what it may be a copy of.
_DATED = re.compile(r"(?P<base>.+?)_\d{6,14}$")
_SCHEMA = re.compile(rf"(?:.+_)?(?:{_WORDS}|import|migration)(?:_?\d+)*$", re.IGNORECASE)


def find_base(table: str) -> str:
    """What a table is called of which one by this name may be a copy; empty where it has no such name."""
    match = next(filter(None, (pattern.match(table) for pattern in (*_COPIES, _DATED))), None)
    return match["base"] if match else ""


def is_called_a_copy(table: str) -> bool:
    """Whether a table is called as a copy is, whatever it may be a copy of."""
    return any(pattern.match(table) for pattern in _COPIES)


def is_staging(schema: str) -> bool:
    """Whether a schema is called as one is that serves a migration."""
    return _SCHEMA.match(schema) is not None
