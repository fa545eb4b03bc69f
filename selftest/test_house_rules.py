"""The rules of the house: layers one way, docs that say what is so, checks that cannot be optimized away."""

import ast
import re
from pathlib import Path

import pytest

from selftest.conftest import ROOT
from selftest.faults import document

ENGINE = ROOT / "postmigration"

# Each module may import those above it.
LAYERS = (
    {"errors", "migration"},
    {"address", "sql"},
    {"hashing", "waivers"},
    {"evidence", "judging", "parity"},
    {"database", "verdict"},
    {"catalog", "comparison", "embedded", "timing"},
    {"expectation", "references"},
    {"coverage"},
    {"fingerprint"},
    {"before", "compare", "differing", "fingerprint_file"},
    {"target"},
    {"baseline"},
    {"run"},
    {"comparison_report", "options", "project", "report"},
    {"cli", "plugin"},
)


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def test_every_module_has_its_layer() -> None:
    assert {path.stem for path in ENGINE.glob("*.py")} - {"__init__"} == set().union(*LAYERS)


@pytest.mark.parametrize("path", sorted(ENGINE.glob("*.py")), ids=lambda path: path.stem)
def test_layers_are_crossed_one_way_only(path: Path) -> None:
    if path.stem == "__init__":
        return
    level = next(i for i, layer in enumerate(LAYERS) if path.stem in layer)
    ours = {name.split(".")[1] for name in imported(path) if name.startswith("postmigration.")}
    # A name for types only does not load the module.
    for_types = {"plugin"} if path.stem == "report" else set()
    modules = {name for name in ours if (ENGINE / f"{name}.py").exists()} - for_types
    assert all(any(name in layer for layer in LAYERS[: level + 1]) for name in modules)
    framework = {name.split(".")[0] for name in imported(path)} & {"pytest", "_pytest", "pytest_html"}
    assert not framework or path.stem in {"plugin", "report"}


@pytest.mark.parametrize("path", sorted(ENGINE.glob("*.py")), ids=lambda path: path.stem)
def test_the_engine_knows_nothing_of_the_migration(path: Path) -> None:
    text = path.read_text().lower()
    assert not re.search(r"customer|organization|contact(?!s the)|supplier", text.replace("customer contacts", "", 2))
    assert not {name.split(".")[0] for name in imported(path)} & {"fixtures", "tests"}


@pytest.mark.parametrize("path", sorted((ROOT / "tests").glob("*.py")), ids=lambda path: path.stem)
def test_checks_do_not_rest_on_assert(path: Path) -> None:
    # PYTHONOPTIMIZE removes assert statements; a gate must not open for it.
    assert not any(isinstance(node, ast.Assert) for node in ast.walk(ast.parse(path.read_text())))


def test_the_readme_has_every_option_as_the_help_describes_it() -> None:
    source = re.sub(r"\s+", " ", (ENGINE / "options.py").read_text())
    table = dict(re.findall(r"^\| `(--[a-z-]+)[^`]*` \| (.+) \|$", (ROOT / "README.md").read_text(), re.MULTILINE))
    assert table.keys() == set(re.findall(r'add\( ?"(--[a-z-]+)"', source))
    for option, described in re.findall(r'add\( ?"(--[a-z-]+)",.*?help="([^"]*)"', source):
        words = described.removesuffix(" (%(default)s)")
        assert table[option].startswith(words), option


def test_the_docs_list_every_fault() -> None:
    assert (ROOT / "docs" / "faults.md").read_text() == document()


def test_no_file_outgrows_its_reader() -> None:
    assert not [path for path in ROOT.glob("[pfstb]*/*.py") if len(path.read_text().splitlines()) > 400]
