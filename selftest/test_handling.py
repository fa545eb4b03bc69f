"""A printed repair says who runs it, what it risks, and how to judge again what it is for."""

import re

import pytest

from postmigration.diff.objects.rules import FAMILIES, PROPERTIES
from postmigration.gate.project import BUILT_IN
from postmigration.model.evidence import Evidence
from postmigration.model.verdict import Result
from postmigration.report.diagnosis.handling import annotate, handle, select_again

FILLED = {
    "keyword": "TABLE",
    "sql": "CREATE VIEW v",
    "create": "CREATE INDEX i ON t",
    "replace": "CREATE OR REPLACE VIEW v",
    "commented": "COMMENT ON TABLE t IS 'x'",
    "renamed_label": "ALTER TYPE t RENAME VALUE 'a' TO 'b'",
    "force": "FORCE",
    "unasked": "",
    "enable": "ENABLE",
}


def fill(template: str) -> str:
    return re.sub(r"\{(\w+)\}", lambda match: FILLED.get(match[1], "x"), template)


def list_templates() -> list[str]:
    written = [*(family.repair for family in FAMILIES.values()), *(one.repair for one in PROPERTIES)]
    undone = [family.undo for family in FAMILIES.values()]
    # What begins with a comment says so itself, and what is made of nothing but a name stands elsewhere.
    return sorted({one for one in [*written, *undone] if one and not re.match(r"--|\{(dump|retype)", one)})


@pytest.mark.parametrize("template", list_templates())
def test_each_repair_of_an_object_says_who_runs_it_and_what_it_risks(template: str) -> None:
    handling = handle(fill(template))
    assert handling is not None
    assert handling.who.startswith("the DBA")
    assert handling.risk


@pytest.mark.parametrize(
    ("repair", "risk"),
    [
        ("REINDEX INDEX CONCURRENTLY a;", "refused within a transaction"),
        ("CREATE UNIQUE INDEX a ON b (c);", "nobody writes to the table"),
        ("ALTER TABLE a ADD CONSTRAINT b FOREIGN KEY (c) REFERENCES d;", "fails while a row does not fit"),
        ("ALTER TABLE a VALIDATE CONSTRAINT b;", "reads the whole table"),
        ("ALTER TABLE a ENABLE TRIGGER b;", "is restored first"),
        ("DROP POLICY a ON b; CREATE POLICY a ON b;", "which rows people see"),
        ("ALTER TABLE a ENABLE ROW LEVEL SECURITY;", "which rows people see"),
        ("REVOKE SELECT ON a FROM b;", "is refused"),
        ("GRANT SELECT ON a TO b;", "at once"),
        ("SELECT pg_catalog.setval('a', 7);", "nobody inserts"),
        ("ALTER TABLE a ALTER COLUMN b TYPE bigint;", "is rewritten"),
        ("ALTER TABLE a DROP COLUMN b, ADD COLUMN b int GENERATED ALWAYS AS (c) STORED;", "is lost"),
        (
            "SET default_transaction_read_only = off; ALTER DATABASE a RESET default_transaction_read_only;",
            "new sessions",
        ),
        ("SELECT pg_terminate_backend(7);", "not committed"),
        ("DROP FUNCTION a();", "nothing brings it back"),
        ("CREATE DOMAIN a.b AS text;", "nothing uses it yet"),
        ("CREATE DOMAIN a.b AS text;\nALTER TABLE a.c ALTER COLUMN d TYPE a.b;", "is rewritten"),
    ],
)
def test_the_risk_is_that_of_the_statement(repair: str, risk: str) -> None:
    handling = handle(repair)
    assert handling is not None
    assert risk in handling.risk
    *comment, last = annotate(repair).splitlines()
    assert "\n".join([*comment, last]).endswith(repair)
    comment = [line for line in comment if line not in repair]
    assert all(line.startswith("-- ") for line in comment)
    assert " ".join(line.removeprefix("-- ") for line in comment) == handling.words


def test_what_says_it_itself_or_is_no_statement_is_left_as_it_is() -> None:
    for repair in ("", "-- the DBA: all of it\nUPDATE a SET b = 1;", "the vendor knows"):
        assert handle(repair) is None
        assert annotate(repair) == repair


def result(nodeid: str) -> Result:
    return Result(nodeid, None, "", "", "", "", "failed", evidence=Evidence())


def test_what_failed_is_judged_again_by_its_name() -> None:
    one, other = result("builtin/test_a.py::test_views"), result("tests/test_b.py::test_rows[orders]")
    assert select_again([one]) == "-k test_views"
    assert select_again([one, other, other]) == "-k 'test_views or test_rows'"
    # What could end the word of a shell is no name of a function.
    assert select_again([one, result("tests/test_c.py::'; reboot")]) == ""
    assert select_again([]) == ""


def test_no_built_in_check_is_judged_again_with_another() -> None:
    files = BUILT_IN.parent.rglob("test_*.py")
    names = {name for file in files for name in re.findall(r"^def (test_\w+)", file.read_text(), re.MULTILINE)}
    assert "test_privileges_are_as_before" in names
    for name in names:
        word = select_again([result(f"x.py::{name}")]).removeprefix("-k ")
        assert [other for other in names if word in other] == [name]


def test_what_is_said_beforehand_stands_first_and_hides_nobody() -> None:
    said = "-- beforehand: all rows of public.t were read, and fit\n-- beforehand: SELECT 1;\n"
    repair = "ALTER TABLE public.t ADD CONSTRAINT c CHECK (a > 0);"
    assert handle(repair) is not None
    assert handle(said + repair) == handle(repair)
    assert annotate(said + repair) == said + annotate(repair)
