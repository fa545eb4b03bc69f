"""Every object of the schema is there, and as strong as it was."""

from __future__ import annotations

from postmigration import Target
from postmigration.checks.object_checks import report_objects


def test_schemas_are_there(target: Target) -> None:
    """Every schema of before is there.

    Impact: All that stood in it is gone.

    Likely causes: The tool moved one schema alone.

    Fix: Copy the schema from the state before.
    """
    report_objects(target, "schemas")


def test_tables_are_as_before(target: Target) -> None:
    """Every table is there, is still a table, and survives a crash.

    Impact: Its rows are gone, or an application that writes them fails.

    Likely causes: A table was left out, renamed behind a view, or left UNLOGGED after a fast load.

    Fix: Create the table as it was and copy its rows; SET LOGGED what was unlogged for the load.
    """
    report_objects(target, "tables")


def test_columns_are_as_before(target: Target) -> None:
    """Every column is there with its type, NOT NULL, default, identity, generation expression and collation.

    Impact: New rows come without a value, or with a value that the column refused before the migration.

    Likely causes: Tools that copy rows create bare columns.

    Fix: Run the statement that each finding names.
    """
    report_objects(target, "columns")


def test_constraints_are_as_before(target: Target) -> None:
    """Every constraint is there, validated, enforced, and demands what it demanded, under whatever name.

    Impact: Wrong rows are taken without an error, and joins lose or double rows.

    Likely causes: The restore could not create it over wrong rows and went on, or it was put in as NOT VALID.

    Fix: Repair the rows that violate it, then create or validate it.
    """
    report_objects(target, "constraints")


def test_indexes_are_as_before(target: Target) -> None:
    """Every index is there, valid, and over the same columns, under whatever name.

    Impact: Queries read whole tables, and what a unique index refused comes in twice.

    Likely causes: Services that move rows leave secondary indexes out; CREATE INDEX CONCURRENTLY failed half-way.

    Fix: Create the index, or REINDEX INDEX CONCURRENTLY.
    """
    report_objects(target, "indexes")


def test_triggers_and_rules_fire(target: Target) -> None:
    """Every trigger, rule and event trigger is there, enabled, and does what it did; there is no other one.

    Impact: What the database did by itself (stamps, logs, totals) is not done any more, without an error.

    Likely causes: A load with disabled triggers ended in an error, or the function of the trigger was missing at
    that moment.

    Fix: Enable or create it; look at what was written meanwhile.
    """
    report_objects(target, "triggers")


def test_row_level_security_is_as_before(target: Target) -> None:
    """Row-level security is on where it was on, and every policy is as it was; there is no other one.

    Impact: People see, change or add rows that they must not, or no longer find their own.

    Likely causes: Policies live outside the migrations, or were created without switching row-level security on.

    Fix: Run the statement that each finding names before anybody is let in.
    """
    report_objects(target, "row_security")


def test_views_show_what_they_showed(target: Target) -> None:
    """Every view and materialized view is there, reads the same, and with the rights of the same role.

    Impact: Reports fail, or show other rows, or show them to the wrong people.

    Likely causes: A view over what did not exist yet could not be created; an option (security_invoker) was not
    carried.

    Fix: Create it again from the definition of before.
    """
    report_objects(target, "views")


def test_functions_do_what_they_did(target: Target) -> None:
    """Every function is there and does what it did, with the same rights, path and promises.

    Impact: Calls fail or do something else, or run with more rights than their callers should have.

    Likely causes: It was created again from another source, or without its attributes.

    Fix: Run the statement that each finding names.
    """
    report_objects(target, "functions")


def test_types_are_as_before(target: Target) -> None:
    """Every type is there: enums with their labels in order, domains with their base and checks.

    Impact: Values are refused, sorted otherwise, or no longer checked.

    Likely causes: Tools turn enums and domains into text, or create them with the labels in another order.

    Fix: Create the type as it was, and set the columns to it.
    """
    report_objects(target, "types")


def test_sequences_are_as_before(target: Target) -> None:
    """Every sequence is there, with its type, increment, limits and owner.

    Impact: Inserts fail, or keys collide.

    Likely causes: Identity columns and sequences were not carried.

    Fix: Run the statement that each finding names; then set it behind the values of its column.
    """
    report_objects(target, "sequences")


def test_partitions_and_children_are_attached(target: Target) -> None:
    """Every child table is attached to its parent, and partitions take all keys that they took.

    Impact: Rows are not seen through the parent, or new ones are refused.

    Likely causes: Children were copied as tables of their own; a partition was left out.

    Fix: Attach it, or create the partition that takes the keys.
    """
    report_objects(target, "inheritance")


def test_publications_are_as_before(target: Target) -> None:
    """Every publication publishes what it published, and every table has its replica identity.

    Impact: Subscribers silently get less, or UPDATE and DELETE of a published table fail.

    Likely causes: Publications belong to no schema, and replica identities are carried by few tools.

    Fix: Run the statement that each finding names.
    """
    report_objects(target, "publications")


def test_foreign_servers_are_as_before(target: Target) -> None:
    """Every foreign server and user mapping is there.

    Impact: Queries of foreign tables fail.

    Likely causes: What is needed to log in elsewhere is left out of copies.

    Fix: Create it, with the password of the remote server.
    """
    report_objects(target, "servers")


def test_other_objects_are_there(target: Target) -> None:
    """Every operator, cast, collation, text search configuration and language is there.

    Impact: Statements that use it fail, or sort and search otherwise.

    Likely causes: It stood in a schema that was left out.

    Fix: Create it as it was.
    """
    report_objects(target, "others")


def test_comments_and_storage_are_as_before(target: Target) -> None:
    """Comments, storage options and statistics objects are as they were.

    Impact: Tools that read comments (an API, for one) show something else; plans and the room that tables take may
    change.

    Likely causes: Few tools carry them.

    Fix: Run the statement that each finding names.
    """
    report_objects(target, "storage")
