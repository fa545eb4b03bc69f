"""A project is written whole, and nothing is overwritten."""

import ast
import tomllib
from pathlib import Path

import pytest

from postmigration.gate.scaffold.files import refuse_occupied, write_project, write_string
from postmigration.gate.scaffold.plan_checks import PlanCheck
from postmigration.model.errors import CannotJudge

CHECK = PlanCheck(
    group="Rows",
    title='No "order" is lost',
    function="no_order_is_lost",
    sentence='Each """order""" is there.',
    impact="It is missed.",
    causes="A script ended.",
    fix="Run it again.",
    statement="orders that are lost",
    sql='SELECT id FROM "Order"',
    examined="SELECT count(*) FROM orders",
)


def test_a_project_has_its_checks_its_declaration_and_its_pipeline(tmp_path: Path) -> None:
    written = write_project(tmp_path / "My Shop", [CHECK], None)
    assert [str(path.relative_to(tmp_path / "My Shop")) for path in written] == [
        ".github/workflows/validate.yml",
        "README.md",
        "deployment.toml",
        "migration.toml",
        "pyproject.toml",
        "tests/test_plan.py",
    ]
    listed = (Path(__file__).parents[4] / "docs" / "your-own.md").read_text().partition("| file | holds |")[2]
    assert [str(file) for file in written if f"`{file.relative_to(tmp_path / 'My Shop')}`" not in listed] == []
    settings = tomllib.loads((tmp_path / "My Shop" / "pyproject.toml").read_text())
    assert settings["project"]["name"] == "my-shop"
    assert settings["tool"]["postmigration"]["migration"] == "migration.toml"
    assert tomllib.loads((tmp_path / "My Shop" / "migration.toml").read_text())["plan_checks"] == 1
    module = ast.parse((tmp_path / "My Shop" / "tests" / "test_plan.py").read_text())
    (check,) = (node for node in module.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"))
    assert check.name == "test_no_order_is_lost"
    assert (ast.get_docstring(check) or "").startswith("Each '''order''' is there.")


def test_the_readme_says_that_suggestions_in_comments_lack_reasons_too(tmp_path: Path) -> None:
    words = "The suggestions in comments at its end, of other objects that differ"
    write_project(tmp_path / "same", [CHECK], None)
    assert words not in (tmp_path / "same" / "README.md").read_text()
    write_project(
        tmp_path / "other", [CHECK], None, [("view public.shown", "it is gone", True), ("type public.a", "new", False)]
    )
    readme = (tmp_path / "other" / "README.md").read_text()
    assert f"{words} (2), have empty reasons too, which are not among these" in readme


@pytest.mark.parametrize("name", ["migration.toml", "tests/test_plan.py", "trace.html"])
def test_a_directory_that_holds_one_of_the_files_is_refused(tmp_path: Path, name: str) -> None:
    refuse_occupied(tmp_path / "new")
    refuse_occupied(tmp_path)
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("mine")
    with pytest.raises(CannotJudge, match=f"/{name} is there already, and is not overwritten: name another directory$"):
        write_project(tmp_path, [CHECK], None)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [tmp_path / name]


def test_a_file_is_no_directory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CannotJudge, match=r"/file is a file: name a directory that is new or empty$"):
        refuse_occupied(tmp_path / "file")


@pytest.mark.parametrize("text", ["plain", 'say "x"', "it's", "both ' and \"", "a\\b", "line\nbreak", "ä\u202e"])
def test_a_string_is_the_same_in_python_and_in_toml(text: str) -> None:
    written = write_string(text)
    assert ast.literal_eval(written) == text
    assert tomllib.loads(f"x = {written}")["x"] == text
