"""Who sees which rows and may do what."""
