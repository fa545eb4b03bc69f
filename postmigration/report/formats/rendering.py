"""The templates of the reports. All that comes from a database is escaped by them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jinja2

DIRECTORY = Path(__file__).parent.parent / "templates"
_ENVIRONMENT = jinja2.Environment(
    loader=jinja2.FileSystemLoader(DIRECTORY),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=jinja2.StrictUndefined,
)
_ENVIRONMENT.filters["thousands"] = "{:,}".format


def render(name: str, **values: Any) -> str:
    """A template with its values, each of them escaped for HTML."""
    return _ENVIRONMENT.get_template(name).render(**values)
