"""What a trace found is written as a declaration that a person completes with reasons."""

import tomllib
from typing import Any

from postmigration.gate.scaffold.migration_toml import list_codes, write_migration
from postmigration.model.changes import GoneColumn, GoneTable, MovedRows, NewColumn, NewTable, RepointedReference
from postmigration.trace.findings import Flow, Found, Trace

MOVED = MovedRows(
    table="old_people",
    to="people",
    key={"code": "'P' || r.id"},
    columns={"mail": 'r."Mail"', "manager": "'P' || r.boss"},
    where="r.kind = 'person'",
)
FLOWS = (
    Flow("code", "'P' behind id", "'P' || r.id", 9, 9),
    Flow("mail", "Mail", 'r."Mail"', 8, 9, "1 is empty"),
    Flow("note", "", "", 0, 9, "nothing of before explains it", declared=False),
)
FOUND = [
    Found(MOVED, "old_people → people", flows=FLOWS, group="people"),
    Found(GoneTable(table="old_people"), "old_people", "9 rows", group="people", misfits=["2 rows are nowhere"]),
    Found(
        RepointedReference(table="orders", column="buyer", to="person", parent="old_people", through="people"),
        "orders.buyer",
        group="buyer",
    ),
    Found(NewColumn(table="orders", column="since"), "orders.since", group="since"),
]


def test_each_change_waits_for_its_reason_or_that_of_its_group() -> None:
    text = write_migration("shop", 3, Trace(found=FOUND, notes=["items: not read"]))
    told: dict[str, Any] = tomllib.loads(text)
    assert (told["name"], told["plan_checks"], told["reasons"]) == ("shop", 3, {"people": ""})
    moved, gone, repointed, new = told["change"]
    assert (moved["key"], moved["columns"], moved["where"], moved["group"]) == (
        {"code": "'P' || r.id"},
        {"mail": 'r."Mail"', "manager": "'P' || r.boss"},
        "r.kind = 'person'",
        "people",
    )
    assert (gone["kind"], gone["group"]) == ("gone_table", "people")
    assert (repointed["reason"], new["reason"]) == ("", "")
    assert "schema" not in new
    comments = [line for line in text.splitlines() if line.startswith("#")]
    assert "# items: not read" in comments
    assert any("2 rows are nowhere" in line for line in comments)
    assert "mail = 'r.\"Mail\"' # 8 of 9, others: 1 is empty" in text
    assert "# note: nothing of before explains it" in comments


def test_what_has_one_reason_is_said_in_one_entry() -> None:
    told = "follows from nothing of before: {0} (filled in {1} of 9 rows)"
    found = [
        *(Found(NewTable(table=name), name, f"{len(name)} rows", group="all") for name in ("label", "post")),
        *(
            Found(NewColumn(table="post", column=name), f"post.{name}", told.replace("{0}", name).replace("{1}", rows))
            for name, rows in (("seen", "9"), ("note", "0"))
        ),
        Found(NewColumn(table="post", column="other"), "post.other", group="other"),
        *(Found(GoneColumn(table=name, column="old"), f"{name}.old", group="all") for name in ("label", "post")),
        Found(MOVED, "old_people", flows=[Flow(name, name, "r.x", 9, 9) for name in MOVED.columns], group="all"),
    ]
    text = write_migration("shop", 3, Trace(found=found))
    tables, columns, other, gone, moved = tomllib.loads(text)["change"]
    assert (tables["table"], columns["column"], other["column"]) == (["label", "post"], ["seen", "note"], "other")
    assert (gone["table"], gone["column"]) == (["label", "post"], "old")
    assert '"new_table" # label: 5 rows; post: 4 rows' in text
    assert "nothing of before: seen (filled in 9 of 9 rows), note (filled in 0 of 9 rows)" in text
    assert moved["columns"] == MOVED.columns
    assert """columns = {mail = 'r."Mail"', manager = "'P' || r.boss"}""" in text


def test_without_changes_it_shows_one() -> None:
    text = write_migration("shop", 3, None)
    assert tomllib.loads(text) == {"name": "shop", "plan_checks": 3}
    example = text.partition("# [[change]]")[2].replace("\n# ", "\n")
    assert tomllib.loads(f"[[change]]{example}")["change"][0]["kind"] == "renamed_column"


def test_other_objects_are_offered_as_comments_that_end_no_line() -> None:
    text = write_migration(
        "shop", 3, None, [('public."a b"*', "index differs\nrm -rf", False), ("view v", "gone", True)]
    )
    assert "# object = [\n#   'public.\"a b\"*', # index differs\\nrm -rf\n# ]\n" in text
    assert tomllib.loads(text) == {"name": "shop", "plan_checks": 3}
    lost = "[[change]]" + text.rpartition("# [[change]]")[2].replace("\n# ", "\n")
    assert tomllib.loads(lost)["change"] == [
        {"kind": "changed_object", "object": ["view v"], "gone": True, "reason": ""}
    ]


def test_keys_that_were_made_and_what_refers_to_them_are_codes() -> None:
    assert list_codes(FOUND) == ["people.code", "orders.person", "people.manager"]
    assert list_codes(FOUND[1:]) == []


def test_a_text_of_words_around_an_id_is_no_code() -> None:
    key = "'Dear reader, return item no. ' || r.id || ' or pay.'"
    flow = Flow("body", "id behind 'Dear reader, return item no. ' before ' or pay.'", key, 9, 9)
    moved = MovedRows(table="letter", to="notice", key={"body": key}, columns={"copy": key})
    assert list_codes([Found(moved, "letter to notice", flows=(flow,))]) == []
