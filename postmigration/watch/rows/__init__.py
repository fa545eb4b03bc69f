"""What a watch reads of rows: those that were written since the migration, and whether they keep the rules."""
