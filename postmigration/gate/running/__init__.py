"""How checks run: in which order, what is said meanwhile, and what becomes of those that a run did not come to."""
