"""The migration's own scripts: what they define, and what of it is missing in the database."""
