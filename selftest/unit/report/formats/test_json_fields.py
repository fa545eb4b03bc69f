"""What a schema says of a version: the one that there is, and when it changes."""

from typing import Annotated

import msgspec

from postmigration.report.formats.json_fields import describe_version


def test_a_schema_takes_this_version_alone() -> None:
    schema = msgspec.json.schema(Annotated[int, describe_version(7)])
    assert (schema["type"], schema["const"]) == ("integer", 7)
    assert schema["description"].startswith("Raised when something that stands here changes its meaning")
