"""What would make a check judged is said by what kept it from that, not by words of the reason."""

import execnet
import pytest

from postmigration.model.errors import Hindrance
from postmigration.model.verdict import Result
from postmigration.postgres import embedded
from postmigration.report.validation import wanting
from selftest.conftest import Copy, Judge

LIKE_ANOTHER = "the table standby has no column read-only: permission denied and connection was lost are its values"
ELSE = "Put right what the reason names, and run again."


def result(reason: str, by: Hindrance | None = None) -> Result:
    return Result("a.py::test_b", None, "a", "b", "", "", "not judged", reason, by=by)


def test_names_of_the_application_are_no_reason() -> None:
    assert wanting(result(LIKE_ANOTHER)) == ELSE
    remedies = {wanting(result(LIKE_ANOTHER, by)) for by in Hindrance}
    assert len(remedies | {ELSE}) == len(Hindrance) + 1


@pytest.mark.parametrize("by", [None, *Hindrance])
def test_it_travels_between_processes(by: Hindrance | None) -> None:
    sent = result("x", by)
    assert Result.from_dict(execnet.loads(execnet.dumps(sent.to_dict()))) == sent


@pytest.mark.full
def test_it_is_known_of_a_check_that_was_not_judged(server: embedded.Server, copy: Copy, judge: Judge) -> None:
    database = f"--db-url={server.conninfo(copy('migrated'))}"
    judged = judge(database, "--read-only", "--allow-partial", "-k", "test_services")
    assert {r.by for r in judged.results if r.outcome == "not judged"} == {Hindrance.READ_ONLY}
    name = copy("migrated")
    with server.connect(name) as connection, connection.transaction():
        connection.execute("LOCK TABLE reviews")
        locked = (f"--db-url={server.conninfo(name)}", "--lock-timeout=1", "--allow-partial")
        judged = judge(
            *locked, "-k", "everybody_sees_what_they_saw and reviews", f"--baseline={server.conninfo('legacy')}"
        )
    assert [r.by for r in judged.results] == [Hindrance.LOCK], judged.output
