"""Faults planted in worlds of our own, and the checks that must catch them."""
