"""The summary for a pull request: short however much is wrong, and nothing that a database holds is markup."""

import pytest

from postmigration.model.evidence import Finding, Subject
from postmigration.model.migration import Migration
from postmigration.model.verdict import Verdict
from postmigration.report.formats.as_markdown import escape_markup, render
from selftest.unit.results import make_result, make_validation

REPAIR = "CREATE INDEX items_name ON items (name);"


def _link(anchor: str) -> str:
    return f"page.html#{anchor}"


def test_what_is_wrong_comes_first_with_its_repair_and_its_rows() -> None:
    found = Finding("index `i` of items is gone", 1, 1, ("id", "n|m"), (("1", "a|`b`"),), repair=REPAIR)
    text = render(make_validation([make_result("failed", 7, found)]), _link)
    assert text.startswith("# ✘ NO-GO\n\n**1. Index &#96;i&#96; of items is gone.** ([check 7](page.html#check-07))\n")
    assert f"Repair: `{REPAIR}`" in text
    assert "| `id` | `n\\|m` |\n| --- | --- |\n| `1` | `` a\\|`b` `` |\n" in text
    assert "1 of 2 checks failed, shop" in text


def test_a_long_repair_is_a_block_that_nothing_in_it_ends() -> None:
    repair = "-- `why`\n```\n" + "SELECT 1;\n" * 3
    text = render(make_validation([make_result("failed", 1, Finding("it is gone", 1, 1, repair=repair))]), _link)
    assert f"````sql\n{repair}````\n" in text


def test_it_is_short_however_much_is_wrong() -> None:
    found = [
        Finding(f"table t{n} is gone", 1, 1, code="table_lost", subject=Subject.of_table("public", f"t{n}"))
        for n in range(300)
    ]
    text = render(make_validation([make_result("failed", n, each) for n, each in enumerate(found, 1)]), _link)
    assert len(text.splitlines()) < 60
    assert "9. and 292 more, which the report lists" in text


def test_a_go_shows_the_plan() -> None:
    validation = make_validation(
        [make_result("passed", 1), make_result("passed", 2, group="<b>")],
        verdict=Verdict("GO", "2 of 2 passed", 0),
        migration=Migration("shop", plan_checks=2),
    )
    text = render(validation, _link)
    assert text.startswith("# ✔ GO\n")
    assert "| Rows | ✔&nbsp;1 |\n| &#60;b&#62; | ✔&nbsp;2 |" in text


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("*a* [b](c) <d>", "&#42;a&#42; &#91;b&#93;(c) &#60;d&#62;"),
        ("https://x", "https&#58;//x"),
        ("www.x.y", "www&#46;x.y"),
        ("plain: text.", "plain: text."),
    ],
)
def test_markup_is_written_as_references(text: str, escaped: str) -> None:
    assert escape_markup(text) == escaped
