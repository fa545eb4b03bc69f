"""The files of migration tools, held against the ledgers of a database; no file is ever imported or run."""
