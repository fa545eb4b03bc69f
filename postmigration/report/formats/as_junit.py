"""JUnit XML, as GitHub, GitLab and Jenkins show it: a case per check, its group as the class, its evidence as text."""

from __future__ import annotations

from collections.abc import Mapping

import junitparser
from junitparser import xunit2

from postmigration.model.verdict import Result
from postmigration.report.formats.as_text import headline, text
from postmigration.report.unfinished import NAME
from postmigration.report.unfinished import make_legal as legal
from postmigration.report.validation import Validation


class _Case(xunit2.TestCase):
    """A test with the file it stands in, as pytest and GitLab know it."""

    file = junitparser.Attr()


def render(validation: Validation) -> str:
    """The validation as the text of an XML file."""
    cases = [_case(result, validation.evidence_rows) for result in validation.results]
    for trouble in validation.troubles:
        case = junitparser.TestCase(name=legal(trouble.where), classname="outside of the checks")
        case.result = _with_text(junitparser.Error(legal(trouble.text.partition("\n")[0])), trouble.text)
        cases.append(case)
    if validation.omitted:
        words = f"{len(validation.omitted):,} of {validation.checks:,} checks left out"
        case = junitparser.TestCase(name=words, classname="outside of the checks")
        case.result = _with_text(junitparser.Skipped(f"not judged: {words}"), "\n".join(validation.omitted))
        cases.append(case)
    properties = {
        "verdict": validation.verdict.word,
        "sentence": validation.verdict.sentence,
        "exit status": str(validation.verdict.status),
        "migration": validation.migration.name,
        **validation.facts,
    }
    return _xml(cases, properties, validation.started.isoformat(timespec="seconds"))


def _case(result: Result, evidence_rows: int) -> junitparser.TestCase:
    number = "" if result.plan is None else f"{result.plan:02d} "
    case = _Case(name=legal(f"{number}{result.title}"), classname=legal(result.group))
    case.time = round(result.duration, 3)
    file, stands, _ = result.nodeid.partition("::")
    if stands:
        # What pytest takes, to run this check again and no other one.
        case.file = legal(file)
        case.add_property("nodeid", legal(result.nodeid))
    if result.outcome == "failed":
        case.result = _with_text(junitparser.Failure(legal(headline(result)), "NO-GO"), text(result, evidence_rows))
    elif result.outcome == "broken":
        case.result = _with_text(junitparser.Error(legal(result.reason), "ERROR"), text(result, evidence_rows))
    elif result.outcome in ("not judged", "not applicable"):
        # Some show the message, and others the text only.
        case.result = _with_text(junitparser.Skipped(legal(f"{result.outcome}: {result.reason}")), result.reason)
    else:
        established = [f"Established over {result.evidence.looked_at}: {result.sentence}", *result.evidence.notes]
        warnings = [f"warning: {finding.statement}" for finding in result.evidence.warnings]
        case.system_out = legal("\n".join([*established, *warnings]))
    return case


def _xml(cases: list[junitparser.TestCase], properties: Mapping[str, str], timestamp: str) -> str:
    suite = junitparser.TestSuite(NAME)
    for name, value in properties.items():
        suite.add_property(name, legal(value))
    suite.add_testcases(cases)
    if timestamp:
        suite.timestamp = timestamp
    suites = junitparser.JUnitXml(NAME)
    suites.add_testsuite(suite)
    suites.update_statistics()
    suite.time = suites.time = round(sum(case.time or 0 for case in cases), 3)
    content = suites.tostring()
    return content.decode("utf-8") if isinstance(content, bytes) else str(content)


def _with_text(result: junitparser.junitparser.FinalResult, content: str) -> junitparser.junitparser.FinalResult:
    result.text = legal(content)
    return result
