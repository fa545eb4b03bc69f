"""From findings to causes: what is known to be of one cause is told as one, and nothing else is."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fixtures import MIGRATION
from postmigration.model.evidence import Evidence, Finding, Reference, Subject
from postmigration.model.sqltext import AFTER_ROWS
from postmigration.model.verdict import Outcome, Result, Verdict
from postmigration.report.diagnosis.causes import Cause, diagnose
from postmigration.report.formats import as_csv, as_html, as_markdown, as_text
from postmigration.report.formats.as_csv import SQL_LINES
from postmigration.report.places import Files
from postmigration.report.validation import Validation

NOW = datetime.datetime(2026, 11, 1, tzinfo=datetime.UTC)


def judged(name: str, *findings: Finding, outcome: Outcome = "failed", reason: str = "") -> Result:
    evidence = Evidence(findings=list(findings))
    said = ("It holds.", "Somebody feels it.")
    return Result(name, None, "group", name, *said, outcome, reason, remedy="Do this.", evidence=evidence)


def validation(*results: Result, status: int = 1) -> Validation:
    verdict = Verdict("NO-GO" if status else "GO", "some", status)
    return Validation(MIGRATION, verdict, "", {}, [], results, [], NOW, NOW)


def causes(*findings: Finding) -> list[Cause]:
    """The causes of findings, each of another check."""
    return diagnose(validation(*(judged(f"check_{i}", finding) for i, finding in enumerate(findings))))


def rows(code: str, table: str, keys: Sequence[str], *, wrong: int = 0, **more: Any) -> Finding:
    """A finding about rows of a table with a key of one column."""
    where = Reference(("id",), "public", table, ("id",))
    subject = Subject.of_table("public", table, rows=where, **more)
    count = wrong or len(keys)
    shown = tuple((key, "missing") for key in keys)
    return Finding(f"{table} with {code}", count, 50, ("id", "difference"), shown, code=code, subject=subject)


def thing(code: str, kind: str, table: str, name: str, repair: str = "") -> Finding:
    """A finding about an object on a table."""
    return Finding(
        f"{kind} {name}: {code}", 1, 9, code=code, repair=repair, subject=Subject(kind, "public", name, table)
    )


def words(found: Sequence[Cause]) -> list[str]:
    return [cause.words for cause in found]


def test_what_comes_after_rows_says_so_where_rows_are_repaired() -> None:
    derived = thing("policy_lost", "policy", "orders", "own", f"{AFTER_ROWS}\nCREATE POLICY own ON orders;")
    (alone,) = causes(derived)
    assert alone.repair == "CREATE POLICY own ON orders;"
    missing = replace(rows("missing_rows", "invoices", ["7"]), repair="INSERT INTO invoices VALUES (7);")
    assert derived.repair in [cause.repair for cause in causes(derived, missing)]


def test_the_same_rows_in_two_checks_are_one_cause() -> None:
    same = [rows("wrong_rows", "orders", ["7", "9"]), rows("changed_values", "orders", ["9", "7"])]
    (cause,) = causes(*same)
    assert [result.nodeid for result in cause.checks] == ["check_1", "check_0"]
    assert cause.also == ("2 of 50 orders with wrong_rows.",)


@pytest.mark.parametrize(
    "other",
    [
        rows("wrong_rows", "orders", ["7", "8"]),
        rows("wrong_rows", "invoices", ["7", "9"]),
        rows("wrong_rows", "orders", ["7", "9"], wrong=40),
        rows("wrong_rows", "orders", ["‹masked, 4 characters›", "9"]),
        Finding("something else", 2, 50),
    ],
    ids=["others", "of another table", "of more that are not shown", "masked", "of nothing known"],
)
def test_rows_that_are_not_known_to_be_the_same_stand_by_themselves(other: Finding) -> None:
    assert len(causes(rows("changed_values", "orders", ["7", "9"]), other)) == 2


def test_rows_that_name_missing_ones_follow_from_these() -> None:
    parents = (Reference(("parent",), "public", "orders", ("id",)),)
    subject = Subject("constraint", "public", "lines_fk", "lines", refers=parents)
    dangling = Finding(
        "lines dangle", 2, 90, ("parent",), (("7",), ("9",)), code="dangling_references", subject=subject
    )
    (cause,) = causes(dangling, rows("missing_rows", "orders", ["7", "8", "9"]))
    assert cause.words.startswith("3 of 50 rows of orders are missing")
    assert cause.consequences == ("lines dangle.",)
    assert len(causes(dangling, rows("missing_rows", "orders", ["7", "8"]))) == 2
    assert len(causes(dangling, rows("missing_rows", "clients", ["7", "9"]))) == 2
    assert len(causes(dangling, rows("extra_rows", "orders", ["7", "9"]))) == 2
    # Of rows that are not shown nobody knows which ones they name.
    assert len(causes(replace(dangling, wrong=3), rows("missing_rows", "orders", ["7", "8", "9"]))) == 2


def test_some_of_the_rows_follow_from_all_of_them() -> None:
    (cause,) = causes(rows("wrong_rows", "orders", ["7"]), rows("extra_rows", "orders", ["7", "9"]))
    assert cause.words == "2 rows of orders were not there before."
    assert len(cause.consequences) == 1


def test_rows_that_were_not_there_and_lead_nowhere_are_told_in_one_sentence() -> None:
    key = Reference(("id",), "public", "orders", ("id",))
    subject = Subject("constraint", "public", "orders_client_fk", "orders", rows=key)
    said = "orders(client): 2 rows lead to no row of client, against the foreign key orders_client_fk"
    dangling = Finding(said, 2, 2, ("id",), (("7",), ("9",)), code="dangling_references", subject=subject)
    (cause,) = causes(dangling, rows("extra_rows", "orders", ["7", "9"]))
    assert cause.words == (
        "2 rows of orders were not there before, and lead to no row of client, against the foreign key "
        "orders_client_fk."
    )
    assert cause.also == ()


def hidden(who: str, keys: Sequence[str], table: str = "orders") -> Finding:
    return rows("rows_hidden", table, keys, who=who)


def test_the_same_for_several_people_is_told_once() -> None:
    (cause,) = causes(hidden("sales", ["1", "2"]), hidden("quality", ["1", "2"]))
    assert cause.words == "2 people (sales and quality) do not see the same 2 rows of orders that they must see."
    (cause,) = causes(hidden("sales", ["1", "2"]), hidden("quality", ["2"]), hidden("a", ["2"]), hidden("b", ["2"]))
    assert cause.words == "4 people (sales, quality and 2 more) do not see 1 to 2 rows of orders that they must see."
    assert len(causes(hidden("sales", ["1"]), hidden("sales", ["1"], "lines"))) == 2


def failing(role: str, table: str = "orders") -> Finding:
    subject = Subject("operation", "public", "add_order", table, who=role)
    return Finding(f"Add an order, as {role}: refused", 1, 1, code="operation_fails", subject=subject)


def test_what_hidden_rows_keep_from_being_done_follows_from_them() -> None:
    (cause,) = causes(failing("sales"), failing("quality"), hidden("sales", ["1"]))
    assert cause.words == "sales does not see 1 row of orders that they must see."
    assert cause.consequences == ("Add an order, as sales and quality: refused.",)
    assert len(causes(failing("sales", "lines"), hidden("sales", ["1"]))) == 2
    assert len(causes(failing("sales", ""), hidden("sales", ["1"]))) == 2


@pytest.mark.parametrize(
    ("cause", "effect"),
    [
        (thing("policy_lost", "policy", "orders", "own"), hidden("sales", ["1"])),
        (thing("policy_lost", "policy", "orders", "own"), failing("sales")),
        (thing("trigger_disabled", "trigger", "orders", "stamp"), thing("trigger_silent", "column", "orders", "at")),
        (
            thing("table_row_level_security_changed", "table", "orders", "orders"),
            rows("rows_open", "orders", ["1"], who="x"),
        ),
        (rows("table_lost", "orders", []), thing("index_lost", "index", "orders", "orders_key")),
        (
            thing("column_type_changed", "column", "orders", "price"),
            rows("changed_values", "orders", ["1"], changed=(("price", "trimmed"),)),
        ),
    ],
)
def test_what_a_lost_object_brings_about_follows_from_it(cause: Finding, effect: Finding) -> None:
    (told,) = causes(effect, cause)
    assert told.consequences or effect.code in ("rows_hidden", "rows_open")
    assert [result.nodeid for result in told.checks][1:] == ["check_0"]
    elsewhere = replace(effect, subject=replace(effect.subject, table="lines"))
    assert len(causes(elsewhere, cause)) == 2


def test_what_several_checks_say_of_one_object_is_one_cause() -> None:
    said = [thing("index_invalid", "index", "orders", "orders_day"), thing("unsorted", "index", "orders", "orders_day")]
    (cause,) = causes(*said)
    assert [result.nodeid for result in cause.checks] == ["check_0", "check_1"]
    assert len(causes(said[0], thing("unsorted", "index", "orders", "orders_net"))) == 2


def test_of_objects_that_are_alike_the_first_by_its_name_is_told() -> None:
    found = [thing("index_lost", "index", "orders", name) for name in ("b", "a", "c")]
    assert words(causes(*found)) == words(causes(*reversed(found)))
    assert words(causes(*found))[0].startswith("Index a: index_lost; so are ")


def test_several_objects_of_a_table_that_became_the_same_are_one_cause() -> None:
    four = [thing("trigger_disabled", "trigger", "orders", name, repair=f"SELECT {name};") for name in "abcd"]
    (cause,) = causes(*four, thing("trigger_silent", "column", "orders", "at"))
    assert cause.words == "Trigger a: trigger_disabled; so are b, c and d."
    assert cause.repair == "SELECT a;\nSELECT b;\nSELECT c;\nSELECT d;"
    assert len(causes(four[0], thing("trigger_disabled", "trigger", "lines", "b"))) == 2


def test_the_worst_comes_first_and_more_rows_before_fewer() -> None:
    found = causes(
        Finding("something unknown", 1, 1),
        thing("index_invalid", "index", "orders", "orders_at"),
        rows("changed_values", "orders", ["1"]),
        rows("changed_values", "lines", ["1", "2"]),
        hidden("sales", ["4"]),
        rows("missing_rows", "clients", ["1"]),
        rows("table_lost", "notes", []),
    )
    assert [cause.main.finding.code for cause in found if cause.main] == [
        *("table_lost", "missing_rows", "rows_hidden", "changed_values", "changed_values", "index_invalid", ""),
    ]
    assert "lines" in found[3].words


def test_what_became_of_values_is_said() -> None:
    shifted = rows("changed_values", "orders", ["1"], wrong=50, changed=(("made_at", "shifted by +7 hours"),))
    # What a check says of some rows of it stays as it says it.
    assert words(causes(shifted)) == ["All 50 orders with changed_values."]
    whole = replace(shifted, subject=replace(shifted.subject, traits=("as_before", "sentence")))
    (cause,) = causes(whole)
    assert cause.words == "All 50 rows of orders have made_at shifted by +7 hours: a shift of the time zone."
    # Those of another check that says no more of the column are not told again.
    part = replace(rows("changed_values", "orders", ["1"]), subject=replace(shifted.subject, traits=()))
    whole = replace(rows("changed_values", "orders", ["1", "2"]), subject=whole.subject)
    (cause,) = causes(part, whole)
    assert cause.consequences == ()


def test_what_may_explain_it_is_said_beside_it() -> None:
    emptied = rows("empty_table", "basket", ["1"], wrong=30, remarks=("it is unlogged",))
    assert words(causes(emptied)) == ["basket is empty: all 30 rows that it held are lost; it is unlogged."]


def test_what_roles_got_on_one_object_is_one_cause() -> None:
    def got(role: str, table: str = "client") -> Finding:
        statement = f"{role} now has DELETE on table public.{table}: it has no row-level security"
        subject = Subject.of_table("public", table)
        return Finding(statement, 1, 1, code="gained", repair=f"REVOKE DELETE FROM {role};", subject=subject)

    (cause,) = causes(got("anon"), got("authenticated"))
    assert cause.words == (
        "anon now has DELETE on table public.client and authenticated now has DELETE on table public.client; "
        "it has no row-level security."
    )
    assert cause.repair.splitlines() == ["REVOKE DELETE FROM anon;", "REVOKE DELETE FROM authenticated;"]
    assert len(causes(got("anon"), got("anon", "orders"))) == 2


def test_what_a_row_holds_and_must_hold_is_said_by_the_finding_that_shows_it() -> None:
    masked = replace(
        rows("changed_values", "orders", ["7"]),
        columns=("id", "difference", "column", "want", "have"),
        rows=(("7", "changed", "client", "‹masked A, 5 characters›", "‹masked B, 6 characters›"),),
    )
    shown = replace(
        rows("wrong_rows", "orders", ["7"]), columns=("id", "want_client", "have_client"), rows=(("7", "1", "2"),)
    )
    assert [cause.example for cause in causes(masked, shown)] == ["id 7: client is 2, must be 1"]
    (cause,) = causes(masked)
    assert cause.example == "id 7: client is ‹masked B, 6 characters›, must be ‹masked A, 5 characters›"
    assert [cause.example for cause in causes(rows("missing_rows", "orders", ["7"]))] == [""]


def test_a_database_that_may_go_live_has_no_cause() -> None:
    warned = replace(judged("check", replace(hidden("x", ["1"]), severity="warning")), outcome="passed")
    unjudged = judged("two", outcome="not judged", reason="not installed")
    assert diagnose(validation(warned, unjudged, status=0)) == []
    assert words(diagnose(validation(warned))) == ["x does not see 1 row of orders that they must see."]


def test_what_was_not_judged_or_broke_down_is_a_cause() -> None:
    results = [judged(name, outcome="not judged", reason="a lock") for name in ("one", "two")]
    found = diagnose(validation(*results, judged("three", outcome="broken", reason="KeyError")))
    assert words(found) == ["Not judged: one and two: a lock.", "three broke down: KeyError."]
    # What only a state before could tell is no cause, but for a check of the plan.
    wanting = replace(judged("four", outcome="not judged", reason="no baseline"), needs_baseline=True)
    assert words(diagnose(validation(wanting, results[0]))) == ["Not judged: one: a lock."]
    assert words(diagnose(validation(replace(wanting, plan=4)))) == ["Not judged: check 4: no baseline."]


def test_what_becomes_of_several_jobs_or_subscriptions_is_one_cause() -> None:
    def gone(kind: str, name: str, code: str) -> Finding:
        return Finding(f"{kind} {name} is gone", 1, 1, code=code, subject=Subject(kind, name=name))

    (cause,) = causes(*(gone("job", name, "job_lost") for name in ("nightly", "hourly", "daily")))
    assert cause.words == "Job daily is gone; so are hourly and nightly."
    assert len(causes(gone("job", "nightly", "job_lost"), gone("job", "hourly", "job_disabled"))) == 2
    assert len(causes(gone("job", "moved", "lost"), gone("subscription", "moved", "lost"))) == 2


def test_thousands_of_findings_are_grouped_at_once() -> None:
    many = [rows("changed_values", f"t{i % 700}", [str(i), str(i + 1)]) for i in range(3_000)]
    assert len(causes(*many)) == 3_000


def test_what_is_wrong_is_read_in_every_form() -> None:
    many = [rows("changed_values", f"t{i}", [str(i)]) for i in range(30)]
    many[0] = replace(many[0], repair="-- the DBA\nUPDATE ```t;" + "\n--" * 12)
    evidence = Evidence(findings=[replace(many[0], severity="warning")] * 30)
    warned = replace(judged("warned"), outcome="passed", evidence=evidence)
    found = validation(*(judged(f"check_{i}", finding) for i, finding in enumerate(many)), warned)
    summary = as_markdown.render(found, "validation.html#{}".format)
    lines = summary.splitlines()
    assert lines[0] == "# ✘ NO-GO"
    assert lines[2].startswith("**1. 1 of 50 t0 with changed&#95;values (id 0).** ([check&#95;0](validation.html#")
    assert "9. and 22 more, which the report lists" in lines
    assert lines[lines.index("````sql") + 2] == "UPDATE ```t;"
    assert lines.count("````") == 1
    assert len(lines) < 60
    said = as_text.list_causes(diagnose(found))
    assert len(said) == 10
    assert said[:2] == ["what is wrong:", "1. 1 of 50 t0 with changed_values (id 0)."]
    assert said[-1] == "and 22 more, which the report lists"
    assert as_text.list_causes([]) == []


def test_a_cause_cannot_command_a_pipeline() -> None:
    (line,) = as_text.list_causes(diagnose(validation(judged("check", Finding("::error::forged\n::error::x", 1, 1)))))[
        1:
    ]
    assert line == "1. ::error::forged ::error::x."


def test_a_repair_is_outlined_by_its_first_words_and_its_only_statement() -> None:
    said = "-- run this after all repairs of rows\n-- the DBA: each order gets\n-- its client. Risk: none\n"
    long = f"{said}BEGIN;\nCREATE TEMPORARY TABLE t AS TABLE u;\nUPDATE orders;\nCOMMIT;"
    (cause,) = causes(thing("policy_lost", "policy", "orders", "own", repair=long))
    assert cause.outline == ("the DBA: each order gets its client", "UPDATE orders;", "")
    (cause,) = causes(thing("policy_lost", "policy", "orders", "own", repair="CREATE POLICY own;"))
    assert cause.outline == ("", "CREATE POLICY own;", "")


def test_of_many_statements_the_first_are_shown_and_where_the_rest_stand(tmp_path: Path) -> None:
    policy = "DROP POLICY IF EXISTS own ON public.orders;\nCREATE POLICY own ON public.orders USING (true);\n"
    several = f"-- The DBA runs it. Risk: none\nBEGIN;\n{policy * 8}COMMIT;"
    found = validation(judged("check", thing("rows_hidden", "table", "orders", "orders", repair=several)))
    contents = "16 statements: policies of orders"
    text = as_markdown.render(found, "validation.html#{}".format)
    assert f"Repair: The DBA runs it ({contents})." in text
    assert "-- … and 6 more lines: run all of it, as the page shows it\n```\n" in text
    where = Files(*(tmp_path / name for name in ("x.html", "x.xml", "x.json", "x.md", "evidence")))
    listed = as_csv.write(found, where.evidence)
    page = as_html.page(found, listed, where)
    assert page.partition("</summary>")[0].endswith(f"The DBA runs it ({contents})")
    assert '<a href="evidence/repair-1.sql">' in page
    assert (where.evidence / "repair-1.sql").read_text() == f"{several}\n"
    text = as_markdown.render(found, "validation.html#{}".format, listed.repairs)
    assert f"Repair: The DBA runs it ({contents}). SQL: `evidence/repair-1.sql`." in text
    assert "DROP POLICY IF EXISTS own ON public.orders;\n-- … and 6 more lines: run all of it, from evid" in text


def test_what_no_statement_brings_right_is_what_to_do() -> None:
    (cause,) = causes(thing("type_changed", "type", "", "state", repair="-- decide: keep it,\n-- or not"))
    assert (cause.repair, cause.remedy) == ("", "Decide: keep it, or not.")
    (cause,) = causes(
        thing("type_changed", "type", "", "state", repair="-- product\n-- once decided: DROP TYPE state;")
    )
    assert cause.repair


def test_all_ways_around_the_policies_of_a_table_are_told() -> None:
    subject = Subject.of_table("public", "notes")
    ways = [Finding(f"notes is open {i}", 1, 9, code="way_around_policies", subject=subject) for i in range(2)]
    (cause,) = diagnose(validation(judged("policies", *ways)))
    assert (cause.words, cause.also) == ("notes is open 0.", ("notes is open 1.",))


def test_causes_of_one_wording_have_files_of_their_own(tmp_path: Path) -> None:
    def lost(schema: str) -> Finding:
        subject = Subject.of_table(schema, "orders")
        repair = "\n".join([f"-- on the baseline of {schema}", *["SELECT 1;"] * SQL_LINES])
        return Finding("rows of orders are missing", 3, 9, code="empty_table", repair=repair, subject=subject)

    found = validation(judged("check", lost("a"), lost("b")))
    assert len({cause.words for cause in diagnose(found)}) == 1
    listed = as_csv.write(found, tmp_path / "evidence")
    texts = [(tmp_path / file).read_text() for file in listed.repairs.values()]
    assert [text.splitlines()[:2] for text in texts] == [
        ["-- not to be run at once: its comments say what is run on the baseline", f"-- on the baseline of {schema}"]
        for schema in ("a", "b")
    ]


def test_what_was_not_judged_for_an_error_follows_where_the_error_names_what_it_is_about() -> None:
    def fails(error: str) -> tuple[Cause, ...]:
        failed = Finding(f"ann: Read orders: {error}", 1, 1, code="operation_fails", subject=Subject("operation"))
        results = judged("one", failed), judged("two", outcome="not judged", reason=f"it was refused: {error}")
        return tuple(diagnose(validation(*results)))

    (cause,) = fails('relation "gone" does not exist (SQLSTATE 42P01)')
    assert cause.consequences == ("Not judged: two.",)
    assert [result.title for result in cause.checks] == ["one", "two"]
    assert len(fails("relation ‹masked, 4 characters› does not exist (SQLSTATE 42P01)")) == 2
