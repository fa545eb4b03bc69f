"""The pytest plugin: options in, checks judged, verdict and exit status out."""

from __future__ import annotations

import datetime
import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from postmigration import faults, options, wrong_calls
from postmigration.address import redact_secrets
from postmigration.backups.verification import Verification
from postmigration.database import refusal, refused_because
from postmigration.errors import CannotJudge, NotJudged, UnsafeToJudge
from postmigration.evidence import Finding, Violation
from postmigration.judging import today
from postmigration.migration import Migration
from postmigration.outcome import POSITION, lost, plan_of, result_of
from postmigration.project import project
from postmigration.proving import Prover
from postmigration.report import as_text, changes, ending, facts, github, publishing
from postmigration.report.as_html import HtmlReport, configure_page
from postmigration.report.record import Record, Trouble, in_order
from postmigration.run import Run, opened
from postmigration.selection import Checks, collect_all, miscounted
from postmigration.shadows import explain_new_shadows
from postmigration.starting import ASKING, START, asks_for, start_late
from postmigration.target import Target
from postmigration.verdict import CANNOT_JUDGE, GO, INTERRUPTED, Result, Verdict, of_waivers, verdict

# What the process that plants faults replaces, one world after the other.
RUN = pytest.StashKey[Run]()
SESSION = pytest.StashKey["Judgement"]()
_PROVER = pytest.StashKey[Prover]()

pytest_plugins = ["postmigration.starting"]


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
        self._last: changes.Last | None = None

    def prepare(self) -> None:
        """Makes sure that in place of older reports it stands that this run has not finished."""
        begun = start_late(self.config)
        self.started, self._last = begun.time, changes.last(begun.files.json)
        configure_page(self.config, begun.files)

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
        if not (_is_worker(self.config) or self.config.option.collectonly):
            self._all = collect_all(session, self.checks)
            if not self._all.unread and (reason := miscounted(self._all, self.migration.plan_checks)):
                raise pytest.UsageError(reason)
        return collected

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
                self.results[report.nodeid] = lost(item)
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
        if _is_worker(self.config):
            return (yield)
        if (begun := self.config.stash.get(START, None)) is not None:
            begun.ignore_interrupts()
        self.verdict = self._judged(exitstatus, stopped=bool(session.shouldfail))
        if self.page is not None and begun is not None:
            try:
                publishing.publish(self.record(), begun.files, self.page.write(session))
                begun.published = True
            except OSError as error:
                where = f"the report cannot be written to {error.filename} ({error.strerror})"
                begun.reason = f"{where}; what was found: {self.verdict.line}"
                self.verdict = Verdict("ERROR", begun.reason, CANNOT_JUDGE)
        session.exitstatus = self.verdict.status
        yield

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Says in a pipeline's log too what was not judged, why, and of what people are warned."""
        results = in_order(list(self.results.values()))
        for title, lines in (("not judged", as_text.unjudged(results)), ("warnings", as_text.warned(results))):
            if lines:
                terminalreporter.section(title)
                terminalreporter.write_line("\n".join(lines))

    @pytest.hookimpl(trylast=True)
    def pytest_unconfigure(self, config: pytest.Config) -> None:
        """Prints the verdict where a pipeline's log shows it: last."""
        if self.verdict is not None:
            ending.concluded(self.verdict, github.commands(self.record(), os.environ))
            if (begun := config.stash.get(START, None)) is not None:
                begun.told = True

    def record(self) -> Record:
        """What the run came to, once it has its verdict."""
        assert self.verdict is not None
        run = self.config.stash.get(RUN, None)
        results = in_order(list(self.results.values()))
        place = "" if run is None else facts.place(run)
        weak = facts.weakened(self.config, run)
        if omitted := self._omitted():
            weak.append(f"{len(omitted):,} of {len(self._all.ids):,} checks left out")
        return Record(
            migration=self.migration,
            verdict=self.verdict,
            place=place,
            facts={} if run is None else facts.subject(self.config, run),
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

    def _omitted(self) -> list[str]:
        """The ids of the checks that came to no result: not asked for, or not come to."""
        return [nodeid for nodeid in self._all.ids if nodeid not in self.results]

    def _judged(self, exitstatus: int, *, stopped: bool) -> Verdict:
        self._ended = datetime.datetime.now(datetime.UTC)
        run = self.config.stash.get(RUN, None)
        omitted = self._omitted()
        if run is not None and run.options.waivers and not omitted:
            self.results["waivers"] = of_waivers(run.options.waivers, list(self.results.values()), today(), run.excused)
        come_to = verdict(
            in_order(list(self.results.values())),
            plan_checks=self.migration.plan_checks,
            checks=len(self._all.ids),
            omitted=len(omitted),
            crashed=self._crashed,
            subject="no database" if run is None else facts.summary(self.config, run),
            demonstration=run is not None and bool(run.demonstration),
            allow_partial=self.config.option.allow_partial,
            allow_empty=self.config.option.allow_empty,
            strict=bool(self.config.option.strict),
            fingerprint=run is not None and run.fingerprint is not None,
            # With workers, pytest calls it an interruption that -x or --maxfail stopped the run.
            interrupted=exitstatus == pytest.ExitCode.INTERRUPTED and not (self._collection_failed or stopped),
            proof=self.config.stash[_PROVER].sentence() if _PROVER in self.config.stash else "",
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


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Adds the options, and sees to it that a wrong call is answered by one line without a password."""
    options.declare(parser.getgroup("postmigration", "judging a migrated database").addoption)
    wrong_calls.explain_errors(parser, pluginmanager)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Finds out whether this session judges, and prepares its reports before their plugins look at the options."""
    config.addinivalue_line("markers", "plan(number, group, title): a check of the deployment plan")
    if any(getattr(config.option, name, False) for name in ASKING if name != "collectonly"):
        return
    wrong_calls.refuse_misplaced(config)
    try:
        migration, checks = project(config.rootpath)
    except CannotJudge as error:
        raise pytest.UsageError(str(error)) from None
    if config.option.strict and config.option.allow_partial:
        raise pytest.UsageError("--strict and --allow-partial contradict each other: leave one out")
    if not _judges(config, checks):
        if options.chosen_target(config.option) is not None or options.chosen_baseline(config.option):
            raise pytest.UsageError(
                f"--db-url and --baseline are for the checks in {checks.name}/, which were not asked for"
            )
        return
    config.stash[SESSION] = Judgement(config, migration, checks)
    if _on_the_bench(config):
        return
    config.pluginmanager.register(config.stash[SESSION])
    if config.option.collectonly:
        config.option.htmlpath = config.option.xmlpath = None
    elif not _is_worker(config):
        config.stash[SESSION].prepare()


@pytest.hookimpl(wrapper=True)
def pytest_sessionstart(session: pytest.Session) -> Generator[None]:
    """Opens the databases before the header is printed; what is in the way is one line and exit status 4."""
    config = session.config
    if SESSION in config.stash and not config.option.collectonly and not _on_the_bench(config):
        if START in config.stash:
            # Where the report will be; pytest-html has taken note of where to write its own.
            config.option.htmlpath = str(config.stash[START].files.html)
        joined = getattr(config, "workerinput", {}).get("postmigration")
        try:
            migration = config.stash[SESSION].migration
            known = faults.read_all(migration.faults) if config.option.prove else ()
            judging = options.judging(config.option, migration.plan_checks)
            with ending.waiting(
                "opening the databases", quiet=joined is not None or getattr(config.option, "verbose", 0) < 0
            ):
                run = opened(options.request(config.option), judging, migration, joined)
        except CannotJudge as error:
            raise pytest.UsageError(redact_secrets(str(error), wrong_calls.arguments(config))) from None
        except NotJudged as error:
            raise pytest.UsageError(f"could not be judged: {error}") from None
        except KeyboardInterrupt:
            config.stash[SESSION].verdict = Verdict("INTERRUPTED", "nothing was judged", INTERRUPTED)
            raise
        except sa.exc.DBAPIError as error:
            raise pytest.UsageError(f"the database cannot be read: {refused_because(error)}") from None
        config.stash[RUN] = run
        config.add_cleanup(run.cleanup.close)
        if joined is None:
            session_report = HtmlReport(config, config.stash[SESSION].record, config.stash[START].files)
            config.stash[SESSION].page = session_report
            config.pluginmanager.register(session_report)
        if joined is None and config.option.prove:
            checks = config.stash[SESSION].checks
            config.stash[_PROVER] = Prover(config, checks, known, baseline=run.baseline is not None)
            config.pluginmanager.register(config.stash[_PROVER])
        if joined is not None and (reporter := config.pluginmanager.get_plugin("terminalreporter")) is not None:
            # Nobody reads what a worker prints, and plugins import much for their part of the summary.
            config.pluginmanager.unregister(reporter)
    yield


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Lets a worker of pytest-xdist see the same snapshot."""
    if RUN in node.config.stash:
        try:
            node.workerinput["postmigration"] = node.config.stash[RUN].share()
        except NotJudged as error:
            raise pytest.UsageError(f"could not be judged: {error}") from None


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Says what is judged."""
    run = config.stash.get(RUN, None)
    return [] if run is None else [f"{name + ':':<14} {value}" for name, value in facts.subject(config, run).items()]


@pytest.fixture
def target(pytestconfig: pytest.Config) -> Target:
    """The database under judgement, with evidence of this check's own."""
    return pytestconfig.stash[RUN].view()


@pytest.fixture
def backup(pytestconfig: pytest.Config) -> Verification:
    """What was found of the backup; checks that ask for it are left out where none is named."""
    return pytestconfig.stash[RUN].backup


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Puts the plan's checks first, in the plan's order, and leaves out those of a backup that nobody has named."""
    if SESSION in config.stash and not config.option.backup:
        unnamed = [item for item in items if "backup" in getattr(item, "fixturenames", ())]
        if unnamed:
            items[:] = [item for item in items if item not in unnamed]
            config.hook.pytest_deselected(items=unnamed)
    items.sort(key=lambda item: plan_of(item)[0] or 1_000)
    for position, item in enumerate(items):
        item.stash[POSITION] = position


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Lets the check state all that it has to state, and then judges it."""
    seen = pyfuncitem.funcargs.get("target")
    if not isinstance(seen, Target):
        return (yield)
    try:
        outcome = yield
        seen.conclude((pyfuncitem.function.__name__.removeprefix("test_"), str(plan_of(pyfuncitem)[0])))
    except NotJudged:
        if seen.evidence.blockers:
            raise Violation(seen.evidence) from None
        raise
    except sa.exc.DBAPIError as error:
        seen.evidence.findings.append(Finding(f"the server refused: {refusal(error)}", 1, 1))
        raise Violation(seen.evidence) from None
    return outcome


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turns how a check ended into its result, which travels with pytest's own report."""
    judgement = item.config.stash.get(SESSION, None)
    if judgement is None or judgement.checks not in item.path.parents:
        return (yield)
    traced = getattr(item.config.option, "tbstyle", "auto") not in ("auto", "no")
    if call.excinfo is not None and isinstance(call.excinfo.value, Violation | NotJudged) and not traced:
        # pytest is about to write down what nobody will read, and that takes longer than many a check.
        call.excinfo.traceback = call.excinfo.traceback[-1:]
    testreport = yield
    if call.when != "call" and testreport.passed:
        return testreport
    result = result_of(item, call, testreport)
    if result.outcome == "failed":
        if traced:
            testreport.traceback = testreport.longreprtext  # type: ignore[attr-defined]
        testreport.longrepr = f"{result.group}: {result.title}"
    elif result.outcome == "broken" and isinstance(getattr(call.excinfo, "value", None), sa.exc.DBAPIError):
        # The server's own words may quote rows.
        testreport.longrepr = result.reason
    elif result.outcome == "not judged":
        testreport.outcome = "skipped"
        testreport.longrepr = (str(item.path), item.location[1] or 0, f"not judged: {result.reason}")
    testreport.postmigration = result.to_dict()  # type: ignore[attr-defined]
    if call.excinfo is not None and isinstance(call.excinfo.value, UnsafeToJudge):
        testreport.unsafe = str(call.excinfo.value)  # type: ignore[attr-defined]
    return testreport


def _on_the_bench(config: pytest.Config) -> bool:
    """Whether this session runs checks on databases of its own, instead of judging one."""
    return config.pluginmanager.has_plugin("postmigration.bench")


def _is_worker(config: pytest.Config) -> bool:
    """Whether this process runs checks for another one (pytest-xdist)."""
    return hasattr(config, "workerinput")


def _judges(config: pytest.Config, checks: Path) -> bool:
    start = config.invocation_params.dir
    return asks_for((Path(os.path.normpath(start / text.split("::")[0])) for text in config.args), checks)
