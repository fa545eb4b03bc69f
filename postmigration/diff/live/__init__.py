"""Databases that are written to while they are compared."""
