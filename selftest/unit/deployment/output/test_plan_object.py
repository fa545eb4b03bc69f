"""The object that a plan leaves for programs is what its schema says, whatever became of the plan."""

import json
from pathlib import Path

import jsonschema
import pytest

import postmigration
from postmigration.deployment.evaluation import Plan
from postmigration.deployment.output.plan_object import render_object, render_unfinished
from postmigration.model.migration import Window
from selftest.deployment.plans import HOUR, NOW, READY, judge, live, watch

SCHEMA = json.loads((Path(postmigration.__file__).parent / "deployment" / "plan.schema.json").read_text())


@pytest.mark.parametrize(
    ("plan", "ready"),
    [
        (judge(), True),
        (judge(window=Window(begins=NOW, ends=NOW + 4 * HOUR)), True),
        (judge(READY[1:], refusals=["a.json: is no record"]), False),
        (judge([]), False),
        (judge([*READY, live(), watch(360, facts={"rollback": "3 rows"})], asked="done", now=NOW + 60 * HOUR), False),
    ],
    ids=["ready", "a window", "a rehearsal is missing", "nothing is there", "watched"],
)
def test_a_plan_that_was_judged_is_what_the_schema_says(plan: Plan, ready: bool) -> None:
    told = json.loads(render_object(plan))
    jsonschema.validate(told, SCHEMA)
    assert (told["ready"], told["status"], told["verdict"]) == (ready, plan.verdict.status, plan.verdict.line)
    assert [(item["id"], item["state"]) for item in told["items"]] == [
        (item.criterion.name, item.state) for item in plan.items
    ]
    with pytest.raises(jsonschema.ValidationError, match="'id' is a required property"):
        jsonschema.validate({**told, "items": [{}]}, SCHEMA)


def test_a_plan_that_was_not_judged_is_what_the_schema_says() -> None:
    told = json.loads(render_unfinished())
    jsonschema.validate(told, SCHEMA)
    with pytest.raises(jsonschema.ValidationError, match="False was expected"):
        jsonschema.validate({**told, "ready": True}, SCHEMA)
    with pytest.raises(jsonschema.ValidationError, match="is a required property"):
        jsonschema.validate({**told, "finished": True}, SCHEMA)
