"""A waiver excuses what it names and nothing else, is shown, and fails when it has expired or excuses nothing."""

from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from postmigration.model.errors import CannotJudge
from postmigration.model.waivers import read
from postmigration.postgres import embedded
from postmigration.postgres.connection import Database, Snapshot
from selftest.conftest import Copy, Judge
from selftest.tiers import few

# An address is tidied up, a document is lost, and a review is altered: three differences in three tables.
DAMAGE = """
    SET session_replication_role = replica;
    UPDATE contacts SET email = 'tidy@example.com' WHERE id = (SELECT id FROM contacts ORDER BY id LIMIT 1);
    DELETE FROM documents WHERE id = (SELECT id FROM documents ORDER BY id LIMIT 1);
    UPDATE reviews SET comments = 'other' WHERE id IN (SELECT id FROM reviews ORDER BY id LIMIT 2);
"""

Waivers = Callable[..., str]


@pytest.fixture
def waivers(tmp_path: Path) -> Waivers:
    """Writes a file of waivers and returns the option that names it."""

    def write(*entries: str, expires: str = "2999-12-31") -> str:
        path = tmp_path / "waivers.toml"
        signed = f'reason = "agreed in the review"\nowner = "qa@example.com"\nexpires = {expires}\n'
        path.write_text("".join(f"[[waiver]]\n{entry}\n{signed}" for entry in entries))
        return f"--waivers={path}"

    return write


@pytest.fixture
def damaged(server: embedded.Server, copy: Copy) -> tuple[list[str], str, str]:
    """The options that judge a damaged database, and the keys of the document and the contact."""
    name = copy("migrated")
    with server.connect("legacy") as connection:
        first = [
            str(connection.execute(f"SELECT id FROM {table} ORDER BY id LIMIT 1").fetchall()[0][0])
            for table in ("documents", "contacts")
        ]
    with server.connect(name) as connection:
        connection.execute(DAMAGE)
    return [f"--db-url={server.conninfo(name)}", f"--baseline={server.conninfo('legacy')}"], first[0], first[1]


CHECK = "rows_are_those_of_before"
# The checks that the damage is for.
COMPARING = ("-k", "test_parity or test_compatibility or rows_are_those_of_before")


@pytest.mark.parametrize("server", [18], indirect=True, ids=["pg18"])
@pytest.mark.parametrize("whole", few([False, True]), ids=["comparing", "whole"])
def test_what_is_accepted_is_shown_and_fails_nothing(
    damaged: tuple[list[str], str, str], waivers: Waivers, judge: Judge, whole: bool
) -> None:
    options, document, contact = damaged
    accepted = waivers(
        f'table = "documents"\nkey = {{ id = "{document}" }}',
        f'table = "contacts"\nwhere = "id = \'{contact}\'"',
        'table = "reviews"\nwhere = "comments = \'other\'"',
        "check = 14",
    )
    judged = judge(*options, accepted, *(() if whole else (*COMPARING, "--allow-partial")))
    assert judged.red() == set(), judged.output
    assert judged.status == 0
    assert judged.last_line.startswith("GO: 29 of 29 plan checks passed" if whole else "PARTIAL: ")
    assert "differences waived" in judged.last_line
    (line,) = (line for line in judged.output.splitlines() if line.startswith("weakened by:"))
    assert "--waivers" in line
    evidence = judged.evidence(CHECK)
    for n in (1, 2, 3):
        assert f"waiver {n} of waivers.toml, accepted until 2999-12-31 by qa@example.com: agreed in" in evidence
    assert "waiver 4 of waivers.toml" in judged.evidence("14")


@pytest.mark.parametrize("server", [18], indirect=True, ids=["pg18"])
def test_a_waiver_excuses_only_what_it_names(
    damaged: tuple[list[str], str, str], waivers: Waivers, judge: Judge
) -> None:
    options, document, _ = damaged
    judged = judge(*options, waivers(f'table = "documents"\nkey = {{ id = "{document}" }}'), *COMPARING)
    assert judged.red() == {CHECK, "14"}
    failed = {r.nodeid.split("[")[1].rstrip("]") for r in judged.results if r.outcome == "failed" and "[" in r.nodeid}
    assert failed == {"contacts", "reviews"}
    assert judged.status == 1


@pytest.mark.full
@pytest.mark.parametrize("server", [18], indirect=True, ids=["pg18"])
def test_a_waiver_that_excuses_nothing_fails(server: embedded.Server, waivers: Waivers, judge: Judge) -> None:
    options = [f"--db-url={server.conninfo('migrated')}", f"--baseline={server.conninfo('legacy')}"]
    judged = judge(*options, waivers('table = "documents"\nwhere = "true"'))
    assert judged.status == 1
    assert "1 check beyond the plan failed: accepted differences" in judged.last_line


@pytest.mark.full
@pytest.mark.parametrize("server", [18], indirect=True, ids=["pg18"])
def test_a_waiver_that_has_expired_fails_and_excuses_nothing(
    damaged: tuple[list[str], str, str], waivers: Waivers, judge: Judge
) -> None:
    options, document, _ = damaged
    judged = judge(*options, waivers(f'table = "documents"\nkey = {{ id = "{document}" }}', expires="2020-01-01"))
    assert CHECK in judged.red()
    assert "accepted differences" in judged.last_line


@pytest.mark.full
@pytest.mark.parametrize("server", [18], indirect=True, ids=["pg18"])
def test_waivers_work_in_parallel_too(damaged: tuple[list[str], str, str], waivers: Waivers, judge: Judge) -> None:
    options, document, contact = damaged
    accepted = waivers(
        f'table = "documents"\nkey = {{ id = "{document}" }}',
        f'table = "contacts"\nkey = {{ id = "{contact}" }}',
        'table = "reviews"\nwhere = "true"',
        'check = "legacy_contact_queries_still_work"',
    )
    assert judge(*options, accepted, "-n", "2").status == 0


@pytest.mark.parametrize("server", [18], indirect=True, ids=["pg18"])
@pytest.mark.parametrize(
    ("entry", "says"),
    [
        (
            'table = "documents"\nwhere = "no_such_column = 1"',
            'waiver 1 of waivers.toml cannot be applied: column "no_',
        ),
        ('table = "documents"\nwhere = "id ="', "waiver 1 of waivers.toml cannot be applied: syntax error"),
        ('table = "nowhere"\nwhere = "true"', 'waiver 1 of waivers.toml cannot be applied: relation "nowhere"'),
        ('table = "documents"', "waiver 1 of waivers.toml: table needs either key or where"),
    ],
)
def test_a_waiver_that_cannot_be_applied_is_refused(
    server: embedded.Server, waivers: Waivers, judge: Judge, entry: str, says: str
) -> None:
    judged = judge(f"--db-url={server.conninfo('migrated')}", waivers(entry))
    assert judged.status == 4
    assert says in judged.output


SIGNED = 'reason = "r"\nowner = "o"\nexpires = 2999-12-31\n'


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("waiver = 1", "holds something else than waivers"),
        ("[[waiver]\n", "is not TOML"),
        (f"[[waiver]]\ncheck = 1\n{SIGNED}\n[other]\n", "holds something else than waivers"),
        (
            '[[waiver]]\ncheck = 1\nowner = "o"\nexpires = 2999-12-31',
            "waiver 1 of w.toml: missing required field `reason`",
        ),
        ('[[waiver]]\ncheck = 1\nowner = " "\nreason = "r"\nexpires = 2999-12-31', "owner is empty"),
        ('[[waiver]]\ncheck = " "\nowner = "o"\nreason = "r"\nexpires = 2999-12-31', "check is empty"),
        ('[[waiver]]\ntable = "t"\nwhere = ""\nowner = "o"\nreason = "r"\nexpires = 2999-12-31', "where is empty"),
        (
            '[[waiver]]\ncheck = 1\nowner = "o"\nreason = "r"\nexpires = "soon"',
            "expected `date`, got `str` - at `.{1,2}expires`",
        ),
        (f"[[waiver]]\ncheck = 1\ntable = 'x'\nwhere = 'true'\n{SIGNED}", "it needs either check, table or object"),
        (f"[[waiver]]\n{SIGNED}", "it needs either check, table or object"),
        (f"[[waiver]]\ncheck = 1\nwhere = 'true'\n{SIGNED}", "only table does"),
        (f"[[waiver]]\ntable = 'x'\nkey = {{}}\n{SIGNED}", "expected `object` of length >= 1 - at `..key`"),
        (f"[[waiver]]\ncheck = 1\nunitl = 1\n{SIGNED}", "contains unknown field `unitl`"),
    ],
)
def test_a_file_that_is_no_file_of_waivers_is_refused(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "w.toml"
    path.write_text(text)
    with pytest.raises(CannotJudge, match=says):
        read(path)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CannotJudge, match="cannot be read: No such file"):
        read(tmp_path / "nowhere.toml")


@pytest.mark.parametrize(
    "condition",
    [
        "true); COMMIT; CREATE TABLE public.left_behind AS SELECT 1; BEGIN; SELECT 1 WHERE (true",
        "true; DROP TABLE reviews",
        "true) OR (false",
        "true GROUP BY id",
        "true UNION SELECT",
        "SELECT true",
        "true) /* (",
    ],
)
@pytest.mark.parametrize("server", [18], indirect=True, ids=["pg18"])
def test_a_condition_that_is_not_one_expression_is_refused_and_not_run(
    server: embedded.Server, copy: Copy, waivers: Waivers, judge: Judge, condition: str
) -> None:
    name = copy("migrated")
    judged = judge(f"--db-url={server.conninfo(name)}", waivers(f'table = "reviews"\nwhere = "{condition}"'))
    assert judged.status == 4, judged.output
    assert "ERROR: waiver 1 of waivers.toml cannot be applied: " in judged.output
    with server.connect(name) as connection:
        there = connection.execute("SELECT to_regclass('left_behind') IS NULL, to_regclass('reviews') IS NOT NULL")
        assert there.fetchall() == [(True, True)]


def test_what_is_asked_of_a_snapshot_is_one_statement_that_can_write_nothing(server: embedded.Server) -> None:
    database = Database(server.conninfo("migrated"), option="--db-url")
    snapshot = Snapshot(database)
    try:
        for sql in ("SELECT 1; SELECT 2", "COMMIT; CREATE TABLE left_behind ()", "SELECT 1;\nCOMMIT"):
            with pytest.raises(sa.exc.DBAPIError, match="multiple commands"):
                snapshot.rows(sql)
        for sql in ("CREATE TABLE public.left_behind ()", "SET TRANSACTION READ WRITE"):
            with pytest.raises(sa.exc.DBAPIError, match=r"read-only|read-write"):
                snapshot.rows(sql)
        assert snapshot.scalar("SHOW transaction_read_only") == "on"
    finally:
        snapshot.close()
        database.close()
