"""What a backup needs of the server into which it is restored, as far as it says so before its rows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from postmigration.backups.archive import major_version
from postmigration.backups.backup import identify
from postmigration.backups.contrib import EXTENSIONS
from postmigration.backups.script import Copy, Script, Statement
from postmigration.backups.statements import Role, meaning, split
from postmigration.model.errors import CannotJudge
from postmigration.postgres import embedded, temporary
from postmigration.postgres.scratch.choice import Needs

_ICU = re.compile(rb"""\bprovider\s*=\s*'?icu\b|\bCOLLATE\s+(?:pg_catalog\.)?"[^"]+-x-icu\"""", re.I)
# Extensions that watch a server or do something by the clock: no column and no index is made of them.
_TOOLS = frozenset(
    (
        *(
            "adminpack",
            "amcheck",
            "auto_explain",
            "file_fdw",
            "hypopg",
            "old_snapshot",
            "pageinspect",
            "pg_buffercache",
        ),
        *("pg_cron", "pg_freespacemap", "pg_graphql", "pg_net", "pg_prewarm", "pg_repack", "pg_stat_monitor"),
        *("pg_stat_statements", "pg_surgery", "pg_visibility", "pg_walinspect", "pgaudit", "pgrowlocks", "pgsodium"),
        *("pgstattuple", "plpgsql", "sslinfo", "supabase_vault"),
    )
)


def find_needs(files: Sequence[Path]) -> Needs:
    """Reads what the files of a backup need; nothing where they cannot be read, which restoring them tells."""
    version, extensions, icu = 0, set[str](), False
    with embedded.in_room(), temporary.directory() as scratch:
        try:
            for path in files:
                backup = identify(path, scratch)
                with backup.open_sql(schema_only=True) as stream:
                    script = Script(stream, backup.name)
                    for text in _definitions(script):
                        icu = icu or _ICU.search(text) is not None
                        what = meaning(text)
                        if what is not None and what.role is Role.EXTENSION:
                            extensions.add(split(what.name)[0])
                    version = max(version, find_source(script))
                    if backup.program is not None:
                        while stream.read(1 << 16):
                            pass
        except CannotJudge:
            return Needs(name=_name(files))
    needed = extensions - _TOOLS - EXTENSIONS.keys()
    return Needs(version, frozenset(needed), icu, _name(files))


def find_source(script: Script) -> int:
    """The major version of the server that a dump is of, once its first statement was read; 0 where it does not say."""
    return major_version(script.header.get("Dumped from database version", ""))


def _definitions(script: Script) -> Iterator[bytes]:
    """The statements before the first rows."""
    for item in script.items():
        if isinstance(item, Copy):
            return
        if isinstance(item, Statement):
            if item.text[:11].upper() == b"INSERT INTO":
                return
            yield item.text


def _name(files: Sequence[Path]) -> str:
    return ", ".join(path.resolve().name for path in files)
