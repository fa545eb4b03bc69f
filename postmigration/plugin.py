"""The pytest plugin: options in, checks judged, verdict and exit status out."""

from __future__ import annotations

import contextlib
import datetime
import importlib
import inspect
import math
import os
import tomllib
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from postmigration import embedded, report
from postmigration.database import Limits, refusal
from postmigration.errors import CannotJudge, NotJudged
from postmigration.evidence import Evidence, Finding, Violation
from postmigration.migration import Migration
from postmigration.run import Request, Run, opened
from postmigration.target import Options, Target
from postmigration.verdict import CANNOT_JUDGE, Result, Verdict, verdict

_RUN = pytest.StashKey[Run]()
_SESSION = pytest.StashKey["Judgement"]()

# Environment variables that keep a password off the command line.
_ENVIRONMENT = {"db_url": "POSTMIGRATION_DB_URL", "baseline": "POSTMIGRATION_BASELINE"}


# Options with which pytest only tells something.
_ASKING = ("help", "markers", "showfixtures", "show_fixtures_per_test", "cacheshow")

# PostgreSQL's limit for a timeout.
_LONGEST = 2_147_483


class Judgement:
    """Gathers what one pytest session judges, and ends it with the verdict."""

    def __init__(self, config: pytest.Config, migration: Migration, checks: Path) -> None:
        self.config = config
        self.migration = migration
        self.checks = checks
        self.results: dict[str, Result] = {}
        self.verdict: Verdict | None = None
        self._collection_failed = False

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Notes that a file of checks could not be read: an error of ours."""
        self._collection_failed |= report.failed

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Takes the result of a check, from this process or from a worker."""
        facts = getattr(report, "postmigration", None)
        if facts is None:
            return
        result = Result.from_dict(facts)
        known = self.results.get(result.nodeid)
        # A fixture that breaks after the check has passed must not be lost behind the success.
        if known is None or known.outcome == "passed":
            self.results[result.nodeid] = result

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Replaces pytest's exit status by the verdict's, unless the run itself went wrong."""
        run = self.config.stash.get(_RUN, None)
        self.verdict = verdict(
            list(self.results.values()),
            plan_checks=self.migration.plan_checks,
            subject="no database" if run is None else report.summary(self.config, run),
            demonstration=run is not None and bool(run.demonstration),
            allow_partial=self.config.option.allow_partial,
            interrupted=exitstatus == pytest.ExitCode.INTERRUPTED and not self._collection_failed,
        )
        status = self.verdict.status
        if self._collection_failed or exitstatus == pytest.ExitCode.INTERNAL_ERROR:
            status = pytest.ExitCode.INTERNAL_ERROR
        elif exitstatus == pytest.ExitCode.USAGE_ERROR:
            status = CANNOT_JUDGE
        elif exitstatus == pytest.ExitCode.TESTS_FAILED and not status:
            # Something outside the checks failed in the same session.
            status = pytest.ExitCode.TESTS_FAILED
        if status != self.verdict.status:
            self.verdict = Verdict("ERROR", self.verdict.sentence, int(status))
        session.exitstatus = status

    @pytest.hookimpl(trylast=True)
    def pytest_unconfigure(self, config: pytest.Config) -> None:
        """Prints the verdict where a pipeline's log shows it: last."""
        if self.verdict is not None and not hasattr(config, "workerinput"):
            print(self.verdict.line)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds the options; each is described here and in the README's table, nowhere else."""
    group = parser.getgroup("postmigration", "judging a migrated database")
    add = group.addoption
    add("--db-url", metavar="URL", help="the database to judge (or $POSTMIGRATION_DB_URL); default: a demonstration")
    add("--baseline", metavar="URL", help="the database before the migration (or $POSTMIGRATION_BASELINE)")
    add("--schema", default="public", metavar="NAME", help="the schema of the application's tables (%(default)s)")
    add("--cutover", metavar="TIMESTAMP", help="when the migrated application went live; what came later owes less")
    add("--read-only", action="store_true", help="leave out the checks that write and roll back")
    add("--allow-empty", action="store_true", help="a check that finds no rows to examine passes")
    add("--allow-partial", action="store_true", help="exit 0 although checks were left out or not judged")
    add("--show-values", action="store_true", help="show personal data in evidence instead of masking it")
    add("--evidence-rows", type=int, default=5, metavar="N", help="wrong rows shown per finding (%(default)s)")
    add("--budget", action="append", default=[], metavar="N=MS", help="milliseconds for the query of plan check N")
    add("--statement-timeout", type=int, default=300, metavar="SECONDS", help="for one statement (%(default)s)")
    add("--lock-timeout", type=int, default=2, metavar="SECONDS", help="for waiting for a lock (%(default)s)")
    add("--world-seed", type=int, default=1, metavar="N", help="which demonstration world (%(default)s)")
    add("--world-size", type=int, default=200, metavar="N", help="its customer contacts (%(default)s)")
    add(
        "--embedded-version",
        type=int,
        choices=embedded.VERSIONS,
        default=embedded.VERSIONS[-1],
        help="its PostgreSQL (%(default)s)",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Finds out whether this session judges, and prepares its reports before their plugins look at the options."""
    config.addinivalue_line("markers", "plan(number, group, title): a check of the deployment plan")
    if any(getattr(config.option, name, False) for name in _ASKING):
        return
    migration, checks = _project(config.rootpath)
    if not _judges(config, checks):
        if _chosen(config, "db_url") is not None or _chosen(config, "baseline") is not None:
            raise pytest.UsageError(
                f"--db-url and --baseline are for the checks in {checks.name}/, which were not asked for"
            )
        return
    config.stash[_SESSION] = Judgement(config, migration, checks)
    config.pluginmanager.register(config.stash[_SESSION])
    if not hasattr(config, "workerinput"):
        report.prepare(config)
    if config.option.collectonly:
        # The pages that say that nothing was judged stay.
        config.option.htmlpath = config.option.xmlpath = None


@pytest.hookimpl(wrapper=True)
def pytest_sessionstart(session: pytest.Session) -> Generator[None]:
    """Opens the databases before the header is printed; what is in the way is one line and exit status 4."""
    config = session.config
    if _SESSION in config.stash and not config.option.collectonly:
        joined = getattr(config, "workerinput", {}).get("postmigration")
        try:
            run = opened(_request(config), _options(config), config.stash[_SESSION].migration, joined)
        except CannotJudge as error:
            raise pytest.UsageError(str(error)) from None
        except sa.exc.DBAPIError as error:
            raise pytest.UsageError(f"the database cannot be read: {_said(error)}") from None
        config.stash[_RUN] = run
        config.add_cleanup(run.cleanup.close)
        if joined is None:
            config.pluginmanager.register(report.HtmlReport(config, run, config.stash[_SESSION]))
    yield


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Lets a worker of pytest-xdist see the same snapshot."""
    if _RUN in node.config.stash:
        node.workerinput["postmigration"] = node.config.stash[_RUN].share()


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Says what is judged."""
    run = config.stash.get(_RUN, None)
    return [] if run is None else [f"{name}: {value}" for name, value in report.subject(config, run).items()]


@pytest.fixture
def target(pytestconfig: pytest.Config) -> Target:
    """The database under judgement, with evidence of this check's own."""
    return pytestconfig.stash[_RUN].view()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the plan's checks first, in the plan's order."""
    items.sort(key=lambda item: _plan(item)[0] or 1_000)


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Lets the check state all that it has to state, and then judges it."""
    seen = pyfuncitem.funcargs.get("target")
    if not isinstance(seen, Target):
        return (yield)
    try:
        outcome = yield
        seen.conclude()
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
    testreport = yield
    judgement = item.config.stash.get(_SESSION, None)
    if judgement is None or judgement.checks not in item.path.parents:
        return testreport
    if call.when != "call" and testreport.passed:
        return testreport
    result = _result(item, call, testreport)
    if result.outcome == "failed":
        testreport.longrepr = report.text(result)
    elif result.outcome == "broken" and isinstance(getattr(call.excinfo, "value", None), sa.exc.DBAPIError):
        # The server's own words may quote rows.
        testreport.longrepr = result.reason
    elif result.outcome == "not judged":
        testreport.outcome = "skipped"
        testreport.longrepr = (str(item.path), item.location[1] or 0, f"not judged: {result.reason}")
    testreport.postmigration = result.to_dict()  # type: ignore[attr-defined]
    return testreport


def _result(item: pytest.Item, call: pytest.CallInfo[None], testreport: pytest.TestReport) -> Result:
    number, group, title = _plan(item)
    sentence, _, meaning = (inspect.getdoc(getattr(item, "obj", None)) or item.name).partition("\n\n")
    seen = getattr(item, "funcargs", {}).get("target")
    evidence = seen.evidence if isinstance(seen, Target) else Evidence()
    outcome, reason = "passed", ""
    if call.excinfo is not None:
        error = call.excinfo.value
        if isinstance(error, Violation):
            outcome, evidence = "failed", error.evidence
        elif isinstance(error, NotJudged | CannotJudge | pytest.skip.Exception | pytest.xfail.Exception):
            outcome, reason = "not judged", str(error)
        elif isinstance(error, sa.exc.DBAPIError):
            try:
                outcome, reason = "broken", f"the server refused what prepares the check: {refusal(error)}"
            except NotJudged as unknown:
                outcome, reason = "not judged", str(unknown)
        else:
            outcome, reason = "broken", f"{type(error).__name__} while it ran: an error of ours"
    elif not isinstance(seen, Target):
        outcome, reason = "not judged", "it looked at no database"
    elif not testreport.passed:
        outcome, reason = "not judged", f"pytest reports it as {testreport.outcome}"
    sentence = " ".join(sentence.split())
    return Result(
        nodeid=item.nodeid,
        plan=number,
        group=group or item.path.stem.removeprefix("test_"),
        title=title or _in_words(item.name),
        sentence=sentence,
        meaning=" ".join(meaning.split()),
        outcome=outcome,  # type: ignore[arg-type]
        reason=reason,
        evidence=evidence,
        duration=testreport.duration,
    )


def _in_words(name: str) -> str:
    function, _, case = name.removeprefix("test_").partition("[")
    return function.replace("_", " ") + (f": {case.rstrip(']')}" if case else "")


def _plan(item: pytest.Item) -> tuple[int | None, str, str]:
    marker = item.get_closest_marker("plan")
    return (None, "", "") if marker is None else (marker.args[0], marker.kwargs["group"], marker.kwargs["title"])


def _said(error: sa.exc.DBAPIError) -> str:
    try:
        return refusal(error)
    except NotJudged as unknown:
        return str(unknown)


def _project(root: Path) -> tuple[Migration, Path]:
    """The migration that pyproject.toml names, and the directory of its checks."""
    file = root / "pyproject.toml"
    try:
        settings = tomllib.loads(file.read_text())["tool"]["postmigration"]
        module, _, name = settings["migration"].partition(":")
        return getattr(importlib.import_module(module), name), root / settings["checks"]
    except (OSError, KeyError) as error:
        raise pytest.UsageError(f"{file} has no [tool.postmigration] with migration and checks: {error}") from None


def _judges(config: pytest.Config, checks: Path) -> bool:
    start = config.invocation_params.dir
    asked = [Path(os.path.normpath(start / argument.split("::")[0])) for argument in config.args]
    return any(path == checks or checks in path.parents or path in checks.parents for path in asked)


def _chosen(config: pytest.Config, name: str) -> str | None:
    option: str | None = config.getoption(name)
    return os.environ.get(_ENVIRONMENT[name]) if option is None else option


def _request(config: pytest.Config) -> Request:
    option = config.option
    if option.world_size < 1:
        raise CannotJudge(f"--world-size={option.world_size}: want 1 or more")
    if not all(1 <= seconds <= _LONGEST for seconds in (option.statement_timeout, option.lock_timeout)):
        raise CannotJudge(f"--statement-timeout and --lock-timeout: want seconds, 1 to {_LONGEST}")
    return Request(
        db_url=_chosen(config, "db_url"),
        baseline=_chosen(config, "baseline"),
        schema=option.schema,
        limits=Limits(option.statement_timeout * 1_000, option.lock_timeout * 1_000),
        world_seed=option.world_seed,
        world_size=option.world_size,
        embedded_version=option.embedded_version,
    )


def _options(config: pytest.Config) -> Options:
    option = config.option
    return Options(
        cutover=_timestamp(option.cutover),
        read_only=option.read_only,
        allow_empty=option.allow_empty,
        show_values=option.show_values,
        evidence_rows=max(1, option.evidence_rows),
        budgets=dict(_budget(text, config.stash[_SESSION].migration.plan_checks) for text in option.budget),
    )


def _timestamp(text: str | None) -> str:
    if text is None:
        return "infinity"
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        raise CannotJudge(f"--cutover={text} is no timestamp: want one like 2026-11-01T22:00:00+00:00") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)).isoformat()


def _budget(text: str, plan_checks: int) -> tuple[int, float]:
    number, _, limit = text.partition("=")
    with contextlib.suppress(ValueError):
        if 1 <= int(number) <= plan_checks and 0 < float(limit) < math.inf:
            return int(number), float(limit)
    raise CannotJudge(f"--budget={text}: want the number of a plan check and milliseconds, like 17=100")
