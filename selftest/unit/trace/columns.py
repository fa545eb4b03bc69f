"""Columns of before and of now, for what follows from them."""

from postmigration.checks.contents.tables import Column
from postmigration.trace.reading import Field, own_field


def column(name: str, root: str = "text") -> Column:
    """A column of now, that may hold no value."""
    return Column(name, root, False, "", root, root, 1)


def made(name: str, root: str = "text") -> Field:
    """What a row of before has in a column."""
    return own_field(column(name, root))
