"""What is said: the migration, what is found and the verdict, as data and pure functions."""
