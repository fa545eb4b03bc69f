"""The rules of the house: layers one way, docs that say what is so, checks that cannot be optimized away."""

import ast
import re
from pathlib import Path

import pytest

from fixtures import MIGRATION
from selftest.conftest import ROOT
from selftest.faults import document

ENGINE = ROOT / "postmigration"

# Each module may import those above it.
LAYERS = (
    {"errors", "migration", "backups.contrib", "backups.statements"},
    {"address", "faults", "refusals", "role", "sql", "watchdog", "backups.script", "report.places"},
    {"dynamic_sql", "hashing", "report.unfinished", "temporary", "usage", "waivers"},
    {"evidence", "judging", "parity", "proof"},
    {"database", "verdict"},
    {"identity", "shadows"},
    {
        "actors",
        "catalog",
        "comparison",
        "embedded",
        "identity",
        "leftovers",
        "rights",
        "shadows",
        "surface",
        "timing",
        "backups.standins",
    },
    {"attempts", "bodies", "expectation", "privileges", "references", "visibility"}
    | {f"backups.{name}" for name in ("archive", "backup", "ledger", "loading", "restored", "restoring")},
    {"restrictions", "touching", "unvalidated"},
    {"coverage", "disclosure", "everybody", "login"},
    {"fingerprint"},
    {"before", "compare", "declarations", "differing", "fingerprint_file"},
    {"target"},
    {"access", "baseline", "contents", "objects"},
    {"undeclared"},
    {"backups.verification", "run"},
    {"comparison_report", "options", "project", "proving", "terminal"},
    {f"report.{name}" for name in ("changes", "facts", "rendering")},
    {"report.record"},
    {f"report.{name}" for name in ("as_csv", "as_text", "criteria", "pictures")},
    {f"report.{name}" for name in ("as_json", "as_junit", "as_markdown", "ending", "github")},
    {"report.as_html", "report.publishing"},
    {"rehearsal.scripts", "rehearsal.steps", "rehearsal.locks"},
    {"rehearsal.later", "rehearsal.page", "rehearsal.psql", "rehearsal.states", "rehearsal.suite"},
    {"rehearsal.stage"},
    {"rehearsal.plan"},
    {"backups.command", "rehearsal.command", "wrong_calls"},
    {"outcome"},
    {"cli", "selection", "starting"},
    {"plugin"},
    {"__main__", "bench"},
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
    ours = {name.removeprefix("postmigration.") for name in names} & MODULES.keys()
    assert ours <= set().union(*LAYERS[: level + 1])
    framework = {name.split(".")[0] for name in names} & {"pytest", "_pytest", "pytest_html"}
    ours_may = {"bench", "outcome", "planting", "plugin", "proving", "selection", "wrong_calls"}
    ours_may |= {"report.as_html", "report.facts", "starting"}
    assert not framework or module in ours_may


@pytest.mark.parametrize("module", MODULES)
def test_the_engine_knows_nothing_of_the_migration(module: str) -> None:
    text = MODULES[module].read_text().lower()
    assert not re.search(r"customer|organization|contact(?!s the)|supplier", text.replace("customer contacts", "", 2))
    assert not {name.split(".")[0] for name in imported(MODULES[module])} & {"fixtures", "tests"}


@pytest.mark.parametrize("path", sorted((ROOT / "tests").glob("*.py")), ids=lambda path: path.stem)
def test_checks_do_not_rest_on_assert(path: Path) -> None:
    # PYTHONOPTIMIZE removes assert statements; a gate must not open for it.
    assert not any(isinstance(node, ast.Assert) for node in ast.walk(ast.parse(path.read_text())))


@pytest.mark.parametrize("path", sorted((ROOT / "tests").glob("*.py")), ids=lambda path: path.stem)
def test_each_check_says_what_it_means_what_causes_it_and_what_to_do(path: Path) -> None:
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            paragraphs = (ast.get_docstring(node) or "").split("\n\n")
            assert len(paragraphs) == 4, node.name
            assert all(paragraph.rstrip().endswith(".") for paragraph in paragraphs), node.name


def test_the_plan_names_checks_that_there_are() -> None:
    sources = "".join(path.read_text() for path in (ROOT / "tests").glob("test_*.py"))
    names = set(re.findall(r"^def test_(\w+)", sources, re.MULTILINE))
    names |= {path.stem.removeprefix("test_") for path in (ROOT / "tests").glob("test_*.py")}
    for criterion in MIGRATION.criteria:
        assert {name for name in criterion.decided_by if isinstance(name, str)} <= names, criterion.text
        assert criterion.decided_by or criterion.how, criterion.text


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


def test_the_profile_of_random_worlds_is_asked_for_when_it_is_known() -> None:
    # A conftest is imported before Hypothesis has read --hypothesis-profile, and so is what a conftest imports.
    asks = [path for path in (ROOT / "selftest").rglob("*.py") if "get_current_profile" + "_name" in path.read_text()]
    (name,) = (path.stem for path in asks)
    assert not [path for path in ROOT.rglob("selftest/**/conftest.py") if f".{name} import" in path.read_text()]
    assert name != "conftest"
