"""What a finding prints as its repair makes a copy GO, and no name in it does anything else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from postmigration.model.faults import Fault
from postmigration.model.sqltext import AFTER_ROWS, as_comment, copy_objects, literal
from postmigration.postgres import embedded
from selftest.check import server_faults
from selftest.check.judging import judge
from selftest.check.server_pair import CRON, Pair
from selftest.faults import FAULTS
from selftest.judging import Judges
from selftest.repairs.document import PAGE, read, share
from selftest.repairs.of_any import Case, list_cases, make_worlds, repair_case
from selftest.repairs.of_migration import repair_fault
from selftest.repairs.of_server import list_server_faults, name_server_fault, repair_server_fault
from selftest.repairs.running import collect, decide, run
from selftest.servers import Servers
from selftest.tiers import few

CASES = list(list_cases())
# Rows with what is derived of them.
FEW = ("13__another_customer",)
# A table with its rows.
FEW_CASES = ("DROP TABLE sales.tariff",)


@pytest.fixture(scope="module")
def worlds(servers: Servers) -> Iterator[embedded.Server]:
    server = servers[18]
    make_worlds(server, ending="_repaired")
    yield server
    for name in ("objects", "contents", "ledgers"):
        server.drop(f"{name}_repaired")


SAID = {name: end for name, end in read(PAGE.read_text()).items() if end != "not measured"}
NAMES = [case.name for case in CASES]
MEASURED = [fault for fault in FAULTS if fault.name in SAID]
REPAIRED = [fault for fault in MEASURED if "GO" in SAID[fault.name]]
MEASURED_CASES = [case for case in CASES if case.name in SAID]
OF_SERVERS = [fault for fault in list_server_faults() if name_server_fault(fault) in SAID]


def _places(named: list[Any], kept: tuple[str, ...]) -> list[int]:
    return [place for place, one in enumerate(named) if one.name in kept]


def _each(named: list[Any]) -> range:
    """Every fortieth, which the full tier tries; the nightly one tries them all."""
    return range(0, len(named), 40)


@pytest.mark.parametrize(
    "fault", few(MEASURED, *_places(MEASURED, FEW), full=_each(MEASURED)), ids=lambda fault: fault.name
)
def test_a_fault_of_the_migration_is_repaired_as_the_page_says(
    fault: Fault, servers: Servers, judges: Judges, tmp_path: Path
) -> None:
    end, complaints = repair_fault(fault, servers, judges, tmp_path)
    assert end == SAID[fault.name], complaints


@pytest.mark.full
@pytest.mark.parametrize("fault", few(REPAIRED, 0, full={0}), ids=lambda fault: fault.name)
def test_a_repair_breaks_nothing_else(fault: Fault, servers: Servers, judges: Judges, tmp_path: Path) -> None:
    end, complaints = repair_fault(fault, servers, judges, tmp_path, thorough=True)
    assert end == SAID[fault.name], complaints


@pytest.mark.full
@pytest.mark.parametrize(
    "case",
    few(MEASURED_CASES, *_places(MEASURED_CASES, FEW_CASES), full=_each(MEASURED_CASES)),
    ids=lambda case: case.name,
)
def test_a_fault_of_any_database_is_repaired_as_the_page_says(
    case: Case, worlds: embedded.Server, tmp_path: Path
) -> None:
    end, complaints = repair_case(case, worlds, tmp_path, ending="_repaired")
    assert end == SAID[case.name], complaints


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    if not CRON.exists():
        pytest.skip(reason=f"no pg_cron of PostgreSQL 15: {CRON}")
    pair = Pair()
    yield pair
    pair.stop()


@pytest.mark.full
@pytest.mark.parametrize(
    "fault", few(OF_SERVERS, 0, full=_each(OF_SERVERS)), ids=lambda fault: name_server_fault(fault)[:60]
)
def test_a_fault_of_a_server_is_repaired_as_the_page_says(
    fault: server_faults.Fault, pair: Pair, tmp_path: Path
) -> None:
    end, complaints = repair_server_fault(fault, pair, tmp_path)
    assert end == SAID[name_server_fault(fault)], complaints


def test_four_of_five_measured_faults_are_repaired_by_what_is_printed() -> None:
    servers = map(name_server_fault, list_server_faults())
    # Those that were not measured are on the page too.
    assert {*(fault.name for fault in FAULTS), *NAMES, *servers} == read(PAGE.read_text()).keys()
    assert share([SAID[fault.name] for fault in MEASURED]) >= 0.8
    assert share(list(SAID.values())) >= 0.8


HOSTILE = 'x"; DROP TABLE public.y; --'
VALUE = "1'); DROP TABLE public.y; --\\"


@pytest.mark.full
def test_a_hostile_name_does_nothing_in_a_repair(servers: Servers, tmp_path: Path) -> None:
    server = servers[18]
    name = '"' + HOSTILE.replace('"', '""') + '"'
    index = f'{name[:-1]} of an index"'
    made = f"""
        CREATE TABLE public.y (id int PRIMARY KEY);
        INSERT INTO public.y VALUES (1);
        CREATE SCHEMA {name};
        CREATE TABLE {name}.{name} ({name} uuid PRIMARY KEY, a text, b int NOT NULL DEFAULT 3);
        INSERT INTO {name}.{name} SELECT gen_random_uuid(), 'a', n FROM generate_series(1, 9) n;
        CREATE INDEX {index} ON {name}.{name} (a);
        CREATE TABLE {name}.lost AS SELECT 1 AS n;
        ALTER TABLE {name}.{name} ENABLE ROW LEVEL SECURITY;
        CREATE POLICY {name} ON {name}.{name} USING (true);
        COMMENT ON TABLE {name}.{name} IS $$it's {HOSTILE}$$;
    """
    broken = f"""
        DELETE FROM {name}.{name} WHERE b = 1;
        UPDATE {name}.{name} SET a = 'b' WHERE b = 2;
        INSERT INTO {name}.{name} VALUES (gen_random_uuid(), 'new', 10);
        ALTER TABLE {name}.{name} DROP b;
        DROP INDEX {name}.{index};
        DROP POLICY {name} ON {name}.{name};
        DROP TABLE {name}.lost;
        COMMENT ON TABLE {name}.{name} IS NULL;
    """
    server.create("hostile_before")
    try:
        with server.connect("hostile_before") as connection:
            connection.execute(made.encode())
        server.create("hostile_after", template="hostile_before")
        with server.connect("hostile_after") as connection:
            connection.execute(broken.encode())
        sides = {"baseline": server.conninfo("hostile_before"), "target": server.conninfo("hostile_after")}
        found = judge(sides["baseline"], sides["target"])
        findings = [finding for evidence in found.evidence.values() for finding in evidence.findings]
        repairs = [decide(one) for severity in ("blocker", "warning") for one in collect(findings, severity)]
        assert len(repairs) >= 5
        assert [complaint for repair in repairs if (complaint := run(repair, sides, tmp_path))] == []
        again = judge(sides["baseline"], sides["target"])
        assert not again.red(), again.words("blocker")
        with server.connect("hostile_after") as connection:
            assert connection.execute("SELECT id FROM public.y").fetchall() == [(1,)]
    finally:
        for database in ("hostile_before", "hostile_after"):
            with server.connect("postgres") as connection:
                connection.execute(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)".encode())


def test_a_value_ends_no_literal(server: embedded.Server) -> None:
    with server.connect("postgres") as connection:
        for setting in ("on", "off"):
            connection.execute(f"SET standard_conforming_strings = {setting}".encode())
            assert connection.execute(f"SELECT {literal(VALUE)}".encode()).fetchone() == (VALUE,)


def test_nothing_ends_a_comment_or_a_command_of_the_shell() -> None:
    assert all(
        line.startswith("-- ") for line in as_comment("a\nDROP TABLE y;\r\nb\u2028c" + " word" * 99).splitlines()
    )
    assert copy_objects("table", '"a\nb"', "") == ""
    assert "'--table=\"$(reboot)\"'" in copy_objects("table", '"$(reboot)"', "the DBA")


def test_what_is_derived_of_rows_comes_after_them() -> None:
    from postmigration.model.evidence import Finding

    derived, rows = f"{AFTER_ROWS}\nSELECT 2;", "SELECT 1;"
    findings = [Finding("", 1, 1, repair=repair) for repair in (derived, rows, rows)]
    assert collect(findings, "blocker") == [rows, derived]


@pytest.mark.full
@pytest.mark.parametrize(
    ("was", "now"), [("timestamp", "timestamptz"), ("timestamptz", "timestamp")], ids=["gained", "lost"]
)
def test_times_come_back_as_they_were_whatever_the_time_zone_of_who_repairs(
    was: str, now: str, server: embedded.Server, tmp_path: Path
) -> None:
    names = {"baseline": "zones_before", "target": "zones_after"}
    for side, type_, hour in (("baseline", was, 10), ("target", now, 12)):
        server.create(names[side])
        with server.connect(names[side]) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute(f"CREATE TABLE visit (id int PRIMARY KEY, at {type_})".encode())
            connection.execute(f"INSERT INTO visit VALUES (1, '2026-01-15 {hour}:00'), (2, '2026-07-15 {hour}:00')")
    try:
        found = judge(server.conninfo(names["baseline"]), server.conninfo(names["target"]))
        findings = [finding for evidence in found.evidence.values() for finding in evidence.findings]
        (repair,) = {finding.repair for finding in findings if "\\copy" in finding.repair}
        abroad = {
            side: f"{server.conninfo(name)} options='-c TimeZone=America/New_York'" for side, name in names.items()
        }
        assert run(repair, abroad, tmp_path) == ""
        with server.connect(names["target"]) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            times = connection.execute("SELECT left(at::text, 19) FROM visit ORDER BY id").fetchall()
        assert times == [("2026-01-15 10:00:00",), ("2026-07-15 10:00:00",)]
    finally:
        for name in names.values():
            server.drop(name)
