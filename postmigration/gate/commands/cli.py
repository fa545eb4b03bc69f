"""The command line `postmigration`: what can be done without the checks of a migration."""

from __future__ import annotations

import datetime
import errno
import signal
import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Sequence
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path
from typing import Any, NoReturn

import sqlalchemy as sa

from postmigration.checks.rows.complete_fingerprint import complete_fingerprint
from postmigration.deployment.subject import identify
from postmigration.diff import fingerprint_file
from postmigration.diff.fingerprint import identity, take_fingerprint
from postmigration.diff.fingerprint_fit import unfit
from postmigration.diff.resuming.bound import bind
from postmigration.diff.resuming.checkpoint import open_checkpoint
from postmigration.diff.resuming.resumable import diff_resumably
from postmigration.diff.scope import Relation, relations
from postmigration.diff.table_diff import TableComparison, diff_tables, diff_with_fingerprint
from postmigration.gate import options
from postmigration.gate.baseline_source import locate, refuse_recheck
from postmigration.gate.commands import comparison_report, role
from postmigration.gate.commands.console import Bar, console
from postmigration.gate.commands.sides import name_sides, open_snapshot
from postmigration.gate.project import is_project, project
from postmigration.gate.running.durations import read_recheck
from postmigration.gate.usage import explain
from postmigration.model.errors import CannotJudge, NotJudged
from postmigration.model.evidence import escape, show_value
from postmigration.model.verdict import BROKEN, CANNOT_JUDGE, GO, INTERRUPTED, NO_GO
from postmigration.postgres.connection import Database, Snapshot
from postmigration.postgres.dsn import conninfo, redact_secrets
from postmigration.postgres.identity import server
from postmigration.postgres.refusals import describe_refusal
from postmigration.postgres.schemas import find_schemas
from postmigration.postgres.shadows import find_shadows, refuse_shadows


class _Parser(ArgumentParser):
    arguments: Sequence[str] = ()

    def error(self, message: str) -> NoReturn:
        message = explain(message, _Parser.arguments, self.format_help())
        raise CannotJudge(f"{message} ({self.prog} --help lists the options)")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Refuses what a command does not know where its own options are known."""
        found, unknown = super().parse_known_args(args, namespace)
        if hasattr(found, "sides"):
            # argparse takes no more positional arguments once an option has come after the first.
            found.sides += [argument for argument in unknown if not argument.startswith("-")]
            unknown = [argument for argument in unknown if argument.startswith("-")]
        # One with a blank in it is a positional argument to argparse, whatever it begins with.
        taken = [*getattr(found, "sides", ()), *map(str, getattr(found, "files", ()))]
        unknown += [argument for argument in taken if argument.startswith("--")]
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return found, unknown


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command.

    Returns:
        0 as wanted, 1 different, 2 interrupted, 4 could not be judged.
    """
    previous = signal.signal(signal.SIGTERM, signal.default_int_handler)
    arguments = sys.argv[1:] if arguments is None else arguments
    _Parser.arguments = arguments
    option = Namespace(recording=None)
    status, word, why = BROKEN, "ERROR", "an error of ours"
    try:
        status, word, why = _attempt(arguments, option)
        return status
    finally:
        if option.recording is not None and (missing := option.recording.end(status, word, why)):
            print(missing, file=sys.stderr)
        signal.signal(signal.SIGTERM, previous)


def _attempt(arguments: Sequence[str], option: Namespace) -> tuple[int, str, str]:
    """Runs one command.

    Args:
        option: takes what the user chose, and the record of the run.

    Returns:
        The exit status, and where the command did not say so itself, what it came to and why.
    """
    try:
        if arguments[:1] == ["check"]:
            # Its options are pytest's, which reads them itself, and its record the gate's.
            from postmigration.gate.commands import check

            return check.run(arguments[1:]), "", ""
        make_parser(arguments[:1]).parse_args(arguments, option)
        status = int(option.run(option))
        # What does not reach its reader must show in the exit status.
        sys.stdout.flush()
        return status, "", ""
    except CannotJudge as error:
        why = escape(redact_secrets(str(error), arguments))
    except NotJudged as error:
        why = f"could not be judged: {escape(redact_secrets(str(error), arguments))}"
    except sa.exc.DBAPIError as error:
        why = f"could not be judged: {describe_refusal(error)}"
    except BrokenPipeError:
        # Whoever reads has seen enough; what is left in the buffer has nowhere to go.
        sys.stdout = None
        return CANNOT_JUDGE, "ERROR", "nobody read what was found"
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        sys.stdout = None
        why = f"what was found cannot be written: {error.strerror}"
    except KeyboardInterrupt:
        print("INTERRUPTED", file=sys.stderr)
        return INTERRUPTED, "INTERRUPTED", "it was interrupted"
    print(f"ERROR: {why}", file=sys.stderr)
    return CANNOT_JUDGE, "ERROR", why


def make_parser(first: Sequence[str]) -> ArgumentParser:
    """Makes the parser of all commands but `check`.

    Args:
        first: the command that is called, if one is; it spares the imports of the others.
    """
    parser = _Parser(
        prog="postmigration",
        description="Judges a migrated PostgreSQL database against its state before: another database, a fingerprint "
        "or a backup.",
    )
    parser.add_argument("--version", action="version", version=f"postmigration {version('postmigration')}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    commands.add_parser("check", help="check any two databases: is anything lost, weakened, exposed or unfinished?")
    compare = commands.add_parser(
        "compare",
        help="compare the tables of two databases, row by row",
        description="Compares all tables of a schema row by row and value by value, without any migration in mind.",
        epilog="exit status: 0 equal, 1 different, 2 interrupted, 4 could not be judged",
        formatter_class=RawDescriptionHelpFormatter,
    )
    compare.add_argument(
        "sides",
        nargs="*",
        metavar="BEFORE AFTER",
        help="the state before, and the database; or --baseline and --db-url",
    )
    options.declare_database(compare.add_argument)
    options.declare_baseline(compare.add_argument)
    options.declare_scratch(compare.add_argument)
    options.declare_recheck(compare.add_argument)
    options.declare_checkpoint(compare.add_argument)
    compare.add_argument("--table", action="append", metavar="NAME", help="compare only this table (may be repeated)")
    options.declare_jobs(compare.add_argument)
    compare.add_argument("--json", action="store_true", help="print JSON Lines, one object per table")
    compare.set_defaults(run=_compare)
    fingerprint = commands.add_parser(
        "fingerprint",
        help="take a fingerprint of a database, to compare with later",
        description="Takes counts and hashes of all tables, just before a migration that works in place.",
        epilog="exit status: 0 written, 2 interrupted, 4 could not be taken",
    )
    options.declare_database(fingerprint.add_argument)
    options.declare_jobs(fingerprint.add_argument)
    fingerprint.add_argument("-o", "--output", required=True, type=Path, metavar="FILE", help="where to write it")
    fingerprint.add_argument(
        "--portable", action="store_true", help="hash so that a server of another make can repeat it; slower"
    )
    options.declare_record(fingerprint.add_argument)
    fingerprint.set_defaults(run=_fingerprint)
    role.declare(commands.add_parser)
    # These take a while to import, in which others could have read a million rows.
    if first not in (["compare"], ["fingerprint"], ["role"]):
        from postmigration.gate.commands import dashboards as dashboards
        from postmigration.gate.commands import fleet as fleet
        from postmigration.gate.commands import init as init
        from postmigration.gate.commands import plan as plan
        from postmigration.gate.commands import rehearse as rehearse
        from postmigration.gate.commands import trace as trace
        from postmigration.gate.commands import verify_backup as verify_backup
        from postmigration.gate.commands import watch as watch
        from postmigration.gate.commands import workload as workload

        verify_backup.declare(commands.add_parser)
        rehearse.declare(commands.add_parser)
        trace.declare(commands.add_parser)
        init.declare(commands.add_parser)
        watch.declare(commands.add_parser)
        dashboards.declare(commands.add_parser)
        workload.declare(commands.add_parser)
        plan.declare(commands.add_parser)
        fleet.declare(commands.add_parser)
    return parser


def _compare(option: Namespace) -> int:
    with ExitStack() as cleanup:
        if option.evidence_rows < 0:
            raise CannotJudge(f"--evidence-rows={option.evidence_rows}: want 0 or more")
        # Of ranges that are not of one moment more differ that are only in flight.
        recheck = read_recheck("3" if option.recheck is None and option.checkpoint is not None else option.recheck)
        checkpoint = None
        named, url, (first, second) = name_sides(option, "compare")
        if not named:
            raise CannotJudge(f"{first} is missing: name what to compare with (a URL, a pg_dump file, a fingerprint)")
        after = open_snapshot(option, cleanup, url, second, option.schema)
        judged = {second: conninfo(url or "", second)}
        scratch = options.choose_scratch(option)
        origin = locate(named, cleanup, option=first, scratch=scratch, judged=judged)
        assert origin is not None
        if recheck is not None:
            refuse_recheck(origin, first, "--recheck" if option.checkpoint is None else "--checkpoint")
        writer = comparison_report.Writer(as_json=option.json, show_values=option.show_values, console=console())
        told, bar = list(origin.facts), Bar()
        if origin.fingerprint:
            before = fingerprint_file.read(Path(origin.fingerprint))
            if reason := unfit(before, after, None):
                raise CannotJudge(f"the fingerprint of {first} does not fit: {reason}")
            if before.identity != identity(server(after)):
                # Right for a copy, and worth a look for whoever named the wrong file.
                words = f"the fingerprint is of {before.database}, on another server or another database than {second}"
                told.append(f"{words}, taken {before.taken_at}")
            sizes = {name: Relation(name, table.rows, "") for name, table in before.tables.items()}
            chosen, left_out = _choose_tables(option, sizes, relations(after))
            was = f"fingerprint {origin.fingerprint}"
            results = diff_with_fingerprint(after, before, chosen, keep=option.evidence_rows)
        else:
            side = Database(
                origin.conninfo,
                option=first,
                schema=option.schema,
                limits=options.limits(option),
                steered=not origin.restored,
            )
            cleanup.callback(side.close)
            snapshot = Snapshot(side)
            cleanup.callback(snapshot.close)
            refuse_shadows(side, find_shadows(snapshot))
            this = server(snapshot)
            if this.identity == server(after).identity:
                raise CannotJudge(f"{first} and {second} name the same running database: there is nothing to compare")
            chosen, left_out = _choose_tables(option, relations(snapshot), relations(after))
            was = ", ".join(named) if origin.restored else this.label
            if option.checkpoint is None or recheck is None:
                results = diff_tables(snapshot, after, chosen, keep=option.evidence_rows, recheck=recheck)
            else:
                bound = bind(snapshot, after, tuple(option.table or ()))
                checkpoint = open_checkpoint(Path(option.checkpoint), bound, datetime.datetime.now(datetime.UTC))
                told.append(checkpoint.describe(len(chosen)))
                results = diff_resumably(
                    snapshot,
                    after,
                    chosen,
                    keep=option.evidence_rows,
                    recheck=recheck,
                    checkpoint=checkpoint,
                    announce=bar.move,
                )
        # Beside the results and not among them.
        told += [f"not compared: {relation.name}: {relation.excluded}" for relation in left_out]
        print(show_value(f"before: {was}, after: {server(after).label}", plain=True), file=sys.stderr)
        for words in told:
            print(escape(words), file=sys.stderr)
        scope = _scope(option.schema, after)
        # Whatever ends the printing ends the comparison first, and then the snapshots.
        cleanup.callback(results.close)
        with bar.begin({relation.name: relation.size for relation in chosen}):
            for result in results:
                writer.table(result)
                bar.end(result.table)
        _tell_alone(after, *([] if origin.fingerprint else [snapshot]))
        status = _end(writer.results)
        if checkpoint is not None:
            complete = not any(result.reason for result in writer.results)
            print(escape(checkpoint.end(complete=complete)), file=sys.stderr)
        print(scope, file=sys.stderr)
        return status


def _tell_alone(*sides: Snapshot) -> None:
    """Says of which side one connection alone read the tables, although more were wanted, and why."""
    for side in sides:
        if side.alone:
            print(escape(side.alone), file=sys.stderr)


def _scope(schema: str, after: Snapshot) -> str:
    """What was compared and what was not, for the last line."""
    others = [show_value(name, plain=True) for name in find_schemas(after) if name != schema]
    left_out = f"; other schemas were left out: {', '.join(others)}" if others else ""
    return (
        f"compared: rows of schema {show_value(schema, plain=True)} and nothing else{left_out}; "
        "postmigration check compares objects, privileges and sequences too"
    )


def _end(results: Sequence[TableComparison]) -> int:
    unjudged = [result for result in results if result.reason]
    different = [result for result in results if not result.reason and not result.equal]
    for result in unjudged:
        print(escape(f"ERROR: {result.table} could not be compared: {result.reason}"), file=sys.stderr)
    return NO_GO if different else CANNOT_JUDGE if unjudged else GO


def _choose_tables(
    option: Namespace, before: dict[str, Relation], after: dict[str, Relation]
) -> tuple[list[Relation], list[Relation]]:
    """The tables to compare, those that were named or all of both sides; and what is left out of all."""
    # What is a table on one side only is missing or extra there.
    known = {**after, **{name: r for name, r in before.items() if not r.excluded or after.get(name, r).excluded}}
    for name in option.table or ():
        if name not in known or known[name].excluded:
            why = known[name].excluded if name in known else f"schema {option.schema} has no such table"
            raise CannotJudge(f"--table={name} cannot be compared: {why}")
    names = dict.fromkeys(option.table or [name for name, relation in known.items() if not relation.excluded])
    if not names:
        raise CannotJudge(f"there is nothing to compare: schema {option.schema} has no table (name another: --schema)")
    left_out = [] if option.table else [relation for relation in known.values() if relation.excluded]
    return [known[name] for name in names], left_out


def _fingerprint(option: Namespace) -> int:
    recording = option.recording = options.begin_record(option, "fingerprint", Path.cwd())
    with ExitStack() as cleanup:
        snapshot = open_snapshot(option, cleanup, options.choose_target(option), "--db-url", option.schema)
        recording.database = identify(server(snapshot))
        migration = project(Path.cwd())[0] if is_project(Path.cwd()) else None
        if migration is not None:
            recording.bind(migration)
        sizes = {name: relation for name, relation in relations(snapshot).items() if not relation.excluded}
        if not sizes:
            raise CannotJudge(f"there is nothing to take: schema {option.schema} has no table (name another: --schema)")
        bar = Bar()
        with bar.begin({name: relation.size for name, relation in sizes.items()}):
            legacy = migration if migration is not None and migration.legacy_tables else None
            tables = take_fingerprint(snapshot, legacy, portable=option.portable)
            while True:
                try:
                    table = next(tables)
                except StopIteration as end:
                    changes = migration.changes if migration is not None and legacy is None else ()
                    fingerprint = complete_fingerprint(snapshot, end.value, changes)
                    break
                bar.end(table.name)
        _tell_alone(snapshot)
        fingerprint_file.write(fingerprint, option.output)
        rows = sum(table.rows for table in fingerprint.tables.values())
        amounts = [(len(fingerprint.tables), "table"), (rows, "row"), (len(fingerprint.objects or ()), "object")]
        if held := fingerprint.large_objects:
            amounts += [(held.count, "large object")] if held.count else []
        told = ", ".join(f"{number:,} {name}{'' if number == 1 else 's'}" for number, name in amounts)
        line = f"{option.output}: {told}, as of {fingerprint.taken_at}"
        recording.bind_backup([option.output])
        recording.conclude(f"WRITTEN: {line}")
        print(line)
        if held and held.count and held.contents is None:
            print("without the bytes of large objects, which only a superuser may read: a changed one is not found")
        if (sent := fingerprint.workload) and sent.reason:
            print(escape(f"without the statements of the application: {sent.reason}"))
        for each in fingerprint.declared:
            if each.reason:
                print(f"without what must become of the rows of {each.name}: {each.reason}")
        if migration is None:
            print("for postmigration check and compare only: the gate needs one that was taken in its own directory")
        return GO


if __name__ == "__main__":
    sys.exit(main())
