"""What a finding means and what to do, where its kind says more than the check, which is made for several kinds."""

from __future__ import annotations

from typing import NamedTuple

from postmigration.report.diagnosis.group import Found


class Advice(NamedTuple):
    """What it means for those who feel it, and what to do."""

    impact: str
    remedy: str


# {table} is the table of the rows.
_BY_CODE = {
    "table_lost": Advice(
        "Everything that reads or writes {table} fails, and its rows are lost.",
        "Restore {table} from the state before, with its rows, and then what refers to it.",
    ),
    "empty_table": Advice(
        "All rows of {table} are lost for those who use them.",
        "Copy the rows of {table} again from the state before, as a role that row-level security does not filter.",
    ),
    "missing_rows": Advice(
        "These rows are lost for those who use them.",
        "Copy the rows that are missing from the state before, by the keys in the evidence; see whether the copy was "
        "filtered or ended early.",
    ),
    "extra_rows": Advice(
        "What was not there before is counted, paid or delivered twice.",
        "See who added the rows: a restore on top of others, a deletion that the copy did not repeat, or people since "
        "the cut-over. Delete what the state before does not have, or name --cutover.",
    ),
    "changed_values": Advice(
        "Everybody who reads these values believes them.",
        "Set the columns that are named from the state before again, by the keys in the evidence; first change a type "
        "that cannot hold the values.",
    ),
    "different_rows": Advice(
        "Rows are lost, doubled or hold other values for those who use them.",
        "Copy the rows of {table} again from the state before.",
    ),
    "rows_hidden": Advice(
        "These people do not find what is theirs, though the rows are there.",
        "Compare the policies for SELECT on {table}, and the functions that they call, with those of before: restore "
        "the one that is gone or narrower.",
    ),
    "rows_open": Advice(
        "These people read what is not theirs.",
        "Compare the policies for SELECT on {table}, and the functions that they call, with those of before: narrow "
        "the one that lets these people in, or switch row-level security on.",
    ),
}

_TRIGGER = Advice(
    "What the trigger does by itself is not done any more, without an error.",
    "See the triggers of {table}: enable or create the one that does it, and look at what was written meanwhile.",
)
# These say more than any check that looks at much besides.
_RATHER = {"trigger_missing": _TRIGGER, "trigger_silent": _TRIGGER}


def advise(found: Found) -> Advice:
    """What it means and what to do: by the check of a plan, which mostly knows best, or by the kind of the finding."""
    code, table = found.finding.code, found.finding.subject.table
    known = _RATHER.get(code) or (_BY_CODE.get(code) if found.result.plan is None else None)
    if known is None or not table:
        return Advice(found.result.meaning, found.result.remedy)
    return Advice(*(text.replace("{table}", table) for text in known))
