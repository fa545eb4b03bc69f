"""Whether what the tools that migrate have done is what their files say."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from postmigration.checks.contents.examination import Examination, agree, count, list_names
from postmigration.checks.contents.tables import Name, title
from postmigration.checks.history import State, read_ledgers
from postmigration.checks.migration_files.files import Differences, MigrationFiles
from postmigration.checks.migration_files.find import find_files
from postmigration.model.errors import CannotJudge
from postmigration.postgres.connection import Snapshot

_LISTED = 5


def examine(
    after: Snapshot, before: Snapshot | None, roots: Sequence[Path], schemas: Collection[str], *, named: bool
) -> Examination:
    """Holds the ledgers of a database against the files of their tools.

    What the state before lacked excuses nothing: the code that is deployed is new, and needs all of it.

    Args:
        after: the database.
        before: the state before, by which a platform is known; None where there is none.
        roots: the directories of the files.
        schemas: those that are compared: of several ledgers of one tool, the one in them is meant.
        named: a user has named the directories.
    """
    found = Examination()
    try:
        files = find_files(roots, named=named)
    except CannotJudge as error:
        found.unjudged.append(str(error))
        return found
    if not files:
        found.inapplicable = "no migration files lie in the project" if roots else "no --migration-files are named"
        return found
    sides = [side for side in (after, before) if side is not None]
    states = read_ledgers(after, sides, found.unjudged, {tool for one in files for tool in (one.ledger, *one.alike)})
    refused = bool(found.unjudged)
    for one in files:
        where = _show(one, roots)
        ledgers = _choose(states, one.ledger, schemas)
        if len(one.places) > 1 and not named:
            found.notes.append(f"{one.tool} has files in {where}: name those that are meant with --migration-files")
        elif len(ledgers) > 1:
            which = list_names([title(state.name) for state in ledgers])
            words = f"{one.tool} has {len(ledgers):,} ledgers, {which}: name one by its --schema"
            # Where nobody has asked for it, it is no more than a note.
            (found.unjudged if named else found.notes).append(words)
        elif ledgers:
            _compare(one, ledgers[0], where, found)
        elif others := [state.title for name in one.alike for state in _choose(states, name, schemas)]:
            words = (
                f"{where} holds files named as those of {one.tool}, and the database has {list_names(others)} instead"
            )
            (found.unjudged if named else found.notes).append(words)
        elif not refused:
            words = (
                f"{one.tool}: {where} {agree(len(one.places), 'holds', 'hold')} {count(one.count, 'migration')}, and "
            )
            words += f"the database has no ledger of it: none is known to be applied (run {one.command})"
            found.add(words, blocker=named)
    if not (found.facts or found.findings or found.unjudged):
        found.inapplicable = list_names(found.notes, "; ")
    return found


def _choose(states: Mapping[Name, State], tool: str, schemas: Collection[str]) -> list[State]:
    """The ledgers of a tool, of several those in the schemas that are compared."""
    all_ = [state for state in states.values() if state.ledger.tool == tool and state.ledger.holds != "aside"]
    return [state for state in all_ if len(all_) == 1 or state.name[0] in schemas] or all_


def _show(files: MigrationFiles, roots: Sequence[Path]) -> str:
    """The places of files as a user knows them: as they were named, or as seen from the project."""
    seen = [_see(place, () if files.named else roots) for place in files.places]
    return " and ".join(seen)


def _see(place: Path, roots: Sequence[Path]) -> str:
    root = next((root for root in roots if place.is_relative_to(root)), None)
    return str(place) if root is None else "the project" if place == root else str(place.relative_to(root))


def _compare(files: MigrationFiles, state: State, place: str, found: Examination) -> None:
    differences = files.compare(state.entries)
    found.rows += len(state.entries)
    its_title = f"{title(state.name)} ({files.tool})"
    found.facts += files.count
    found.notes.append(f"{its_title}: held against {count(files.count, 'migration')} in {place}")
    found.notes += [f"{its_title}: {note}" for note in differences.notes]
    for said in _describe(differences, files, place, len(state.entries)):
        found.find(f"{its_title}: {said.words}", wrong=said.wrong, examined=said.examined)
    if old := differences.pruned:
        words = f"{list_names(old, most=_LISTED)} {agree(len(old), 'has', 'have')} no file in {place} any more"
        words = f"{its_title}: {words}, and later ones have: the tool goes on, and nobody can build the schema anew"
        found.find(words, wrong=len(old), examined=len(state.entries), severity="warning")


@dataclass(frozen=True)
class _Said:
    words: str
    wrong: int
    examined: int


def _describe(differences: Differences, files: MigrationFiles, place: str, entries: int) -> list[_Said]:
    said = []
    if names := differences.pending:
        words = f"{count(len(names), 'migration')} {agree(len(names), 'is', 'are')} pending"
        words += f": {list_names(names, most=_LISTED)} (run {files.command})"
        said.append(_Said(words, len(names), files.count))
    if names := differences.unknown:
        words = (
            f"{list_names(names, most=_LISTED)} {agree(len(names), 'is in it and has', 'are in it and have')} no file"
        )
        words += f" in {place}: the database is ahead of the code, or {agree(len(names), 'a file', 'files')} got lost"
        said.append(_Said(words, len(names), entries))
    if names := differences.changed:
        words = f"{list_names(names, most=_LISTED)} {agree(len(names), 'is', 'are')} not what ran"
        words += (
            f": {agree(len(names), 'its checksum is', 'their checksums are')} not the ledger's (bring back what ran)"
        )
        said.append(_Said(words, len(names), files.count))
    if names := differences.lost:
        words = f"{list_names(names, most=_LISTED)} {agree(len(names), 'has', 'have')} no file in {place}"
        said.append(
            _Said(f"{words}, and later files follow upon {agree(len(names), 'it', 'them')}", len(names), files.count)
        )
    return said
