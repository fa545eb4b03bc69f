"""What a statement of a dump is: its kind, the name of its object, and what becomes of it when a backup is restored."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto


class Role(Enum):
    """What becomes of a statement."""

    SETTING = auto()  # run; one that the server does not know is ignored
    CLEANUP = auto()  # run; there is nothing to clean up
    NEEDED = auto()  # run; an error ends the restoration
    ROWS = auto()  # run and counted; an error ends the restoration
    APPLICATION = auto()  # run; an error makes an object that could not be restored
    OPTIONAL = auto()  # run; an error is listed
    EXTENSION = auto()  # replaced by stand-ins, else listed
    ACCOUNT = auto()  # run without login, password and settings
    LEFT_OUT = auto()  # not run, listed
    IGNORED = auto()  # not run


@dataclass(frozen=True)
class Meaning:
    """What a statement is.

    Args:
        role: what becomes of it.
        kind: what its object is called: "table", "policy", ….
        name: the object's name as the dump writes it.
        table: the table on which the object stands, as the dump writes it; empty for others.
        after_rows: it belongs behind the rows of all files: it would fire on them, check them, or slow their loading.
    """

    role: Role
    kind: str
    name: str = ""
    table: str = ""
    after_rows: bool = False

    @property
    def bare_name(self) -> str:
        """The object's name without its schema and without quotes."""
        return split(self.name)[-1] if self.name else ""

    @property
    def schema(self) -> str:
        """The schema of the object or of its table; empty where the dump does not say."""
        parts = split(self.table or self.name)
        return parts[0] if len(parts) > 1 else ""

    def __str__(self) -> str:
        on = f" on {readable(self.table)}" if self.table else ""
        return f"{self.kind} {readable(self.name)}{on}".strip()


_IDENTIFIER = r'(?:"(?:[^"]|"")+"|[A-Za-z_\x80-\xff][\w$\x80-\xff]*)'
_PART = re.compile(_IDENTIFIER)
_NAME = rf"(?P<name>{_IDENTIFIER}(?:\.{_IDENTIFIER})*)"
_TABLE = _NAME.replace("<name>", "<table>")
_ALTER_TABLE = r"ALTER (?:FOREIGN )?TABLE (?:IF EXISTS )?(?:ONLY )?"
_IF_NOT = r"(?:IF NOT EXISTS )?"
_REPLACE = r"CREATE (?:OR REPLACE )?"

# The first that fits counts. A blank stands for any white space.
_MEANINGS: tuple[tuple[str, Role, str], ...] = (
    (r"SET SESSION AUTHORIZATION", Role.LEFT_OUT, "owner"),
    (r"(?:SET|RESET) (?:SESSION )?session_replication_role\b", Role.IGNORED, "setting"),
    # Of later versions than some servers are; nothing of a backup waits for it.
    (r"SET transaction_timeout\b", Role.IGNORED, "setting"),
    (r"RESET ALL", Role.IGNORED, "setting"),
    (r"SET (?:ROLE|LOCAL|TRANSACTION|CONSTRAINTS)\b", Role.IGNORED, "setting"),
    (rf"SET (?:SESSION )?{_NAME}", Role.SETTING, "setting"),
    (r"SELECT pg_catalog\.set_config\('(?P<name>\w+)'", Role.SETTING, "setting"),
    (r"(?:UPDATE|DELETE FROM|INSERT INTO) pg_catalog\.", Role.LEFT_OUT, "change of a system catalog"),
    (rf"INSERT INTO {_NAME}", Role.ROWS, "rows of"),
    (rf"COPY (?:ONLY )?{_NAME}(?: \(.*\))? FROM stdin;\Z", Role.ROWS, "rows of"),
    (r"SELECT pg_catalog\.setval\('(?P<name>[^']+)'", Role.NEEDED, "value of sequence"),
    (r"SELECT pg_catalog\.lo_open\(", Role.LEFT_OUT, "large object"),
    (r"SELECT pg_catalog\.lo(?:write|_\w+)\(", Role.IGNORED, "large object"),
    (r"(?:ALTER|(?:GRANT|REVOKE) .* ON) LARGE OBJECT", Role.IGNORED, "large object"),
    (r"SELECT (?:\* FROM )?pg_catalog\.pg_(?:restore|clear)_\w+_stats\(", Role.IGNORED, "statistics"),
    (r"BEGIN;|COMMIT;|START TRANSACTION;", Role.IGNORED, "transaction"),
    (r"DROP (?:DATABASE|ROLE|TABLESPACE)\b", Role.IGNORED, "cleanup"),
    (r"DROP\b", Role.CLEANUP, "cleanup"),
    (rf"{_ALTER_TABLE}{_NAME} DROP CONSTRAINT", Role.CLEANUP, "cleanup"),
    (rf"{_ALTER_TABLE}{_NAME} ALTER COLUMN {_IDENTIFIER} DROP (?:DEFAULT|IDENTITY)", Role.CLEANUP, "cleanup"),
    (rf"CREATE EXTENSION {_IF_NOT}{_NAME}", Role.EXTENSION, "extension"),
    (r"COMMENT ON", Role.OPTIONAL, "comment"),
    (r"SECURITY LABEL", Role.LEFT_OUT, "security label"),
    (r"ALTER DEFAULT PRIVILEGES", Role.OPTIONAL, "default privilege"),
    (rf"CREATE (?:ROLE|USER|GROUP) (?!MAPPING){_NAME}", Role.ACCOUNT, "role"),
    (rf"ALTER (?:ROLE|USER) (?!MAPPING){_NAME} (?:IN DATABASE .*)?(?:SET|RESET)\b", Role.LEFT_OUT, "role setting"),
    (rf"ALTER (?:ROLE|USER) (?!MAPPING){_NAME}", Role.ACCOUNT, "role"),
    (r"GRANT|REVOKE", Role.OPTIONAL, "grant"),
    (r"(?:CREATE|ALTER) (?P<kind>EVENT TRIGGER|SUBSCRIPTION|SERVER|FOREIGN DATA WRAPPER|DATABASE|TABLESPACE) "
     rf"{_NAME}", Role.LEFT_OUT, ""),
    (r"(?:CREATE|ALTER) USER MAPPING", Role.LEFT_OUT, "user mapping"),
    (r'ALTER .* OWNER TO (?:"[^"]+"|\w+);\Z', Role.OPTIONAL, "owner"),
    (rf"(?:CREATE|ALTER) PUBLICATION {_NAME}", Role.OPTIONAL, "publication"),
    (r"ALTER EXTENSION", Role.LEFT_OUT, "extension"),
    (rf"{_ALTER_TABLE}{_NAME} ALTER COLUMN {_IDENTIFIER} SET (?:STATISTICS|STORAGE|COMPRESSION|\()", Role.OPTIONAL,
     "storage setting"),
    (rf"{_ALTER_TABLE}{_TABLE} ADD CONSTRAINT {_NAME} FOREIGN KEY", Role.APPLICATION, "foreign key"),
    (rf"{_ALTER_TABLE}{_TABLE} ADD CONSTRAINT {_NAME}", Role.APPLICATION, "constraint"),
    (rf"{_ALTER_TABLE}{_TABLE} (?:ENABLE|DISABLE) (?:ALWAYS |REPLICA )?TRIGGER (?:ALL|USER|{_NAME})",
     Role.APPLICATION, "trigger"),
    (rf"{_ALTER_TABLE}{_TABLE} (?:ENABLE|DISABLE) (?:ALWAYS |REPLICA )?RULE {_NAME}", Role.APPLICATION, "rule"),
    (rf"{_ALTER_TABLE}{_NAME} (?:CLUSTER ON|SET WITHOUT CLUSTER|REPLICA IDENTITY|SET ACCESS METHOD)", Role.OPTIONAL,
     "storage setting"),
    (rf"{_REPLACE}(?:CONSTRAINT )?TRIGGER {_NAME} .*? ON {_TABLE}", Role.APPLICATION, "trigger"),
    (rf"CREATE POLICY {_NAME} ON {_TABLE}", Role.APPLICATION, "policy"),
    (rf"{_REPLACE}RULE {_NAME} AS ON \w+ TO {_TABLE}", Role.APPLICATION, "rule"),
    (rf"CREATE (?:UNIQUE )?INDEX (?:CONCURRENTLY )?{_IF_NOT}{_NAME} ON (?:ONLY )?{_TABLE}", Role.APPLICATION, "index"),
    (rf"ALTER INDEX (?:IF EXISTS )?{_NAME}", Role.APPLICATION, "index"),
    (rf"REFRESH MATERIALIZED VIEW (?:CONCURRENTLY )?{_NAME}", Role.APPLICATION, "materialized view"),
    (rf"(?:{_REPLACE}|ALTER )(?P<kind>FUNCTION|PROCEDURE|AGGREGATE) {_NAME}", Role.APPLICATION, ""),
    (rf"{_REPLACE}(?:RECURSIVE )?(?P<kind>VIEW|MATERIALIZED VIEW|FOREIGN TABLE) {_IF_NOT}{_NAME}",
     Role.APPLICATION, ""),
    (rf"ALTER (?P<kind>VIEW|MATERIALIZED VIEW) (?:IF EXISTS )?{_NAME}", Role.APPLICATION, ""),
    (rf"(?:CREATE|ALTER) (?P<kind>STATISTICS|OPERATOR(?: CLASS| FAMILY)?|TEXT SEARCH \w+|CONVERSION) {_NAME}",
     Role.APPLICATION, ""),
    (rf"{_REPLACE}(?:TRUSTED )?(?:PROCEDURAL )?(?P<kind>LANGUAGE|ACCESS METHOD) {_NAME}", Role.OPTIONAL, ""),
    (r"CREATE (?P<kind>OPERATOR|CAST|TRANSFORM)\b", Role.APPLICATION, ""),
    (rf"CREATE (?:UNLOGGED )?TABLE {_IF_NOT}{_NAME}", Role.NEEDED, "table"),
    (rf"CREATE (?P<kind>SCHEMA|TYPE|DOMAIN|COLLATION|SEQUENCE) {_IF_NOT}{_NAME}", Role.NEEDED, ""),
    (rf"{_ALTER_TABLE}{_NAME}", Role.NEEDED, "table"),
    (rf"ALTER (?P<kind>SCHEMA|TYPE|DOMAIN|COLLATION|SEQUENCE) (?:IF EXISTS )?{_NAME}", Role.NEEDED, ""),
)  # fmt: skip
_COMPILED = tuple(
    (
        re.compile(pattern.replace(" ", r"\s+").replace(r";\Z", r"\s*;\Z").encode("latin-1"), re.I | re.DOTALL),
        role,
        kind,
    )
    for pattern, role, kind in _MEANINGS
)
_AFTER_ROWS = re.compile(
    rb"CREATE\s+(?:OR\s+REPLACE\s+)?(?:UNIQUE\s+|CONSTRAINT\s+|EVENT\s+)?(?:INDEX|TRIGGER|RULE|POLICY|PUBLICATION)\b"
    rb"|ALTER\s+TABLE\s+.*\s(?:ADD\s+CONSTRAINT|(?:ENABLE|DISABLE)\s+(?:ALWAYS\s+|REPLICA\s+)?(?:TRIGGER|RULE))\s",
    re.I | re.DOTALL,
)


def meaning(text: bytes) -> Meaning | None:
    """What a statement is; None for one that no pg_dump writes."""
    for pattern, role, kind in _COMPILED:
        if found := pattern.match(text):
            parts = {key: value.decode(errors="replace") for key, value in found.groupdict(b"").items()}
            after = role not in (Role.ROWS, Role.SETTING) and _AFTER_ROWS.match(text) is not None
            kind = kind or parts["kind"].lower()
            return Meaning(role, kind, parts.get("name", ""), parts.get("table", ""), after)
    return None


def split(name: str) -> list[str]:
    """The parts of a qualified name, without quotes."""
    return [part[1:-1].replace('""', '"') if part.startswith('"') else part.lower() for part in _PART.findall(name)]


def readable(name: str) -> str:
    """A qualified name with quotes only where PostgreSQL needs them."""
    return ".".join(
        part if re.fullmatch(r"[a-z_][a-z0-9_]*", part) else '"' + part.replace('"', '""') + '"' for part in split(name)
    )
