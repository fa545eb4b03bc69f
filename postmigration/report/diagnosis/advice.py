"""What a finding means and what to do, where its kind says more than the check, which is made for several kinds."""

from __future__ import annotations

from typing import NamedTuple

from postmigration.model.evidence import Finding
from postmigration.report.diagnosis.group import Found


class Advice(NamedTuple):
    """What it means for those who feel it, what to do, and what has probably brought it about."""

    impact: str
    remedy: str
    cause: str = ""


# {table} is the table of the rows, and on which the object stands.
_BY_CODE = {
    "trigger_disabled": Advice(
        "What the trigger does to {table} by itself is not done any more: values stay empty, or nothing is recorded.",
        "Enable it, and look at the rows of {table} that were written meanwhile.",
        "a load with disabled triggers ended before it enabled them",
    ),
    "trigger_lost": Advice(
        "What the trigger did to {table} by itself is not done any more: values stay empty, or nothing is recorded.",
        "Create it again, and look at the rows of {table} that were written meanwhile.",
        "it was dropped, or a restore could not create it since its function was missing",
    ),
    "constraint_lost": Advice(
        "Rows of {table} that the constraint refused are accepted from now on.",
        "Mend the rows that break it, and add it again.",
        "a restore could not create it and went on, or it was dropped for the load",
    ),
    "constraint_not_validated": Advice(
        "Rows of {table} that were there before may break the constraint; it is enforced for new ones alone.",
        "Look for the rows that break it, mend them, and validate it.",
        "it was added NOT VALID to keep the table from being locked, and nobody validated it",
    ),
    "index_lost": Advice(
        "Queries that found rows of {table} by the index read all of it.",
        "Create it again, concurrently where people work.",
        "a tool that copies rows and keys leaves secondary indexes out",
    ),
    "index_invalid": Advice(
        "Queries of {table} do not use the index, and every write still pays for it.",
        "Mend doubled values first where it is unique, and rebuild it.",
        "CREATE INDEX CONCURRENTLY failed half-way",
    ),
    "policy_lost": Advice(
        "People {do} fewer rows of {table} than before.",
        "Create it again before anybody is let in.",
        "a script dropped it to create it again, and ended before it did",
    ),
    "restrictive_policy_lost": Advice(
        "People {do} more rows of {table} than before.",
        "Create it again before anybody is let in.",
        "a script dropped it to create it again, and ended before it did",
    ),
    "type_lost": Advice(
        "What the type refused is accepted, and statements that name it fail.",
        "Create it again, and then give it to the columns that had it.",
        "a restore could not create it and went on, or a tool replaced it by the type that it is made of",
    ),
    "column_not_generated": Advice(
        "The column of {table} is no longer computed: new rows hold NULL there or what is sent, and a row keeps its "
        "value when what it was computed from is changed.",
        "Make it computed again, as the SQL below does.",
        "a tool that copies rows created the table without the expression",
    ),
    "gained": Advice(
        "They may do what they could not before, through the API as well.",
        "Withdraw what was not meant.",
        "GRANT ALL, or the default privileges of the new database",
    ),
    "lost": Advice(
        "Whoever needs it is refused: permission denied.",
        "Grant it again.",
        "objects were created again or restored without their privileges",
    ),
    "sequence_behind": Advice(
        "The next new row is refused with a duplicate key, or gets a number that was given out already.",
        "Set the sequence above the largest value before the first write.",
        "logical replication and tools that copy rows leave sequences where they were made",
    ),
    "table_lost": Advice(
        "Everything that reads or writes {table} fails, and its rows are lost.",
        "Restore {table} from the state before, with its rows, and then what refers to it.",
    ),
    "empty_table": Advice(
        "All rows of {table} are lost for those who use them.",
        "Copy the rows of {table} again from the state before, as a role that bypasses row-level security.",
    ),
    "missing_rows": Advice(
        "These rows are lost for those who use them.",
        "Copy the rows that are missing from the state before, by the keys in the evidence; see whether the copy was "
        "filtered or ended early.",
        "the copy was filtered, by a condition or by row-level security, or ended early",
    ),
    "extra_rows": Advice(
        "Rows that the state before does not have are counted, paid or delivered, and some perhaps twice.",
        "See who added the rows: a restore on top of others, a deletion that the copy did not repeat, or people since "
        "the cut-over. Delete what the state before does not have, or name --cutover.",
        "a restore on top of rows that were there, or people who have worked since",
    ),
    "changed_values": Advice(
        "Nothing fails: wrong values are shown and used as if they were right.",
        "Set the columns that are named from the state before again, by the keys in the evidence; first change a type "
        "that cannot hold the values.",
    ),
    "rows_misplaced": Advice(
        "Queries of {table} that name the key of its partitions do not look where these rows lie: they are not found, "
        "not changed and not deleted.",
        "Move each row to the partition that takes it, with the SQL below. Where rows are hashed, or text is compared, "
        "see first whether it was the function, the operator class or the collation that changed.",
        "rows were loaded into the partitions themselves with triggers off, a partition was attached without being "
        "read, or keys are hashed or ordered in another way on this server",
    ),
    "different_rows": Advice(
        "Rows are lost, doubled or hold other values for those who use them.",
        "Copy the rows of {table} again from the state before.",
    ),
    "rows_hidden": Advice(
        "These people do not find what is theirs. The rows themselves are there.",
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
_RATHER = {"trigger_missing": _TRIGGER, "trigger_silent": _TRIGGER, "trigger_disabled": _BY_CODE["trigger_disabled"]}


# What a policy for a command decides about rows.
_DECIDED = {"for_select": "see", "for_insert": "may add", "for_update": "may change", "for_delete": "may delete"}


def advise(found: Found) -> Advice:
    """What it means and what to do: by the check of a plan, which mostly knows best, or by the kind of the finding."""
    code, table = _refine(found.finding), found.finding.subject.table
    known = _RATHER.get(code) or (_BY_CODE.get(code) if found.result.plan is None else None)
    if known is None or (not table and any("{table}" in text for text in known)):
        return Advice(found.result.meaning, found.result.remedy, found.result.causes if found.result.plan else "")
    do = next((_DECIDED[trait] for trait in found.finding.subject.traits if trait in _DECIDED), "see or may write")
    return Advice(*(text.replace("{table}", table).replace("{do}", do) for text in known))


def _refine(finding: Finding) -> str:
    """The code of a finding, or one that says what it was as well."""
    if finding.code == "policy_lost" and "restrictive" in finding.subject.traits:
        return "restrictive_policy_lost"
    if finding.code == "column_generated_changed" and "computed" in finding.subject.traits:
        return "column_not_generated"
    return finding.code
