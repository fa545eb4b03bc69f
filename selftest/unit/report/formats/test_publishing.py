"""All files that tell of a validation are replaced at once, or none of them."""

import json
from pathlib import Path

import pytest

from postmigration.model.evidence import Finding
from postmigration.report.formats.publishing import publish
from postmigration.report.places import choose
from postmigration.report.validation import Validation
from selftest.unit.results import make_result, make_validation


@pytest.fixture
def validation(monkeypatch: pytest.MonkeyPatch) -> Validation:
    for name in ("CI_JOB_URL", "GITHUB_RUN_ID", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)
    found = Finding("rows are missing", 9, 9, ("id",), tuple((str(n),) for n in range(9)))
    return make_validation([make_result("failed", 1, found)])


def test_each_form_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, validation: Validation) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "job"))
    files = choose(tmp_path / "validation.html", tmp_path / "validation.xml")
    publish(validation, files, "<html>page</html>")
    assert files.html.read_text() == "<html>page</html>"
    assert "(validation.html#check-01)" in files.summary.read_text()
    assert (tmp_path / "job").read_text() == f"{files.summary.read_text()}\n"
    assert "<failure" in files.junit.read_text()
    (check,) = json.loads(files.json.read_text())["checks"]
    assert (tmp_path / check["findings"][0]["file"]).read_text(encoding="utf-8-sig").splitlines()[:2] == ["id", "0"]


def test_where_there_is_no_room_nothing_is_replaced(tmp_path: Path, validation: Validation) -> None:
    files = choose(tmp_path / "validation.html", tmp_path / "gone" / "validation.xml")
    files.html.write_text("unfinished")
    with pytest.raises(OSError, match="No such file"):
        publish(validation, files, "page")
    assert [path.name for path in tmp_path.iterdir()] == ["validation.html"]
    assert files.html.read_text() == "unfinished"
