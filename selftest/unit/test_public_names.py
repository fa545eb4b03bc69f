"""Names of the public API are imported when somebody first needs them."""

import pytest

from postmigration.model.errors import CannotJudge
from postmigration.model.verdict import GO
from postmigration.public_names import find_names


def test_a_name_is_found_where_it_is_private() -> None:
    find = find_names("postmigration", {"model.errors": ["CannotJudge"], "model.verdict": ["GO", "Verdict"]})
    assert find("CannotJudge") is CannotJudge
    assert find("GO") == GO


def test_no_other_name_of_a_module_is_public() -> None:
    find = find_names("postmigration.testing", {"model.errors": ["CannotJudge"]})
    with pytest.raises(AttributeError, match=r"^module 'postmigration\.testing' has no attribute 'NotJudged'$"):
        find("NotJudged")
