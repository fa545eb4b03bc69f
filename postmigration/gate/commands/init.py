"""The command `postmigration init`: a project that judges one migration."""

from __future__ import annotations

import glob
from argparse import Namespace
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from postmigration.gate import options
from postmigration.gate.commands.sides import choose_schemas, open_sides, open_snapshot
from postmigration.gate.commands.trace import declare_databases
from postmigration.model.errors import CannotJudge
from postmigration.model.evidence import escape
from postmigration.model.verdict import GO


def declare(add_parser: Callable[..., Any]) -> None:
    """Declares the command and its options."""
    parser = add_parser(
        "init",
        help="write a project that judges your migration: what was found to change, to be confirmed",
        description="Writes pyproject.toml, migration.toml with every change that was found, a page that draws them, "
        "three checks to start from, a deployment plan, a pipeline file and a README. A person fills in the reason of "
        "each change. Nothing is overwritten.",
        epilog="exit status: 0 written, 2 interrupted, 4 could not be written",
    )
    parser.add_argument("directory", type=Path, metavar="DIR", help="where to write it")
    declare_databases(parser)
    parser.set_defaults(run=_run)


def _run(option: Namespace) -> int:
    # They take a while to import.
    from postmigration.checks.object_states import list_undeclared
    from postmigration.gate.scaffold.files import PICTURE, refuse_occupied, write_project
    from postmigration.gate.scaffold.migration_toml import count_reasons
    from postmigration.gate.scaffold.plan_checks import choose_checks
    from postmigration.trace.charts import write_page
    from postmigration.trace.reading import Side
    from postmigration.trace.tracing import trace

    directory = option.directory
    refuse_occupied(directory)
    with ExitStack() as cleanup:
        found, objects = None, []
        if options.choose_baseline(option):
            before, after, schemas, restored = open_sides(option, cleanup, "init")
            found = trace(before, after, schemas)
            # Names stand for themselves: what is a pattern in them is written so that it is none.
            differing = list_undeclared(before, after, schemas, found.changes, restored=restored)
            objects = [(glob.escape(str(name)), one.statement, one.is_loss) for name, one in differing.items()]
        else:
            after = open_snapshot(option, cleanup, options.choose_target(option), "--db-url")
            schemas = choose_schemas(option, after)
        side = Side(after, schemas)
        if not side.tables:
            raise CannotJudge("the database of --db-url has no table that can be read: there is nothing to judge")
        files = write_project(directory, choose_checks(side, found), found, objects)
        if found is not None:
            files.append(directory / PICTURE)
            write_page(found, files[-1], f"{directory.resolve().name}: where everything went")
    for file in files:
        print(escape(str(file)))
    if found is None:
        print("no --baseline was named: migration.toml declares nothing yet")
    else:
        changes, misfits = len(found.changes), sum(len(one.misfits) for one in found.found)
        place = escape(str(directory / "migration.toml"))
        reasons = count_reasons(found.found)
        asked = f"fill in the {f'{reasons:,} reasons' if reasons != 1 else 'reason'} in {place}" if changes else place
        print(f"{changes:,} change{'s' * (changes != 1)} found: {asked}")
        if objects:
            others = f"{len(objects):,} other object{'s' * (len(objects) != 1)}"
            print(f"{others} differ{'s' * (len(objects) == 1)}: declare what was meant of it, at the end of that file")
        if misfits:
            print(f"{misfits:,} {'things do' if misfits != 1 else 'thing does'} not fit: see the comments in it")
    return GO
