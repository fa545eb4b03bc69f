"""What a real pg_upgrade brought from PostgreSQL 15 to 18 is what it was."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from postmigration.postgres.embedded import binaries
from postmigration.postgres.scratch.cluster import Cluster
from postmigration.postgres.scratch.programs import Installation, run_program
from selftest.check.conftest import ROLES, WORLD, load
from selftest.check.judging import judge
from selftest.servers import SYSTEM_BINARIES, Servers

pytestmark = [
    pytest.mark.full,
    pytest.mark.xdist_group("upgrade"),
    pytest.mark.skipif(not SYSTEM_BINARIES.exists(), reason=f"no PostgreSQL 15 in {SYSTEM_BINARIES}"),
]
DATABASES = {"objects": WORLD, "contents": WORLD.with_name("contents.sql")}
# PostgreSQL 15.20 keeps a version of each column among its options, which an 18 that is older than it refuses.
OLDER = """
    SET allow_system_table_mods = on;
    UPDATE pg_attribute a SET attoptions = nullif(ARRAY(
        SELECT o FROM unnest(a.attoptions) o WHERE o NOT LIKE 'pg_attver=%'), '{}')
    WHERE attoptions IS NOT NULL
"""


class Upgraded(Cluster):
    """A cluster that pg_upgrade made of another one, which it leaves as it was.

    Args:
        old: the other one.
        programs: where those of the new version are.
    """

    def __init__(self, old: Cluster, programs: Path) -> None:
        self._old = old
        super().__init__(Installation(18, programs))

    def _make(self) -> None:
        super()._make()
        # Since PostgreSQL 18 a cluster has checksums unless somebody asks for none, and both must be alike.
        self._run("pg_checksums", "--disable", "-D", self.data)
        old = self._old
        old._run("pg_ctl", "-D", old.data, "-m", "fast", "-w", "-s", "stop")
        where = ("-b", old.binaries, "-B", self.binaries, "-d", old.data, "-D", self.data)
        how = ("-U", self.superuser, "--socketdir", self.directory)
        done = run_program([self.binaries / "pg_upgrade", *where, *how], self.directory)
        logs = (log.read_text() for log in (self.data / "pg_upgrade_output.d").rglob("*.log"))
        errors = [line for log in logs for line in log.splitlines() if "error:" in line]
        assert not done.returncode, (done.stdout, errors)
        old._start()


@pytest.fixture(scope="module")
def clusters() -> Iterator[tuple[Cluster, Cluster]]:
    """The cluster of before and the upgraded one."""
    old = Cluster(Installation(15, SYSTEM_BINARIES))
    new = None
    try:
        with old.connect("postgres") as connection:
            for role in ROLES:
                connection.execute(f"CREATE ROLE {role}".encode())
        for name, script in DATABASES.items():
            old.create(name)
            load(old, name, script.read_text())
            load(old, name, OLDER)
        new = Upgraded(old, binaries(18))
        yield old, new
    finally:
        for cluster in (old, new):
            if cluster is not None:
                cluster.stop()


def run_vacuumdb(cluster: Cluster, *options: str) -> None:
    """Runs vacuumdb as pg_upgrade says that it should be run afterwards."""
    place = ("-h", cluster.directory, "-U", cluster.superuser, "-q")
    done = run_program([cluster.binaries / "vacuumdb", *place, "--all", *options], cluster.directory)
    assert not done.returncode, done.stdout


@pytest.mark.parametrize("name", DATABASES)
def test_an_upgraded_database_is_as_before(clusters: tuple[Cluster, Cluster], name: str) -> None:
    old, new = clusters
    verdict = judge(old.conninfo(name), new.conninfo(name))
    assert not verdict.red(), verdict.words("blocker")
    # pg_upgrade takes statistics along since PostgreSQL 18, but for extended ones.
    assert not [words for words in verdict.words("warning") if not words.startswith("extended statistics")]
    run_vacuumdb(new, "--analyze-in-stages", "--missing-stats-only")
    verdict = judge(old.conninfo(name), new.conninfo(name))
    assert not verdict.red() | verdict.yellow(), verdict.words("warning")


def test_what_is_wrong_after_an_upgrade_is_found(clusters: tuple[Cluster, Cluster]) -> None:
    old, new = clusters
    new.create("broken", template="objects")
    with new.connect("broken") as connection:
        connection.execute("SELECT setval('sales.invoice_id_seq', 1, false)")
        connection.execute("DROP INDEX sales.client_mail")
    verdict = judge(old.conninfo("objects"), new.conninfo("broken"))
    new.drop("broken")
    words = " ".join(verdict.words("blocker"))
    assert "sequence sales.invoice_id_seq" in words
    assert "index sales.client_mail is gone" in words


# In the order of this locale, and of C, capitals come first; the one is ICU's, the other the C library's.
POSIX = "en-US-u-va-posix"
SORTED = """
    CREATE COLLATION plain ({collation});
    CREATE TABLE word (word text PRIMARY KEY, other text COLLATE plain NOT NULL, made date DEFAULT current_date);
    CREATE UNIQUE INDEX ON word (other);
    CREATE INDEX ON word (lower(word));
    CREATE TABLE part (name text COLLATE plain, n integer) PARTITION BY RANGE (name);
    CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM (MINVALUE) TO ('a');
    CREATE TABLE part_2 PARTITION OF part FOR VALUES FROM ('a') TO (MAXVALUE);
    CREATE VIEW first AS SELECT min(word) AS word, max(other) AS other FROM word;
    ANALYZE
"""
ROWS = """
    INSERT INTO word SELECT chr(65 + g % 26) || chr(97 + g / 26) || g, chr(97 + g % 26) || g
    FROM generate_series(1, 600) g;
    INSERT INTO part SELECT word, 1 FROM word; INSERT INTO part SELECT other, 2 FROM word;
"""


@pytest.mark.parametrize("version", [15, 18])
def test_a_move_from_icu_to_libc_with_the_same_order_is_sound(servers: Servers, version: int) -> None:
    old, new = servers[15], servers[version]
    made = f"CREATE DATABASE of_icu TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE '{POSIX}' LOCALE 'C.UTF-8'"
    with old.connect("postgres") as connection:
        connection.execute(made.encode())
    new.create("of_libc")
    for server, name, collation in (
        (old, "of_icu", f"provider = icu, locale = '{POSIX}'"),
        (new, "of_libc", "provider = libc, locale = 'C'"),
    ):
        load(server, name, SORTED.format(collation=collation).replace("ANALYZE", ROWS + "ANALYZE"))
    verdict = judge(old.conninfo("of_icu"), new.conninfo("of_libc"))
    old.drop("of_icu")
    new.drop("of_libc")
    assert not verdict.red(), verdict.words("blocker")
    # A collation of the application's own is an object that is another one now.
    assert sorted(verdict.words("warning")) == [
        f"collation public.plain: locale was {POSIX}, is C",
        "collation public.plain: provider was icu, is libc",
    ]
