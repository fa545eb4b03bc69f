"""What a comparison of databases prints: a line for each table, and what differs; or JSON Lines."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from postmigration.diff.findings import as_evidence
from postmigration.diff.row_sets import Difference
from postmigration.diff.table_diff import TableComparison
from postmigration.model.evidence import show_value


class Writer:
    """Prints results as they come.

    Args:
        as_json: print JSON Lines.
        show_values: show values that may tell of a person.
        console: where to.
    """

    def __init__(self, *, as_json: bool, show_values: bool, console: Console) -> None:
        self.results: list[TableComparison] = []
        self._as_json = as_json
        self._show_values = show_values
        self._console = console

    def table(self, result: TableComparison) -> None:
        """Prints the result for one table."""
        self.results.append(result)
        if self._as_json:
            print(json.dumps(self.object(result), ensure_ascii=False), flush=True)
        elif not result.reason:
            self._text(result)

    def _text(self, result: TableComparison) -> None:
        assert result.rows is not None
        counts = ", ".join(f"{n:,} {kind}" for kind, n in result.rows.counts.items() if n)
        rows = f"{result.rows.want_rows:,} rows"
        if result.rows.have_rows != result.rows.want_rows:
            rows += f", now {result.rows.have_rows:,}"
        self._console.print(
            _escape_names(f"{result.table}: {'equal' if result.equal else 'different'}: {counts or rows}")
        )
        for words in (*([rows] if counts else []), *result.problems, *result.notes):
            self._console.print(_escape_names(f"    {words}"))
        if result.rows.differences:
            table = Table(box=None, pad_edge=False)
            for name in (*result.key, "difference", "column", "want", "have"):
                table.add_column(_escape_names(name), overflow="fold")
            for row in as_evidence(result.rows.differences, result.columns, self._mask(result)):
                table.add_row(*map(Text, row))
            self._console.print(Padding(table, (0, 0, 0, 4)))
        if result.candidates:
            table = Table(title="some of these rows differ", title_justify="left", box=None, pad_edge=False)
            for name in result.key:
                table.add_column(_escape_names(name))
            for key in result.candidates:
                table.add_row(*(Text(self._mask(result)(v, n)) for v, n in zip(key, result.key, strict=True)))
            self._console.print(Padding(table, (0, 0, 0, 4)))

    def object(self, result: TableComparison) -> dict[str, Any]:
        """The result for one table, as JSON types."""
        if result.rows is None:
            return {"table": result.table, "equal": None, "error": result.reason}
        return {
            "table": result.table,
            "equal": result.equal,
            "rows_baseline": result.rows.want_rows,
            "rows_target": result.rows.have_rows,
            **{str(kind): rows for kind, rows in result.rows.counts.items()},
            "in_flight": result.rows.in_flight,
            "key": list(result.key),
            "problems": list(result.problems),
            "notes": list(result.notes),
            "candidates": [self._key(result, key) for key in result.candidates],
            "differences": [self._difference(result, difference) for difference in result.rows.differences],
        }

    def _difference(self, result: TableComparison, difference: Difference) -> Mapping[str, Any]:
        found: dict[str, Any] = {"kind": difference.kind, "key": self._key(result, difference.key)}
        if difference.want is not None and difference.have is not None:
            found["columns"] = {
                result.columns[i]: {
                    "want": self._value(result, difference.want[i], result.columns[i]),
                    "have": self._value(result, difference.have[i], result.columns[i]),
                }
                for i in difference.columns()
            }
        return found

    def _key(self, result: TableComparison, key: Sequence[str | None]) -> dict[str, str | None]:
        return {name: self._value(result, text, name) for name, text in zip(result.key, key, strict=True)}

    def _value(self, result: TableComparison, text: str | None, name: str) -> str | None:
        """The text itself, for a program: nothing is cut or escaped but what must be masked."""
        return text if text is None or self._show_values or name in result.plain else show_value(text, plain=False)

    def _mask(self, result: TableComparison) -> Any:
        return lambda text, name: show_value(text, plain=self._show_values or name in result.plain)


def _escape_names(text: str) -> Text:
    """Words with names of the database in them, which could mean something to the reader's screen."""
    return Text(show_value(text, plain=True))
