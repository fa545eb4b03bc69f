"""Django: migrations of applications, which may replace others."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from pathlib import Path

from postmigration.checks.contents.examination import list_names
from postmigration.checks.history import Entry
from postmigration.checks.migration_files.files import (
    Differences,
    MigrationFiles,
    display,
    evaluate,
    list_files,
    parse,
    walk,
)

# An application's label, and the name of a migration.
Key = tuple[str, str]


class Django(MigrationFiles):
    """Modules with a class `Migration` in packages `migrations`, as docs.djangoproject.com has them in "Migrations".

    The label of an application is what `label` in its `apps.py` says, else the name of its directory ("Applications"
    there). Which migrations another one makes up for follows "Squashing migrations" there and what
    `django.db.migrations.loader.MigrationLoader.build_graph` does: it counts as applied when all that it replaces are,
    and is used when all or none of them are.
    """

    tool = ledger = "Django"
    command = "manage.py migrate"
    known_by = "Django's APP/migrations/*.py with a class Migration"

    def __init__(self, places: Sequence[Path], *, named: bool) -> None:
        super().__init__(places, named=named)
        self.replaces: dict[Key, tuple[Key, ...]] = {}
        starts = (place.resolve() if place.resolve().name == "migrations" else place for place in places)
        for package in (path for start in starts for path in walk(start, named=named) if path.name == "migrations"):
            label = _read_label(package.parent)
            for path in list_files([package], "*.py"):
                replaced = None if path.name[0] in "_~." else _read_replaced(path)
                if replaced is not None:
                    self.replaces[label, path.stem] = replaced

    @classmethod
    def find(cls, root: Path, *, named: bool) -> list[Path]:
        """Finds all applications together: they have one ledger. Without a name, those beside a `manage.py`."""
        meant = named or (root / "manage.py").is_file()
        return [root] if meant and cls.holds_some(root, named=named) else []

    @property
    def count(self) -> int:
        """How many migrations there are."""
        return len(self.replaces)

    def compare(self, entries: Sequence[Entry]) -> Differences:
        """Holds the applications whose files are here against what the ledger has of them."""
        found = Differences()
        names = {f"{label}.{name}": (label, name) for label, name in self._list_known()}
        applied = {names[entry.name] for entry in entries if entry.applied and entry.name in names}
        labels = {label for label, _ in self.replaces}
        found.pending = [display(".".join(key)) for key in self._list_pending(applied)]
        known = [i for i, entry in enumerate(entries) if entry.name in names]
        elsewhere = set()
        for i, entry in enumerate(entries):
            label = entry.name.partition(".")[0]
            if label not in labels:
                elsewhere.add(label)
            elif entry.name not in names:
                # Of squashed migrations the files are deleted and the entries stay, before those of what came later.
                old = any(later > i and entries[later].name.startswith(f"{label}.") for later in known)
                (found.pruned if old else found.unknown).append(entry.name)
        if elsewhere:
            words = "applications in the ledger whose files are not here, and are compared with nothing"
            found.notes.append(f"{words}: {list_names(sorted(elsewhere))}")
        strangers = sorted(labels - {entry.name.partition(".")[0] for entry in entries})
        if strangers and entries:
            words = "applications that the ledger has nothing of (not installed, or under another label?)"
            found.notes.append(f"{words}: {list_names(strangers)}")
        return found

    def _list_known(self) -> set[Key]:
        return {*self.replaces, *(key for replaced in self.replaces.values() for key in replaced)}

    def _list_pending(self, applied: set[Key]) -> list[Key]:
        def is_applied(key: Key) -> bool:
            replaced = self.replaces.get(key, ())
            return all(map(is_applied, replaced)) if replaced else key in applied

        made_up_for: set[Key] = set()
        unusable: set[Key] = set()
        for key, replaced in self.replaces.items():
            states = {is_applied(one) for one in replaced}
            if len(states) == 1:
                made_up_for |= set(replaced)
            elif states:
                unusable.add(key)
        left = [key for key in self.replaces if key not in made_up_for | unusable]
        return sorted(key for key in left if not is_applied(key))


def _read_replaced(path: Path) -> tuple[Key, ...] | None:
    """What the migration in a file replaces; None of a file that holds no migration."""
    for node in parse(path).body:
        if isinstance(node, ast.ClassDef) and node.name == "Migration":
            for one in node.body:
                targets = one.targets if isinstance(one, ast.Assign) else [getattr(one, "target", None)]
                value = one.value if isinstance(one, ast.Assign | ast.AnnAssign) else None
                if value is not None and any(isinstance(t, ast.Name) and t.id == "replaces" for t in targets):
                    pairs = evaluate(value, "replaces", path)
                    return tuple((str(a), str(b)) for a, b in pairs) if isinstance(pairs, list | tuple) else ()
            return ()
    return None


def _read_label(directory: Path) -> str:
    """The label of an application: what its one configuration says, else the name of its directory."""
    file = directory / "apps.py"
    classes = [node for node in parse(file).body if isinstance(node, ast.ClassDef)] if file.is_file() else []
    labels = [
        node.value.value
        for one in classes
        for node in one.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "label"
        if isinstance(node.value, ast.Constant)
    ]
    return str(labels[0]) if len(labels) == len(classes) == 1 else directory.resolve().name
