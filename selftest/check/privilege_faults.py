"""What can go wrong with privileges, owners and settings of the world, one fault each."""

from __future__ import annotations

from selftest.check.object_faults import Fault

BLOCKERS = (
    Fault(
        "REVOKE GRANT OPTION FOR SELECT ON sales.shirt FROM check_reader",
        "test_privileges",
        "check_reader may no longer grant SELECT on table sales.shirt to others",
    ),
    # Privileges
    Fault(
        "REVOKE SELECT ON sales.tariff FROM anon", "test_privileges", "anon no longer has SELECT on table sales.tariff"
    ),
    Fault("REVOKE USAGE ON SCHEMA sales FROM anon", "test_privileges", "anon no longer has USAGE on schema sales"),
    Fault(
        "REVOKE INSERT ON sales.invoice FROM authenticated",
        "test_privileges",
        "no longer has INSERT on table sales.invoice",
    ),
    Fault(
        "REVOKE UPDATE (what) ON sales.event FROM check_reader",
        "test_privileges",
        "UPDATE on column what of table sales.event",
    ),
    Fault(
        "REVOKE USAGE ON SEQUENCE sales.numbers FROM check_reader", "test_privileges", "USAGE on sequence sales.numbers"
    ),
    Fault(
        "REVOKE EXECUTE ON FUNCTION tools.mine() FROM authenticated",
        "test_privileges",
        "EXECUTE on function tools.mine()",
    ),
    Fault("REVOKE USAGE ON TYPE sales.stage FROM check_reader", "test_privileges", "USAGE on type sales.stage"),
    Fault(
        "REVOKE USAGE ON TYPE sales.parcel FROM PUBLIC",
        "test_privileges",
        "PUBLIC no longer has USAGE on type sales.parcel",
    ),
    Fault(
        "REVOKE USAGE ON FOREIGN SERVER far FROM check_reader",
        "test_privileges",
        "check_reader no longer has USAGE on foreign server far",
    ),
    Fault(
        "REVOKE USAGE ON FOREIGN DATA WRAPPER nowhere FROM check_reader",
        "test_privileges",
        "check_reader no longer has USAGE on foreign-data wrapper nowhere",
    ),
    Fault(
        "SELECT format('REVOKE CONNECT ON DATABASE %I FROM PUBLIC', current_database()) \\gexec",
        "test_privileges",
        "PUBLIC no longer has CONNECT on the database",
    ),
    Fault(
        "GRANT EXECUTE ON FUNCTION tools.mine() TO PUBLIC",
        "test_privileges",
        "PUBLIC now has EXECUTE on function tools.mine()",
    ),
    Fault(
        "GRANT INSERT ON sales.tariff TO anon",
        "test_privileges",
        "anon now has INSERT on table sales.tariff",
    ),
    Fault("GRANT SELECT ON sales.tariff TO PUBLIC", "test_privileges", "PUBLIC now has SELECT on table sales.tariff"),
    Fault("GRANT TRUNCATE ON sales.client TO authenticated", "test_privileges", "does not stop TRUNCATE"),
    Fault(
        "GRANT SELECT ON sales.open_invoice TO anon",
        "test_privileges",
        "anon now has SELECT on view sales.open_invoice",
    ),
    Fault(
        "GRANT SELECT ON sales.totals TO anon",
        "test_privileges",
        "anon now has SELECT on materialized view sales.totals",
    ),
    Fault("GRANT SELECT (price) ON sales.tariff TO authenticated", "test_privileges", "SELECT on column price"),
    Fault(
        "CREATE TABLE sales.copy (id integer); GRANT SELECT ON sales.copy TO anon",
        "test_privileges",
        "SELECT on table sales.copy",
    ),
    Fault(
        "ALTER DEFAULT PRIVILEGES IN SCHEMA sales REVOKE SELECT ON TABLES FROM check_reader",
        "default_privileges",
        "no longer grant SELECT on tables to check_reader",
    ),
    # Settings
    Fault(
        "SELECT format('ALTER DATABASE %I RESET search_path', current_database()) \\gexec",
        "settings",
        "search_path was sales, public, is not set",
    ),
    Fault(
        "SELECT format('ALTER ROLE check_owner IN DATABASE %I SET row_security = off', current_database()) \\gexec",
        "settings",
        "row_security was not set, is off",
    ),
    Fault(
        "SELECT format('ALTER DATABASE %I SET session_replication_role = replica', current_database()) \\gexec",
        "settings",
        "neither triggers nor foreign keys count",
    ),
)

WARNINGS = (
    Fault(
        "ALTER TABLE sales.tariff OWNER TO postgres", "owners", "was check_owner, is postgres: of table sales.tariff"
    ),
    Fault("GRANT DELETE ON sales.invoice TO authenticated", "test_privileges", "authenticated now has DELETE on table"),
    Fault(
        "SELECT format('GRANT CREATE ON DATABASE %I TO anon', current_database()) \\gexec",
        "test_privileges",
        "anon now has CREATE on the database",
    ),
    Fault("GRANT USAGE ON FOREIGN SERVER far TO anon", "test_privileges", "anon now has USAGE on foreign server far"),
    Fault("GRANT USAGE ON TYPE sales.stage TO PUBLIC", "test_privileges", "PUBLIC now has USAGE on type sales.stage"),
    Fault(
        "ALTER DEFAULT PRIVILEGES IN SCHEMA sales GRANT SELECT ON TABLES TO anon",
        "default_privileges",
        "grant SELECT on tables to anon, and did not",
    ),
    Fault(
        "SELECT format('ALTER DATABASE %I RESET work_mem', current_database()) \\gexec", "settings", "work_mem was 8MB"
    ),
)
