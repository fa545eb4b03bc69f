"""The checks on a large world, beside one bare read of the same tables.

Run it with `python -m benchmarks.large_world [--contacts=1000000] [--embedded-version=18] [--no-parallel-query]`. It
builds a world of that many customer contacts and twice as many projects on an embedded server, migrates it, and judges
it as a user does, in one process and in two. The peer is `pg_dump`, which reads every row once and judges nothing.
"""

from __future__ import annotations

import argparse
import sys
import time

from rich.console import Console
from rich.table import Table

from benchmarks.processes import cost
from fixtures import MIGRATION
from postmigration.postgres import embedded


def main() -> None:
    """Builds, migrates, judges, dumps, and prints what each took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--contacts", type=int, default=1_000_000)
    parser.add_argument("--embedded-version", type=int, choices=embedded.VERSIONS, default=embedded.VERSIONS[-1])
    parser.add_argument("--no-parallel-query", action="store_true", help="switch the server's parallel query off")
    options = parser.parse_args()
    console = Console()
    server = embedded.Server(options.embedded_version)
    try:
        table = Table("what", "time", "times pg_dump", "peak memory of the client")
        server.create("world")
        with server.connect("world") as connection:
            for script in MIGRATION.legacy_scripts:
                embedded.run_script(connection, script)
            start = time.perf_counter()
            MIGRATION.load(connection, seed=1, size=options.contacts)
            loaded = time.perf_counter() - start
            console.print(f"loaded in {loaded:.0f} s")
            start = time.perf_counter()
            for script in MIGRATION.scripts:
                embedded.run_script(connection, script)
            migrated = time.perf_counter() - start
            console.print(f"migrated in {migrated:.0f} s")
            connection.execute("VACUUM ANALYZE")
            if options.no_parallel_query:
                connection.execute("ALTER DATABASE world SET max_parallel_workers_per_gather = 0")
            sizes = {name: connection.execute(f"SELECT count(*) FROM {name}").fetchone() for name in MIGRATION.tables}
        url = server.conninfo("world")
        dumped = cost([server.binaries / "pg_dump", "--dbname", url, "--file", "/dev/null"])
        assert dumped.status == 0, dumped.output
        pytest = sys.executable, "-m", "pytest"
        judged = {
            f"{what}{words}": cost([*pytest, *checks, *processes], POSTMIGRATION_DB_URL=url)
            for what, checks in (("the 29 checks", ("-m", "plan")), ("all checks", ()))
            for words, processes in (("", ()), (", in two processes", ("-n", "2")))
        }
        for one in judged.values():
            console.print(one.output.splitlines()[-1], markup=False)
        table.add_row("load the world (COPY)", f"{loaded:.0f} s", f"{loaded / dumped.seconds:.1f}", "")
        table.add_row("migrate it", f"{migrated:.0f} s", f"{migrated / dumped.seconds:.1f}", "")
        for name, taken in {"pg_dump to nowhere": dumped, **judged}.items():
            ratio = f"{taken.seconds / dumped.seconds:.1f}"
            table.add_row(name, f"{taken.seconds:.0f} s", ratio, f"{taken.megabytes:.0f} MB")
        console.print(", ".join(f"{name}: {count[0]:,}" for name, count in sizes.items() if count))
        console.print(table)
    finally:
        server.stop()


if __name__ == "__main__":
    main()
