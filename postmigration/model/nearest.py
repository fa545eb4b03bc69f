"""Which name was probably meant."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable


def name_nearest(name: str, known: Iterable[str]) -> str:
    """Words that name what was probably meant; empty where nothing is near.

    Args:
        name: what was written.
        known: what could have been.
    """
    simple = {re.sub('[-_. "]', "", text).lower(): text for text in known}
    near = difflib.get_close_matches(re.sub('[-_. "]', "", name).lower(), simple, n=1, cutoff=0.6)
    return f" (did you mean {simple[near[0]]}?)" if near else ""
