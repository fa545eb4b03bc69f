"""Definitions before and now are shown as one, with the words marked that changed."""

from __future__ import annotations

import pytest

from postmigration.diff.objects.compare import Context, compare_objects
from postmigration.model.evidence import DEFINITIONS, Evidence, Finding
from postmigration.model.verdict import Result
from postmigration.postgres.schema_objects import ObjectName, Objects
from postmigration.report.formats.as_text import text
from postmigration.report.formats.changed_words import compare_words, write_changes

WAS, NOW = "role = 'admin' AND tenant = auth.uid()", "role = 'admin' OR tenant = auth.role()"


def test_each_word_that_changed_is_marked_and_no_other() -> None:
    parts = list(compare_words(WAS, NOW))
    assert [part.text for part in parts if part.kind == "gone"] == ["AND", "auth.uid"]
    assert [part.text for part in parts if part.kind == "new"] == ["OR", "auth.role"]
    # Nothing is lost: without what is new it is what was, without what is gone what is.
    assert "".join(part.text for part in parts if part.kind != "new") == WAS
    assert "".join(part.text for part in parts if part.kind != "gone") == NOW


def test_what_is_alike_is_cut_where_it_is_long() -> None:
    parts = list(compare_words("a " * 500 + "x", "a " * 500 + "y"))
    assert [part.kind for part in parts] == ["alike", "gone", "new"]
    assert len(parts[0].text) < 200
    assert " … " in parts[0].text


def test_text_shows_both_as_one() -> None:
    finding = Finding("policy p: using changed", 1, 1, DEFINITIONS, ((WAS, NOW),))
    marked = "role = 'admin' [-AND-]{+OR+} tenant = [-auth.uid-]{+auth.role+}()"
    assert write_changes(finding) == [marked]
    result = Result("t", None, "objects", "policies", "It holds.", "", "failed", evidence=Evidence(findings=[finding]))
    assert f"  │ {marked}" in text(result, 5).splitlines()
    assert write_changes(Finding("rows", 1, 1, ("id", "name"), ((WAS, NOW),))) == []


@pytest.mark.parametrize(
    ("now", "said"),
    [
        ("AFTER UPDATE ON t FOR EACH ROW EXECUTE FUNCTION audit()", "calls audit(), and called log('{a}')"),
        (
            "AFTER DELETE ON t FOR EACH ROW EXECUTE FUNCTION audit()",
            "calls audit(), and called log('{a}'); it was AFTER",
        ),
        ("AFTER DELETE ON t FOR EACH ROW EXECUTE FUNCTION log('{a}')", "tr on public.t was AFTER UPDATE"),
    ],
)
def test_a_trigger_that_calls_another_function_is_told_so(now: str, said: str) -> None:
    was = "AFTER UPDATE ON t FOR EACH ROW EXECUTE FUNCTION log('{a}')"
    name = ObjectName("trigger tr on public.t", "trigger", "public", "tr", "t")
    before: Objects = {name: {"definition": was, "enabled": "O"}}
    after: Objects = {name: {"definition": now, "enabled": "O"}}
    (difference,) = compare_objects(before, after, Context())
    assert said in difference.statement
    assert (difference.was, difference.now) == (was, now)
