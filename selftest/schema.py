"""Makes the JSON schemas of the package from the types of what they describe, as `python -m selftest.schema`."""

import inspect
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

import postmigration
from postmigration.model.migration_file import MigrationFile
from postmigration.report.formats.json_fields import Finished, Unfinished


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
    (finished, unfinished), parts = msgspec.json.schema_components(
        (Finished, Unfinished), ref_template="#/$defs/{name}"
    )
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "validation.json",
        "description": "What one run of postmigration came to. Until a run has come to its verdict, the file says that "
        "it is not finished: a database may go live only when verdict.go is true.",
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
    title = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "migration.toml",
        "description": "What a migration changes on purpose; everything else must be as it was.",
    }
    return render_schema({**title, **schema})


SCHEMAS: Mapping[Path, Callable[[], str]] = {
    Path(postmigration.__file__).parent / "report" / "validation.schema.json": describe_validation,
    Path(postmigration.__file__).parent / "model" / "migration.schema.json": describe_migration,
}


if __name__ == "__main__":
    for file, describe in SCHEMAS.items():
        file.write_text(describe())
