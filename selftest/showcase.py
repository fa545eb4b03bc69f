"""Real runs whose reports are looked at: a good migration, one with several faults, and one full of hostile names."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from fixtures import MIGRATION
from postmigration.gate.session import demonstration_world
from postmigration.postgres import embedded

ROOT = Path(__file__).parent.parent

# What went wrong in the red report.
FAULTS = (
    "5__marker_missing",
    "9__organization_of_another_customer",
    "16__dangling",
    "everybody_sees_what_is_theirs__no_customer",
    "rows_are_those_of_before__document_lost",
)

# Names that would script, break or turn a page around, were they not written as text.
HOSTILE = (
    "<img src=x onerror=\"document.title='broken'\">",
    "</script><script>document.title='broken'</script>",
    "</details></article><h1>GO</h1><style>*{display:none}</style>",
    "\"'><svg onload=document.title='broken'>",
    "{{ 7 * 7 }}{% raw %}",
    "Bell\a \x1b[31mred",
    "\u202egnirts \u200f\u2066",
    '=HYPERLINK("http://example.invalid")',
    "::error::forged",
    "W" * 255,
)


@contextmanager
def server() -> Iterator[embedded.Server]:
    """A server with the databases `legacy`, `migrated`, `red` and `hostile`."""
    throwaway = embedded.Server(embedded.VERSIONS[-1])
    try:
        legacy, migrated = demonstration_world(throwaway, MIGRATION, seed=1, size=200)
        assert (legacy, migrated) == ("legacy", "migrated")
        for name in ("red", "hostile"):
            throwaway.create(name, template=migrated)
        with throwaway.connect("red") as connection:
            for fault in FAULTS:
                embedded.run_script(connection, MIGRATION.faults / f"{fault}.sql")
        with throwaway.connect("hostile") as connection:
            make_hostile(connection)
        yield throwaway
    finally:
        throwaway.stop()


def make_hostile(connection: psycopg.Connection[object]) -> None:
    """Gives customers, their contacts and their projects names that are none."""
    for i, name in enumerate(HOSTILE):
        for table, column in (("contacts", "company_name"), ("contacts", "contact_name"), ("projects", "title")):
            connection.execute(
                f"UPDATE {table} SET {column} = %s WHERE id = (SELECT id FROM {table} ORDER BY id OFFSET %s LIMIT 1)",
                [name, i],
            )
        connection.execute(
            "UPDATE contacts SET notes = %s WHERE id = (SELECT id FROM contacts ORDER BY id OFFSET %s LIMIT 1)",
            [name * (10_000 // len(name)), i],
        )


def judged(throwaway: embedded.Server, name: str, directory: Path, *options: str) -> Path:
    """Judges a database of the server, as a user does, and returns the page that the run wrote."""
    page = directory / name / "validation.html"
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST_", "POSTMIGRATION_"))}
    subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"),
            f"--db-url={throwaway.conninfo(name)}",
            f"--baseline={throwaway.conninfo('legacy')}",
            f"--html={page}",
            *(("--show-values",) if name == "hostile" else ()),
            *options,
        ],
        cwd=ROOT,
        env=clean,
        stdout=subprocess.DEVNULL,
        timeout=300,
        check=False,
    )
    return page
