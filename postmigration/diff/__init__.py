"""Row sets, tables, whole databases and fingerprints, compared."""
