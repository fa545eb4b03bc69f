"""Sequences whose next values are free, and how many are left."""

from postmigration.checks.contents.sequences import examine, read_sequences, take_fingerprint
from postmigration.checks.contents.tables import Use
from postmigration.model.evidence import Finding
from selftest.unit.checks.targets import make_fingerprint
from selftest.unit.uncommitted import Fill, add

ORDERS = """
    CREATE TABLE "order" (id serial PRIMARY KEY, note text);
    INSERT INTO "order" (note) SELECT 'n' FROM generate_series(1, 5);
"""
LAG = "SELECT setval('order_id_seq', 2)"


def told(findings: list[Finding]) -> list[tuple[str, str]]:
    return [(finding.statement, finding.severity) for finding in findings]


def test_a_sequence_is_read_with_the_columns_that_it_fills(now: Fill) -> None:
    by_text = "CREATE SEQUENCE s; CREATE TABLE t (id bigint DEFAULT nextval('s'::text), label text)"
    states = read_sequences(now(ORDERS, by_text), ["public"], [])
    state = states["public", "order_id_seq"]
    assert (state.title, state.literal, state.end) == ("order_id_seq", "'public.order_id_seq'", 2**31 - 1)
    assert (state.next, state.called, state.cycle) == (6, True, False)
    assert state.uses == (Use("public", "order", "id", "integer"),)
    assert state.numbered == [*state.uses]
    # A default may name its sequence in a text.
    assert [use.title for use in states["public", "s"].uses] == ["t.id"]


NUMBERS = """
    CREATE SEQUENCE half MAXVALUE 11; SELECT setval('half', 6, false);
    CREATE SEQUENCE ended MAXVALUE 10; SELECT setval('ended', 10);
    CREATE SEQUENCE turning MAXVALUE 10 CYCLE; SELECT setval('turning', 10);
    CREATE SEQUENCE down INCREMENT -1 MINVALUE -11 MAXVALUE -1; SELECT setval('down', -6, false);
    CREATE SEQUENCE down_again INCREMENT -1 MINVALUE -5 MAXVALUE -1 CYCLE; SELECT setval('down_again', -5);
"""


def test_the_next_value_and_what_is_used_up(now: Fill) -> None:
    states = read_sequences(now(NUMBERS), ["public"], []).values()
    assert {state.name: (state.next, state.used) for state in states} == {
        "half": (6, 0.5),
        "ended": (None, 1.0),
        "turning": (1, 0.0),
        "down": (-6, 0.5),
        "down_again": (-1, 0.0),
    }


def test_a_sequence_that_is_behind_its_column_is_found_with_what_advances_it(now: Fill) -> None:
    after = now(ORDERS, LAG)
    (finding,) = examine(after, None, ["public"]).findings
    assert told([finding]) == [
        (
            "sequence order_id_seq: it is behind max(order.id): it gives 3 next, and the largest value is 5; "
            "3 of its next 1,000 values are taken",
            "blocker",
        )
    ]
    assert finding.code == "sequence_behind"
    add(after, finding.repair)
    assert examine(after, None, ["public"]).findings == []
    # Whoever inserts next does not meet what lies far ahead.
    add(after, "INSERT INTO \"order\" VALUES (900000, 'far')")
    assert told(examine(after, None, ["public"]).findings) == [
        (
            "sequence order_id_seq: it is behind max(order.id): it gives 6 next, and the largest value is 900000",
            "warning",
        )
    ]


FEW = """
    CREATE TABLE ended (id serial); SELECT setval('ended_id_seq', 2147483647);
    CREATE TABLE near (id serial); SELECT setval('near_id_seq', 2000000000);
    CREATE TABLE narrow (id serial); ALTER TABLE narrow ALTER id TYPE bigint;
    SELECT setval('narrow_id_seq', 2000000000);
    CREATE TABLE wide (id serial); ALTER SEQUENCE wide_id_seq AS bigint MAXVALUE 9223372036854775807;
    SELECT setval('wide_id_seq', 3000000000);
"""


def test_few_values_that_are_left_are_found(now: Fill) -> None:
    near = "93% of its values are used: it gives 2000000001 next, and ends at 2147483647"
    assert told(examine(now(FEW), None, ["public"]).findings) == [
        ("sequence ended_id_seq: it is at its end, 2147483647: no value is left", "blocker"),
        (f"sequence narrow_id_seq: {near}, while narrow.id is bigint and could hold more", "blocker"),
        (f"sequence near_id_seq: {near}", "warning"),
        (
            "sequence wide_id_seq: it gives 3000000001 next, which wide.id of type integer cannot hold",
            "blocker",
        ),
    ]


def test_what_was_so_before_is_less_grave(was: Fill, now: Fill) -> None:
    (finding,) = examine(now(ORDERS, LAG), was(ORDERS, LAG), ["public"]).findings
    assert finding.statement.endswith("; it was so before")
    assert finding.severity == "warning"


BILLS = "CREATE SEQUENCE invoice_number; SELECT setval('invoice_number', {})"


def test_a_sequence_of_no_column_that_went_back_is_found(was: Fill, now: Fill) -> None:
    before, after = was(BILLS.format(70)), now(BILLS.format(40))
    kept = make_fingerprint(sequences=take_fingerprint(before, ["public"]))
    # A fingerprint tells as much.
    for state in (before, kept):
        (finding,) = examine(after, state, ["public"]).findings
        assert finding.statement == (
            "sequence invoice_number: it gives 41 next, and would have given 71 before: 30 values can come twice"
        )
        assert finding.severity == "blocker"
        assert finding.repair == "SELECT pg_catalog.setval('public.invoice_number', 71, false);"
    # Under another name it is the same one where somebody says so.
    add(after, "ALTER SEQUENCE invoice_number RENAME TO bill_number")
    assert examine(after, kept, ["public"]).findings == []
    renamed = {("public", "invoice_number"): ("public", "bill_number")}
    assert len(examine(after, kept, ["public"], renamed).findings) == 1


def test_a_key_near_the_end_of_its_type_is_told(now: Fill) -> None:
    after = now("CREATE TABLE t (id smallint PRIMARY KEY); INSERT INTO t VALUES (32000)")
    assert told(examine(after, None, ["public"]).findings) == [
        ("t.id: its largest value is 32000, 98% of what smallint can hold", "warning")
    ]
    assert take_fingerprint(after, ["public"]).exhausted == ("t.id",)


def test_one_that_may_not_be_read_is_not_judged(now: Fill) -> None:
    after = now()
    found = examine(after, None, ["public"])
    assert found.inapplicable == "there is no sequence, and no key of whole numbers, on either side"
    hidden = "CREATE ROLE unit_stranger; SET LOCAL ROLE unit_stranger"
    add(after, BILLS.format(7), hidden)
    assert examine(after, None, ["public"]).unjudged == [
        "sequence invoice_number: GRANT SELECT ON it to the role that judges"
    ]
