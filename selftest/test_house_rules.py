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
    {"errors", "migration", "backups.contrib", "backups.statements"},
    {"address", "faults", "sql", "backups.ledger", "backups.script"},
    {"hashing", "proof", "waivers"},
    {"evidence", "judging", "parity"},
    {"database", "verdict"},
    {"actors", "catalog", "comparison", "embedded", "leftovers", "surface", "timing", "backups.standins"},
    {"expectation", "references", "visibility"}
    | {f"backups.{name}" for name in ("archive", "backup", "loading", "restored", "restoring")},
    {"coverage", "disclosure"},
    {"fingerprint"},
    {"before", "compare", "differing", "fingerprint_file"},
    {"target"},
    {"access", "baseline", "contents", "objects"},
    {"backups.verification", "run"},
    {"comparison_report", "options", "project", "proving", "report", "terminal"},
    {"rehearsal.scripts", "rehearsal.steps", "rehearsal.locks"},
    {"rehearsal.later", "rehearsal.page", "rehearsal.psql", "rehearsal.states", "rehearsal.suite"},
    {"rehearsal.stage"},
    {"rehearsal.plan"},
    {"backups.command", "rehearsal.command"},
    {"cli", "plugin"},
    {"bench"},
    {"planting"},
)
MODULES = {
    ".".join(path.relative_to(ENGINE).with_suffix("").parts): path
    for path in sorted(ENGINE.rglob("*.py"))
    if path.stem != "__init__"
}


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
    assert MODULES.keys() == set().union(*LAYERS)


@pytest.mark.parametrize("module", MODULES)
def test_layers_are_crossed_one_way_only(module: str) -> None:
    level = next(i for i, layer in enumerate(LAYERS) if module in layer)
    names = imported(MODULES[module])
    # A name for types only does not load the module.
    for_types = {"plugin"} if module == "report" else set()
    ours = {name.removeprefix("postmigration.") for name in names} & MODULES.keys() - for_types
    assert ours <= set().union(*LAYERS[: level + 1])
    framework = {name.split(".")[0] for name in names} & {"pytest", "_pytest", "pytest_html"}
    assert not framework or module in {"bench", "planting", "plugin", "proving", "report"}


@pytest.mark.parametrize("module", MODULES)
def test_the_engine_knows_nothing_of_the_migration(module: str) -> None:
    text = MODULES[module].read_text().lower()
    assert not re.search(r"customer|organization|contact(?!s the)|supplier", text.replace("customer contacts", "", 2))
    assert not {name.split(".")[0] for name in imported(MODULES[module])} & {"fixtures", "tests"}


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
