"""The rules of the house: docs that say what is so, checks that cannot be optimized away, files of a reader's size."""

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

from fixtures import MIGRATION
from postmigration.model.changes import Change
from postmigration.model.migration_file import read_migration
from selftest.check.document import render
from selftest.conftest import ROOT
from selftest.declared.document import make_page
from selftest.faults import document

ENGINE = ROOT / "postmigration"
DIRECTORIES = ("postmigration", "fixtures", "selftest", "tests", "benchmarks")

MODULES = {
    ".".join(path.relative_to(ENGINE).with_suffix("").parts): path
    for path in sorted(ENGINE.rglob("*.py"))
    if path.stem != "__init__"
}


@pytest.mark.parametrize("module", MODULES)
def test_the_engine_knows_nothing_of_the_migration(module: str) -> None:
    text = MODULES[module].read_text().lower()
    assert not re.search(r"customer|organization|contact(?!s the)|supplier", text.replace("customer contacts", "", 2))


CHECKS = [
    path
    for directory in (ROOT / "tests", ENGINE / "checks" / "builtin", ENGINE / "checks" / "declared")
    for path in sorted(directory.glob("*.py"))
]


@pytest.mark.parametrize("path", CHECKS, ids=lambda path: f"{path.parent.name}.{path.stem}")
def test_checks_do_not_rest_on_assert(path: Path) -> None:
    # PYTHONOPTIMIZE removes assert statements; a gate must not open for it.
    assert not any(isinstance(node, ast.Assert) for node in ast.walk(ast.parse(path.read_text())))


@pytest.mark.parametrize("path", CHECKS, ids=lambda path: f"{path.parent.name}.{path.stem}")
def test_each_check_says_what_it_means_what_causes_it_and_what_to_do(path: Path) -> None:
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            paragraphs = (ast.get_docstring(node) or "").split("\n\n")
            labels = [paragraph.partition(": ")[0] for paragraph in paragraphs[1:]]
            assert labels == ["Impact", "Likely causes", "Fix"], node.name
            assert all(paragraph.rstrip().endswith(".") for paragraph in paragraphs), node.name


def test_the_plan_names_checks_that_there_are() -> None:
    sources = "".join(path.read_text() for path in CHECKS)
    names = set(re.findall(r"^def test_(\w+)", sources, re.MULTILINE))
    names |= {path.stem.removeprefix("test_") for path in CHECKS}
    for criterion in MIGRATION.criteria:
        assert {n.partition("[")[0] for n in criterion.decided_by if isinstance(n, str)} <= names, criterion.text
        assert criterion.decided_by or criterion.how, criterion.text


def test_the_readme_has_every_option_as_the_help_describes_it() -> None:
    declaring = (ENGINE / "gate" / "options.py", ENGINE / "gate" / "running" / "pace.py")
    source = re.sub(r"\s+", " ", "".join(path.read_text() for path in declaring))
    table = dict(re.findall(r"^\| `(--[a-z-]+)[^`]*` \| (.+) \|$", (ROOT / "README.md").read_text(), re.MULTILINE))
    assert table.keys() == set(re.findall(r'add\( ?"(--[a-z-]+)"', source))
    for option, described in re.findall(r'add\( ?"(--[a-z-]+)",.*?help="([^"]*)"', source):
        words = described.removesuffix(" (%(default)s)")
        assert table[option].startswith(words), option


def test_the_docs_list_every_fault() -> None:
    assert (ROOT / "docs" / "faults.md").read_text() == document()


def test_the_docs_describe_every_built_in_check() -> None:
    assert (ROOT / "docs" / "check.md").read_text() == render()


def test_the_docs_describe_every_declared_change(tmp_path: Path) -> None:
    assert (ROOT / "docs" / "changes.md").read_text() == make_page()
    # What is said of a field is one row of a table, however long it is.
    assert re.findall(r"^\| `(?:\w*\W+`|.*\|  \|$).*", make_page(), re.MULTILINE) == []
    file = tmp_path / "migration.toml"
    file.write_text('name = "examples"\n' + "\n".join(re.findall("```toml\n(.*?)```", make_page(), re.DOTALL)))
    assert {type(change) for change in read_migration(file).changes} == {*Change.__args__}


def test_the_docs_say_which_selftests_try_each_package() -> None:
    page = (ROOT / "docs" / "testing.md").read_text().partition("## Which selftests try which package")[2]
    table = dict(re.findall(r"^\| `([^`]+)` \| (.+) \|$", page.partition("\n## ")[0], re.MULTILINE))
    packages = {str(path.parent.relative_to(ENGINE)) for path in MODULES.values()} - {"."} | {"postmigration"}
    assert table.keys() == packages
    named = [name for cell in table.values() for name in re.findall("`([^`]+)`", cell)]
    assert [name for name in named if not (ROOT / "selftest" / name).exists()] == []
    units = {package for package in packages if (ROOT / "selftest" / "unit" / package).is_dir()}
    assert {package for package in units if f"`unit/{package}`" not in table[package]} == set()


def _has_function(path: Path) -> bool:
    return any(
        isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) for node in ast.walk(ast.parse(path.read_text()))
    )


def test_each_module_has_a_selftest_of_its_name() -> None:
    selftests = ROOT / "selftest"
    modules = {name: path for name, path in MODULES.items() if not path.name.startswith(("__main__", "test_"))}
    modules = {name: path for name, path in modules.items() if _has_function(path)}
    alike = Counter(path.stem for path in modules.values())
    there = {path.relative_to(selftests) for path in selftests.rglob("test_*.py")}
    named = Counter(path.stem for path in there if path.parts[0] != "unit")
    lacking = []
    for name, path in modules.items():
        place = path.relative_to(ENGINE).with_name(f"test_{path.name}")
        alone = alike[path.stem] == named[place.stem] == 1
        if not (alone or Path("unit") / place in there or place in there):
            lacking.append(name)
    assert lacking == []


def test_the_docs_say_where_to_look_in_each_package() -> None:
    page = (ROOT / "docs" / "design.md").read_text()
    table = dict(re.findall(r"^\| `(\w+)/` \| .+ \| (.+) \|$", page, re.MULTILINE))
    assert table.keys() == {module.partition(".")[0] for module in MODULES if "." in module}
    for package, cell in table.items():
        files = [path for path in (ENGINE / package).rglob("*") if "__pycache__" not in path.parts]
        there = {name for path in files for name in (path.name + "/" * path.is_dir(), path.stem)}
        assert set(re.findall("`([a-z_./]+)`", cell)) <= there, package


def test_no_file_outgrows_its_reader() -> None:
    files = [path for directory in DIRECTORIES for path in (ROOT / directory).rglob("*.py")]
    assert not [path for path in files if len(path.read_text().splitlines()) > 400]


def test_no_package_outgrows_its_reader() -> None:
    packages = {path.parent for path in MODULES.values()}
    assert not [package for package in packages if len(list(package.glob("[!_]*.py"))) > 15]


def test_the_profile_of_random_worlds_is_asked_for_when_it_is_known() -> None:
    # A conftest is imported before Hypothesis has read --hypothesis-profile, and so is what a conftest imports.
    asks = [path for path in (ROOT / "selftest").rglob("*.py") if "get_current_profile" + "_name" in path.read_text()]
    (name,) = (path.stem for path in asks)
    assert not [path for path in ROOT.rglob("selftest/**/conftest.py") if f".{name} import" in path.read_text()]
    assert name != "conftest"
