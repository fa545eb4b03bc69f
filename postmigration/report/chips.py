"""Short names of checks for the first screen, each another one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from postmigration.model.verdict import Result

# A name has so many characters at most, and its case so many of them.
_LENGTH, _CASE = 36, 24


def name_chips(results: Sequence[Result]) -> dict[str, str]:
    """Names each check in few words, by its id.

    A check of the plan that needs nobody's attention is known by its number. Where two would have one name, each says
    more: all of its title, then the file that it stands in, then its id.
    """
    named = {result.nodeid: _shorten(result) for result in results}
    fuller: tuple[Callable[[Result], str], ...] = (
        lambda result: f"{result.plan or ''} {result.title}".strip(),
        lambda result: f"{result.plan or ''} {result.title} ({_file(result)})".strip(),
        lambda result: result.nodeid,
    )
    for name in fuller:
        held = Counter(named.values())
        named |= {result.nodeid: name(result) for result in results if held[named[result.nodeid]] > 1}
    return named


def _shorten(result: Result) -> str:
    calm = result.outcome in ("passed", "not applicable") and not result.evidence.warnings
    case = result.nodeid.partition("[")[2].removesuffix("]")
    if result.plan is not None and calm:
        return f"{result.plan} {_cut(case, _CASE)}" if case else str(result.plan)
    number = "" if result.plan is None else f"{result.plan} "
    title = result.title if not case or result.title.endswith(case) else f"{result.title}: {case}"
    if len(number + title) <= _LENGTH:
        return number + title
    if not case:
        return number + _cut_words(title, _LENGTH - len(number))
    case = _cut(case, _CASE)
    what = title.rpartition(": ")[0] or title
    return f"{number}{_cut_words(what, _LENGTH - len(number) - len(case) - 2)}: {case}"


def _file(result: Result) -> str:
    return result.nodeid.partition("::")[0]


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _cut_words(text: str, most: int) -> str:
    """The first words of a text, as many as there is room for."""
    if len(text) <= most:
        return text
    kept = text[:most].rpartition(" ")[0]
    return f"{kept}…" if kept else _cut(text, most)
