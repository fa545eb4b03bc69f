"""Where tables, columns and rows went, and the projects that are written of it."""
