"""Makes the schema of validation.json from its types, as `python -m selftest.schema > FILE`."""

import json

import msgspec

from postmigration.report.formats.json_fields import Finished, Unfinished


def make_schema() -> str:
    """The schema of validation.json as JSON."""
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
    return json.dumps(schema, indent=2) + "\n"


if __name__ == "__main__":
    print(make_schema(), end="")
