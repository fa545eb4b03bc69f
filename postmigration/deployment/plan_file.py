"""A deployment plan as a file, `deployment.toml`: its points, and the maintenance window."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec

from postmigration.model.errors import CannotJudge
from postmigration.model.migration import Criterion, Window

NAME = "deployment.toml"


class DeploymentFile(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What the file holds.

    Args:
        window: when people cannot work with the application.
        item: the points of the plan; those that a migration declares in Python come before them.
    """

    window: Window | None = None
    item: Sequence[Criterion] = ()


def read_deployment(path: Path) -> DeploymentFile:
    """Reads a plan from a file; there need not be one.

    Raises:
        CannotJudge: it cannot be read, or says something that cannot be meant: one line.
    """
    try:
        file = msgspec.toml.decode(path.read_bytes(), type=DeploymentFile)
    except FileNotFoundError:
        return DeploymentFile()
    except OSError as error:
        raise CannotJudge(f"{path} cannot be read: {error.strerror}") from None
    except msgspec.ValidationError as error:
        problem = str(error).removeprefix("Object ")
        raise CannotJudge(f"{path}: {problem[:1].lower()}{problem[1:]}") from None
    except ValueError as error:
        raise CannotJudge(f"{path} is not TOML: {error}") from None
    if file.window is not None and file.window.ends <= file.window.begins:
        raise CannotJudge(f"{path}: [window] ends at {file.window.ends}, which is not after it begins")
    return file


def refuse_unclear(items: Sequence[Criterion], where: str) -> None:
    """Makes sure that each point of a plan is one of its own, and that it can be decided.

    Args:
        where: where the plan stands.

    Raises:
        CannotJudge: there is none, or two have one id, or a duration ends before it begins: one line.
    """
    if not items:
        raise CannotJudge(f"{where} has no plan: there is nothing to judge (postmigration init writes a {NAME})")
    for name, number in Counter(item.name for item in items).items():
        if number > 1:
            raise CannotJudge(f"{where}: {number} points of the plan have the id {name}: want one each")
    for item in items:
        if not item.text.strip() or not item.section.strip():
            raise CannotJudge(f"{where}: {item.name or 'a point'} lacks its section or its text")
        if item.hours is not None and item.hours[1] < item.hours[0]:
            raise CannotJudge(f"{where}: {item.name}: hours = {list(item.hours)}: want the least before the most")
