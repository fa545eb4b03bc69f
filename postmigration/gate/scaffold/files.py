"""Writes the files of a project."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import jinja2

from postmigration.gate.scaffold.migration_toml import Objects, count_reasons, write_migration
from postmigration.gate.scaffold.plan_checks import PlanCheck
from postmigration.model.errors import CannotJudge
from postmigration.trace.findings import Trace

# Each file of a project, and its template.
_FILES: Mapping[str, str] = {
    "pyproject.toml": "pyproject.toml.j2",
    "tests/test_plan.py": "test_plan.py.j2",
    ".github/workflows/validate.yml": "validate.yml.j2",
    "deployment.toml": "deployment.toml",
    "README.md": "README.md.j2",
}
_MIGRATION = "migration.toml"
# What was found, drawn.
PICTURE = "trace.html"


def refuse_occupied(directory: Path) -> None:
    """Makes sure that nothing is overwritten.

    Raises:
        CannotJudge: one of the files is there.
    """
    if directory.exists() and not directory.is_dir():
        raise CannotJudge(f"{directory} is a file: name a directory that is new or empty")
    for name in (*_FILES, _MIGRATION, PICTURE):
        if (directory / name).exists():
            raise CannotJudge(f"{directory / name} is there already, and is not overwritten: name another directory")


def write_project(
    directory: Path, checks: Sequence[PlanCheck], trace: Trace | None, objects: Objects = ()
) -> list[Path]:
    """Writes a project.

    Args:
        checks: its numbered checks.
        trace: what was found; None where there was no state before.
        objects: objects that differ beside, as patterns, each with what differs, and whether they are gone.

    Returns:
        The files.

    Raises:
        CannotJudge: one of them is there already, or cannot be written.
    """
    refuse_occupied(directory)
    title = directory.resolve().name
    name = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-") or "migration"
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=False,  # noqa: S701  # Python and TOML: names go through a filter that quotes them
        trim_blocks=True,
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
    )
    environment.filters |= {"string": write_string, "words": _write_words}
    texts = {
        file: environment.get_template(template).render(
            name=name,
            checks=checks,
            comparing=any(check.have for check in checks),
            reasons=0 if trace is None else count_reasons(trace.found),
            objects=len(objects),
        )
        for file, template in _FILES.items()
    }
    texts[_MIGRATION] = write_migration(title, len(checks), trace, objects)
    written = []
    for file, text in sorted(texts.items()):
        path = directory / file
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8") as stream:
                stream.write(text)
        except FileExistsError:
            raise CannotJudge(f"{path} is there already, and is not overwritten: name another directory") from None
        except OSError as error:
            raise CannotJudge(f"{path} cannot be written: {error.strerror}") from None
        written.append(path)
    return written


def write_string(text: str) -> str:
    """A text as a string of Python and of TOML, with as few escapes as can be."""
    if '"' in text and "'" not in text and "\\" not in text and text.isprintable():
        return f"'{text}'"
    return json.dumps(text, ensure_ascii=not text.isprintable())


def _write_words(text: str) -> str:
    """A text that ends no docstring."""
    return re.sub(r'["\\]', "'", " ".join(text.split()))
