"""The faults of whole servers: planted on the second of two, repaired by what is printed, and judged again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import psycopg

from postmigration.checks.server import sessions
from postmigration.postgres import embedded
from selftest.check.server_faults import FAULTS, FORGET, Fault
from selftest.check.server_pair import Pair
from selftest.repairs.of_any import shorten
from selftest.repairs.running import End, collect, try_repairs


def list_server_faults() -> Iterator[Fault]:
    """Lists those that are more than told."""
    return (fault for fault in FAULTS if fault.level != "told")


def name_server_fault(fault: Fault) -> str:
    """What a fault is called on the page."""
    return shorten(fault.words)


def repair_server_fault(fault: Fault, pair: Pair, directory: Path) -> tuple[End, list[str]]:
    """Plants a fault on the second server, runs what its findings print, and judges that server again.

    Args:
        directory: where files of rows lie meanwhile.
    """
    kept, sessions.PREPARED = sessions.PREPARED, 0
    before, after = pair.servers
    try:
        for server in (before, after):
            pair.run(server, fault.before)
        pair.run(after, fault.sql)
        found = pair.judge()
        findings = [finding for evidence in found.evidence.values() for finding in evidence.findings]
        conninfos = dict(zip(("baseline", "target"), (server.conninfo("shop") for server in pair.servers), strict=True))

        def is_well() -> bool:
            again = pair.judge()
            return not again.red() and not any(fault.words in words for words in again.words(fault.level))

        return try_repairs(collect(findings, fault.level), conninfos, directory, is_well)
    finally:
        sessions.PREPARED = kept
        _undo(pair, after, fault.undo)
        gone = fault.sql is FORGET
        for server in pair.servers:
            _undo(pair, server, FORGET if gone else fault.undo_before)


def _undo(pair: Pair, server: embedded.Server, statements: Sequence[str]) -> None:
    """Takes back what was planted, as far as the repair has not done so."""
    # What stands at its begin may be a setting under which the rest runs.
    with suppress(psycopg.Error):
        pair.run(server, statements)
    for statement in statements:
        with suppress(psycopg.Error):
            pair.run(server, (statement,))
