"""What cannot run now, and whether it could before."""

from __future__ import annotations

from collections.abc import Sequence

from postmigration.checks.contents.examination import Examination
from postmigration.checks.health.runnable import try_everything
from postmigration.postgres.connection import Snapshot


def examine(after: Snapshot, before: Snapshot | None, schemas: Sequence[str], *, settings: bool = True) -> Examination:
    """Parses every view and function, and those of before where some cannot run.

    Args:
        before: the state before; None where there is none with functions.
        settings: it holds what is set for its database and roles, on which what a function finds may depend.
    """
    found = Examination()
    now = try_everything(after, schemas)
    found.facts = len(now.sound) + len(now.broken)
    found.tell("views and functions that were not looked at", now.unknown)
    if not found.facts and not now.unknown:
        found.inapplicable = "there is neither a view nor a function whose body is text on either side"
        return found
    if not now.broken:
        return found
    then = try_everything(before, schemas) if before is not None else None
    for name, reason in now.broken.items():
        words = f"{name} cannot run: {reason}"
        # What PL/pgSQL's own parser lets pass was not looked at where plpgsql_check is not on both sides.
        ran = then is not None and name in then.sound and (then.linted or name not in now.by_lint)
        if ran:
            words += "; it could before"
        elif settings and then is not None and name in then.broken:
            words += "; it was so before"
        found.add(words, blocker=ran)
    return found
