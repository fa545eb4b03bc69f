"""Makes the JSON schemas of the package from the types of what they describe, as `python -m selftest.schema`."""

import inspect
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

import postmigration
from postmigration.deployment.output import plan_object
from postmigration.deployment.plan_file import DeploymentFile
from postmigration.fleet.fleet_file import FleetFile
from postmigration.model.migration_file import MigrationFile
from postmigration.report.formats import json_fields


def clean_descriptions(schema: Any) -> Any:
    """Strips the indentation of docstrings from every description: msgspec does so from its release 0.23 on."""
    if isinstance(schema, dict):
        return {
            key: inspect.cleandoc(value)
            if key == "description" and isinstance(value, str)
            else clean_descriptions(value)
            for key, value in schema.items()
        }
    return [clean_descriptions(value) for value in schema] if isinstance(schema, list) else schema


def render_schema(schema: dict[str, Any]) -> str:
    """Renders a schema as the package holds it."""
    return json.dumps(clean_descriptions(schema), indent=2) + "\n"


def describe_validation() -> str:
    """Makes the schema of validation.json."""
    return _describe_result(
        "validation.json",
        "What one run of postmigration came to. Until a run has come to its verdict, the file says that it is not "
        "finished: a database may go live only when verdict.go is true.",
        json_fields.Finished,
        json_fields.Unfinished,
    )


def describe_plan() -> str:
    """Makes the schema of deployment.json."""
    return _describe_result(
        "deployment.json",
        "What postmigration plan found. Until the plan was judged, the file says that it is not finished: a phase may "
        "begin only when ready is true.",
        plan_object.Finished,
        plan_object.Unfinished,
    )


def _describe_result(title: str, description: str, when_finished: type, until_then: type) -> str:
    types = (when_finished, until_then)
    (finished, unfinished), parts = msgspec.json.schema_components(types, ref_template="#/$defs/{name}")
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        "description": description,
        "type": "object",
        "required": ["schema_version", "finished"],
        "if": {"properties": {"finished": {"const": True}}},
        "then": finished,
        "else": unfinished,
        "$defs": parts,
    }
    return render_schema(schema)


def describe_migration() -> str:
    """Makes the schema of migration.toml, for editors."""
    schema = msgspec.json.schema(MigrationFile)
    # An entry of the file may name several tables, columns or objects.
    for part in schema["$defs"].values():
        for field in {"table", "column", "object"} & part["properties"].keys() if "kind" in part["properties"] else ():
            name = part["properties"][field]
            part["properties"][field] = {"anyOf": [name, {"type": "array", "minItems": 1, "items": name}]}
    title = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "migration.toml",
        "description": "What a migration changes on purpose; everything else must be as it was.",
    }
    return render_schema({**title, **schema})


def describe_fleet() -> str:
    """Makes the schema of fleet.toml, for editors."""
    schema = msgspec.json.schema(FleetFile)
    title = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "fleet.toml",
        "description": "Databases that are judged as one: where each is found, and how all of them are judged.",
    }
    return render_schema({**title, **schema})


def describe_deployment() -> str:
    """Makes the schema of deployment.toml, for editors."""
    title = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "deployment.toml",
        "description": "What must be so before each phase of a deployment begins, and what shows it.",
    }
    return render_schema({**title, **msgspec.json.schema(DeploymentFile)})


SCHEMAS: Mapping[Path, Callable[[], str]] = {
    Path(postmigration.__file__).parent / "report" / "validation.schema.json": describe_validation,
    Path(postmigration.__file__).parent / "model" / "migration.schema.json": describe_migration,
    Path(postmigration.__file__).parent / "fleet" / "fleet.schema.json": describe_fleet,
    Path(postmigration.__file__).parent / "deployment" / "deployment.schema.json": describe_deployment,
    Path(postmigration.__file__).parent / "deployment" / "plan.schema.json": describe_plan,
}


if __name__ == "__main__":
    for file, describe in SCHEMAS.items():
        file.write_text(describe())
