"""The file of a workload: the statements of an application, as `postmigration workload` has written them."""

from __future__ import annotations

from pathlib import Path

import msgspec

from postmigration.checks.workload.statements import Workload
from postmigration.model.errors import CannotJudge
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
