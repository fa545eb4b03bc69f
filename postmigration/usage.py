"""What is said of a wrong call: which option was meant, and no password."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable

from postmigration.address import redact_secrets

_UNKNOWN = "unrecognized arguments: "


def name_nearest(name: str, known: Iterable[str]) -> str:
    """Words that name what was probably meant; empty where nothing is near.

    Args:
        name: what was written.
        known: what could have been.
    """
    simple = {re.sub('[-_. "]', "", text).lower(): text for text in known}
    near = difflib.get_close_matches(re.sub('[-_. "]', "", name).lower(), simple, n=1, cutoff=0.6)
    return f" (did you mean {simple[near[0]]}?)" if near else ""


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
