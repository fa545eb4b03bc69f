"""What the checks cost on growing worlds, beside an earlier revision of them: `python -m benchmarks.revisions 4f806c0`.

Each world is built once on an embedded server, and both revisions judge it, one after the other. Then each judges a
copy in which people see and are shown what they must not, by the checks of that: both must say the same of it. The
earlier revision is a worktree of Git, in the same Python. Processor time is counted, of the client and of the server,
which other work on the machine changes less than the clock.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.processes import children_cpu, cost, find_postmaster
from fixtures import MIGRATION
from postmigration.postgres import embedded

_HERE = Path(__file__).parent.parent
# Faults that do not hide each other.
_DAMAGE = (
    "everybody_sees_what_is_theirs__contact_points_of_all",
    "everybody_sees_what_is_theirs__members_of_the_customer",
    "everybody_sees_what_is_theirs__no_customer",
    "everybody_sees_what_is_theirs__one_role_forgotten",
    "functions_show_what_tables_show__definer",
)
_OF_PEOPLE = ("-k", "test_everybody_sees_what_is_theirs or test_functions_show_what_tables_show")
# Of each check its outcome, and of each of its findings how many rows it names.
_Found = dict[str, tuple[str, list[tuple[str, int]]]]


def main() -> None:
    """Builds each world, has both revisions judge it, and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("peer", help="the earlier revision")
    parser.add_argument("--contacts", type=int, nargs="+", default=[6_000, 20_000, 60_000])
    parser.add_argument(
        "--damaged", type=int, nargs="*", default=[20_000], help="of these a damaged copy is judged too"
    )
    parser.add_argument("--embedded-version", type=int, choices=embedded.VERSIONS, default=embedded.VERSIONS[-1])
    options = parser.parse_args()
    server = embedded.Server(options.embedded_version)
    try:
        with _worktree(options.peer) as peer:
            print("| contacts | judged | revision | time, s | client, s | server, s | client and server | memory, MB |")
            print("| --- | --- | --- | --- | --- | --- | --- | --- |")
            for contacts in options.contacts:
                name = f"world_{contacts}"
                _build(server, name, contacts)
                _compare(server, name, contacts, options.peer, peer, "everything", ())
                if contacts in options.damaged:
                    server.create("damaged", template=name)
                    with server.connect("damaged") as connection:
                        for fault in _DAMAGE:
                            embedded.run_script(connection, MIGRATION.faults / f"{fault}.sql")
                    _compare(server, "damaged", contacts, options.peer, peer, "damage, as people", _OF_PEOPLE)
                    server.drop("damaged")
    finally:
        server.stop()


@contextlib.contextmanager
def _worktree(revision: str) -> Iterator[Path]:
    """The files of a revision, while they are needed."""
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory) / "peer"
        git = ["git", "-C", str(_HERE), "worktree"]
        subprocess.run([*git, "add", "--quiet", "--detach", str(place), revision], check=True)
        try:
            yield place
        finally:
            subprocess.run([*git, "remove", "--force", str(place)], check=True)


def _build(server: embedded.Server, name: str, contacts: int) -> None:
    start = time.perf_counter()
    server.create(name)
    with server.connect(name) as connection:
        for script in MIGRATION.legacy_scripts:
            embedded.run_script(connection, script)
        MIGRATION.load(connection, seed=1, size=contacts)
        for script in MIGRATION.scripts:
            embedded.run_script(connection, script)
        connection.execute("VACUUM ANALYZE")
    print(f"{name} built in {time.perf_counter() - start:.0f} s", file=sys.stderr)


def _compare(
    server: embedded.Server, name: str, contacts: int, revision: str, peer: Path, judged: str, which: Sequence[str]
) -> None:
    """Has both revisions judge a database, and prints what that cost, and where they do not say the same."""
    costs: list[float] = []
    found: list[_Found] = []
    for label, tree in ((revision, peer), ("now", _HERE)):
        seconds, client, on_server, megabytes, said = _judge(server, name, tree, which)
        costs.append(client + on_server)
        found.append(said)
        times = f" ({costs[0] / costs[-1]:.1f} times less)" if len(costs) > 1 else ""
        print(
            f"| {contacts:,} | {judged} | {label} | {seconds:.0f} | {client:.1f} | {on_server:.1f} "
            f"| {costs[-1]:.1f}{times} | {megabytes:.0f} |",
            flush=True,
        )
    other = [check for check in found[0].keys() | found[1].keys() if found[0].get(check) != found[1].get(check)]
    findings = sum(len(facts) for _, facts in found[1].values())
    print(
        f"{name}: {len(found[1])} checks, {findings} findings, {len(other)} checks say another thing", file=sys.stderr
    )
    for check in sorted(other):
        print(f"  {check}: {found[0].get(check)} before, {found[1].get(check)} now", file=sys.stderr)


def _judge(
    server: embedded.Server, name: str, tree: Path, which: Sequence[str]
) -> tuple[float, float, float, float, _Found]:
    """Judges a database by the checks of a tree.

    Returns:
        Seconds, seconds of a processor that the client and the server used, the client's memory, and what was found.
    """
    postmaster = find_postmaster(server)
    with tempfile.TemporaryDirectory() as reports, contextlib.chdir(tree):
        before = children_cpu(postmaster)
        taken = cost(
            [sys.executable, "-m", "pytest", f"--html={reports}/validation.html", *which],
            POSTMIGRATION_DB_URL=server.conninfo(name),
            PYTHONPATH=str(tree),
        )
        # A connection has ended a moment after its client.
        with server.connect("postgres") as connection:
            while connection.execute("SELECT FROM pg_stat_activity WHERE datname = %s", (name,)).fetchone():
                time.sleep(0.01)
        on_server = children_cpu(postmaster) - before
        checks = json.loads(Path(reports, "validation.json").read_text())["checks"]
    said = {
        check["id"]: (check["outcome"], [(finding["statement"], finding["wrong"]) for finding in check["findings"]])
        for check in checks
    }
    return taken.seconds, taken.cpu, on_server, taken.megabytes, said


if __name__ == "__main__":
    main()
