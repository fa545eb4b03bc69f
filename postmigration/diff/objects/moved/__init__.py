"""What protected the rows of a table, and must protect them in the table that has them now."""
