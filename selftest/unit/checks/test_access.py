"""What can be stated about who sees and may what."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import pytest

from postmigration.access.principals import ANONYMOUS, Actor, Population
from postmigration.checks.access import (
    expect_fast_for,
    expect_nothing,
    expect_recognized,
    expect_refused,
    expect_same_to,
    expect_seen,
    expect_seen_as_before,
    suspect_seen,
    suspect_seen_as_before,
)
from postmigration.checks.assertions import Target
from postmigration.checks.baseline import Before
from postmigration.model.errors import NotJudged
from postmigration.postgres.connection import Database, Snapshot
from selftest.unit.access.conftest import ROLES
from selftest.unit.checks.targets import aim
from selftest.unit.conftest import NewDatabase

WORLD = """
    CREATE FUNCTION me() RETURNS text LANGUAGE sql STABLE AS
        $$SELECT current_setting('request.jwt.claims', true)::json ->> 'sub'$$;
    CREATE TABLE note (id int PRIMARY KEY, who text);
    INSERT INTO note SELECT g, CASE g % 3 WHEN 0 THEN '{bob}' ELSE '{ann}' END FROM generate_series(1, 9) g;
    ALTER TABLE note ENABLE ROW LEVEL SECURITY;
    CREATE POLICY own ON note USING (who = me());
    GRANT SELECT ON note TO anon, authenticated;
"""
ANN, BOB = (Actor(name, "internal", id=f"00000000-0000-4000-8000-00000000000{n}") for n, name in enumerate("ab", 1))
FILLED = WORLD.replace("{ann}", str(ANN.id)).replace("{bob}", str(BOB.id))
CHANGES = {
    "own": "",
    "open": "DROP POLICY own ON note; CREATE POLICY own ON note USING (true)",
    "closed": "DROP POLICY own ON note",
    "shut": "REVOKE SELECT ON note FROM authenticated",
    "loop": "CREATE POLICY loop ON note USING (id IN (SELECT id FROM note))",
    "fewer": "DELETE FROM note WHERE id < 4",
    "view": "CREATE VIEW shown AS SELECT * FROM note WHERE id < 5; GRANT SELECT ON shown TO PUBLIC",
}
# As the rules have it.
OWN = f"t.who = '{ANN.id}'"


@pytest.fixture(scope="module")
def databases(new_database: NewDatabase) -> dict[str, Database]:
    """The same rows under a policy for their owners, one for everybody, and none; one of them lacks some rows."""
    return {name: new_database(f"{ROLES} {FILLED};{change}") for name, change in CHANGES.items()}


Meet = Callable[..., Target]


@pytest.fixture
def meet(databases: dict[str, Database]) -> Iterator[Meet]:
    """A check that asks as two people who are there, through a connection of their own."""
    with ExitStack() as undo:

        def open_(name: str) -> Snapshot:
            return undo.enter_context(closing(Snapshot(databases[name])))

        def meet(after: str, before: str = "") -> Target:
            real = open_(after)
            people = Population(real, real, [ANN], [], everybody=[ANN, BOB])
            return aim(open_(after), Before(open_(before) if before else None), people=people)

        yield meet


def told(target: Target) -> list[str]:
    return [finding.statement for finding in target.evidence.findings]


def test_who_sees_what_the_rules_say_is_accused_of_nothing(meet: Meet) -> None:
    target = meet("own")
    assert expect_seen(target, ANN, "note", may=OWN, must=OWN) == (("a", "note", "6", "6", ""), 6)
    assert (told(target), target.evidence.examined) == ([], 6)


def test_hidden_and_leaked_rows_are_found(meet: Meet) -> None:
    leaking = meet("open", "own")
    row, seen = expect_seen(leaking, ANN, "note", may=OWN, must=OWN)
    assert (row[-1], seen) == ("3 leaked", 9)
    assert told(leaking) == ["rows of note that a sees and may not"]
    subject = leaking.evidence.findings[0].subject
    assert (subject.table, subject.who) == ("note", "a")
    hiding = meet("closed")
    assert expect_seen(hiding, ANN, "note", may=OWN, must=OWN)[0][-1] == "6 hidden"
    assert told(hiding) == ["rows of note that a must see and does not"]


def test_it_is_told_that_somebody_lacks_a_privilege(meet: Meet) -> None:
    shut, loop = meet("shut"), meet("loop")
    for target in (shut, loop):
        assert expect_seen(target, ANN, "note", may=OWN, must=OWN)[0][-1] == "6 hidden"
    denied = "permission denied for table note (SQLSTATE 42501)"
    assert told(shut) == [f"rows of note that a must see and does not: {denied}"]
    assert shut.evidence.findings[0].subject.remarks == (denied,)
    # That is a policy's doing.
    assert "infinite recursion" in told(loop)[0]
    assert loop.evidence.findings[0].subject.remarks == ()


def test_what_leaked_before_is_inherited(meet: Meet) -> None:
    target = meet("open", "open")
    expect_seen(target, ANN, "note", may=OWN, must=OWN)
    assert told(target) == []
    assert target.evidence.inherited == [
        "inherited, so before the migration too: 3 rows of note that a sees and may not"
    ]


def test_all_others_are_counted_and_those_who_see_other_rows_are_suspected(meet: Meet) -> None:
    target = meet("own")
    assert suspect_seen(target, "note", may=f"t.who = '{BOB.id}'", must="false") == []
    assert suspect_seen(target, "note", may="t.id = 1", must="false") == [BOB]
    assert target.evidence.notes == [
        f"counted for 1 other people: {number} see other rows of note than the rules say" for number in (0, 1)
    ]


def test_those_who_see_fewer_rows_than_before_are_suspected(meet: Meet) -> None:
    sound, target = meet("own", "own"), meet("closed", "own")
    table = sound.before.tables()["note"]
    assert suspect_seen_as_before(sound, table, [str(BOB.id)], grows=False) == []
    assert suspect_seen_as_before(target, table, [str(BOB.id)], grows=True) == [BOB]
    assert suspect_seen_as_before(target, table, [], grows=True) == []


def test_somebody_sees_the_rows_that_they_saw_before(meet: Meet) -> None:
    target = meet("open", "own")
    table = target.before.tables()["note"]
    assert expect_seen_as_before(target, ANN, table, ignore=["extra"]) == ("a", "6", "9")
    assert told(target) == []
    expect_seen_as_before(target, ANN, table, ignore=[])
    assert told(target) == ["rows of note that a sees now and did not see before"]
    assert target.evidence.findings[0].code == "rows_open"


def test_rows_that_are_gone_altogether_are_hidden_from_nobody(meet: Meet) -> None:
    target = meet("fewer", "own")
    expect_seen_as_before(target, ANN, target.before.tables()["note"], ignore=[])
    assert told(target) == []


def test_the_database_knows_who_asks_in_either_way(meet: Meet) -> None:
    target = meet("own", "own")
    expect_recognized(target, ANN, ["note"])
    # The policy reads all claims at once, as it did before.
    assert told(target) == []
    assert target.evidence.inherited == [
        "inherited, so before the migration too: a sees 0 rows of note when the API tells who asks by "
        "request.jwt.claim.*, 6 else"
    ]


def test_a_query_gives_somebody_nothing(meet: Meet) -> None:
    target = meet("own")
    expect_nothing(target, ANONYMOUS, "SELECT * FROM note", statement="notes are shown")
    expect_nothing(target, ANONYMOUS, "SELECT * FROM nothing", statement="what is refused shows none")
    expect_nothing(target, ANN, "SELECT * FROM note WHERE id < :limit", statement="notes are shown", limit=3)
    assert told(target) == ["notes are shown to a, who may see none"]
    assert target.evidence.findings[0].wrong == 2


def test_two_queries_give_somebody_the_same(meet: Meet) -> None:
    target = meet("view")
    expect_same_to(target, ANN, "SELECT id FROM note", "SELECT id FROM note", columns=["id"], statement="the same")
    assert told(target) == []
    expect_same_to(target, ANN, "SELECT id FROM note", "SELECT id FROM shown", columns=["id"], statement="the view")
    assert told(target) == ["the view, beside what the tables show, to a"]
    expect_same_to(target, ANN, "SELECT id FROM note", "SELECT id FROM gone", columns=["id"], statement="it")
    assert told(target)[1].startswith("it, asked by a: ")


@pytest.mark.parametrize(
    ("actor", "earlier", "severity"),
    [
        (ANN, {}, "warning"),
        (ANN, {("a", "look"): "42501"}, "blocker"),
        (ANONYMOUS, {}, "blocker"),
        (ANN, {("a", "delete"): "done"}, None),
    ],
    ids=["nobody knows", "new", "outsider", "inherited"],
)
def test_what_is_not_theirs_is_refused(
    meet: Meet, actor: Actor, earlier: dict[tuple[str, str], str], severity: str | None
) -> None:
    target = meet("own")
    tried = {"delete": "done", "insert": "42501", "update": "no rows"}
    expect_refused(target, actor, tried, earlier, possible_before=[])
    assert [finding.severity for finding in target.evidence.findings] == ([severity] if severity else [])
    assert all(words == f"{actor.name} tries to delete: it succeeds, and must be refused" for words in told(target))
    assert target.evidence.facts == 3


def test_a_privilege_that_somebody_lacks_is_none_that_the_role_that_judges_lacks(meet: Meet) -> None:
    target = meet("own")
    with pytest.raises(NotJudged, match=r"^a: permission denied for table \w+ \(SQLSTATE 42501\)$") as raised:
        expect_fast_for(target, ANN, "SELECT * FROM pg_authid", name="roles", budget=100)
    assert raised.value.by is None


@pytest.mark.parametrize(
    ("budget", "findings", "how"),
    [(600_000, 0, "median of 5 warm runs"), (-1, 1, "quickest of 15 warm runs")],
    ids=["enough", "none at all"],
)
def test_a_query_of_somebody_has_a_budget(meet: Meet, budget: float, findings: int, how: str) -> None:
    target = meet("own")
    expect_fast_for(target, ANN, "SELECT * FROM note", name="notes", budget=budget)
    assert [words.partition(":")[0] for words in told(target)] == ["as a, query of notes"] * findings
    assert target.evidence.notes[0].startswith(f"a: {how} ")
