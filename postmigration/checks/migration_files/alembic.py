"""Alembic: revisions that name the ones before them, of which the ledger holds the heads."""

from __future__ import annotations

import ast
import configparser
import graphlib
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from postmigration.checks.history import Entry
from postmigration.checks.migration_files.files import (
    Differences,
    MigrationFiles,
    display,
    evaluate,
    list_files,
    list_places,
    list_texts,
    parse,
)
from postmigration.model.errors import CannotJudge

_NAMES = ("revision", "down_revision", "depends_on", "branch_labels")
_CONVENTIONAL = ("versions", "alembic/versions", "migrations/versions", "migrations/alembic/versions")


@dataclass(frozen=True)
class Revision:
    """A revision.

    Args:
        name: its identifier.
        parents: the revisions before it.
        needs: what else must have been applied: identifiers or labels of branches.
        labels: the branches that begin with it.
    """

    name: str
    parents: tuple[str, ...]
    needs: tuple[str, ...]
    labels: tuple[str, ...]


class Alembic(MigrationFiles):
    """Files with a `revision`, as alembic.sqlalchemy.org has them in "Tutorial" and "Working with Branches".

    A row of `alembic_version` stands for its revision and all before it, those among `depends_on` included, which are
    no heads of their own ("Dependencies" there).
    """

    tool = ledger = "Alembic"
    command = "alembic upgrade heads"
    known_by = "Alembic's versions/*.py with a revision"

    def __init__(self, places: Sequence[Path], *, named: bool) -> None:
        super().__init__(places, named=named)
        read = (_read_revision(path) for path in list_files(places, "*.py") if path.name != "__init__.py")
        self.revisions = {revision.name: revision for revision in read if revision is not None}

    @classmethod
    def find(cls, root: Path, *, named: bool) -> list[Path]:
        """Finds what a configuration names, else a directory `versions`, else the directory itself."""
        places = list_places(root, [*_read_configuration(root)] or _CONVENTIONAL)
        if not places and named:
            places = [root]
        return [place for place in places if cls.holds_some(place, named=named)]

    @property
    def count(self) -> int:
        """How many revisions there are."""
        return len(self.revisions)

    def compare(self, entries: Sequence[Entry]) -> Differences:
        """Holds the heads of the ledger and all that lies before them against the revisions."""
        found = Differences()
        names = {display(name): name for name in self.revisions}
        heads = [entry.name for entry in entries if entry.applied]
        found.unknown = [head for head in heads if head not in names]
        absent = {parent for one in self.revisions.values() for parent in one.parents} - set(self.revisions)
        found.lost = sorted(map(display, absent))
        if found.unknown:
            found.notes.append("which revisions are pending is not told: it depends on those that have no file")
            return found
        before = {name: self._list_before(revision) for name, revision in self.revisions.items()}
        applied = _find_ancestors(before, [names[head] for head in heads])
        found.pending = [display(name) for name in _order(before) if name not in applied]
        return found

    def _list_before(self, revision: Revision) -> list[str]:
        """What must have been applied before a revision, as far as its file is there."""
        labels = {label: one.name for one in self.revisions.values() for label in one.labels}
        needed = (labels.get(name, self._complete(name)) for name in revision.needs)
        return [name for name in (*revision.parents, *needed) if name in self.revisions]

    def _complete(self, name: str) -> str:
        """The identifier of which a name is the beginning."""
        return next((one for one in self.revisions if one.startswith(name)), name) if name else name


def _read_revision(path: Path) -> Revision | None:
    """Reads what a file says of itself; None of one that holds no revision."""
    values: dict[str, object] = {}
    for node in parse(path).body:
        target = node.targets[0] if isinstance(node, ast.Assign) and len(node.targets) == 1 else None
        target = node.target if isinstance(node, ast.AnnAssign) else target
        if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
            continue
        if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
            pairs = list(zip(target.elts, node.value.elts, strict=False))
        else:
            pairs = [] if target is None else [(target, node.value)]
        for name, value in pairs:
            if isinstance(name, ast.Name) and name.id in _NAMES:
                values[name.id] = evaluate(value, name.id, path)
    if not (isinstance(values.get("revision"), str) and "down_revision" in values):
        return None
    parents, needs, labels = (list_texts(values.get(name)) for name in _NAMES[1:])
    return Revision(str(values["revision"]), parents, needs, labels)


def _read_configuration(root: Path) -> Iterable[str]:
    """The directories of revisions that `alembic.ini` or `pyproject.toml` names."""
    for directory in (root, root / "migrations", root / "alembic"):
        settings: Mapping[str, object] = {}
        parser = configparser.RawConfigParser()
        try:
            if parser.read(directory / "alembic.ini", encoding="utf-8") and parser.has_section("alembic"):
                settings = dict(parser["alembic"])
            elif (directory / "pyproject.toml").exists():
                text = (directory / "pyproject.toml").read_text(encoding="utf-8")
                settings = tomllib.loads(text).get("tool", {}).get("alembic", {})
        except (configparser.Error, ValueError) as error:
            raise CannotJudge(f"the configuration of Alembic in {directory} cannot be read: {error}") from None
        location = str(settings.get("script_location") or "").replace(":", "/")
        several = settings.get("version_locations") or [f"{location}/versions"] * bool(location)
        # What separates them is a setting of its own; a directory that is not there is no place.
        for one in several if isinstance(several, list) else re.split(r"[\s,;:]+", str(several)):
            yield str(directory / str(one).replace("%(here)s/", "").replace("%(here)s", ".").replace("%%", "%"))


def _find_ancestors(before: Mapping[str, Sequence[str]], heads: Iterable[str]) -> set[str]:
    found: set[str] = set()
    waiting = list(heads)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += before[name]
    return found


def _order(before: Mapping[str, Sequence[str]]) -> list[str]:
    try:
        return list(graphlib.TopologicalSorter(before).static_order())
    except graphlib.CycleError as error:
        raise CannotJudge(f"revisions of Alembic come before each other: {', '.join(error.args[1])}") from None
