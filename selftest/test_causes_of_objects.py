"""What objects bring about is told with them: policies, keys, constraints and the triggers that enforce these."""

from __future__ import annotations

from dataclasses import replace

from postmigration.model.evidence import Finding, Reference, Subject
from postmigration.report.diagnosis.causes import diagnose
from selftest.test_diagnosis import causes, failing, hidden, judged, rows, thing, validation


def test_rows_are_tied_to_a_constraint_that_was_not_validated_by_what_is_warned_of() -> None:
    wrong = replace(rows("wrong_rows", "orders", ["7", "9"]), repair="UPDATE orders …")
    late = thing("constraint_not_validated", "constraint", "orders", "orders_client_fk", repair="ALTER TABLE …")
    named = replace(wrong.subject, kind="constraint", name="orders_client_fk")
    dangling = replace(wrong, code="dangling_references", severity="warning", subject=named, repair="")
    warned = replace(judged("warned", dangling), outcome="passed")
    (cause,) = diagnose(validation(judged("late", late), judged("wrong", wrong), warned))
    assert cause.repair.splitlines() == ["UPDATE orders …", "ALTER TABLE …"]
    assert [result.nodeid for result in cause.checks] == ["wrong", "late"]
    # So it is where other rows are wrong beside them.
    more = replace(rows("wrong_rows", "orders", ["7", "9", "11"]), repair="UPDATE orders …")
    (cause,) = diagnose(validation(judged("late", late), judged("more", more), warned))
    assert cause.repair.splitlines() == ["UPDATE orders …", "ALTER TABLE …"]
    # Alone it is no cause, and of another constraint it ties nothing.
    assert len(diagnose(validation(judged("wrong", wrong), warned))) == 1
    other = replace(late, subject=replace(late.subject, name="other"))
    assert len(diagnose(validation(judged("late", other), judged("wrong", wrong), warned))) == 2


def test_rows_of_several_tables_are_not_told_as_one_object() -> None:
    key = Reference(("project",), "public", "orders", ("id",))
    point = rows("wrong_rows", "orders", ["7"])
    subject = Subject.of_table("public", "points", rows=key)
    (cause,) = causes(replace(point, columns=("project", "difference"), subject=subject), point)
    assert cause.words == "1 of 50 orders with wrong_rows (id 7)."


def test_what_follows_from_a_policy_is_said_without_saying_it_again() -> None:
    lost = thing("policy_lost", "policy", "orders", "own")
    (cause,) = causes(hidden("sales", ["1"]), failing("sales"), lost)
    assert cause.words == "sales does not see 1 row of orders that they must see: policy own: policy_lost."
    assert cause.consequences == ("Add an order, as sales: refused.",)
    gone = "the policy own of before is gone"
    work, seen = failing("sales"), hidden("sales", ["1"])
    work = replace(work, statement=f"{work.statement}; {gone}", subject=replace(work.subject, remarks=(gone,)))
    seen = replace(seen, subject=replace(seen.subject, remarks=(gone,)))
    (cause,) = causes(seen, work)
    assert cause.words == f"sales does not see 1 row of orders that they must see; {gone}."
    assert cause.consequences == ("Add an order, as sales: refused.",)


def test_rows_that_the_same_policy_shows_and_hides_are_one_cause() -> None:
    both = [hidden("sales", ["1"]), replace(rows("rows_open", "orders", ["2"], who="anon"))]
    assert len(causes(*both)) == 2
    said = [replace(one, subject=replace(one.subject, remarks=("the policy own is new",))) for one in both]
    (cause,) = causes(*said)
    assert cause.words == "anon sees 1 row of orders that they may not see; the policy own is new."
    assert cause.consequences == ("sales does not see 1 row of orders that they must see.",)


def test_what_a_lost_key_lets_in_follows_from_it() -> None:
    def keyed(code: str, *columns: str) -> Finding:
        return Finding(f"{code} of {columns}", 1, 1, code=code, subject=Subject.of_key("public", "orders", columns))

    told = [keyed("key_unguarded", "code"), keyed("double_accepted", "code")]
    (cause,) = causes(*told)
    assert len(cause.checks) == 2
    lost = thing("constraint_lost", "constraint", "orders", "orders_code_key", repair="ALTER TABLE orders …")
    lost = replace(lost, subject=replace(lost.subject, refers=(Reference((), "public", "orders", ("code",)),)))
    (cause,) = causes(*told, lost)
    assert (cause.words, cause.repair) == ("Constraint orders_code_key: constraint_lost.", "ALTER TABLE orders …")
    assert len(cause.checks) == 3
    assert cause.consequences == ("key_unguarded of ('code',).", "double_accepted of ('code',).")
    assert len(causes(keyed("key_unguarded", "day"), lost)) == 2
    assert len(causes(keyed("key_unguarded", "code", "day"), lost)) == 2


def test_constraints_are_unguarded_for_disabled_triggers_of_either_table() -> None:
    def unguarded(table: str, name: str, parent: str) -> Finding:
        finding = thing("constraint_unguarded", "constraint", table, name)
        return replace(finding, subject=replace(finding.subject, refers=(Reference((), "public", parent, ()),)))

    off = thing("trigger_disabled", "trigger", "orders", "stamp")
    (cause,) = causes(unguarded("lines", "a", "orders"), unguarded("orders", "b", "clients"), off)
    assert cause.words == "Trigger stamp: trigger_disabled."
    assert len(cause.consequences) == 2
    assert len(causes(unguarded("lines", "a", "orders"), unguarded("lines", "b", "clients"), off)) == 2


def test_what_several_people_may_do_for_one_policy_is_one_cause() -> None:
    open_ = "row-level security on orders is off, and was on before"

    def tries(who: str, what: str) -> Finding:
        subject = Subject("operation", "public", what, "orders", who=who, remarks=(open_,))
        return Finding(f"{who} tries to {what}: it succeeds; {open_}", 1, 1, code="write_gained", subject=subject)

    done = [tries(who, "add an order") for who in ("anon", "sales")]
    assert [cause.words for cause in causes(*done)] == [f"anon and sales try to add an order: it succeeds; {open_}."]
    shown = rows("rows_open", "orders", ["2"], who="anon", remarks=(open_,))
    told = causes(*done, tries("anon", "remove an order"), shown)
    assert [cause.words for cause in told] == [f"anon sees 1 row of orders that they may not see; {open_}."]
    assert told[0].consequences == (
        "anon and sales try to add an order: it succeeds.",
        "anon tries to remove an order: it succeeds.",
    )
    off = thing("row_level_security_off", "table", "orders", "orders")
    (cause,) = causes(*done, shown, off)
    assert cause.words == "anon sees 1 row of orders that they may not see: table orders: row_level_security_off."


def recursing(table: str, who: str, code: str = "rows_hidden") -> Finding:
    error = 'infinite recursion detected in policy for relation "orders" (SQLSTATE 42P17)'
    subject = Subject.of_table("public", table, who=who)
    return Finding(f"rows of {table} that {who} must see and does not: {error}", 9, 9, code=code, subject=subject)


def tried(who: str, what: str, words: str) -> Finding:
    subject = Subject("operation", "public", what, who=who)
    return Finding(f"{what}, as {who}: {words}", 1, 1, code="operation_fails", subject=subject)


def test_what_fails_since_policies_never_end_follows_from_their_table() -> None:
    error = 'infinite recursion detected in policy for relation "orders" (SQLSTATE 42P17)'
    operations = [tried("admin", what, f"refused: {error}") for what in ("Add a", "Add b", "Add c")]
    other = tried("admin", "Drop", "it fails with an error (SQLSTATE 42P17), and must be refused")
    found = [
        recursing("lines", "admin"),
        *operations,
        other,
        recursing("orders", "admin"),
        recursing("orders", "sales"),
    ]
    slow = judged("queries", outcome="not judged", reason=f"admin: {error}")
    other_slow = judged("backup", outcome="not judged", reason="a lock")
    results = (*(judged(f"check_{i}", finding) for i, finding in enumerate(found)), slow, other_slow)
    cause, last = diagnose(validation(*results))
    assert (
        cause.words == f"2 people (admin and sales) do not see the same 9 rows of orders that they must see: {error}."
    )
    assert cause.consequences == (
        "admin does not see 9 rows of lines that they must see.",
        "Add a, as admin, and 2 more like it: refused.",
        "Drop, as admin: it fails with an error (SQLSTATE 42P17), and must be refused.",
        "Not judged: queries.",
    )
    assert last.words == "Not judged: backup: a lock."


def test_a_trigger_is_made_again_after_the_function_that_it_executes() -> None:
    trigger = thing("trigger_lost", "trigger", "orders", "stamp", repair="CREATE TRIGGER stamp;")
    trigger = replace(trigger, statement="trigger stamp is gone: EXECUTE FUNCTION public.touch()")
    function = thing("function_lost", "function", "", "touch", repair="CREATE FUNCTION touch() RETURNS trigger;")
    (cause,) = causes(trigger, function)
    assert cause.repair.splitlines() == ["CREATE FUNCTION touch() RETURNS trigger;", "CREATE TRIGGER stamp;"]
    assert len(causes(trigger, thing("function_lost", "function", "", "other"))) == 2
