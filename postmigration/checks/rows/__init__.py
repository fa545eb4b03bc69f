"""The rows of every table beside those of before, and beside what a migration declares."""
