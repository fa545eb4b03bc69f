"""Words of the reports that not everybody knows, explained where they stand."""

from __future__ import annotations

from collections.abc import Mapping

GLOSSARY: Mapping[str, str] = {
    "facts": "What the catalogs of PostgreSQL say of the schema, and what came of trying something: no rows of tables.",
    "warning": "Worth a look. It does not fail the check, unless --strict is given.",
    "waived": "A difference that a waiver accepts by name, with a reason, an owner and a last day (--waivers).",
    "masked": "Text that may describe a person is not shown, only how long it is; within one finding the same letter "
    "stands for the same value. --show-values shows it. Keys, numbers and times are always shown.",
    "not judged": "The check could not look at what it is about; the reason stands beside it. It says nothing of the "
    "database, and is no pass.",
    "not applicable": "Neither database has what the check is about.",
    "baseline": "The state before the migration, with which the database is compared.",
    "cut-over": "From when on people work with the migrated database; what they changed since is held to fewer rules.",
    "snapshot": "When the one moment was that all reading checks look at.",
    "inherited": "It was so before the migration too, and is not its fault.",
}
