"""The faults of any two databases that the selftests of `postmigration check` plant, in the same way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from postmigration.postgres import embedded
from selftest.check import health_faults, history_faults, object_faults, privilege_faults
from selftest.check.conftest import ROLES, WORLD, load
from selftest.check.contents import read_faults
from selftest.check.judging import judge
from selftest.repairs.running import End, collect, try_repairs

_HERE = Path(__file__).parent.parent / "check"
_OF_DATABASE = "\n".join(line for line in WORLD.read_text().splitlines() if "ALTER DATABASE" in line)


@dataclass(frozen=True)
class Case:
    """A fault of any database.

    Args:
        group: which selftests plant it.
        name: what happened.
        world: the database that it is planted in.
        before, plant: SQL for both sides, and for the target.
        severity: of what is found.
        words: what is said.
        undo: what takes back what a copy does not hold.
    """

    group: str
    name: str
    world: str
    before: tuple[str, ...]
    plant: tuple[str, ...]
    severity: str
    words: str
    undo: str = ""


def list_cases() -> Iterator[Case]:
    """Lists the faults; those of whole servers, which need some of their own, are not among them."""
    levels = (
        ("blocker", (*object_faults.BLOCKERS, *privilege_faults.BLOCKERS)),
        ("warning", (*object_faults.WARNINGS, *privilege_faults.WARNINGS)),
    )
    for severity, faults in levels:
        for fault in faults:
            name = shorten(fault.sql)
            yield Case("objects and privileges", name, "objects", (), (fault.sql,), severity, fault.words, fault.undo)
    for content in read_faults():
        severity = "blocker" if content.red else "warning"
        yield Case("rows", content.name, "contents", content.before, content.plant, severity, content.says[0])
    for health in health_faults.FAULTS:
        if health.severity != "told":
            before = (health.before,) if health.before else ()
            name = f"{health.check}: {health.words}"
            yield Case("health", name, "objects", before, (health.sql,), health.severity, health.words)
    for ledger in history_faults.FAULTS:
        if ledger.level != "told":
            name = shorten(ledger.words)
            yield Case("migration tools", name, "ledgers", (), (ledger.sql,), ledger.level, ledger.words)


def shorten(text: str) -> str:
    """A text as the name of a fault, on one line."""
    words = " ".join(text.split()).replace("|", "/")
    return words if len(words) <= 100 else f"{words[:99]}…"


def make_worlds(server: embedded.Server, ending: str = "") -> None:
    """Makes the databases that faults are planted in, with this ending."""
    with server.connect("postgres") as connection:
        for role in ROLES:
            connection.execute(
                f"DO $$ BEGIN CREATE ROLE {role}; EXCEPTION WHEN duplicate_object THEN NULL; END $$".encode()
            )
    for name in ("objects", "contents", "ledgers"):
        server.create(name + ending)
    load(server, f"objects{ending}", WORLD.read_text())
    for name in ("contents", "ledgers"):
        with server.connect(name + ending) as connection:
            embedded.run_script(connection, _HERE / f"{name}.sql")
            connection.execute("VACUUM ANALYZE")


def repair_case(case: Case, server: embedded.Server, directory: Path, ending: str = "") -> tuple[End, list[str]]:
    """Plants a fault in a copy, runs what its findings print, and judges the copy again.

    Args:
        directory: where files of rows lie meanwhile.
        ending: that of the worlds.
    """
    made = ["any_target"]
    world = case.world + ending
    if case.before:
        world = "any_before"
        made.append(world)
        _copy(server, world, case.world + ending, case, case.before)
    _copy(server, "any_target", world, case, case.plant)
    try:
        conninfos = {"baseline": server.conninfo(world), "target": server.conninfo("any_target")}
        found = judge(conninfos["baseline"], conninfos["target"])
        findings = [finding for evidence in found.evidence.values() for finding in evidence.findings]

        def is_well() -> bool:
            again = judge(conninfos["baseline"], conninfos["target"])
            return not again.red() and not any(case.words in words for words in again.words(case.severity))

        return try_repairs(collect(findings, case.severity), conninfos, directory, is_well)
    finally:
        for name in made:
            server.drop(name)
        if case.undo:
            load(server, "postgres", case.undo)


def _copy(server: embedded.Server, name: str, template: str, case: Case, statements: tuple[str, ...]) -> None:
    server.create(name, template=template)
    if case.world == "objects":
        # A copy does not take what was set for its database.
        for statement in (_OF_DATABASE, *statements):
            load(server, name, statement)
        return
    with server.connect(name) as connection:
        connection.execute("SET allow_system_table_mods = on")
        for statement in statements:
            connection.execute(statement.encode())
