"""Proof of the comparison, row by row: what differs is found, and what does not is not accused."""
