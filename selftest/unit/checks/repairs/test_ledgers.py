"""How the ledger of a migration tool becomes again the one of before."""

from postmigration.checks.repairs.ledgers import restore_ledger
from postmigration.model.sqltext import BASELINE, DECISION, TARGET


def test_entries_travel_from_the_baseline_and_are_put_in_once_that_is_decided() -> None:
    lines = restore_ledger(("public", "alembic_version"), ("Tools", "Ledger")).splitlines()
    was, now = lines.index(BASELINE), lines.index(TARGET)
    assert lines[was + 1] == "\\copy (SELECT * FROM public.alembic_version) TO 'Ledger.rows'"
    assert lines[now + 1] == "BEGIN;"
    assert "\\copy postmigration_entries FROM 'Ledger.rows'" in lines[now:]
    assert lines[-3:] == [
        f'{DECISION}DELETE FROM "Tools"."Ledger";',
        f'{DECISION}INSERT INTO "Tools"."Ledger" OVERRIDING SYSTEM VALUE SELECT * FROM postmigration_entries;',
        "COMMIT;",
    ]


def test_a_name_with_the_end_of_a_line_is_written_into_no_script() -> None:
    assert restore_ledger(("public", "a\nb"), ("public", "a\nb")) == ""
