"""Databases as wholes: of other settings, encodings and locales, and as copies of each other."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from postmigration.diff.hashing import Method
from postmigration.diff.table_diff import TableComparison
from selftest.comparison.cases import Case
from selftest.comparison.conftest import CASES, SIDES, Servers, compared_databases
from selftest.comparison.stored import STORED
from selftest.comparison.test_differences import as_found
from selftest.comparison.values import VALUES
from selftest.comparison.written import WRITTEN
from selftest.servers import SYSTEM_BINARIES, Standby, SystemServer
from selftest.test_surroundings import HOSTILE
from selftest.tiers import few

Fresh = Callable[..., str]

# Beyond those that the checks meet: what may turn a plan around, or the text of a value.
HOSTILE_HERE = {
    **HOSTILE,
    "array_nulls": "off",
    "work_mem": "64",
    "enable_hashagg": "off",
    "enable_seqscan": "off",
    "jit": "on",
    "jit_above_cost": "0",
    "max_parallel_workers_per_gather": "8",
    "min_parallel_table_scan_size": "0",
    "xmloption": "document",
    "plan_cache_mode": "force_generic_plan",
    "default_text_search_config": "german",
}
OTHERWISE_HOSTILE = {
    "timezone": "'America/St_Johns'",
    "datestyle": "German",
    "intervalstyle": "sql_standard",
    "extra_float_digits": "3",
    "max_parallel_workers_per_gather": "0",
    "enable_sort": "off",
}


def wrong(found: dict[str, TableComparison]) -> dict[str, str]:
    return {name: result.reason or str(result.rows) for name, result in found.items() if not result.equal}


@pytest.mark.full
@pytest.mark.parametrize(
    ("version", "side", "method"),
    few([(18, 0, "native"), (15, 0, "native"), (15, 1, "portable"), (16, 1, "native")], full=(2,)),
)
def test_settings_of_a_database_hide_nothing_and_accuse_nothing(
    servers: Servers, fresh: Fresh, version: int, side: int, method: Method
) -> None:
    cases = [case for case in VALUES if version in case.on[0]]
    both = [servers.holding(version, number, cases) for number in (0, 1)]
    names = [case.name for case in cases]
    copies = [fresh(version, how=f"TEMPLATE {template}") for template in SIDES]
    for conninfo, hostile in zip(copies, (HOSTILE_HERE, OTHERWISE_HOSTILE), strict=True):
        name = conninfo_to_dict(conninfo)["dbname"]
        with servers[version].connect("postgres") as connection:
            for setting, value in hostile.items():
                connection.execute(f"ALTER DATABASE {name} SET {setting} = {value}".encode())
    assert not wrong(compared_databases([both[side], copies[side]], method, names))
    found = compared_databases(copies, method, names)
    assert {name: as_found(result) for name, result in found.items()} == {
        case.name: dict.fromkeys(case.found, 1) for case in cases
    }


TEXTS = """
    CREATE TABLE t (id int PRIMARY KEY, a text, b varchar(9), c char(4), d jsonb, e text[], f name);
    INSERT INTO t SELECT i, 'Zoë' || i, 'ß', 'e', '{"ü": 1.0}', '{Ä,NULL}', 'ñ' FROM generate_series(1, 99) i;
    CREATE TABLE loose (a text);
    INSERT INTO loose VALUES ('a'), ('A'), ('á'), ('a'), (NULL), ('');
"""
ENCODINGS = [
    (15, "ENCODING 'LATIN1' LOCALE 'C'", 18),
    (16, "ENCODING 'LATIN1' LOCALE 'C'", 16),
    (18, "ENCODING 'LATIN9' LOCALE 'C'", 15),
    (18, "ENCODING 'SQL_ASCII' LOCALE 'C'", 18),
    (18, "LOCALE 'C'", 16),
    (18, "LOCALE 'C' LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8'", 15),
    (15, "LOCALE 'C.UTF-8' LOCALE_PROVIDER icu ICU_LOCALE 'sv-SE'", 15),
    (15, "LOCALE 'C.UTF-8' LOCALE_PROVIDER icu ICU_LOCALE 'und-u-ks-level1'", 18),
]


@pytest.mark.parametrize(("version", "options", "other"), few(ENCODINGS))
def test_an_encoding_and_a_locale_change_nothing(fresh: Fresh, version: int, options: str, other: int) -> None:
    conninfos = [fresh(version, TEXTS, how=f"TEMPLATE template0 {options}"), fresh(other, TEXTS)]
    for order in (conninfos, conninfos[::-1]):
        assert not wrong(compared_databases(order, None, ["t", "loose"]))
    with psycopg.connect(conninfos[1], autocommit=True) as connection:
        connection.execute("UPDATE t SET a = 'Zoe5' WHERE id = 5")
        connection.execute("UPDATE loose SET a = 'A' WHERE a = 'á'")
    found = compared_databases(conninfos, None, ["t", "loose"])
    assert as_found(found["t"]) == {("changed", ("5",), ("a",)): 1}
    assert as_found(found["loose"]) == {("missing", ("á",), ()): 1, ("extra", ("A",), ()): 1}


def binaries(servers: Servers, version: int) -> Path:
    return SYSTEM_BINARIES if version == 15 else servers[version].binaries


@pytest.mark.full
@pytest.mark.parametrize(
    ("version", "after", "options"),
    few([(16, 18, []), (15, 15, ["--inserts", "--rows-per-insert=7"])]),
)
def test_a_copy_from_a_dump_is_the_same(
    servers: Servers, fresh: Fresh, version: int, after: int, options: list[str]
) -> None:
    cases: list[Case] = [case for case in CASES if {version} <= case.on[0] and {after} <= case.on[0]]
    conninfo = servers.holding(version, 0, cases)
    copy = fresh(after)
    dump = subprocess.run(
        [binaries(servers, max(version, after)) / "pg_dump", "-d", conninfo, "--no-owner", "--no-privileges", *options],
        check=True,
        capture_output=True,
    )
    subprocess.run(
        [binaries(servers, after) / "psql", "-qX", "-v", "ON_ERROR_STOP=1", "-d", copy],
        input=dump.stdout,
        stdout=subprocess.DEVNULL,
        check=True,
    )
    found = compared_databases([conninfo, copy], "native", [case.name for case in cases])
    # As numbers without quotes, negative zeros become zeros on their way through INSERT.
    lost = {"float4: negative zero", "float8: negative zero"} if options else set()
    assert wrong(found).keys() == lost
    assert len(found) > 300


@pytest.mark.full
def test_a_standby_is_the_same_as_its_primary(servers: Servers) -> None:
    cases = [case for case in (*VALUES, *STORED, *WRITTEN) if 15 in case.on[1]]
    conninfo = servers.holding(15, 1, cases)
    primary = servers[15]
    assert isinstance(primary, SystemServer)
    standby = Standby(primary)
    try:
        names = [case.name for case in cases]
        found = wrong(compared_databases([conninfo, standby.conninfo(SIDES[1])], "native", names))
    finally:
        standby.stop()
    # The rows of an unlogged table are on no standby: that is said, and is no difference.
    assert list(found) == ["unlogged on one side"]
    assert "cannot access temporary or unlogged relations during recovery" in found["unlogged on one side"]
