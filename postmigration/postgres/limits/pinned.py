"""Settings that are the same in every transaction, wherever it runs."""

# A value must read the same whatever the server, the database or the role has set.
PINNED = {
    "TimeZone": "UTC",
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "postgres",
    "extra_float_digits": "1",
    "bytea_output": "hex",
    "lc_monetary": "C",
    "xmloption": "content",
    "standard_conforming_strings": "on",
    "quote_all_identifiers": "off",
    # A CHECK whose function was replaced since would keep the planner from reading rows that are there.
    "constraint_exclusion": "off",
    # A role that row-level security filters would see less without a word; off turns that into an error.
    "row_security": "off",
    # The snapshot waits while other work goes on.
    "idle_in_transaction_session_timeout": "0",
    "transaction_timeout": "0",
}
