"""From nothing to the verdict: `pytest` with no option, beside the bare start of the embedded server.

Run it with `python -m benchmarks.cold_start`.
"""

from __future__ import annotations

import statistics
import sys

from rich.console import Console
from rich.table import Table

from benchmarks.processes import cost

RUNS = 5
START_AND_STOP = "from postmigration.postgres.embedded import Server; Server().stop()"


def main() -> None:
    """Measures both, alternating, and prints the medians and their ratio."""
    ours, peer = [], []
    for _ in range(RUNS):
        peer.append(cost([sys.executable, "-c", START_AND_STOP]).seconds)
        judged = cost([sys.executable, "-m", "pytest"])
        assert judged.status == 0, judged.output
        ours.append(judged.seconds)
    table = Table("what", "median", "slowest", "times the bare server")
    bare = statistics.median(peer)
    for name, seconds in (("start and stop of the embedded server", peer), ("pytest: world, migration, verdict", ours)):
        median = statistics.median(seconds)
        table.add_row(name, f"{median:.1f} s", f"{max(seconds):.1f} s", f"{median / bare:.1f}")
    Console().print(table)


if __name__ == "__main__":
    main()
