"""JUnit XML, as GitHub, GitLab and Jenkins show it: a case per check, its group as the class, its evidence as text."""

from __future__ import annotations

import re
from collections.abc import Mapping

import junitparser

from postmigration.report.as_text import headline, text
from postmigration.report.record import Record
from postmigration.verdict import Result

# What XML 1.0 cannot hold, not even escaped.
_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NAME = "post-migration validation"


def written(record: Record) -> str:
    """The record as the text of an XML file."""
    cases = [_case(result, record.evidence_rows) for result in record.results]
    for trouble in record.troubles:
        case = junitparser.TestCase(name=_legal(trouble.where), classname="outside of the checks")
        case.result = _with_text(junitparser.Error(_legal(trouble.text.partition("\n")[0])), trouble.text)
        cases.append(case)
    if record.omitted:
        words = f"{len(record.omitted):,} of {record.checks:,} checks left out"
        case = junitparser.TestCase(name=words, classname="outside of the checks")
        case.result = _with_text(junitparser.Skipped(f"not judged: {words}"), "\n".join(record.omitted))
        cases.append(case)
    properties = {
        "verdict": record.verdict.word,
        "sentence": record.verdict.sentence,
        "exit status": str(record.verdict.status),
        "migration": record.migration.name,
        **record.facts,
    }
    return _xml(cases, properties, record.started.isoformat(timespec="seconds"))


def unfinished(sentence: str) -> str:
    """What stands in place of the report until a run has come to its verdict: one case, which is in error."""
    case = junitparser.TestCase(name="the validation comes to a verdict", classname="unfinished")
    case.result = _with_text(junitparser.Error("NO-GO: this validation did not finish"), sentence)
    return _xml([case], {}, "")


def _case(result: Result, evidence_rows: int) -> junitparser.TestCase:
    number = "" if result.plan is None else f"{result.plan:02d} "
    case = junitparser.TestCase(name=_legal(f"{number}{result.title}"), classname=_legal(result.group))
    case.time = round(result.duration, 3)
    if result.outcome == "failed":
        case.result = _with_text(junitparser.Failure(_legal(headline(result)), "NO-GO"), text(result, evidence_rows))
    elif result.outcome == "broken":
        case.result = _with_text(junitparser.Error(_legal(result.reason), "ERROR"), text(result, evidence_rows))
    elif result.outcome == "not judged":
        case.result = junitparser.Skipped(_legal(f"not judged: {result.reason}"))
    else:
        established = [f"Established over {result.evidence.looked_at}: {result.sentence}", *result.evidence.notes]
        warnings = [f"warning: {finding.statement}" for finding in result.evidence.warnings]
        case.system_out = _legal("\n".join([*established, *warnings]))
    return case


def _xml(cases: list[junitparser.TestCase], properties: Mapping[str, str], timestamp: str) -> str:
    suite = junitparser.TestSuite(_NAME)
    for name, value in properties.items():
        suite.add_property(name, _legal(value))
    suite.add_testcases(cases)
    if timestamp:
        suite.timestamp = timestamp
    suites = junitparser.JUnitXml(_NAME)
    suites.add_testsuite(suite)
    suites.update_statistics()
    suite.time = suites.time = round(sum(case.time or 0 for case in cases), 3)
    content = suites.tostring()
    return content.decode("utf-8") if isinstance(content, bytes) else str(content)


def _with_text(result: junitparser.junitparser.FinalResult, content: str) -> junitparser.junitparser.FinalResult:
    result.text = _legal(content)
    return result


def _legal(content: str) -> str:
    return _ILLEGAL.sub("\N{REPLACEMENT CHARACTER}", content)
