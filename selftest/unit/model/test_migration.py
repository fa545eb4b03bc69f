"""What is declared: which columns say when a row was made, what a plan asks for, which values name nobody."""

from datetime import UTC, datetime

import msgspec
import pytest

from postmigration.model.migration import Conventions, Criterion, Metric, Migration, Phase, Proof, Window, declares_none


@pytest.mark.parametrize(
    "name", ["created_at", "createdAt", "CreatedAt", "inserted_at", "date_created", "creation_timestamp", "created"]
)
def test_a_column_that_says_when_a_row_was_made_is_found_in_any_style(name: str) -> None:
    assert Conventions().find_creation_columns(["id", name, "updated_at"]) == [name]


def test_columns_that_are_named_come_first_and_one_of_changes_is_none_of_creation() -> None:
    conventions = Conventions(created=["born", "absent"], updated=["created_on"])
    assert conventions.find_creation_columns(["created_at", "created_on", "born"]) == ["born", "created_at"]


@pytest.mark.parametrize(
    ("name", "changes"),
    [("updated_at", True), ("lastModified", True), ("changed_on", True), ("touched", True), ("modified_at", False),
     ("created_at", False), ("update_count", False)],
)  # fmt: skip
def test_a_column_that_says_when_a_row_was_changed_is_known(name: str, changes: bool) -> None:
    assert Conventions(created=["modified_at"], updated=["touched"]).is_updated(name) is changes


def test_a_criterion_is_named_by_its_text_or_its_id() -> None:
    assert Criterion("1", "Backups — verified, twice!").name == "backups-verified-twice"
    assert Criterion("1", "Backups", id="b-1").name == "b-1"


@pytest.mark.parametrize(
    ("phase", "environment", "place"),
    [
        ("development", "", "staging"),
        ("preparation", "", "staging"),
        ("production", "", "production"),
        ("after", "", "production"),
        ("after", "copy", "copy"),
    ],
)
def test_a_criterion_is_decided_by_the_gate_of_its_phase(phase: Phase, environment: str, place: str) -> None:
    assert Criterion("1", "x", phase=phase, environment=environment).place == place


def test_what_nothing_proves_is_signed() -> None:
    assert Criterion("1", "x").needs_signature
    assert not Criterion("1", "x", decided_by=(3,)).needs_signature
    assert not Criterion("1", "x", proven_by=(Proof(command="watch"),)).needs_signature
    assert Criterion("1", "x", decided_by=(3,), signed=True).needs_signature


def test_what_is_written_in_a_plan_is_checked_as_it_is_read() -> None:
    with pytest.raises(msgspec.ValidationError, match=r"`float` >= 0.0"):
        msgspec.convert({"command": "watch", "lasts_hours": -1}, Proof)
    noon = datetime(2025, 1, 1, 12, tzinfo=UTC)
    assert msgspec.convert({"begins": noon, "ends": noon}, Window).begins == noon
    with pytest.raises(msgspec.ValidationError, match="with a timezone"):
        msgspec.convert({"begins": noon.replace(tzinfo=None), "ends": noon}, Window)


def test_a_metric_with_a_query_is_of_the_project_s_own() -> None:
    assert Metric(name="queue", sql="SELECT 1").own
    assert Metric(name="queue", promql="up").own
    assert not Metric(name="connections.share", max=0.5).own


def test_codes_are_those_of_the_table_with_and_without_its_schema() -> None:
    migration = Migration("a", codes=["unit.code", "public.unit.kind", "other.unit.name", "units.code"])
    assert migration.find_codes("public", "unit") == {"code", "kind"}


def test_what_is_not_declared_does_nothing() -> None:
    assert Migration("a").load is declares_none
    assert declares_none(1, seed=2) is None  # type: ignore[func-returns-value]  # that is what it says
