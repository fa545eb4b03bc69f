"""The checks of any database that was moved or migrated: they know PostgreSQL, and no application."""

from postmigration.model.migration import Migration

# What is judged where no project declares a migration: nothing may have changed.
MIGRATION = Migration(name="database against its state before")
