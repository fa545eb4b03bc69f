"""A workload as it is kept, in a file of its own or in a fingerprint: the statements of an application."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from postmigration.checks.workload.statements import Workload
from postmigration.diff.fingerprint_contents import WorkloadFingerprint
from postmigration.model.errors import CannotJudge, NotJudged
from postmigration.model.files import replace_all

FORMAT = 1


class _File(msgspec.Struct, forbid_unknown_fields=True):
    postmigration_workload: int
    workload: Workload


def write(workload: Workload, path: Path) -> None:
    """Writes a workload.

    Raises:
        CannotJudge: it cannot be written there.
    """
    text = msgspec.json.format(msgspec.json.encode(_File(FORMAT, workload)), indent=1).decode()
    try:
        replace_all({path: f"{text}\n"})
    except OSError as error:
        raise CannotJudge(f"the workload cannot be written to {path}: {error.strerror}") from None


def read(path: Path) -> Workload:
    """Reads a workload.

    Raises:
        CannotJudge: there is no such file, or it is none of a workload.
    """
    remedy = "want a file that postmigration workload wrote"
    try:
        file = msgspec.json.decode(path.read_bytes(), type=_File)
    except OSError as error:
        raise CannotJudge(f"--workload={path}: {error.strerror} ({remedy})") from None
    except msgspec.DecodeError as error:
        # What it says names places of the file and no value.
        raise CannotJudge(f"--workload={path}: {error} ({remedy})") from None
    if file.postmigration_workload != FORMAT:
        raise CannotJudge(f"--workload={path}: format {file.postmigration_workload}, and this version reads {FORMAT}")
    return file.workload


def put_into_fingerprint(workload: Workload) -> WorkloadFingerprint:
    """What a fingerprint keeps of a workload."""
    kept: Mapping[str, Any] = msgspec.to_builtins(_File(FORMAT, workload))
    return WorkloadFingerprint(kept)


def take_from_fingerprint(held: WorkloadFingerprint) -> Workload:
    """The workload that a fingerprint keeps.

    Raises:
        NotJudged: it keeps none, or as another version wrote it.
    """
    if held.statements is None:
        raise NotJudged(f"the fingerprint holds no statements of the application: {held.reason}")
    known = held.statements.get("postmigration_workload")
    if known != FORMAT:
        raise NotJudged(
            f"the fingerprint holds the application's statements in format {known}, and this version reads {FORMAT}"
        )
    return msgspec.convert(held.statements, _File).workload
