"""Many questions of one row each, asked in few statements."""

import pytest

from postmigration.checks.contents.batches import Question, Refusal, ask, ask_twice_as_fast
from selftest.unit.uncommitted import Fill


def test_each_question_gets_its_own_answer(now: Fill) -> None:
    snapshot = now()
    answers = ask(snapshot, [Question(f"about {i}", f"SELECT {i} * {i} AS square") for i in range(45)])
    assert [(about, answer.square) for about, answer in answers if not isinstance(answer, Refusal)] == [
        (f"about {i}", i * i) for i in range(45)
    ]


def test_one_that_is_refused_ends_no_other(now: Fill) -> None:
    divisors = (1, 2, 0, 4)
    answers = ask(now(), [Question(by, f"SELECT 12 / {by} AS quotient") for by in divisors])
    assert [about for about, _ in answers] == [*divisors]
    assert answers[2][1] == Refusal("division by zero (SQLSTATE 22012)", "22012")
    assert [answer.quotient for _, answer in answers if not isinstance(answer, Refusal)] == [12, 6, 3]


def test_settings_are_those_of_the_questions_alone(now: Fill) -> None:
    snapshot = now()
    ((_, answer),) = ask(snapshot, [Question(0, "SELECT current_setting('enable_sort') AS sorts")], {"jit": "off"})
    assert not isinstance(answer, Refusal)
    assert answer.sorts == "off"
    assert snapshot.scalar("SELECT current_setting('enable_sort')") == "on"


@pytest.mark.parametrize(("questions", "shares"), [(10, [10]), (300, [150, 150])], ids=["few", "many"])
def test_a_second_connection_answers_half_of_many_questions(now: Fill, questions: int, shares: list[int]) -> None:
    answers = ask_twice_as_fast(now(), [Question(i, "SELECT pg_backend_pid() AS process") for i in range(questions)])
    assert sorted(about for about, _ in answers) == [*range(questions)]
    processes = [answer.process for _, answer in answers if not isinstance(answer, Refusal)]
    assert sorted(processes.count(process) for process in {*processes}) == shares
