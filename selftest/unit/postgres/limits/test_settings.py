"""Settings of a transaction."""

from postmigration.postgres.limits.settings import configure
from selftest.unit.conftest import NewDatabase


def test_settings_are_made_one_after_the_other_and_end_with_the_transaction(new_database: NewDatabase) -> None:
    with new_database("").connect() as connection:
        configure(connection, {"unit.value": "first", "work_mem": "1MB", "role": "pg_read_all_data"})
        assert connection.exec_driver_sql("SELECT current_setting('unit.value')").scalar_one() == "first"
        assert connection.exec_driver_sql("SHOW work_mem").scalar_one() == "1MB"
        assert connection.exec_driver_sql("SELECT current_user").scalar_one() == "pg_read_all_data"
        connection.rollback()
        assert connection.exec_driver_sql("SELECT current_setting('unit.value', true)").scalar_one() in (None, "")
        assert connection.exec_driver_sql("SELECT current_user").scalar_one() != "pg_read_all_data"
