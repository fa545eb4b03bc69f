"""Migrations of Django's applications, which may replace others."""

from pathlib import Path

import pytest

from postmigration.checks.migration_files.django import Django
from selftest.unit.checks.migration_files.writing import apply, write

MIGRATION = "class Migration:\n    pass\n"
SQUASHED = "class Migration:\n    replaces = [('shop', '0001_initial'), ('shop', '0002_price')]\n"
FILES = {
    "manage.py": "",
    "shop/migrations/__init__.py": "",
    "shop/migrations/0001_initial.py": MIGRATION,
    "shop/migrations/0002_price.py": MIGRATION,
    "shop/migrations/0003_helpers.py": "VALUE = 1\n",
    "store/apps.py": "class StoreConfig:\n    name = 'store'\n    label = 'warehouse'\n",
    "store/migrations/0001_initial.py": MIGRATION,
}
ALL = ("shop.0001_initial", "shop.0002_price", "warehouse.0001_initial")


def test_applications_are_found_beside_manage_py(tmp_path: Path) -> None:
    write(tmp_path, FILES)
    assert Django.find(tmp_path, named=False) == [tmp_path]
    (tmp_path / "manage.py").unlink()
    assert Django.find(tmp_path, named=False) == []
    assert Django.find(tmp_path, named=True) == [tmp_path]
    # A file without a class Migration is none; the label is what apps.py says.
    files = Django([tmp_path], named=True)
    assert (files.count, {".".join(key) for key in files.replaces}) == (3, {*ALL})


@pytest.mark.parametrize(
    ("applied", "pending"),
    [
        (ALL, []),
        (ALL[:1], ["shop.0002_price", "warehouse.0001_initial"]),
    ],
    ids=["all", "one"],
)
def test_what_the_ledger_does_not_have_is_pending(tmp_path: Path, applied: tuple[str, ...], pending: list[str]) -> None:
    found = Django([write(tmp_path, FILES)], named=True).compare(apply(*applied))
    assert (found.pending, found.unknown, found.pruned) == (pending, [], [])


@pytest.mark.parametrize(
    ("applied", "pending"),
    [
        # It makes up for all that it replaces, or for nothing.
        ((), ["shop.0001_squashed", "warehouse.0001_initial"]),
        (ALL, []),
        (ALL[::2], ["shop.0002_price"]),
    ],
    ids=["nothing", "all", "half"],
)
def test_a_migration_may_replace_others(tmp_path: Path, applied: tuple[str, ...], pending: list[str]) -> None:
    write(tmp_path, {**FILES, "shop/migrations/0001_squashed.py": SQUASHED})
    assert Django([tmp_path], named=True).compare(apply(*applied)).pending == pending


def test_what_has_no_file_is_unknown_or_was_squashed(tmp_path: Path) -> None:
    found = Django([write(tmp_path, FILES)], named=True).compare(apply("shop.0000_first", *ALL, "shop.0004_late"))
    assert (found.pruned, found.unknown) == (["shop.0000_first"], ["shop.0004_late"])


def test_applications_of_one_side_are_told(tmp_path: Path) -> None:
    found = Django([write(tmp_path, FILES)], named=True).compare(apply(*ALL[:2], "auth.0001_initial"))
    assert found.unknown == []
    assert found.notes == [
        "applications in the ledger whose files are not here, and are compared with nothing: auth",
        "applications that the ledger has nothing of (not installed, or under another label?): warehouse",
    ]
