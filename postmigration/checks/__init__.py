"""What a check can state about a database."""
