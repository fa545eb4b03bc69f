"""How a table is read: in one scan, and a large one by several connections at once."""
