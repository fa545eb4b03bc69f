"""What people read of a rehearsal: the lines on the terminal, the page, and the object for a program."""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from postmigration.model.errors import CannotJudge
from postmigration.rehearsal.page import as_object, tell, write, write_unfinished
from postmigration.rehearsal.steps import Check, Rehearsal, Slow, Step

LIVE = "<script>\x1b[31m"
STEP = Step(
    "the migration",
    started=0,
    seconds=2,
    judged=0.5,
    checks=(Check("1.sql: all succeeded", "passed"), Check(f"rows differ {LIVE}", "failed", (f"orders {LIVE}",))),
    rows=1_000,
    slow=(Slow("ALTER TABLE orders", 1.5, ("AccessExclusive: orders",)),),
)
REHEARSAL = Rehearsal("shop", {"on": "PostgreSQL 18"}, (STEP, Step("the rollback", 3, 1, 0, (Check("x", "passed"),))))


def test_a_step_is_told_when_it_has_ended() -> None:
    tell(STEP, Console(file=(stream := io.StringIO()), width=120, highlight=False))
    assert stream.getvalue().splitlines() == [
        "✘ the migration: failed, 2.0 s, 1,000 rows written, 500 a second, judged in 0.5 s",
        "    ✔ 1.sql: all succeeded",
        "    ✘ rows differ <script>\\x1b[31m",
        "        orders <script>\\x1b[31m",
        "    1.5 s: ALTER TABLE orders",
        "        AccessExclusive: orders",
    ]


def test_the_page_says_all_and_what_others_wrote_is_text(tmp_path: Path) -> None:
    path = tmp_path / "reports" / "rehearsal.html"
    write_unfinished(path)
    assert "NOT PROVEN: this rehearsal did not finish" in path.read_text()
    write(REHEARSAL, path, Path("/elsewhere/validation.html"))
    page = path.read_text()
    assert "<script>" not in page
    for words in ("shop", "PostgreSQL 18", "the migration", "AccessExclusive: orders", "validation.html"):
        assert words in page


def test_a_page_that_cannot_be_written_says_what_was_found(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    path = tmp_path / "file" / "rehearsal.html"
    with pytest.raises(CannotJudge, match=r"cannot be written to .* \(.*\): name another with --html$"):
        write_unfinished(path)
    with pytest.raises(CannotJudge, match=r"what was found: NOT PROVEN: .*failed: the migration"):
        write(REHEARSAL, path, Path("validation.html"))


def test_a_program_gets_an_object() -> None:
    told = json.loads(json.dumps(as_object(REHEARSAL)))
    assert (told["proven"], told["subject"], told["facts"]) == (False, "shop", {"on": "PostgreSQL 18"})
    first, second = told["steps"]
    assert (first["title"], first["outcome"], first["rows"], first["seconds"]) == ("the migration", "failed", 1_000, 2)
    assert first["checks"][1]["details"] == [f"orders {LIVE}"]
    assert second["outcome"] == "passed"
    assert as_object(Rehearsal("x", {}, (Step("y", 0, 0, 0, (Check("z", "not judged"),)),)))["proven"] is None
