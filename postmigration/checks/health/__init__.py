"""What health checkers know of a database: damage, statistics, collations, ages, and what a tool left behind."""
