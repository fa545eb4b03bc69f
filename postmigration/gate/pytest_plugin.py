"""The pytest plugin: options in, checks judged, verdict and exit status out."""

from __future__ import annotations

import datetime
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from postmigration.backups.verification import Verification
from postmigration.checks.assertions import Target
from postmigration.gate import join_built_in, options, run_facts, wrong_calls
from postmigration.gate.check_result import POSITION, plan_of, result_of, take_cut
from postmigration.gate.judgement import DEADLINE, PROVER, RUN, SESSION, Judgement, is_worker
from postmigration.gate.project import BUILT_IN, project
from postmigration.gate.running import budget, order, pace
from postmigration.gate.running.interruption import take_interrupts
from postmigration.gate.running.progress import Progress
from postmigration.gate.session import Run, open_session
from postmigration.gate.starting import ASKING, START
from postmigration.model import faults
from postmigration.model.errors import CannotJudge, Hindrance, NotApplicable, NotJudged, UnsafeToJudge
from postmigration.model.evidence import Finding, Violation, escape
from postmigration.model.verdict import INTERRUPTED, Verdict
from postmigration.mutation.proving import Prover
from postmigration.postgres.dsn import redact_secrets
from postmigration.postgres.refusals import describe_refusal, refusal
from postmigration.report import ending
from postmigration.report.formats.as_html import HtmlReport

pytest_plugins = ["postmigration.gate.starting"]

_PROGRESS = "postmigration progress"
_PACE = pytest.StashKey[pace.Pace | None]()
# How long a check waited for others before it began, and why.
_WAITED = pytest.StashKey[str]()
# Why a worker could not open the databases.
_HINDRANCE = pytest.StashKey[NotJudged]()


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Adds the options, and sees to it that a wrong call is answered by one line without a password."""
    options.declare(parser.getgroup("postmigration", "judging a migrated database").addoption)
    wrong_calls.explain_errors(parser, pluginmanager)
    pluginmanager.register(join_built_in)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Finds out whether this session judges, and prepares its reports before their plugins look at the options."""
    config.addinivalue_line("markers", "plan(number, group, title): a check of the deployment plan")
    config.addinivalue_line("markers", "secondary: a check that may stay unjudged, but for --strict")
    if any(getattr(config.option, name, False) for name in ASKING if name != "collectonly"):
        return
    wrong_calls.refuse_misplaced(config)
    try:
        migration, checks = project(config.rootpath)
    except CannotJudge as error:
        raise pytest.UsageError(str(error)) from None
    if config.option.strict and config.option.allow_partial:
        raise pytest.UsageError("--strict and --allow-partial contradict each other: leave one out")
    config.stash[join_built_in.DECLARED] = migration
    if not join_built_in.join(config, checks):
        if options.choose_target(config.option) is not None or options.choose_baseline(config.option):
            raise pytest.UsageError(
                f"--db-url and --baseline are for the checks in {checks.name}/, which were not asked for"
            )
        return
    config.stash[SESSION] = Judgement(config, migration, checks)
    if _runs_on_its_own(config):
        return
    config.pluginmanager.register(config.stash[SESSION])
    if config.option.collectonly:
        config.option.htmlpath = config.option.xmlpath = None
    elif is_worker(config):
        config.pluginmanager.register(take_interrupts())
    else:
        config.stash[SESSION].prepare()


@pytest.hookimpl(wrapper=True)
def pytest_sessionstart(session: pytest.Session) -> Generator[None]:
    """Opens the databases before the header is printed; what is in the way is one line and exit status 4."""
    config = session.config
    if SESSION in config.stash and not config.option.collectonly and not _runs_on_its_own(config):
        if START in config.stash:
            # Where the report will be; pytest-html has taken note of where to write its own.
            config.option.htmlpath = str(config.stash[START].files.html)
        joined = getattr(config, "workerinput", {}).get("postmigration")
        try:
            migration = config.stash[SESSION].migration
            known = faults.read_all(migration.faults) if config.option.prove else ()
            judging = options.judging(config.option, migration.plan_checks, _find_project(config))
            begun = config.stash.get(START, None)
            started = datetime.datetime.now(datetime.UTC) if begun is None else begun.time
            limited = budget.limit(options.request(config.option), config, joined, started)
            bound = pace.read_bound(config.option.max_load, config.option.max_wait)
            recording = None if begun is None else begun.recording
            if (deadline := limited.limits.deadline) is not None:
                config.stash[DEADLINE] = deadline
            quiet = joined is not None or getattr(config.option, "verbose", 0) < 0
            with budget.interrupt_opening(deadline):
                with ending.waiting("opening the databases", quiet=quiet), run_facts.keep_files(recording, limited):
                    run = open_session(limited, judging, migration, joined)
                    run_facts.share_files(run)
                config.stash[RUN] = run
                config.add_cleanup(run.cleanup.close)
                if recording is not None:
                    run_facts.identify_run(recording, run)
                order.share_sizes(run)
                config.stash[_PACE] = pace.pace(run, bound)
        except KeyboardInterrupt:
            config.stash[SESSION].verdict = Verdict("INTERRUPTED", "nothing was judged", INTERRUPTED)
            raise
        except (CannotJudge, NotJudged, sa.exc.DBAPIError) as error:
            hindrance, by = _describe_hindrance(error, config), getattr(error, "by", None)
            # At the end of the time the run concludes, and says of each check that it was not begun.
            if joined is None and by is not Hindrance.CUT_SHORT:
                raise pytest.UsageError(hindrance) from None
            # What ends a worker is a traceback on the terminal; its checks say why they could not be judged.
            config.stash[_HINDRANCE] = NotJudged(hindrance, by)
        if joined is None:
            session_report = HtmlReport(config, config.stash[SESSION].validation, config.stash[START].files)
            config.stash[SESSION].page = session_report
            config.pluginmanager.register(session_report)
            judgement = config.stash[SESSION]
            if RUN in config.stash:
                progress = Progress(config, config.stash[RUN], lambda: judgement.known)
                config.pluginmanager.register(progress, _PROGRESS)
        if joined is None and config.option.prove:
            checks = config.stash[SESSION].checks
            config.stash[PROVER] = Prover(
                config, checks, known, baseline=run.baseline is not None, scratch=run.request.scratch
            )
            config.pluginmanager.register(config.stash[PROVER])
        if joined is not None and (reporter := config.pluginmanager.get_plugin("terminalreporter")) is not None:
            # Nobody reads what a worker prints, and plugins import much for their part of the summary.
            config.pluginmanager.unregister(reporter)
    yield


def _describe_hindrance(error: Exception, config: pytest.Config) -> str:
    """Why the databases could not be opened, in one line without what may be a password."""
    if isinstance(error, sa.exc.DBAPIError):
        return f"the database cannot be read: {describe_refusal(error)}"
    if isinstance(error, NotJudged):
        return f"could not be judged: {error}"
    return escape(redact_secrets(str(error), wrong_calls.arguments(config)))


def _find_run(config: pytest.Config) -> Run:
    """What is judged.

    Raises:
        NotJudged: this process could not open the databases.
    """
    if _HINDRANCE in config.stash:
        raise config.stash[_HINDRANCE]
    return config.stash[RUN]


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Lets a worker of pytest-xdist see the same snapshot."""
    deadline = node.config.stash.get(DEADLINE, None)
    if RUN in node.config.stash:
        run = node.config.stash[RUN]
        try:
            shared = run.share()
        except NotJudged as error:
            if error.by is not Hindrance.CUT_SHORT:
                raise pytest.UsageError(f"could not be judged: {error}") from None
            # In place of one that crashed before the end of the time: it opens nothing, and says so of what is left.
            shared = {**run.shared, "snapshots": [None, None]}
        node.workerinput["postmigration"] = {**shared, **budget.share_end(deadline)}
    elif deadline is not None:
        # The time was over before the databases were open.
        node.workerinput["postmigration"] = budget.share_end(deadline)


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Says what is judged."""
    run = config.stash.get(RUN, None)
    return (
        [] if run is None else [f"{name + ':':<14} {value}" for name, value in run_facts.subject(config, run).items()]
    )


@pytest.fixture
def target(pytestconfig: pytest.Config) -> Target:
    """The database under judgement, with evidence of this check's own."""
    return _find_run(pytestconfig).view()


@pytest.fixture
def backup(pytestconfig: pytest.Config) -> Verification:
    """What was found of the backup; checks that ask for it are left out where none is named."""
    return run_facts.read_backup(_find_run(pytestconfig))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Counts the checks in the plan's order, runs the cheap ones first, and leaves out those of an unnamed backup."""
    if SESSION in config.stash and not config.option.backup:
        unnamed = [item for item in items if "backup" in getattr(item, "fixturenames", ())]
        if unnamed:
            items[:] = [item for item in items if item not in unnamed]
            config.hook.pytest_deselected(items=unnamed)
    items.sort(key=lambda item: plan_of(item)[0] or 1_000)
    for position, item in enumerate(items):
        item.stash[POSITION] = position
    if (run := config.stash.get(RUN, None)) is not None and not _runs_on_its_own(config):
        order.sort(items, run)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> bool | None:
    """Begins no check while a server is too busy, and none after the end of the time."""
    if (bounded := item.config.stash.get(_PACE, None)) is not None:
        progress: Progress | None = item.config.pluginmanager.get_plugin(_PROGRESS)
        # Of what a worker does, its results tell.
        item.stash[_WAITED] = bounded.wait((lambda _: None) if progress is None else progress.tell)
    deadline = item.config.stash.get(DEADLINE, None)
    return True if deadline is not None and deadline.is_over else None


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Begins nothing of a check once a server has stayed busy for too long."""
    if (bounded := item.config.stash.get(_PACE, None)) is not None:
        bounded.refuse()


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
    if judgement is None or not join_built_in.is_check(item.path, judgement.checks):
        return (yield)
    traced = getattr(item.config.option, "tbstyle", "auto") not in ("auto", "no")
    if (
        call.excinfo is not None
        and isinstance(call.excinfo.value, Violation | NotJudged | NotApplicable)
        and not traced
    ):
        # pytest is about to write down what nobody will read, and that takes longer than many a check.
        call.excinfo.traceback = call.excinfo.traceback[:0]
    testreport = yield
    if call.when != "call" and testreport.passed:
        return testreport
    result = result_of(item, call, testreport)
    if (deadline := item.config.stash.get(DEADLINE, None)) is not None:
        result = take_cut(result, deadline)
    if waited := item.stash.get(_WAITED, ""):
        result.evidence.notes.append(waited)
    if result.outcome == "failed":
        if traced:
            testreport.traceback = testreport.longreprtext  # type: ignore[attr-defined]
        testreport.longrepr = f"{result.group}: {result.title}"
    elif result.outcome == "broken" and isinstance(getattr(call.excinfo, "value", None), sa.exc.DBAPIError):
        # The server's own words may quote rows.
        testreport.longrepr = result.reason
    elif result.outcome in ("not judged", "not applicable"):
        testreport.outcome = "skipped"
        testreport.longrepr = (str(item.path), item.location[1] or 0, f"{result.outcome}: {result.reason}")
    testreport.postmigration = result.to_dict()  # type: ignore[attr-defined]
    if call.excinfo is not None and isinstance(call.excinfo.value, UnsafeToJudge):
        testreport.unsafe = str(call.excinfo.value)  # type: ignore[attr-defined]
    return testreport


def _find_project(config: pytest.Config) -> Path | None:
    """The project whose migration files the database must have: a demonstration world has none of them."""
    judged = options.choose_target(config.option) is not None
    return config.rootpath if judged and config.rootpath != BUILT_IN.parent else None


def _runs_on_its_own(config: pytest.Config) -> bool:
    """Whether this session runs checks on databases of its own, instead of judging one."""
    return config.pluginmanager.has_plugin("postmigration.gate.mutation.runner")
