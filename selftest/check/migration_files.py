"""Files of migration tools that fit the ledgers of `ledgers.sql`, what can go wrong with them, and what may be so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Change:
    """A change of files or ledgers that is sound.

    Args:
        files: the content of files; None of one that is deleted.
        sql: what changes in the ledgers.
    """

    files: Mapping[str, str | None] = field(default_factory=dict)
    sql: str = "SELECT 1"


@dataclass(frozen=True)
class Fault(Change):
    """A change that is not.

    Args:
        words: what is said of it.
        level: how grave it is.
        check: the check that says so.
    """

    words: str = ""
    level: str = "blocker"
    check: str = "migration_files_are_what_was_applied"


def revise(name: str, *before: str, more: str = "") -> str:
    """A revision of Alembic; it must not be run."""
    after = repr(before[0] if len(before) == 1 else before or None)
    return f"raise SystemExit('run')\nrevision: str = {name!r}\ndown_revision = {after}\n{more}\n"


def migrate(*replaces: str) -> str:
    """A migration of Django's application `shop`; it must not be run."""
    replaced = f"    replaces = {[('shop', name) for name in replaces]}\n" if replaces else ""
    return f"raise SystemExit('run')\nclass Migration(migrations.Migration):\n{replaced}    dependencies = []\n"


# Published values of CRC-32 (as a signed integer) and SHA-256: of 123456789, of nothing, and of abc.
_CRC, _CRC_OF_NOTHING = -873187034, 0
_SHA = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

FILES: Mapping[str, str] = {
    "alembic/versions/first.py": revise("ae1027a6acf"),
    "manage.py": "raise SystemExit('run')",
    "shop/migrations/__init__.py": "raise SystemExit('run')",
    "shop/migrations/0001_initial.py": migrate(),
    "shop/migrations/0002_total.py": migrate(),
    "db/migration/V1__init.sql": "12345\n6789\n",
    "db/migration/more/V2__total.sql": "",
    "db/migration/R__views.sql": "123456789",
    "prisma/migrations/migration_lock.toml": "",
    "prisma/migrations/20240101_init/migration.sql": "abc",
    "prisma/migrations/20240201_total/migration.sql": "abc",
    "supabase/migrations/20240101_init.sql": "",
    "supabase/migrations/20240201_total.sql": "",
    "migrations/6_init.up.sql": "",
    "migrations/7_total.up.sql": "",
    "migrations/7_total.down.sql": "",
    "db/migrations/20240101000000_init.sql": "-- migrate:up\n",
    "db/migrations/20240201000000_total.sql": "-- migrate:up\n",
    "db/migrations/20240301000000_more.sql": "-- migrate:up\n",
    "db/migrate/20240101000000_init.rb": "",
    "db/migrate/20240201000000_total.rb": "",
    "db/migrate/more/20240301000000_more.rb": "",
}
SQL = f"""
    UPDATE flyway_schema_history SET checksum = {_CRC} WHERE version = '1' OR version IS NULL;
    UPDATE flyway_schema_history SET checksum = {_CRC_OF_NOTHING} WHERE version = '2';
    UPDATE _prisma_migrations SET checksum = '{_SHA}'"""

_FLYWAY = "INSERT INTO flyway_schema_history VALUES (4, '{}', 'x', '{}', '{}', NULL, 'app', now(), 1, true)"
_DJANGO = "INSERT INTO django_migrations (app, name, applied) VALUES ('shop', '{}', now())"

FAULTS = (
    Fault(
        {
            "alembic/versions/b.py": revise("bf2138b7bd0", "ae1027a6acf"),
            "alembic/versions/a.py": revise("c", "bf2138b7bd0"),
        },
        words="alembic_version (Alembic): 2 migrations are pending: bf2138b7bd0, c (run alembic upgrade heads)",
    ),
    Fault(
        sql="UPDATE alembic_version SET version_num = 'feed'",
        words="alembic_version (Alembic): feed is in it and has no file in",
    ),
    Fault(
        {"alembic/versions/b.py": revise("b", "ae1027a6acf"), "alembic/versions/c.py": revise("c", "ae1027a6acf")},
        "UPDATE alembic_version SET version_num = 'b'",
        "alembic_version (Alembic): 1 migration is pending: c",
    ),
    Fault({"alembic/versions/first.py": revise("ae1027a6acf", "gone")}, words="(Alembic): gone has no file in"),
    Fault(
        sql="DROP TABLE alembic_version", words="holds 1 migration, and the database has no ledger of it: none is known"
    ),
    Fault(
        {"shop/migrations/0003_more.py": migrate()},
        words="django_migrations (Django): 1 migration is pending: shop.0003_more (run manage.py migrate)",
    ),
    Fault({"blog/migrations/0001_initial.py": migrate()}, words="(Django): 1 migration is pending: blog.0001_initial"),
    Fault(
        sql=_DJANGO.format("0003_more"), words="django_migrations (Django): shop.0003_more is in it and has no file in"
    ),
    Fault(
        {
            "shop/migrations/0001_squashed_0003_more.py": migrate("0001_initial", "0002_total", "0003_more"),
            "shop/migrations/0003_more.py": migrate(),
        },
        words="(Django): 1 migration is pending: shop.0003_more",
    ),
    Fault(
        {"shop/migrations/0001_initial.py": None},
        words="django_migrations (Django): shop.0001_initial has no file in",
        level="warning",
    ),
    Fault(
        {"db/migration/V3__more.sql": "", "db/migration/R__rights.sql": ""},
        words="(Flyway): 2 migrations are pending: V3__more.sql, R__rights.sql (run flyway migrate)",
    ),
    Fault({"db/migration/R__views.sql": "new"}, words="pending: R__views.sql (changed since it ran)"),
    Fault({"db/migration/V1__init.sql": "12345 6789"}, words="(Flyway): V1__init.sql is not what ran"),
    Fault(
        {"db/migration/more/V2__total.sql": None}, words="flyway_schema_history (Flyway): 2 is in it and has no file in"
    ),
    Fault(
        {"prisma/migrations/20240301_more/migration.sql": ""},
        "INSERT INTO _prisma_migrations (id, checksum, migration_name) VALUES ('d', 'x', '20240301_more')",
        "_prisma_migrations (Prisma): 1 migration is pending: 20240301_more (run prisma migrate deploy)",
    ),
    Fault(
        {"prisma/migrations/20240101_init/migration.sql": "abc "},
        words="_prisma_migrations (Prisma): 20240101_init is not what ran: its checksum is not the ledger's",
    ),
    Fault(
        {"prisma/migrations/20240201_total/migration.sql": None},
        words="_prisma_migrations (Prisma): 20240201_total is in it and has no file in",
    ),
    Fault(
        {"supabase/migrations/20240301_more.sql": ""},
        words="schema_migrations (Supabase): 1 migration is pending: 20240301_more.sql (run supabase db push)",
    ),
    Fault(
        {"supabase/migrations/20240101_init.sql": None},
        words="schema_migrations (Supabase): 20240101 is in it and has no file in",
    ),
    Fault(
        {"migrations/10_more.up.sql": "", "migrations/8_more.up.sql": ""},
        words="(golang-migrate): 2 migrations are pending: 8_more.up.sql, 10_more.up.sql (run migrate up)",
    ),
    Fault({"migrations/7_total.up.sql": None}, words="(golang-migrate): 7 is in it and has no file in"),
    Fault(
        {"db/migrations/20240401000000_new.sql": "-- migrate:up\n"},
        words="rails.schema_migrations (dbmate): 1 migration is pending: 20240401000000_new.sql (run dbmate up)",
    ),
    Fault(
        {"db/migrations/20240301000000_more.sql": None},
        words="rails.schema_migrations (dbmate): 20240301000000 is in it and has no file in",
    ),
    Fault(
        {"db/migrate/20240215000000_new.rb": ""},
        words="rails.schema_migrations (Rails): 1 migration is pending: 20240215000000_new.rb (run rails db:migrate)",
    ),
    Fault(
        {"db/migrate/20240201000000_total.rb": None},
        words="rails.schema_migrations (Rails): 20240201000000 is in it and has no file in",
    ),
    Fault(
        {"db/migrate/20240101000000_init.rb": None},
        words="rails.schema_migrations (Rails): 20240101000000 has no file in",
        level="warning",
    ),
)

SOUND = {
    "nothing changed": Change(),
    "two heads, both applied": Change(
        {"alembic/versions/b.py": revise("b", "ae1027a6acf"), "alembic/versions/c.py": revise("c", "ae1027a6acf")},
        "UPDATE alembic_version SET version_num = 'b'; INSERT INTO alembic_version VALUES ('c')",
    ),
    "branches that were merged": Change(
        {
            "alembic/versions/b.py": revise("b", "ae1027a6acf"),
            "alembic/versions/c.py": revise("c", "ae1027a6acf"),
            "alembic/versions/d.py": revise("d", "b", "c"),
        },
        "UPDATE alembic_version SET version_num = 'd'",
    ),
    "a branch that another one needs": Change(
        {
            "alembic/versions/b.py": revise("b0b1", more="branch_labels = ('more',)"),
            "alembic/versions/c.py": revise("c", "ae1027a6acf", more="depends_on = 'more'"),
            "alembic/versions/e.py": revise("e", "c", more="depends_on = ['b0b']"),
            "alembic/versions/helper.py": "raise SystemExit('run')",
        },
        "UPDATE alembic_version SET version_num = 'e'",
    ),
    "squashed, the old files kept": Change(
        {"shop/migrations/0001_squashed_0002_total.py": migrate("0001_initial", "0002_total")}
    ),
    "squashed, the old files deleted": Change(
        {
            "shop/migrations/0001_squashed_0002_total.py": migrate("0001_initial", "0002_total"),
            "shop/migrations/0001_initial.py": None,
            "shop/migrations/0002_total.py": None,
            "shop/migrations/_helper.py": "raise SystemExit('run')",
            "shop/migrations/helper.py": "raise SystemExit('run')",
        },
        _DJANGO.format("0001_squashed_0002_total"),
    ),
    "half of what a squashed one replaces": Change(
        {"shop/migrations/0001_squashed_0003_more.py": migrate("0001_initial", "0002_total", "0003_more")}
    ),
    "an application with another label": Change(
        {
            "store/apps.py": "raise SystemExit('run')\nclass Store(AppConfig):\n    label = 'auth'\n",
            "store/migrations/0001_initial.py": migrate(),
        }
    ),
    "versions written another way, and undo files": Change(
        {
            "db/migration/V1__init.sql": None,
            "db/migration/V01_0__init.sql": "\ufeff12345\r\n6789",
            "db/migration/U2__total.sql": "",
            "db/migration/afterMigrate.sql": "",
        }
    ),
    "a baseline of Flyway": Change(
        {"db/migration/V0_5__old.sql": "", "db/migration/B2__all.sql": "x"}, _FLYWAY.format("0.9", "BASELINE", "x")
    ),
    "a baseline file of Flyway that was applied": Change(
        {"db/migration/V3__old.sql": "", "db/migration/B4__all.sql": ""},
        _FLYWAY.format("4", "SQL_BASELINE", "B4__all.sql"),
    ),
    "a migration in Java": Change(sql=_FLYWAY.format("3", "JDBC", "db.V3__x")),
    "the ends of lines of another system": Change(
        {"prisma/migrations/20240101_init/migration.sql": "hello\r\n"},
        "UPDATE _prisma_migrations SET checksum = encode(sha256('hello\n'), 'hex') WHERE id = 'a'",
    ),
    "a checksum without zeros": Change(
        sql="UPDATE _prisma_migrations SET checksum = "
        "'ba7816bf8f1cfea414140de5dae2223b0361a396177a9cb410ff61f2015ad' WHERE id = 'a'"
    ),
    "the first migration of an early Supabase": Change({"supabase/migrations/20200101000000_init.sql": ""}),
    "versions with zeros before them": Change(
        {"migrations/6_init.up.sql": None, "migrations/000006_init.up.sql": "", "migrations/9_down.down.sql": ""}
    ),
    "a file of Rails with zeros before its version": Change(
        {"db/migrate/001_old.rb": "", "db/migrations/001_old.sql": "-- migrate:up"},
        "INSERT INTO rails.schema_migrations VALUES ('001')",
    ),
}


def write(root: Path, change: Change) -> Path:
    """Writes the files with a change, and gives their directory."""
    for name, content in {**FILES, **change.files}.items():
        if content is not None:
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8", newline="")
    return root
