"""What is said of a wrong call: which option was meant, and no password."""

from __future__ import annotations

import re
from collections.abc import Collection

from postmigration.model.nearest import name_nearest
from postmigration.postgres.dsn import redact_secrets

_UNKNOWN = "unrecognized arguments: "


def explain(message: str, arguments: Collection[str], options: str) -> str:
    """What argparse says of a wrong call, on one line: the option that was meant, and no password.

    Args:
        message: what argparse says.
        arguments: what the user wrote.
        options: the help that lists every option.
    """
    known = set(re.findall(r"--[a-z][\w-]*", options))
    before, unknown, rest = message.partition(_UNKNOWN)
    if unknown:
        # Values are not repeated: what stands after a mistyped option may be anything.
        names = [argument.partition("=")[0] for argument in arguments if argument.startswith("-")]
        named = [name for name in dict.fromkeys(names) if name in re.split("[= ]", rest)]
        message = before + _UNKNOWN + (", ".join(name + name_nearest(name, known) for name in named) or rest)
    return " ".join(redact_secrets(message, arguments).split())
