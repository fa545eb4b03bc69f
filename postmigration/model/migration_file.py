"""`migration.toml`: a migration that is declared without Python."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from postmigration.model.changes import Change, describe_change
from postmigration.model.errors import CannotJudge
from postmigration.model.migration import Metric, Migration


class MigrationFile(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What the file holds.

    Args:
        name: what the migration is called in reports.
        plan_checks: how many numbered checks the project has.
        reasons: reasons that stand for several changes, by the name of their group.
        legacy_scripts, scripts, rollback, selective_rollback: SQL files, or patterns of their names, as for
            `Migration`; those of one pattern run in the order of their names.
        codes: columns of text that may be shown, as for `Migration`.
        change: the changes that were meant. `table`, `column` and `object` of one may be several names, in `[`
            and `]`: it stands for a change of each.
        metric: what `postmigration watch` reads besides, and the ranges that it judges by.
    """

    name: str
    plan_checks: int = 0
    reasons: Mapping[str, str] = {}
    legacy_scripts: Sequence[str] = ()
    scripts: Sequence[str] = ()
    rollback: Sequence[str] = ()
    selective_rollback: Sequence[str] = ()
    codes: Sequence[str] = ()
    change: Sequence[Change] = ()
    metric: Sequence[Metric] = ()


def read_migration(path: Path) -> Migration:
    """Reads a migration from a file.

    Raises:
        CannotJudge: it cannot be read, an entry lacks something, or nobody said why a change was meant: one line.
    """
    numbers: list[int] = []
    try:
        document = msgspec.toml.decode(path.read_bytes())
        if isinstance(entries := document.get("change"), list):
            listed = [(n, one) for n, entry in enumerate(entries) for one in _list_each(entry)]
            numbers, document["change"] = [n for n, _ in listed], [one for _, one in listed]
        file = msgspec.convert(document, MigrationFile)
    except OSError as error:
        raise CannotJudge(f"{path} cannot be read: {error.strerror}") from None
    except msgspec.ValidationError as error:
        problem = str(error).removeprefix("Object ")
        problem = re.sub(r"(?<=\$\.change\[)\d+", lambda match: str(numbers[int(match[0])]), problem)
        raise CannotJudge(f"{path}: {problem[:1].lower()}{problem[1:]}") from None
    except ValueError as error:
        raise CannotJudge(f"{path} is not TOML: {error}") from None
    return Migration(
        name=file.name,
        plan_checks=file.plan_checks,
        codes=file.codes,
        metrics=file.metric,
        changes=_give_reasons(file, path, numbers),
        legacy_scripts=_find_scripts(path, "legacy_scripts", file.legacy_scripts),
        scripts=_find_scripts(path, "scripts", file.scripts),
        rollback=_find_scripts(path, "rollback", file.rollback),
        selective_rollback=_find_scripts(path, "selective_rollback", file.selective_rollback),
    )


def _list_each(entry: Any) -> list[Any]:
    """The changes that an entry stands for: one for each name, where `table`, `column` or `object` is several."""
    for field in ("table", "column", "object"):
        if isinstance(entry, dict) and isinstance(names := entry.get(field), list) and names:
            return [one for name in names for one in _list_each({**entry, field: name})]
    return [entry]


def _give_reasons(file: MigrationFile, path: Path, numbers: Sequence[int]) -> tuple[Change, ...]:
    """The changes, each with its reason.

    Args:
        numbers: for each change which entry of the file says it, counted from 0.
    """
    titles: dict[int, str] = {}
    reasons, found = {}, []
    for n, change in zip(numbers, file.change, strict=True):
        # One reason of an entry stands for all of its changes.
        title = titles.setdefault(n, f"[[change]] {n + 1}, {describe_change(change)}")
        if change.reason.strip() and change.group:
            raise CannotJudge(f"{path}: {title}: it has a reason and a group, want one of them")
        if change.group and change.group not in file.reasons:
            raise CannotJudge(f"{path}: {title}: there is no {change.group} in [reasons]")
        reason = file.reasons[change.group] if change.group else change.reason
        # One of a group stands for all of its changes.
        reasons[f"[reasons] {change.group}" if change.group else title] = reason
        found.append(msgspec.structs.replace(change, reason=reason.strip()))
    refuse_unreviewed(str(path), reasons)
    return tuple(found)


def refuse_unreviewed(where: str, reasons: Mapping[str, str]) -> None:
    """Makes sure that somebody said of each change why it was meant.

    Args:
        where: where the changes are declared.
        reasons: what was said, by the change or the group that it is the reason of.

    Raises:
        CannotJudge: one has none: one line.
    """
    unreviewed = [title for title, reason in reasons.items() if not reason.strip()]
    if unreviewed:
        of = f"{len(unreviewed):,} of {len(reasons):,} reason{'s' * (len(reasons) != 1)}"
        more = f" and {len(unreviewed) - 1:,} more" if len(unreviewed) > 1 else ""
        words = f"{of} {'is' if len(unreviewed) == 1 else 'are'} empty: {unreviewed[0]}{more}"
        raise CannotJudge(f"{where}: {words}: say why each was meant")


def _find_scripts(path: Path, field: str, patterns: Sequence[str]) -> tuple[Path, ...]:
    found: list[Path] = []
    for pattern in patterns:
        files = sorted(path.parent.glob(pattern))
        if not files:
            raise CannotJudge(f"{path}: {field}: there is no file {pattern}")
        found += files
    return tuple(found)
