"""One session that judges: the results of its checks, and the verdict that they come to."""

from __future__ import annotations

import datetime
import os
import sys
from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from postmigration.gate import options, run_facts
from postmigration.gate.check_result import report_cut_short, report_lost
from postmigration.gate.project import BUILT_IN
from postmigration.gate.selection import Checks, collect_all, find_miscounts
from postmigration.gate.session import Run
from postmigration.gate.starting import START, start_late
from postmigration.model.errors import NOT_BEGUN, UNREACHED, CannotJudge, Hindrance
from postmigration.model.migration import Migration, RecordedCommand
from postmigration.model.settings import today
from postmigration.model.verdict import CANNOT_JUDGE, GO, Result, Verdict, of_waivers, verdict
from postmigration.mutation.proving import Prover
from postmigration.postgres.limits.deadline import Deadline
from postmigration.postgres.shadows import explain_new_shadows
from postmigration.report import changes, ending
from postmigration.report.diagnosis.causes import diagnose
from postmigration.report.formats import as_text, github, publishing
from postmigration.report.formats.as_html import HtmlReport, configure_page
from postmigration.report.validation import Trouble, Validation, in_order

# What the process that plants faults replaces, one world after the other.
RUN = pytest.StashKey[Run]()
SESSION = pytest.StashKey["Judgement"]()
# When the time of the run is over, where that is bounded.
DEADLINE = pytest.StashKey[Deadline]()
PROVER = pytest.StashKey[Prover]()


class Judgement:
    """Gathers what one pytest session judges, and ends it with the verdict."""

    def __init__(self, config: pytest.Config, migration: Migration, checks: Path) -> None:
        self.config = config
        self.migration = migration
        self.checks = checks
        self.results: dict[str, Result] = {}
        self.verdict: Verdict | None = None
        self.started = self._ended = datetime.datetime.now(datetime.UTC)
        self._collection_failed = False
        self._troubles: list[Trouble] = []
        self._unsafe = ""
        self._session: pytest.Session | None = None
        self._crashed: list[str] = []
        self._all = Checks({}, [])
        self.page: HtmlReport | None = None
        self._unrecorded = ""
        self._last: changes.Last | None = None
        # The checks that were asked for, whether or not the run came to them.
        self._asked: Sequence[str] = ()

    @property
    def known(self) -> Mapping[str, pytest.Item]:
        """The checks that the project has, by their id, once they were collected."""
        return self._all.items

    def prepare(self) -> None:
        """Makes sure that in place of older reports it stands that this run has not finished."""
        begun = start_late(self.config)
        self.started, self._last = begun.time, changes.last(begun.files.json)
        configure_page(self.config, begun.files)
        command: RecordedCommand = "check" if self.config.rootpath == BUILT_IN.parent else "gate"
        root = Path.cwd() if command == "check" else self.config.rootpath
        try:
            begun.recording = options.begin_record(self.config.option, command, root, begun.files.html)
        except CannotJudge as error:
            raise pytest.UsageError(str(error)) from None
        begun.recording.started = begun.time
        if command == "gate":
            begun.recording.bind(self.migration)

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Keeps the session, which is ended where the database is not safe to judge."""
        self._session = session

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Notes that a file of checks could not be read: an error of ours."""
        self._collection_failed |= report.failed
        if report.failed:
            self._troubles.append(Trouble(report.nodeid, report.longreprtext))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection(self, session: pytest.Session) -> Generator[None, object, object]:
        """Finds out which checks the project has, beside those that the user asked for; workers start meanwhile."""
        collected = yield
        if not (is_worker(self.config) or self.config.option.collectonly):
            self._all = collect_all(session, self.checks)
            if not self._all.unread and (reason := find_miscounts(self._all, self.migration.plan_checks)):
                raise pytest.UsageError(reason)
        return collected

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Notes which checks were asked for."""
        self._asked = [item.nodeid for item in session.items]

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: Sequence[str]) -> None:
        """Notes which checks were asked for, as a worker of pytest-xdist has found them."""
        self._asked = ids

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object | None) -> None:
        """Notes that a worker of pytest-xdist ended otherwise than it should."""
        if error is not None:
            self._crashed.append(node.gateway.id)
            self._troubles.append(Trouble(f"worker {node.gateway.id} crashed, or was killed", str(error)))

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Takes the result of a check, from this process or from a worker, before others show it."""
        told = getattr(report, "postmigration", None)
        if told is None:
            if report.failed and (item := self._all.items.get(report.nodeid)):
                # A worker died of it.
                self.results[report.nodeid] = report_lost(item)
            elif report.failed:
                self._troubles.append(Trouble(report.nodeid, report.longreprtext))
            return
        result = Result.from_dict(told)
        self._unsafe = self._unsafe or getattr(report, "unsafe", "")
        if self._unsafe and self._session is not None:
            self._session.shouldstop = "the database is not safe to judge"
        if result.outcome == "failed":
            shown = as_text.Shown(result, self.config.option.evidence_rows, getattr(report, "traceback", ""))
            report.longrepr = shown  # type: ignore[assignment]
        known = self.results.get(result.nodeid)
        # A fixture that breaks after the check has passed must not be lost behind the success.
        if known is None or known.outcome == "passed":
            self.results[result.nodeid] = result

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> Generator[None]:
        """Replaces pytest's exit status by the verdict's, and writes the reports: what decides a gate comes last."""
        if is_worker(self.config):
            return (yield)
        if (begun := self.config.stash.get(START, None)) is not None:
            begun.ignore_interrupts()
        self.verdict = self._count_judged(exitstatus, stopped=bool(session.shouldfail))
        if self.page is not None and begun is not None:
            try:
                publishing.publish(self.validation(), begun.files, self.page.write(session))
                begun.published = True
            except OSError as error:
                where = f"the report cannot be written to {error.filename} ({error.strerror})"
                begun.reason = f"{where}; what was found: {self.verdict.line}"
                self.verdict = Verdict("ERROR", begun.reason, CANNOT_JUDGE)
        session.exitstatus = self.verdict.status
        if begun is not None and begun.recording is not None:
            begun.recording.page = begun.files.html if begun.published else None
            run_facts.record(begun.recording, self.validation())
            self._unrecorded = begun.recording.end(self.verdict.status)
        yield

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Says in a pipeline's log too what was not judged, why, and of what people are warned."""
        results = in_order(list(self.results.values()))
        for title, lines in (
            ("not judged", as_text.list_unjudged(results)),
            ("warnings", as_text.list_warned(results)),
        ):
            if lines:
                terminalreporter.section(title)
                terminalreporter.write_line("\n".join(lines))

    @pytest.hookimpl(trylast=True)
    def pytest_unconfigure(self, config: pytest.Config) -> None:
        """Prints the verdict where a pipeline's log shows it: last."""
        if self.verdict is not None:
            validation = self.validation()
            if self._unrecorded:
                print(self._unrecorded, file=sys.stderr)
            ending.conclude(
                self.verdict, github.commands(validation, os.environ), as_text.list_causes(diagnose(validation))
            )
            if (begun := config.stash.get(START, None)) is not None:
                begun.told = True

    def validation(self) -> Validation:
        """What the run came to, once it has its verdict."""
        assert self.verdict is not None
        run = self.config.stash.get(RUN, None)
        results = in_order(list(self.results.values()))
        place = "" if run is None else run_facts.place(run)
        weak = run_facts.list_weakening(self.config, run)
        if omitted := self._find_omitted():
            weak.append(f"{len(omitted):,} of {len(self._all.ids):,} checks left out")
        return Validation(
            migration=self.migration,
            verdict=self.verdict,
            place=place,
            facts={} if run is None else run_facts.subject(self.config, run),
            weakened=weak,
            results=results,
            troubles=self._troubles,
            checks=len(self._all.ids),
            omitted=omitted,
            has_baseline=run is not None and run.origin is not None,
            started=self.started,
            ended=self._ended,
            changes=changes.changes(self._last, place, results),
            evidence_rows=self.config.option.evidence_rows,
        )

    def _find_omitted(self) -> list[str]:
        """The ids of the checks that came to no result: not asked for, or not come to."""
        return [nodeid for nodeid in self._all.ids if nodeid not in self.results]

    def _add_unreached(self, *, stopped: bool) -> str:
        """Has each check to which the run did not come say so.

        Returns:
            What ended the run before it came to all; empty where nothing did.
        """
        deadline = self.config.stash.get(DEADLINE, None)
        broken_off = any(result.by in UNREACHED for result in self.results.values())
        over = deadline is not None and deadline.is_over
        if deadline is not None:
            # Reports and cleaning up may take longer than what is left.
            deadline.lift()
        if busy := [result.reason for result in self.results.values() if result.by is Hindrance.BUSY]:
            why = busy[0].removeprefix(NOT_BEGUN)
        elif deadline is not None and (broken_off or over):
            why = deadline.reason
        elif stopped:
            most = self.config.option.maxfail
            why = "the run was stopped at the first failure (-x)" if most == 1 else f"--maxfail={most} stopped the run"
        else:
            return ""
        left = [nodeid for nodeid in self._asked if nodeid not in self.results and nodeid in self._all.items]
        self.results |= {nodeid: report_cut_short(self._all.items[nodeid], why) for nodeid in left}
        if not any(result.by in UNREACHED for result in self.results.values()):
            return ""
        place = {nodeid: position for position, nodeid in enumerate(self._all.items)}
        self.results = {
            nodeid: replace(result, position=place.get(nodeid, result.position))
            for nodeid, result in self.results.items()
        }
        return why

    def _count_judged(self, exitstatus: int, *, stopped: bool) -> Verdict:
        self._ended = datetime.datetime.now(datetime.UTC)
        run = self.config.stash.get(RUN, None)
        cut_short = self._add_unreached(stopped=stopped)
        omitted = self._find_omitted()
        if run is not None and run.options.waivers and not (omitted or cut_short):
            self.results["waivers"] = of_waivers(run.options.waivers, list(self.results.values()), today(), run.excused)
        come_to = verdict(
            in_order(list(self.results.values())),
            plan_checks=self.migration.plan_checks,
            checks=len(self._all.ids),
            omitted=len(omitted),
            cut_short=cut_short,
            crashed=self._crashed,
            subject="no database" if run is None else run_facts.summary(self.config, run),
            demonstration=run is not None and bool(run.demonstration),
            allow_partial=self.config.option.allow_partial,
            allow_empty=self.config.option.allow_empty,
            strict=bool(self.config.option.strict),
            baseline="" if run is None else run_facts.find_baseline_form(run),
            # With workers, pytest calls it an interruption that -x or --maxfail stopped the run.
            interrupted=exitstatus == pytest.ExitCode.INTERRUPTED and not (self._collection_failed or stopped),
            as_people=bool(self.migration.people),
            proof=self.config.stash[PROVER].sentence() if PROVER in self.config.stash else "",
        )
        if come_to.status == GO and run is not None and not run.demonstration:
            self._unsafe = self._unsafe or explain_new_shadows(run.writer)
        if self._unsafe:
            return Verdict("ERROR", self._unsafe, CANNOT_JUDGE)
        status = come_to.status
        if self._collection_failed or exitstatus == pytest.ExitCode.INTERNAL_ERROR:
            status = pytest.ExitCode.INTERNAL_ERROR
        elif exitstatus == pytest.ExitCode.USAGE_ERROR:
            status = CANNOT_JUDGE
        elif exitstatus == pytest.ExitCode.TESTS_FAILED and not status:
            # Something outside the checks failed in the same session.
            status = pytest.ExitCode.TESTS_FAILED
        return come_to if status == come_to.status else Verdict("ERROR", come_to.sentence, int(status))


def is_worker(config: pytest.Config) -> bool:
    """Whether this process runs checks for another one (pytest-xdist)."""
    return hasattr(config, "workerinput")
